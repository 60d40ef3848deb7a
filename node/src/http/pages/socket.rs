//! A page's own web socket: changes both ways as bytes, and who is at it, as JSON.
//!
//! The browser says nothing of who it is: the session does, and the node gives the writer's name. What it sends counts only
//! as far as admission lets it, and is durable before anybody hears of it.

mod frame;

use super::super::App;
use super::super::auth::Viewer;
use super::super::error::{Answered, CSRF};
use super::super::extract::{At, InQuery, Key};
use super::super::guard::is_origin_own;
use super::{attachments, hex};
use crate::pages::{Here, Said, Seat, Sheet, WriteError, Wrote};
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use protocol::document::Actor;
use protocol::ids::{EntryId, to_text};
use protocol::sync::here::{Place, Window};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval, timeout};

/// A burst of changes with room for its frame.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// A whole document as it is sent.
const SNAPSHOT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Sockets of pages in all.
const SOCKETS_MAX: usize = 1_000;
/// How long a browser may take to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// So that a dead connection is noticed by both sides.
const PING_EVERY: Duration = Duration::from_secs(25);
/// A browser answers pings by itself; one that is silent for longer is gone.
const SILENT_MAX: Duration = Duration::from_secs(70);
/// Cursors a browser may show in a second.
const CURSORS_PER_SECOND: u32 = 8;

/// What the browser said makes no sense.
const CLOSE_BAD: u16 = 4400;
/// It may not be here any more, or may not write any more.
const CLOSE_RIGHTS: u16 = 4403;
/// There is no such page for it.
const CLOSE_UNKNOWN: u16 = 4404;
/// It must open anew.
const CLOSE_RESET: u16 = 4409;
/// The page is longer than can be sent.
const CLOSE_LONG: u16 = 4413;
/// This site cannot show the page.
const CLOSE_QUARANTINED: u16 = 4423;
/// Too many are open; later.
const CLOSE_BUSY: u16 = 4429;

static SOCKETS: AtomicUsize = AtomicUsize::new(0);

/// A socket's slot, given back when it ends.
struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        let taken = SOCKETS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < SOCKETS_MAX).then_some(n + 1));
        taken.is_ok().then_some(Self)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        SOCKETS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a browser that comes back asks for.
#[derive(Deserialize)]
pub struct SocketQuery {
    /// The writer's name that it had.
    actor: Option<String>,
}

#[utoipa::path(get, path = "/pages/{id}/socket", tag = "pages", operation_id = "page_socket",
    params(("id" = String, Path), ("actor" = Option<String>, Query, description = "The writer's name that the browser had")),
    responses((status = 101, description = "a web socket; see the contract")))]
pub(in crate::http) async fn open(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(page)): At<Key<EntryId>>,
    InQuery(wanted): InQuery<SocketQuery>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answered<Response> {
    // A web socket is not bound to its origin by the browser, so it is here.
    if !is_origin_own(&uri, &headers) {
        return Err(CSRF.into());
    }
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        let code = match Slot::take() {
            None => CLOSE_BUSY,
            Some(_slot) => serve(&app, &viewer, page, wanted.actor.as_deref(), &mut socket).await,
        };
        if code != 0 {
            tracing::debug!(%page, code, "a window on a page is closed");
            let goodbye = CloseFrame { code, reason: Utf8Bytes::from_static("") };
            // A browser that takes nothing any more misses nothing by it.
            let _ = timeout(PATIENCE, socket.send(Message::Close(Some(goodbye)))).await;
        }
    }))
}

/// Serves one window until something ends it; answers the code to close with, 0 when the browser is gone.
async fn serve(app: &App, viewer: &Viewer, page: EntryId, actor: Option<&str>, socket: &mut WebSocket) -> u16 {
    let Ok((view, sheet)) = app.sheet(viewer.user, page) else { return CLOSE_UNKNOWN };
    let Some((actor, session)) = sheet.name(viewer.user, actor.and_then(parse_actor)).await else { return CLOSE_BUSY };
    let window = Opened { app, viewer, page, sheet, session, may_edit: view.may.edit, socket };
    window.run(actor).await.err().map_or(0, |Over(code)| code)
}

fn parse_actor(text: &str) -> Option<Actor> {
    let mut actor = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in actor.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(actor)
}

/// The window is over, with this code.
struct Over(u16);

/// What a browser says as text.
#[derive(Deserialize)]
struct Spoken {
    t: String,
    cursor: Option<Cursor>,
}

#[derive(Deserialize)]
struct Cursor {
    anchor: String,
    head: String,
}

/// What a browser calls a window. It sorts by nothing and proves nothing.
fn seat_text(seat: &Seat) -> String {
    let node = seat.node.as_ref().map_or(&[][..], |node| &node.0[..8]);
    to_text(&[node, &seat.session.to_be_bytes()].concat())
}

/// One browser's window on a page.
struct Opened<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    page: EntryId,
    sheet: Arc<Sheet>,
    session: u64,
    may_edit: bool,
    socket: &'a mut WebSocket,
}

impl Opened<'_> {
    async fn run(mut self, actor: Actor) -> Result<(), Over> {
        // What changes from now on is heard; what stands now is in the snapshot. What is in both does no harm.
        let mut said = self.sheet.listen();
        self.greet(actor).await?;
        // Whoever only reads is here, too.
        self.here(None);
        let ended = self.work(&mut said).await;
        self.sheet.leave(self.session);
        ended
    }

    async fn greet(&mut self, actor: Actor) -> Result<(), Over> {
        let opened = self.sheet.with(move |document| {
            (document.save(), document.heads(), document.count_of(&actor), document.is_quarantined())
        });
        let (bytes, heads, seq, quarantined) = opened.await.ok_or(Over(CLOSE_BUSY))?;
        if quarantined {
            return Err(Over(CLOSE_QUARANTINED));
        }
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(Over(CLOSE_LONG));
        }
        let heads: Vec<String> = heads.iter().map(hex).collect();
        let may_edit = self.may_edit;
        self.say(json!({ "t": "open", "actor": hex(actor), "may_edit": may_edit, "heads": heads, "seq": seq })).await?;
        self.push(Message::Binary(frame::snapshot(&bytes).into())).await?;
        for here in self.sheet.here() {
            self.show(&here).await?;
        }
        Ok(())
    }

    async fn work(&mut self, said: &mut tokio::sync::broadcast::Receiver<Said>) -> Result<(), Over> {
        let mut ping = interval(PING_EVERY);
        ping.tick().await;
        let mut heard = Instant::now();
        let mut cursors = (Instant::now(), 0);
        loop {
            tokio::select! {
                // What others say first: a browser that sends without end must not fall behind them.
                biased;
                told = said.recv() => match told {
                    Ok(told) => self.told(told).await?,
                    Err(RecvError::Lagged(_)) => return Err(Over(CLOSE_RESET)),
                    Err(RecvError::Closed) => return Err(Over(CLOSE_RESET)),
                },
                _ = ping.tick() => {
                    if heard.elapsed() > SILENT_MAX {
                        return Err(Over(0));
                    }
                    self.check()?;
                    self.push(Message::Ping(bytes::Bytes::new())).await?;
                }
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Binary(bytes))) => self.take(&bytes).await?,
                        Some(Ok(Message::Text(text))) => {
                            if cursors.0.elapsed() > Duration::from_secs(1) {
                                cursors = (Instant::now(), 0);
                            }
                            cursors.1 += 1;
                            // More than that is a browser gone wild: its cursor stands still for the rest of the second.
                            if cursors.1 <= CURSORS_PER_SECOND {
                                self.spoken(&text)?;
                            }
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Over(0)),
                        Some(Ok(_)) => {}
                    }
                }
            }
        }
    }

    /// Whether the person may still be here, and write if they could.
    fn check(&mut self) -> Result<(), Over> {
        if !self.app.local.login_stands(self.viewer.login.id, self.app.now()) {
            return Err(Over(CLOSE_RIGHTS));
        }
        let (user, page) = (self.viewer.user, self.page);
        match self.app.handle.read(|reader| reader.page(user, page)) {
            Some(view) if view.may.edit == self.may_edit => Ok(()),
            _ => Err(Over(CLOSE_RIGHTS)),
        }
    }

    async fn told(&mut self, told: Said) -> Result<(), Over> {
        match told {
            Said::Changes { from, changes } if from != Some(self.session) => {
                self.push(Message::Binary(frame::changes(&changes).into())).await
            }
            Said::Here(here) if here.seat != self.seat() => self.show(&here).await,
            Said::Gone(seat) => self.say(json!({ "t": "gone", "session": seat_text(&seat) })).await,
            Said::Rights => self.check(),
            Said::Reset => Err(Over(CLOSE_RESET)),
            Said::Changes { .. } | Said::Here(_) => Ok(()),
        }
    }

    fn seat(&self) -> Seat {
        Seat { node: None, session: self.session }
    }

    /// Says to all others that the person is here.
    fn here(&self, place: Option<Place>) {
        self.sheet.arrive(Window { session: self.session, user: self.viewer.user, place });
    }

    async fn show(&mut self, here: &Here) -> Result<(), Over> {
        let who = self.app.shape(self.viewer.user, |shaper| shaper.person_ref(here.user));
        let cursor = here.place.as_ref().map(|place| json!({ "anchor": place.anchor, "head": place.head }));
        let session = seat_text(&here.seat);
        self.say(json!({ "t": "here", "who": who, "session": session, "cursor": cursor })).await
    }

    fn spoken(&mut self, text: &str) -> Result<(), Over> {
        let spoken: Spoken = serde_json::from_str(text).map_err(|_| Over(CLOSE_BAD))?;
        if spoken.t != "here" {
            return Ok(());
        }
        let place = spoken.cursor.map(|cursor| Place { anchor: cursor.anchor, head: cursor.head });
        if place.as_ref().is_some_and(|place| !place.is_fit()) {
            return Err(Over(CLOSE_BAD));
        }
        self.here(place);
        Ok(())
    }

    /// A burst of changes.
    async fn take(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let changes = frame::parse(bytes).ok_or(Over(CLOSE_BAD))?;
        if !self.may_edit {
            return Err(Over(CLOSE_RIGHTS));
        }
        let (app, user) = (self.app, self.viewer.user);
        let files = |named: Vec<String>| attachments(app, self.viewer, &named);
        match self.sheet.write(user, self.session, changes, files).await {
            Ok(wrote) => self.answer(wrote).await,
            // Nothing is lost: the browser keeps what was not kept here, and comes back.
            Err(WriteError::Busy(_)) => Err(Over(CLOSE_RESET)),
            Err(WriteError::Refused(_)) => Err(Over(CLOSE_RIGHTS)),
        }
    }

    async fn answer(&mut self, wrote: Wrote) -> Result<(), Over> {
        if !wrote.kept.is_empty() {
            let hashes: Vec<String> = wrote.kept.iter().map(hex).collect();
            self.say(json!({ "t": "kept", "hashes": hashes })).await?;
        }
        if wrote.refused.is_empty() {
            return Ok(());
        }
        let hashes: Vec<String> = wrote.refused.iter().map(hex).collect();
        let (code, message) = match wrote.malformed {
            Some(why) => ("page_change_refused", why.to_string()),
            None => ("page_change_early", "builds on something that is not here".to_owned()),
        };
        self.say(json!({ "t": "refused", "hashes": hashes, "code": code, "message": message })).await
    }

    async fn say(&mut self, message: Value) -> Result<(), Over> {
        self.push(Message::Text(message.to_string().into())).await
    }

    async fn push(&mut self, message: Message) -> Result<(), Over> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over(0)),
        }
    }
}

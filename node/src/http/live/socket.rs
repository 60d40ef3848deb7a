//! One browser's live stream: from the shared ring, only what this person may see, merged when it comes fast.

use super::{Event, Live, Newest, Taken};
use crate::http::App;
use crate::http::auth::Viewer;
use crate::http::error::{Answered, ApiError, BUSY, CSRF};
use crate::http::guard::is_origin_own;
use crate::http::shape::group::UNREAD_MAX;
use crate::local::login::LoginId;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use protocol::control::op::Access;
use protocol::engine::effect::Notice;
use protocol::ids::GroupId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep_until, timeout};

/// Streams of one login: a window each.
const PER_LOGIN_MAX: usize = 8;
/// Streams in all.
const SOCKETS_MAX: usize = 1_000;
/// The only thing a browser says is where it stopped.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// How long a browser may take to say it, or to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a browser may take to take the goodbye of a node that stops.
const GOODBYE_WITHIN: Duration = Duration::from_millis(250);
/// So that a dead connection is noticed by both sides.
const PING_EVERY: Duration = Duration::from_secs(25);
/// A browser answers pings by itself; one that is silent for longer is gone.
const SILENT_MAX: Duration = Duration::from_secs(70);
/// Flushes a second, sustained; between two, notices of the same thing become one. A post and what it moves (delivery,
/// unread) are several: at fifty posts a second none may wait for the limit (goal P3).
const FLUSHES_PER_SECOND: u32 = 250;
/// Flushes at once after quiet.
const FLUSHES_BURST: u32 = 50;
/// Events read from the ring in one flush.
const EVENTS_PER_FLUSH: usize = 512;
/// Counting what is unread costs a look into the index, so a group's count goes out at most this often.
const UNREAD_EVERY: Duration = Duration::from_secs(1);
/// After a gap, counts of groups that moved shortly before it are sent again: they may not have arrived.
const UNREAD_LOOK_BACK: u64 = 128;
/// Groups of which a socket remembers whether they may be seen.
const SEEN_MAX: usize = 4_096;

/// How many streams there are.
#[derive(Debug, Default)]
pub(in crate::http) struct Sockets(Mutex<HashMap<LoginId, usize>>);

/// A stream's place, given back when it ends.
struct Place {
    live: Live,
    login: LoginId,
}

impl Place {
    fn take(live: &Live, login: LoginId) -> Option<Self> {
        let mut open = live.0.sockets.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.entry(login).or_default();
        if all >= SOCKETS_MAX || *own >= PER_LOGIN_MAX {
            return None;
        }
        *own += 1;
        Some(Self { live: live.clone(), login })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.live.0.sockets.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.login) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.login);
            }
        }
    }
}

/// The first message of a browser.
#[derive(Debug, Default, Deserialize)]
struct Opening {
    resume: Option<Resume>,
}

/// Where it stopped.
#[derive(Debug, Deserialize)]
struct Resume {
    epoch: String,
    after: u64,
}

#[utoipa::path(get, path = "/live", tag = "live", operation_id = "live",
    responses((status = 101, description = "a web socket; see the contract")))]
pub(in crate::http) async fn open(
    State(app): State<App>,
    viewer: Viewer,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answered<Response> {
    // A web socket is not bound to its origin by the browser, so it is here.
    if !is_origin_own(&uri, &headers) {
        return Err(CSRF.into());
    }
    let place = Place::take(&app.live, viewer.login.id).ok_or_else(|| ApiError::later(BUSY, 10))?;
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        app.metrics.live.inc();
        let stream = Stream::new(app.clone(), viewer, socket);
        stream.run().await;
        app.metrics.live.dec();
        drop(place);
    }))
}

/// The stream is over.
struct Over;

struct Stream {
    app: App,
    viewer: Viewer,
    socket: WebSocket,
    newest: watch::Receiver<Newest>,
    /// Everything up to this number has been dealt with.
    place: u64,
    seen: HashMap<GroupId, Sight>,
    unread: BTreeSet<GroupId>,
    unread_due: Instant,
    heard: Instant,
    flushes: Bucket,
}

/// What a person sees of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// A member.
    Inside,
    /// Anybody may read it.
    Open,
    /// Only that it exists.
    Listed,
    /// Nothing.
    Hidden,
}

impl Stream {
    fn new(app: App, viewer: Viewer, socket: WebSocket) -> Self {
        let now = Instant::now();
        Self {
            newest: app.live.watch(),
            place: 0,
            seen: HashMap::new(),
            unread: BTreeSet::new(),
            unread_due: now,
            heard: now,
            flushes: Bucket::new(now),
            app,
            viewer,
            socket,
        }
    }

    /// Works until the browser goes, the login ends or the node stops, of which the last is said to the browser.
    async fn run(mut self) {
        let mut newest = self.newest.clone();
        let stopped = async move { newest.wait_for(|newest| newest.stopping).await.map(drop) };
        tokio::select! {
            // Why a stream ends is of no interest: the browser comes back.
            _ = self.work() => return,
            _ = stopped => {}
        }
        let goodbye = CloseFrame { code: close_code::AWAY, reason: Utf8Bytes::from_static("stopping") };
        // A browser that takes nothing any more misses nothing by it.
        let _ = timeout(GOODBYE_WITHIN, self.socket.send(Message::Close(Some(goodbye)))).await;
    }

    async fn work(&mut self) -> Result<(), Over> {
        self.greet().await?;
        let mut ping = interval(PING_EVERY);
        ping.tick().await;
        loop {
            self.flush().await?;
            let behind = self.newest.borrow_and_update().n > self.place;
            let ready = self.flushes.next();
            tokio::select! {
                () = sleep_until(ready), if behind => {}
                changed = self.newest.changed(), if !behind => changed.map_err(|_| Over)?,
                () = sleep_until(self.unread_due), if !self.unread.is_empty() => self.send_unread().await?,
                _ = ping.tick() => self.ping().await?,
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_))) | Some(Err(_)) | None => return Err(Over),
                    Some(Ok(_)) => self.heard = Instant::now(),
                },
            }
        }
    }

    async fn greet(&mut self) -> Result<(), Over> {
        let opening = match timeout(PATIENCE, self.socket.recv()).await {
            Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str::<Opening>(&text).map_err(|_| Over)?,
            _ => return Err(Over),
        };
        let newest = self.app.live.newest();
        self.place = newest;
        let mut kind = "hello";
        if let Some(resume) = opening.resume {
            let known = resume.epoch == self.app.live.0.epoch;
            match self.app.live.take(resume.after, 1) {
                Taken::Events(_) if known => {
                    self.place = resume.after;
                    self.look_back(resume.after);
                }
                _ => kind = "reset",
            }
        }
        let hello = json!({ "type": kind, "epoch": self.app.live.0.epoch, "n": self.place });
        self.send(hello).await
    }

    fn look_back(&mut self, after: u64) {
        if let Taken::Events(events) = self.app.live.take(after.saturating_sub(UNREAD_LOOK_BACK), EVENTS_PER_FLUSH) {
            for (_, event) in events {
                if let Event::Notice(Notice::Post { group, .. }) = event {
                    self.unread.insert(group);
                }
            }
        }
    }

    /// Sends what came since the last time, the same thing once.
    async fn flush(&mut self) -> Result<(), Over> {
        if self.newest.borrow().n <= self.place || !self.flushes.take() {
            return Ok(());
        }
        let events = match self.app.live.take(self.place, EVENTS_PER_FLUSH) {
            Taken::Events(events) => events,
            Taken::Lost(n) => {
                self.place = n;
                self.seen.clear();
                return self.send(json!({ "type": "reset", "epoch": self.app.live.0.epoch, "n": n })).await;
            }
        };
        let Some((last, _)) = events.last() else { return Ok(()) };
        self.place = *last;
        let mut merged: BTreeMap<Event, u64> = BTreeMap::new();
        for (n, event) in events {
            merged.insert(event, n);
        }
        let mut ordered: Vec<(u64, Event)> = merged.into_iter().map(|(event, n)| (n, event)).collect();
        ordered.sort_by_key(|(n, _)| *n);
        for (n, event) in ordered {
            if let Some(mut message) = self.message(event)? {
                message["n"] = json!(n);
                self.send(message).await?;
                if message_ends(&self.viewer, &self.app) {
                    return Err(Over);
                }
            }
        }
        Ok(())
    }

    /// What this person is told of an event, if anything.
    fn message(&mut self, event: Event) -> Result<Option<Value>, Over> {
        Ok(match event {
            Event::Notice(notice) => self.notice(notice),
            Event::Pairing(id) => {
                let admin = self.viewer.require_organisation_admin(&self.app).is_ok();
                admin.then(|| json!({ "type": "pairing", "id": id.to_string() }))
            }
            Event::Read { user, group } => {
                if user == self.viewer.user {
                    self.unread.insert(group);
                    self.unread_due = Instant::now();
                }
                None
            }
            Event::Ended(login) => (login == self.viewer.login.id).then(|| json!({ "type": "ended" })),
        })
    }

    fn notice(&mut self, notice: Notice) -> Option<Value> {
        let text = |group: GroupId| group.to_string();
        match notice {
            Notice::Post { group, post } => {
                let sight = self.sight(group);
                if sight == Sight::Inside {
                    self.want_unread(group);
                }
                readable(sight).then(|| json!({ "type": "post", "group": text(group), "post": post.to_string() }))
            }
            Notice::PostChanged { group, post } => readable(self.sight(group))
                .then(|| json!({ "type": "post_changed", "group": text(group), "post": post.to_string() })),
            Notice::Comment { group, post, comment } => {
                readable(self.sight(group)).then(|| comment_message("comment", group, post, comment))
            }
            Notice::CommentChanged { group, post, comment } => {
                readable(self.sight(group)).then(|| comment_message("comment_changed", group, post, comment))
            }
            Notice::Delivery { group } => {
                readable(self.sight(group)).then(|| json!({ "type": "delivery", "scope": text(group) }))
            }
            Notice::GroupChanged { group } => {
                // Who has just lost sight of a group is told too, once.
                let before = self.seen.remove(&group).is_some_and(|sight| sight != Sight::Hidden);
                let now = self.sight(group) != Sight::Hidden;
                (before || now).then(|| json!({ "type": "group_changed", "group": text(group) }))
            }
            Notice::GroupsChanged => {
                self.seen.clear();
                Some(json!({ "type": "groups_changed" }))
            }
            Notice::PeopleChanged => {
                self.seen.clear();
                Some(json!({ "type": "people_changed" }))
            }
            Notice::Erasures => Some(json!({ "type": "erasures" })),
            Notice::Network => Some(json!({ "type": "network" })),
            // Everybody may be told that there is news; the list itself is for admins.
            Notice::Alarms => Some(json!({ "type": "alarms" })),
            Notice::Source { group, source } => (self.sight(group) == Sight::Inside)
                .then(|| json!({ "type": "source", "group": text(group), "source": source.to_string() })),
            Notice::Page { group, page } => readable(self.sight(group))
                .then(|| json!({ "type": "page", "group": text(group), "page": page.to_string() })),
            Notice::PageComment { group, page } => readable(self.sight(group))
                .then(|| json!({ "type": "page_comment", "group": text(group), "page": page.to_string() })),
            Notice::Space { group, item } => readable(self.sight(group))
                .then(|| json!({ "type": "space", "group": text(group), "item": item.to_string() })),
            // For those who have the page open: its own socket tells them.
            Notice::PageChange { .. } | Notice::Refolded { .. } => None,
            Notice::NotDelivered { user } => (user == self.viewer.user).then(|| json!({ "type": "not_delivered" })),
            Notice::BlobHere { blob } => {
                let user = self.viewer.user;
                let seen = self.app.handle.read(|reader| reader.blob(user, blob).is_some());
                seen.then(|| json!({ "type": "file", "blob": blob.to_string() }))
            }
        }
    }

    fn sight(&mut self, group: GroupId) -> Sight {
        if let Some(sight) = self.seen.get(&group) {
            return *sight;
        }
        let user = self.viewer.user;
        let sight = self.app.handle.read(|reader| match reader.group(user, group) {
            Some(view) if view.role.is_some() => Sight::Inside,
            Some(view) if view.access == Access::Open => Sight::Open,
            Some(_) => Sight::Listed,
            None => Sight::Hidden,
        });
        if self.seen.len() >= SEEN_MAX {
            self.seen.clear();
        }
        self.seen.insert(group, sight);
        sight
    }

    fn want_unread(&mut self, group: GroupId) {
        if self.unread.is_empty() {
            self.unread_due = self.unread_due.max(Instant::now());
        }
        self.unread.insert(group);
    }

    async fn send_unread(&mut self) -> Result<(), Over> {
        self.unread_due = Instant::now() + UNREAD_EVERY;
        let user = self.viewer.user;
        for group in std::mem::take(&mut self.unread) {
            let mark = self.app.local.mark(user, group);
            let count = self.app.handle.read(|reader| {
                reader.group(user, group).filter(|group| group.role.is_some())?;
                Some(reader.unread(user, group, mark, UNREAD_MAX))
            });
            if let Some(unread) = count {
                let message =
                    json!({ "type": "unread", "n": self.place, "group": group.to_string(), "unread": unread });
                self.send(message).await?;
            }
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Over> {
        if self.heard.elapsed() > SILENT_MAX {
            return Err(Over);
        }
        if !self.app.local.login_stands(self.viewer.login.id, self.app.now()) {
            self.send(json!({ "type": "ended", "n": self.place })).await?;
            return Err(Over);
        }
        // The frame is answered by the browser itself, the text is seen by the page.
        self.push(Message::Ping(bytes::Bytes::new())).await?;
        self.send(json!({ "type": "ping", "n": self.place })).await
    }

    async fn send(&mut self, message: Value) -> Result<(), Over> {
        self.push(Message::Text(message.to_string().into())).await
    }

    async fn push(&mut self, message: Message) -> Result<(), Over> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over),
        }
    }
}

fn message_ends(viewer: &Viewer, app: &App) -> bool {
    !app.local.login_stands(viewer.login.id, app.now())
}

fn readable(sight: Sight) -> bool {
    matches!(sight, Sight::Inside | Sight::Open)
}

fn comment_message(kind: &str, group: GroupId, post: protocol::ids::EntryId, comment: protocol::ids::EntryId) -> Value {
    json!({ "type": kind, "group": group.to_string(), "post": post.to_string(), "comment": comment.to_string() })
}

/// Counts flushes: some at once, then so many a second.
struct Bucket {
    left: u32,
    filled: Instant,
}

impl Bucket {
    const EVERY: Duration = Duration::from_millis(1_000 / FLUSHES_PER_SECOND as u64);

    fn new(now: Instant) -> Self {
        Self { left: FLUSHES_BURST, filled: now }
    }

    fn take(&mut self) -> bool {
        let now = Instant::now();
        let fresh = now.duration_since(self.filled).as_millis() / Self::EVERY.as_millis();
        if let Ok(fresh) = u32::try_from(fresh)
            && fresh > 0
        {
            self.left = self.left.saturating_add(fresh).min(FLUSHES_BURST);
            // What is left of a period counts for the next one.
            self.filled += Self::EVERY.saturating_mul(fresh);
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// When the next flush may be.
    fn next(&self) -> Instant {
        if self.left > 0 { Instant::now() } else { self.filled + Self::EVERY }
    }
}

//! One terminal at the control socket: reads a question, answers it, and so on.

use super::Rooms;
use super::message::{LINE_BYTES_MAX, Refusal, Reply, Request};
use crate::http::ports::{Digits, Pairing};
use crate::local::LocalError;
use crate::local::account::{Account, normalise_email};
use crate::local::audit::Event;
use crate::pairing::Change;
use protocol::ids::{TicketId, UserId};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, broadcast};

/// A password given here serves as long as one given on the pages.
const LOGGED_IN_MAX: Duration = Duration::from_secs(5 * 60);
/// A wrong password is answered after this long.
const WRONG_PAUSE: Duration = Duration::from_secs(1);
/// "Once it has changed" is answered after this long at the latest, so that a dead terminal is noticed.
const AWAIT_MAX: Duration = Duration::from_secs(20);
/// A terminal that asks nothing for so long is closed; people take time to compare digits.
const SILENT_MAX: Duration = Duration::from_secs(30 * 60);

pub(super) type Answer = Result<Reply, Refusal>;

/// Writes one line.
pub(super) async fn say(writer: &mut (impl AsyncWriteExt + Unpin), reply: Reply) -> std::io::Result<()> {
    let mut bytes = serde_json::to_vec(&reply)?;
    bytes.push(b'\n');
    writer.write_all(&bytes).await
}

/// A connection.
pub struct Session {
    pub(super) rooms: Rooms,
    passwords: Arc<Semaphore>,
    changes: broadcast::Receiver<Change>,
    admin: Option<(UserId, Instant)>,
}

impl Session {
    pub fn new(rooms: Rooms, passwords: Arc<Semaphore>) -> Self {
        let changes = rooms.pairing.changes();
        Self { rooms, passwords, changes, admin: None }
    }

    /// Answers until the other end goes, is silent for too long or makes no sense.
    pub async fn run(mut self, mut stream: UnixStream) {
        let (reader, mut writer) = stream.split();
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = (&mut reader).take(LINE_BYTES_MAX);
            match tokio::time::timeout(SILENT_MAX, limited.read_until(b'\n', &mut line)).await {
                Ok(Ok(1..)) if line.ends_with(b"\n") => {}
                _ => return,
            }
            let answer = match serde_json::from_slice(&line) {
                Ok(Request::MakeBundle { site, everything }) => self.make_bundle(&mut writer, &site, everything).await,
                Ok(Request::TakeBundle) => self.take_bundle(&mut reader, &mut writer).await,
                Ok(request) => self.answer(request).await,
                Err(_) => Err(Refusal::of("bad_json")),
            };
            if say(&mut writer, answer.unwrap_or_else(Reply::Error)).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&mut self, request: Request) -> Answer {
        match request {
            Request::Status => Ok(Reply::Status((self.rooms.status)())),
            Request::LogIn { email, password } => self.log_in(&email, password).await,
            Request::Invite { minutes } => {
                let by = self.admin()?;
                let made = self.rooms.pairing.invite(by, minutes).await?;
                self.note("pairing_invited", by, made.id).await?;
                Ok(Reply::Invitation(made.into()))
            }
            Request::AwaitInvitation { id } => {
                let id = ticket(&id)?;
                self.change(Change::Invitation(id)).await;
                self.invitation(id)
            }
            Request::Confirm { id, same } => {
                let (id, by) = (ticket(&id)?, self.admin()?);
                let (digits, kind) = said(same);
                self.rooms.pairing.confirm(id, by, digits).await;
                self.note(kind, by, id).await?;
                self.invitation(id)
            }
            Request::Cancel { id } => {
                // Taking back needs no password: it only makes less possible.
                let id = ticket(&id)?;
                self.rooms.pairing.cancel(id).await;
                self.invitation(id)
            }
            Request::Join { invitation, site, company } => {
                Ok(Reply::Join(self.rooms.pairing.join(invitation, site, company).await.into()))
            }
            Request::AwaitJoin => {
                self.change(Change::Join).await;
                Ok(Reply::Join(self.rooms.pairing.join_progress().into()))
            }
            Request::ConfirmJoin { same } => {
                Ok(Reply::Join(self.rooms.pairing.join_confirm(said(same).0).await.into()))
            }
            Request::CancelJoin => Ok(Reply::Join(self.rooms.pairing.join_cancel().await.into())),
            Request::ResetPassword { email: None } => {
                let administers = |account: &Account| (self.rooms.administers)(account.user());
                Ok(Reply::Administrators(self.rooms.local.administrators(administers)))
            }
            Request::ResetPassword { email: Some(email) } => self.rescue(email).await,
            // Answered where bytes follow.
            Request::MakeBundle { .. } | Request::TakeBundle => Err(Refusal::of("bad_json")),
        }
    }

    async fn rescue(&self, email: String) -> Answer {
        let (local, now) = (Arc::clone(&self.rooms.local), now());
        match tokio::task::spawn_blocking(move || local.rescue(&email, now)).await {
            Ok(Ok(token)) => Ok(Reply::ResetLink { path: format!("/invitation/{}", token.text()) }),
            Ok(Err(LocalError::NotFound)) => Err(Refusal::of("not_found")),
            _ => Err(Refusal::of("read_only")),
        }
    }

    fn invitation(&self, id: TicketId) -> Answer {
        let found = self.rooms.pairing.invitation(id).ok_or_else(|| Refusal::of("not_found"))?;
        Ok(Reply::Invitation(found.into()))
    }

    /// Waits for a change that happened since the last answer, or for a while.
    async fn change(&mut self, awaited: Change) {
        let changes = &mut self.changes;
        let wait = async {
            loop {
                match changes.recv().await {
                    Ok(change) if change == awaited => return,
                    Ok(_) => {}
                    // Something was missed, and it may have been this; or pairing has stopped.
                    Err(_) => return,
                }
            }
        };
        // Either way the answer is how things are now.
        let _ = tokio::time::timeout(AWAIT_MAX, wait).await;
    }

    async fn log_in(&mut self, email: &str, password: String) -> Answer {
        self.admin = None;
        let account = normalise_email(email).and_then(|email| self.rooms.local.account_of(&email));
        let account = account.filter(|account| !account.suspended);
        let checked = match account.as_ref().and_then(|account| account.password.clone()) {
            Some(hash) => {
                let Ok(_one) = self.passwords.acquire().await else { return Err(Refusal::of("busy")) };
                tokio::task::spawn_blocking(move || hash.verify(&password)).await.unwrap_or(false)
            }
            None => false,
        };
        match account {
            Some(account) if checked && (account.site_admin || (self.rooms.administers)(account.user())) => {
                self.admin = Some((account.user(), Instant::now()));
                Ok(Reply::Done)
            }
            Some(_) if checked => Err(Refusal::of("forbidden")),
            _ => {
                tokio::time::sleep(WRONG_PAUSE).await;
                Err(Refusal::of("bad_login"))
            }
        }
    }

    /// An administrator of the organisation.
    fn admin(&self) -> Result<UserId, Refusal> {
        let user = self.tends()?;
        if (self.rooms.administers)(user) { Ok(user) } else { Err(Refusal::of("forbidden")) }
    }

    /// An administrator of the organisation or of this site.
    pub(super) fn tends(&self) -> Result<UserId, Refusal> {
        let fresh = self.admin.filter(|(_, since)| since.elapsed() < LOGGED_IN_MAX);
        fresh.map(|(user, _)| user).ok_or_else(|| Refusal::of("sudo_required"))
    }

    async fn note(&self, kind: &'static str, by: UserId, id: TicketId) -> Result<(), Refusal> {
        self.write_down(kind, by, id.to_string()).await
    }

    pub(super) async fn write_down(&self, kind: &'static str, by: UserId, about: String) -> Result<(), Refusal> {
        let local = Arc::clone(&self.rooms.local);
        let event = Event::new(now(), kind).by(by).about(&about);
        match tokio::task::spawn_blocking(move || local.note(event)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Refusal::of("read_only")),
        }
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(since).unwrap_or(u64::MAX)
}

fn ticket(text: &str) -> Result<TicketId, Refusal> {
    text.parse().map_err(|_| Refusal::of("not_found"))
}

fn said(same: bool) -> (Digits, &'static str) {
    if same { (Digits::Same, "pairing_confirmed") } else { (Digits::Differ, "pairing_refused") }
}

//! Pairing at work: drives the two pure machines of `protocol::pairing` over the pairing swarm, keeps what they want
//! kept, and shows people where they stand. One task owns everything; the door for others is [`Pairings`].
//!
//! It knows rows, frames and the few verbs of [`House`]; it does not know what an admission or a welcome holds, nor
//! who is logged in: whoever calls has checked that the person may.

mod address;
mod desk;
mod house;
mod line;
#[cfg(test)]
pub(crate) mod pretended;
mod runtime;
mod shelf;
mod shown;
#[cfg(test)]
mod tests;

pub use house::{Admission, House, Organisation};
pub use runtime::RuntimeHouse;
pub use shelf::ShelfError;

use crate::http::ports::{self, Digits, Invitation, JoinProgress, PairError};
use archipel_storage::kvlog::KvLog;
use desk::{Ask, Desk, Letter};
use futures::future::BoxFuture;
use protocol::ids::{TicketId, UserId};
use shelf::Shelf;
use shown::Shown;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// Questions and events that wait for the desk; people ask a few times a minute.
const LETTERS_MAX: usize = 64;
/// Changes that a slow listener may fall behind by.
const CHANGES_MAX: usize = 64;

/// What pairing must know of this node.
pub struct Settings {
    /// The seed of the node's ed25519 key: the pairing swarm speaks as the node itself.
    pub secret: Zeroizing<[u8; 32]>,
    /// The node's public X25519 key.
    pub sealing: [u8; 32],
    /// Where the node listens for peers, as configured; pairing listens one port higher (ruling D15).
    pub listen: Vec<String>,
}

/// The door of the pairing room: cheap to clone, answers reads from memory.
#[derive(Clone)]
pub struct Pairings {
    letters: mpsc::Sender<Letter>,
    shown: Arc<RwLock<Shown>>,
    changes: broadcast::Sender<Change>,
}

/// Something that a screen may want to read anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An invitation.
    Invitation(TicketId),
    /// This node's own joining.
    Join,
}

/// Takes up what was kept and begins. The task ends when the last [`Pairings`] is dropped or [`Pairings::stop`] is
/// called; its handle serves to wait for that.
///
/// # Errors
/// Kept rows that do not read back.
pub fn start(
    settings: Settings,
    rows: Arc<KvLog>,
    house: Arc<dyn House>,
) -> Result<(Pairings, JoinHandle<()>), ShelfError> {
    let (letters, inbox) = mpsc::channel(LETTERS_MAX);
    let (changes, _) = broadcast::channel(CHANGES_MAX);
    let shown = Arc::new(RwLock::new(Shown::default()));
    let desk = Desk::open(settings, Shelf::new(rows), house, letters.downgrade(), Arc::clone(&shown), changes.clone())?;
    let task = tokio::spawn(desk.run(inbox));
    Ok((Pairings { letters, shown, changes }, task))
}

impl Pairings {
    /// What changes from now on. A slow listener misses the oldest and is told so.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Closes the door and ends the task. What was kept goes on at the next start.
    pub async fn stop(&self) {
        let _ = self.ask(Ask::Stop).await;
    }

    fn shown(&self) -> RwLockReadGuard<'_, Shown> {
        // A panic while holding the lock leaves whole values behind.
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` when the desk is gone: the node is shutting down.
    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.letters.send(Letter::Ask(ask(reply))).await.ok()?;
        answer.await.ok()
    }
}

impl ports::Pairing for Pairings {
    fn invitations(&self) -> Vec<Invitation> {
        self.shown().invitations()
    }

    fn invitation(&self, id: TicketId) -> Option<Invitation> {
        self.shown().invitation(&id)
    }

    fn invite(&self, by: UserId, minutes: u32) -> BoxFuture<'_, Result<Invitation, PairError>> {
        Box::pin(async move {
            let closed = PairError { code: "pair_refused", step: "wait" };
            self.ask(|reply| Ask::Invite { by, minutes, reply }).await.unwrap_or(Err(closed))
        })
    }

    fn confirm(&self, id: TicketId, by: UserId, digits: Digits) -> BoxFuture<'_, Option<Invitation>> {
        Box::pin(async move { self.ask(|reply| Ask::Confirm { id, by, digits, reply }).await.flatten() })
    }

    fn cancel(&self, id: TicketId) -> BoxFuture<'_, Option<Invitation>> {
        Box::pin(async move { self.ask(|reply| Ask::Cancel { id, reply }).await.flatten() })
    }

    fn join(&self, invitation: String, site: String, company: String) -> BoxFuture<'_, JoinProgress> {
        Box::pin(async move {
            let asked = self.ask(|reply| Ask::Join { invitation, site, company, reply }).await;
            asked.unwrap_or_else(|| self.join_progress())
        })
    }

    fn join_progress(&self) -> JoinProgress {
        self.shown().join()
    }

    fn join_confirm(&self, digits: Digits) -> BoxFuture<'_, JoinProgress> {
        Box::pin(async move {
            let asked = self.ask(|reply| Ask::JoinConfirm { digits, reply }).await;
            asked.unwrap_or_else(|| self.join_progress())
        })
    }

    fn join_cancel(&self) -> BoxFuture<'_, JoinProgress> {
        Box::pin(async move {
            let asked = self.ask(|reply| Ask::JoinCancel { reply }).await;
            asked.unwrap_or_else(|| self.join_progress())
        })
    }
}

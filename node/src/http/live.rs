//! The stream of what changed, for browsers: one ring of numbered notices for all, from which each socket reads at its
//! own pace. A slow browser costs nothing but its place in the ring; who falls off the end is told to reload.

pub mod socket;

use crate::local::login::LoginId;
use crate::local::secret::random;
use crate::runtime::handle::Handle;
use protocol::engine::effect::Notice;
use protocol::ids::{GroupId, TicketId, UserId, to_text};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

/// Notices at hand for those who come back after a gap.
pub const RING_MAX: usize = 4_096;
/// How long stopping waits for sockets to say goodbye.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// Something that a browser may want to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// From the engine.
    Notice(Notice),
    /// An invitation moved on; for administrators of the organisation.
    Pairing(TicketId),
    /// A person read a group in one window.
    Read {
        /// Whose other windows may want to know.
        user: UserId,
        /// What was read.
        group: GroupId,
    },
    /// A login is over.
    Ended(LoginId),
}

/// The ring and those who wait for it to grow. Cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    /// Names this process: numbers mean nothing to another.
    epoch: String,
    ring: Mutex<Ring>,
    newest: watch::Sender<Newest>,
    sockets: socket::Sockets,
}

/// What wakes the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newest {
    /// The newest number.
    n: u64,
    stopping: bool,
}

#[derive(Debug, Default)]
struct Ring {
    /// The number of the newest; the first event has 1.
    newest: u64,
    events: VecDeque<Event>,
}

/// What a socket finds behind its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// These, in order.
    Events(Vec<(u64, Event)>),
    /// Something is no longer at hand; the newest number is this.
    Lost(u64),
}

impl Live {
    /// An empty ring with an epoch of its own.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            epoch: to_text(&random::<10>()),
            ring: Mutex::default(),
            newest: watch::Sender::new(Newest { n: 0, stopping: false }),
            sockets: socket::Sockets::default(),
        }))
    }

    /// Takes over the engine's notices from now on, on a task of its own, until the engine is gone.
    pub fn follow(&self, handle: &Handle) {
        let mut notices = handle.notices();
        let live = self.clone();
        tokio::spawn(async move {
            loop {
                match notices.recv().await {
                    Ok(notice) => live.publish(Event::Notice(notice)),
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "browsers are told to reload: notices came too fast");
                        live.lose();
                    }
                    Err(RecvError::Closed) => break,
                }
            }
        });
    }

    /// Adds an event.
    pub fn publish(&self, event: Event) {
        let mut ring = self.ring();
        ring.newest += 1;
        ring.events.push_back(event);
        if ring.events.len() > RING_MAX {
            ring.events.pop_front();
        }
        let n = ring.newest;
        drop(ring);
        self.0.newest.send_modify(|newest| newest.n = newest.n.max(n));
    }

    /// An invitation moved on.
    pub fn pairing_changed(&self, id: TicketId) {
        self.publish(Event::Pairing(id));
    }

    /// A person read a group.
    pub fn marked_read(&self, user: UserId, group: GroupId) {
        self.publish(Event::Read { user, group });
    }

    /// A login is over.
    pub fn end(&self, login: LoginId) {
        self.publish(Event::Ended(login));
    }

    /// Closes all sockets and waits until they are, if not for long.
    pub async fn stop(&self) {
        self.0.newest.send_modify(|newest| newest.stopping = true);
        // Each socket holds a receiver. One whose browser takes nothing any more ends with the process.
        let _ = tokio::time::timeout(STOP_WITHIN, self.0.newest.closed()).await;
    }

    /// Something was missed: nothing before now is at hand.
    fn lose(&self) {
        let mut ring = self.ring();
        ring.events.clear();
        ring.newest += 1;
        let n = ring.newest;
        drop(ring);
        self.0.newest.send_modify(|newest| newest.n = newest.n.max(n));
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self) -> u64 {
        self.ring().newest
    }

    fn watch(&self) -> watch::Receiver<Newest> {
        self.0.newest.subscribe()
    }

    /// At most `max` events after a number.
    fn take(&self, after: u64, max: usize) -> Taken {
        let ring = self.ring();
        let oldest = ring.newest - ring.events.len() as u64 + 1;
        if after > ring.newest || after + 1 < oldest {
            return Taken::Lost(ring.newest);
        }
        let skipped = (after + 1 - oldest) as usize;
        let numbered = (after + 1..).zip(ring.events.iter().skip(skipped).take(max).cloned());
        Taken::Events(numbered.collect())
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u64) -> Event {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        Event::Notice(Notice::Delivery { group: GroupId(bytes) })
    }

    #[test]
    fn what_came_after_a_number_is_found_in_order() {
        let live = Live::new();
        assert_eq!(live.take(0, 10), Taken::Events(Vec::new()));
        for n in 1..=5 {
            live.publish(event(n));
        }
        assert_eq!(live.take(3, 10), Taken::Events(vec![(4, event(4)), (5, event(5))]));
        assert_eq!(live.take(0, 2), Taken::Events(vec![(1, event(1)), (2, event(2))]));
        assert_eq!(live.take(5, 2), Taken::Events(Vec::new()));
        assert_eq!(live.take(6, 2), Taken::Lost(5), "a number of the future is of another ring");
    }

    #[test]
    fn the_ring_is_bounded_and_says_what_it_lost() {
        let live = Live::new();
        let all = RING_MAX as u64 + 10;
        for n in 1..=all {
            live.publish(event(n));
        }
        assert_eq!(live.take(9, 1), Taken::Lost(all));
        assert_eq!(live.take(10, 1), Taken::Events(vec![(11, event(11))]));
        live.lose();
        assert_eq!(live.take(all, 1), Taken::Lost(all + 1));
        assert_eq!(live.take(all + 1, 1), Taken::Events(Vec::new()));
    }
}

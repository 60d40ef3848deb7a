//! The way of events to the node: bounded, and never in the swarm's way. Knows events, not their causes.
//!
//! 1. Requests and gossip that find the queue full are given back, to be refused or ignored.
//! 2. Changes of state (connections, addresses, warnings) are kept until there is room. They cancel out: per peer and
//!    per address at most two wait, so that what the node finally knows is right and the memory bounded.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::event::NetEvent;

/// The sending end.
pub(crate) struct Outbox {
    sender: mpsc::Sender<NetEvent>,
    waiting: VecDeque<NetEvent>,
}

impl Outbox {
    /// An outbox that feeds the queue.
    pub fn new(sender: mpsc::Sender<NetEvent>) -> Outbox {
        Outbox { sender, waiting: VecDeque::new() }
    }

    /// Sends what may be lost; gives it back if there is no room or something older waits.
    #[expect(clippy::result_large_err, reason = "the event itself goes back to its sender")]
    pub fn offer(&mut self, event: NetEvent) -> Result<(), NetEvent> {
        if !self.waiting.is_empty() {
            return Err(event);
        }
        self.sender.try_send(event).map_err(|error| error.into_inner())
    }

    /// Sends a change of state, now or as soon as there is room.
    pub fn tell(&mut self, event: NetEvent) {
        match self.offer(event) {
            Ok(()) => {}
            Err(_) if self.sender.is_closed() => self.waiting.clear(),
            Err(event) => self.keep(event),
        }
    }

    fn keep(&mut self, event: NetEvent) {
        let subject = subject(&event);
        let same: Vec<usize> = (0..self.waiting.len())
            .filter(|at| subject.is_some() && self.waiting.get(*at).map(self::subject) == Some(subject.clone()))
            .collect();
        // States alternate: after two unread changes the third equals the first.
        if let [_, last, ..] = same[..] {
            self.waiting.remove(last);
        } else {
            self.waiting.push_back(event);
        }
    }

    /// Is something waiting?
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A handle with which to wait for room.
    pub fn sender(&self) -> mpsc::Sender<NetEvent> {
        self.sender.clone()
    }

    /// Sends what waits, as far as there is room.
    pub fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => return self.waiting.push_front(event),
                Err(mpsc::error::TrySendError::Closed(_)) => return self.waiting.clear(),
            }
        }
    }
}

/// What two events must share to cancel out.
fn subject(event: &NetEvent) -> Option<String> {
    match event {
        NetEvent::Connected { peer, .. } | NetEvent::Disconnected { peer } => Some(peer.to_string()),
        NetEvent::Listening { address } | NetEvent::ListenEnded { address } => Some(address.clone()),
        // Bounded by their rarity: one per restart, one per peer and hour of bad messages.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::PeerKey;

    fn connected(peer: u8) -> NetEvent {
        NetEvent::Connected { peer: PeerKey([peer; 32]), address: String::new() }
    }

    fn disconnected(peer: u8) -> NetEvent {
        NetEvent::Disconnected { peer: PeerKey([peer; 32]) }
    }

    #[test]
    fn a_slow_reader_learns_the_final_state_and_costs_bounded_memory() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
        outbox.tell(connected(1));
        for _ in 0..1000 {
            outbox.tell(disconnected(1));
            outbox.tell(connected(2));
            outbox.tell(connected(1));
            outbox.tell(disconnected(2));
        }
        outbox.tell(disconnected(1));
        assert!(outbox.waiting.len() <= 4);
        assert!(outbox.offer(connected(3)).is_err(), "what may be lost does not overtake");
        let mut last = std::collections::BTreeMap::new();
        while let Ok(event) = receiver.try_recv() {
            match event {
                NetEvent::Connected { peer, .. } => assert_ne!(last.insert(peer, true), Some(true)),
                NetEvent::Disconnected { peer } => assert_ne!(last.insert(peer, false), Some(false)),
                _ => {}
            }
            outbox.flush();
        }
        assert!(last.values().all(|up| !up), "{last:?}");
    }
}

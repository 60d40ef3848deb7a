//! How much the engine keeps in memory for its peers: what a hostile one must not be able to grow (INV-35).

use super::Engine;
use crate::sync::session::Session;

/// Counts of what is kept per peer or because of peers, the largest where it is per peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Connections.
    pub sessions: usize,
    /// Calls without an answer, of the peer with most.
    pub in_flight: usize,
    /// Ranges to fetch, of the peer with most.
    pub wanted: usize,
    /// Logs that a peer is known to hold, of the peer with most.
    pub known: usize,
    /// Own logs and scopes to be told of, of the peer with most.
    pub waiting: usize,
    /// Logs held.
    pub logs: usize,
    /// Statements kept of what nodes hold, and the heights in them.
    pub stated: usize,
    /// Statements to be passed on.
    pub relay: usize,
    /// Epoch keys kept.
    pub epochs: usize,
    /// Live topics followed.
    pub topics: usize,
}

impl Engine {
    /// What is kept now.
    pub fn footprint(&self) -> Footprint {
        let most = |count: fn(&Session) -> usize| self.sessions.values().map(count).max().unwrap_or(0);
        let stated = self.view.held.values().flat_map(|nodes| nodes.values());
        Footprint {
            sessions: self.sessions.len(),
            in_flight: most(|session| session.in_flight.len()),
            wanted: self.sessions.keys().map(|peer| self.plan.wanted_of(peer)).max().unwrap_or(0),
            known: most(|session| session.known.len()),
            waiting: most(|session| session.backlog.len() + session.announce.len()),
            logs: self.logs.len(),
            stated: stated.map(|stated| 1 + stated.held.heights.len() + stated.steps.len()).sum(),
            relay: self.relay.len(),
            epochs: self.epochs.values().map(Vec::len).sum(),
            topics: self.topics.len(),
        }
    }
}

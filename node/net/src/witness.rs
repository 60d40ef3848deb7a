//! Where other members say that they reach this node. Knows addresses, keys and time, no connections.
//!
//! 1. An address counts when two different members reached it: one alone may be mistaken, or lie.
//! 2. A member is a witness by getting through to us, or by a test that we asked for (AutoNAT). The first is the stronger:
//!    the library tests only over connections that we opened ourselves, and those who cannot be reached open them all.
//! 3. A witness counts as long as it is connected, and for a while after: a router's new address shows in no other way.
//! 4. What an administrator announces needs no witness.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use libp2p::Multiaddr;

use crate::address::PeerKey;
use crate::limits;

/// Whether others can open connections to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nat {
    /// An address is announced, or two members got through.
    Public,
    /// A member tried in vain.
    Private,
    /// Nobody has told yet.
    #[default]
    Unknown,
}

/// All that was said.
#[derive(Default)]
pub(crate) struct Witnesses {
    announced: Vec<Multiaddr>,
    /// By address who reached it, and since when who is gone.
    seen: BTreeMap<Multiaddr, BTreeMap<PeerKey, Option<Instant>>>,
    /// Who tried in vain.
    failed: BTreeSet<PeerKey>,
}

impl Witnesses {
    /// Nothing but what an administrator announces.
    pub fn new(announced: Vec<Multiaddr>) -> Witnesses {
        Witnesses { announced, ..Witnesses::default() }
    }

    /// What an administrator announces.
    pub fn announced(&self) -> &[Multiaddr] {
        &self.announced
    }

    /// A member reached us at a public address.
    pub fn reached(&mut self, address: Multiaddr, by: PeerKey) {
        if !self.seen.contains_key(&address) && self.seen.len() >= limits::CANDIDATES_MAX {
            return;
        }
        let by_whom = self.seen.entry(address).or_default();
        if by_whom.len() < limits::WITNESSES_MAX || by_whom.contains_key(&by) {
            by_whom.insert(by, None);
        }
    }

    /// A member tried in vain.
    pub fn failed(&mut self, by: PeerKey) {
        if self.failed.len() < limits::WITNESSES_MAX {
            self.failed.insert(by);
        }
    }

    /// A member is no longer connected.
    pub fn gone(&mut self, peer: PeerKey, now: Instant) {
        for by_whom in self.seen.values_mut() {
            if let Some(since) = by_whom.get_mut(&peer) {
                since.get_or_insert(now);
            }
        }
        self.failed.remove(&peer);
    }

    /// Forgets witnesses that have been gone for long.
    pub fn forget_old(&mut self, now: Instant) {
        let counts = |since: &Option<Instant>| {
            since.is_none_or(|since| now.saturating_duration_since(since) < limits::WITNESS_FOR)
        };
        self.seen.values_mut().for_each(|by_whom| by_whom.retain(|_, since| counts(since)));
        self.seen.retain(|_, by_whom| !by_whom.is_empty());
    }

    /// When `forget_old` may have something to do.
    pub fn next(&self) -> Option<Instant> {
        self.seen.values().flat_map(BTreeMap::values).flatten().min().map(|since| *since + limits::WITNESS_FOR)
    }

    /// Where this node can be reached from outside.
    pub fn confirmed(&self) -> Vec<Multiaddr> {
        let seen = self.seen.iter().filter(|(_, by_whom)| by_whom.len() >= limits::WITNESSES_NEEDED);
        let mut all = self.announced.clone();
        all.extend(seen.map(|(address, _)| address.clone()).filter(|address| !self.announced.contains(address)));
        all
    }

    /// What one member alone has seen.
    pub fn observed(&self) -> Vec<Multiaddr> {
        let alone = |by_whom: &BTreeMap<PeerKey, Option<Instant>>| by_whom.len() < limits::WITNESSES_NEEDED;
        self.seen.iter().filter(|(_, by_whom)| alone(by_whom)).map(|(address, _)| address.clone()).collect()
    }

    /// What follows from all that.
    pub fn nat(&self) -> Nat {
        match () {
            () if !self.confirmed().is_empty() => Nat::Public,
            () if !self.failed.is_empty() => Nat::Private,
            () => Nat::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEN: PeerKey = PeerKey([2; 32]);
    const EVE: PeerKey = PeerKey([66; 32]);

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn one_member_alone_proves_nothing_however_often_it_speaks() {
        let mut witnesses = Witnesses::default();
        for _ in 0..5 {
            witnesses.reached(address(1), EVE);
        }
        assert_eq!((witnesses.nat(), witnesses.observed()), (Nat::Unknown, vec![address(1)]));
        witnesses.failed(BEN);
        assert_eq!(witnesses.nat(), Nat::Private);
        witnesses.reached(address(1), BEN);
        assert_eq!((witnesses.nat(), witnesses.confirmed()), (Nat::Public, vec![address(1)]));
    }

    #[test]
    fn an_address_that_nobody_reaches_any_more_is_forgotten() {
        let (mut witnesses, start) = (Witnesses::default(), Instant::now());
        witnesses.reached(address(1), BEN);
        witnesses.reached(address(1), EVE);
        witnesses.gone(EVE, start);
        witnesses.forget_old(start);
        assert_eq!(witnesses.nat(), Nat::Public, "who restarts is still a witness");
        witnesses.forget_old(witnesses.next().unwrap());
        assert_eq!(witnesses.nat(), Nat::Unknown);
    }

    #[test]
    fn what_is_announced_needs_no_witness_and_all_is_bounded() {
        let mut witnesses = Witnesses::new(vec![address(9)]);
        assert_eq!((witnesses.nat(), witnesses.confirmed()), (Nat::Public, vec![address(9)]));
        for port in 0..1000 {
            for peer in 0..100 {
                witnesses.reached(address(port), PeerKey([peer; 32]));
                witnesses.failed(PeerKey([peer; 32]));
            }
        }
        assert_eq!(witnesses.seen.len(), limits::CANDIDATES_MAX);
        assert!(witnesses.seen.values().all(|by_whom| by_whom.len() == limits::WITNESSES_MAX));
    }
}

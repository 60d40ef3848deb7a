//! Whose connection is wanted, and when to try again. A pure state machine: time and chance are arguments.
//!
//! A wanted peer is dialled for ever. After a failure the pause doubles from 1 s to 15 s, with jitter; news that the
//! network may have changed (an inbound connection, an address of ours, an address of the peer) sets it back. A connection
//! that ends at once counts as a failure: its peer does not let this node stay. While a relayed connection stands the
//! direct addresses are tried on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::Multiaddr;

use crate::address::{self, PeerKey};
use crate::limits;
use crate::net::Via;

/// The wanted peers.
#[derive(Default)]
pub(crate) struct Dialer {
    peers: BTreeMap<PeerKey, Wanted>,
}

struct Wanted {
    addresses: Vec<Multiaddr>,
    /// Addresses where somebody else answered; tried again only when nothing else is left.
    wrong: Vec<Multiaddr>,
    /// Heard of while a dial of the others was under way; silent ones would keep it so for long.
    fresh: Vec<Multiaddr>,
    failures: u32,
    /// A connection stands, over a relay alone.
    relayed: bool,
    /// When the last connection came to stand.
    since: Option<Instant>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Waiting { until: Instant },
    Dialling,
    Connected,
}

/// Whether new addresses of a peer take the place of the old ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Addresses {
    Replace,
    Add,
}

impl Dialer {
    /// Wants a connection. False if there are too many wanted peers.
    pub fn want(&mut self, peer: PeerKey, addresses: Vec<Multiaddr>, how: Addresses, now: Instant) -> bool {
        if !self.peers.contains_key(&peer) && self.peers.len() >= limits::PEERS_WANTED_MAX {
            return false;
        }
        let wanted = self.peers.entry(peer).or_insert_with(|| Wanted {
            addresses: Vec::new(),
            wrong: Vec::new(),
            fresh: Vec::new(),
            failures: 0,
            relayed: false,
            since: None,
            state: State::Waiting { until: now },
        });
        if wanted.state == State::Dialling {
            let new = addresses.iter().filter(|address| !wanted.addresses.contains(address));
            wanted.fresh.extend(new.take(limits::ADDRESSES_PER_PEER_MAX).cloned());
            wanted.fresh.truncate(limits::ADDRESSES_PER_PEER_MAX);
        }
        let mut list = addresses;
        if how == Addresses::Add {
            // New ones first: what was heard last is the likeliest.
            list.append(&mut wanted.addresses);
        }
        wanted.addresses.clear();
        for address in list {
            if wanted.addresses.len() < limits::ADDRESSES_PER_PEER_MAX && !wanted.addresses.contains(&address) {
                wanted.addresses.push(address);
            }
        }
        wanted.wrong.clear();
        wanted.hurry(now);
        true
    }

    /// Adds addresses found by chance (the local network) if the peer is wanted and has none of them yet.
    pub fn found(&mut self, peer: PeerKey, addresses: Vec<Multiaddr>, now: Instant) {
        let known = |wanted: &Wanted| addresses.iter().all(|address| wanted.addresses.contains(address));
        if self.peers.get(&peer).is_some_and(known) {
            return;
        }
        self.want(peer, addresses, Addresses::Add, now);
    }

    /// Stops wanting a connection.
    pub fn forget(&mut self, peer: PeerKey) {
        self.peers.remove(&peer);
    }

    /// The addresses of a wanted peer that lead straight there.
    pub fn direct_addresses(&self, peer: &PeerKey) -> impl Iterator<Item = &Multiaddr> {
        let addresses = self.peers.get(peer).map_or(&[][..], |wanted| &wanted.addresses);
        addresses.iter().filter(|address| !address::is_relayed(address))
    }

    /// Notes how the best of a peer's connections goes.
    pub fn connected(&mut self, peer: PeerKey, via: Via, now: Instant) {
        let Some(wanted) = self.peers.get_mut(&peer) else { return };
        wanted.since.get_or_insert(now);
        wanted.wrong.clear();
        wanted.fresh.clear();
        match via {
            Via::Direct => {
                wanted.relayed = false;
                wanted.state = State::Connected;
            }
            Via::Relay if wanted.relayed => {}
            Via::Relay => {
                wanted.relayed = true;
                wanted.failures = 0;
                wanted.state = State::Waiting { until: now + limits::DIRECT_FIRST };
            }
        }
    }

    /// Notes that the last connection ended; both sides notice, so the jitter decides who dials first.
    pub fn disconnected(&mut self, peer: PeerKey, now: Instant, jitter: f64) {
        let Some(wanted) = self.peers.get_mut(&peer) else { return };
        let lasted = wanted.since.take().map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        wanted.relayed = false;
        let pause = if lasted < limits::SHORT_LIVED {
            wanted.failures = wanted.failures.saturating_add(1);
            pause(wanted.failures - 1, jitter)
        } else {
            wanted.failures = 0;
            limits::REDIAL_FIRST.mul_f64(jitter)
        };
        wanted.state = State::Waiting { until: now + pause };
    }

    /// Notes a failed dial, and at which addresses somebody else answered.
    pub fn failed(&mut self, peer: PeerKey, wrong: Option<Multiaddr>, now: Instant, jitter: f64) {
        let Some(wanted) = self.peers.get_mut(&peer) else { return };
        if wanted.state != State::Dialling {
            return;
        }
        wanted.fresh.clear();
        wanted.wrong.extend(wrong.filter(|address| wanted.addresses.contains(address)));
        if wanted.wrong.len() >= wanted.addresses.len() {
            wanted.wrong.clear();
        }
        let pause = if wanted.relayed { direct_pause(wanted.failures, jitter) } else { pause(wanted.failures, jitter) };
        wanted.state = State::Waiting { until: now + pause };
        wanted.failures = wanted.failures.saturating_add(1);
    }

    /// The network may have changed: every waiting peer is tried soon, and pauses start anew.
    pub fn network_changed(&mut self, now: Instant, mut jitter: impl FnMut() -> f64) {
        for wanted in self.peers.values_mut() {
            let soon = now + limits::REDIAL_FIRST.mul_f64(jitter());
            wanted.failures = 0;
            if let State::Waiting { until } = &mut wanted.state {
                *until = soon.min(*until);
            }
        }
    }

    /// A restarted swarm has no connections.
    pub fn restarted(&mut self, now: Instant) {
        for wanted in self.peers.values_mut() {
            wanted.relayed = false;
            wanted.since = None;
            wanted.state = State::Waiting { until: now };
        }
    }

    /// A peer became dialable (it was put on the list).
    pub fn hurry(&mut self, peer: PeerKey, now: Instant) {
        if let Some(wanted) = self.peers.get_mut(&peer) {
            wanted.hurry(now);
        }
    }

    /// When `due` may have something to do.
    pub fn next(&self, may: impl Fn(&PeerKey) -> bool) -> Option<Instant> {
        if self.under_way() >= limits::DIALS_AT_ONCE_MAX {
            return None;
        }
        self.ready(&may).map(|(_, _, until)| until).min()
    }

    /// The peers to dial now, with their addresses; they count as dialling until told otherwise.
    pub fn due(&mut self, now: Instant, may: impl Fn(&PeerKey) -> bool) -> Vec<(PeerKey, Vec<Multiaddr>)> {
        let room = limits::DIALS_AT_ONCE_MAX.saturating_sub(self.under_way());
        let mut due: Vec<(Instant, PeerKey)> =
            self.ready(&may).filter(|(_, _, until)| *until <= now).map(|(peer, _, until)| (until, peer)).collect();
        due.sort();
        due.truncate(room);
        let mut dials = Vec::new();
        for (_, peer) in due {
            if let Some(wanted) = self.peers.get_mut(&peer) {
                wanted.state = State::Dialling;
                dials.push((peer, wanted.useful().cloned().collect()));
            }
        }
        dials
    }

    /// Addresses heard of while their peer is being dialled at others: to be dialled beside those.
    pub fn fresh(&mut self, may: impl Fn(&PeerKey) -> bool) -> Vec<(PeerKey, Vec<Multiaddr>)> {
        let mut dials = Vec::new();
        for (peer, wanted) in self.peers.iter_mut().filter(|(peer, wanted)| may(peer) && !wanted.fresh.is_empty()) {
            let mut fresh = std::mem::take(&mut wanted.fresh);
            fresh.retain(|address| !(wanted.relayed && address::is_relayed(address)));
            if !fresh.is_empty() {
                dials.push((*peer, fresh));
            }
        }
        dials
    }

    /// Is nobody wanted?
    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        self.peers.is_empty()
    }

    fn under_way(&self) -> usize {
        self.peers.values().filter(|wanted| wanted.state == State::Dialling).count()
    }

    fn ready(&self, may: impl Fn(&PeerKey) -> bool) -> impl Iterator<Item = (PeerKey, &Wanted, Instant)> {
        self.peers.iter().filter_map(move |(peer, wanted)| match wanted.state {
            State::Waiting { until } if wanted.useful().next().is_some() && may(peer) => Some((*peer, wanted, until)),
            _ => None,
        })
    }
}

impl Wanted {
    /// The addresses worth a try now.
    fn useful(&self) -> impl Iterator<Item = &Multiaddr> {
        let worth = |address: &&Multiaddr| !(self.relayed && address::is_relayed(address));
        self.addresses.iter().filter(|address| !self.wrong.contains(address)).filter(worth)
    }

    fn hurry(&mut self, now: Instant) {
        self.failures = 0;
        if let State::Waiting { until } = &mut self.state {
            *until = now.min(*until);
        }
    }
}

/// The pause after a failure; `jitter` is from 0 to 1 and takes off up to half.
fn pause(failures: u32, jitter: f64) -> Duration {
    let doubled = limits::REDIAL_FIRST.saturating_mul(1 << failures.min(10));
    doubled.min(limits::REDIAL_MAX).mul_f64(1.0 - jitter / 2.0)
}

/// The same for a direct connection beside a relayed one: nothing is urgent.
fn direct_pause(failures: u32, jitter: f64) -> Duration {
    let doubled = limits::DIRECT_FIRST.saturating_mul(1 << failures.min(10));
    doubled.min(limits::DIRECT_MAX).mul_f64(1.0 - jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerKey = PeerKey([1; 32]);
    const BEN: PeerKey = PeerKey([2; 32]);

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()
    }

    fn anyone(_: &PeerKey) -> bool {
        true
    }

    #[test]
    fn pauses_double_to_fifteen_seconds_and_never_end() {
        let (mut dialer, mut now) = (Dialer::default(), Instant::now());
        dialer.want(ANN, vec![address(1)], Addresses::Replace, now);
        let mut pauses = Vec::new();
        for _ in 0..40 {
            assert_eq!(dialer.due(now, anyone).len(), 1);
            assert!(dialer.due(now, anyone).is_empty(), "one dial at a time");
            dialer.failed(ANN, None, now, 0.0);
            let next = dialer.next(anyone).unwrap();
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses[..6], [1, 2, 4, 8, 15, 15]);
        assert_eq!(pauses[39], 15);
        assert_eq!(pause(3, 1.0), Duration::from_secs(4));
    }

    #[test]
    fn news_of_the_network_starts_the_pauses_anew() {
        let (mut dialer, mut now) = (Dialer::default(), Instant::now());
        dialer.want(ANN, vec![address(1)], Addresses::Replace, now);
        for _ in 0..10 {
            dialer.due(now, anyone);
            dialer.failed(ANN, None, now, 0.0);
            now = dialer.next(anyone).unwrap();
        }
        dialer.due(now, anyone);
        dialer.failed(ANN, None, now, 0.0);
        dialer.network_changed(now, || 0.5);
        assert_eq!(dialer.next(anyone), Some(now + limits::REDIAL_FIRST / 2));
        dialer.want(ANN, vec![address(2)], Addresses::Add, now);
        assert_eq!(dialer.due(now, anyone), vec![(ANN, vec![address(2), address(1)])]);
    }

    #[test]
    fn what_is_heard_during_a_dial_does_not_wait_for_its_end() {
        let (mut dialer, now) = (Dialer::default(), Instant::now());
        dialer.want(ANN, vec![address(1)], Addresses::Replace, now);
        assert!(dialer.fresh(anyone).is_empty(), "nothing is under way");
        dialer.due(now, anyone);
        dialer.want(ANN, vec![address(1), address(2)], Addresses::Add, now);
        assert!(dialer.fresh(|_| false).is_empty());
        assert_eq!(dialer.fresh(anyone), vec![(ANN, vec![address(2)])]);
        assert!(dialer.fresh(anyone).is_empty(), "once");
        dialer.want(ANN, vec![address(3)], Addresses::Add, now);
        dialer.connected(ANN, Via::Direct, now);
        assert!(dialer.fresh(anyone).is_empty());
    }

    #[test]
    fn who_is_not_on_the_list_is_not_dialled() {
        let (mut dialer, now) = (Dialer::default(), Instant::now());
        dialer.want(ANN, vec![address(1)], Addresses::Replace, now);
        dialer.want(BEN, vec![address(2)], Addresses::Replace, now);
        assert_eq!(dialer.due(now, |peer| *peer == BEN), vec![(BEN, vec![address(2)])]);
        dialer.forget(ANN);
        assert_eq!(dialer.next(anyone), None);
    }

    #[test]
    fn an_address_where_somebody_else_answers_does_not_hide_the_others() {
        let (mut dialer, now) = (Dialer::default(), Instant::now());
        dialer.want(ANN, vec![address(1), address(2)], Addresses::Replace, now);
        dialer.due(now, anyone);
        dialer.failed(ANN, Some(address(1)), now, 0.0);
        let later = now + Duration::from_secs(1);
        assert_eq!(dialer.due(later, anyone), vec![(ANN, vec![address(2)])]);
        dialer.failed(ANN, Some(address(2)), later, 0.0);
        let later = later + Duration::from_secs(2);
        assert_eq!(dialer.due(later, anyone), vec![(ANN, vec![address(1), address(2)])]);
    }

    #[test]
    fn a_lost_connection_is_dialled_again() {
        let (mut dialer, now) = (Dialer::default(), Instant::now());
        dialer.want(ANN, vec![address(1)], Addresses::Replace, now);
        dialer.due(now, anyone);
        dialer.connected(ANN, Via::Direct, now);
        assert_eq!(dialer.next(anyone), None);
        let later = now + limits::SHORT_LIVED;
        dialer.disconnected(ANN, later, 0.25);
        assert_eq!(dialer.next(anyone), Some(later + limits::REDIAL_FIRST / 4));
    }

    #[test]
    fn who_lets_nobody_stay_is_dialled_less_and_less() {
        let (mut dialer, mut now) = (Dialer::default(), Instant::now());
        dialer.want(ANN, vec![address(1)], Addresses::Replace, now);
        for pause in [1, 2, 4, 8, 15, 15] {
            dialer.due(now, anyone);
            dialer.connected(ANN, Via::Direct, now);
            dialer.disconnected(ANN, now, 0.0);
            let next = dialer.next(anyone).unwrap();
            assert_eq!(next, now + Duration::from_secs(pause));
            now = next;
        }
    }

    #[test]
    fn beside_a_relayed_connection_a_direct_one_is_tried_for_ever() {
        let (mut dialer, mut now) = (Dialer::default(), Instant::now());
        let over: Multiaddr = format!("{}/p2p/{}/p2p-circuit", address(9), BEN.peer_id()).parse().unwrap();
        dialer.want(ANN, vec![over.clone(), address(1)], Addresses::Replace, now);
        assert_eq!(dialer.due(now, anyone), vec![(ANN, vec![over.clone(), address(1)])]);
        dialer.connected(ANN, Via::Relay, now);
        for pause in [5, 5, 10, 20, 40, 60, 60] {
            let next = dialer.next(anyone).unwrap();
            assert_eq!(next, now + Duration::from_secs(pause));
            now = next;
            assert_eq!(dialer.due(now, anyone), vec![(ANN, vec![address(1)])]);
            dialer.failed(ANN, None, now, 0.0);
        }
        dialer.connected(ANN, Via::Direct, now);
        assert_eq!(dialer.next(anyone), None);
        dialer.want(BEN, vec![over], Addresses::Replace, now);
        dialer.due(now, anyone);
        dialer.connected(BEN, Via::Relay, now);
        assert_eq!(dialer.next(anyone), None, "there is no other address");
    }

    #[test]
    fn everything_is_bounded() {
        let (mut dialer, now) = (Dialer::default(), Instant::now());
        for n in 0..limits::PEERS_WANTED_MAX {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            assert!(dialer.want(PeerKey(key), (0..40).map(address).collect(), Addresses::Add, now));
        }
        assert!(!dialer.want(PeerKey([9; 32]), vec![address(1)], Addresses::Add, now));
        let due = dialer.due(now, anyone);
        assert_eq!(due.len(), limits::DIALS_AT_ONCE_MAX);
        assert_eq!(due[0].1.len(), limits::ADDRESSES_PER_PEER_MAX);
    }
}

//! The connected peers: their connections and what they have under way with us.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::request_response::InboundRequestId;
use libp2p::swarm::ConnectionId;
use tokio::sync::Semaphore;

use super::Service;
use super::requests::Waiting;
use crate::address::PeerKey;
use crate::lane::Lane;
use crate::limits;
use crate::net::PeerStatus;
use crate::supervise::{Lasting, Lists};

/// One connected peer.
pub(crate) struct Peer {
    pub key: PeerKey,
    connections: BTreeMap<ConnectionId, String>,
    round_trip: Option<Duration>,
    /// Its requests under way, and how many bytes of answer each has on its way.
    pub answering: BTreeMap<(Lane, InboundRequestId), usize>,
    /// Our requests under way, by lane.
    pub asking: BTreeMap<Lane, usize>,
    /// Our requests that wait for a slot, by lane.
    pub waiting: BTreeMap<Lane, VecDeque<Waiting>>,
    /// A permit per gossip message that the node has not judged.
    pub unjudged: Arc<Semaphore>,
    /// Whether the node knows that its gossip is ignored.
    pub graylisted: bool,
}

/// All connected peers.
#[derive(Default)]
pub(crate) struct Peers {
    peers: BTreeMap<PeerId, Peer>,
}

impl Peers {
    pub fn get(&self, peer: &PeerId) -> Option<&Peer> {
        self.peers.get(peer)
    }

    pub fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(peer)
    }

    pub fn keys(&self) -> impl Iterator<Item = PeerKey> {
        self.peers.values().map(|peer| peer.key)
    }

    /// Notes a connection; true if it is the peer's first.
    pub fn connected(&mut self, peer: PeerId, key: PeerKey, connection: ConnectionId, address: String) -> bool {
        let first = !self.peers.contains_key(&peer);
        let peer = self.peers.entry(peer).or_insert_with(|| Peer {
            key,
            connections: BTreeMap::new(),
            round_trip: None,
            answering: BTreeMap::new(),
            asking: BTreeMap::new(),
            waiting: BTreeMap::new(),
            unjudged: Arc::new(Semaphore::new(limits::UNJUDGED_PER_PEER_MAX)),
            graylisted: false,
        });
        peer.connections.insert(connection, address);
        first
    }

    /// Notes the end of a connection; the peer's key if it was the last.
    pub fn connection_closed(&mut self, peer: &PeerId, connection: ConnectionId) -> Option<PeerKey> {
        let entry = self.peers.get_mut(peer)?;
        entry.connections.remove(&connection)?;
        if entry.connections.is_empty() { self.remove(peer) } else { None }
    }

    /// Forgets a peer.
    pub fn remove(&mut self, peer: &PeerId) -> Option<PeerKey> {
        self.peers.remove(peer).map(|peer| peer.key)
    }

    /// Notes a round trip.
    pub fn measured(&mut self, peer: &PeerId, round_trip: Duration) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.round_trip = Some(round_trip);
        }
    }

    /// All peers at a glance.
    pub fn status(&self) -> Vec<PeerStatus> {
        let status = |peer: &Peer| PeerStatus {
            peer: peer.key,
            address: peer.connections.values().next().cloned().unwrap_or_default(),
            connections: peer.connections.len(),
            round_trip: peer.round_trip,
        };
        self.peers.values().map(status).collect()
    }
}

impl Service {
    /// Replaces both lists. Peers that may no longer connect, or whose standing changed, count as gone at once, even if
    /// their connections take time to end.
    pub(super) fn admit(&mut self, allowed: BTreeSet<PeerKey>, confined: BTreeSet<PeerKey>, lasting: &mut Lasting) {
        let before: BTreeSet<PeerKey> = lasting.lists.allowed.union(&lasting.lists.confined).copied().collect();
        let after: BTreeSet<PeerKey> = allowed.union(&confined).copied().collect();
        let moved: BTreeSet<PeerKey> = lasting.lists.confined.symmetric_difference(&confined).copied().collect();
        let ids = |keys: &BTreeSet<PeerKey>| keys.iter().map(PeerKey::peer_id).collect();
        self.swarm.behaviour_mut().admit(ids(&after), &ids(&confined));
        lasting.lists = Lists { allowed, confined };
        let goes = |peer: &Peer| !after.contains(&peer.key) || moved.contains(&peer.key);
        let gone: Vec<PeerId> = self.peers.peers.iter().filter(|(_, peer)| goes(peer)).map(|(id, _)| *id).collect();
        for id in gone {
            if let Some(key) = self.peers.remove(&id) {
                self.on_disconnected(id, key, lasting);
            }
        }
        for peer in after.difference(&before) {
            lasting.dialer.hurry(*peer, Instant::now());
            if let Some(addresses) = self.heard.remove(peer) {
                lasting.dialer.found(*peer, addresses, Instant::now());
            }
        }
        self.dial_due(lasting);
    }
}

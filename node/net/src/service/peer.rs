//! The connected peers: their connections and what they have under way with us.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::InboundRequestId;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::Semaphore;

use super::Service;
use super::requests::Waiting;
use crate::address::{self, PeerKey};
use crate::lane::Lane;
use crate::limits;
use crate::net::{PeerStatus, Via};
use crate::supervise::{Lasting, Lists};

/// One connected peer.
pub(crate) struct Peer {
    pub key: PeerKey,
    connections: BTreeMap<ConnectionId, Line>,
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

/// One of its connections.
#[derive(Clone)]
pub(crate) struct Line {
    /// Where the peer is, seen from here.
    pub address: Multiaddr,
    /// How it goes.
    pub via: Via,
    /// Who opened it.
    pub opened: Opened,
}

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    Here,
    There,
}

impl Line {
    pub fn new(endpoint: &ConnectedPoint) -> Line {
        Line {
            address: address::without_peer(endpoint.get_remote_address().clone()),
            via: if endpoint.is_relayed() { Via::Relay } else { Via::Direct },
            opened: if endpoint.is_dialer() { Opened::Here } else { Opened::There },
        }
    }

    /// The smaller, the sooner kept: straight before relayed, QUIC before TCP, and then the older.
    fn rank(&self) -> (bool, bool) {
        (self.via == Via::Relay, !self.address.iter().any(|part| part == Protocol::QuicV1))
    }
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
    pub fn connected(&mut self, peer: PeerId, key: PeerKey, connection: ConnectionId, line: Line) -> bool {
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
        peer.connections.insert(connection, line);
        first
    }

    /// Notes the end of a connection; the peer's key if it was the last.
    pub fn connection_closed(&mut self, peer: &PeerId, connection: ConnectionId) -> Option<PeerKey> {
        let entry = self.peers.get_mut(peer)?;
        entry.connections.remove(&connection)?;
        if entry.connections.is_empty() { self.remove(peer) } else { None }
    }

    /// How the best connection of a peer goes.
    pub fn via(&self, peer: &PeerId) -> Option<Via> {
        self.peers.get(peer)?.best().map(|(_, line)| line.via)
    }

    /// The peers to which a direct connection stands.
    pub fn straight(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        let direct = |peer: &Peer| peer.best().is_some_and(|(_, line)| line.via == Via::Direct);
        self.peers.iter().filter(move |(_, peer)| direct(peer))
    }

    /// A connection of a peer.
    pub fn line(&self, peer: &PeerId, connection: ConnectionId) -> Option<&Line> {
        self.peers.get(peer)?.connections.get(&connection)
    }

    /// The connections of a peer, the best first.
    pub fn ranked(&self, peer: &PeerId) -> Vec<(ConnectionId, Line)> {
        let lines = self.peers.get(peer).map(|peer| &peer.connections).into_iter().flatten();
        let mut lines: Vec<_> = lines.map(|(id, line)| (*id, line.clone())).collect();
        lines.sort_by_key(|(_, line)| line.rank());
        lines
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
        let status = |peer: &Peer| {
            let (_, line) = peer.best()?;
            Some(PeerStatus {
                peer: peer.key,
                address: line.address.to_string(),
                via: line.via,
                connections: peer.connections.len(),
                round_trip: peer.round_trip,
            })
        };
        self.peers.values().filter_map(status).collect()
    }
}

impl Peer {
    /// The best connection; of equal ones the oldest.
    fn best(&self) -> Option<(&ConnectionId, &Line)> {
        self.connections.iter().min_by_key(|(_, line)| line.rank())
    }

    /// Where we dialled it straight.
    pub fn dialled_at(&self) -> Option<&Multiaddr> {
        let straight = |line: &&Line| line.via == Via::Direct && line.opened == Opened::Here;
        self.connections.values().find(straight).map(|line| &line.address)
    }
}

impl Service {
    /// A peer has several connections: what is dead is found now, what is too many is closed later.
    pub(super) fn crowd(&mut self, peer: PeerId, newest: ConnectionId) {
        let lines = self.peers.ranked(&peer);
        if lines.len() > 1 {
            for (connection, _) in lines.iter().filter(|(connection, _)| *connection != newest) {
                self.swarm.behaviour_mut().alive.hurry(peer, *connection);
            }
            self.tidy.insert(peer, Instant::now() + limits::TIDY_AFTER);
        }
    }

    /// Closes what a peer has too many. A relayed connection is closed by either side once a direct one stands. Of equal
    /// ones all but one are closed by one side alone, or both sides could close different ones and none would be left.
    pub(super) fn tidy(&mut self, peer: &PeerId) {
        let lines = self.peers.ranked(peer);
        let Some((_, best)) = lines.first() else { return };
        let via = best.via;
        let decides = self.swarm.local_peer_id() < peer;
        let spare = lines.iter().skip(1).filter(|(_, line)| line.via != via || decides);
        for (connection, _) in spare {
            tracing::debug!(?connection, "one connection is enough");
            self.swarm.close_connection(*connection);
        }
    }

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

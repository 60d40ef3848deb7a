//! The gate: who is not on the list gets no connection handler, hence no stream. Knows keys; not why a peer is listed.
//!
//! First in the order of behaviours: every handler after it is made only for listed peers, and nothing after it and the
//! connection limits may deny, because the request behaviours count a connection as soon as they are asked for a handler.

mod bucket;

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::ListenFailure;
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, ListenError, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm, dummy,
};

use crate::address::ip_of;
use bucket::Buckets;

/// Why the gate refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the peer is not on the list")]
    Stranger,
    #[error("too many failed attempts from this address")]
    TooMany,
}

/// The behaviour.
#[derive(Default)]
pub(crate) struct Gate {
    allowed: BTreeSet<PeerId>,
    closing: VecDeque<PeerId>,
    buckets: Buckets,
    refused: u64,
    waker: Option<Waker>,
}

impl Gate {
    /// Replaces the list. Connections of peers that are no longer on it are closed.
    pub fn allow(&mut self, peers: BTreeSet<PeerId>) {
        let removed: Vec<PeerId> = self.allowed.difference(&peers).copied().collect();
        self.allowed = peers;
        removed.into_iter().for_each(|peer| self.close(peer));
    }

    /// Closes all connections of a peer.
    pub fn close(&mut self, peer: PeerId) {
        self.closing.push_back(peer);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Connections refused so far.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn check(&self, peer: &PeerId) -> Result<(), ConnectionDenied> {
        if self.allowed.contains(peer) { Ok(()) } else { Err(ConnectionDenied::new(Refusal::Stranger)) }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        match ip_of(remote) {
            Some(ip) if !self.buckets.admits(ip, Instant::now()) => {
                self.refused += 1;
                Err(ConnectionDenied::new(Refusal::TooMany))
            }
            _ => Ok(()),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let verdict = self.check(&peer);
        if let Some(ip) = ip_of(remote) {
            match verdict {
                Ok(()) => self.buckets.familiar(ip, Instant::now()),
                Err(_) => self.buckets.charge(ip, Instant::now()),
            }
        }
        self.refused += u64::from(verdict.is_err());
        verdict.map(|()| dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        match peer {
            Some(peer) => self.check(&peer).map(|()| Vec::new()),
            None => Err(ConnectionDenied::new(Refusal::Stranger)),
        }
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(&peer).map(|()| dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ListenFailure(ListenFailure { send_back_addr, error: ListenError::Transport(_), .. }) = event
            && send_back_addr.iter().any(|part| matches!(part, Protocol::Tcp(_)))
            && let Some(ip) = ip_of(send_back_addr)
        {
            self.buckets.charge(ip, Instant::now());
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.closing.pop_front() {
            Some(peer_id) => Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::All }),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

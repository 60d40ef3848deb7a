//! Confinement: a behaviour that does not exist for some peers. A suspended peer may connect and use the lifeline; on
//! every other protocol it must find nothing, not a refusal: no stream can be opened (INV-33).
//!
//! 1. A connection is confined or not for its whole life; changing a peer's standing means closing its connections.
//! 2. The inner behaviour never hears of confined connections, also not in the counts of other connections.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::derive_prelude::Either;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{Multiaddr, PeerId};

/// The wrapped behaviour.
pub(crate) struct Confine<B> {
    inner: B,
    confined: BTreeSet<PeerId>,
    hidden: BTreeSet<ConnectionId>,
    shown: BTreeMap<PeerId, usize>,
}

impl<B> Confine<B> {
    /// Wraps a behaviour that nobody is kept from yet.
    pub fn new(inner: B) -> Confine<B> {
        Confine { inner, confined: BTreeSet::new(), hidden: BTreeSet::new(), shown: BTreeMap::new() }
    }

    /// Replaces the set of peers for whose new connections this behaviour does not exist (rule 1).
    pub fn confine(&mut self, peers: BTreeSet<PeerId>) {
        self.confined = peers;
    }

    /// That set.
    pub fn confined(&self) -> &BTreeSet<PeerId> {
        &self.confined
    }

    /// The wrapped behaviour.
    pub fn inner(&mut self) -> &mut B {
        &mut self.inner
    }

    /// Notes whether a new connection is hidden.
    fn hides(&mut self, peer: &PeerId, connection: ConnectionId) -> bool {
        let hidden = self.confined.contains(peer);
        if hidden {
            self.hidden.insert(connection);
        }
        hidden
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Confine<B> {
    type ConnectionHandler = Either<THandler<B>, dummy::ConnectionHandler>;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(connection, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.hides(&peer, connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner.handle_established_inbound_connection(connection, peer, local, remote).map(Either::Left)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.hides(&peer, connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner.handle_established_outbound_connection(connection, peer, address, role, port_use).map(Either::Left)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let event = match event {
            FromSwarm::ConnectionEstablished(event) if self.hidden.contains(&event.connection_id) => return,
            FromSwarm::ConnectionEstablished(event) => {
                let shown = self.shown.entry(event.peer_id).or_default();
                let other_established = *shown;
                *shown += 1;
                FromSwarm::ConnectionEstablished(ConnectionEstablished { other_established, ..event })
            }
            FromSwarm::ConnectionClosed(event) if self.hidden.remove(&event.connection_id) => return,
            FromSwarm::ConnectionClosed(event) => {
                let shown = self.shown.entry(event.peer_id).or_default();
                *shown = shown.saturating_sub(1);
                let remaining_established = *shown;
                if remaining_established == 0 {
                    self.shown.remove(&event.peer_id);
                }
                FromSwarm::ConnectionClosed(ConnectionClosed { remaining_established, ..event })
            }
            FromSwarm::AddressChange(event) if self.hidden.contains(&event.connection_id) => return,
            event => event,
        };
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {
            Either::Left(event) => self.inner.on_connection_handler_event(peer, connection, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.inner.poll(cx).map(|event| event.map_in(Either::Left))
    }
}

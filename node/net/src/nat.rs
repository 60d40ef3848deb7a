//! AutoNAT 2 as we use it. The library believes one server, tests loopback addresses, remembers candidates without end
//! and dials whatever it is told; these two wrappers take that away. What the tests say is weighed in `witness`.
//!
//! 1. Only public addresses are tested, of us and by us: nobody makes us knock at the doors of a private network.
//! 2. A test that succeeded confirms nothing by itself.
//! 3. A candidate is tested once; the library picks any server. It is offered a second time under another spelling, so
//!    that another server may be asked.

use std::collections::BTreeSet;
use std::task::{Context, Poll};

use libp2p::PeerId;
use libp2p::autonat::v2::{client, server};
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::NewExternalAddrCandidate;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::address::{self, Ranges};
use crate::limits;

/// Asks others whether they reach us.
pub(crate) struct Asking {
    inner: client::Behaviour,
    own: PeerId,
    ranges: Ranges,
    offered: BTreeSet<Multiaddr>,
}

impl Asking {
    /// A client that tests public addresses, as `ranges` tells them.
    pub fn new(own: PeerId, ranges: Ranges) -> Asking {
        let config = client::Config::default().with_probe_interval(limits::REACH_TEST_EVERY);
        let inner = client::Behaviour::new(StdRng::from_rng(&mut rand::rng()), config);
        Asking { inner, own, ranges, offered: BTreeSet::new() }
    }

    /// Offers a candidate once more (rule 3).
    pub fn again(&mut self, candidate: &Multiaddr) {
        let spelled = candidate.clone().with(Protocol::P2p(self.own));
        if self.offered.insert(spelled.clone()) {
            self.offer(&spelled);
        }
    }

    fn offer(&mut self, candidate: &Multiaddr) {
        self.inner.on_swarm_event(FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr: candidate }));
    }
}

impl NetworkBehaviour for Asking {
    type ConnectionHandler = THandler<client::Behaviour>;
    type ToSwarm = client::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(connection, peer, address, role, port_use)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::NewExternalAddrCandidate(NewExternalAddrCandidate { addr }) => {
                let room = self.offered.len() < limits::CANDIDATES_MAX;
                if room && address::is_public(addr, self.ranges) && self.offered.insert(addr.clone()) {
                    self.offer(&addr.clone());
                }
            }
            event => self.inner.on_swarm_event(event),
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match self.inner.poll(cx) {
                // Rule 2.
                Poll::Ready(ToSwarm::ExternalAddrConfirmed(_)) => {}
                other => return other,
            }
        }
    }
}

/// Tests for others whether we reach them.
pub(crate) struct Testing {
    inner: server::Behaviour,
    ranges: Ranges,
    dials: BTreeSet<ConnectionId>,
}

/// The address to test is not public.
#[derive(Debug, thiserror::Error)]
#[error("only public addresses are tested")]
struct NotPublic;

impl Testing {
    /// A server that dials public addresses, as `ranges` tells them.
    pub fn new(ranges: Ranges) -> Testing {
        let inner = server::Behaviour::new(StdRng::from_rng(&mut rand::rng()));
        Testing { inner, ranges, dials: BTreeSet::new() }
    }
}

impl NetworkBehaviour for Testing {
    type ConnectionHandler = THandler<server::Behaviour>;
    type ToSwarm = server::Event;

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        _: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let ours = self.dials.remove(&connection);
        if ours && !addresses.iter().all(|address| address::is_public(address, self.ranges)) {
            return Err(ConnectionDenied::new(NotPublic));
        }
        Ok(Vec::new())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(connection, peer, address, role, port_use)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::DialFailure(failed) = &event {
            self.dials.remove(&failed.connection_id);
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        let event = self.inner.poll(cx);
        if let Poll::Ready(ToSwarm::Dial { opts }) = &event {
            self.dials.insert(opts.connection_id());
        }
        event
    }
}

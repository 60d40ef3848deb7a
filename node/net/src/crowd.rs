//! How many connections one peer has. A new one of an authenticated peer is always worth more than its oldest: after a
//! crash and restart the old ones are dead, and refusing the new one would lock the peer out until they time out. So the
//! oldest is closed instead, and only a peer that keeps connections from ending is refused.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};

use crate::limits;

/// The peer has too many connections that do not end.
#[derive(Debug, thiserror::Error)]
#[error("the peer has too many connections")]
pub(crate) struct Crowded;

/// The behaviour.
#[derive(Default)]
pub(crate) struct Crowd {
    /// Each peer's connections, oldest first.
    peers: BTreeMap<PeerId, Connections>,
    closing: VecDeque<(PeerId, ConnectionId)>,
}

#[derive(Default)]
struct Connections {
    open: VecDeque<ConnectionId>,
    closing: Vec<ConnectionId>,
}

impl Crowd {
    fn admit(&self, peer: &PeerId) -> Result<THandler<Self>, ConnectionDenied> {
        let ending = self.peers.get(peer).map_or(0, |connections| connections.closing.len());
        if ending >= limits::ENDING_PER_PEER_MAX {
            return Err(ConnectionDenied::new(Crowded));
        }
        Ok(dummy::ConnectionHandler)
    }

    fn opened(&mut self, peer: PeerId, connection: ConnectionId) {
        let connections = self.peers.entry(peer).or_default();
        connections.open.push_back(connection);
        while connections.open.len() > limits::ESTABLISHED_PER_PEER_MAX
            && let Some(oldest) = connections.open.pop_front()
        {
            connections.closing.push(oldest);
            self.closing.push_back((peer, oldest));
        }
    }

    fn closed(&mut self, peer: PeerId, connection: ConnectionId) {
        if let Some(connections) = self.peers.get_mut(&peer) {
            connections.open.retain(|open| *open != connection);
            connections.closing.retain(|closing| *closing != connection);
            if connections.open.is_empty() && connections.closing.is_empty() {
                self.peers.remove(&peer);
            }
        }
    }
}

impl NetworkBehaviour for Crowd {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(&peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(&peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => self.opened(event.peer_id, event.connection_id),
            FromSwarm::ConnectionClosed(event) => self.closed(event.peer_id, event.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.closing.pop_front() {
            Some((peer_id, connection)) => {
                Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::One(connection) })
            }
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_and_who_keeps_it_from_ending_is_refused() {
        let (mut crowd, ben) = (Crowd::default(), PeerId::random());
        let connection = ConnectionId::new_unchecked;
        for number in 0..limits::ESTABLISHED_PER_PEER_MAX + limits::ENDING_PER_PEER_MAX {
            assert!(crowd.admit(&ben).is_ok());
            crowd.opened(ben, connection(number));
        }
        assert_eq!(crowd.closing.front(), Some(&(ben, connection(0))));
        assert!(crowd.admit(&ben).is_err());
        crowd.closed(ben, connection(0));
        assert!(crowd.admit(&ben).is_ok());
        for number in 0..limits::ESTABLISHED_PER_PEER_MAX + limits::ENDING_PER_PEER_MAX {
            crowd.closed(ben, connection(number));
        }
        assert!(crowd.peers.is_empty());
    }
}

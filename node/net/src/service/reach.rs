//! Where the node listens, whom it dials, and whom it finds in the neighbourhood.

use std::collections::BTreeMap;
use std::time::Instant;

use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId};

use super::Service;
use crate::address::{self, PeerKey};
use crate::error::NetError;
use crate::event::NetEvent;
use crate::limits;
use crate::net::Via;
use crate::supervise::Lasting;

impl Service {
    pub(super) fn listen(&mut self, at: usize, lasting: &Lasting) -> Result<(), NetError> {
        let address = lasting.listen[at].clone();
        let listener = self.swarm.listen_on(address.clone());
        let listener = listener.map_err(|error| NetError::Listen {
            address: address.to_string(),
            reason: address::causes(&error),
            taken: address::is_taken(&error),
        })?;
        self.listeners.insert(listener, at);
        Ok(())
    }

    /// Listens wherever it is possible, and later where it is not yet: a machine may have no IPv6. To listen nowhere is an
    /// error, and so is a port that somebody else has.
    pub(super) fn listen_all(&mut self, lasting: &Lasting) -> Result<(), NetError> {
        let mut failed = None;
        for at in 0..lasting.listen.len() {
            match self.listen(at, lasting) {
                Ok(()) => {}
                Err(error @ NetError::Listen { taken: true, .. }) => return Err(error),
                Err(error) => {
                    tracing::info!(%error, "will be tried again");
                    self.relisten.push((Instant::now() + limits::RELISTEN_PAUSE, at));
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if self.listeners.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) async fn await_listeners(&mut self, lasting: &mut Lasting) {
        let mut silent: Vec<ListenerId> = self.listeners.keys().copied().collect();
        let all_named = async {
            while !silent.is_empty() {
                let event = self.swarm.select_next_some().await;
                if let SwarmEvent::NewListenAddr { listener_id, .. } | SwarmEvent::ListenerClosed { listener_id, .. } =
                    &event
                {
                    silent.retain(|listener| listener != listener_id);
                }
                self.on_event(event, lasting);
            }
        };
        // A listener on an interface that is down names its address once the interface is up.
        let _ = tokio::time::timeout(limits::LISTEN_TIMEOUT, all_named).await;
    }

    pub(super) fn on_listening(&mut self, listener: ListenerId, address: Multiaddr, lasting: &mut Lasting) {
        if self.relays.listening(listener, &address) {
            return self.reach_changed(lasting);
        }
        if let Some(at) = self.listeners.get(&listener) {
            lasting.listen[*at] = address::with_port_of(&lasting.listen[*at], &address);
        }
        let address = address.to_string();
        if !self.listen.contains(&address) {
            self.listen.push(address.clone());
            lasting.outbox.tell(NetEvent::Listening { address });
        }
        lasting.dialer.network_changed(Instant::now(), rand::random);
    }

    pub(super) fn on_listen_ended(&mut self, address: &Multiaddr, lasting: &mut Lasting) {
        let address = address.to_string();
        if let Some(at) = self.listen.iter().position(|known| *known == address) {
            self.listen.remove(at);
            lasting.outbox.tell(NetEvent::ListenEnded { address });
        }
        lasting.dialer.network_changed(Instant::now(), rand::random);
    }

    pub(super) fn next_wake(&self, lasting: &Lasting) -> Option<Instant> {
        let dial = lasting.dialer.next(|peer| lasting.lists.admit(peer));
        let listen = self.relisten.iter().map(|(at, _)| *at).min();
        let tidy = self.tidy.values().min().copied();
        let reach = [self.relays.retry, self.witnesses.next()];
        dial.into_iter().chain(listen).chain(tidy).chain(reach.into_iter().flatten()).min()
    }

    pub(super) fn on_time(&mut self, lasting: &mut Lasting) {
        let now = Instant::now();
        let due: Vec<usize> =
            self.relisten.iter().filter(|(at, _)| *at <= now).map(|(_, listener)| *listener).collect();
        self.relisten.retain(|(at, _)| *at > now);
        for at in due {
            if let Err(error) = self.listen(at, lasting) {
                tracing::debug!(%error, "will be tried again");
                self.relisten.push((now + limits::RELISTEN_PAUSE, at));
            }
        }
        for peer in self.tidy.extract_if(.., |_, at| *at <= now).map(|(peer, _)| peer).collect::<Vec<_>>() {
            self.tidy(&peer);
        }
        if self.relays.retry.is_some_and(|at| at <= now) || self.witnesses.next().is_some_and(|at| at <= now) {
            self.relays.retry = None;
            self.witnesses.forget_old(now);
            self.reach_changed(lasting);
        }
        self.dial_due(lasting);
    }

    pub(super) fn dial_due(&mut self, lasting: &mut Lasting) {
        self.dial_fresh(lasting);
        let now = Instant::now();
        for (peer, addresses) in lasting.dialer.due(now, |peer| lasting.lists.admit(peer)) {
            let via = self.peers.via(&peer.peer_id());
            if via == Some(Via::Direct) {
                lasting.dialer.connected(peer, Via::Direct, now);
                continue;
            }
            let dial =
                DialOpts::peer_id(peer.peer_id()).condition(PeerCondition::NotDialing).addresses(addresses).build();
            if let Err(error) = self.swarm.dial(dial) {
                tracing::debug!(%error, ?peer, "not dialled");
                lasting.dialer.failed(peer, None, now, rand::random());
            }
        }
    }

    /// Dials new addresses of peers beside the dials under way.
    fn dial_fresh(&mut self, lasting: &mut Lasting) {
        for (peer, addresses) in lasting.dialer.fresh(|peer| lasting.lists.admit(peer)) {
            let beside =
                DialOpts::peer_id(peer.peer_id()).condition(PeerCondition::Always).addresses(addresses).build();
            if let Err(error) = self.swarm.dial(beside) {
                tracing::debug!(%error, ?peer, "not dialled");
            }
        }
    }

    pub(super) fn on_dial_error(&mut self, peer: PeerId, error: DialError, lasting: &mut Lasting) {
        let Some(key) = PeerKey::of_peer_id(&peer) else { return };
        tracing::debug!(%error, peer = ?key, "dial failed");
        if self.peers.via(&peer) == Some(Via::Direct) {
            return lasting.dialer.connected(key, Via::Direct, Instant::now());
        }
        let wrong = match error {
            DialError::WrongPeerId { address, .. } | DialError::LocalPeerId { address } => {
                Some(address::without_peer(address))
            }
            _ => None,
        };
        lasting.dialer.failed(key, wrong, Instant::now(), rand::random());
    }

    pub(super) fn on_neighbours(&mut self, found: Vec<(PeerId, Multiaddr)>, lasting: &mut Lasting) {
        let mut by_peer: BTreeMap<PeerKey, Vec<Multiaddr>> = BTreeMap::new();
        for (peer, address) in found {
            if let Some(key) = PeerKey::of_peer_id(&peer)
                && let Ok(address) = address::parse(&address.to_string(), Some(key))
            {
                by_peer.entry(key).or_default().push(address);
            }
        }
        for (peer, mut addresses) in by_peer {
            if lasting.lists.admit(&peer) {
                lasting.dialer.found(peer, addresses, Instant::now());
            } else if self.heard.len() < limits::PEERS_WANTED_MAX || self.heard.contains_key(&peer) {
                addresses.truncate(limits::ADDRESSES_PER_PEER_MAX);
                self.heard.insert(peer, addresses);
            }
        }
        self.dial_due(lasting);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::net::{Gossip, Mdns, NetConfig, Reach};

    #[tokio::test]
    async fn neighbours_are_dialled_only_if_they_are_on_the_list() {
        let (_commands, queue) = mpsc::channel(1);
        let (events, _received) = mpsc::channel(8);
        let config = NetConfig {
            secret: [1; 32],
            listen: Vec::new(),
            org_tag: [0; 16],
            mdns: Mdns::Off,
            gossip: Gossip::Off,
            reach: Reach::default(),
        };
        let mut lasting = Lasting::new(config, queue, events).unwrap();
        let mut service = Service::open(&mut lasting).await.unwrap();
        let (ben, eve) = (PeerKey::of_secret(&[2; 32]), PeerKey::of_secret(&[66; 32]));
        let found = |peer: PeerKey| {
            let address = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", peer.peer_id());
            vec![(peer.peer_id(), address.parse().unwrap())]
        };
        service.admit([ben].into(), [].into(), &mut lasting);
        service.on_neighbours(found(eve), &mut lasting);
        assert!(lasting.dialer.is_idle());
        service.on_neighbours(found(ben), &mut lasting);
        assert!(!lasting.dialer.is_idle());
        lasting.dialer.forget(ben);
        service.admit([eve].into(), [].into(), &mut lasting);
        assert!(!lasting.dialer.is_idle(), "who was seen before it was listed is dialled when it is");
        service.cut(limits::CLOSE_TIMEOUT).await;
    }
}

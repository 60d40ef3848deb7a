//! One swarm at work: turns commands into libp2p calls and libp2p's events into ours. Decides nothing about anybody.

mod messages;
mod peer;
mod reach;
mod relay;
mod requests;

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::core::ConnectedPoint;
use libp2p::core::transport::ListenerId;
use libp2p::core::upgrade::Version;
use libp2p::swarm::{self, ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, mdns};
use tokio::sync::oneshot;

use crate::address::{self, PeerKey};
use crate::alive::Heard;
use crate::behaviour::{Behaviour, BehaviourEvent, Wishes};
use crate::error::NetError;
use crate::event::NetEvent;
use crate::lane::Lane;
use crate::net::{Command, NetStatus, Upnp, UpnpState};
use crate::supervise::Lasting;
use crate::tasks::Tasks;
use crate::witness::Witnesses;
use crate::{limits, transport};
use peer::{Line, Peers};
use relay::Relays;
use requests::Asked;

/// A running swarm and what belongs to its connections.
pub(crate) struct Service {
    swarm: Swarm<Behaviour>,
    tasks: Tasks,
    peers: Peers,
    asked: BTreeMap<(Lane, libp2p::request_response::OutboundRequestId), Asked>,
    listeners: HashMap<ListenerId, usize>,
    /// Listeners that ended, and when to open them again.
    relisten: Vec<(Instant, usize)>,
    listen: Vec<String>,
    /// Neighbours heard of that are not on the list (yet).
    heard: BTreeMap<PeerKey, Vec<Multiaddr>>,
    /// Peers with several connections, and when to close those that are too many.
    tidy: BTreeMap<PeerId, Instant>,
    /// Who measures a round trip.
    sounding: BTreeMap<PeerId, Vec<oneshot::Sender<Option<Duration>>>>,
    witnesses: Witnesses,
    relays: Relays,
    /// Where others reach this node, as told to the swarm.
    reached_at: Vec<Multiaddr>,
    /// Those, and the addresses over relays, as told to the node.
    told: Vec<Multiaddr>,
    /// What the router forwards.
    mapped: Vec<Multiaddr>,
    status: NetStatus,
}

/// How often a closing network looks whether its ports are free.
const PORT_PAUSE: Duration = Duration::from_millis(20);

/// How a service is to end, and who waits for it.
pub(crate) struct Closing {
    /// How long each step may take.
    pub patience: Duration,
    /// Told at the end.
    pub done: oneshot::Sender<()>,
}

/// Why a service ended.
pub(crate) enum Ended {
    /// It was told to, or nobody holds the handle any more.
    Closed(Option<Closing>),
    /// A connection's task panicked.
    TaskPanicked,
}

impl Service {
    /// Builds a swarm and waits until its listeners have addresses.
    pub async fn open(lasting: &mut Lasting) -> Result<Service, NetError> {
        let tasks = Tasks::default();
        let (transport, carried) = transport::with_relays(&lasting.keypair, &lasting.org_tag)
            .map_err(|error| NetError::Setup { reason: error.to_string() })?;
        let (upnp, ranges) = (lasting.reach.upnp, lasting.reach.ranges);
        let wishes = Wishes { mdns: lasting.mdns, gossip: lasting.gossip, upnp, ranges, carried };
        let behaviour = Behaviour::new(&lasting.keypair, wishes)?;
        let config = swarm::Config::with_executor(tasks.clone())
            .with_idle_connection_timeout(limits::IDLE_TIMEOUT)
            .with_max_negotiating_inbound_streams(limits::NEGOTIATING_STREAMS_MAX)
            // A request goes out with the name of its protocol instead of one round trip after it.
            .with_substream_upgrade_protocol_override(Version::V1Lazy)
            .with_smart_dial();
        let own = lasting.keypair.public().to_peer_id();
        let mut service = Service {
            swarm: Swarm::new(transport, behaviour, own, config),
            tasks,
            peers: Peers::default(),
            asked: BTreeMap::new(),
            listeners: HashMap::new(),
            relisten: Vec::new(),
            listen: Vec::new(),
            heard: BTreeMap::new(),
            tidy: BTreeMap::new(),
            sounding: BTreeMap::new(),
            witnesses: Witnesses::new(lasting.announced.clone()),
            relays: Relays::default(),
            reached_at: Vec::new(),
            told: Vec::new(),
            mapped: Vec::new(),
            status: NetStatus {
                upnp: if upnp == Upnp::On { UpnpState::Trying } else { UpnpState::Off },
                ..NetStatus::default()
            },
        };
        service.admit(lasting.lists.allowed.clone(), lasting.lists.confined.clone(), lasting);
        service.set_topics(&lasting.topics);
        service.listen_all(lasting)?;
        service.await_listeners(lasting).await;
        service.reach_changed(lasting);
        Ok(service)
    }

    /// Works until told to close or a task panics.
    pub async fn run(&mut self, lasting: &mut Lasting) -> Ended {
        loop {
            let wake = self.next_wake(lasting);
            let room = lasting.outbox.sender();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event, lasting),
                command = lasting.commands.recv() => match command {
                    Some(Command::Close { patience, done }) => return Ended::Closed(Some(Closing { patience, done })),
                    Some(command) => self.on_command(command, lasting),
                    None => return Ended::Closed(None),
                },
                _ = room.reserve(), if lasting.outbox.is_waiting() => lasting.outbox.flush(),
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => {
                    self.on_time(lasting);
                }
                () = self.tasks.panicked() => return Ended::TaskPanicked,
            }
        }
    }

    /// The peers that the node believes connected.
    pub fn connected(&self) -> Vec<PeerKey> {
        self.peers.keys().collect()
    }

    /// Takes leave of all peers and frees the ports, as far as that goes in `patience` a step.
    pub async fn close(mut self, patience: Duration) {
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // It may be gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let leave = async {
            while self.swarm.network_info().connection_counters().num_established() > 0 {
                self.swarm.select_next_some().await;
            }
        };
        let _ = tokio::time::timeout(patience, leave).await;
        self.cut(patience).await;
    }

    /// Frees the ports. What is left of a swarm that panicked may panic again while it is dropped.
    pub async fn cut(self, patience: Duration) {
        let Service { swarm, tasks, listen, .. } = self;
        if std::panic::catch_unwind(AssertUnwindSafe(move || drop(swarm))).is_err() {
            tracing::warn!("the swarm panicked while it was dropped");
        }
        tasks.end(patience).await;
        // QUIC keeps its port until the peers had time to hear the goodbye, also those that were dialled in vain.
        let freed = async {
            while !listen.iter().all(|text| address::is_udp_port_free(text)) {
                tokio::time::sleep(PORT_PAUSE).await;
            }
        };
        if tokio::time::timeout(patience, freed).await.is_err() {
            tracing::debug!("a port is still taken");
        }
    }

    fn on_command(&mut self, command: Command, lasting: &mut Lasting) {
        // Whoever asked may have given up: errors of sending the reply mean nothing.
        match command {
            Command::Allow { peers, done } => {
                self.admit(peers, lasting.lists.confined.clone(), lasting);
                let _ = done.send(());
            }
            Command::Confine { peers, done } => {
                self.admit(lasting.lists.allowed.clone(), peers, lasting);
                let _ = done.send(());
            }
            Command::Want { peer, addresses, how, done } => {
                let addresses = address::parse_all(&addresses, peer);
                let kept = lasting.dialer.want(peer, addresses, how, Instant::now());
                let _ = done.send(if kept {
                    Ok(())
                } else {
                    Err(NetError::TooManyPeers { max: limits::PEERS_WANTED_MAX })
                });
                self.dial_due(lasting);
            }
            Command::Forget { peer } => lasting.dialer.forget(peer),
            Command::Sound { peer, reply } => self.sound(peer, reply),
            Command::Request { peer, lane, frame, reply } => self.request(peer, lane, frame, reply, lasting),
            Command::Respond { token, frame } => self.respond(token, frame),
            Command::Subscribe { topics, done } => {
                self.set_topics(&topics);
                lasting.topics = topics;
                let _ = done.send(());
            }
            Command::Publish { topic, bytes, reply } => {
                let _ = reply.send(self.publish(topic, bytes));
            }
            Command::Judge { token, verdict } => self.judge(token, verdict, lasting),
            Command::Status { reply } => {
                let _ = reply.send(self.status(lasting));
            }
            // Handled where the loop can be left.
            Command::Close { .. } => {}
            #[cfg(test)]
            Command::Panic => panic!("told to"),
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>, lasting: &mut Lasting) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event, lasting),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint, lasting);
                if endpoint.is_listener() {
                    lasting.dialer.network_changed(Instant::now(), rand::random);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                tracing::debug!(?cause, "connection closed");
                self.on_connection_closed(peer_id, connection_id, lasting);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                self.on_dial_error(peer, error, lasting)
            }
            SwarmEvent::IncomingConnectionError { error, .. } => tracing::debug!(%error, "inbound connection refused"),
            SwarmEvent::NewListenAddr { listener_id, address } => self.on_listening(listener_id, address, lasting),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.on_listen_ended(&address, lasting),
            SwarmEvent::ListenerClosed { listener_id, .. } if self.relays.ended(listener_id) => {
                self.reach_changed(lasting);
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                tracing::warn!(?reason, "a listener ended");
                addresses.iter().for_each(|address| self.on_listen_ended(address, lasting));
                if let Some(at) = self.listeners.remove(&listener_id) {
                    self.relisten.push((Instant::now() + limits::RELISTEN_PAUSE, at));
                }
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent, lasting: &mut Lasting) {
        match event {
            BehaviourEvent::Sync(event) => self.on_lane(Lane::Sync, event, lasting),
            BehaviourEvent::Blob(event) => self.on_lane(Lane::Blob, event, lasting),
            BehaviourEvent::Lifeline(event) => self.on_lane(Lane::Lifeline, event, lasting),
            BehaviourEvent::Gossip(event) => self.on_gossip(event, lasting),
            BehaviourEvent::Alive(heard) => self.on_heard(heard),
            BehaviourEvent::Identify(event) => self.on_identify(event, lasting),
            BehaviourEvent::Asking(event) => self.on_tested(event, lasting),
            BehaviourEvent::Relay(event) => self.on_relay(event),
            BehaviourEvent::Upnp(event) => self.on_upnp(event, lasting),
            BehaviourEvent::Carried(_) | BehaviourEvent::Testing(_) => {}
            BehaviourEvent::Punch(event) => tracing::debug!(?event, "a hole was tried"),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => self.on_neighbours(found, lasting),
            BehaviourEvent::Mdns(mdns::Event::Expired(gone)) => {
                gone.iter().filter_map(|(peer, _)| PeerKey::of_peer_id(peer)).for_each(|peer| {
                    self.heard.remove(&peer);
                });
            }
            BehaviourEvent::Gate(never) | BehaviourEvent::Crowd(never) | BehaviourEvent::Limits(never) => {
                match never {}
            }
        }
    }

    fn status(&mut self, lasting: &Lasting) -> NetStatus {
        NetStatus {
            peers: self.peers.status(),
            listen: self.listen.clone(),
            addresses: self.own_addresses(),
            nat: self.witnesses.nat(),
            relays: self.relays.used().collect(),
            circuits: self.relays.circuits,
            strangers_refused: self.swarm.behaviour().gate.refused(),
            panics: lasting.panics,
            ..self.status.clone()
        }
    }

    fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, end: &ConnectedPoint, lasting: &mut Lasting) {
        let Some(key) = PeerKey::of_peer_id(&peer) else { return };
        if !lasting.lists.admit(&key) {
            // Taken off the list between the handshake and this event; the gate is closing it.
            return lasting.dialer.disconnected(key, Instant::now(), rand::random());
        }
        let line = Line::new(end);
        let address = line.address.to_string();
        if self.peers.connected(peer, key, connection, line) {
            lasting.outbox.tell(NetEvent::Connected { peer: key, address });
        }
        if let Some(via) = self.peers.via(&peer) {
            lasting.dialer.connected(key, via, Instant::now());
        }
        self.crowd(peer, connection);
    }

    fn on_heard(&mut self, heard: Heard) {
        let Heard { peer, connection, round_trip } = heard;
        match round_trip {
            Some(round_trip) => self.peers.measured(&peer, round_trip),
            None => {
                tracing::debug!(?connection, "connection is dead");
                self.swarm.close_connection(connection);
            }
        }
        // The ones who asked may have given up.
        let waiting = self.sounding.remove(&peer).into_iter().flatten();
        waiting.for_each(|reply| {
            let _ = reply.send(round_trip);
        });
    }

    fn sound(&mut self, peer: PeerKey, reply: oneshot::Sender<Option<Duration>>) {
        let id = peer.peer_id();
        let Some((connection, _)) = self.peers.ranked(&id).into_iter().next() else {
            let _ = reply.send(None);
            return;
        };
        let waiting = self.sounding.entry(id).or_default();
        if waiting.len() < limits::SOUNDINGS_MAX {
            waiting.push(reply);
            self.swarm.behaviour_mut().alive.hurry(id, connection);
        }
    }

    fn on_connection_closed(&mut self, peer: PeerId, connection: ConnectionId, lasting: &mut Lasting) {
        match self.peers.connection_closed(&peer, connection) {
            Some(key) => self.on_disconnected(peer, key, lasting),
            None => {
                if let (Some(key), Some(via)) = (PeerKey::of_peer_id(&peer), self.peers.via(&peer)) {
                    lasting.dialer.connected(key, via, Instant::now());
                }
            }
        }
    }

    fn on_disconnected(&mut self, peer: PeerId, key: PeerKey, lasting: &mut Lasting) {
        self.abandon_requests(&peer);
        self.tidy.remove(&peer);
        self.sounding.remove(&peer);
        self.relays.gone(&peer);
        self.witnesses.gone(key, Instant::now());
        lasting.dialer.disconnected(key, Instant::now(), rand::random());
        lasting.outbox.tell(NetEvent::Disconnected { peer: key });
    }
}

//! The pairing swarm at work: one task that owns it and moves frames between streams and queues.
//!
//! A frame is a request, its receipt an empty response, so that the sender waits for the reader. An empty request is a
//! heartbeat: it keeps routers from forgetting a connection in which people compare digits, and finds dead ones.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::request_response::{Message, OutboundFailure, OutboundRequestId};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{self, ConnectionId, DialError, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::{PROLOGUE, PROTOCOL, PairConnection, PairError, PairEvent, transport};
use crate::address::{self, PeerKey};
use crate::error::NetError;
use crate::frame::{Frame, Limit};
use crate::lane::{self, AnswerChannel, LaneBehaviour, LaneEvent};
use crate::limits;
use crate::tasks::Tasks;

/// What a frame may measure.
pub(super) const FRAME: Limit = Limit { wire: limits::PAIR_FRAME_BYTES_MAX + 1, plain: limits::PAIR_FRAME_BYTES_MAX };
/// What a receipt may measure.
const RECEIPT: Limit = Limit { wire: 1, plain: 0 };
/// The pause between heartbeats; routers forget silent UDP after 30 s at the earliest.
const BEAT: Duration = Duration::from_secs(20);

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    frames: LaneBehaviour,
}

/// What the handles tell the task.
#[derive(Debug)]
pub(crate) enum Command {
    Send { peer: PeerKey, frame: Frame, reply: oneshot::Sender<Result<(), PairError>> },
    Read { peer: PeerKey },
    Leave { peer: PeerKey },
    Shut { done: oneshot::Sender<()> },
}

/// The swarm and its connections.
pub(super) struct Hall {
    swarm: Swarm<Behaviour>,
    tasks: Tasks,
    guests: HashMap<PeerId, Guest>,
    sent: HashMap<OutboundRequestId, oneshot::Sender<Result<(), PairError>>>,
    commands: mpsc::WeakSender<Command>,
    events: mpsc::Sender<PairEvent>,
}

struct Guest {
    connection: ConnectionId,
    frames: mpsc::Sender<Bytes>,
    /// Frames that found the queue full, and where their receipts go. Bounded by the streams of a connection.
    held: VecDeque<(Bytes, AnswerChannel)>,
}

impl Hall {
    pub fn new(
        secret: &[u8; 32],
        commands: mpsc::WeakSender<Command>,
        events: mpsc::Sender<PairEvent>,
    ) -> io::Result<Hall> {
        let keypair = address::keypair(secret);
        let connections = Some(limits::PAIR_CONNECTIONS_MAX);
        let counts = ConnectionLimits::default()
            .with_max_pending_incoming(connections)
            .with_max_established(connections)
            .with_max_established_per_peer(Some(1));
        let behaviour = Behaviour {
            limits: connection_limits::Behaviour::new(counts),
            frames: lane::frames(StreamProtocol::new(PROTOCOL), FRAME, RECEIPT),
        };
        let tasks = Tasks::default();
        let config = swarm::Config::with_executor(tasks.clone())
            .with_idle_connection_timeout(limits::PAIR_IDLE_TIMEOUT)
            .with_max_negotiating_inbound_streams(limits::PAIR_FRAMES_WAITING_MAX)
            .with_smart_dial();
        let swarm = Swarm::new(transport::build(&keypair, PROLOGUE)?, behaviour, keypair.public().to_peer_id(), config);
        Ok(Hall { swarm, tasks, guests: HashMap::new(), sent: HashMap::new(), commands, events })
    }

    /// Opens listeners and returns their addresses.
    pub async fn listen(&mut self, addresses: &[Multiaddr]) -> Result<Vec<String>, NetError> {
        let (mut silent, mut failed) = (Vec::new(), None);
        for address in addresses {
            match self.swarm.listen_on(address.clone()) {
                Ok(listener) => silent.push(listener),
                Err(error) => {
                    let reason = address::causes(&error);
                    let (address, taken) = (address.to_string(), address::is_taken(&error));
                    failed = Some(NetError::Listen { address, reason, taken });
                }
            }
        }
        // A machine may have no IPv6; to listen nowhere is an error, and so is a port that somebody else has.
        let none = silent.is_empty();
        if let Some(error) = failed.filter(|error| none || matches!(error, NetError::Listen { taken: true, .. })) {
            return Err(error);
        }
        let all_named = async {
            while !silent.is_empty() {
                let event = self.swarm.select_next_some().await;
                if let SwarmEvent::NewListenAddr { listener_id, .. } = &event {
                    silent.retain(|listener| listener != listener_id);
                }
                self.on_event(event);
            }
        };
        // A listener without an interface stays silent; the others count.
        let _ = timeout(limits::LISTEN_TIMEOUT, all_named).await;
        Ok(self.swarm.listeners().map(Multiaddr::to_string).collect())
    }

    /// Connects. An address where somebody else answers is left out and the rest tried again.
    pub async fn dial(&mut self, expected: PeerKey, mut addresses: Vec<Multiaddr>) -> Result<(), PairError> {
        let mut failure = PairError::Unreachable;
        while !addresses.is_empty() {
            let dial = DialOpts::peer_id(expected.peer_id()).addresses(addresses.clone()).build();
            self.swarm.dial(dial).map_err(|error| PairError::Setup { reason: error.to_string() })?;
            match self.dialled().await {
                Ok(()) => return Ok(()),
                Err(DialError::WrongPeerId { address, .. } | DialError::LocalPeerId { address }) => {
                    let wrong = address::without_peer(address);
                    let before = addresses.len();
                    addresses.retain(|address| *address != wrong);
                    if addresses.len() == before {
                        // A name was resolved to that address: no telling which.
                        addresses.clear();
                    }
                    failure = PairError::WrongPeer;
                }
                Err(error) => {
                    tracing::debug!(error = address::causes(&error), "pairing dial failed");
                    return Err(failure);
                }
            }
        }
        Err(failure)
    }

    async fn dialled(&mut self) -> Result<(), DialError> {
        loop {
            match self.swarm.select_next_some().await {
                SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error),
                event @ SwarmEvent::ConnectionEstablished { .. } => {
                    self.on_event(event);
                    return Ok(());
                }
                event => self.on_event(event),
            }
        }
    }

    /// Works until the door is shut or nobody holds a handle any more.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut beat = tokio::time::interval_at(Instant::now() + BEAT, BEAT);
        let done = loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                command = commands.recv() => match command {
                    Some(Command::Shut { done }) => break Some(done),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                _ = beat.tick() => self.beat(),
                () = self.tasks.panicked() => break None,
            }
        };
        self.guests.clear();
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
        let _ = timeout(limits::CLOSE_TIMEOUT, leave).await;
        drop(self.swarm);
        self.tasks.end(limits::CLOSE_TIMEOUT).await;
        // Nobody may be waiting any more.
        let _ = done.map(|done| done.send(()));
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Send { peer, frame, reply } => {
                let id = peer.peer_id();
                if self.guests.contains_key(&id) {
                    let request = self.swarm.behaviour_mut().frames.send_request(&id, frame);
                    self.sent.insert(request, reply);
                } else {
                    // The sender may have given up.
                    let _ = reply.send(Err(PairError::Closed));
                }
            }
            Command::Read { peer } => self.hand_over(&peer.peer_id()),
            Command::Leave { peer } => self.end(&peer.peer_id()),
            // Handled where the loop can be left.
            Command::Shut { .. } => {}
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                let address = address::without_peer(endpoint.get_remote_address().clone());
                self.on_connected(peer_id, connection_id, address.to_string());
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. }
                if self.guests.get(&peer_id).is_some_and(|guest| guest.connection == connection_id) =>
            {
                self.guests.remove(&peer_id);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Frames(event)) => self.on_frame(event),
            _ => {}
        }
    }

    fn on_connected(&mut self, id: PeerId, connection: ConnectionId, address: String) {
        let (sender, frames) = mpsc::channel(limits::PAIR_FRAMES_WAITING_MAX);
        let handle = PeerKey::of_peer_id(&id).zip(self.commands.upgrade());
        let kept = handle.is_some_and(|(peer, commands)| {
            let handle = PairConnection { peer, address, frames, commands };
            self.guests.insert(id, Guest { connection, frames: sender, held: VecDeque::new() });
            self.events.try_send(PairEvent::Connected(handle)).is_ok()
        });
        if !kept {
            self.end(&id);
        }
    }

    fn on_frame(&mut self, event: LaneEvent) {
        match event {
            LaneEvent::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                // A frame that cannot be unpacked was already refused by the codec.
                let Ok(bytes) = request.unpack(FRAME) else { return };
                if let Some(guest) = self.guests.get_mut(&peer) {
                    guest.held.push_back((bytes, channel));
                    self.hand_over(&peer);
                }
            }
            LaneEvent::Message { message: Message::Response { request_id, response }, .. } => {
                self.confirm(request_id, response.map(drop).ok_or(PairError::Closed));
            }
            LaneEvent::OutboundFailure { peer, request_id, error, .. } => {
                let error = match error {
                    OutboundFailure::Timeout => PairError::Timeout,
                    _ => PairError::Closed,
                };
                // Whatever failed, frames are in order or not at all.
                self.confirm(request_id, Err(error));
                self.end(&peer);
            }
            LaneEvent::InboundFailure { .. } | LaneEvent::ResponseSent { .. } => {}
        }
    }

    /// Moves frames that wait into the queue as far as there is room, and sends their receipts.
    fn hand_over(&mut self, id: &PeerId) {
        let Some(guest) = self.guests.get_mut(id) else { return };
        while let Some((bytes, channel)) = guest.held.pop_front() {
            if !bytes.is_empty()
                && let Err(error) = guest.frames.try_send(bytes)
            {
                if let mpsc::error::TrySendError::Full(bytes) = error {
                    guest.held.push_front((bytes, channel));
                }
                return;
            }
            let receipt = Some(Frame::raw(Bytes::new()));
            // The connection may have ended.
            let _ = self.swarm.behaviour_mut().frames.send_response(channel, receipt);
        }
    }

    fn confirm(&mut self, request: OutboundRequestId, result: Result<(), PairError>) {
        if let Some(reply) = self.sent.remove(&request) {
            // The sender may have given up.
            let _ = reply.send(result);
        }
    }

    fn beat(&mut self) {
        let gone: Vec<PeerId> =
            self.guests.iter().filter(|(_, guest)| guest.frames.is_closed()).map(|(id, _)| *id).collect();
        gone.iter().for_each(|id| self.end(id));
        let here: Vec<PeerId> = self.guests.keys().copied().collect();
        for id in here {
            self.hand_over(&id);
            self.swarm.behaviour_mut().frames.send_request(&id, Frame::raw(Bytes::new()));
        }
    }

    fn end(&mut self, id: &PeerId) {
        self.guests.remove(id);
        // It may be gone already.
        let _ = self.swarm.disconnect_peer_id(*id);
    }
}

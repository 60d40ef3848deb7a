//! What the node holds of the network: a handle that sends commands to the swarm's task and packs and unpacks payloads.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::address::{PeerKey, Ranges};
use crate::dial::Addresses;
use crate::error::{NetError, PublishError, RequestError};
use crate::event::{GossipToken, NetEvent, RequestToken, Verdict};
use crate::frame::Frame;
use crate::lane::Lane;
use crate::witness::Nat;
use crate::{gossip, limits, supervise};

/// Whether neighbours in the local network are looked for. Announces this node's peer id to that network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mdns {
    /// Announce and look.
    On,
    /// Stay silent.
    Off,
}

/// Whether live messages are exchanged. Without them everything still arrives, later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gossip {
    /// Join topics and pass messages on.
    On,
    /// Neither send nor receive any.
    Off,
}

/// Whether the router is asked to forward the port to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Upnp {
    /// Ask.
    On,
    /// Leave the router alone.
    #[default]
    Off,
}

/// How others come to reach this node.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Addresses at which others reach this node, e.g. of a port that a router forwards. A node that has one relays.
    pub announce: Vec<String>,
    /// Which addresses count as public.
    pub ranges: Ranges,
    /// Forwarding by the router.
    pub upnp: Upnp,
}

/// How the network starts.
#[derive(Clone)]
pub struct NetConfig {
    /// The node's ed25519 seed.
    pub secret: [u8; 32],
    /// Where to listen, as multiaddrs; port 0 takes a free one.
    pub listen: Vec<String>,
    /// Names the organisation to those who know it already; mixed into the TCP handshake.
    pub org_tag: [u8; 16],
    /// Local discovery.
    pub mdns: Mdns,
    /// Live messages.
    pub gossip: Gossip,
    /// How others come to reach this node.
    pub reach: Reach,
}

/// How a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Straight.
    Direct,
    /// Through a member in between, who sees who speaks with whom and how much, and nothing else.
    Relay,
}

/// How an own address came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// The node listens there.
    Listen,
    /// An administrator said so.
    Announced,
    /// Others reached the node there.
    Observed,
    /// Over a member that relays.
    Relay,
    /// The router forwards it.
    Mapped,
}

/// An own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// As a multiaddr.
    pub address: String,
    /// How it came to be known.
    pub kind: AddressKind,
    /// Worth telling others; false for what a single member claims to have seen.
    pub confirmed: bool,
}

/// How asking the router goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpnpState {
    /// Not asked.
    #[default]
    Off,
    /// Not answered yet.
    Trying,
    /// The port is forwarded.
    Mapped,
    /// No router that does that.
    Failed,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// Who.
    pub peer: PeerKey,
    /// Where, seen from here.
    pub address: String,
    /// How the best of them goes.
    pub via: Via,
    /// How many connections.
    pub connections: usize,
    /// The last measured round trip, if there was one yet.
    pub round_trip: Option<Duration>,
}

/// The network at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetStatus {
    /// Connected peers.
    pub peers: Vec<PeerStatus>,
    /// Where the node listens.
    pub listen: Vec<String>,
    /// Where the node can be reached, the likeliest first.
    pub addresses: Vec<OwnAddress>,
    /// Whether others can open connections to it.
    pub nat: Nat,
    /// Members that relay for this node.
    pub relays: Vec<PeerKey>,
    /// Connections between others that pass through this node.
    pub circuits: usize,
    /// How asking the router goes.
    pub upnp: UpnpState,
    /// Connections refused at the gate since the start or the last restart.
    pub strangers_refused: u64,
    /// Requests refused because the peer had too many under way or the node was too slow.
    pub requests_refused: u64,
    /// Gossip messages dropped for the same reasons.
    pub gossip_dropped: u64,
    /// Panics survived.
    pub panics: usize,
}

/// What the handle tells the swarm's task.
pub(crate) enum Command {
    Allow {
        peers: BTreeSet<PeerKey>,
        done: oneshot::Sender<()>,
    },
    Confine {
        peers: BTreeSet<PeerKey>,
        done: oneshot::Sender<()>,
    },
    Want {
        peer: PeerKey,
        addresses: Vec<String>,
        how: Addresses,
        done: oneshot::Sender<Result<(), NetError>>,
    },
    Forget {
        peer: PeerKey,
    },
    Sound {
        peer: PeerKey,
        reply: oneshot::Sender<Option<Duration>>,
    },
    Request {
        peer: PeerKey,
        lane: Lane,
        frame: Frame,
        reply: RequestReply,
    },
    Respond {
        token: RequestToken,
        frame: Frame,
    },
    Subscribe {
        topics: BTreeSet<String>,
        done: oneshot::Sender<()>,
    },
    Publish {
        topic: String,
        bytes: Bytes,
        reply: oneshot::Sender<Result<(), PublishError>>,
    },
    Judge {
        token: GossipToken,
        verdict: Verdict,
    },
    Status {
        reply: oneshot::Sender<NetStatus>,
    },
    Close {
        patience: Duration,
        done: oneshot::Sender<()>,
    },
    #[cfg(test)]
    Panic,
}

/// Where the packed answer to a request goes.
pub(crate) type RequestReply = oneshot::Sender<Result<Frame, RequestError>>;

/// The handle. Cloning is cheap; the network ends when `close` is called or the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Net {
    peer: PeerKey,
    commands: mpsc::Sender<Command>,
}

/// Starts the network in a task of its own on the current runtime. Returns once every listener has an address.
pub async fn start(config: NetConfig) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    let peer = PeerKey::of_secret(&config.secret);
    let (commands, command_queue) = mpsc::channel(limits::COMMANDS_MAX);
    let (events, event_queue) = mpsc::channel(limits::EVENTS_MAX);
    supervise::start(config, command_queue, events).await?;
    Ok((Net { peer, commands }, event_queue))
}

impl Net {
    /// The node's own key.
    pub fn peer(&self) -> PeerKey {
        self.peer
    }

    /// Replaces the list of peers that may connect. Connections of those no longer on it are being closed on
    /// return.
    pub async fn allow(&self, peers: BTreeSet<PeerKey>) -> Result<(), NetError> {
        self.ask(|done| Command::Allow { peers, done }).await
    }

    /// Replaces the list of suspended peers. They may connect, listed by `allow` or not, and use the lifeline alone.
    /// Connections of peers whose standing changed are being closed on return.
    pub async fn confine(&self, peers: BTreeSet<PeerKey>) -> Result<(), NetError> {
        self.ask(|done| Command::Confine { peers, done }).await
    }

    /// Wants a connection with a peer at these addresses, which replace those known before. It is dialled for ever,
    /// as long as it is on the list. Unusable addresses are left out.
    pub async fn dial(&self, peer: PeerKey, addresses: Vec<String>) -> Result<(), NetError> {
        self.ask(|done| Command::Want { peer, addresses, how: Addresses::Replace, done }).await?
    }

    /// Like `dial`, but the addresses are added to those known.
    pub async fn known_addresses(&self, peer: PeerKey, addresses: Vec<String>) -> Result<(), NetError> {
        self.ask(|done| Command::Want { peer, addresses, how: Addresses::Add, done }).await?
    }

    /// No longer dials a peer. A connection that stands is kept.
    pub async fn forget(&self, peer: PeerKey) -> Result<(), NetError> {
        self.send(Command::Forget { peer }).await
    }

    /// Measures a round trip to a connected peer now; `None` if it is not connected or does not answer in time.
    pub async fn sound(&self, peer: PeerKey) -> Result<Option<Duration>, NetError> {
        let asked = self.ask(|reply| Command::Sound { peer, reply });
        tokio::time::timeout(limits::PING_TIMEOUT, asked).await.unwrap_or(Ok(None))
    }

    /// Asks a connected peer and waits for the answer, at most 30 seconds from when the request is sent.
    pub async fn request(&self, peer: PeerKey, lane: Lane, bytes: Bytes) -> Result<Bytes, RequestError> {
        let frame = Frame::pack(bytes, lane.request_limit())?;
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(Command::Request { peer, lane, frame, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RequestError::Busy,
            mpsc::error::TrySendError::Closed(_) => RequestError::Closed,
        })?;
        let frame = tokio::time::timeout(limits::REQUEST_TOTAL_TIMEOUT, answer)
            .await
            .map_err(|_| RequestError::Timeout)?
            .unwrap_or(Err(RequestError::Unreachable))?;
        Ok(frame.unpack(lane.response_limit())?)
    }

    /// Answers a request. An answer to a peer that went away is dropped in silence.
    pub async fn respond(&self, token: RequestToken, bytes: Bytes) -> Result<(), RequestError> {
        let frame = Frame::pack(bytes, token.lane.response_limit())?;
        self.send(Command::Respond { token, frame }).await.map_err(|_| RequestError::Closed)
    }

    /// Refuses a request; the same as dropping the token.
    pub fn refuse(&self, token: RequestToken) {
        drop(token);
    }

    /// Replaces the set of topics.
    pub async fn subscribe(&self, topics: BTreeSet<String>) -> Result<(), NetError> {
        if topics.len() > limits::TOPICS_MAX {
            return Err(NetError::TooManyTopics { max: limits::TOPICS_MAX });
        }
        if let Some(topic) = topics.iter().find(|topic| !gossip::is_topic(topic)) {
            return Err(NetError::Topic { topic: topic.clone() });
        }
        self.ask(|done| Command::Subscribe { topics, done }).await
    }

    /// Sends a message to all who have the topic. Not repeated if it fails: catch-up brings what gossip loses.
    pub async fn publish(&self, topic: &str, bytes: Bytes) -> Result<(), PublishError> {
        if bytes.len() > limits::GOSSIP_BYTES_MAX {
            return Err(PublishError::TooLarge { max: limits::GOSSIP_BYTES_MAX });
        }
        let (reply, answer) = oneshot::channel();
        let command = Command::Publish { topic: topic.to_owned(), bytes, reply };
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PublishError::Busy,
            mpsc::error::TrySendError::Closed(_) => PublishError::Closed,
        })?;
        answer.await.unwrap_or(Err(PublishError::Closed))
    }

    /// Judges a gossip message; only an accepted one is passed on.
    pub async fn accept(&self, token: GossipToken, verdict: Verdict) -> Result<(), NetError> {
        self.send(Command::Judge { token, verdict }).await
    }

    /// Where the node listens, interface by interface. `address::reachable` picks what is worth telling others.
    pub async fn listen_addresses(&self) -> Result<Vec<String>, NetError> {
        Ok(self.status().await?.listen)
    }

    /// The network at a glance.
    pub async fn status(&self) -> Result<NetStatus, NetError> {
        self.ask(|reply| Command::Status { reply }).await
    }

    /// Takes leave of all peers and frees the ports. Closing twice is no error.
    ///
    /// QUIC keeps a port as long as a goodbye might have to be said again: up to 2 s for a peer that was dialled in vain.
    pub async fn close(&self) {
        self.end(limits::CLOSE_TIMEOUT).await;
    }

    /// Takes leave of all peers without waiting for the ports, which the end of the process frees.
    pub async fn leave(&self) {
        self.end(limits::LEAVE_TIMEOUT).await;
    }

    async fn end(&self, patience: Duration) {
        // The only error is that it is closed already.
        let _ = self.ask(|done| Command::Close { patience, done }).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, NetError> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| NetError::Closed)
    }

    async fn send(&self, command: Command) -> Result<(), NetError> {
        self.commands.send(command).await.map_err(|_| NetError::Closed)
    }

    #[cfg(test)]
    pub(crate) async fn panic(&self) {
        self.send(Command::Panic).await.expect("the network runs");
    }
}

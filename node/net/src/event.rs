//! What the network tells the node. Peers are keys, payloads are opaque bytes.

use std::fmt;

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::gossipsub::MessageId;
use libp2p::request_response::InboundRequestId;
use tokio::sync::OwnedSemaphorePermit;

use crate::address::PeerKey;
use crate::lane::{AnswerChannel, Lane};

/// Something that happened on the network.
#[derive(Debug)]
pub enum NetEvent {
    /// The first connection with a peer stands.
    Connected {
        /// Who.
        peer: PeerKey,
        /// Where the peer is, seen from here.
        address: String,
    },
    /// The last connection with a peer ended.
    Disconnected {
        /// Who.
        peer: PeerKey,
    },
    /// A peer asks. Answer with `Net::respond` within 30 seconds; dropping the token refuses.
    Request {
        /// Who asks.
        peer: PeerKey,
        /// On which lane.
        lane: Lane,
        /// What the answer is given with.
        token: RequestToken,
        /// The question, unpacked.
        bytes: Bytes,
    },
    /// A gossip message arrived. Judge it with `Net::accept`; until then it is not passed on.
    Gossip {
        /// The topic.
        topic: String,
        /// Who handed it to us, which is not who wrote it.
        from: PeerKey,
        /// What the verdict is given with. Dropped, the message goes no further and nobody is blamed.
        token: GossipToken,
        /// The message.
        bytes: Bytes,
    },
    /// The node can be reached at a new address.
    Listening {
        /// The address.
        address: String,
    },
    /// The node can no longer be reached at an address.
    ListenEnded {
        /// The address.
        address: String,
    },
    /// A peer's gossip is ignored because it sent too many invalid messages. Requests still work.
    Graylisted {
        /// Who.
        peer: PeerKey,
    },
    /// The network code panicked and was started again with the same key; `Disconnected` of every peer precedes this.
    Panicked {
        /// How often this happened within the last ten minutes.
        count: usize,
    },
    /// The network code panicked too often and stays off; every call fails from now on.
    Stopped,
}

/// The right and duty to answer one request. Dropping it refuses.
pub struct RequestToken {
    pub(crate) lane: Lane,
    pub(crate) peer: PeerId,
    pub(crate) request: InboundRequestId,
    pub(crate) channel: AnswerChannel,
}

/// The right to judge one gossip message.
pub struct GossipToken {
    pub(crate) message: MessageId,
    pub(crate) from: PeerId,
    /// Counts the message as unjudged.
    pub(crate) _slot: OwnedSemaphorePermit,
}

/// What a gossip message is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Valid and new: pass it on.
    Accept,
    /// Not understood or not wanted: do not pass it on, blame nobody.
    Ignore,
    /// Malformed or falsely signed: do not pass it on, and lower the score of who sent it.
    Reject,
}

impl fmt::Debug for RequestToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestToken({:?})", self.lane)
    }
}

impl fmt::Debug for GossipToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GossipToken({})", self.message)
    }
}

//! What can go wrong, as values: with the network as a whole, with a request, with a message.

use crate::address;
use crate::frame::FrameError;

/// Why the network does not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The network was closed or stopped after too many panics.
    #[error("the network is closed")]
    Closed,
    /// Too many commands wait already.
    #[error("the network is busy")]
    Busy,
    /// An address is not usable.
    #[error(transparent)]
    Address(#[from] address::AddressError),
    /// Listening failed.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: String,
        /// What the system said.
        reason: String,
        /// Somebody else has the port.
        taken: bool,
    },
    /// More topics than fit the greeting.
    #[error("more than {max} topics")]
    TooManyTopics {
        /// The limit.
        max: usize,
    },
    /// A topic is empty, too long or has odd characters.
    #[error("'{topic}' is no topic")]
    Topic {
        /// The topic.
        topic: String,
    },
    /// More wanted peers than the dialler keeps.
    #[error("more than {max} peers to dial")]
    TooManyPeers {
        /// The limit.
        max: usize,
    },
    /// A part of the network could not be set up.
    #[error("the network cannot be set up: {reason}")]
    Setup {
        /// What the part said.
        reason: String,
    },
}

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No connection with the peer, or it broke before the answer was there.
    #[error("the peer cannot be reached")]
    Unreachable,
    /// No answer in time; whether the peer acted on the request is unknown.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The peer will not answer: it may not, cannot, or has too much to do.
    #[error("the peer refused")]
    Refused,
    /// The request or the answer is larger than the lane allows.
    #[error("more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// The answer is not a well-formed frame.
    #[error("the peer's answer is malformed")]
    Malformed,
    /// Too many requests to this peer, or commands in all, wait already.
    #[error("too many requests wait already")]
    Busy,
    /// The network was closed.
    #[error("the network is closed")]
    Closed,
}

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Larger than a message may be.
    #[error("more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// Nobody connected has the topic.
    #[error("nobody listens")]
    NoPeers,
    /// The queues to all who have the topic are full.
    #[error("all queues are full")]
    QueuesFull,
    /// The same message was published before.
    #[error("published before")]
    Duplicate,
    /// Gossip is off.
    #[error("gossip is off")]
    Off,
    /// Too many commands wait already.
    #[error("the network is busy")]
    Busy,
    /// The network was closed.
    #[error("the network is closed")]
    Closed,
}

impl From<FrameError> for RequestError {
    fn from(error: FrameError) -> RequestError {
        match error {
            FrameError::TooLarge { max } => RequestError::TooLarge { max },
            FrameError::Malformed => RequestError::Malformed,
        }
    }
}

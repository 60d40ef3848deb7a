//! What other rooms hold of the runtime: ask, read, listen.

use protocol::engine::effect::{Answer, Notice};
use protocol::engine::input::Command;
use protocol::engine::read::Reader;
use protocol::ids::{NodeId, RequestId, UserId};
use tokio::sync::broadcast;

/// The runtime's queue is full: try again in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the site is busy")]
pub struct Busy;

/// A cheap, cloneable door to the engine's thread.
#[derive(Clone)]
pub struct Handle {
    notices: broadcast::Sender<Notice>,
    node: NodeId,
}

impl Handle {
    /// Asks for a command and waits until it is durable or refused.
    ///
    /// # Errors
    /// [`Busy`] at once when too many inputs wait already.
    pub async fn ask(&self, _actor: Option<UserId>, _request: RequestId, _command: Command) -> Result<Answer, Busy> {
        Err(Busy)
    }

    /// Reads on the calling thread from the state of the last commit.
    pub fn read<T>(&self, _read: impl FnOnce(&Reader<'_>) -> T) -> T {
        unimplemented!()
    }

    /// What changes from now on. A slow listener misses the oldest and is told so.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.node
    }
}

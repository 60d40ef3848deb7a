//! What the screens need of the network room: where nodes are, how this one is reached, and a test of a connection.

use super::Nothing;
use futures::future::BoxFuture;
use protocol::ids::{BlobId, NodeId};
use std::collections::BTreeMap;

/// How a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Straight.
    Direct,
    /// Through a member in between.
    Relay,
}

/// An own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// As a multiaddress.
    pub address: String,
    /// `listen`, `announced`, `observed`, `relay` or `mapped`.
    pub kind: &'static str,
    /// Told to others.
    pub confirmed: bool,
}

/// How this node is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// `public`, `private` or `unknown`.
    pub nat: &'static str,
    /// The likeliest first.
    pub addresses: Vec<OwnAddress>,
    /// The nodes that relay for this one.
    pub relays: Vec<NodeId>,
    /// Connections of others that pass through this node.
    pub serving: usize,
    /// `off`, `trying`, `mapped` or `failed`.
    pub upnp: &'static str,
}

/// How a step of a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Ok,
    /// It does not.
    Failed,
    /// There was nothing to try.
    Skipped,
}

/// One step of a test of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// `address`, `name`, `udp`, `tcp`, `handshake`, `admitted` or `answer`.
    pub id: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was tried, for somebody who knows networks.
    pub detail: String,
    /// How long the answer took.
    pub ms: Option<u64>,
}

/// A test of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// In order; all of them.
    pub steps: Vec<Tried>,
    /// A stable code: what to do.
    pub advice: &'static str,
    /// How the connection goes, if there is one.
    pub via: Option<Via>,
}

/// What the network room knows of other nodes.
pub trait Network: Send + Sync {
    /// Addresses by which a node was or may be reached.
    fn addresses(&self, node: NodeId) -> Vec<String>;

    /// Whether a file is on its way here.
    fn is_fetching(&self, blob: BlobId) -> bool;

    /// The connected nodes.
    fn connections(&self) -> BoxFuture<'_, BTreeMap<NodeId, Via>>;

    /// How this node is reached; `None` while the network does not run.
    fn reach(&self) -> BoxFuture<'_, Option<Reach>>;

    /// Tries to reach a node, step by step.
    fn test(&self, node: NodeId) -> BoxFuture<'_, Test>;

    /// The one form of an address that may be dialled.
    fn canonical(&self, address: &str) -> Option<String>;

    /// Dials a node at these addresses too, from now on.
    fn keep(&self, node: NodeId, addresses: Vec<String>) -> BoxFuture<'_, ()>;
}

impl Network for Nothing {
    fn addresses(&self, _: NodeId) -> Vec<String> {
        Vec::new()
    }

    fn is_fetching(&self, _: BlobId) -> bool {
        false
    }

    fn connections(&self) -> BoxFuture<'_, BTreeMap<NodeId, Via>> {
        Box::pin(async { BTreeMap::new() })
    }

    fn reach(&self) -> BoxFuture<'_, Option<Reach>> {
        Box::pin(async { None })
    }

    fn test(&self, _: NodeId) -> BoxFuture<'_, Test> {
        Box::pin(async { Test { steps: Vec::new(), advice: "no_address", via: None } })
    }

    fn canonical(&self, _: &str) -> Option<String> {
        None
    }

    fn keep(&self, _: NodeId, _: Vec<String>) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

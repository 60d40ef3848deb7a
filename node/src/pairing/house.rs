//! What pairing needs of the rest of the node, as a few verbs, so that its tests need no engine.

use futures::future::BoxFuture;
use protocol::ids::{NodeId, OrgId, TicketId, UserId};
use protocol::pairing::{PairingCode, SiteProposal};

/// The organisation that this node belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// The name of this node's site.
    pub site: String,
}

/// A node that both people agreed to admit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The admin who agreed here.
    pub by: UserId,
    /// The node.
    pub node: NodeId,
    /// Its X25519 key.
    pub sealing: [u8; 32],
    /// Its site.
    pub site: SiteProposal,
    /// The invitation; also makes repetitions one and the same.
    pub ticket: TicketId,
}

/// The rest of the node.
pub trait House: Send + Sync + 'static {
    /// The organisation; `None` before set-up.
    fn organisation(&self) -> Option<Organisation>;

    /// A person's name.
    fn person(&self, user: UserId) -> Option<String>;

    /// Writes the admission and answers with the welcome. The same admission again answers the same way.
    fn admit(&self, admission: Admission) -> BoxFuture<'_, Result<Vec<u8>, PairingCode>>;

    /// Takes the organisation over, if the welcome is of `org`. Having joined `org` already is the same as joining.
    fn join(&self, org: OrgId, welcome: Vec<u8>) -> BoxFuture<'_, Result<(), PairingCode>>;

    /// Where members can reach this node: text multiaddresses.
    fn addresses(&self) -> Vec<String>;

    /// Another member's node can be reached there.
    fn hint(&self, node: NodeId, addresses: Vec<String>) -> BoxFuture<'_, ()>;

    /// Whether the node is connected on the organisation's own network.
    fn is_connected(&self, node: NodeId) -> bool;
}

//! Bodies of the organisation's operations: sites, nodes, people.

use super::Cut;
use crate::ids::{GroupId, NodeId, SiteId, TicketId, UserId};
use crate::keys::PublicKey;
use crate::limits::{SITE_BYTES_A_DAY_MAX, SITE_CONTROL_ENTRIES_MAX, SITE_USERS_MAX};
use minicbor::{Decode, Encode};

/// Body of [`super::kind::SITE_SET`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SiteSet {
    /// The site.
    #[n(0)]
    pub site: SiteId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// The company it belongs to; empty when there is only one.
    #[n(2)]
    pub company: String,
}

/// Body of [`super::kind::NODE_ADMIT`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NodeAdmit {
    /// The node's key, at most once in history.
    #[n(0)]
    pub node: NodeId,
    /// Its X25519 key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealing: [u8; 32],
    /// Its site.
    #[n(2)]
    pub site: SiteId,
    /// The invitation that it used.
    #[n(3)]
    pub ticket: TicketId,
    /// How much of its site is taken; the usual when absent (ruling A11).
    #[n(4)]
    pub caps: Option<Caps>,
}

/// How much of one site others take (ruling A11): what lies beyond is not pulled. It changes no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Caps {
    /// People registered there.
    #[n(0)]
    pub users: u32,
    /// Entries in its logs of the organisation, over all incarnations.
    #[n(1)]
    pub control_entries: u32,
    /// Bytes a day in all its logs.
    #[n(2)]
    pub bytes_a_day: u64,
}

impl Default for Caps {
    fn default() -> Self {
        Self { users: SITE_USERS_MAX, control_entries: SITE_CONTROL_ENTRIES_MAX, bytes_a_day: SITE_BYTES_A_DAY_MAX }
    }
}

/// Body of [`super::kind::NODE_REVOKE`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NodeRevoke {
    /// The node.
    #[n(0)]
    pub node: NodeId,
    /// What the author held of its logs; a log without a cut is not voided (ruling A2).
    #[n(1)]
    pub cuts: Vec<Cut>,
    /// Why, in the admin's words.
    #[n(2)]
    pub reason: Option<String>,
}

/// Body of [`super::kind::NODE_SUSPEND`] and [`super::kind::NODE_RESUME`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NodeOnly {
    /// The node.
    #[n(0)]
    pub node: NodeId,
}

/// Body of [`super::kind::USER_REGISTER`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserAt {
    /// The person.
    #[n(0)]
    pub user: UserId,
    /// The home site.
    #[n(1)]
    pub site: SiteId,
}

/// Body of [`super::kind::USER_REHOME`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserMove {
    /// The person.
    #[n(0)]
    pub user: UserId,
    /// The new home.
    #[n(1)]
    pub site: SiteId,
    /// What the author held of the former home's logs: how far it still speaks for the person without knowing of this.
    #[n(2)]
    pub cuts: Vec<Cut>,
}

/// Body of [`super::kind::USER_KEY`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserKey {
    /// The person.
    #[n(0)]
    pub user: UserId,
    /// The public half of their signing key.
    #[n(1)]
    pub key: PublicKey,
}

/// Body of [`super::kind::USER_DISABLE`] and [`super::kind::USER_ENABLE`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserOnly {
    /// The person.
    #[n(0)]
    pub user: UserId,
}

/// Body of [`super::kind::APPOINT_OWNER`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AppointOwner {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// Its new owner, senior to all others.
    #[n(1)]
    pub user: UserId,
}

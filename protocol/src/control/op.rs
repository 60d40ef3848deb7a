//! Control operations as they stand in entry bodies, and their kind numbers.
//!
//! This file knows the form of an operation, not who may do it (`control/table.rs`) nor what follows (`control.rs`).

pub mod kind;
mod policy;
mod registry;
mod seal;

use crate::codec::{self, CodecError};
use crate::ids::{EntryId, LogId, NodeId, SiteId, UserId};
use crate::keys::{PublicKey, SignatureBytes};
use crate::limits::BODY_BYTES_MAX;
pub use crate::log::Class;
use minicbor::{Decode, Encode};
pub use policy::{Guests, Policy, Posting};
pub use registry::{AppointOwner, Caps, NodeAdmit, NodeOnly, NodeRevoke, SiteSet, UserAt, UserKey, UserMove, UserOnly};
pub use seal::LogSeal;

/// The seven built-in types of group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum GroupKind {
    /// A natural team that delivers and follows over time.
    #[n(0)]
    Project,
    /// People of one trade or function.
    #[n(1)]
    Trade,
    /// Bound to a site: its people are members by themselves.
    #[n(2)]
    Place,
    /// A shared interest.
    #[n(3)]
    Theme,
    /// A product or service.
    #[n(4)]
    Product,
    /// The organisation's visibility on the internet.
    #[n(5)]
    Visibility,
    /// Everybody.
    #[n(6)]
    General,
}

/// Who may see and join a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Access {
    /// Listed; anybody joins.
    #[n(0)]
    Open,
    /// Listed; members are invited.
    #[n(1)]
    Closed,
    /// Not listed; members are invited.
    #[n(2)]
    Secret,
}

/// What a person is in a group, the highest first (ruling D17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Everything, including roles and policy.
    #[n(0)]
    Owner,
    /// Animates: members, moderation, sources.
    #[n(1)]
    Facilitator,
    /// Reads and writes.
    #[n(2)]
    Member,
    /// Reads and reacts.
    #[n(3)]
    Reader,
    /// An outsider who sees only this group.
    #[n(4)]
    Guest,
}

/// Body of [`kind::LOG_OPEN`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogOpen {
    /// The log's owner.
    #[n(0)]
    pub node: NodeId,
    /// Control or data.
    #[n(1)]
    pub class: Class,
    /// Makes the log's id unpredictable.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// This node's earlier logs in the scope and class.
    #[n(3)]
    pub previous: Vec<LogId>,
}

/// How far a log counts after a removal: up to and including this entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Cut {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// The last position that counts.
    #[n(1)]
    pub seq: u64,
    /// The entry there.
    #[n(2)]
    pub id: EntryId,
}

/// An admin as a constitution names them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Admin {
    /// The person.
    #[n(0)]
    pub user: UserId,
    /// Their signing key.
    #[n(1)]
    pub key: PublicKey,
}

/// The founding node and site, named by revision 0 since nobody could admit them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Founder {
    /// The first node.
    #[n(0)]
    pub node: NodeId,
    /// Its X25519 key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealing: [u8; 32],
    /// Its site.
    #[n(2)]
    pub site: SiteId,
}

/// A revision of the constitution (§2.2). Its id is the hash of its encoding; revision 0's id is the organisation's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Constitution {
    /// Number of the revision, from 0.
    #[n(0)]
    pub revision: u64,
    /// The revision it follows; absent in revision 0.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub parent: Option<[u8; 32]>,
    /// The organisation's name.
    #[n(2)]
    pub name: String,
    /// One to fifteen admins.
    #[n(3)]
    pub admins: Vec<Admin>,
    /// How many of them must sign the next revision.
    #[n(4)]
    pub threshold: u32,
    /// Keys kept on paper that may replace the admins.
    #[n(5)]
    pub recovery: Vec<PublicKey>,
    /// How many of those must sign.
    #[n(6)]
    pub recovery_threshold: u32,
    /// Version of these rules (§1.14).
    #[n(7)]
    pub rules: u32,
    /// Which kinds authors may use (§1.14).
    #[n(8)]
    pub features: u32,
    /// Only in revision 0.
    #[n(9)]
    pub founder: Option<Founder>,
    /// Only in revision 0: makes two organisations of one name differ.
    #[cbor(n(10), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// Signed by recovery keys, and changes only admins and recovery keys (O5).
    #[n(11)]
    pub by_recovery: bool,
    /// For each removed admin, how far their control entries count (O4).
    #[n(12)]
    pub cuts: Vec<Cut>,
}

/// A signature over a constitution.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ConstitutionSignature {
    /// Who signed.
    #[n(0)]
    pub key: PublicKey,
    /// Over the revision's id, in the context of constitutions.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: SignatureBytes,
}

/// Body of [`kind::CONSTITUTION`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ConstitutionSigned {
    /// The revision's canonical bytes: what was signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub revision: Vec<u8>,
    /// The signatures.
    #[n(1)]
    pub signatures: Vec<ConstitutionSignature>,
}

/// Body of [`kind::GROUP_CREATE`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GroupCreate {
    /// The owner of the log that this entry opens.
    #[n(0)]
    pub node: NodeId,
    /// Makes the group's id unpredictable.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The type.
    #[n(2)]
    pub kind: GroupKind,
    /// Who sees and joins.
    #[n(3)]
    pub access: Access,
    /// The name.
    #[n(4)]
    pub name: String,
    /// What it is for.
    #[n(5)]
    pub purpose: String,
    /// Version of the rules in this group (§1.14).
    #[n(6)]
    pub rules: u32,
    /// For a place group: the site whose people are members.
    #[n(7)]
    pub site: Option<SiteId>,
}

/// Body of [`kind::GROUP_EDIT`]: what is present changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct GroupEdit {
    /// The new name.
    #[n(0)]
    pub name: Option<String>,
    /// The new purpose.
    #[n(1)]
    pub purpose: Option<String>,
    /// The new access.
    #[n(2)]
    pub access: Option<Access>,
    /// Who writes posts from now on.
    #[n(3)]
    pub post: Option<Posting>,
    /// What guests do from now on.
    #[n(4)]
    pub guests: Option<Guests>,
    /// Where this forbids something: what the author held. What lies beyond and does not know of it is void (G11).
    #[n(5)]
    pub cuts: Vec<Cut>,
}

/// One role for one person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RoleFor {
    /// The person.
    #[n(0)]
    pub user: UserId,
    /// Their role.
    #[n(1)]
    pub role: Role,
}

/// Body of [`kind::GRANT`]: gives roles; a lower role than the person has is a revocation and a grant in one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Grant {
    /// At most 64.
    #[n(0)]
    pub roles: Vec<RoleFor>,
    /// Where a role is lowered: what the author held of the person's writing.
    #[n(1)]
    pub cuts: Vec<Cut>,
}

/// Body of [`kind::REVOKE`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Revoke {
    /// At most 64.
    #[n(0)]
    pub users: Vec<UserId>,
    /// What the author held of the logs in which they ever wrote.
    #[n(1)]
    pub cuts: Vec<Cut>,
}

/// Body of [`kind::AMEND_CUT`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AmendCut {
    /// The revocation.
    #[n(0)]
    pub revocation: EntryId,
    /// Its new cuts.
    #[n(1)]
    pub cuts: Vec<Cut>,
}

/// Body of [`kind::SEEN`]: a removal never cuts what others hold already (ruling A2).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Seen {
    /// The removal: of a person from a group, or of a node.
    #[n(0)]
    pub revocation: EntryId,
    /// What the node held, where that is more than the removal keeps.
    #[n(1)]
    pub cuts: Vec<Cut>,
}

/// Body of [`kind::SEE`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct See {
    /// Up to 256 control heads.
    #[n(0)]
    pub heads: Vec<EntryId>,
}

/// A decoded control operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlOp {
    /// Opens a log.
    LogOpen(LogOpen),
    /// Folds heads.
    See(See),
    /// A constitution revision with its signatures.
    Constitution(ConstitutionSigned),
    /// Names a site.
    SiteSet(SiteSet),
    /// Admits a node.
    NodeAdmit(NodeAdmit),
    /// Revokes a node.
    NodeRevoke(NodeRevoke),
    /// Suspends a node.
    NodeSuspend(NodeOnly),
    /// Resumes a node.
    NodeResume(NodeOnly),
    /// Registers a person.
    UserRegister(UserAt),
    /// Disables a person.
    UserDisable(UserOnly),
    /// Enables a person.
    UserEnable(UserOnly),
    /// Moves a person.
    UserRehome(UserMove),
    /// Tells a person's public key.
    UserKey(UserKey),
    /// Appoints an owner.
    AppointOwner(AppointOwner),
    /// Creates the group.
    GroupCreate(GroupCreate),
    /// Gives roles.
    Grant(Grant),
    /// Takes roles.
    Revoke(Revoke),
    /// The actor leaves.
    Leave,
    /// The actor joins.
    Join,
    /// Changes the group's card.
    GroupEdit(GroupEdit),
    /// Changes a cut.
    AmendCut(AmendCut),
    /// Ends a forked log.
    LogSeal(LogSeal),
    /// Tells what was held.
    Seen(Seen),
    /// A control kind of a newer version: the scope is frozen (§1.14) unless the kind is ignorable.
    Unknown(u16),
}

impl ControlOp {
    /// Reads the body of a control entry of this kind.
    ///
    /// # Errors
    /// A body that is not what its kind says.
    pub fn decode(kind: u16, body: &[u8]) -> Result<Self, CodecError> {
        fn read<'b, T: Decode<'b, ()>>(what: &'static str, body: &'b [u8]) -> Result<T, CodecError> {
            codec::decode(what, body, BODY_BYTES_MAX)
        }
        Ok(match kind {
            kind::LOG_OPEN => Self::LogOpen(read("log.open", body)?),
            kind::SEE => Self::See(read("see", body)?),
            kind::CONSTITUTION => Self::Constitution(read("constitution", body)?),
            kind::SITE_SET => Self::SiteSet(read("site.set", body)?),
            kind::NODE_ADMIT => Self::NodeAdmit(read("node.admit", body)?),
            kind::NODE_REVOKE => Self::NodeRevoke(read("node.revoke", body)?),
            kind::NODE_SUSPEND => Self::NodeSuspend(read("node.suspend", body)?),
            kind::NODE_RESUME => Self::NodeResume(read("node.resume", body)?),
            kind::USER_REGISTER => Self::UserRegister(read("user.register", body)?),
            kind::USER_DISABLE => Self::UserDisable(read("user.disable", body)?),
            kind::USER_ENABLE => Self::UserEnable(read("user.enable", body)?),
            kind::USER_REHOME => Self::UserRehome(read("user.rehome", body)?),
            kind::USER_KEY => Self::UserKey(read("user.key", body)?),
            kind::APPOINT_OWNER => Self::AppointOwner(read("group.appoint_owner", body)?),
            kind::GROUP_CREATE => Self::GroupCreate(read("group.create", body)?),
            kind::GRANT => Self::Grant(read("grant", body)?),
            kind::REVOKE => Self::Revoke(read("revoke", body)?),
            kind::LEAVE => Self::Leave,
            kind::JOIN => Self::Join,
            kind::GROUP_EDIT => Self::GroupEdit(read("group.edit", body)?),
            kind::AMEND_CUT => Self::AmendCut(read("amend_cut", body)?),
            kind::LOG_SEAL => Self::LogSeal(read("log.seal", body)?),
            kind::SEEN => Self::Seen(read("seen", body)?),
            other => Self::Unknown(other),
        })
    }

    /// The kind number and body bytes of this operation.
    pub fn encode(&self) -> (u16, Vec<u8>) {
        match self {
            Self::LogOpen(op) => (kind::LOG_OPEN, codec::encode(op)),
            Self::See(op) => (kind::SEE, codec::encode(op)),
            Self::Constitution(op) => (kind::CONSTITUTION, codec::encode(op)),
            Self::SiteSet(op) => (kind::SITE_SET, codec::encode(op)),
            Self::NodeAdmit(op) => (kind::NODE_ADMIT, codec::encode(op)),
            Self::NodeRevoke(op) => (kind::NODE_REVOKE, codec::encode(op)),
            Self::NodeSuspend(op) => (kind::NODE_SUSPEND, codec::encode(op)),
            Self::NodeResume(op) => (kind::NODE_RESUME, codec::encode(op)),
            Self::UserRegister(op) => (kind::USER_REGISTER, codec::encode(op)),
            Self::UserDisable(op) => (kind::USER_DISABLE, codec::encode(op)),
            Self::UserEnable(op) => (kind::USER_ENABLE, codec::encode(op)),
            Self::UserRehome(op) => (kind::USER_REHOME, codec::encode(op)),
            Self::UserKey(op) => (kind::USER_KEY, codec::encode(op)),
            Self::AppointOwner(op) => (kind::APPOINT_OWNER, codec::encode(op)),
            Self::GroupCreate(op) => (kind::GROUP_CREATE, codec::encode(op)),
            Self::Grant(op) => (kind::GRANT, codec::encode(op)),
            Self::Revoke(op) => (kind::REVOKE, codec::encode(op)),
            Self::Leave => (kind::LEAVE, Vec::new()),
            Self::Join => (kind::JOIN, Vec::new()),
            Self::GroupEdit(op) => (kind::GROUP_EDIT, codec::encode(op)),
            Self::AmendCut(op) => (kind::AMEND_CUT, codec::encode(op)),
            Self::LogSeal(op) => (kind::LOG_SEAL, codec::encode(op)),
            Self::Seen(op) => (kind::SEEN, codec::encode(op)),
            Self::Unknown(kind) => (*kind, Vec::new()),
        }
    }
}

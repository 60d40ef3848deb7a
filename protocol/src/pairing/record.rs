//! What each side keeps durably about one pairing. The caller stores the bytes before it acts on what follows.

use super::{Failure, Nonce, SiteProposal, Ticket};
use crate::clock::Millis;
use crate::codec::{self, CodecError};
use crate::ids::NodeId;
use crate::keys::Digest;
use minicbor::{Decode, Encode};

/// A record holds an invitation, names, addresses and a few keys.
const RECORD_BYTES_MAX: usize = 8 * 1024;

/// Where an invitation stands: `open → claimed → confirmed → paired`, or closed on the way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum TicketState {
    /// Nobody has proved the secret.
    #[n(0)]
    Open,
    /// Bound to the first node that did; nothing in the claim that the digits depend on changes any more.
    #[n(1)]
    Claimed(#[n(0)] Claim),
    /// Both people agreed: the node is or will be admitted. Asked again, it gets the welcome again.
    #[n(2)]
    Confirmed(#[n(0)] Claim),
    /// The node has joined and said so.
    #[n(3)]
    Paired(#[n(0)] Claim),
    /// Failed in a way that may have been an attack.
    #[n(4)]
    Burned(#[n(0)] Failure),
    /// Its time was over.
    #[n(5)]
    Expired(#[n(0)] Failure),
    /// Taken back by the admin, or refused by either side.
    #[n(6)]
    Cancelled(#[n(0)] Option<Failure>),
}

/// The node that an invitation is bound to, and how far it got.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Claim {
    /// The node, as the transport proved it.
    #[n(0)]
    pub node: NodeId,
    /// Its commitment.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub commitment: Digest,
    /// Its X25519 key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub sealing: [u8; 32],
    /// The site that it proposes.
    #[n(3)]
    pub site: SiteProposal,
    /// Until when both people must have agreed, in milliseconds.
    #[n(4)]
    pub until: u64,
    /// Its nonce, once shown.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub nonce: Option<Nonce>,
    /// The person here said that the digits are the same.
    #[n(6)]
    pub agreed_here: bool,
    /// The person at the joiner said so.
    #[n(7)]
    pub agreed_there: bool,
    /// Where it can be reached as a member, as told last.
    #[n(8)]
    pub addresses: Vec<String>,
}

/// What the inviter keeps.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InviterRecord {
    /// The invitation.
    #[n(0)]
    pub ticket: Ticket,
    /// The whole name of the inviting site.
    #[n(1)]
    pub site: String,
    /// The inviting admin's name.
    #[n(2)]
    pub admin: String,
    /// The one nonce of this invitation.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub nonce: Nonce,
    /// Where it stands.
    #[n(4)]
    pub state: TicketState,
    /// Where this node can be reached by members; the caller may renew it before it resumes.
    #[n(5)]
    pub addresses: Vec<String>,
}

impl InviterRecord {
    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads kept bytes.
    ///
    /// # Errors
    /// Bytes that are not such a record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode("kept invitation", bytes, RECORD_BYTES_MAX)
    }
}

/// Where a joiner stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum JoinerState {
    /// Not yet agreed here.
    #[n(0)]
    Asking,
    /// The person here agreed: the other side may admit at any moment, so only it can say that nothing comes of it.
    #[n(1)]
    Agreed {
        /// Until when to ask again, in milliseconds.
        #[n(0)]
        until: u64,
    },
    /// This node belongs to the organisation; the other side may not know yet.
    #[n(2)]
    Joined,
    /// Both know.
    #[n(3)]
    Paired,
    /// It came to nothing.
    #[n(4)]
    Failed(#[n(0)] Failure),
    /// The person here gave up.
    #[n(5)]
    Cancelled,
}

/// What the joiner keeps.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct JoinerRecord {
    /// The invitation.
    #[n(0)]
    pub ticket: Ticket,
    /// This node.
    #[n(1)]
    pub node: NodeId,
    /// This node's public X25519 key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub sealing: [u8; 32],
    /// The site that this node proposes.
    #[n(3)]
    pub site: SiteProposal,
    /// The one nonce of this attempt.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub nonce: Nonce,
    /// The inviter's commitment; once seen it may not change.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub commitment: Option<Digest>,
    /// What the inviter showed once the secret was proved.
    #[n(6)]
    pub inviter: Option<InviterShown>,
    /// Where it stands.
    #[n(7)]
    pub state: JoinerState,
    /// Where this node will be reached by members; the caller may renew it before it resumes.
    #[n(8)]
    pub addresses: Vec<String>,
}

/// What the inviter showed of itself, proved by the secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InviterShown {
    /// Its nonce.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: Nonce,
    /// Its site's name.
    #[n(1)]
    pub site: String,
    /// Its admin's name.
    #[n(2)]
    pub admin: String,
    /// Where its node can be reached by members.
    #[n(3)]
    pub addresses: Vec<String>,
}

impl JoinerRecord {
    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads kept bytes.
    ///
    /// # Errors
    /// Bytes that are not such a record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode("kept pairing", bytes, RECORD_BYTES_MAX)
    }

    /// The time until which an agreed pairing is tried again.
    pub(super) fn agreed_until(&self) -> Option<Millis> {
        match self.state {
            JoinerState::Agreed { until } => Some(Millis(until)),
            _ => None,
        }
    }
}

impl<C> Encode<C> for Ticket {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.to_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Ticket {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::from_bytes(d.bytes()?).map_err(minicbor::decode::Error::message)
    }
}

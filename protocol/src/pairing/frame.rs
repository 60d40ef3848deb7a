//! What the two sides say to each other, as bytes.
//!
//! A frame has one encoding: it is written again after reading and must come out the same.

use super::{FRAME_BYTES_MAX, Nonce, PairingCode, SiteProposal};
use crate::clock::Millis;
use crate::codec::{self, CodecError};
use crate::ids::TicketId;
use crate::keys::Digest;
use minicbor::{Decode, Encode};

/// One message. The joiner speaks first, whoever opened the connection, and names the invitation each time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Frame {
    /// Joiner: I hold this invitation.
    #[n(0)]
    Hello {
        /// Which.
        #[n(0)]
        ticket: TicketId,
    },
    /// Inviter: this is my commitment.
    #[n(1)]
    Offer {
        /// To its nonce.
        #[cbor(n(0), with = "minicbor::bytes")]
        commitment: Digest,
    },
    /// Joiner: this is mine, this is my site, and I know the secret.
    #[n(2)]
    Prove {
        /// Which invitation.
        #[n(0)]
        ticket: TicketId,
        /// To its nonce.
        #[cbor(n(1), with = "minicbor::bytes")]
        commitment: Digest,
        /// Its X25519 key.
        #[cbor(n(2), with = "minicbor::bytes")]
        sealing: [u8; 32],
        /// Its site.
        #[n(3)]
        site: SiteProposal,
        /// Where it can be reached as a member: text multiaddresses.
        #[n(4)]
        addresses: Vec<String>,
        /// Its clock, milliseconds.
        #[n(5)]
        time: u64,
        /// Keyed by the secret, over all of this.
        #[cbor(n(6), with = "minicbor::bytes")]
        proof: Digest,
    },
    /// Inviter: the invitation is yours, and I know the secret.
    #[n(3)]
    Accept {
        /// The inviter's nonce.
        #[cbor(n(0), with = "minicbor::bytes")]
        nonce: Nonce,
        /// The inviting site's name.
        #[n(1)]
        site: String,
        /// The inviting admin's name.
        #[n(2)]
        admin: String,
        /// Where it can be reached as a member: text multiaddresses.
        #[n(3)]
        addresses: Vec<String>,
        /// Its clock, milliseconds.
        #[n(4)]
        time: u64,
        /// Keyed by the secret, over all of this.
        #[cbor(n(5), with = "minicbor::bytes")]
        proof: Digest,
    },
    /// Joiner: my nonce. From here both sides know the digits.
    #[n(4)]
    Reveal {
        /// Which invitation.
        #[n(0)]
        ticket: TicketId,
        /// The joiner's nonce.
        #[cbor(n(1), with = "minicbor::bytes")]
        nonce: Nonce,
    },
    /// Joiner: the person here says that the digits are the same.
    #[n(5)]
    Agree {
        /// Which invitation.
        #[n(0)]
        ticket: TicketId,
        /// Keyed by the secret.
        #[cbor(n(1), with = "minicbor::bytes")]
        proof: Digest,
    },
    /// Inviter: you are admitted; this is a piece of what the organisation knows.
    #[n(6)]
    Part {
        /// Number of the piece, from 0.
        #[n(0)]
        index: u32,
        /// How many there are.
        #[n(1)]
        count: u32,
        /// Keyed by the secret, over all of this.
        #[cbor(n(2), with = "minicbor::bytes")]
        proof: Digest,
        /// The piece.
        #[cbor(n(3), with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// Joiner: send me this piece.
    #[n(7)]
    More {
        /// Which invitation.
        #[n(0)]
        ticket: TicketId,
        /// Number of the piece.
        #[n(1)]
        index: u32,
    },
    /// Joiner: I have joined.
    #[n(8)]
    Joined {
        /// Which invitation.
        #[n(0)]
        ticket: TicketId,
        /// Keyed by the secret.
        #[cbor(n(1), with = "minicbor::bytes")]
        proof: Digest,
    },
    /// Inviter: I know that you have joined; we are done.
    #[n(9)]
    Bye,
    /// Inviter: no.
    #[n(10)]
    Refuse {
        /// Why.
        #[n(0)]
        code: PairingCode,
    },
    /// Joiner: I give up.
    #[n(11)]
    Withdraw {
        /// Which invitation.
        #[n(0)]
        ticket: TicketId,
        /// Why.
        #[n(1)]
        code: PairingCode,
        /// Keyed by the secret.
        #[cbor(n(2), with = "minicbor::bytes")]
        proof: Digest,
    },
}

impl Frame {
    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads received bytes.
    ///
    /// # Errors
    /// Too long, malformed, or not written as [`Frame::to_bytes`] would.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        const WHAT: &str = "pairing frame";
        let frame: Self = codec::decode(WHAT, bytes, FRAME_BYTES_MAX)?;
        if frame.to_bytes() != bytes {
            return Err(CodecError::Malformed { what: WHAT, reason: "not canonical".into() });
        }
        Ok(frame)
    }

    /// The invitation that the joiner names; the inviter's frames name none.
    pub fn ticket(&self) -> Option<TicketId> {
        match self {
            Self::Hello { ticket }
            | Self::Prove { ticket, .. }
            | Self::Reveal { ticket, .. }
            | Self::Agree { ticket, .. }
            | Self::More { ticket, .. }
            | Self::Joined { ticket, .. }
            | Self::Withdraw { ticket, .. } => Some(*ticket),
            Self::Offer { .. } | Self::Accept { .. } | Self::Part { .. } | Self::Bye | Self::Refuse { .. } => None,
        }
    }
}

/// The invitation that a joiner's frame is about: tells a caller with several open ones which machine to ask.
pub fn ticket_of(bytes: &[u8]) -> Option<TicketId> {
    Frame::from_bytes(bytes).ok()?.ticket()
}

/// What to answer to a joiner whose invitation is unknown here, or while pairing is locked.
pub fn refusal(code: PairingCode) -> Vec<u8> {
    Frame::Refuse { code }.to_bytes()
}

/// Whether the other side's clock is near enough.
pub(super) fn clocks_agree(now: Millis, theirs: u64) -> bool {
    now.0.abs_diff(theirs) <= super::CLOCK_DIFFERENCE_MS_MAX
}

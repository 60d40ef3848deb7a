//! How a site joins: the invitation, the proof, the digits that two people compare, and both sides as pure machines.
//!
//! 1. An invitation is used by at most one node: the first that proves its secret (INV-40).
//! 2. Both nonces are committed to before either is shown, and once a claim or a commitment is kept it never changes;
//!    so an attacker in the middle, even with the secret, has one chance in a million to show equal digits.
//! 3. A node is admitted only after a person on *each* side said that the digits are the same.
//! 4. What decides is kept before it is acted upon: every list of wishes puts `Keep` before what depends on it. After a
//!    crash the joiner asks again and both end paired, or neither.
//! 5. Nothing here is trusted because it arrived: every byte that decides is covered by the secret, the commitments or
//!    the identity that the transport proved.
//!
//! It does not know how frames travel, what an admission means (the engine writes it), nor what the welcome holds.
//! Sources: `docs/protocol.md` §3.

mod frame;
mod inviter;
mod joiner;
mod lock;
mod record;
#[cfg(test)]
mod tests;
mod ticket;
mod transcript;

pub use frame::{Frame, refusal, ticket_of};
pub use inviter::{Inviter, InviterEvent, InviterWish};
pub use joiner::{Joiner, JoinerEvent, JoinerWish, Newcomer};
pub use lock::PairingLock;
pub use record::{Claim, InviterRecord, InviterShown, JoinerRecord, JoinerState, TicketState};
pub use ticket::{Ticket, TicketError};
pub use transcript::{Digits, admin_mark, fingerprint};

use crate::ids::SiteId;
use crate::limits::NAME_CHARS_MAX;
use minicbor::{Decode, Encode};

/// How long an invitation lives unless the admin says otherwise.
pub const TICKET_MS_DEFAULT: u64 = 15 * 60 * 1000;
/// The longest life of an invitation: it is a secret on paper.
pub const TICKET_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// Invitations open at once: each is a way in.
pub const OPEN_TICKETS_MAX: usize = 5;
/// An invitation's bytes before they become text: still an easy QR code.
pub const TICKET_BYTES_MAX: usize = 400;
/// Addresses in an invitation, and those of its own network that each side tells the other.
pub const TICKET_ADDRESSES_MAX: usize = 6;
/// Length of one address; an IPv6 QUIC address has about 60.
pub const ADDRESS_BYTES_MAX: usize = 128;
/// A pasted text longer than this is not looked at.
pub const PASTED_BYTES_MAX: usize = 8 * 1024;
/// A name in an invitation is for recognising only; the whole name comes with the proof.
pub const TICKET_NAME_BYTES_MAX: usize = 40;
/// Any frame between the two sides.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// One piece of the welcome: with its wrapping below [`FRAME_BYTES_MAX`].
pub const PART_BYTES_MAX: usize = 512 * 1024;
/// The organisation's control entries: 5,000 people and 200 sites need about 2 MiB.
pub const WELCOME_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Clocks further apart than this would hold back each other's entries for long; smaller differences must work.
pub const CLOCK_DIFFERENCE_MS_MAX: u64 = 10 * 60 * 1000;
/// People need this long to reach each other by phone after the proof, however little of the invitation's time is left.
pub const COMPARE_MS_MIN: u64 = 15 * 60 * 1000;
/// How long both sides go on trying to hand over what was already agreed.
pub const HANDOVER_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// Burned invitations within [`LOCK_MS`] that lock pairing.
pub const BURNED_MAX: usize = 3;
/// How long pairing stays locked, and how far back burned invitations count.
pub const LOCK_MS: u64 = 60 * 60 * 1000;

/// A 32-byte random number that is committed to before it is shown.
pub type Nonce = [u8; 32];

/// Why a pairing failed; the same codes as in the HTTP interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum PairingCode {
    /// The invitation's time is over.
    #[n(0)]
    Expired,
    /// Another node used it, or it is closed.
    #[n(1)]
    Used,
    /// The secret was not proved; the invitation is burned.
    #[n(2)]
    WrongCode,
    /// The other site could not be reached.
    #[n(3)]
    Unreachable,
    /// The two clocks are more than ten minutes apart.
    #[n(4)]
    Clock,
    /// The other side, or its organisation's rules, said no.
    #[n(5)]
    Refused,
    /// What was handed over belongs to another organisation than the invitation names.
    #[n(6)]
    OtherOrganisation,
    /// A person said that the digits differ, or the other side cheated with them.
    #[n(7)]
    DigitsDiffer,
    /// Too many failed attempts: pairing rests for an hour.
    #[n(8)]
    Locked,
    /// The node belongs to an organisation already.
    #[n(9)]
    Already,
}

impl PairingCode {
    /// The stable text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Expired => "pair_expired",
            Self::Used => "pair_used",
            Self::WrongCode => "pair_wrong_code",
            Self::Unreachable => "pair_unreachable",
            Self::Clock => "pair_clock",
            Self::Refused => "pair_refused",
            Self::OtherOrganisation => "pair_other_organisation",
            Self::DigitsDiffer => "pair_digits_differ",
            Self::Locked => "pair_locked",
            Self::Already => "pair_already",
        }
    }
}

/// The named steps that a person sees; each side shows the ones of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Step {
    /// The joiner reads the invitation.
    #[n(0)]
    Read,
    /// The inviter waits to be called.
    #[n(1)]
    Wait,
    /// One side reaches the other.
    #[n(2)]
    Reach,
    /// The secret is proved.
    #[n(3)]
    Prove,
    /// Two people compare the digits.
    #[n(4)]
    Compare,
    /// The new site is admitted.
    #[n(5)]
    Admit,
    /// The inviter hands over what the organisation knows.
    #[n(6)]
    Send,
    /// The joiner receives it.
    #[n(7)]
    Receive,
}

impl Step {
    /// The steps of an inviter, in their order.
    pub const INVITER: [Self; 6] = [Self::Wait, Self::Reach, Self::Prove, Self::Compare, Self::Admit, Self::Send];
    /// The steps of a joiner, in their order.
    pub const JOINER: [Self; 6] = [Self::Read, Self::Reach, Self::Prove, Self::Compare, Self::Admit, Self::Receive];

    /// The stable text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Wait => "wait",
            Self::Reach => "reach",
            Self::Prove => "prove",
            Self::Compare => "compare",
            Self::Admit => "admit",
            Self::Send => "send",
            Self::Receive => "receive",
        }
    }
}

/// How and where a pairing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Failure {
    /// Why.
    #[n(0)]
    pub code: PairingCode,
    /// At which step.
    #[n(1)]
    pub step: Step,
}

/// What a person says of the digits on both screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// They are the same.
    Same,
    /// They differ: somebody may be in between.
    Differ,
}

/// The site that wants to join, as it proposes itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SiteProposal {
    /// Its id, random, made by the joiner.
    #[n(0)]
    pub site: SiteId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// Its company; empty when the organisation has only one.
    #[n(2)]
    pub company: String,
}

impl SiteProposal {
    /// Whether the names can be shown and kept: not empty, not too long, on one line.
    pub fn is_fit(&self) -> bool {
        is_name(&self.name) && (self.company.is_empty() || is_name(&self.company))
    }
}

/// What of a list of addresses from the other side is kept.
fn usable(mut addresses: Vec<String>) -> Vec<String> {
    addresses.retain(|address| ticket::is_address(address));
    addresses.truncate(TICKET_ADDRESSES_MAX);
    addresses
}

/// Whether a text can stand as a name: shown on one line, within the limit, not blank.
fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= NAME_CHARS_MAX && !text.chars().any(char::is_control)
}

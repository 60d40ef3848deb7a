//! What both sides must see alike: the transcript, the commitments, the proofs over it and the digits from it.
//!
//! Every part is of fixed length or CBOR, which says where it ends, so that two different transcripts never hash alike.

use super::{InviterShown, Nonce, SiteProposal, Ticket};
use crate::clock::Millis;
use crate::codec;
use crate::ids::{NodeId, OrgId};
use crate::keys::{self, Digest, Purpose, derive};
use std::fmt;

/// How many numbers six digits can show.
const DIGITS_RANGE: u64 = 1_000_000;

/// Who speaks: keeps a proof from being sent back to its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Inviter,
    Joiner,
}

impl Side {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Inviter => b"inviter",
            Self::Joiner => b"joiner ",
        }
    }
}

/// The six digits that two people read to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits(u32);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// Commits to a nonce for one side and node.
pub(super) fn commit(nonce: &Nonce, side: Side, node: &NodeId) -> Digest {
    derive(Purpose::Pairing, &[b"commit", &[0], nonce, side.label(), &node.0])
}

/// Everything that both sides agreed on before the nonces are shown.
pub(super) struct Transcript<'a> {
    /// The invitation, all of its bytes.
    pub ticket: &'a Ticket,
    /// The joining node as the transport proved it.
    pub joiner: NodeId,
    /// The inviter's commitment.
    pub inviter_commitment: Digest,
    /// The joiner's commitment.
    pub joiner_commitment: Digest,
    /// The joiner's X25519 key.
    pub sealing: [u8; 32],
    /// The joiner's site.
    pub site: &'a SiteProposal,
}

/// A transcript's digest, with the secret: makes and checks proofs.
pub(super) struct Proofs {
    secret: zeroize::Zeroizing<[u8; 32]>,
    digest: Digest,
}

impl Transcript<'_> {
    pub(super) fn proofs(&self) -> Proofs {
        let site = codec::encode(self.site);
        let digest = derive(
            Purpose::Pairing,
            &[
                b"transcript",
                &[0],
                &self.ticket.digest(),
                &self.ticket.inviter.0,
                &self.joiner.0,
                &self.inviter_commitment,
                &self.joiner_commitment,
                &self.sealing,
                &site,
            ],
        );
        Proofs { secret: self.ticket.secret.clone(), digest }
    }
}

impl Proofs {
    /// The joiner knows the secret; it can be reached there, and its clock stands here.
    pub(super) fn prove(&self, addresses: &[String], time: Millis) -> Digest {
        self.mac(Side::Joiner, b"prove", &[&time.0.to_be_bytes(), &codec::encode(&addresses)])
    }

    /// The inviter knows it too, shows its nonce, and says who and where it is.
    pub(super) fn accept(&self, shown: &InviterShown, time: Millis) -> Digest {
        let shown = codec::encode(shown);
        self.mac(Side::Inviter, b"accept", &[&time.0.to_be_bytes(), &shown])
    }

    /// The person at the joiner says that the digits are the same.
    pub(super) fn agree(&self, inviter: &Nonce, joiner: &Nonce) -> Digest {
        self.mac(Side::Joiner, b"agree", &[inviter, joiner])
    }

    /// One piece of the welcome.
    pub(super) fn part(&self, index: u32, count: u32, bytes: &[u8]) -> Digest {
        self.mac(Side::Inviter, b"part", &[&index.to_be_bytes(), &count.to_be_bytes(), bytes])
    }

    /// The joiner has joined.
    pub(super) fn joined(&self) -> Digest {
        self.mac(Side::Joiner, b"joined", &[])
    }

    /// The joiner gives up.
    pub(super) fn withdraw(&self) -> Digest {
        self.mac(Side::Joiner, b"withdraw", &[])
    }

    /// The digits, once both nonces are known.
    pub(super) fn digits(&self, inviter: &Nonce, joiner: &Nonce) -> Digits {
        let digest = derive(Purpose::Pairing, &[b"digits", &[0], &self.digest, inviter, joiner]);
        let number = u64::from_be_bytes(*digest.first_chunk().expect("a digest is longer than eight bytes"));
        Digits(u32::try_from(number % DIGITS_RANGE).expect("six digits fit"))
    }

    /// `parts` are of fixed length except the last.
    fn mac(&self, side: Side, label: &[u8], parts: &[&[u8]]) -> Digest {
        let mut all: Vec<&[u8]> = vec![side.label(), label, &[0], &self.digest];
        all.extend(parts);
        keys::mac(&self.secret, &all)
    }
}

/// A short mark of the inviting admin's name in an organisation: an invitation carries it instead of the name.
pub fn admin_mark(org: &OrgId, name: &str) -> [u8; 8] {
    let digest = derive(Purpose::Pairing, &[b"admin", &[0], &org.0, name.as_bytes()]);
    *digest.first_chunk().expect("a digest is longer than a mark")
}

/// How many characters of a node's id people compare: 100 bits, which nobody finds a second key for.
const FINGERPRINT_CHARS: usize = 20;

/// A node's fingerprint for people: the beginning of its id in blocks of four characters.
pub fn fingerprint(node: &NodeId) -> String {
    let text = node.to_string();
    let blocks: Vec<&str> = (0..FINGERPRINT_CHARS).step_by(4).map(|at| &text[at..at + 4]).collect();
    blocks.join(" ")
}

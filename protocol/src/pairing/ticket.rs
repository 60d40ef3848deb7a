//! The invitation: what an admin hands to the person who sets up the new site, as a text that survives mail and paper.
//!
//! Text: `archipel1`, then base32 of the CBOR bytes and four bytes of checksum. `1` is no base32 symbol, so the start
//! is found wherever the text was pasted from.

use super::{ADDRESS_BYTES_MAX, PASTED_BYTES_MAX, TICKET_ADDRESSES_MAX, TICKET_BYTES_MAX, TICKET_NAME_BYTES_MAX};
use crate::clock::Millis;
use crate::codec;
use crate::ids::{self, NodeId, OrgId, TicketId};
use crate::keys::{Digest, Purpose, derive};
use minicbor::{Decode, Encode};
use std::fmt;
use zeroize::Zeroizing;

/// The text before the version number.
const NAME: &str = "archipel";
/// The version that this code writes and reads.
const VERSION: u8 = 1;
/// Enough to catch what a tired hand does to a line of letters.
const CHECKSUM_BYTES: usize = 4;

/// An invitation. Holding it lets a node ask to join once; two people still have to agree.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The organisation.
    pub org: OrgId,
    /// Its name, possibly shortened.
    pub organisation: String,
    /// The inviting site's name, possibly shortened.
    pub site: String,
    /// The inviting node: the joiner speaks to no other.
    pub inviter: NodeId,
    /// Where its pairing swarm may be reached: text multiaddresses, the most useful first.
    pub addresses: Vec<String>,
    /// The invitation's id.
    pub id: TicketId,
    /// What the joiner proves to know.
    pub secret: Zeroizing<[u8; 32]>,
    /// When it ends, to the second.
    pub expiry: Millis,
    /// The mark of the inviting admin's name (see [`super::admin_mark`]).
    pub admin: [u8; 8],
}

/// Why a text is no usable invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// There is no text.
    #[error("the invitation is empty")]
    Empty,
    /// The text holds no invitation.
    #[error("this text holds no invitation: one starts with {NAME}{VERSION}")]
    NotATicket,
    /// Far longer than any invitation.
    #[error("the text has {bytes} bytes, an invitation is much shorter")]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// A character is wrong or some are missing.
    #[error("the invitation is mistyped or cut off: copy the whole of it again")]
    Mistyped,
    /// Written by a newer version.
    #[error("the invitation is of version {version}: this site is too old for it")]
    NewerVersion {
        /// Its version.
        version: u32,
    },
    /// The checksum is right but the contents are not.
    #[error("the invitation is malformed: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Form {
    #[n(0)]
    version: u8,
    #[n(1)]
    org: OrgId,
    #[n(2)]
    organisation: String,
    #[n(3)]
    site: String,
    #[n(4)]
    inviter: NodeId,
    #[n(5)]
    addresses: Vec<String>,
    #[n(6)]
    id: TicketId,
    #[cbor(n(7), with = "minicbor::bytes")]
    secret: [u8; 32],
    #[n(8)]
    expiry_seconds: u64,
    #[cbor(n(9), with = "minicbor::bytes")]
    admin: [u8; 8],
}

impl Ticket {
    /// Makes the invitation fit into its limits: names are shortened, the last addresses left out, time cut to seconds.
    ///
    /// Call it once before the invitation is kept or shown: both sides hash the bytes.
    pub fn fit(mut self) -> Self {
        self.organisation = shorten(&self.organisation);
        self.site = shorten(&self.site);
        self.expiry = Millis(self.expiry.0 / 1000 * 1000);
        self.addresses.retain(|address| is_address(address));
        self.addresses.truncate(TICKET_ADDRESSES_MAX);
        while self.to_bytes().len() > TICKET_BYTES_MAX && self.addresses.pop().is_some() {}
        self
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(&Form {
            version: VERSION,
            org: self.org,
            organisation: self.organisation.clone(),
            site: self.site.clone(),
            inviter: self.inviter,
            addresses: self.addresses.clone(),
            id: self.id,
            secret: *self.secret,
            expiry_seconds: self.expiry.0 / 1000,
            admin: self.admin,
        })
    }

    /// Reads the canonical bytes.
    ///
    /// # Errors
    /// Anything that [`Ticket::to_bytes`] of a fitted invitation would not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TicketError> {
        let form: Form = codec::decode("invitation", bytes, TICKET_BYTES_MAX)
            .map_err(|error| TicketError::Malformed { reason: error.to_string() })?;
        let expiry = form
            .expiry_seconds
            .checked_mul(1000)
            .ok_or_else(|| TicketError::Malformed { reason: "its end is out of range".into() })?;
        let ticket = Self {
            org: form.org,
            organisation: form.organisation,
            site: form.site,
            inviter: form.inviter,
            addresses: form.addresses,
            id: form.id,
            secret: Zeroizing::new(form.secret),
            expiry: Millis(expiry),
            admin: form.admin,
        };
        // Both sides hash the bytes: two encodings of one invitation must not exist.
        if ticket.clone().fit().to_bytes() != bytes {
            return Err(TicketError::Malformed { reason: "a field is not as this version writes it".into() });
        }
        Ok(ticket)
    }

    /// Reads an invitation wherever it was pasted from: spaces, line breaks, upper case and a link around it are fine.
    ///
    /// # Errors
    /// A sentence for the person who pasted it.
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        if text.len() > PASTED_BYTES_MAX {
            return Err(TicketError::TooLong { bytes: text.len() });
        }
        let text: String = text.chars().filter(|c| !is_blank(*c)).flat_map(char::to_lowercase).collect();
        if text.is_empty() {
            return Err(TicketError::Empty);
        }
        let (version, symbols) = find(&text).ok_or(TicketError::NotATicket)?;
        if version != u32::from(VERSION) {
            return Err(TicketError::NewerVersion { version });
        }
        let bytes = ids::from_text(symbols).ok_or(TicketError::Mistyped)?;
        let (bytes, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(TicketError::Mistyped)?;
        if *sum != checksum(bytes) {
            return Err(TicketError::Mistyped);
        }
        Self::from_bytes(bytes)
    }

    /// What both sides bind their proofs to.
    pub(super) fn digest(&self) -> Digest {
        derive(Purpose::Pairing, &[b"ticket", &[0], &self.to_bytes()])
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.to_bytes();
        write!(f, "{NAME}{VERSION}{}", ids::to_text(&[&bytes[..], &checksum(&bytes)].concat()))
    }
}

impl fmt::Debug for Ticket {
    /// Never shows the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("id", &self.id).field("org", &self.org).field("inviter", &self.inviter).finish()
    }
}

/// The version and the symbols behind the last start mark. A link may hold the mark's letters in its host name.
fn find(text: &str) -> Option<(u32, &str)> {
    text.rmatch_indices(NAME).find_map(|(at, _)| {
        let rest = &text[at + NAME.len()..];
        // The version is one digit that base32 does not use (0, 1, 8, 9), so that it ends where the symbols begin.
        let version = rest.chars().next()?.to_digit(10).filter(|digit| matches!(digit, 1 | 8 | 9))?;
        let symbols = &rest[1..];
        let end = symbols.find(|c: char| !c.is_ascii_lowercase() && !('2'..='7').contains(&c)).unwrap_or(symbols.len());
        Some((version, &symbols[..end]))
    })
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

pub(super) fn is_address(text: &str) -> bool {
    text.starts_with('/') && text.len() <= ADDRESS_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = derive(Purpose::Pairing, &[b"checksum", &[0], bytes]);
    *digest.first_chunk().expect("a digest is longer than a checksum")
}

fn shorten(name: &str) -> String {
    if name.len() <= TICKET_NAME_BYTES_MAX {
        return name.to_owned();
    }
    const MORE: &str = "…";
    let end = name.floor_char_boundary(TICKET_NAME_BYTES_MAX - MORE.len());
    format!("{}{MORE}", &name[..end])
}

//! What a line would carry, in a file: batches, statements and files, sealed for the nodes of one site. Knows bytes and
//! keys; what goes in, and what is taken of it, is the engine's affair.
//!
//! ```text
//! "archipel bundle 1\n"
//! frame: opening     who made it, for which site, the content key sealed to each of its nodes, a signature
//! frame: record …    a byte that says whether it is the last one, then the item under the content key
//! ```
//! A frame is its length in four bytes, big-endian, and so many bytes.
//!
//! 1. The seal keeps strangers from reading, and shows damage. It proves nothing of what is inside: entries and
//!    statements prove themselves, files are checked against their hash.
//! 2. Records are sealed in order under one fresh key, each with its number and whether it is the last, bound to the
//!    opening: one that is changed, left out, repeated or moved does not open, and a file cut short lacks its last one.

use crate::codec;
use crate::entry::batch;
use crate::ids::{BlobId, NodeId, OrgId, SiteId};
use crate::keys::{self, Context, Digest, PublicKey, Purpose, SealedKey, SecretKey, SignatureBytes};
use crate::limits::{BUNDLE_OPENING_BYTES_MAX, BUNDLE_RECORD_BYTES_MAX, RESPONSE_BYTES_MAX};
use crate::sync::held::Held;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use rand_core::Rng;

/// How every bundle begins, whatever its version.
const FAMILY: &[u8] = b"archipel bundle ";
/// How bundles of this version begin.
const MAGIC: &[u8] = b"archipel bundle 1\n";
const LENGTH_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;
const INFO: &[u8] = b"archipel 2026 bundle key v1";
const WHAT: &str = "bundle";

/// Why a bundle cannot be read, or not further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Something else than a bundle.
    #[error("this is no bundle")]
    NotABundle,
    /// Made by a newer version.
    #[error("a newer version made this bundle")]
    Newer,
    /// Bytes are not as they were made.
    #[error("the bundle is damaged")]
    Damaged,
    /// It ends before its last record.
    #[error("the bundle is cut short")]
    CutShort,
}

/// Who made a bundle, and who can open it. In the clear: it names ids only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Opening {
    /// The short tag of the organisation.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub tag: [u8; 16],
    /// The node that made it.
    #[n(1)]
    pub from: NodeId,
    /// The site that can open it.
    #[n(2)]
    pub to: SiteId,
    /// When, in milliseconds since 1970.
    #[n(3)]
    pub made: u64,
    /// The content key for each node of that site.
    #[n(4)]
    pub keys: Vec<SealedKey>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Signed {
    #[n(0)]
    opening: ByteVec,
    #[cbor(n(1), with = "minicbor::bytes")]
    signature: SignatureBytes,
}

/// An opening as it was read, with what its signature is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What it says.
    pub opening: Opening,
    digest: Digest,
    signature: SignatureBytes,
}

/// One thing that a bundle carries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Item {
    /// Batches of entries (`entry/batch.rs`), control before data.
    #[n(0)]
    Entries {
        /// Each proves itself.
        #[n(0)]
        batches: Vec<ByteVec>,
    },
    /// Signed statements of what nodes hold.
    #[n(1)]
    Helds {
        /// Each proves itself.
        #[n(0)]
        helds: Vec<Held>,
    },
    /// A file begins; its pieces follow at once, in order.
    #[n(2)]
    File {
        /// The hash of its content.
        #[n(0)]
        blob: BlobId,
        /// Its length.
        #[n(1)]
        size: u64,
    },
    /// The next bytes of the file begun.
    #[n(3)]
    Piece {
        /// Not empty.
        #[n(0)]
        bytes: ByteVec,
    },
    /// Nothing follows.
    #[n(4)]
    End,
    /// Entries, statements or a piece, made smaller by zstd. Packing and unpacking are the shell's.
    #[n(5)]
    Packed {
        /// What [`Item::to_bytes`] gives measures so much.
        #[n(0)]
        length: u32,
        /// A zstd frame.
        #[n(1)]
        bytes: ByteVec,
    },
}

impl Item {
    /// As it is packed.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// What was packed.
    ///
    /// # Errors
    /// [`BundleError::Damaged`]: none of the kinds that are.
    pub fn unpacked(bytes: &[u8]) -> Result<Item, BundleError> {
        match codec::decode(WHAT, bytes, RESPONSE_BYTES_MAX) {
            Ok(item @ (Item::Entries { .. } | Item::Helds { .. } | Item::Piece { .. })) => Ok(item),
            Ok(_) | Err(_) => Err(BundleError::Damaged),
        }
    }
}

/// The key of everything in one bundle.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey {
    key: [u8; 32],
    digest: Digest,
}

impl std::fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentKey(…)")
    }
}

fn aad(tag: &[u8; 16], from: &NodeId, to: &SiteId, made: u64) -> Vec<u8> {
    [&tag[..], &from.0, &to.0, &made.to_be_bytes()].concat()
}

/// Begins a bundle: the bytes that it begins with, and the key of what follows. The readers are the nodes of the
/// receiving site with their X25519 keys; `None` when none of these is usable.
pub fn begin(
    org: &OrgId,
    tag: [u8; 16],
    key: &SecretKey,
    (to, made): (SiteId, u64),
    readers: &[(NodeId, [u8; 32])],
    rng: &mut dyn Rng,
) -> Option<(Vec<u8>, ContentKey)> {
    let from = key.node();
    let mut content = [0; 32];
    rng.fill_bytes(&mut content);
    let aad = aad(&tag, &from, &to, made);
    let sealed = readers.iter().filter_map(|(node, sealing)| {
        // The content key is nobody's whose key is no key.
        keys::seal_to(INFO, &aad, &content, *node, sealing, rng)
    });
    let opening = Opening { tag, from, to, made, keys: sealed.collect() };
    if opening.keys.is_empty() {
        return None;
    }
    let opening = codec::encode(&opening);
    let digest = keys::derive(Purpose::Bundle, &[&opening]);
    let signature = key.sign(Context::Bundle, org, &digest);
    let mut bytes = MAGIC.to_vec();
    frame(&mut bytes, &codec::encode(&Signed { opening: opening.into(), signature }));
    Some((bytes, ContentKey { key: content, digest }))
}

fn frame(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

impl Opened {
    /// Whether the node that it names made it, in this organisation.
    pub fn is_signed(&self, org: &OrgId) -> bool {
        keys::verify(PublicKey::from(self.opening.from), Context::Bundle, org, &self.digest, &self.signature)
    }

    /// Opens the content key with this node's secret; `None` when it was not sealed to it.
    pub fn key(&self, node: &NodeId, secret: &[u8; 32]) -> Option<ContentKey> {
        let Opening { tag, from, to, made, keys } = &self.opening;
        let sealed = keys.iter().find(|sealed| sealed.node == *node)?;
        let key = keys::open_sealed(INFO, &aad(tag, from, to, *made), sealed, secret)?;
        Some(ContentKey { key, digest: self.digest })
    }
}

/// Seals the records of one bundle, in their order.
#[derive(Debug)]
pub struct Sealer {
    key: ContentKey,
    count: u64,
}

impl Sealer {
    /// For a bundle that was begun.
    pub fn new(key: ContentKey) -> Self {
        Self { key, count: 0 }
    }

    /// The framed record of an item. Nothing may follow [`Item::End`].
    pub fn seal(&mut self, item: &Item) -> Vec<u8> {
        let last = u8::from(*item == Item::End);
        let plain = codec::encode(item);
        let cipher = XChaCha20Poly1305::new(&self.key.key.into());
        let payload = Payload { msg: &plain, aad: &self.key.digest };
        let ciphertext =
            cipher.encrypt(&nonce(self.count, last), payload).expect("a record is far below the AEAD's limit");
        self.count += 1;
        let mut out = Vec::with_capacity(LENGTH_BYTES + 1 + ciphertext.len());
        frame(&mut out, &[&[last], &ciphertext[..]].concat());
        out
    }
}

/// The key is fresh, so counting makes nonces that never repeat.
fn nonce(count: u64, last: u8) -> XNonce {
    let mut nonce = [0; NONCE_BYTES];
    nonce[0] = last;
    nonce[NONCE_BYTES - 8..].copy_from_slice(&count.to_be_bytes());
    XNonce::from(nonce)
}

/// Opens the records of one bundle, in their order.
#[derive(Debug)]
pub struct Opener {
    key: ContentKey,
    count: u64,
    over: bool,
}

impl Opener {
    /// For a bundle whose key was opened.
    pub fn new(key: ContentKey) -> Self {
        Self { key, count: 0, over: false }
    }

    /// The item of a record.
    ///
    /// # Errors
    /// [`BundleError::Damaged`]: the record is not the next one as it was made.
    pub fn open(&mut self, record: &[u8]) -> Result<Item, BundleError> {
        let (&last, ciphertext) = record.split_first().filter(|_| !self.over).ok_or(BundleError::Damaged)?;
        let cipher = XChaCha20Poly1305::new(&self.key.key.into());
        let payload = Payload { msg: ciphertext, aad: &self.key.digest };
        let plain = cipher.decrypt(&nonce(self.count, last), payload).map_err(|_| BundleError::Damaged)?;
        let item: Item = codec::decode(WHAT, &plain, RESPONSE_BYTES_MAX).map_err(|_| BundleError::Damaged)?;
        self.count += 1;
        self.over = last == 1;
        if self.over == (item == Item::End) { Ok(item) } else { Err(BundleError::Damaged) }
    }

    /// Whether the last record was read: what comes after is no part of it.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

/// Cuts what arrives in pieces into frames. It holds one frame and the piece last given.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    at: usize,
    begun: bool,
    opened: bool,
}

impl Frames {
    /// Takes the next bytes. The caller reads all frames before it gives more.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The opening, once it is here.
    ///
    /// # Errors
    /// What began is no bundle, or not one of this version.
    pub fn opening(&mut self) -> Result<Option<Opened>, BundleError> {
        if !self.begun && !self.begin()? {
            return Ok(None);
        }
        let Some(bytes) = self.frame(BUNDLE_OPENING_BYTES_MAX)? else { return Ok(None) };
        let signed: Signed = codec::decode(WHAT, &bytes, BUNDLE_OPENING_BYTES_MAX).map_err(|_| BundleError::Damaged)?;
        let opening = codec::decode(WHAT, &signed.opening, BUNDLE_OPENING_BYTES_MAX);
        let digest = keys::derive(Purpose::Bundle, &[&signed.opening]);
        self.opened = true;
        Ok(Some(Opened { opening: opening.map_err(|_| BundleError::Damaged)?, digest, signature: signed.signature }))
    }

    fn begin(&mut self) -> Result<bool, BundleError> {
        let here = &self.buffer[..self.buffer.len().min(MAGIC.len())];
        let family = here.len().min(FAMILY.len());
        if here[..family] != FAMILY[..family] {
            return Err(BundleError::NotABundle);
        }
        if here.len() < MAGIC.len() {
            return Ok(false);
        }
        if here != MAGIC {
            return Err(BundleError::Newer);
        }
        (self.at, self.begun) = (MAGIC.len(), true);
        Ok(true)
    }

    /// The next record, once it is here.
    ///
    /// # Errors
    /// A length that no record has.
    pub fn record(&mut self) -> Result<Option<Vec<u8>>, BundleError> {
        self.frame(BUNDLE_RECORD_BYTES_MAX)
    }

    fn frame(&mut self, max: usize) -> Result<Option<Vec<u8>>, BundleError> {
        let rest = &self.buffer[self.at..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > max {
            return Err(BundleError::Damaged);
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        let frame = frame.to_vec();
        self.at += LENGTH_BYTES + length;
        Ok(Some(frame))
    }

    /// Whether every byte given was used.
    pub fn is_empty(&self) -> bool {
        self.at == self.buffer.len()
    }

    /// What is wrong with a file that ended here, before its last record.
    pub fn ended(&self) -> BundleError {
        if self.begun { BundleError::CutShort } else { BundleError::NotABundle }
    }
}

/// How many entries a batch has, and the position after its last; `None` when it is malformed.
pub(crate) fn extent(batch: &[u8]) -> Option<(u64, u64)> {
    let entries = batch::decode(batch).ok()?;
    let last = entries.last()?;
    Some((entries.len() as u64, last.header.seq + 1))
}

#[cfg(test)]
mod tests;

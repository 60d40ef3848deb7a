//! An entry: a small canonical header that is hashed, chained and signed, and a body beside it that can be erased.
//!
//! 1. Hashing and verification run on the received header bytes; a header that is not canonical is refused before.
//! 2. The body is bound by a salted commitment, so that it can be erased and not guessed afterwards.
//! 3. A node signs the id of its newest entry; the chain of `prev` binds all before it (see `entry/batch.rs`).
//!
//! Sources: `docs/protocol.md` §1.4. This file knows no kinds: a kind is a number here.

pub mod batch;

use crate::clock::Hlc;
use crate::codec::CodecError;
use crate::ids::{EntryId, LogId, OrgId, ScopeId, UserId};
use crate::keys::{self, Context, Digest, Purpose, SecretKey, SignatureBytes, Verifier};
use crate::limits::{AUTH_PROOF_BYTES_MAX, BODY_BYTES_MAX, CTL_HEADS_MAX, HEADER_BYTES_MAX, REFS_MAX, SALT_BYTES};
use minicbor::{Decoder, Encoder};

/// What an entry says about itself. Keys 0–63 are critical, 64 and above are carried along unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The organisation or group.
    pub scope: ScopeId,
    /// The log; absent in the entry that opens one.
    pub log: Option<LogId>,
    /// Position in the log, 0 for the opening entry.
    pub seq: u64,
    /// The id of the entry before; absent at 0.
    pub prev: Option<EntryId>,
    /// When, for display and last tie-break.
    pub hlc: Hlc,
    /// The control frontier that the author had applied; absent = the same as the entry before.
    pub ctl: Option<Vec<EntryId>>,
    /// What kind of operation; bit 15 = ignorable if unknown.
    pub kind: u16,
    /// The person; absent for the node's own operations.
    pub actor: Option<UserId>,
    /// Length of the body in bytes.
    pub body_len: u32,
    /// The salted commitment to the body.
    pub body_commit: Digest,
    /// Targets needed for indexing after the body is gone.
    pub refs: Vec<EntryId>,
    /// A person's own proof, e.g. a WebAuthn assertion.
    pub auth_proof: Option<Vec<u8>>,
    /// Ignorable keys of newer versions, raw.
    pub extra: Vec<(u64, Vec<u8>)>,
}

/// The body with the salt of its commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Random, so that a short text cannot be guessed from its commitment.
    pub salt: [u8; SALT_BYTES],
    /// The operation, encoded by its kind.
    pub bytes: Vec<u8>,
}

/// A header with its bytes and id, and the body if it is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The decoded header.
    pub header: Header,
    /// The hash of the canonical header bytes.
    pub id: EntryId,
    /// The body; `None` once erased or not fetched.
    pub body: Option<Body>,
    /// The node's signature over the id, where it was kept.
    pub signature: Option<SignatureBytes>,
}

const WHAT: &str = "header";

fn malformed(reason: impl ToString) -> CodecError {
    CodecError::Malformed { what: WHAT, reason: reason.to_string() }
}

impl Header {
    /// The canonical bytes: what is hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.encode_into(&mut out);
        out
    }

    /// As [`Header::encode`], behind what stands in `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        self.write(&mut Encoder::new(out)).expect("writing to a Vec cannot fail");
    }

    /// Whether what [`Header::encode`] wrote of this header would be read again as the same. Cheap where nothing of a newer
    /// version is in it.
    ///
    /// # Errors
    /// The first limit or rule that it breaks.
    pub fn check(&self, encoded: &[u8]) -> Result<(), CodecError> {
        let over = |ids: &[EntryId], max| ids.len() > max;
        let lists = self.ctl.as_deref().is_some_and(|ctl| over(ctl, CTL_HEADS_MAX)) || over(&self.refs, REFS_MAX);
        if !self.extra.is_empty() || self.auth_proof.is_some() || lists || encoded.len() > HEADER_BYTES_MAX {
            return Self::decode(encoded).map(drop);
        }
        self.rules()
    }

    fn write(&self, e: &mut Encoder<&mut Vec<u8>>) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        let optional = [
            self.log.is_some(),
            self.prev.is_some(),
            self.ctl.is_some(),
            self.actor.is_some(),
            !self.refs.is_empty(),
            self.auth_proof.is_some(),
        ];
        let keys = 7 + optional.iter().filter(|present| **present).count() + self.extra.len();
        e.map(keys as u64)?.u8(0)?.u8(1)?.u8(1)?.bytes(&self.scope.0)?;
        if let Some(log) = &self.log {
            e.u8(2)?.bytes(&log.0)?;
        }
        e.u8(3)?.u64(self.seq)?;
        if let Some(prev) = &self.prev {
            e.u8(4)?.bytes(&prev.0)?;
        }
        e.u8(5)?.u64(self.hlc.0)?;
        if let Some(ctl) = &self.ctl {
            e.u8(6)?;
            write_ids(e, ctl)?;
        }
        e.u8(7)?.u16(self.kind)?;
        if let Some(actor) = &self.actor {
            e.u8(8)?.bytes(&actor.0)?;
        }
        e.u8(9)?.u32(self.body_len)?.u8(10)?.bytes(&self.body_commit)?;
        if !self.refs.is_empty() {
            e.u8(11)?;
            write_ids(e, &self.refs)?;
        }
        if let Some(proof) = &self.auth_proof {
            e.u8(12)?.bytes(proof)?;
        }
        for (key, raw) in &self.extra {
            e.u64(*key)?.writer_mut().extend_from_slice(raw);
        }
        Ok(())
    }

    /// Reads a header and proves it canonical by writing it again (INV-07).
    ///
    /// # Errors
    /// Anything longer than its limit, not canonical, or with an unknown critical key.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(CodecError::TooLong { what: WHAT, bytes: bytes.len(), max: HEADER_BYTES_MAX });
        }
        let header = Self::read(bytes)?;
        if header.encode() != bytes {
            return Err(malformed("not in canonical form"));
        }
        Ok(header)
    }

    fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::new(bytes);
        let keys = d.map().map_err(malformed)?.ok_or_else(|| malformed("indefinite length"))?;
        let mut seen = Fields::default();
        for _ in 0..keys {
            let key = d.u64().map_err(malformed)?;
            seen.read(key, &mut d, bytes)?;
        }
        if d.position() != bytes.len() {
            return Err(malformed("trailing bytes"));
        }
        seen.finish()
    }

    /// What a person meant, wherever it is logged: of several entries with one intent only one counts (INV-14). The
    /// commitment's random salt makes it unique; time and targets stay out, because a copy may have a later time and name
    /// copies of its targets.
    pub fn intent(&self) -> Digest {
        let actor = self.actor.map_or([0; 16], |actor| actor.0);
        keys::derive(Purpose::Intent, &[&self.scope.0, &self.kind.to_be_bytes(), &actor, &self.body_commit])
    }
}

fn write_ids(
    e: &mut Encoder<&mut Vec<u8>>,
    ids: &[EntryId],
) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
    e.array(ids.len() as u64)?;
    for id in ids {
        e.bytes(&id.0)?;
    }
    Ok(())
}

fn read_ids(d: &mut Decoder<'_>, max: usize) -> Result<Vec<EntryId>, CodecError> {
    let count = d.array().map_err(malformed)?.ok_or_else(|| malformed("indefinite length"))?;
    if count > max as u64 {
        return Err(malformed(format!("{count} ids, over the limit of {max}")));
    }
    (0..count).map(|_| read_id(d)).collect()
}

fn read_id(d: &mut Decoder<'_>) -> Result<EntryId, CodecError> {
    fixed::<32>(d).map(EntryId)
}

fn fixed<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], CodecError> {
    d.bytes().map_err(malformed)?.try_into().map_err(|_| malformed("an id of the wrong length"))
}

/// A header being read.
#[derive(Default)]
struct Fields {
    version: Option<u64>,
    scope: Option<ScopeId>,
    log: Option<LogId>,
    seq: Option<u64>,
    prev: Option<EntryId>,
    hlc: Option<Hlc>,
    ctl: Option<Vec<EntryId>>,
    kind: Option<u16>,
    actor: Option<UserId>,
    body_len: Option<u32>,
    body_commit: Option<Digest>,
    refs: Vec<EntryId>,
    auth_proof: Option<Vec<u8>>,
    extra: Vec<(u64, Vec<u8>)>,
}

impl Fields {
    fn read(&mut self, key: u64, d: &mut Decoder<'_>, bytes: &[u8]) -> Result<(), CodecError> {
        match key {
            0 => self.version = Some(d.u64().map_err(malformed)?),
            1 => self.scope = Some(ScopeId(fixed(d)?)),
            2 => self.log = Some(LogId(fixed(d)?)),
            3 => self.seq = Some(d.u64().map_err(malformed)?),
            4 => self.prev = Some(read_id(d)?),
            5 => self.hlc = Some(Hlc(d.u64().map_err(malformed)?)),
            6 => self.ctl = Some(read_ids(d, CTL_HEADS_MAX)?),
            7 => self.kind = Some(d.u16().map_err(malformed)?),
            8 => self.actor = Some(UserId(fixed(d)?)),
            9 => self.body_len = Some(d.u32().map_err(malformed)?),
            10 => self.body_commit = Some(fixed(d)?),
            11 => self.refs = read_ids(d, REFS_MAX)?,
            12 => {
                let proof = d.bytes().map_err(malformed)?;
                if proof.len() > AUTH_PROOF_BYTES_MAX {
                    return Err(malformed("proof too long"));
                }
                self.auth_proof = Some(proof.to_vec());
            }
            13..64 => return Err(malformed(format!("unknown critical key {key}"))),
            _ => {
                let from = d.position();
                // A header is at most 2 KiB, so nesting is bounded by its length.
                d.skip().map_err(malformed)?;
                self.extra.push((key, bytes[from..d.position()].to_vec()));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Header, CodecError> {
        let missing = |name: &str| malformed(format!("{name} is missing"));
        if self.version != Some(1) {
            return Err(malformed("unknown version"));
        }
        let header = Header {
            scope: self.scope.ok_or_else(|| missing("scope"))?,
            log: self.log,
            seq: self.seq.ok_or_else(|| missing("seq"))?,
            prev: self.prev,
            hlc: self.hlc.ok_or_else(|| missing("hlc"))?,
            ctl: self.ctl,
            kind: self.kind.ok_or_else(|| missing("kind"))?,
            actor: self.actor,
            body_len: self.body_len.ok_or_else(|| missing("body_len"))?,
            body_commit: self.body_commit.ok_or_else(|| missing("body_commit"))?,
            refs: self.refs,
            auth_proof: self.auth_proof,
            extra: self.extra,
        };
        header.rules()?;
        Ok(header)
    }
}

impl Header {
    /// What no encoding says.
    fn rules(&self) -> Result<(), CodecError> {
        let header = self;
        let opening = header.seq == 0;
        if opening != header.log.is_none() || opening != header.prev.is_none() {
            return Err(malformed("log and prev are absent exactly in the entry that opens a log"));
        }
        if header.body_len as usize > BODY_BYTES_MAX {
            return Err(malformed("body too long"));
        }
        if header.extra.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(malformed("keys out of order"));
        }
        Ok(())
    }
}

impl Body {
    /// The commitment that a header carries for this body.
    pub fn commitment(&self) -> Digest {
        keys::derive(Purpose::BodyCommit, &[&self.salt, &self.bytes])
    }
}

/// The id of canonical header bytes.
pub fn id_of(header_bytes: &[u8]) -> EntryId {
    EntryId(keys::derive(Purpose::EntryId, &[header_bytes]))
}

impl Entry {
    /// Makes an entry of an own header and body, signed by the node.
    pub fn sign(header: Header, body: Body, org: &OrgId, key: &SecretKey) -> Self {
        let id = id_of(&header.encode());
        let signature = key.sign(Context::Entry, org, &id.0);
        Self { header, id, body: Some(body), signature: Some(signature) }
    }

    /// The log this entry belongs to: its own id when it opens one.
    pub fn log(&self) -> LogId {
        self.header.log.unwrap_or(LogId(self.id.0))
    }

    /// Whether the kept signature is the log owner's.
    pub fn is_signed_by(&self, verifier: &Verifier, org: &OrgId) -> bool {
        self.signature.is_some_and(|signature| verifier.verify(Context::Entry, org, &self.id.0, &signature))
    }

    /// Whether the body at hand is the one that the header commits to; true when there is none.
    pub fn body_fits(&self) -> bool {
        self.body.as_ref().is_none_or(|body| {
            body.bytes.len() == self.header.body_len as usize
                && keys::same(&body.commitment(), &self.header.body_commit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn header() -> Header {
        Header {
            scope: ScopeId([1; 32]),
            log: Some(LogId([2; 32])),
            seq: 5,
            prev: Some(EntryId([3; 32])),
            hlc: Hlc(77 << 16),
            ctl: Some(vec![EntryId([4; 32])]),
            kind: 0x101,
            actor: Some(UserId([5; 16])),
            body_len: 3,
            body_commit: [6; 32],
            refs: vec![EntryId([7; 32])],
            auth_proof: None,
            extra: vec![],
        }
    }

    #[test]
    fn a_header_reads_back_from_its_bytes() {
        let mut header = header();
        assert_eq!(Header::decode(&header.encode()), Ok(header.clone()));
        header.extra = vec![(64, vec![0x01]), (900, vec![0x82, 0x01, 0x02])];
        assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn a_header_passes_the_check_exactly_when_it_reads_back() {
        let ids = |count| vec![EntryId([7; 32]); count];
        let changes: [fn(&mut Header, Vec<EntryId>); 6] = [
            |header, ids| header.refs = ids,
            |header, ids| header.ctl = Some(ids),
            |header, ids| header.auth_proof = Some(vec![0; ids.len() * 64]),
            |header, ids| header.extra = (0..ids.len() as u64).map(|key| (64 + key / 9 * 8, vec![1])).collect(),
            |header, ids| header.seq = ids.len() as u64 / 4,
            |header, ids| header.body_len = (BODY_BYTES_MAX - 8 + ids.len()) as u32,
        ];
        for change in changes {
            for count in 0..20 {
                let mut header = header();
                change(&mut header, ids(count));
                let bytes = header.encode();
                assert_eq!(header.check(&bytes).is_ok(), Header::decode(&bytes) == Ok(header), "{count}");
            }
        }
    }

    #[test]
    fn a_header_in_another_form_is_refused() {
        let bytes = header().encode();
        // Version as a longer integer than needed.
        let mut longer = vec![bytes[0], 0x00, 0x18, 0x01];
        longer.extend_from_slice(&bytes[3..]);
        assert!(Header::decode(&longer).is_err());
        let mut trailing = bytes.clone();
        trailing.push(0);
        assert!(Header::decode(&trailing).is_err());
        for cut in 0..bytes.len() {
            assert!(Header::decode(&bytes[..cut]).is_err(), "a cut at {cut} was accepted");
        }
    }

    #[test]
    fn every_flipped_bit_changes_the_id_or_is_refused() {
        let bytes = header().encode();
        let id = id_of(&bytes);
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            if Header::decode(&flipped).is_ok() {
                assert_ne!(id_of(&flipped), id);
            }
        }
    }

    #[test]
    fn a_body_is_bound_with_its_salt() {
        let body = Body { salt: [9; SALT_BYTES], bytes: b"abc".to_vec() };
        let mut header = header();
        header.body_commit = body.commitment();
        let key = SecretKey::from_seed(&[1; 32]);
        let mut entry = Entry::sign(header, body, &OrgId([8; 32]), &key);
        assert!(entry.body_fits());
        assert!(entry.is_signed_by(&Verifier::new(key.public()).expect("a valid key"), &OrgId([8; 32])));
        entry.body.as_mut().expect("present").salt[0] ^= 1;
        assert!(!entry.body_fits());
    }
}

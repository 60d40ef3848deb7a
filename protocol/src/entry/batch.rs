//! A contiguous range of one log, in columns: the form on the wire and in the journal.
//!
//! What a reader can derive does not travel (ruling B1): `prev` and `log` follow from the entry before, the commitment
//! from salt and body. The reader rebuilds each canonical header and hashes it, so that one signature over the last
//! entry proves the whole range. Erased bodies travel as their commitment.

use super::{Body, Entry, Header, id_of};
use crate::clock::Hlc;
use crate::codec::{self, CodecError};
use crate::ids::{EntryId, LogId, ScopeId, UserId};
use crate::limits::{BATCH_ENTRIES_MAX, BODY_BYTES_MAX, RESPONSE_BYTES_MAX, SALT_BYTES};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

const WHAT: &str = "batch";

fn malformed(reason: &str) -> CodecError {
    CodecError::Malformed { what: WHAT, reason: reason.into() }
}

/// The columns. Sparse ones name the position in the batch.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Columns {
    #[n(0)]
    scope: ScopeId,
    #[n(1)]
    log: Option<LogId>,
    #[n(2)]
    first_seq: u64,
    #[n(3)]
    prev: Option<EntryId>,
    #[n(4)]
    first_hlc: u64,
    /// Per entry: growth of the timestamp, kind, place in `actors` plus one, length of the body.
    #[n(5)]
    numbers: ByteVec,
    #[n(6)]
    actors: Vec<UserId>,
    #[n(7)]
    ctl: Vec<(u32, Vec<EntryId>)>,
    #[n(8)]
    refs: Vec<(u32, Vec<EntryId>)>,
    #[n(9)]
    proofs: Vec<(u32, ByteVec)>,
    #[n(10)]
    extra: Vec<(u32, u64, ByteVec)>,
    #[n(11)]
    erased: Vec<(u32, ByteArray<32>)>,
    #[n(12)]
    salts: ByteVec,
    #[n(13)]
    bodies: ByteVec,
    #[n(14)]
    signatures: Vec<(u32, ByteArray<64>)>,
}

/// Which signatures a batch carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// Every one at hand: control logs, and the own journal.
    All,
    /// Only the last entry's, which proves the rest.
    Last,
    /// Of each aligned stretch of half a batch the last one at hand: the chain proves the range, and whoever gives it on
    /// finds a signature to end each batch with.
    Sparse,
}

/// The places of the signatures that [`Signatures::Sparse`] keeps.
fn sparse_places(entries: &[Entry]) -> std::collections::BTreeSet<usize> {
    let stretch = |entry: &Entry| entry.header.seq / (BATCH_ENTRIES_MAX as u64 / 2);
    let signed = entries.iter().enumerate().filter(|(_, entry)| entry.signature.is_some());
    let last: std::collections::BTreeMap<u64, usize> = signed.map(|(at, entry)| (stretch(entry), at)).collect();
    last.into_values().collect()
}

/// Encodes a contiguous range of one log. The caller keeps within the limits.
pub fn encode(entries: &[Entry], signatures: Signatures) -> Vec<u8> {
    let first = entries.first().expect("a batch has at least one entry");
    let mut columns = Columns {
        scope: first.header.scope,
        log: first.header.log,
        first_seq: first.header.seq,
        prev: first.header.prev,
        first_hlc: first.header.hlc.0,
        numbers: ByteVec::from(Vec::with_capacity(entries.len() * 8)),
        actors: Vec::new(),
        ctl: Vec::new(),
        refs: Vec::new(),
        proofs: Vec::new(),
        extra: Vec::new(),
        erased: Vec::new(),
        salts: ByteVec::from(Vec::with_capacity(entries.len() * SALT_BYTES)),
        bodies: ByteVec::from(Vec::new()),
        signatures: Vec::new(),
    };
    let mut hlc = first.header.hlc.0;
    let sparse = if signatures == Signatures::Sparse { sparse_places(entries) } else { Default::default() };
    for (at, entry) in entries.iter().enumerate() {
        let (header, last) = (&entry.header, at + 1 == entries.len());
        let signed = signatures == Signatures::All || last || sparse.contains(&at);
        let at = at as u32;
        let actor = header.actor.map_or(0, |actor| {
            columns.actors.iter().position(|known| *known == actor).unwrap_or_else(|| {
                columns.actors.push(actor);
                columns.actors.len() - 1
            }) + 1
        });
        write_number(&mut columns.numbers, header.hlc.0 - hlc);
        write_number(&mut columns.numbers, u64::from(header.kind));
        write_number(&mut columns.numbers, actor as u64);
        write_number(&mut columns.numbers, u64::from(header.body_len));
        hlc = header.hlc.0;
        if let Some(ctl) = &header.ctl {
            columns.ctl.push((at, ctl.clone()));
        }
        if !header.refs.is_empty() {
            columns.refs.push((at, header.refs.clone()));
        }
        if let Some(proof) = &header.auth_proof {
            columns.proofs.push((at, proof.clone().into()));
        }
        columns.extra.extend(header.extra.iter().map(|(key, raw)| (at, *key, raw.clone().into())));
        match &entry.body {
            Some(body) => {
                columns.salts.extend_from_slice(&body.salt);
                columns.bodies.extend_from_slice(&body.bytes);
            }
            None => columns.erased.push((at, header.body_commit.into())),
        }
        if let Some(signature) = entry.signature.filter(|_| signed) {
            columns.signatures.push((at, signature.into()));
        }
    }
    codec::encode(&columns)
}

/// Decodes a range and rebuilds its headers and ids. The chain inside it holds by construction; whether it continues
/// what is held, and whether the last signature is the owner's, is for the caller to check.
///
/// # Errors
/// Anything over its limit or inconsistent in itself.
pub fn decode(bytes: &[u8]) -> Result<Vec<Entry>, CodecError> {
    let mut columns: Columns = codec::decode(WHAT, bytes, RESPONSE_BYTES_MAX)?;
    let mut sparse = Sparse::new(&mut columns);
    let (mut numbers, mut salts, mut bodies) =
        (columns.numbers.as_slice(), columns.salts.as_slice(), columns.bodies.as_slice());
    let (mut log, mut prev, mut hlc) = (columns.log, columns.prev, columns.first_hlc);
    let mut entries: Vec<Entry> = Vec::new();
    let mut header_bytes = Vec::with_capacity(256);
    while !numbers.is_empty() {
        let at = entries.len() as u32;
        if entries.len() == BATCH_ENTRIES_MAX {
            return Err(malformed("too many entries"));
        }
        hlc = hlc.checked_add(read_number(&mut numbers)?).ok_or_else(|| malformed("timestamp overflow"))?;
        let kind = u16::try_from(read_number(&mut numbers)?).map_err(|_| malformed("kind out of range"))?;
        let actor = match read_number(&mut numbers)? {
            0 => None,
            place => Some(*columns.actors.get(place as usize - 1).ok_or_else(|| malformed("unknown actor"))?),
        };
        let body_len = read_number(&mut numbers)?;
        if body_len > BODY_BYTES_MAX as u64 {
            return Err(malformed("body too long"));
        }
        let erased = sparse.erased.take(at);
        let (body, body_commit) = match erased {
            Some(commit) => (None, commit.into()),
            None => {
                let salt = split(&mut salts, SALT_BYTES)?.try_into().expect("split gives the asked length");
                let body = Body { salt, bytes: split(&mut bodies, body_len as usize)?.to_vec() };
                let commit = body.commitment();
                (Some(body), commit)
            }
        };
        let header = Header {
            scope: columns.scope,
            log,
            seq: columns.first_seq.checked_add(u64::from(at)).ok_or_else(|| malformed("position overflow"))?,
            prev,
            hlc: Hlc(hlc),
            ctl: sparse.ctl.take(at),
            kind,
            actor,
            body_len: body_len as u32,
            body_commit,
            refs: sparse.refs.take(at).unwrap_or_default(),
            auth_proof: sparse.proofs.take(at).map(Into::into),
            extra: sparse.extra(at),
        };
        header_bytes.clear();
        header.encode_into(&mut header_bytes);
        header.check(&header_bytes)?;
        let id = id_of(&header_bytes);
        let signature = sparse.signatures.take(at).map(Into::into);
        let entry = Entry { header, id, body, signature };
        log = Some(entry.log());
        prev = Some(id);
        entries.push(entry);
    }
    if entries.is_empty() || !salts.is_empty() || !bodies.is_empty() || !sparse.is_done() {
        return Err(malformed("columns of different lengths"));
    }
    Ok(entries)
}

/// One entry of a batch without its chain: what reading a post needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// When.
    pub hlc: Hlc,
    /// What.
    pub kind: u16,
    /// Who.
    pub actor: Option<UserId>,
    /// Targets.
    pub refs: Vec<EntryId>,
    /// `None` once erased.
    pub body: Option<Vec<u8>>,
}

/// Reads one entry of a batch that was proved before it was stored, without hashing anything.
pub fn peek(bytes: &[u8], at: usize) -> Option<Item> {
    let columns: Columns = codec::decode(WHAT, bytes, RESPONSE_BYTES_MAX).ok()?;
    let is_erased = |at: usize| columns.erased.iter().any(|(place, _)| *place as usize == at);
    let mut numbers = columns.numbers.as_slice();
    let (mut hlc, mut offset) = (columns.first_hlc, 0);
    for place in 0..=at {
        hlc += read_number(&mut numbers).ok()?;
        let kind = u16::try_from(read_number(&mut numbers).ok()?).ok()?;
        let actor = read_number(&mut numbers).ok()?;
        let len = usize::try_from(read_number(&mut numbers).ok()?).ok()?;
        let erased = is_erased(place);
        if place == at {
            let actor = match actor {
                0 => None,
                index => Some(*columns.actors.get(index as usize - 1)?),
            };
            let refs = columns.refs.iter().find(|(place, _)| *place as usize == at).map(|(_, refs)| refs.clone());
            let body = if erased { None } else { Some(columns.bodies.get(offset..offset + len)?.to_vec()) };
            return Some(Item { hlc: Hlc(hlc), kind, actor, refs: refs.unwrap_or_default(), body });
        }
        offset += if erased { 0 } else { len };
    }
    None
}

/// A sparse column read in step with the entries.
struct Column<T>(std::iter::Peekable<std::vec::IntoIter<(u32, T)>>);

impl<T> Column<T> {
    fn take(&mut self, at: u32) -> Option<T> {
        self.0.next_if(|(place, _)| *place == at).map(|(_, value)| value)
    }
}

impl<T> From<&mut Vec<(u32, T)>> for Column<T> {
    fn from(column: &mut Vec<(u32, T)>) -> Self {
        Self(std::mem::take(column).into_iter().peekable())
    }
}

struct Sparse {
    ctl: Column<Vec<EntryId>>,
    refs: Column<Vec<EntryId>>,
    proofs: Column<ByteVec>,
    extra: Column<(u64, ByteVec)>,
    erased: Column<ByteArray<32>>,
    signatures: Column<ByteArray<64>>,
}

impl Sparse {
    fn new(columns: &mut Columns) -> Self {
        let mut extra: Vec<_> =
            std::mem::take(&mut columns.extra).into_iter().map(|(at, key, raw)| (at, (key, raw))).collect();
        Self {
            ctl: (&mut columns.ctl).into(),
            refs: (&mut columns.refs).into(),
            proofs: (&mut columns.proofs).into(),
            extra: (&mut extra).into(),
            erased: (&mut columns.erased).into(),
            signatures: (&mut columns.signatures).into(),
        }
    }

    fn extra(&mut self, at: u32) -> Vec<(u64, Vec<u8>)> {
        std::iter::from_fn(|| self.extra.take(at)).map(|(key, raw)| (key, raw.into())).collect()
    }

    fn is_done(&mut self) -> bool {
        self.ctl.0.peek().is_none()
            && self.refs.0.peek().is_none()
            && self.proofs.0.peek().is_none()
            && self.extra.0.peek().is_none()
            && self.erased.0.peek().is_none()
            && self.signatures.0.peek().is_none()
    }
}

fn split<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], CodecError> {
    let (head, tail) = bytes.split_at_checked(length).ok_or_else(|| malformed("a column is too short"))?;
    *bytes = tail;
    Ok(head)
}

/// Writes a number in groups of seven bits, the lowest first.
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<u64, CodecError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let [byte, rest @ ..] = bytes else { return Err(malformed("a number is cut off")) };
        *bytes = rest;
        let group = u64::from(byte & 0x7f);
        if shift == 63 && group > 1 {
            return Err(malformed("a number is too large"));
        }
        number |= group << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(malformed("a number is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrgId;
    use crate::keys::{SecretKey, Verifier};
    use proptest::prelude::*;

    fn chain(count: usize) -> Vec<Entry> {
        let key = SecretKey::from_seed(&[1; 32]);
        let mut entries: Vec<Entry> = Vec::new();
        for at in 0..count {
            let body = Body { salt: [at as u8; SALT_BYTES], bytes: vec![at as u8; at % 40] };
            let header = Header {
                scope: ScopeId([1; 32]),
                log: entries.last().map(Entry::log),
                seq: at as u64,
                prev: entries.last().map(|entry| entry.id),
                hlc: Hlc((1000 + at as u64) << 16),
                ctl: (at % 5 == 0).then(|| vec![EntryId([at as u8; 32])]),
                kind: if at == 0 { 1 } else { 0x300 },
                actor: (at % 3 != 0).then_some(UserId([(at % 4) as u8; 16])),
                body_len: body.bytes.len() as u32,
                body_commit: body.commitment(),
                refs: if at % 4 == 0 { vec![EntryId([9; 32])] } else { vec![] },
                auth_proof: None,
                extra: if at % 7 == 3 { vec![(70, vec![1]), (71, vec![0x41, 3])] } else { vec![] },
            };
            entries.push(Entry::sign(header, body, &OrgId([1; 32]), &key));
        }
        entries
    }

    #[test]
    fn a_range_reads_back_with_the_same_ids_and_one_signature() {
        let mut entries = chain(50);
        entries[7].body = None;
        let back = decode(&encode(&entries, Signatures::Last)).expect("a good batch");
        assert_eq!(back.len(), 50);
        for (at, (sent, got)) in entries.iter().zip(&back).enumerate() {
            let item = peek(&encode(&entries, Signatures::Last), at).expect("in the batch");
            assert_eq!((item.hlc, item.kind, item.actor), (sent.header.hlc, sent.header.kind, sent.header.actor));
            assert_eq!((item.refs, item.body), (sent.header.refs.clone(), sent.body.clone().map(|body| body.bytes)));
            assert_eq!((sent.id, &sent.header, &sent.body), (got.id, &got.header, &got.body));
        }
        let verifier = Verifier::new(SecretKey::from_seed(&[1; 32]).public()).expect("a key");
        assert!(back[49].is_signed_by(&verifier, &OrgId([1; 32])));
        assert!(back[48].signature.is_none());
        assert_eq!(decode(&encode(&entries, Signatures::All)).expect("a good batch"), entries);
    }

    #[test]
    fn a_changed_byte_breaks_the_last_signature_or_is_refused() {
        let entries = chain(6);
        let bytes = encode(&entries, Signatures::Last);
        let verifier = Verifier::new(SecretKey::from_seed(&[1; 32]).public()).expect("a key");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            if let Ok(back) = decode(&changed) {
                let same = back.iter().map(|entry| entry.id).eq(entries.iter().map(|entry| entry.id));
                let last = back.last().expect("never empty");
                assert!(same || !last.is_signed_by(&verifier, &OrgId([1; 32])), "byte {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes);
        }
    }
}

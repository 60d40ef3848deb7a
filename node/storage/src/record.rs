//! One record: its bytes, its two checks, its wiped form. Shared by journal and kvlog.
//! It does not know files or what a payload means.
//!
//! ```text
//! magic u16 | kind u8 | flags u8 | len u32 | seq u64 | crc u32 | head crc u32 | payload | zeros to a multiple of 8
//! ```
//! Little-endian. Both checks are CRC-32C started from the file's random salt, so that bytes chosen by a stranger
//! inside a payload cannot pass for a record when a damaged file is searched for the next good one.
//! `head crc` covers magic, kind, len and seq: with it, a damaged payload costs exactly one record.
//! `crc` covers kind to seq, flags included, and the payload; of a wiped record, no payload.

/// Largest payload: one body of the largest allowed entry with room to spare, and what a reader may have to
/// allocate for one damaged length.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

pub(crate) const HEAD_BYTES: usize = 24;
const MAGIC: u16 = 0xa7c1;
const ALIGN: usize = 8;
/// Offset of `crc`; it lies inside one aligned word, so rewriting it cannot be torn.
pub(crate) const CRC_AT: usize = 16;
pub(crate) const FLAGS_AT: usize = 3;

/// The payload was wiped.
pub(crate) const ERASED: u8 = 1;
/// First record of a commit.
pub(crate) const BEGIN: u8 = 2;
/// Last record of a commit.
pub(crate) const END: u8 = 4;

/// The decoded head of a record. `flags` and `crc` are unchecked until [`check`] has seen the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub kind: u8,
    pub flags: u8,
    pub len: u32,
    pub seq: u64,
    pub crc: u32,
}

/// What the bytes of a whole record turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Flags and payload are as written.
    Good,
    /// Wiped; `finished` tells whether flag and zeros are in place, or a crash came between.
    Erased { finished: bool },
    /// Changed since it was written, or not wholly written.
    Damaged,
}

/// Bytes that a record with this payload length takes in a file.
pub(crate) fn footprint(payload_len: usize) -> usize {
    (HEAD_BYTES + payload_len).next_multiple_of(ALIGN)
}

/// Appends a record to `out`. The payload must not exceed [`RECORD_BYTES_MAX`].
pub(crate) fn encode(out: &mut Vec<u8>, seed: u32, kind: u8, flags: u8, seq: u64, payload: &[u8]) {
    debug_assert!(payload.len() <= RECORD_BYTES_MAX);
    let len = payload.len() as u32;
    let head = Head { kind, flags, len, seq, crc: 0 };
    out.reserve(footprint(payload.len()));
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.push(kind);
    out.push(flags);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&crc(seed, &head, payload).to_le_bytes());
    out.extend_from_slice(&head_crc(seed, &head).to_le_bytes());
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(ALIGN), 0);
}

/// Adds a flag to the encoded record at the start of `record` and renews its check.
pub(crate) fn add_flag(record: &mut [u8], seed: u32, flag: u8) {
    if let Some(mut head) = parse_head(record, seed) {
        head.flags |= flag;
        let end = HEAD_BYTES + head.len as usize;
        let check = crc(seed, &head, record.get(HEAD_BYTES..end).unwrap_or_default());
        record[FLAGS_AT] = head.flags;
        record[CRC_AT..CRC_AT + 4].copy_from_slice(&check.to_le_bytes());
    }
}

/// Decodes the head at the start of `bytes`; `None` when it is too short or fails its own check.
pub(crate) fn parse_head(bytes: &[u8], seed: u32) -> Option<Head> {
    let bytes: &[u8; HEAD_BYTES] = bytes.first_chunk()?;
    if u16::from_le_bytes([bytes[0], bytes[1]]) != MAGIC {
        return None;
    }
    let head = Head {
        kind: bytes[2],
        flags: bytes[FLAGS_AT],
        len: u32::from_le_bytes(*bytes[4..].first_chunk()?),
        seq: u64::from_le_bytes(*bytes[8..].first_chunk()?),
        crc: u32::from_le_bytes(*bytes[CRC_AT..].first_chunk()?),
    };
    let stored = u32::from_le_bytes(*bytes[20..].first_chunk()?);
    (stored == head_crc(seed, &head) && head.len as usize <= RECORD_BYTES_MAX).then_some(head)
}

/// Judges a record from its head and the bytes that follow it (payload and padding).
///
/// A good record is recognised before a wiped one: no payload, however chosen, can make a live record look wiped.
pub(crate) fn check(head: &Head, seed: u32, rest: &[u8]) -> Verdict {
    let len = head.len as usize;
    if rest.len() + HEAD_BYTES != footprint(len) {
        return Verdict::Damaged;
    }
    let (payload, padding) = rest.split_at(len);
    let flagged = head.flags & ERASED != 0;
    if !flagged && head.crc == crc(seed, head, payload) {
        return if is_zero(padding) { Verdict::Good } else { Verdict::Damaged };
    }
    if head.crc == erased_crc(seed, head) {
        return Verdict::Erased { finished: flagged && is_zero(rest) };
    }
    Verdict::Damaged
}

/// The check value of the wiped form of this record. Written first when wiping: from then on the record is wiped,
/// whatever its flag and payload still say.
pub(crate) fn erased_crc(seed: u32, head: &Head) -> u32 {
    crc(seed, &Head { flags: head.flags | ERASED, ..*head }, &[])
}

/// The part of a head that never changes, wiped or not: what a segment's chain hash covers.
pub(crate) fn chain_bytes(head: &Head) -> [u8; 16] {
    let mut out = [0; 16];
    out[0] = head.kind;
    out[4..8].copy_from_slice(&head.len.to_le_bytes());
    out[8..].copy_from_slice(&head.seq.to_le_bytes());
    out
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn crc(seed: u32, head: &Head, payload: &[u8]) -> u32 {
    let mut bytes = chain_bytes(head);
    bytes[1] = head.flags;
    bytes[2] = 1;
    crc32c::crc32c_append(crc32c::crc32c_append(seed, &bytes), payload)
}

fn head_crc(seed: u32, head: &Head) -> u32 {
    crc32c::crc32c_append(seed, &chain_bytes(head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge(bytes: &[u8], seed: u32) -> Option<(Head, Verdict)> {
        let head = parse_head(bytes, seed)?;
        let rest = bytes.get(HEAD_BYTES..footprint(head.len as usize))?;
        Some((head, check(&head, seed, rest)))
    }

    proptest! {
        #[test]
        fn a_record_reads_back_as_written(seed: u32, kind: u8, seq: u64, payload in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut bytes = Vec::new();
            encode(&mut bytes, seed, kind, BEGIN, seq, &payload);
            add_flag(&mut bytes, seed, END);
            prop_assert_eq!(bytes.len(), footprint(payload.len()));
            let (head, verdict) = judge(&bytes, seed).unwrap();
            prop_assert_eq!(verdict, Verdict::Good);
            prop_assert_eq!((head.kind, head.flags, head.seq), (kind, BEGIN | END, seq));
            prop_assert_eq!(&bytes[HEAD_BYTES..HEAD_BYTES + payload.len()], &payload[..]);
        }

        #[test]
        fn foreign_bytes_are_no_record(seed: u32, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse_head(&bytes, seed).is_none());
        }
    }

    #[test]
    fn every_single_bit_flip_of_a_record_is_seen() {
        for len in [0, 1, 7, 8, 9, 100] {
            let mut bytes = Vec::new();
            encode(&mut bytes, 77, 3, BEGIN | END, 5, &vec![0xa5; len]);
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(judge(&bytes, 77).is_none_or(|(_, verdict)| verdict == Verdict::Damaged), "bit {bit} of {len}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn a_record_of_another_file_is_none_here() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 1, 3, BEGIN | END, 5, b"payload");
        assert!(parse_head(&bytes, 2).is_none());
    }
}

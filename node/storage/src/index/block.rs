//! A block: some neighbouring rows as one value of sled. Each row stores only what differs from the one before, and a
//! check value in front finds damage.
//!
//! CRC-32C of the rest (4 bytes, little-endian), then for each row four numbers in groups of seven bits, the lowest
//! first: bytes of the key shared with the key before, bytes of its rest, zero for a removal or one more than the
//! bytes of the value shared with the value before, bytes of its rest; then both rests.

use super::IndexError;

/// A block is closed at this size: sled keeps sixteen in one page, and a look-up reads one block.
pub(super) const BLOCK_BYTES: usize = 4 * 1024;
const CHECK_BYTES: usize = 4;

pub(super) fn damaged(what: &str) -> IndexError {
    IndexError::Broken { reason: format!("{what} is damaged") }
}

/// A block being written.
#[derive(Debug, Default)]
pub(super) struct Builder {
    bytes: Vec<u8>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Builder {
    /// Adds a row behind the others.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self.bytes.is_empty() {
            self.bytes.resize(CHECK_BYTES, 0);
        }
        let shared = shared(&self.key, key);
        write_number(&mut self.bytes, shared);
        write_number(&mut self.bytes, key.len() - shared);
        let rest = match value {
            Some(value) => {
                let same = self::shared(&self.value, value);
                write_number(&mut self.bytes, same + 1);
                self.value.truncate(same);
                self.value.extend_from_slice(&value[same..]);
                &value[same..]
            }
            None => {
                write_number(&mut self.bytes, 0);
                &[]
            }
        };
        write_number(&mut self.bytes, rest.len());
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(rest);
        self.key.truncate(shared);
        self.key.extend_from_slice(&key[shared..]);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The block; the next begins.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.key.clear();
        self.value.clear();
        let mut bytes = std::mem::take(&mut self.bytes);
        seal(&mut bytes);
        bytes
    }
}

/// Reads a block row by row, each into the same two buffers.
#[derive(Debug)]
pub(super) struct Reader<B> {
    bytes: B,
    at: usize,
    pub(super) key: Vec<u8>,
    value: Vec<u8>,
    is_value: bool,
}

impl<B: AsRef<[u8]>> Reader<B> {
    /// Begins to read, if the check value fits.
    pub(super) fn new(bytes: B) -> Result<Self, IndexError> {
        unseal(bytes.as_ref()).ok_or_else(|| damaged("a block"))?;
        Ok(Self { bytes, at: CHECK_BYTES, key: Vec::new(), value: Vec::new(), is_value: false })
    }

    /// Goes to the next row; false behind the last.
    pub(super) fn advance(&mut self) -> Result<bool, IndexError> {
        let bytes = self.bytes.as_ref();
        if self.at == bytes.len() {
            return Ok(false);
        }
        let mut rest = bytes.get(self.at..).unwrap_or_default();
        let read = |rest: &mut &[u8]| read_number(rest).ok_or_else(|| damaged("a block"));
        let (shared, key_len) = (read(&mut rest)?, read(&mut rest)?);
        let (tag, value_len) = (read(&mut rest)?, read(&mut rest)?);
        let (key, rest) = rest.split_at_checked(key_len).ok_or_else(|| damaged("a block"))?;
        let (value, rest) = rest.split_at_checked(value_len).ok_or_else(|| damaged("a block"))?;
        if shared > self.key.len() || tag > self.value.len() + 1 {
            return Err(damaged("a block"));
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(key);
        self.is_value = tag > 0;
        if self.is_value {
            self.value.truncate(tag - 1);
            self.value.extend_from_slice(value);
        }
        self.at = bytes.len() - rest.len();
        Ok(true)
    }

    /// The value of the row; `None` for a removal.
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.is_value.then_some(self.value.as_slice())
    }
}

/// Puts the check value in front of what follows its four bytes.
pub(super) fn seal(bytes: &mut [u8]) {
    if let Some((check, rest)) = bytes.split_first_chunk_mut::<CHECK_BYTES>() {
        *check = crc32c::crc32c(rest).to_le_bytes();
    }
}

/// What follows the check value, if that fits.
pub(super) fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let (check, rest) = bytes.split_first_chunk::<CHECK_BYTES>()?;
    (u32::from_le_bytes(*check) == crc32c::crc32c(rest)).then_some(rest)
}

fn shared(before: &[u8], now: &[u8]) -> usize {
    before.iter().zip(now).take_while(|(a, b)| a == b).count()
}

pub(super) fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn read_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for shift in (0..28).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_block_gives_back_its_rows_and_no_changed_bit_goes_unseen(
            rows in proptest::collection::btree_map(
                proptest::collection::vec(0..3_u8, 1..6),
                proptest::option::of(proptest::collection::vec(0..2_u8, 0..200)),
                1..20,
            ),
            flip in any::<usize>(),
        ) {
            let mut builder = Builder::default();
            rows.iter().for_each(|(key, value)| builder.push(key, value.as_deref()));
            let mut bytes = builder.take();
            prop_assert!(builder.is_empty());
            let mut reader = Reader::new(&bytes)?;
            for (key, value) in &rows {
                prop_assert!(reader.advance()?);
                prop_assert_eq!((&reader.key, reader.value()), (key, value.as_deref()));
            }
            prop_assert!(!reader.advance()?);
            let bit = flip % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Reader::new(&bytes).is_err());
        }
    }
}

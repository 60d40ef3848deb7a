//! A set of changes and its bytes: `1 | table | key len u32 | key | value len u32 | value` for a put, `2 | table | key
//! len u32 | key` for a delete, little-endian, one after the other.

use super::{Map, full_key};

const PUT: u8 = 1;
const DELETE: u8 = 2;
/// What a row takes in a file besides key and value.
pub(super) const ROW_OVERHEAD: u64 = 10;

/// Changes that happen together or not at all. Later ones win over earlier ones of the same key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds setting a value.
    #[must_use]
    pub fn put(mut self, table: u8, key: &[u8], value: &[u8]) -> Self {
        self.add_put(table, key, value);
        self
    }

    /// Adds removing a key.
    #[must_use]
    pub fn delete(mut self, table: u8, key: &[u8]) -> Self {
        self.add_delete(table, key);
        self
    }

    /// Adds setting a value, in place.
    pub fn add_put(&mut self, table: u8, key: &[u8], value: &[u8]) {
        self.changes.push((full_key(table, key), Some(value.to_vec())));
    }

    /// Adds removing a key, in place.
    pub fn add_delete(&mut self, table: u8, key: &[u8]) {
        self.changes.push((full_key(table, key), None));
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, value) in &self.changes {
            encode_change(&mut out, key, value.as_deref());
        }
        out
    }

    /// The changes in a record; `None` when they are not well formed.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut changes = Vec::new();
        while let Some((op, rest)) = bytes.split_first() {
            let (table, rest) = rest.split_first()?;
            let (key, rest) = take(rest)?;
            let (value, rest) = match *op {
                PUT => {
                    let (value, rest) = take(rest)?;
                    (Some(value.to_vec()), rest)
                }
                DELETE => (None, rest),
                _ => return None,
            };
            changes.push((full_key(*table, key), value));
            bytes = rest;
        }
        Some(Self { changes })
    }
}

/// Adds a change to the bytes of a batch. `key` includes the table byte.
pub(super) fn encode_change(out: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    let Some((table, key)) = key.split_first() else { return };
    out.extend_from_slice(&[if value.is_some() { PUT } else { DELETE }, *table]);
    out.extend_from_slice(&(key.len() as u32).to_le_bytes());
    out.extend_from_slice(key);
    if let Some(value) = value {
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        out.extend_from_slice(value);
    }
}

/// Makes the changes in memory and returns the new size of what is alive.
pub(super) fn apply(map: &mut Map, mut live: u64, batch: Batch) -> u64 {
    let size = |key_len: usize, value: &[u8]| key_len as u64 + value.len() as u64 + ROW_OVERHEAD;
    for (key, value) in batch.changes {
        let key_len = key.len();
        let before = match value {
            Some(value) => {
                live += size(key_len, &value);
                map.insert(key, value)
            }
            None => map.remove(&key),
        };
        live -= before.map_or(0, |before| size(key_len, &before));
    }
    live
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_batch_reads_back_as_written(changes in proptest::collection::vec((any::<u8>(), any::<Vec<u8>>(), any::<Option<Vec<u8>>>()), 0..20)) {
            let mut batch = Batch::new();
            for (table, key, value) in &changes {
                match value {
                    Some(value) => batch.add_put(*table, key, value),
                    None => batch.add_delete(*table, key),
                }
            }
            prop_assert_eq!(Batch::decode(&batch.encode()), Some(batch));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = Batch::decode(&bytes);
        }
    }
}

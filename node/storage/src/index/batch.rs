//! Changes to the index that happen together.

use super::{IndexError, RESERVED_PREFIX, WATERMARK_KEY};
use crate::journal::Position;

/// A set of changes and the journal position they bring the index up to.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    changes: sled::Batch,
    reserved: bool,
    len: usize,
}

impl Batch {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.reserved |= key.first() == Some(&RESERVED_PREFIX);
        self.len += 1;
        self.changes.insert(key, value);
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &[u8]) {
        self.reserved |= key.first() == Some(&RESERVED_PREFIX);
        self.len += 1;
        self.changes.remove(key);
    }

    /// Says that with this batch the index holds everything before this position.
    pub fn set_watermark(&mut self, position: Position) {
        self.len += 1;
        self.changes.insert(WATERMARK_KEY, &position.to_bytes());
    }

    /// Number of changes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn into_sled(self) -> Result<sled::Batch, IndexError> {
        if self.reserved { Err(IndexError::ReservedKey) } else { Ok(self.changes) }
    }
}

/// The smallest key behind all keys that begin with `prefix`; `None` when there is none.
pub(super) fn behind_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut behind = prefix.get(..=last)?.to_vec();
    *behind.get_mut(last)? += 1;
    Some(behind)
}

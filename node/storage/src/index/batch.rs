//! Changes to the index that happen together.

use super::{IndexError, RESERVED_PREFIX};
use crate::journal::Position;

/// A key with its new value; `None` removes it.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// A set of changes and the journal position they bring the index up to.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) changes: Vec<Change>,
    pub(super) watermark: Option<Position>,
    reserved: bool,
}

impl Batch {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value. Later changes of a key replace earlier ones.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.change(key.into(), Some(value.into()));
    }

    /// Removes a key.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.change(key.into(), None);
    }

    /// Says that with this batch the index holds everything before this position.
    pub fn set_watermark(&mut self, position: Position) {
        self.watermark = Some(position);
    }

    /// Number of changes, the watermark included.
    pub fn len(&self) -> usize {
        self.changes.len() + usize::from(self.watermark.is_some())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn change(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.reserved |= key.first() == Some(&RESERVED_PREFIX);
        self.changes.push((key, value));
    }

    pub(super) fn checked(self) -> Result<Self, IndexError> {
        if self.reserved { Err(IndexError::ReservedKey) } else { Ok(self) }
    }
}

/// The smallest key behind all keys that begin with `prefix`; `None` when there is none.
pub(super) fn behind_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut behind = prefix.get(..=last)?.to_vec();
    *behind.get_mut(last)? += 1;
    Some(behind)
}

//! The port through which the engine reads and writes: ordered rows, and records that hold entries.
//!
//! Rows are derived and can be rebuilt from the records; records are the durable truth. What the engine writes during
//! one `handle` is visible to it at once and reaches the disk in one commit of the caller's.

pub mod keys;
pub mod memory;

/// Where a record lies, opaque to the engine: segment, offset and length for the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Number of the segment.
    pub segment: u32,
    /// Byte offset in it.
    pub offset: u32,
    /// Length of the payload.
    pub len: u32,
}

impl Location {
    /// The row form.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut out = [0; 12];
        out[..4].copy_from_slice(&self.segment.to_be_bytes());
        out[4..8].copy_from_slice(&self.offset.to_be_bytes());
        out[8..].copy_from_slice(&self.len.to_be_bytes());
        out
    }

    /// Reads the row form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        (bytes.len() == 12).then_some(())?;
        Some(Self { segment: word(0)?, offset: word(4)?, len: word(8)? })
    }
}

/// Which end of a range comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// A row's key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Reading. Implementations never fail: a damaged row or record reads as absent and is reported by its owner.
pub trait Store {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// At most `limit` rows with `from <= key < to`.
    fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Vec<Row>;

    /// A record's payload.
    fn record(&self, location: Location) -> Option<Vec<u8>>;
}

/// Reading and writing during one `handle`.
pub trait Transaction: Store {
    /// Sets a row.
    fn put(&mut self, key: &[u8], value: &[u8]);

    /// Removes a row.
    fn delete(&mut self, key: &[u8]);

    /// Appends a record of entries to the durable truth.
    fn append(&mut self, payload: &[u8]) -> Location;
}

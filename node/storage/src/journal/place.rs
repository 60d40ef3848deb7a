//! Places in the journal, as an index stores them.

/// Where a record stands. Stable for ever: wiping keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Number of the segment.
    pub segment: u32,
    /// Byte offset of the record's head in the segment.
    pub offset: u32,
    /// Length of the payload in bytes.
    pub len: u32,
}

/// A point between records, for going on where one stopped. Ordered as the records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the segment.
    pub segment: u32,
    /// Byte offset in the segment.
    pub offset: u32,
}

impl Position {
    /// Before the first record of any journal.
    pub const START: Self = Self { segment: 0, offset: 0 };

    /// Eight bytes that sort as positions do.
    pub fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.segment) << 32 | u64::from(self.offset)).to_be_bytes()
    }

    /// The reverse of [`Position::to_bytes`].
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        let value = u64::from_be_bytes(bytes);
        Self { segment: (value >> 32) as u32, offset: value as u32 }
    }
}

impl Location {
    /// Twelve bytes that sort as locations do.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut out = [0; 12];
        out[..8].copy_from_slice(&self.position().to_bytes());
        out[8..].copy_from_slice(&self.len.to_be_bytes());
        out
    }

    /// The reverse of [`Location::to_bytes`].
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        let [s0, s1, s2, s3, o0, o1, o2, o3, l0, l1, l2, l3] = bytes;
        Self {
            segment: u32::from_be_bytes([s0, s1, s2, s3]),
            offset: u32::from_be_bytes([o0, o1, o2, o3]),
            len: u32::from_be_bytes([l0, l1, l2, l3]),
        }
    }

    /// The point before the record.
    pub fn position(self) -> Position {
        Position { segment: self.segment, offset: self.offset }
    }
}

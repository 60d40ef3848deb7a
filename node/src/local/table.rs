//! Every table of this site's own rows in one list. A number once used is never used again for something else.

/// The tables, by the byte that the store keeps before a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Table {
    /// User id → account.
    Account = 1,
    /// Login id → login.
    Login = 2,
    /// User id, group id → timestamp up to which everything is read.
    Mark = 3,
    /// Nothing → settings.
    Settings = 4,
    /// User id, blob id → a file that may be attached.
    Upload = 5,
    /// Number → audit line.
    Audit = 6,
    /// User id, entry id → an undelivered entry that the person has put away.
    PutAway = 12,
    /// User id → questions to the search that they keep.
    Searches = 13,
}

impl Table {
    /// The byte.
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

/// Bytes from here on belong to other rooms (pairing, feeds), which list theirs themselves.
pub const FOREIGN_TABLES_FROM: u8 = 32;

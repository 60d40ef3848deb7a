//! Who is at a page at one site, as its node tells those of the sites that share the group. For the eye alone: never kept,
//! never proved, and nothing follows from it.

use crate::ids::{EntryId, UserId};
use minicbor::{Decode, Encode};

/// Windows of one site on one page that are told of: a screen shows no more cursors than that.
pub const WINDOWS_MAX: usize = 32;
/// One end of a selection, as editors name a letter: a number and a writer's name.
pub const PLACE_BYTES_MAX: usize = 128;
/// Words about pages that are taken from one peer in a second: a dozen pages that are typed in at once.
pub const HERE_PER_SECOND_MAX: u32 = 60;

/// Everybody of one site who is at a page; nobody when all have left.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Here {
    /// The page.
    #[n(0)]
    pub page: EntryId,
    /// The windows on it.
    #[n(1)]
    pub windows: Vec<Window>,
}

/// One person's window on a page.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Window {
    /// Tells this window from others of its node.
    #[n(0)]
    pub session: u64,
    /// Who.
    #[n(1)]
    pub user: UserId,
    /// What is selected.
    #[n(2)]
    pub place: Option<Place>,
}

/// A selection, by its two ends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Place {
    /// Where it began.
    #[n(0)]
    pub anchor: String,
    /// Where the cursor is.
    #[n(1)]
    pub head: String,
}

impl Place {
    /// Whether both ends are short enough to be what editors write. What they mean is looked at by who draws them.
    pub fn is_fit(&self) -> bool {
        let fit = |end: &str| end.len() <= PLACE_BYTES_MAX && end.bytes().all(|byte| byte.is_ascii_graphic());
        fit(&self.anchor) && fit(&self.head)
    }
}

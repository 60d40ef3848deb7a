//! What an owner may forbid in a group beside what roles forbid (G11).

use minicbor::{Decode, Encode};

/// Who writes posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Posting {
    /// All members.
    #[default]
    #[n(0)]
    Members,
    /// Facilitators and owners.
    #[n(1)]
    Facilitators,
}

/// What guests do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Guests {
    /// Read and comment.
    #[default]
    #[n(0)]
    Comment,
    /// Read alone.
    #[n(1)]
    Read,
}

/// The policy in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Who writes posts.
    pub post: Posting,
    /// What guests do.
    pub guests: Guests,
}

//! The form of what people decide about keeping and forgetting: erasures, objections, retention, legal hold.
//!
//! 1. What is to be erased stands in the header (`refs`), so that it stays known whatever happens to bodies.
//! 2. An erasure names the power it rests on; `control` decides whether its author has it. What it does is then the same
//!    at every node, in whatever order things arrive.

use super::kind;
use crate::ids::{EntryId, GroupId, UserId};
use minicbor::{Decode, Encode};

/// The power that an erasure rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Power {
    /// One's own words: gone at once.
    #[n(0)]
    Author,
    /// A facilitator's: hidden at once, gone after 72 hours unless somebody objects (ruling A5).
    #[n(1)]
    Facilitator,
    /// An admin's, for the law: gone at once.
    #[n(2)]
    Admin,
}

/// Body of [`kind::ERASE`]; the targets stand in `refs`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Erase {
    /// What it rests on.
    #[n(0)]
    pub power: Power,
    /// Why, for those who look later.
    #[n(1)]
    pub reason: String,
}

/// Body of [`kind::ERASE_PERSON`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ErasePerson {
    /// Who becomes a former user.
    #[n(0)]
    pub user: UserId,
    /// Posts, comments and edits go too.
    #[n(1)]
    pub content: bool,
    /// Why.
    #[n(2)]
    pub reason: String,
}

/// Body of [`kind::HOLD`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hold {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// Nothing is wiped while it is on.
    #[n(1)]
    pub on: bool,
    /// Why.
    #[n(2)]
    pub reason: String,
}

/// Body of [`kind::RETENTION`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Retention {
    /// Words and files older than so many days are dropped; `None` keeps them.
    #[n(0)]
    pub days: Option<u32>,
}

/// Whether the body of an entry of this kind may be gone: words and files. Everything else is needed to know what counts,
/// and whoever offers it without its body is refused. Kinds of newer versions may have bodies that go.
pub const fn may_lack_body(of_kind: u16) -> bool {
    of_kind == kind::PROFILE_SET || is_content(of_kind) || is_unknown(of_kind)
}

const fn is_unknown(of_kind: u16) -> bool {
    !matches!(of_kind, 0..kind::PROFILE_SET)
        && !matches!(
            of_kind,
            kind::PROFILE_SET
                | kind::GROUP_CARD
                | kind::ERASE_PERSON
                | kind::HOLD
                | kind::POST
                | kind::COMMENT
                | kind::EDIT
                | kind::DELETE
                | kind::REACT
                | kind::ERASE
                | kind::OBJECT
                | kind::SOURCE_SET
                | kind::SOURCE_REMOVE
                | kind::OUTSIDE
                | kind::OUTSIDE_EDIT
                | kind::EPOCH
                | kind::RETENTION
                | kind::PAGE
                | kind::PAGE_NAME
                | kind::PAGE_TRASH
                | kind::PAGE_CHANGE
                | kind::PAGE_COMMENT
                | kind::PAGE_SETTLE
                | kind::FOLDER
                | kind::FOLDER_NAME
                | kind::FOLDER_PLACE
                | kind::FILE
                | kind::FILE_VERSION
                | kind::FILE_NAME
                | kind::FILE_PLACE
                | kind::SPACE_TRASH
        )
}

/// Whether entries of this kind are what people wrote in a group: what an erasure, or time, may empty.
pub const fn is_content(of_kind: u16) -> bool {
    matches!(of_kind, kind::POST | kind::COMMENT | kind::EDIT | kind::OUTSIDE | kind::OUTSIDE_EDIT | kind::PAGE_COMMENT)
        || is_shared(of_kind)
}

/// Whether entries of this kind are parts of something that is the group's: a page, or a file of the file space. It is
/// written by many, lives as long as somebody does something with it, and one person's part of it does not go alone.
pub const fn is_shared(of_kind: u16) -> bool {
    matches!(
        of_kind,
        kind::PAGE | kind::PAGE_NAME | kind::PAGE_CHANGE | kind::FILE | kind::FILE_VERSION | kind::FILE_NAME
    )
}

/// What an entry is a part of and goes with, beside itself: an edit with its post or comment, an item from outside with all
/// that bear its origin key, a comment on a page with the page, which it quotes.
pub fn goes_with(of_kind: u16, refs: &[EntryId]) -> Option<EntryId> {
    match of_kind {
        kind::EDIT
        | kind::PAGE_NAME
        | kind::PAGE_CHANGE
        | kind::PAGE_COMMENT
        | kind::FILE_VERSION
        | kind::FILE_NAME => refs.first().copied(),
        kind::OUTSIDE | kind::OUTSIDE_EDIT => refs.get(1).copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_may_lack_their_body() {
        for of_kind in
            [kind::POST, kind::COMMENT, kind::EDIT, kind::OUTSIDE, kind::PROFILE_SET, kind::PAGE_COMMENT, 0x8777]
        {
            assert!(may_lack_body(of_kind), "{of_kind:#x}");
        }
        let needed = [kind::REACT, kind::DELETE, kind::ERASE, kind::OBJECT, kind::EPOCH, kind::RETENTION, kind::HOLD];
        let needed = needed.into_iter().chain([kind::FOLDER, kind::FOLDER_PLACE, kind::FILE_PLACE, kind::SPACE_TRASH]);
        for of_kind in needed.chain([kind::GROUP_CARD, kind::SOURCE_SET, kind::ERASE_PERSON, 0x0001, 0x0102]) {
            assert!(!may_lack_body(of_kind), "{of_kind:#x}");
        }
    }
}

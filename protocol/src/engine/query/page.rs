//! A page as one person sees it in lists, without its words.

use super::Delivery;
use crate::clock::Millis;
use crate::ids::{EntryId, GroupId, UserId};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageView {
    /// Its id.
    pub id: EntryId,
    /// Its group.
    pub group: GroupId,
    /// Its title.
    pub title: String,
    /// One emoji, or nothing.
    pub icon: String,
    /// When it was made.
    pub created: Millis,
    /// By whom.
    pub by: Option<UserId>,
    /// When something about it was last written.
    pub edited: Millis,
    /// By whom.
    pub edited_by: UserId,
    /// In the trash.
    pub trashed: bool,
    /// How far its making has got.
    pub delivery: Delivery,
    /// What the asker may do.
    pub may: PageRights,
}

/// What a person may do with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageRights {
    /// Write in it, and name it.
    pub edit: bool,
    /// Throw it away, or take it back.
    pub trash: bool,
    /// Comment on it.
    pub comment: bool,
}

/// Which pages a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PagesOf {
    /// Those that are there.
    #[default]
    Shelf,
    /// Those that were thrown away.
    Trash,
}

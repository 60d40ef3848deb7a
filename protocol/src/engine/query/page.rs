//! A page as one person sees it in lists, without its words.

use super::{Delivery, ItemRights};
use crate::clock::Millis;
use crate::group::page::Anchor;
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
    /// Erase it for good.
    pub erase: bool,
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

/// Something said on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCommentView {
    /// Its id.
    pub id: EntryId,
    /// Who said it.
    pub author: UserId,
    /// Markdown.
    pub text: String,
    /// When.
    pub created: Millis,
    /// When it was last changed.
    pub edited: Option<Millis>,
    /// What the asker may do.
    pub may: ItemRights,
}

/// A comment on a passage, with its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageThreadView {
    /// The comment.
    pub said: PageCommentView,
    /// The passage.
    pub anchor: Anchor,
    /// Who settled it, and when.
    pub settled: Option<(UserId, Millis)>,
    /// Whether the asker may settle it, or open it again.
    pub may_settle: bool,
    /// The oldest first.
    pub answers: Vec<PageCommentView>,
}

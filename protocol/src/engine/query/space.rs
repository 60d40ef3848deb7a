//! A group's file space as one person sees it.

use super::Delivery;
use crate::clock::{Hlc, Millis};
use crate::engine::input::Attachment;
use crate::ids::{EntryId, GroupId, SiteId, UserId};

/// What stands in a file space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpaceKind {
    /// A folder.
    Folder,
    /// A file.
    File,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// The newest version, under the name that the file has now.
    pub content: Attachment,
    /// How many versions there are.
    pub versions: usize,
    /// The site where the newest version was put in.
    pub from: Option<SiteId>,
    /// A site that keeps it and is connected now; for what is not here.
    pub reachable_at: Option<SiteId>,
}

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceItemView {
    /// Its id.
    pub id: EntryId,
    /// Its group.
    pub group: GroupId,
    /// Its name as it was given. Where several of one folder have the same, see [`SpaceItemView::number`].
    pub name: String,
    /// Above 1 when others of the same name in its folder are older: shown behind the name.
    pub number: usize,
    /// The folder that it stands in.
    pub within: Option<EntryId>,
    /// When it was made, to the moment that tells two of one name apart.
    pub made: Hlc,
    /// The same, as clocks show it.
    pub created: Millis,
    /// By whom.
    pub by: Option<UserId>,
    /// When something about it last changed.
    pub edited: Millis,
    /// By whom.
    pub edited_by: UserId,
    /// Thrown away.
    pub trashed: bool,
    /// Thrown away, or in a folder that is.
    pub hidden: bool,
    /// The content; a folder has none.
    pub file: Option<FileView>,
    /// How far its making has got.
    pub delivery: Delivery,
    /// What the asker may do.
    pub may: SpaceRights,
}

impl SpaceItemView {
    /// What it is.
    pub const fn kind(&self) -> SpaceKind {
        if self.file.is_some() { SpaceKind::File } else { SpaceKind::Folder }
    }
}

/// What a person may do with a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpaceRights {
    /// Name it, put it elsewhere, give it another content.
    pub edit: bool,
    /// Throw it away, or take it back.
    pub trash: bool,
    /// Erase it for good.
    pub erase: bool,
}

/// What stands in a folder, or at the top, or in the trash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceListing {
    /// The folder and those that it stands in, from the outside in; none at the top.
    pub path: Vec<(EntryId, String)>,
    /// Folders first, then files, each by name.
    pub items: Vec<SpaceItemView>,
    /// Whether the asker may put something here.
    pub may_add: bool,
}

/// A version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersionView {
    /// The entry.
    pub id: EntryId,
    /// The content.
    pub content: Attachment,
    /// When it was put in.
    pub at: Millis,
    /// By whom.
    pub by: Option<UserId>,
}

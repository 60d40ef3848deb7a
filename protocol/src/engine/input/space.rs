//! Wishes about a group's file space.

use super::{Attachment, SpaceTrash};
use crate::ids::{EntryId, GroupId};

/// What somebody who may write in a group may want of its files and folders. A folder that is not named is the top.
#[derive(Debug, Clone)]
pub enum SpaceWish {
    /// A new folder.
    Folder {
        /// The group.
        group: GroupId,
        /// In this folder.
        within: Option<EntryId>,
        /// Its name.
        name: String,
    },
    /// A new file; its name is the attachment's.
    File {
        /// The group.
        group: GroupId,
        /// In this folder.
        within: Option<EntryId>,
        /// The content, already here.
        content: Attachment,
    },
    /// Another content of a file; the former stay as versions.
    Version {
        /// The file.
        file: EntryId,
        /// The content, already here.
        content: Attachment,
    },
    /// Another name of a file or folder.
    Name {
        /// The file or folder.
        item: EntryId,
        /// Its name.
        name: String,
    },
    /// Puts a file or folder elsewhere.
    Place {
        /// The file or folder.
        item: EntryId,
        /// Into this folder.
        within: Option<EntryId>,
    },
    /// Throws a file or folder away, with what stands in it, or takes it back.
    Trash {
        /// The file or folder.
        item: EntryId,
        /// Which.
        trash: SpaceTrash,
    },
}

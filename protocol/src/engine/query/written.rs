//! What one person wrote, as a file for that person needs it.

use crate::clock::{Hlc, Millis};
use crate::engine::input::Attachment;
use crate::ids::{EntryId, GroupId};

/// Something that a person wrote, without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The entry.
    pub id: EntryId,
    /// Its group; `None` when it concerns the organisation.
    pub group: Option<GroupId>,
    /// When.
    pub hlc: Hlc,
}

impl Written {
    /// When, in milliseconds.
    pub fn at(&self) -> Millis {
        self.hlc.millis()
    }
}

/// The words of something that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnWords {
    /// A post as it was first written.
    Post {
        /// May be empty.
        title: String,
        /// Markdown.
        text: String,
        /// Files.
        attachments: Vec<Attachment>,
        /// Hidden.
        deleted: bool,
    },
    /// A comment as it was first written.
    Comment {
        /// The post.
        post: EntryId,
        /// Markdown.
        text: String,
        /// Hidden.
        deleted: bool,
    },
    /// A later state of a post or comment.
    Edit {
        /// Of what.
        target: EntryId,
        /// May be empty.
        title: String,
        /// Markdown.
        text: String,
    },
    /// A reaction given or taken back.
    Reaction {
        /// To what.
        target: EntryId,
        /// One emoji.
        emoji: String,
        /// Given.
        on: bool,
    },
    /// A state of the profile.
    Profile {
        /// The name.
        name: String,
        /// The job.
        title: String,
    },
    /// A feed added to a group.
    Source {
        /// Its title.
        title: String,
        /// Its address.
        url: String,
    },
    /// What the person put into a page, in one go.
    PageWords {
        /// The page.
        page: EntryId,
        /// The letters, as they were put in.
        text: String,
    },
    /// What the person said on a page.
    PageComment {
        /// The page.
        page: EntryId,
        /// The passage; an answer has none.
        about: Option<String>,
        /// Markdown.
        text: String,
        /// Hidden.
        deleted: bool,
    },
    /// A page's title.
    Page {
        /// The page.
        page: EntryId,
        /// Its title.
        title: String,
    },
    /// A file that the person put into a file space, or a newer content of one.
    File {
        /// The file.
        file: EntryId,
        /// The content.
        content: Attachment,
    },
    /// A name that the person gave to a file or folder.
    SpaceName {
        /// The file or folder.
        item: EntryId,
        /// The name.
        name: String,
    },
    /// Erased for good: nothing is left.
    Erased,
    /// An act without words of its own, such as a deletion.
    Act,
}

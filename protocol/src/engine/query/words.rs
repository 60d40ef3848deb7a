//! What can be looked for by its words.

use crate::clock::Millis;
use crate::engine::input::Attachment;
use crate::ids::{EntryId, GroupId, UserId};

/// What has words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordsOf {
    /// A post, by a person or from outside.
    Post,
    /// A comment under a post.
    Comment,
    /// A page; its text is what its document comes to.
    Page,
    /// A comment on a page, or an answer to one.
    PageComment,
    /// A file of the file space; its content is its one attachment, under the name that it has now.
    File,
}

/// The words of something that counts and is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Its id.
    pub id: EntryId,
    /// Its group.
    pub group: GroupId,
    /// What it is.
    pub of: WordsOf,
    /// The post or page that it is about.
    pub under: Option<EntryId>,
    /// Who wrote it; nobody wrote what came from outside.
    pub author: Option<UserId>,
    /// The feed that brought it.
    pub source: Option<EntryId>,
    /// May be empty.
    pub title: String,
    /// Markdown.
    pub text: String,
    /// When it was written.
    pub created: Millis,
    /// Files and pictures.
    pub attachments: Vec<Attachment>,
}

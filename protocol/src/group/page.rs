//! The form of what people do with pages: make one, name it, throw it away, write in it, comment on it.
//!
//! 1. A page is the id of its `page.create` entry; everything else refers to that entry first.
//! 2. What is written in it are changes of its document, whose form and meaning `document` knows; here they are bytes.

use super::Attachment;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// Body of [`super::kind::PAGE`] and [`super::kind::PAGE_NAME`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PageName {
    /// On one line.
    #[n(0)]
    pub title: String,
    /// One emoji, or nothing.
    #[n(1)]
    pub icon: String,
}

/// Body of [`super::kind::PAGE_TRASH`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PageTrash {
    /// Thrown away, or taken back.
    #[n(0)]
    pub on: bool,
}

/// Body of [`super::kind::PAGE_CHANGE`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PageChange {
    /// A number that the log's node gave out to one browser session of the actor for this page.
    #[n(0)]
    pub session: u64,
    /// Changes of the document, in the order in which they were made.
    #[n(1)]
    pub changes: Vec<ByteVec>,
    /// Files that they put into the page.
    #[n(2)]
    pub attachments: Vec<Attachment>,
    /// One act from beginning to end and a version of its own: a template, a file, an older version brought back.
    #[cbor(n(3), default)]
    pub whole: bool,
}

/// Where in a page a comment stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Anchor {
    /// Where the passage begins, as editors name a place that moves with the text.
    #[n(0)]
    pub start: String,
    /// Where it ends.
    #[n(1)]
    pub end: String,
    /// What stood there when it was written.
    #[n(2)]
    pub quote: String,
}

/// Body of [`super::kind::PAGE_COMMENT`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PageComment {
    /// Markdown.
    #[n(0)]
    pub text: String,
    /// The passage; an answer has none.
    #[n(1)]
    pub anchor: Option<Anchor>,
}

/// Body of [`super::kind::PAGE_SETTLE`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PageSettle {
    /// Settled, or open again.
    #[n(0)]
    pub on: bool,
}

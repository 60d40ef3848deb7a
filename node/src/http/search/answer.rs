//! Shapes of answers, and how a hit becomes one: only after the engine has been asked whether the person may read it now.

use crate::http::markdown::lines::lines;
use crate::http::shape::Shaper;
use crate::http::shape::group::GroupRef;
use crate::http::shape::item::Attachment;
use crate::http::shape::person::{Person, PersonRef};
use crate::http::shape::text;
use crate::search::{self, Kind, Lookup};
use jiff::Timestamp;
use protocol::document::render::plain;
use protocol::engine::query::{Words, WordsOf};
use protocol::ids::EntryId;
use serde::Serialize;
use utoipa::ToSchema;

/// Letters of a text shown around what fits.
const CONTEXT_CHARS: usize = 240;

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Answer {
    /// On the first page: people whose name or job fits, 6 at most.
    pub people: Vec<Person>,
    /// On the first page: groups whose name or purpose fits, 6 at most.
    pub groups: Vec<GroupRef>,
    /// What was written.
    pub items: Vec<Hit>,
    /// Opaque: give it as `before`.
    pub next: Option<String>,
    /// When something of the groups looked through has not arrived at this site.
    pub missing: Option<Missing>,
    /// While the index is being made: what is not in it yet is not found.
    pub filling: Option<Filling>,
}

/// What is not at this site.
#[derive(Debug, Serialize, ToSchema)]
pub struct Missing {
    /// In so many groups.
    pub groups: usize,
    /// Entries here.
    pub have: u64,
    /// Entries known to exist.
    pub of: u64,
}

/// How far the index is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Filling {
    /// Posts and pages taken in.
    pub done: u64,
    /// Of so many; 0 while they are being counted.
    pub of: u64,
}

/// Plain text with the words that fit marked. Nothing in it is HTML.
#[derive(Debug, Serialize, ToSchema)]
pub struct Marked {
    /// On one line.
    pub text: String,
    /// Beginning and end of each, in units of UTF-16, as JavaScript counts.
    pub marks: Vec<(usize, usize)>,
}

/// What a hit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HitKind {
    /// A post.
    Post,
    /// A comment under a post.
    Comment,
    /// A page.
    Page,
    /// A comment on a page.
    PageComment,
    /// A file of a post, or of a file space.
    File,
}

/// Something that fits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hit {
    /// What it is.
    pub kind: HitKind,
    /// Its id; of a file of a post, its post's.
    pub id: String,
    /// The post that it is, or is about, or hangs on.
    pub post: Option<String>,
    /// The page that it is, or is about.
    pub page: Option<String>,
    /// Where.
    pub group: GroupRef,
    /// Who wrote it; null for what came from outside.
    pub author: Option<PersonRef>,
    /// The feed that brought it, and what it is called.
    pub source: Option<String>,
    /// The feed's title.
    pub source_title: Option<String>,
    /// When it was written.
    pub created: String,
    /// Its title or name, or that of what it is about. May be empty.
    pub title: Marked,
    /// Where in the text it fits.
    pub context: Marked,
    /// The file of a file space that it is.
    pub space: Option<String>,
    /// Of files.
    pub file: Option<Attachment>,
}

/// A time of a question in milliseconds.
pub fn parse_time(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok()
}

/// A hit as the person may see it now; `None` when they may not, or when it is no more.
pub fn hit(shaper: &Shaper<'_>, lookup: &Lookup, found: &search::Hit) -> Option<Hit> {
    let words = shaper.reader.words_for(shaper.viewer, EntryId(found.item))?;
    let kind = match (found.kind, words.of) {
        (Kind::Post, WordsOf::Post) => HitKind::Post,
        (Kind::Comment, WordsOf::Comment) => HitKind::Comment,
        (Kind::Page, WordsOf::Page) => HitKind::Page,
        (Kind::PageComment, WordsOf::PageComment) => HitKind::PageComment,
        (Kind::File, WordsOf::Post | WordsOf::File) => HitKind::File,
        _ => return None,
    };
    let file = match kind {
        HitKind::File => Some(words.attachments.get(usize::try_from(found.part).ok()?)?),
        _ => None,
    };
    let title = match (&file, words.under) {
        (Some(file), _) => text::name(&file.name),
        (None, Some(about)) => text::name(&shaper.reader.words_for(shaper.viewer, about)?.title),
        (None, None) => text::name(&words.title),
    };
    let context = match (kind, &found.kept) {
        (HitKind::Page | HitKind::File, Some(kept)) => lookup.context(kept, CONTEXT_CHARS),
        (HitKind::Page, None) => lookup.context("", CONTEXT_CHARS),
        _ => lookup.context(&plain(&lines(&words.text, |_| None)), CONTEXT_CHARS),
    };
    let (post, page) = places(&words);
    let source_title = words.source.map(|source| shaper.reader.source_title(source));
    Some(Hit {
        kind,
        id: words.id.to_string(),
        post: post.map(|post| post.to_string()),
        page: page.map(|page| page.to_string()),
        group: shaper.group_ref(words.group)?,
        author: words.author.map(|author| shaper.person_ref(author)),
        source: words.source.map(|source| source.to_string()),
        source_title: source_title.map(|title| text::name(&title)),
        created: text::time(words.created),
        title: lookup.mark(&title).into(),
        context: context.into(),
        space: (words.of == WordsOf::File).then(|| words.id.to_string()),
        file: file.map(|file| shaper.attachment(file)),
    })
}

/// The post and the page by which it is reached.
fn places(words: &Words) -> (Option<EntryId>, Option<EntryId>) {
    match words.of {
        WordsOf::Post => (Some(words.id), None),
        WordsOf::Comment => (words.under, None),
        WordsOf::Page => (None, Some(words.id)),
        WordsOf::PageComment => (None, words.under),
        WordsOf::File => (None, None),
    }
}

impl From<search::Marked> for Marked {
    fn from(marked: search::Marked) -> Self {
        Self { text: marked.text, marks: marked.marks }
    }
}

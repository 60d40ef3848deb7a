//! Reads a feed of any of the four formats into one plain form. Pure: bytes in, values out.
//!
//! It reads RSS 0.9 to 2.0, RSS 1.0, Atom 0.3 and 1.0, and JSON Feed 1.0 and 1.1, also a little broken, and bounds
//! all that it gives. The HTML of items is given as the site wrote it: whoever shows it must clean it, or use
//! [`Item::markdown`] or [`Item::text`], which hold none.

use std::time::Duration;

use url::Url;

use crate::xml::{self, Ns, XmlError};
use crate::{charset, html};

mod atom;
mod draft;
mod json;
mod rss;

/// Items taken from one document, the newest when there are more.
pub const ITEMS_MAX: usize = 500;
/// Characters of a title.
pub const TITLE_CHARS_MAX: usize = 300;
/// Characters of a feed's description.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Characters of an author's name.
pub const AUTHOR_CHARS_MAX: usize = 200;
/// Bytes of HTML kept of one item or summary.
pub const HTML_BYTES_MAX: usize = html::HTML_BYTES_MAX;
/// Bytes of a guid as it stands; a longer one is replaced by its hash.
pub const GUID_BYTES_MAX: usize = 1_000;
/// Enclosures of one item.
pub const ENCLOSURES_MAX: usize = 10;
/// Categories of one item.
pub const CATEGORIES_MAX: usize = 20;
/// Bytes of a document; the fetcher's own limit once inflated.
pub const DOCUMENT_BYTES_MAX: usize = crate::fetch::INFLATED_BYTES_MAX;

/// A feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// Name, plain text; may be empty.
    pub title: String,
    /// The site that the feed belongs to.
    pub site_url: Option<String>,
    /// What it is about, plain text; may be empty.
    pub description: String,
    /// Address of its picture.
    pub icon: Option<String>,
    /// How long the site asks to wait between polls (RSS `ttl`).
    pub ttl: Option<Duration>,
    /// Its items in the order of the document.
    pub items: Vec<Item>,
    /// Items left out because there were more than [`ITEMS_MAX`].
    pub dropped: usize,
    /// Whether the document broke off or was badly written, so that items may be missing.
    pub partial: bool,
}

/// An item of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Stable name inside its source: guid or id, else the link, else a hash of title, date, content
    /// and first enclosure.
    pub guid: String,
    /// Plain text; may be empty.
    pub title: String,
    /// Where it can be read.
    pub url: Option<String>,
    /// Who wrote it, plain text.
    pub author: Option<String>,
    /// Milliseconds since 1970 UTC.
    pub published: Option<i64>,
    /// Milliseconds since 1970 UTC.
    pub updated: Option<i64>,
    /// The content as HTML, or the summary when there is no content. Foreign and not cleaned; may be empty.
    pub html: String,
    /// The summary as HTML when there is a content besides. Foreign and not cleaned.
    pub summary_html: Option<String>,
    /// What relative links in the HTML refer to.
    pub base_url: String,
    /// Plain text of the content, at most [`html::TEXT_CHARS_MAX`] characters.
    pub text: String,
    /// Attached files, at the foreign site.
    pub enclosures: Vec<Enclosure>,
    /// Its categories, plain text.
    pub categories: Vec<String>,
}

impl Item {
    /// The content as bounded Markdown, see [`html::to_markdown`].
    #[must_use]
    pub fn markdown(&self) -> String {
        html::to_markdown(&self.html, &self.base_url)
    }
}

/// A file attached to an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// Absolute address.
    pub url: String,
    /// Media type as given.
    pub media_type: Option<String>,
    /// Bytes, as given.
    pub length: Option<u64>,
}

/// Why a document was not taken for a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// A web page. [`html::discover`] may find the feeds it offers.
    #[error("a web page, not a feed")]
    WebPage,
    /// Neither of the formats.
    #[error("not a feed")]
    NotAFeed,
    /// XML that declares entities, which could be made to read files or to grow without end.
    #[error("declares entities")]
    Entities,
    /// Nested deeper than any honest feed.
    #[error("nested too deep")]
    TooDeep,
    /// Too many bytes or elements.
    #[error("too large")]
    TooLarge,
}

impl FeedError {
    /// Stable code for programs and translations.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::WebPage | Self::NotAFeed => "feed_not_a_feed",
            Self::Entities | Self::TooDeep => "feed_unsafe",
            Self::TooLarge => "feed_too_large",
        }
    }

    /// Plain words for the person who added the address: what is wrong and what to do.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::WebPage => {
                "This address is a web page, not a feed. Look on the page for a link named RSS, Atom or feed, and give \
                 that address."
            }
            Self::NotAFeed => {
                "There is no feed at this address. RSS, Atom and JSON Feed can be read. Check the address."
            }
            Self::Entities | Self::TooDeep => {
                "This feed uses parts of XML that are dangerous to read, so it is not read. Ask the site for a plain feed."
            }
            Self::TooLarge => "The document is too large to be read. Look for a shorter feed of the same site.",
        }
    }
}

impl From<XmlError> for FeedError {
    fn from(error: XmlError) -> Self {
        match error {
            XmlError::Entities => Self::Entities,
            XmlError::TooDeep => Self::TooDeep,
            XmlError::TooManyElements => Self::TooLarge,
            XmlError::NoRoot => Self::NotAFeed,
        }
    }
}

/// Reads a feed. `content_type` is used only for its charset; `base_url` is the address the document came from.
///
/// # Errors
/// See [`FeedError`]. A document that is only a little broken is read as far as possible, see [`Feed::partial`].
pub fn parse(bytes: &[u8], content_type: Option<&str>, base_url: &str) -> Result<Feed, FeedError> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(FeedError::TooLarge);
    }
    let text = charset::decode(bytes, content_type);
    let base = Url::parse(base_url).ok();
    let first = text.find(['<', '{']).map(|at| &text[at..]).ok_or(FeedError::NotAFeed)?;
    let mut feed =
        if first.starts_with('{') { json::read(first, base.as_ref())? } else { from_xml(first, base.as_ref())? };
    draft::settle(&mut feed);
    Ok(feed)
}

fn from_xml(text: &str, base: Option<&Url>) -> Result<Feed, FeedError> {
    let document =
        xml::read(text, base).map_err(|error| if looks_like_page(text) { FeedError::WebPage } else { error.into() })?;
    let root = &document.root;
    let mut feed = match (root.ns, root.name.as_str()) {
        (_, "rss" | "rdf") | (Ns::Plain, "channel") => rss::read(root),
        (Ns::Atom | Ns::Plain, "feed" | "entry") => atom::read(root),
        _ if looks_like_page(text) => return Err(FeedError::WebPage),
        _ => return Err(FeedError::NotAFeed),
    };
    feed.partial = document.broken;
    Ok(feed)
}

/// Whether the first tags are those of a web page.
fn looks_like_page(text: &str) -> bool {
    let head = text[..text.floor_char_boundary(2_000)].to_ascii_lowercase();
    ["<!doctype html", "<html"].iter().any(|tag| head.contains(tag))
}

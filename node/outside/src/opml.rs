//! Reads and writes lists of subscriptions (OPML). Nested outlines become one flat list with the path of their folders.

use std::collections::BTreeSet;

use crate::fetch::URL_BYTES_MAX;
use crate::source::canonical_url;
use crate::xml::{self, Element, XmlError, escape};
use crate::{charset, html};

/// Entries of one list; more is no list a person made.
pub const ENTRIES_MAX: usize = 2_000;
/// Bytes of one list.
pub const DOCUMENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Characters of a title.
pub const TITLE_CHARS_MAX: usize = 300;
/// Characters of a folder's path.
pub const FOLDER_CHARS_MAX: usize = 300;

/// A list of subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opml {
    /// Name of the list; may be empty.
    pub title: String,
    /// The feeds, each once, in the order of the document.
    pub entries: Vec<Entry>,
    /// What was left out, and why.
    pub skipped: Vec<Skipped>,
}

/// One subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Canonical address of the feed.
    pub url: String,
    /// Name; may be empty.
    pub title: String,
    /// The site that the feed belongs to.
    pub site_url: Option<String>,
    /// Folders around it, joined by `/`; empty at the top.
    pub folder: String,
}

/// An entry that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The address as written.
    pub url: String,
    /// Name; may be empty.
    pub title: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why an entry was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// Not an http or https address.
    BadAddress,
    /// The same address stands earlier in the list.
    Double,
    /// The list has more than [`ENTRIES_MAX`] entries.
    TooMany,
}

impl SkipReason {
    /// Stable code for programs and translations.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BadAddress => "bad_address",
            Self::Double => "double",
            Self::TooMany => "too_many",
        }
    }
}

/// Why a list was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpmlError {
    /// No OPML at all, or so broken that no body is found.
    #[error("not an opml document")]
    NotOpml,
    /// Declares entities, or is nested too deep.
    #[error("unsafe xml")]
    Unsafe,
    /// Larger than [`DOCUMENT_BYTES_MAX`], or with too many elements.
    #[error("too large")]
    TooLarge,
}

impl OpmlError {
    /// Stable code for programs and translations; the same for all.
    #[must_use]
    pub fn code(self) -> &'static str {
        "opml_invalid"
    }

    /// Plain words for the person who gave the list.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::NotOpml => "This file is not an OPML list of feeds. Export the list again from the other program.",
            Self::Unsafe => "This file uses parts of XML that are dangerous to read, so it is not read.",
            Self::TooLarge => "This list is too large. Split it and import the parts.",
        }
    }
}

/// Reads a list. Bad entries are reported in [`Opml::skipped`] and do no harm to the others.
///
/// # Errors
/// When there is no list to be found, or reading it would be dangerous.
pub fn parse(bytes: &[u8]) -> Result<Opml, OpmlError> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(OpmlError::TooLarge);
    }
    let document = xml::read(&charset::decode(bytes, None), None).map_err(|error| match error {
        XmlError::Entities | XmlError::TooDeep => OpmlError::Unsafe,
        XmlError::TooManyElements => OpmlError::TooLarge,
        XmlError::NoRoot => OpmlError::NotOpml,
    })?;
    let root = &document.root;
    let body = root.child(root.ns, "body").filter(|_| root.name == "opml").ok_or(OpmlError::NotOpml)?;
    let title = root.child(root.ns, "head").and_then(|head| head.child_text(root.ns, "title")).unwrap_or_default();
    let mut reader = Reader {
        list: Opml { title: html::cut_line(&title, TITLE_CHARS_MAX), ..Opml::default() },
        seen: BTreeSet::new(),
    };
    reader.outlines(body, "");
    Ok(reader.list)
}

struct Reader {
    list: Opml,
    seen: BTreeSet<String>,
}

impl Reader {
    /// The depth is bounded by the XML reader.
    fn outlines(&mut self, parent: &Element, folder: &str) {
        for outline in parent.elements().filter(|element| element.name == "outline") {
            let title = outline.attribute("title").or(outline.attribute("text")).unwrap_or_default();
            let title = html::cut_line(title, TITLE_CHARS_MAX);
            match feed_address(outline) {
                Some(address) => {
                    self.entry(outline, address.trim(), title, folder);
                    self.outlines(outline, folder);
                }
                None => self.outlines(outline, &inside(folder, &title)),
            }
        }
    }

    fn entry(&mut self, outline: &Element, address: &str, title: String, folder: &str) {
        let canonical = canonical_url(address).filter(|url| url.len() <= URL_BYTES_MAX);
        let reason = match &canonical {
            None => Some(SkipReason::BadAddress),
            Some(url) if self.seen.contains(url) => Some(SkipReason::Double),
            Some(_) if self.list.entries.len() >= ENTRIES_MAX => Some(SkipReason::TooMany),
            Some(_) => None,
        };
        match (canonical, reason) {
            (Some(url), None) => {
                self.seen.insert(url.clone());
                let site_url =
                    outline.attribute("htmlurl").and_then(canonical_url).filter(|url| url.len() <= URL_BYTES_MAX);
                self.list.entries.push(Entry { url, title, site_url, folder: folder.to_owned() });
            }
            (_, reason) if self.list.skipped.len() < ENTRIES_MAX => {
                let url = address[..address.floor_char_boundary(URL_BYTES_MAX)].to_owned();
                self.list.skipped.push(Skipped { url, title, reason: reason.unwrap_or(SkipReason::BadAddress) });
            }
            _ => {}
        }
    }
}

/// The address of the feed; some programs write `url` with a feed's type instead of `xmlUrl`.
fn feed_address(outline: &Element) -> Option<&str> {
    let kind = outline.attribute("type").unwrap_or_default().to_ascii_lowercase();
    let other = outline.attribute("url").filter(|_| matches!(kind.as_str(), "rss" | "atom" | "feed"));
    outline.attribute("xmlurl").or(other).filter(|address| !address.trim().is_empty())
}

fn inside(folder: &str, name: &str) -> String {
    let name = html::cut_line(&name.replace('/', " "), TITLE_CHARS_MAX);
    let path = match (folder, name.as_str()) {
        (folder, "") => folder.to_owned(),
        ("", name) => name.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    };
    path.chars().take(FOLDER_CHARS_MAX).collect()
}

/// Writes a list as OPML 2.0, grouped by folder.
#[must_use]
pub fn write(title: &str, entries: &[Entry]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n<head><title>");
    escape(title, &mut out);
    out.push_str("</title></head>\n<body>\n");
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| &entry.folder);
    let mut open: Vec<&str> = Vec::new();
    for entry in sorted {
        let path: Vec<&str> = entry.folder.split('/').filter(|name| !name.is_empty()).collect();
        let shared = open.iter().zip(&path).take_while(|(a, b)| a == b).count();
        for _ in shared..open.len() {
            out.push_str("</outline>\n");
        }
        for name in &path[shared..] {
            start(&mut out, &[("text", name), ("title", name)]);
            out.push_str(">\n");
        }
        open = path;
        let name = if entry.title.is_empty() { &entry.url } else { &entry.title };
        start(&mut out, &[("type", "rss"), ("text", name), ("title", name), ("xmlUrl", &entry.url)]);
        if let Some(site) = &entry.site_url {
            attribute(&mut out, "htmlUrl", site);
        }
        out.push_str("/>\n");
    }
    for _ in open {
        out.push_str("</outline>\n");
    }
    out.push_str("</body>\n</opml>\n");
    out
}

fn start(out: &mut String, attributes: &[(&str, &str)]) {
    out.push_str("<outline");
    for (name, value) in attributes {
        attribute(out, name, value);
    }
}

fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    escape(value, out);
    out.push('"');
}

#[cfg(test)]
mod tests;

//! Finds the feeds that a web page offers, for people who give the address of the page.

use url::Url;

use super::tokens::{Start, Visitor, walk};
use crate::source::canonical_url;

/// Offers shown for one page.
const CANDIDATES_MAX: usize = 20;
/// Longest title of an offer, in characters.
const TITLE_CHARS_MAX: usize = 120;

/// A feed that a page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Absolute address.
    pub url: String,
    /// The page's name for it; may be empty.
    pub title: String,
    /// Media type as the page gives it, in lower case.
    pub media_type: String,
}

/// Lists the feeds that `<link rel="alternate">` elements of a page name, in the page's order, each once.
#[must_use]
pub fn discover(html: &str, base_url: &str) -> Vec<Candidate> {
    let mut finder = Finder { base: Url::parse(base_url).ok(), found: Vec::new() };
    walk(html, &mut finder);
    finder.found
}

struct Finder {
    base: Option<Url>,
    found: Vec<Candidate>,
}

impl Visitor for Finder {
    fn text(&mut self, _text: &str) {}

    fn start(&mut self, tag: &Start<'_>) {
        let Some(href) = tag.attribute("href").map(str::trim).filter(|href| !href.is_empty()) else { return };
        let url = match &self.base {
            Some(base) => base.join(href),
            None => Url::parse(href),
        };
        let Some(url) = url.ok().filter(|url| matches!(url.scheme(), "http" | "https")) else { return };
        match tag.name() {
            "base" => self.base = Some(url),
            "link" => self.offer(tag, &url),
            _ => {}
        }
    }

    fn end(&mut self, _name: &str) {}

    fn is_full(&self) -> bool {
        self.found.len() >= CANDIDATES_MAX
    }
}

impl Finder {
    fn offer(&mut self, tag: &Start<'_>, url: &Url) {
        let alternate =
            tag.attribute("rel").unwrap_or_default().split_whitespace().any(|r| r.eq_ignore_ascii_case("alternate"));
        let kind =
            tag.attribute("type").unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let feed = matches!(
            kind.as_str(),
            "application/rss+xml" | "application/atom+xml" | "application/rdf+xml" | "application/feed+json"
        );
        if !alternate || !feed || self.is_full() {
            return;
        }
        let canonical = canonical_url(url.as_str());
        if self.found.iter().any(|known| canonical_url(&known.url) == canonical) {
            return;
        }
        let title = super::cut_line(tag.attribute("title").unwrap_or_default(), TITLE_CHARS_MAX);
        self.found.push(Candidate { url: url.to_string(), title, media_type: kind });
    }
}

//! What comes from foreign web addresses: feeds, lists of feeds, HTML, dates, addresses.

use crate::Target;
use crate::formats::{date, feed, html, opml, source};

/// The decoders.
pub const TARGETS: &[Target] =
    &[("feed", feed_of_any_form), ("opml", opml_list), ("html", foreign_html), ("date", dates), ("url", urls)];

const BASE: &str = "https://example.org/feed";

fn feed_of_any_form(bytes: &[u8]) {
    for content_type in [None, Some("application/json"), Some("text/xml; charset=iso-8859-1")] {
        if let Ok(feed) = feed::parse(bytes, content_type, BASE) {
            feed.items.iter().for_each(|item| drop(item.markdown()));
        }
    }
}

fn opml_list(bytes: &[u8]) {
    let _ = opml::parse(bytes);
}

fn foreign_html(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = html::to_markdown(&text, BASE);
    let _ = html::to_text(&text, 1_000);
    let line = html::to_line(&text, 100);
    assert!(line.chars().count() <= 101, "a line is cut");
}

fn dates(bytes: &[u8]) {
    let _ = date::parse(&String::from_utf8_lossy(bytes));
}

fn urls(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(url) = source::canonical_url(&text) {
        assert_eq!(source::canonical_url(&url).as_deref(), Some(&url[..]), "a canonical address stays as it is");
    }
}

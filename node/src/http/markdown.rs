//! From a person's Markdown to HTML that is safe to put into a page. What comes from another site is hostile input too,
//! so everything is rendered here, at reading, and nothing in an entry is ever trusted to be HTML.
//!
//! 1. Raw HTML is shown as text.
//! 2. What leaves has only the tags and attributes of the lists below, whatever the parser made.
//! 3. Nothing is loaded from outside: pictures become links.

pub(super) mod lines;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream, html};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Deeper nesting is flattened: nobody reads it, and trees that deep cost quadratic time.
const DEPTH_MAX: usize = 24;
/// HTML kept for the next reader, in each of two generations.
const CACHE_BYTES_MAX: usize = 8 * 1024 * 1024;

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(HashSet::from([
            "p",
            "br",
            "strong",
            "em",
            "del",
            "a",
            "code",
            "pre",
            "ul",
            "ol",
            "li",
            "blockquote",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ]))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"])), ("ol", HashSet::from(["start"]))]))
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .clean_content_tags(HashSet::from(["script", "style"]));
    cleaner
});

/// Renders with a memory of what was rendered before: a feed page shows the same posts to everybody.
#[derive(Default)]
pub struct Renderer {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], Arc<str>>,
    old: HashMap<[u8; 32], Arc<str>>,
    young_bytes: usize,
}

impl Renderer {
    /// The HTML of a Markdown text.
    pub fn html(&self, text: &str) -> Arc<str> {
        if text.is_empty() {
            return Arc::from("");
        }
        let key = *blake3::hash(text.as_bytes()).as_bytes();
        if let Some(known) = self.find(&key) {
            return known;
        }
        let made: Arc<str> = Arc::from(render(text));
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.keep(key, Arc::clone(&made));
        made
    }

    fn find(&self, key: &[u8; 32]) -> Option<Arc<str>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.young.get(key) {
            return Some(Arc::clone(found));
        }
        let found = generations.old.remove(key)?;
        generations.keep(*key, Arc::clone(&found));
        Some(found)
    }
}

impl Generations {
    fn keep(&mut self, key: [u8; 32], html: Arc<str>) {
        self.young_bytes += html.len() + size_of_val(&key);
        self.young.insert(key, html);
        if self.young_bytes > CACHE_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

/// Renders one text.
pub fn render(text: &str) -> String {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    let events = TextMergeStream::new(Parser::new_ext(text, options));
    let mut shaped = Vec::new();
    let mut shaper = Shaper::default();
    for event in events {
        shaper.shape(event, &mut shaped);
    }
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, shaped.into_iter());
    CLEANER.clean(&out).to_string()
}

/// Walks the parser's events and bends them to the rules of this room.
#[derive(Default)]
struct Shaper {
    /// For each open tag, whether it was let through.
    open: Vec<bool>,
    /// Inside a link or code, where addresses are left alone.
    literal: usize,
}

impl Shaper {
    fn shape<'a>(&mut self, event: Event<'a>, out: &mut Vec<Event<'a>>) {
        match event {
            Event::Start(tag) => self.start(tag, out),
            Event::End(end) => self.end(end, out),
            Event::Html(text) | Event::InlineHtml(text) => out.push(Event::Text(text)),
            Event::SoftBreak => out.push(Event::HardBreak),
            Event::Text(text) if self.literal == 0 => link_addresses(text, out),
            other => out.push(other),
        }
    }

    fn start<'a>(&mut self, tag: Tag<'a>, out: &mut Vec<Event<'a>>) {
        let tag = match tag {
            Tag::Image { dest_url, title, id, .. } => Tag::Link { link_type: LinkType::Inline, dest_url, title, id },
            Tag::Heading { level, .. } => {
                Tag::Heading { level: demoted(level), id: None, classes: Vec::new(), attrs: Vec::new() }
            }
            other => other,
        };
        // A picture within a link, or the like, would nest links.
        let nested_link = matches!(tag, Tag::Link { .. }) && self.literal > 0;
        let through = self.open.len() < DEPTH_MAX && !nested_link && !matches!(tag, Tag::HtmlBlock);
        if through && matches!(tag, Tag::Link { .. } | Tag::CodeBlock(_)) {
            self.literal += 1;
        }
        self.open.push(through);
        if through {
            out.push(Event::Start(tag));
        }
    }

    fn end<'a>(&mut self, end: TagEnd, out: &mut Vec<Event<'a>>) {
        if !self.open.pop().unwrap_or(false) {
            return;
        }
        let end = match end {
            TagEnd::Image => TagEnd::Link,
            TagEnd::Heading(level) => TagEnd::Heading(demoted(level)),
            other => other,
        };
        if matches!(end, TagEnd::Link | TagEnd::CodeBlock) {
            self.literal = self.literal.saturating_sub(1);
        }
        out.push(Event::End(end));
    }
}

/// The page's own headings are h1 and h2.
fn demoted(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    use pulldown_cmark::HeadingLevel::{H1, H2, H3, H4, H5, H6};
    match level {
        H1 => H3,
        H2 => H4,
        H3 => H5,
        H4 | H5 | H6 => H6,
    }
}

/// People paste bare addresses; Markdown proper leaves them alone.
fn link_addresses<'a>(text: CowStr<'a>, out: &mut Vec<Event<'a>>) {
    let mut rest: &str = &text;
    if !rest.contains("://") {
        out.push(Event::Text(text));
        return;
    }
    while let Some((before, address, after)) = next_address(rest) {
        out.push(Event::Text(before.to_owned().into()));
        let link = Tag::Link {
            link_type: LinkType::Autolink,
            dest_url: address.to_owned().into(),
            title: CowStr::Borrowed(""),
            id: CowStr::Borrowed(""),
        };
        out.push(Event::Start(link));
        out.push(Event::Text(address.to_owned().into()));
        out.push(Event::End(TagEnd::Link));
        rest = after;
    }
    out.push(Event::Text(rest.to_owned().into()));
}

fn next_address(text: &str) -> Option<(&str, &str, &str)> {
    let mut searched = 0;
    loop {
        let found = searched + text.get(searched..)?.find("://")?;
        let head = text.get(..found)?;
        let scheme = ["https", "http"].into_iter().find(|scheme| {
            let from = head.len().checked_sub(scheme.len()).and_then(|at| head.get(at..));
            from.is_some_and(|word| word.eq_ignore_ascii_case(scheme))
        });
        searched = found + 3;
        let Some(scheme) = scheme else { continue };
        let start = found - scheme.len();
        if text[..start].chars().next_back().is_some_and(char::is_alphanumeric) {
            continue;
        }
        let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`');
        let body = &text[searched..];
        let long = &body[..body.find(ends).unwrap_or(body.len())];
        let mut trimmed = long.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '»', ']']);
        if trimmed.ends_with(')') && !trimmed.contains('(') {
            trimmed = trimmed.trim_end_matches([')', '.', ',']);
        }
        if trimmed.is_empty() {
            continue;
        }
        let end = searched + trimmed.len();
        return Some((&text[..start], &text[start..end], &text[end..]));
    }
}

/// A name as it may stand in a page: without controls that turn the direction of what follows, trimmed.
pub fn name(text: &str) -> String {
    let plain = |c: &char| !c.is_control() && !is_bidi(*c);
    text.chars().filter(plain).collect::<String>().trim().to_owned()
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;

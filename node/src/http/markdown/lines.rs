//! From a Markdown file to the lines of a page. What a page has no form for is kept as words.

use protocol::document::{Inline, Kind, Line, Marks};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};

/// A Markdown text that becomes a page: far more than people read on one.
pub(in crate::http) const MARKDOWN_BYTES_MAX: usize = 256 * 1024;
/// Levels of lists that are kept apart.
const DEPTH_MAX: usize = 6;
/// Lines of a page, so that each stays within what a site takes at once.
const LINES_MAX: usize = 5_000;

/// The lines of a Markdown text. `picture` tells what a picture's address leads to, if it is a file of this organisation
/// that may be shown; other pictures become links.
pub(in crate::http) fn lines(text: &str, picture: impl Fn(&str) -> Option<Inline>) -> Vec<Line> {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut reader = Reader::default();
    for event in TextMergeStream::new(Parser::new_ext(text, options)) {
        reader.take(event, &picture);
    }
    reader.close();
    reader.lines.truncate(LINES_MAX);
    reader.lines
}

/// Takes the first heading for the page's title, when there is no other of its level and no other title was given: what is
/// below moves up.
pub(in crate::http) fn split_title(lines: &mut Vec<Line>, given: &str) -> Option<String> {
    let top = |line: &&Line| line.kind == Kind::Heading(1);
    if lines.first().filter(top).is_none() || lines.iter().filter(top).count() != 1 {
        return None;
    }
    let title = protocol::document::render::plain(&lines[..1]);
    if !given.is_empty() && given != title.trim() {
        return None;
    }
    lines.remove(0);
    for line in lines {
        if let Kind::Heading(level) = &mut line.kind {
            *level = (*level).max(2) - 1;
        }
    }
    Some(title)
}

/// Walks the parser's events and lays them out as lines.
#[derive(Default)]
struct Reader {
    lines: Vec<Line>,
    line: Option<Line>,
    /// For each list that is open, whether it is numbered.
    lists: Vec<bool>,
    /// An item has begun whose line has not.
    item: bool,
    quotes: usize,
    strong: usize,
    em: usize,
    strike: usize,
    links: Vec<String>,
    /// Address and words of the picture that is being read.
    image: Option<(String, String)>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, picture: &impl Fn(&str) -> Option<Inline>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end, picture),
            Event::Text(text) => self.put(&text, false),
            Event::Code(text) => self.put(&text, true),
            Event::Html(text) | Event::InlineHtml(text) => self.put(text.trim_end_matches('\n'), false),
            Event::SoftBreak => self.put(" ", false),
            Event::HardBreak => self.close(),
            Event::Rule => self.alone(Kind::Divider),
            Event::TaskListMarker(ticked) => self.open().kind = Kind::Todo(ticked),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.begin(Kind::Heading(level_of(level))),
            Tag::CodeBlock(_) => self.begin(Kind::Code),
            Tag::Paragraph | Tag::TableHead | Tag::TableRow | Tag::HtmlBlock => self.close(),
            Tag::BlockQuote(_) => {
                self.close();
                self.quotes += 1;
            }
            Tag::List(first) => {
                self.empty_item();
                self.close();
                self.lists.push(first.is_some());
            }
            Tag::Item => {
                self.close();
                self.item = true;
            }
            Tag::TableCell if self.line.is_some() => self.put(" | ", false),
            Tag::Strong => self.strong += 1,
            Tag::Emphasis => self.em += 1,
            Tag::Strikethrough => self.strike += 1,
            Tag::Link { dest_url, .. } => self.links.push(dest_url.into_string()),
            Tag::Image { dest_url, .. } => self.image = Some((dest_url.into_string(), String::new())),
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd, picture: &impl Fn(&str) -> Option<Inline>) {
        match end {
            TagEnd::CodeBlock => {
                if let Some(Inline::Text { text, .. }) = self.line.as_mut().and_then(|line| line.inlines.last_mut()) {
                    text.truncate(text.trim_end_matches('\n').len());
                }
                self.close();
            }
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::TableHead | TagEnd::TableRow | TagEnd::HtmlBlock => {
                self.close();
            }
            TagEnd::BlockQuote(_) => {
                self.close();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::List(_) => {
                self.close();
                self.lists.pop();
            }
            TagEnd::Item => {
                self.empty_item();
                self.close();
            }
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Emphasis => self.em = self.em.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link => drop(self.links.pop()),
            TagEnd::Image => self.end_image(picture),
            _ => {}
        }
    }

    fn end_image(&mut self, picture: &impl Fn(&str) -> Option<Inline>) {
        let Some((address, words)) = self.image.take() else { return };
        if let Some(Inline::Image { blob, name, alt }) = picture(&address) {
            let alt = if words.is_empty() { alt } else { words };
            self.open().inlines.push(Inline::Image { blob, name, alt });
            return;
        }
        let words = if words.is_empty() { address.clone() } else { words };
        self.links.push(address);
        self.put(&words, false);
        self.links.pop();
    }

    /// The line that is being written; of what kind a new one is depends on what surrounds it.
    fn open(&mut self) -> &mut Line {
        let depth = self.lists.len().min(DEPTH_MAX);
        let item = std::mem::take(&mut self.item);
        let (kind, depth) = match self.lists.last() {
            Some(numbered) if item => (if *numbered { Kind::Ordered } else { Kind::Bullet }, depth.saturating_sub(1)),
            None if self.quotes > 0 => (Kind::Quote, 0),
            _ => (Kind::Paragraph, depth),
        };
        self.line.get_or_insert(Line { kind, depth, inlines: Vec::new() })
    }

    fn begin(&mut self, kind: Kind) {
        self.empty_item();
        self.close();
        self.line = Some(Line::new(kind));
    }

    fn alone(&mut self, kind: Kind) {
        self.begin(kind);
        self.close();
    }

    fn close(&mut self) {
        self.lines.extend(self.line.take());
    }

    /// An item without words is a line all the same.
    fn empty_item(&mut self) {
        if self.item {
            self.open();
        }
    }

    fn put(&mut self, text: &str, code: bool) {
        let within_code = self.line.as_ref().is_some_and(|line| line.kind == Kind::Code);
        let kept = |letter: &char| !letter.is_control() || (within_code && matches!(letter, '\n' | '\t'));
        let text: String = text.chars().filter(kept).collect();
        if let Some((_, words)) = &mut self.image {
            return words.push_str(&text);
        }
        let link = self.links.last().filter(|link| link.len() <= protocol::limits::URL_BYTES_MAX).cloned();
        let marks =
            Marks { strong: self.strong > 0, em: self.em > 0, strike: self.strike > 0, code, link, ..Marks::default() };
        let line = self.open();
        let marks = if line.kind == Kind::Code { Marks::default() } else { marks };
        match line.inlines.last_mut() {
            Some(Inline::Text { text: before, marks: same }) if *same == marks => before.push_str(&text),
            _ if text.is_empty() => {}
            _ => line.inlines.push(Inline::Text { text, marks }),
        }
    }
}

/// Pages have three levels.
fn level_of(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::document::render;

    fn read(text: &str) -> Vec<Line> {
        lines(text, |_| None)
    }

    #[test]
    fn what_was_exported_comes_back_as_it_was() {
        let text = "# Plan\n\n## Aim\n\nAll **agreed** on [this](<https://a.example/>), `x` and ~~not that~~\n\n1. one\n    1. inner\n2. two\n- [x] done\n- [ ] open\n\n> said\n\n---\n\n```\nx = 1;\n  y\n```\n";
        let mut lines = read(text);
        assert_eq!(split_title(&mut lines, "Another"), None);
        assert_eq!(split_title(&mut lines, "").as_deref(), Some("Plan"));
        assert_eq!(format!("# Plan\n\n{}", render::markdown(&lines)), text);
    }

    #[test]
    fn two_headings_of_the_first_level_are_no_title() {
        let mut lines = read("# One\n\n# Two\n");
        assert_eq!(split_title(&mut lines, ""), None);
        assert_eq!(lines.len(), 2);
        assert_eq!(split_title(&mut Vec::new(), ""), None);
    }

    #[test]
    fn what_a_page_has_no_form_for_is_kept_as_words() {
        let text = "| a | b |\n|---|---|\n| c | **d** |\n\n<b>x</b> ![plan](https://a.example/p.png)\n\n- one\n\n  more\n-\n- ```\n  code\n  ```\n";
        let shown: Vec<(Kind, usize, String)> = read(text)
            .into_iter()
            .map(|line| (line.kind, line.depth, render::plain(std::slice::from_ref(&line))))
            .collect();
        let expected = [
            (Kind::Paragraph, 0, "a | b"),
            (Kind::Paragraph, 0, "c | d"),
            (Kind::Paragraph, 0, "<b>x</b> plan"),
            (Kind::Bullet, 0, "one"),
            (Kind::Paragraph, 1, "more"),
            (Kind::Bullet, 0, ""),
            (Kind::Bullet, 0, ""),
            (Kind::Code, 0, "code"),
        ];
        assert_eq!(shown, expected.map(|(kind, depth, words)| (kind, depth, words.to_owned())));
    }

    #[test]
    fn a_picture_of_this_organisation_is_one_and_a_strange_one_is_a_link() {
        let known = |address: &str| {
            let blob = address.strip_prefix("/files/")?.to_owned();
            Some(Inline::Image { blob, name: "n".into(), alt: String::new() })
        };
        let lines = lines("![A](/files/x) ![](javascript:alert)", known);
        let image = Inline::Image { blob: "x".into(), name: "n".into(), alt: "A".into() };
        assert_eq!(lines[0].inlines[0], image);
        assert_eq!(render::html(&lines[1..]), "");
        assert!(!render::html(&lines).contains("href"), "{}", render::html(&lines));
    }

    #[test]
    fn hostile_nesting_and_length_stay_within_bounds() {
        assert!(read(&"> ".repeat(20_000)).len() <= LINES_MAX);
        assert!(read(&"- ".repeat(20_000)).iter().all(|line| line.depth <= DEPTH_MAX));
        assert_eq!(read(&"- a\n".repeat(20_000)).len(), LINES_MAX);
        read(&"*".repeat(50_000));
        read(&"![".repeat(20_000));
    }
}

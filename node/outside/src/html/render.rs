//! Writes words and blocks as Markdown or plain text within a budget of characters. What each tag means is in `tags`.

use url::Url;

mod tags;

use super::block::Frame;
use super::escape::{destination, escape, guarded};
use super::marks::Marks;
use super::tokens::Start;

/// Longest link kept; the same as the fetcher's.
const LINK_BYTES_MAX: usize = crate::fetch::URL_BYTES_MAX;
/// A word longer than this is cut inside when the budget ends; a shorter one is left out whole.
const WORD_CHARS_MAX: usize = 60;
/// Pictures this small count visitors and show nothing.
const PIXEL_MAX: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Markdown,
    Plain,
}

/// A link that is open: its target, and where its text begins in the block once there is some.
struct Link {
    target: String,
    start: Option<usize>,
}

pub(super) struct Renderer {
    style: Style,
    base: Option<Url>,
    chars_max: usize,
    spent: usize,
    full: bool,
    out: String,
    block: String,
    frame: Frame,
    marks: Marks,
    link: Option<Link>,
    heading: bool,
    preformatted: bool,
    /// Inside an element whose text is not shown: its name and how often it is nested.
    hidden: Option<(String, u32)>,
    last_in_list: bool,
    last_quotes: usize,
}

impl Renderer {
    pub fn new(base: Option<Url>, style: Style, chars_max: usize) -> Self {
        Self {
            style,
            base,
            chars_max,
            spent: 0,
            full: false,
            out: String::new(),
            block: String::new(),
            frame: Frame::default(),
            marks: Marks::default(),
            link: None,
            heading: false,
            preformatted: false,
            hidden: None,
            last_in_list: false,
            last_quotes: 0,
        }
    }

    pub fn finish(mut self) -> String {
        self.end_block();
        self.out
    }

    fn markdown(&self) -> bool {
        self.style == Style::Markdown
    }

    /// Adds visible text; white space is kept only as single spaces between words.
    fn words(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() && !self.full {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            if end > 0 {
                self.word(&rest[..end]);
            }
            let after = rest[end..].trim_start();
            if after.len() < rest.len() - end && !self.block.is_empty() && !self.block.ends_with([' ', '\n']) {
                self.block.push(' ');
                self.spent += 1;
            }
            rest = after;
        }
    }

    fn word(&mut self, word: &str) {
        let left = self.chars_max.saturating_sub(self.spent);
        let length = word.chars().count();
        if length < left {
            self.visible(word);
            self.spent += length;
            return;
        }
        self.full = true;
        if length > WORD_CHARS_MAX {
            let part: String = word.chars().take(left.saturating_sub(1)).collect();
            self.visible(&part);
        }
        let end = self.block.trim_end().len();
        self.block.truncate(end);
        self.block.push('…');
    }

    fn visible(&mut self, word: &str) {
        let Some(first) = word.chars().next() else { return };
        if !self.markdown() {
            self.block.extend(word.chars().filter(|c| !c.is_control()));
            return;
        }
        match &mut self.link {
            // Emphasis inside a link's text is left out: it could not cross the link's end.
            Some(link) if link.start.is_none() => {
                self.marks.sync(&mut self.block, '[');
                link.start = Some(self.block.len());
            }
            Some(_) => {}
            None => self.marks.sync(&mut self.block, first),
        }
        if self.marks.in_code() && self.link.is_none() {
            self.block.extend(word.chars().filter(|c| !c.is_control()).map(|c| if c == '`' { '\'' } else { c }));
        } else {
            escape(word, &mut self.block);
        }
    }

    fn start_link(&mut self, target: Option<String>) {
        self.end_link();
        if self.markdown() && !self.marks.in_code() {
            self.link = target.map(|target| Link { target, start: None });
        }
    }

    fn end_link(&mut self) {
        if let Some(link) = self.link.take() {
            self.write_link(&link);
        }
    }

    /// Wraps the link's text, if any, in brackets.
    fn write_link(&mut self, link: &Link) {
        let Some(start) = link.start else { return };
        let text = self.block.split_off(start.min(self.block.len()));
        let label = text.trim();
        if label.is_empty() {
            return;
        }
        let space = &text[label.len() + (text.len() - text.trim_start().len())..];
        self.spent += link.target.len() + 4;
        self.block.push_str(&format!("[{}]({}){space}", label.replace('\n', " "), destination(&link.target)));
    }

    /// A picture, film or frame: a link to it, named by its text or else by its file.
    fn embed(&mut self, tag: &Start<'_>) {
        // Plain text is for searching and previews, where the name of a picture only disturbs.
        if !self.markdown() {
            return;
        }
        let tiny =
            |name| tag.attribute(name).and_then(|text| text.trim().parse::<u32>().ok()).is_some_and(|n| n <= PIXEL_MAX);
        if tiny("width") || tiny("height") {
            return;
        }
        let name = tag.attribute("alt").or(tag.attribute("title")).unwrap_or_default().trim().to_owned();
        let Some(target) = tag.attribute("src").and_then(|text| self.absolute(text)) else { return };
        let name = if name.is_empty() { file_name(&target) } else { name };
        if self.link.is_some() {
            return self.words(&name);
        }
        self.start_link(Some(target));
        self.words(&name);
        self.end_link();
    }

    fn absolute(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let url = match &self.base {
            Some(base) => base.join(text),
            None => Url::parse(text),
        };
        let url = url.ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty())?;
        (!text.is_empty() && !text.starts_with('#') && url.as_str().len() <= LINK_BYTES_MAX).then(|| url.into())
    }

    fn line_break(&mut self) {
        if self.block.trim_end_matches(' ').ends_with('\n') {
            self.end_block();
        } else if self.heading || self.link.as_ref().is_some_and(|link| link.start.is_some()) {
            self.words(" ");
        } else if !self.block.is_empty() {
            if self.markdown() {
                self.marks.close_all(&mut self.block);
            }
            self.block.push('\n');
        }
    }

    /// Writes the block that is being gathered, with the frame around it.
    fn end_block(&mut self) {
        if let Some(mut link) = self.link.take() {
            self.write_link(&link);
            link.start = None;
            self.link = Some(link);
        }
        if self.markdown() && !self.preformatted {
            self.marks.close_all(&mut self.block);
        }
        let block = std::mem::take(&mut self.block);
        let text = if self.preformatted { block.trim_matches('\n').trim_end() } else { block.trim() };
        if text.is_empty() {
            return;
        }
        let (starts_item, in_list, quotes) = (self.frame.starts_item(), self.frame.in_list(), self.frame.quotes());
        if !self.out.is_empty() {
            self.out.push('\n');
            let tight = starts_item && self.last_in_list;
            if !tight {
                let shared = if self.markdown() { quotes.min(self.last_quotes) } else { 0 };
                self.out.push_str("> ".repeat(shared).trim_end());
                self.out.push('\n');
            }
        }
        let (first, rest) = self.frame.prefixes();
        let lines = if self.markdown() { self.markdown_lines(text) } else { text.lines().map(str::to_owned).collect() };
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                self.out.push('\n');
            }
            let prefix = if at == 0 { &first } else { &rest };
            self.spent += prefix.len() + 1;
            self.out.push_str(prefix);
            self.out.push_str(line);
        }
        (self.last_in_list, self.last_quotes) = (in_list, quotes);
        self.full |= self.spent >= self.chars_max;
    }

    fn markdown_lines(&self, text: &str) -> Vec<String> {
        if self.preformatted {
            let run = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat(run.max(2) + 1);
            return std::iter::once(fence.as_str())
                .chain(text.lines())
                .chain([fence.as_str()])
                .map(str::to_owned)
                .collect();
        }
        if self.heading {
            return vec![format!("### {}", text.replace('\n', " "))];
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines.len().saturating_sub(1);
        // Two spaces at the end of a line keep the break.
        lines.iter().enumerate().map(|(at, line)| guarded(line) + if at < last { "  " } else { "" }).collect()
    }

    fn raw_text(&mut self, text: &str) {
        let left = self.chars_max.saturating_sub(self.spent);
        let part: String = text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).take(left).collect();
        self.spent += part.chars().count();
        self.full |= self.spent >= self.chars_max;
        self.block.push_str(&part);
    }
}

/// The last part of the path, or the host when there is none.
fn file_name(target: &str) -> String {
    let Ok(url) = Url::parse(target) else { return String::new() };
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    if last.is_empty() { url.host_str().unwrap_or_default().to_owned() } else { last.to_owned() }
}

//! Drives the HTML tokenizer in linear time and hands its tokens on. Knows the syntax of HTML, not its meaning.

use std::cell::{Cell, RefCell};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, EndTag, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer,
    TokenizerOpts,
};

use super::HTML_BYTES_MAX;

/// Bytes given to the tokenizer at a time.
const CHUNK_BYTES: usize = 2_048;
/// The tokenizer compares each attribute of a tag with all before it. A tag with more separators than this is an
/// attack on that, and nothing behind it is read.
const TAG_SEPARATORS_MAX: usize = 1_024;

/// What receives the tokens.
pub(super) trait Visitor {
    fn text(&mut self, text: &str);
    fn start(&mut self, tag: &Start<'_>);
    fn end(&mut self, name: &str);
    /// Whether the rest may be skipped.
    fn is_full(&self) -> bool;
}

/// A start tag.
pub(super) struct Start<'a>(&'a Tag);

impl Start<'_> {
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.0.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
    }
}

/// Walks over at most [`HTML_BYTES_MAX`] bytes of HTML.
pub(super) fn walk(html: &str, visitor: &mut dyn Visitor) {
    let html = without_bulk(&html[..html.floor_char_boundary(HTML_BYTES_MAX)]);
    let sink = Sink { visitor: RefCell::new(visitor), tokens: Cell::new(0) };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = html.as_str();
    let mut separators = 0;
    while !rest.is_empty() && !tokenizer.sink.visitor.borrow().is_full() {
        let (chunk, after) = rest.split_at(rest.ceil_char_boundary(CHUNK_BYTES));
        rest = after;
        tokenizer.sink.tokens.set(0);
        queue.push_back(StrTendril::from(chunk));
        // The sink never asks for a script to be run, so one call takes the whole chunk.
        let _ = tokenizer.feed(&queue);
        let here = chunk.bytes().filter(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'"' | b'\'')).count();
        separators = if tokenizer.sink.tokens.get() > 0 { here } else { separators + here };
        if separators > TAG_SEPARATORS_MAX && tokenizer.sink.tokens.get() == 0 {
            break;
        }
    }
    tokenizer.end();
}

struct Sink<'v> {
    visitor: RefCell<&'v mut dyn Visitor>,
    tokens: Cell<usize>,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut visitor = self.visitor.borrow_mut();
        match token {
            CharacterTokens(text) => visitor.text(&text),
            TagToken(tag) if tag.kind == EndTag => visitor.end(&tag.name),
            TagToken(tag) if tag.kind == StartTag => {
                visitor.start(&Start(&tag));
                if tag.self_closing {
                    visitor.end(&tag.name);
                } else if let Some(kind) = raw_kind(&tag.name) {
                    self.tokens.set(self.tokens.get() + 1);
                    return TokenSinkResult::RawData(kind);
                }
            }
            // Errors of syntax do not count as progress.
            Token::ParseError(_) => return TokenSinkResult::Continue,
            _ => {}
        }
        self.tokens.set(self.tokens.get() + 1);
        TokenSinkResult::Continue
    }
}

/// Elements whose content has no tags.
fn raw_kind(name: &str) -> Option<RawKind> {
    match name {
        "title" | "textarea" => Some(RawKind::Rcdata),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
        "script" => Some(RawKind::ScriptData),
        _ => None,
    }
}

/// Drops comments and embedded data, which are large and say nothing.
fn without_bulk(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '=']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            // From the third byte on, since `<!-->` is a whole comment.
            rest = rest[2..].find("-->").map_or("", |end| &rest[2 + end + 3..]);
            continue;
        }
        out.push_str(&rest[..1]);
        rest = &rest[1..];
        let value = rest.trim_start_matches(['"', '\'', ' ']);
        if out.ends_with('=') && value.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
            out.push_str(&rest[..rest.len() - value.len()]);
            let end = value.find(|c: char| matches!(c, '"' | '\'' | '>') || c.is_ascii_whitespace());
            rest = &value[end.unwrap_or(value.len())..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Log(String);

    impl Visitor for Log {
        fn text(&mut self, text: &str) {
            self.0.push_str(text);
        }
        fn start(&mut self, tag: &Start<'_>) {
            self.0.push_str(&format!("({}{})", tag.name(), tag.attribute("src").unwrap_or_default()));
        }
        fn end(&mut self, name: &str) {
            self.0.push_str(&format!("(/{name})"));
        }
        fn is_full(&self) -> bool {
            false
        }
    }

    fn log(html: &str) -> String {
        let mut log = Log::default();
        walk(html, &mut log);
        log.0
    }

    #[test]
    fn comments_and_embedded_data_are_dropped_before() {
        assert_eq!(log("a<!-- <p> -->b<!-->c<!-- open"), "abc");
        let picture = format!("x<img src=\"data:image/png;base64,{}\">y", "a/".repeat(100_000));
        assert_eq!(log(&picture), "x(img)y");
        assert_eq!(log("1 = 2 <img src=a>"), "1 = 2 (imga)");
    }

    #[test]
    fn raw_elements_hold_no_tags() {
        assert_eq!(
            log("<script>a<b></script>c<style>d<e></style><script/>f"),
            "(script)a<b>(/script)c(style)d<e>(/style)(script)(/script)f"
        );
    }

    #[test]
    fn a_tag_with_very_many_attributes_ends_the_reading_quickly() {
        let start = std::time::Instant::now();
        let attributes: String = (0..60_000).map(|n| format!(" a{n}")).collect();
        assert_eq!(log(&format!("before<p{attributes}>after")), "before");
        let slashes = format!("before<p{}", "/b".repeat(200_000));
        assert_eq!(log(&slashes), "before");
        assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
    }
}

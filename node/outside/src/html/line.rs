//! Titles: one line of text out of what may be text or HTML.

use super::tokens::{Start, Visitor, walk};

/// Tags of HTML. Any other (`<T>`, `<your name>`) is taken for text that was not escaped.
const KNOWN: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "applet",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "basefont",
    "bdi",
    "bdo",
    "big",
    "blink",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "link",
    "main",
    "map",
    "mark",
    "marquee",
    "math",
    "meta",
    "nav",
    "nobr",
    "noscript",
    "object",
    "ol",
    "option",
    "p",
    "param",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "script",
    "section",
    "select",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];
/// Of these, the ones that separate words.
const BREAKS: &[&str] = &["blockquote", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "p", "td", "th", "tr"];

pub(super) fn one_line(html: &str, chars_max: usize) -> String {
    if !html.contains(['<', '&']) {
        return cut(html, chars_max);
    }
    // Four times: white space and tags take room that the line does not.
    let mut line = Line { out: String::new(), bytes_max: chars_max.saturating_mul(4), hidden: false };
    walk(html, &mut line);
    cut(&line.out, chars_max)
}

struct Line {
    out: String,
    bytes_max: usize,
    hidden: bool,
}

impl Visitor for Line {
    fn text(&mut self, text: &str) {
        if !self.hidden {
            self.out.push_str(text);
        }
    }

    fn start(&mut self, tag: &Start<'_>) {
        let name = tag.name();
        if matches!(name, "script" | "style") {
            self.hidden = true;
        } else if BREAKS.contains(&name) {
            self.out.push(' ');
        } else if !KNOWN.contains(&name) {
            self.out.push('<');
            self.out.push_str(name);
            self.out.push('>');
        }
    }

    fn end(&mut self, name: &str) {
        if matches!(name, "script" | "style") {
            self.hidden = false;
        } else if BREAKS.contains(&name) {
            self.out.push(' ');
        }
    }

    fn is_full(&self) -> bool {
        self.out.len() > self.bytes_max
    }
}

/// Joins words with single spaces and cuts behind the last word that fits.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        let gap = usize::from(!out.is_empty());
        let length = word.chars().count();
        if chars + gap + length > chars_max {
            if chars == 0 {
                out.extend(word.chars().take(chars_max.saturating_sub(1)));
            } else {
                // Room for the mark is found by giving up whole words.
                while out.chars().count() + 1 > chars_max {
                    out.truncate(out.rfind(' ').unwrap_or(0));
                }
            }
            out.push('…');
            return out;
        }
        if gap == 1 {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| !c.is_control()));
        chars += gap + length;
    }
    out
}

//! A page as people see it: lines of a kind and depth, with characters and pictures in them.
//!
//! What stands in the document in a way that this version does not know is shown as text; nothing in it can break a line.

use automerge::hydrate::{Map, Value};
use automerge::iter::Span;
use automerge::marks::MarkSet;
use automerge::{ObjId, ReadDoc, ScalarValue};

/// Deeper than this nobody reads.
const DEPTH_MAX: usize = 6;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Paragraph,
    /// A heading, of level 1 to 3.
    Heading(u8),
    /// An item of a list.
    Bullet,
    /// An item of a numbered list.
    Ordered,
    /// An item with a box to tick, ticked or not.
    Todo(bool),
    /// Somebody else's words.
    Quote,
    /// A program's.
    Code,
    /// A line across.
    Divider,
}

/// How characters look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// Bold.
    pub strong: bool,
    /// Italic.
    pub em: bool,
    /// Struck out.
    pub strike: bool,
    /// As a program's words.
    pub code: bool,
    /// Leads there.
    pub link: Option<String>,
    /// Names a person, by id.
    pub mention: Option<String>,
}

/// What stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline {
    /// Characters that look alike.
    Text {
        /// The characters.
        text: String,
        /// How they look.
        marks: Marks,
    },
    /// A picture.
    Image {
        /// Its file, as text.
        blob: String,
        /// The file's name.
        name: String,
        /// What it shows, in words.
        alt: String,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// How far it is set in.
    pub depth: usize,
    /// What stands in it.
    pub inlines: Vec<Inline>,
}

impl Line {
    /// An empty line.
    pub fn new(kind: Kind) -> Self {
        Self { kind, depth: 0, inlines: Vec::new() }
    }

    /// A line of plain words.
    pub fn plain(kind: Kind, text: impl Into<String>) -> Self {
        let inlines = vec![Inline::Text { text: text.into(), marks: Marks::default() }];
        Self { kind, depth: 0, inlines }
    }
}

/// The lines of a text, at some heads or now.
pub(crate) fn lines<'a>(spans: impl Iterator<Item = Span> + 'a) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for span in spans {
        match span {
            Span::Text { text, marks } => {
                // What stands behind a divider is a paragraph of its own.
                if lines.last().is_none_or(|line| line.kind == Kind::Divider) {
                    lines.push(Line::new(Kind::Paragraph));
                }
                let marks = marks.map(|marks| marks_of(&marks)).unwrap_or_default();
                if let Some(line) = lines.last_mut() {
                    line.inlines.push(Inline::Text { text, marks });
                }
            }
            Span::Block(block) if is_embed(&block) => {
                if lines.is_empty() {
                    lines.push(Line::new(Kind::Paragraph));
                }
                if let (Some(line), Some(image)) = (lines.last_mut(), image(&block)) {
                    line.inlines.push(image);
                }
            }
            Span::Block(block) => lines.push(line(&block)),
        }
    }
    lines
}

/// Whether a block stands within a line and does not begin one.
pub(crate) fn is_embed(block: &Map) -> bool {
    flag(block, "isEmbed")
}

/// The lines of a text as it stands.
pub(crate) fn of(doc: &automerge::Automerge, text: &ObjId) -> Vec<Line> {
    doc.spans(text).map(lines).unwrap_or_default()
}

fn line(block: &Map) -> Line {
    let attrs = match block.get("attrs") {
        Some(Value::Map(attrs)) => Some(attrs),
        _ => None,
    };
    let parents: Vec<String> = match block.get("parents") {
        Some(Value::List(parents)) => parents.iter().filter_map(|parent| string(&parent.value)).collect(),
        _ => Vec::new(),
    };
    let kind = match block.get("type").and_then(string).as_deref() {
        Some("heading") => Kind::Heading(attrs.and_then(|attrs| number(attrs, "level")).unwrap_or(1).clamp(1, 3) as u8),
        Some("unordered-list-item") => Kind::Bullet,
        Some("ordered-list-item") => Kind::Ordered,
        Some("todo-item") => Kind::Todo(attrs.is_some_and(|attrs| flag(attrs, "checked"))),
        Some("blockquote") => Kind::Quote,
        Some("code-block") => Kind::Code,
        Some("divider") => Kind::Divider,
        _ if parents.iter().any(|parent| parent == "blockquote") => Kind::Quote,
        _ => Kind::Paragraph,
    };
    Line { kind, depth: parents.len().min(DEPTH_MAX), inlines: Vec::new() }
}

fn image(block: &Map) -> Option<Inline> {
    if block.get("type").and_then(string).as_deref() != Some("image") {
        return None;
    }
    let Some(Value::Map(attrs)) = block.get("attrs") else { return None };
    let of = |key: &str| attrs.get(key).and_then(string).unwrap_or_default();
    Some(Inline::Image { blob: of("blob"), name: of("name"), alt: of("alt") })
}

fn string(value: &Value) -> Option<String> {
    match value {
        Value::Scalar(ScalarValue::Str(text)) => Some(text.to_string()),
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

fn flag(map: &Map, key: &str) -> bool {
    matches!(map.get(key), Some(Value::Scalar(ScalarValue::Boolean(true))))
}

fn number(map: &Map, key: &str) -> Option<u64> {
    match map.get(key)? {
        Value::Scalar(ScalarValue::Int(number)) => u64::try_from(*number).ok(),
        Value::Scalar(ScalarValue::Uint(number)) => Some(*number),
        // JavaScript may write a whole number as a broken one.
        Value::Scalar(ScalarValue::F64(number)) if (0.0..=1e6).contains(number) => Some(*number as u64),
        _ => None,
    }
}

fn marks_of(set: &MarkSet) -> Marks {
    let mut marks = Marks::default();
    for (name, value) in set.iter() {
        let on = matches!(value, ScalarValue::Boolean(true));
        match (name, value) {
            ("strong", _) => marks.strong = on,
            ("em", _) => marks.em = on,
            ("strike", _) => marks.strike = on,
            ("code", _) => marks.code = on,
            ("mention", ScalarValue::Str(user)) => marks.mention = Some(user.to_string()),
            ("link", ScalarValue::Str(link)) => marks.link = href(link),
            _ => {}
        }
    }
    marks
}

/// The address in a link's mark, which is a small JSON object: `{"href":"…","title":"…"}`.
fn href(link: &str) -> Option<String> {
    let rest = link.split_once("\"href\"")?.1.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut out = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return Some(out),
            '\\' => match letters.next()? {
                'u' => {
                    let code: String = letters.by_ref().take(4).collect();
                    out.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                'n' | 'r' | 't' | 'b' | 'f' => return None,
                other => out.push(other),
            },
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_link_is_read_whatever_is_escaped() {
        assert_eq!(href(r#"{"href":"https://a.example/?q=1","title":""}"#).as_deref(), Some("https://a.example/?q=1"));
        assert_eq!(href(r#"{"title":"t","href" : "a\"b\u0041\/"}"#).as_deref(), Some("a\"bA/"));
        assert_eq!(href(r#"{"href":"a"#), None);
        assert_eq!(href("true"), None);
    }
}

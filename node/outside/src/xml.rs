//! Reads foreign XML into a small bounded tree: namespaces reduced to the few that matter, names in lower case,
//! entities resolved, `xml:base` applied. Knows nothing of feeds.
//!
//! Rules: no entity is ever declared or fetched (a document that declares one is refused, a bare doctype is skipped);
//! depth, elements, attributes and namespace declarations are bounded; a document that breaks off or is badly nested
//! still gives what came before, marked as broken, since half of the web's feeds are a little broken.

use std::borrow::Cow;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::Url;

mod names;
mod tree;

pub(crate) use names::Ns;
use tree::Node;
pub(crate) use tree::{Element, escape};

use names::Scope;

/// Nesting allowed (protocol 7.6); real feeds with XHTML inside stay under 25.
pub(crate) const DEPTH_MAX: usize = 32;
/// Elements in one document: 500 full items of 200 elements.
const ELEMENTS_MAX: usize = 100_000;
/// Attributes looked at in one element; the richest real one has 20.
const ATTRIBUTES_MAX: usize = 64;

/// Why XML was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum XmlError {
    Entities,
    TooDeep,
    TooManyElements,
    NoRoot,
}

/// A document as far as it could be read.
#[derive(Debug)]
pub(crate) struct Document {
    pub root: Element,
    /// Whether the end is missing or the nesting was wrong.
    pub broken: bool,
}

/// Reads a document; `base` is the address it came from.
pub(crate) fn read(text: &str, base: Option<&Url>) -> Result<Document, XmlError> {
    let mut builder = Builder::new(base);
    // Blank lines, warnings of a web server and the like may stand before the first tag.
    let start = text.find('<').ok_or(XmlError::NoRoot)?;
    let mut reader = Reader::from_str(&text[start..]);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    while builder.root.is_none() || !builder.open.is_empty() {
        match reader.read_event() {
            Ok(Event::Start(start)) => builder.start(&start)?,
            Ok(Event::Empty(start)) => {
                builder.start(&start)?;
                builder.close_top();
            }
            Ok(Event::End(end)) => builder.end(end.name().as_ref()),
            Ok(Event::Text(text)) => builder.text(&text),
            Ok(Event::CData(text)) => builder.text(&text),
            Ok(Event::GeneralRef(name)) => builder.reference(&name),
            Ok(Event::DocType(content)) => {
                if content.to_ascii_lowercase().contains("<!entity") {
                    return Err(XmlError::Entities);
                }
            }
            Ok(Event::Eof) | Err(_) => {
                builder.broken = true;
                break;
            }
            Ok(_) => {}
        }
    }
    builder.finish()
}

struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    scope: Scope,
    base: Option<Arc<Url>>,
    elements: usize,
    broken: bool,
}

impl Builder {
    fn new(base: Option<&Url>) -> Self {
        let base = base.cloned().map(Arc::new);
        Self { open: Vec::new(), root: None, scope: Scope::default(), base, elements: 0, broken: false }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(XmlError::TooManyElements);
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(XmlError::TooDeep);
        }
        let depth = self.open.len();
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false).flatten().take(ATTRIBUTES_MAX) {
            let name = attribute.key.as_ref().to_ascii_lowercase();
            let value = unescape(&attribute.value);
            if let Some(prefix) = name.strip_prefix("xmlns") {
                self.scope.declare(depth, prefix.trim_start_matches(':'), &value);
            } else {
                attributes.push((name, value));
            }
        }
        let qualified = start.name().as_ref().to_ascii_lowercase();
        let (prefix, local) = qualified.split_once(':').unwrap_or(("", &qualified));
        let ns = self.scope.resolve(prefix, depth == 0);
        let outer = self.open.last().map_or(&self.base, |parent| &parent.base);
        let inner = attributes.iter().find(|(name, _)| name == "xml:base").and_then(|(_, value)| joined(outer, value));
        let base = inner.or_else(|| outer.clone());
        self.open.push(Element { ns, name: local.to_owned(), attributes, base, children: Vec::new(), cut: false });
        Ok(())
    }

    /// Closes the nearest element of this name and what was left open inside it; an end without a start is skipped.
    fn end(&mut self, qualified: &str) {
        let qualified = qualified.trim().to_ascii_lowercase();
        let local = qualified.split_once(':').map_or(qualified.as_str(), |(_, local)| local);
        let Some(at) = self.open.iter().rposition(|element| element.name == local) else {
            self.broken = true;
            return;
        };
        self.broken |= at + 1 != self.open.len();
        while self.open.len() > at {
            self.close_top();
        }
    }

    fn close_top(&mut self) {
        let Some(element) = self.open.pop() else { return };
        self.scope.leave(self.open.len());
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) {
        let Some(element) = self.open.last_mut() else { return };
        let text = &without_controls(text);
        match element.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => element.children.push(Node::Text(text.clone().into_owned())),
        }
    }

    fn reference(&mut self, name: &str) {
        match resolve(name) {
            Some(text) => self.text(&text),
            None => self.text(&format!("&{name};")),
        }
    }

    fn finish(mut self) -> Result<Document, XmlError> {
        for element in &mut self.open {
            element.cut = true;
        }
        while !self.open.is_empty() {
            self.close_top();
        }
        let root = self.root.ok_or(XmlError::NoRoot)?;
        Ok(Document { root, broken: self.broken })
    }
}

fn joined(outer: &Option<Arc<Url>>, value: &str) -> Option<Arc<Url>> {
    let url = match outer {
        Some(outer) => outer.join(value.trim()),
        None => Url::parse(value.trim()),
    };
    url.ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(Arc::new)
}

/// The text of a character reference (`#233`, `#xe9`) or of an entity that XML or HTML define.
fn resolve(name: &str) -> Option<String> {
    let Some(number) = name.strip_prefix('#') else {
        return named(name);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    match code {
        // Numbers of windows-1252 where Unicode has control characters: a very common mistake.
        0x80..=0x9f => Some(windows_1252(u8::try_from(code).ok()?)),
        0..=8 | 11 | 12 | 14..=31 => Some(String::new()),
        _ => char::from_u32(code).map(String::from),
    }
}

/// The text of an entity by its name, from the table of the HTML tokenizer. (quick-xml has a table too; in 0.42 its
/// Greek letters are wrong.) The table also lists beginnings of names, with zeros.
fn named(name: &str) -> Option<String> {
    let (first, second) = *html5ever::data::NAMED_ENTITIES.get(format!("{name};").as_str())?;
    let first = char::from_u32(first).filter(|c| *c != '\0')?;
    let second = char::from_u32(second).filter(|c| *c != '\0');
    Some(std::iter::once(first).chain(second).collect())
}

/// Text in which bytes of windows-1252 were taken for Latin-1 holds control characters in place of quotes and dashes.
fn without_controls(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| matches!(c, '\u{80}'..='\u{9f}');
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) if is_control(c) => out.push_str(&windows_1252(byte)),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn windows_1252(byte: u8) -> String {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned()
}

/// Resolves the references in an attribute; what is no reference stays as it is.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        // The longest entity name of HTML has 31 letters.
        let end = rest.bytes().take(33).position(|b| b == b';');
        match end.and_then(|end| Some((resolve(&rest[..end])?, end))) {
            Some((text, end)) => {
                out.push_str(&text);
                rest = &rest[end + 1..];
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;

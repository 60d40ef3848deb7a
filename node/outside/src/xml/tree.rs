//! The tree that [`read`](super::read) gives, with the questions a format asks of it.

use std::sync::Arc;

use url::Url;

use super::Ns;

/// An element; names are local and in lower case.
#[derive(Debug)]
pub(crate) struct Element {
    pub ns: Ns,
    pub name: String,
    /// Qualified names in lower case, values unescaped.
    pub attributes: Vec<(String, String)>,
    /// What relative links inside refer to.
    pub base: Option<Arc<Url>>,
    pub children: Vec<Node>,
    /// Whether the document ended inside.
    pub cut: bool,
}

#[derive(Debug)]
pub(crate) enum Node {
    Text(String),
    Element(Element),
}

impl Element {
    pub fn is(&self, ns: Ns, name: &str) -> bool {
        self.ns == ns && self.name == name
    }

    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    pub fn child(&self, ns: Ns, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.is(ns, name))
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All text inside, without the tags.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.gather(&mut out);
        out
    }

    fn gather(&self, out: &mut String) {
        for node in &self.children {
            match node {
                Node::Text(text) => out.push_str(text),
                // The depth is bounded by the reader.
                Node::Element(element) => element.gather(out),
            }
        }
    }

    /// The trimmed text of a child, unless empty.
    pub fn child_text(&self, ns: Ns, name: &str) -> Option<String> {
        self.child(ns, name).and_then(Self::trimmed)
    }

    /// The trimmed text inside, unless empty.
    pub fn trimmed(&self) -> Option<String> {
        let text = self.text();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// An absolute http or https address made of `text`.
    pub fn link(&self, text: &str) -> Option<String> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let url = match &self.base {
            Some(base) => base.join(text),
            None => Url::parse(text),
        };
        url.ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from)
    }

    /// The inside as HTML: escaped HTML is unescaped by reading, elements are written out again.
    pub fn inner_html(&self) -> String {
        if self.elements().next().is_none() {
            return self.text();
        }
        let mut out = String::new();
        self.write_children(&mut out);
        out
    }

    /// The inside as markup, where text is text and not escaped HTML.
    pub fn inner_markup(&self) -> String {
        let mut out = String::new();
        self.write_children(&mut out);
        out
    }

    fn write_children(&self, out: &mut String) {
        for node in &self.children {
            match node {
                Node::Text(text) => escape(text, out),
                Node::Element(element) => element.write(out),
            }
        }
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(value, out);
            out.push('"');
        }
        out.push('>');
        if !matches!(self.name.as_str(), "br" | "hr" | "img" | "input" | "wbr" | "source" | "embed") {
            self.write_children(out);
            out.push_str("</");
            out.push_str(&self.name);
            out.push('>');
        }
    }
}

/// Writes text so that HTML and XML read it back as the same text.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML 1.0 at all.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => {}
            _ => out.push(c),
        }
    }
}

//! A page as HTML, plain words and Markdown. The HTML is made of a few elements written here and of escaped text: nothing
//! that somebody wrote can be an element or an address of another kind.

use super::Document;
use super::line::{Inline, Kind, Line, Marks};
use crate::ids::{BlobId, UserId};

impl Document {
    /// Its lines.
    pub fn lines(&self) -> Vec<Line> {
        super::line::of(&self.doc, &self.text)
    }

    /// As HTML.
    pub fn html(&self) -> String {
        html(&self.lines())
    }

    /// As plain words.
    pub fn plain(&self) -> String {
        plain(&self.lines())
    }
}

/// Lines as HTML, in the same elements as the editor.
pub fn html(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut counts = Counts::default();
    for line in lines {
        let number = counts.next(line);
        let depth = line.depth;
        match line.kind {
            Kind::Paragraph if depth == 0 => wrap(&mut out, "<p>", &line.inlines, "</p>"),
            Kind::Paragraph => wrap(&mut out, &format!("<p data-depth=\"{depth}\">"), &line.inlines, "</p>"),
            Kind::Heading(level) => {
                let tag = level + 1;
                let open = format!("<h{tag} class=\"level-{level}\">");
                wrap(&mut out, &open, &line.inlines, &format!("</h{tag}>"));
            }
            Kind::Bullet | Kind::Ordered | Kind::Todo(_) => item(&mut out, line, number),
            Kind::Quote => wrap(&mut out, "<blockquote>", &line.inlines, "</blockquote>"),
            Kind::Code => wrap(&mut out, "<pre><code>", &line.inlines, "</code></pre>"),
            Kind::Divider => out.push_str("<hr>"),
        }
        out.push('\n');
    }
    out
}

fn item(out: &mut String, line: &Line, number: usize) {
    let depth = line.depth;
    let (list, kind, of) = match line.kind {
        Kind::Ordered => ("ol", "ordered", format!(" start=\"{number}\"")),
        Kind::Todo(_) => ("ul", "todo", String::new()),
        _ => ("ul", "bullet", String::new()),
    };
    let ticked = match line.kind {
        Kind::Todo(ticked) => format!(" data-checked=\"{ticked}\""),
        _ => String::new(),
    };
    let open = format!(
        "<{list} class=\"item {kind}\" data-depth=\"{depth}\"{of}><li data-kind=\"{kind}\"{ticked} data-depth=\"{depth}\">"
    );
    wrap(out, &open, &line.inlines, &format!("</li></{list}>"));
}

fn wrap(out: &mut String, open: &str, inlines: &[Inline], close: &str) {
    out.push_str(open);
    for inline in inlines {
        match inline {
            Inline::Text { text, marks } => marked(out, text, marks),
            Inline::Image { blob, name, alt } => picture(out, blob, name, alt),
        }
    }
    out.push_str(close);
}

fn marked(out: &mut String, text: &str, marks: &Marks) {
    let mut closes: Vec<&str> = Vec::new();
    if let Some(href) = marks.link.as_deref().and_then(safe_href) {
        out.push_str("<a href=\"");
        escape(out, href);
        out.push_str("\" rel=\"noopener noreferrer nofollow\">");
        closes.push("</a>");
    }
    if let Some(user) = marks.mention.as_deref().and_then(|user| user.parse::<UserId>().ok()) {
        out.push_str(&format!("<span class=\"mention\" data-mention=\"{user}\">"));
        closes.push("</span>");
    }
    for (on, open, close) in [
        (marks.em, "<em>", "</em>"),
        (marks.strong, "<strong>", "</strong>"),
        (marks.strike, "<s>", "</s>"),
        (marks.code, "<code>", "</code>"),
    ] {
        if on {
            out.push_str(open);
            closes.push(close);
        }
    }
    escape(out, text);
    closes.iter().rev().for_each(|close| out.push_str(close));
}

fn picture(out: &mut String, blob: &str, name: &str, alt: &str) {
    let Ok(id) = blob.parse::<BlobId>() else { return };
    out.push_str(&format!("<img src=\"/api/v1/files/{id}/"));
    out.push_str(&percent(if name.is_empty() { "image" } else { name }));
    out.push_str(&format!("\" data-blob=\"{id}\" data-name=\""));
    escape(out, name);
    out.push_str("\" alt=\"");
    escape(out, if alt.is_empty() { name } else { alt });
    out.push_str("\">");
}

/// An address that a link may lead to; anything else is text.
fn safe_href(href: &str) -> Option<&str> {
    let href = href.trim();
    let begins = |scheme: &str| href.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    let local = href.starts_with('/') && !href.starts_with("//") && !href.starts_with("/\\");
    let plain = !href.chars().any(char::is_control);
    (plain && (local || ["http:", "https:", "mailto:", "tel:"].into_iter().any(begins))).then_some(href)
}

fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0' => {}
            letter => out.push(letter),
        }
    }
}

fn percent(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Lines as plain words.
pub fn plain(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        for inline in &line.inlines {
            match inline {
                Inline::Text { text, .. } => out.push_str(text),
                Inline::Image { alt, name, .. } => out.push_str(if alt.is_empty() { name } else { alt }),
            }
        }
        out.push('\n');
    }
    out.truncate(out.trim_end_matches('\n').len());
    out
}

/// Lines as Markdown.
pub fn markdown(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut counts = Counts::default();
    let mut before: Option<Kind> = None;
    for line in lines {
        let number = counts.next(line);
        let is_item = |kind: Kind| matches!(kind, Kind::Bullet | Kind::Ordered | Kind::Todo(_));
        // Items of one list stand close, everything else apart.
        if before.is_some_and(|before| !(is_item(before) && is_item(line.kind))) {
            out.push('\n');
        }
        before = Some(line.kind);
        let indent = "    ".repeat(line.depth);
        match line.kind {
            Kind::Heading(level) => out.push_str(&format!("{} ", "#".repeat(usize::from(level) + 1))),
            Kind::Bullet => out.push_str(&format!("{indent}- ")),
            Kind::Ordered => out.push_str(&format!("{indent}{number}. ")),
            Kind::Todo(ticked) => out.push_str(&format!("{indent}- [{}] ", if ticked { "x" } else { " " })),
            Kind::Quote => out.push_str("> "),
            Kind::Divider => out.push_str("---"),
            Kind::Code => {
                fence(&mut out, line);
                continue;
            }
            Kind::Paragraph => {}
        }
        for inline in &line.inlines {
            markdown_inline(&mut out, inline);
        }
        out.push('\n');
    }
    out
}

/// A fence longer than any in the code.
fn fence(out: &mut String, line: &Line) {
    let text = plain(std::slice::from_ref(line));
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    out.push_str(&format!("{fence}\n{text}\n{fence}\n"));
}

fn markdown_inline(out: &mut String, inline: &Inline) {
    match inline {
        Inline::Image { blob, name, alt } => {
            let mut shown = String::new();
            escape_markdown(&mut shown, if alt.is_empty() { name } else { alt });
            let blob = blob.parse::<BlobId>().map(|blob| blob.to_string()).unwrap_or_default();
            out.push_str(&format!("![{shown}](/api/v1/files/{blob}/{})", percent(name)));
        }
        Inline::Text { text, marks } => {
            // A sign at a space would not be read as one.
            let inner = text.trim();
            if inner.is_empty() {
                return out.push_str(text);
            }
            let at = text.find(inner).unwrap_or(0);
            let signs: Vec<&str> = [(marks.strong, "**"), (marks.em, "*"), (marks.strike, "~~")]
                .into_iter()
                .filter_map(|(on, sign)| on.then_some(sign))
                .collect();
            let link = marks.link.as_deref().and_then(safe_href);
            out.push_str(&text[..at]);
            if link.is_some() {
                out.push('[');
            }
            out.push_str(&signs.concat());
            if marks.code {
                out.push_str(&format!("`{}`", inner.replace('`', "'")));
            } else {
                escape_markdown(out, inner);
            }
            signs.iter().rev().for_each(|sign| out.push_str(sign));
            if let Some(href) = link {
                out.push_str(&format!("](<{}>)", href.replace(['<', '>'], "")));
            }
            out.push_str(&text[at + inner.len()..]);
        }
    }
}

fn escape_markdown(out: &mut String, text: &str) {
    for letter in text.chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '|' | '!') {
            out.push('\\');
        }
        out.push(if letter == '\n' { ' ' } else { letter });
    }
}

/// Numbers of numbered items, by depth.
#[derive(Default)]
struct Counts(Vec<usize>);

impl Counts {
    fn next(&mut self, line: &Line) -> usize {
        match line.kind {
            Kind::Ordered => {
                self.0.resize(line.depth + 1, 0);
                self.0[line.depth] += 1;
                self.0[line.depth]
            }
            Kind::Bullet | Kind::Todo(_) => {
                self.0.truncate(line.depth);
                1
            }
            _ => {
                self.0.clear();
                1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, marks: Marks) -> Inline {
        Inline::Text { text: text.into(), marks }
    }

    #[test]
    fn nothing_that_somebody_wrote_becomes_an_element_or_a_dangerous_address() {
        let link = Marks { link: Some("javascript:alert(1)".into()), ..Marks::default() };
        let mention = Marks { mention: Some("\"><script>".into()), ..Marks::default() };
        let image = Inline::Image { blob: "\" onerror=\"x".into(), name: "n".into(), alt: "a".into() };
        let inlines = vec![text("<script>&\"'", Marks::default()), text("l", link), text("m", mention), image];
        let html = html(&[Line { kind: Kind::Paragraph, depth: 0, inlines }]);
        assert_eq!(html, "<p>&lt;script&gt;&amp;&quot;&#39;lm</p>\n");
        let local = Marks { link: Some("/g/x\" onclick=\"y".into()), ..Marks::default() };
        let html = super::html(&[Line { kind: Kind::Quote, depth: 0, inlines: vec![text("l", local)] }]);
        assert!(html.contains("href=\"/g/x&quot; onclick=&quot;y\""), "{html}");
        for href in ["//evil", "/\\evil", "data:text/html,x", "java\nscript:x", "vbscript:x"] {
            assert_eq!(safe_href(href), None, "{href}");
        }
    }

    #[test]
    fn a_page_becomes_markdown() {
        let strong = Marks { strong: true, ..Marks::default() };
        let link = Marks { link: Some("https://a.example".into()), ..Marks::default() };
        let ordered = |depth, words: &str| Line { depth, ..Line::plain(Kind::Ordered, words) };
        let lines = [
            Line::plain(Kind::Heading(1), "Minutes"),
            Line {
                kind: Kind::Paragraph,
                depth: 0,
                inlines: vec![text("All ", Marks::default()), text("agreed ", strong), text("here", link)],
            },
            ordered(0, "one"),
            ordered(1, "inner"),
            ordered(0, "two"),
            Line::plain(Kind::Todo(true), "a_b"),
            Line::new(Kind::Divider),
            Line::plain(Kind::Code, "x = 1;\ny"),
        ];
        let expected = "## Minutes\n\nAll **agreed** [here](<https://a.example>)\n\n1. one\n    1. inner\n2. two\n- [x] a\\_b\n\n---\n\n```\nx = 1;\ny\n```\n";
        assert_eq!(markdown(&lines), expected);
    }
}

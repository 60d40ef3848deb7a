//! Atom 1.0 and its draft 0.3, feeds and single entries. Text constructs of every type become HTML or one line.

use super::draft::{html_of_text, name_of};
use super::{Enclosure, Feed, Item, TITLE_CHARS_MAX};
use crate::xml::{Element, Ns};
use crate::{date, html};

pub(super) fn read(root: &Element) -> Feed {
    let ns = root.ns;
    if root.name == "entry" {
        let items = if root.cut { Vec::new() } else { vec![item(root, None)] };
        return Feed { title: title(root, ns), items, ..Feed::default() };
    }
    let description = root.child(ns, "subtitle").or_else(|| root.child(ns, "tagline")).map(html_of).unwrap_or_default();
    let icon = root.child(ns, "logo").or_else(|| root.child(ns, "icon"));
    let author = author(root);
    Feed {
        title: title(root, ns),
        site_url: link(root),
        description: html::to_text(&description, super::DESCRIPTION_CHARS_MAX),
        icon: icon.and_then(|icon| icon.link(&icon.text())),
        items: root
            .elements()
            .filter(|element| element.is(ns, "entry") && !element.cut)
            .map(|entry| item(entry, author.as_deref()))
            .collect(),
        ..Feed::default()
    }
}

fn item(entry: &Element, feed_author: Option<&str>) -> Item {
    let ns = entry.ns;
    let content = entry.child(ns, "content").map(html_of).filter(|html| !html.trim().is_empty());
    let summary = entry.child(ns, "summary").map(html_of).filter(|html| !html.trim().is_empty());
    let media = || media_description(entry);
    let base = entry.child(ns, "content").or_else(|| entry.child(ns, "summary")).unwrap_or(entry).base.as_ref();
    let (html, summary_html) = match (content, summary) {
        (Some(content), summary) => (content, summary),
        (None, summary) => (summary.or_else(media).unwrap_or_default(), None),
    };
    Item {
        guid: entry.child_text(ns, "id").unwrap_or_default(),
        title: title(entry, ns),
        // Many use the address as the id and then leave the link out.
        url: link(entry).or_else(|| {
            let id = entry.child_text(ns, "id").filter(|id| id.starts_with("http"))?;
            entry.link(&id)
        }),
        author: author(entry)
            .or_else(|| author(entry.child(ns, "source")?))
            .or_else(|| name_of(&entry.child_text(Ns::DublinCore, "creator")?))
            .or_else(|| feed_author.map(str::to_owned)),
        published: time(entry, &["published", "issued", "created"]),
        updated: time(entry, &["updated", "modified"]),
        html,
        summary_html,
        base_url: base.map(|base| base.to_string()).unwrap_or_default(),
        enclosures: enclosures(entry),
        categories: entry
            .elements()
            .filter_map(|child| match (child.ns, child.name.as_str()) {
                (found, "category") if found == ns => {
                    child.attribute("label").or(child.attribute("term")).map(str::to_owned).or_else(|| child.trimmed())
                }
                (Ns::DublinCore, "subject") => child.trimmed(),
                _ => None,
            })
            .collect(),
        ..Item::default()
    }
}

fn title(element: &Element, ns: Ns) -> String {
    let Some(title) = element.child(ns, "title") else { return String::new() };
    match kind(title) {
        Kind::Text => title.text(),
        Kind::Html | Kind::Markup => html::to_line(&html_of(title), TITLE_CHARS_MAX),
        Kind::Else => String::new(),
    }
}

enum Kind {
    Text,
    /// Escaped HTML.
    Html,
    /// HTML written as elements.
    Markup,
    /// Pictures and other data.
    Else,
}

/// The type of a text construct, also as version 0.3 writes it (`mode`), also when it is wrong.
fn kind(element: &Element) -> Kind {
    let media = element.attribute("type").unwrap_or("text").trim().to_ascii_lowercase();
    let mode = element.attribute("mode").map(str::to_ascii_lowercase);
    let has_elements = element.elements().next().is_some();
    match (media.as_str(), mode.as_deref()) {
        (_, Some("base64")) => Kind::Else,
        ("xhtml" | "application/xhtml+xml", Some("escaped")) => Kind::Html,
        ("xhtml" | "application/xhtml+xml", _) => Kind::Markup,
        _ if has_elements => Kind::Markup,
        ("html" | "text/html", _) => Kind::Html,
        ("text" | "text/plain" | "", _) => Kind::Text,
        (other, _) if other.starts_with("text/") => Kind::Text,
        (other, _) if other.ends_with("+xml") || other.ends_with("/xml") => Kind::Markup,
        _ => Kind::Else,
    }
}

fn html_of(element: &Element) -> String {
    match kind(element) {
        Kind::Text => html_of_text(&element.text()),
        Kind::Html => element.text(),
        // An XHTML text that was escaped all the same: its markup is in the text.
        Kind::Markup if element.elements().next().is_none() => element.text(),
        Kind::Markup => element.inner_markup(),
        Kind::Else => String::new(),
    }
}

/// The alternate link, a web page before others.
fn link(element: &Element) -> Option<String> {
    let alternates = element.elements().filter(|child| {
        child.is(element.ns, "link") && child.attribute("rel").is_none_or(|rel| matches!(rel.trim(), "alternate" | ""))
    });
    let page = |child: &&Element| child.attribute("type").is_none_or(|media| media.contains("html"));
    let all: Vec<&Element> = alternates.collect();
    let chosen = all.iter().find(|child| page(child)).or(all.first());
    let own = chosen.and_then(|child| child.link(child.attribute("href")?));
    // Content that is only a reference is the page itself.
    own.or_else(|| element.child(element.ns, "content").and_then(|content| content.link(content.attribute("src")?)))
}

fn author(element: &Element) -> Option<String> {
    let author = element.child(element.ns, "author")?;
    author.child_text(element.ns, "name").or_else(|| author.child_text(element.ns, "email")).or_else(|| {
        // Some write the name without its element.
        author.elements().next().is_none().then(|| author.trimmed())?
    })
}

fn enclosures(entry: &Element) -> Vec<Enclosure> {
    entry
        .elements()
        .filter(|child| {
            child.is(entry.ns, "link") && child.attribute("rel").is_some_and(|rel| rel.trim() == "enclosure")
        })
        .take(super::ENCLOSURES_MAX)
        .filter_map(|child| {
            Some(Enclosure {
                url: child.link(child.attribute("href")?)?,
                media_type: child.attribute("type").map(str::to_owned),
                length: child.attribute("length").and_then(|text| text.trim().parse().ok()).filter(|bytes| *bytes > 0),
            })
        })
        .collect()
}

/// Film sites put their text into a media group.
fn media_description(entry: &Element) -> Option<String> {
    let group = entry.child(Ns::Media, "group").unwrap_or(entry);
    group.child_text(Ns::Media, "description").map(|text| html_of_text(&text))
}

fn time(entry: &Element, names: &[&str]) -> Option<i64> {
    names.iter().find_map(|name| date::parse(&entry.child_text(entry.ns, name)?))
}

//! RSS 0.9 to 2.0 and RSS 1.0: items inside the channel or beside it, with the modules that matter.

use std::time::Duration;

use super::draft::{name_of, with_paragraphs};
use super::{Enclosure, Feed, Item, TITLE_CHARS_MAX};
use crate::xml::{Element, Ns};
use crate::{date, html};

pub(super) fn read(root: &Element) -> Feed {
    let channel = root.child(Ns::Plain, "channel").unwrap_or(root);
    let site_url = link(channel);
    let mut feed = Feed {
        title: line(channel, Ns::Plain, "title").or_else(|| line(channel, Ns::DublinCore, "title")).unwrap_or_default(),
        description: first(channel, &[(Ns::Plain, "description"), (Ns::Plain, "tagline"), (Ns::Itunes, "summary")])
            .map(|text| html::to_text(&text, super::DESCRIPTION_CHARS_MAX))
            .unwrap_or_default(),
        icon: icon(channel).or_else(|| icon(root)),
        ttl: channel
            .child_text(Ns::Plain, "ttl")
            .and_then(|text| text.parse().ok())
            .map(|m: u32| Duration::from_secs(u64::from(m) * 60)),
        site_url,
        ..Feed::default()
    };
    let beside = if std::ptr::eq(channel, root) { None } else { Some(root) };
    for parent in std::iter::once(channel).chain(beside) {
        // RSS 1.0 drafts wrap the items once more.
        let wrapped = parent.child(Ns::Plain, "items").into_iter().flat_map(Element::elements);
        let items = parent.elements().chain(wrapped).filter(|element| element.is(Ns::Plain, "item") && !element.cut);
        feed.items.extend(items.map(item));
    }
    feed
}

fn item(element: &Element) -> Item {
    let guid = element
        .child(Ns::Plain, "guid")
        .or_else(|| element.child(Ns::Atom, "id"))
        .or_else(|| element.child(Ns::Plain, "id"));
    // The attribute names an item in RSS 1.0.
    let about = || element.attribute("rdf:about").or(element.attribute("about")).map(str::to_owned);
    let id =
        guid.and_then(Element::trimmed).or_else(about).or_else(|| element.child_text(Ns::DublinCore, "identifier"));
    let permalink = guid
        .filter(|guid| {
            guid.name == "guid"
                && guid.attribute("ispermalink").is_none_or(|text| !text.trim().eq_ignore_ascii_case("false"))
        })
        .and_then(|guid| id.as_deref().filter(|text| text.starts_with("http")).and_then(|text| guid.link(text)));
    let url = link(element).or(permalink);
    let content = first(
        element,
        &[(Ns::Content, "encoded"), (Ns::Atom, "content"), (Ns::Xhtml, "body"), (Ns::Plain, "fullitem")],
    );
    let summary = first(
        element,
        &[
            (Ns::Plain, "description"),
            (Ns::Atom, "summary"),
            (Ns::Plain, "summary"),
            (Ns::Media, "description"),
            (Ns::Itunes, "summary"),
            (Ns::DublinCore, "description"),
        ],
    );
    let (html, summary_html) = match (content, summary) {
        (Some(content), summary) => (content, summary),
        (None, summary) => (summary.unwrap_or_default(), None),
    };
    let base = element.attribute("xml:base").is_none().then_some(url.as_deref()).flatten();
    Item {
        guid: id.unwrap_or_default(),
        title: line(element, Ns::Plain, "title")
            .or_else(|| line(element, Ns::DublinCore, "title"))
            .or_else(|| line(element, Ns::Media, "title"))
            .unwrap_or_default(),
        author: author(element),
        published: time(
            element,
            &[
                (Ns::Plain, "pubdate"),
                (Ns::DublinCore, "date"),
                (Ns::DublinCore, "issued"),
                (Ns::DublinCore, "created"),
                (Ns::Atom, "published"),
                (Ns::Plain, "date"),
            ],
        ),
        updated: time(element, &[(Ns::Atom, "updated"), (Ns::DublinCore, "modified"), (Ns::Plain, "updated")]),
        html: with_paragraphs(&html),
        summary_html: summary_html.map(|text| with_paragraphs(&text)),
        base_url: base
            .map(str::to_owned)
            .or_else(|| element.base.as_ref().map(|base| base.to_string()))
            .unwrap_or_default(),
        enclosures: enclosures(element),
        categories: element
            .elements()
            .filter(|child| child.is(Ns::Plain, "category") || child.is(Ns::DublinCore, "subject"))
            .filter_map(Element::trimmed)
            .collect(),
        url,
        ..Item::default()
    }
}

/// The link as text (RSS) or attribute (Atom inside RSS, also without its namespace).
fn link(element: &Element) -> Option<String> {
    let alternate = |child: &&Element| child.attribute("rel").is_none_or(|rel| rel.eq_ignore_ascii_case("alternate"));
    let plain = element.elements().filter(|child| child.is(Ns::Plain, "link"));
    let atom = element.elements().filter(|child| child.is(Ns::Atom, "link"));
    plain.chain(atom).filter(alternate).find_map(|child| {
        let text = child.trimmed();
        child.link(text.as_deref().or(child.attribute("href"))?)
    })
}

fn icon(element: &Element) -> Option<String> {
    let image = element.child(Ns::Plain, "image");
    let plain = image.and_then(|image| image.link(&image.child_text(Ns::Plain, "url")?));
    plain
        .or_else(|| element.child(Ns::Itunes, "image").and_then(|image| image.link(image.attribute("href")?)))
        .or_else(|| element.child(Ns::Atom, "logo").and_then(|logo| logo.link(&logo.text())))
}

fn author(element: &Element) -> Option<String> {
    let names = [(Ns::DublinCore, "creator"), (Ns::Plain, "author"), (Ns::Itunes, "author")];
    names.iter().find_map(|(ns, name)| name_of(&line(element, *ns, name)?)).or_else(|| {
        let author = element.child(Ns::Atom, "author")?;
        author.child_text(Ns::Atom, "name").or_else(|| author.trimmed())
    })
}

fn enclosures(element: &Element) -> Vec<Enclosure> {
    let mut found: Vec<Enclosure> = Vec::new();
    let groups = element.elements().filter(|child| child.is(Ns::Media, "group")).flat_map(Element::elements);
    for child in element.elements().chain(groups) {
        let is_link = child.name == "link" && matches!(child.ns, Ns::Atom | Ns::Plain);
        let (address, length) = if child.is(Ns::Plain, "enclosure") {
            ("url", "length")
        } else if child.is(Ns::Media, "content") {
            ("url", "filesize")
        } else if is_link && child.attribute("rel") == Some("enclosure") {
            ("href", "length")
        } else {
            continue;
        };
        let Some(url) = child.attribute(address).and_then(|text| child.link(text)) else { continue };
        // Ten times the limit is room for doubles and keeps the search for them short.
        if found.len() >= super::ENCLOSURES_MAX * 10 || found.iter().any(|known| known.url == url) {
            continue;
        }
        found.push(Enclosure {
            url,
            media_type: child.attribute("type").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
            length: child.attribute(length).and_then(|text| text.trim().parse().ok()).filter(|bytes| *bytes > 0),
        });
    }
    found
}

/// The first child among these that is not empty, as HTML.
fn first(element: &Element, names: &[(Ns, &str)]) -> Option<String> {
    names.iter().find_map(|(ns, name)| {
        let inner = element.elements().filter(|child| child.is(*ns, name)).map(Element::inner_html);
        inner.into_iter().find(|html| !html.trim().is_empty())
    })
}

fn line(element: &Element, ns: Ns, name: &str) -> Option<String> {
    let text = html::to_line(&first(element, &[(ns, name)])?, TITLE_CHARS_MAX);
    (!text.is_empty()).then_some(text)
}

fn time(element: &Element, names: &[(Ns, &str)]) -> Option<i64> {
    names.iter().find_map(|(ns, name)| date::parse(&element.child_text(*ns, name)?))
}

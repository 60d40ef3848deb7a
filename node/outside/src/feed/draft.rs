//! Bounds and settles what the formats gave: lengths, identity, doubles. Knows no format.

use std::collections::HashMap;

use super::{
    AUTHOR_CHARS_MAX, CATEGORIES_MAX, DESCRIPTION_CHARS_MAX, ENCLOSURES_MAX, Feed, GUID_BYTES_MAX, HTML_BYTES_MAX,
    ITEMS_MAX, Item, TITLE_CHARS_MAX,
};
use crate::fetch::URL_BYTES_MAX;
use crate::html;

/// Characters of a category; a longer one is a sentence in the wrong place.
const CATEGORY_CHARS_MAX: usize = 60;
/// Bytes of a media type.
const MEDIA_TYPE_BYTES_MAX: usize = 100;

/// Applies every limit, gives each item its guid, keeps one of those with the same guid.
pub(super) fn settle(feed: &mut Feed) {
    feed.title = html::cut_line(&feed.title, TITLE_CHARS_MAX);
    feed.description = html::cut_line(&feed.description, DESCRIPTION_CHARS_MAX);
    feed.site_url = feed.site_url.take().filter(|url| url.len() <= URL_BYTES_MAX);
    feed.icon = feed.icon.take().filter(|url| url.len() <= URL_BYTES_MAX);
    for item in &mut feed.items {
        bound(item);
        item.guid = guid(item);
    }
    // An item that says nothing and leads nowhere cannot be shown.
    feed.items.retain(|item| {
        !(item.title.is_empty() && item.html.is_empty() && item.url.is_none() && item.enclosures.is_empty())
    });
    keep_newest_of_each(&mut feed.items);
    keep_newest(feed);
    for item in &mut feed.items {
        item.text = html::to_text(&item.html, html::TEXT_CHARS_MAX);
    }
}

fn bound(item: &mut Item) {
    item.title = html::cut_line(&item.title, TITLE_CHARS_MAX);
    item.url = item.url.take().filter(|url| url.len() <= URL_BYTES_MAX);
    item.author =
        item.author.take().map(|name| html::cut_line(&name, AUTHOR_CHARS_MAX)).filter(|name| !name.is_empty());
    truncate(&mut item.html, HTML_BYTES_MAX);
    if let Some(summary) = &mut item.summary_html {
        truncate(summary, HTML_BYTES_MAX);
    }
    item.enclosures.retain(|enclosure| enclosure.url.len() <= URL_BYTES_MAX);
    item.enclosures.truncate(ENCLOSURES_MAX);
    for enclosure in &mut item.enclosures {
        enclosure.media_type = enclosure.media_type.take().filter(|text| text.len() <= MEDIA_TYPE_BYTES_MAX);
    }
    let mut categories: Vec<String> = Vec::new();
    for category in item.categories.drain(..) {
        let category = html::cut_line(&category, CATEGORY_CHARS_MAX);
        if !category.is_empty() && !categories.contains(&category) && categories.len() < CATEGORIES_MAX {
            categories.push(category);
        }
    }
    item.categories = categories;
}

fn truncate(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}

/// The guid as given, else the link, else a hash of what the item says. Two sites that read the same document must come
/// to the same, so nothing of our own goes in.
fn guid(item: &Item) -> String {
    let given = item.guid.trim();
    if !given.is_empty() {
        if given.len() <= GUID_BYTES_MAX {
            return given.to_owned();
        }
        return format!("hash:{}", blake3::hash(given.as_bytes()).to_hex());
    }
    // With its fragment: change logs link each item to a place on one page.
    if let Some(url) = &item.url {
        return url.clone();
    }
    let mut hasher = blake3::Hasher::new();
    let attached = item.enclosures.first().map(|enclosure| enclosure.url.as_str()).unwrap_or_default();
    for part in [item.title.as_str(), &item.published.unwrap_or(0).to_string(), &item.html, attached] {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    format!("hash:{}", hasher.finalize().to_hex())
}

fn time(item: &Item) -> Option<i64> {
    item.updated.max(item.published)
}

/// Atom allows several states of one entry in a document: the newest counts, at the place of the first.
fn keep_newest_of_each(items: &mut Vec<Item>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Item> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        match places.get(&item.guid) {
            Some(&place) if time(&item) > time(&kept[place]) => kept[place] = item,
            Some(_) => {}
            None => {
                places.insert(item.guid.clone(), kept.len());
                kept.push(item);
            }
        }
    }
    *items = kept;
}

/// Of more than [`ITEMS_MAX`] items the newest stay, in the order of the document; without dates the first.
fn keep_newest(feed: &mut Feed) {
    if feed.items.len() <= ITEMS_MAX {
        return;
    }
    feed.dropped = feed.items.len() - ITEMS_MAX;
    let mut order: Vec<usize> = (0..feed.items.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(time(&feed.items[*at])));
    order.truncate(ITEMS_MAX);
    order.sort_unstable();
    let mut keep = order.into_iter().peekable();
    let mut at = 0;
    feed.items.retain(|_| {
        let stays = keep.next_if_eq(&at).is_some();
        at += 1;
        stays
    });
}

/// Plain text as HTML, with its paragraphs and lines.
pub(super) fn html_of_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    crate::xml::escape(text.trim(), &mut out);
    out.replace("\r\n", "\n").replace("\n\n", "<br><br>").replace('\n', "<br>")
}

/// HTML that has no tags at all is text whose empty lines are meant as paragraphs.
pub(super) fn with_paragraphs(html: &str) -> String {
    let html = html.trim();
    if html.contains('<') { html.to_owned() } else { html.replace("\r\n", "\n").replace("\n\n", "<br><br>") }
}

/// A person's name out of `mail@a.example (Name)`, `Name <mail@a.example>` or just a name or address.
pub(super) fn name_of(text: &str) -> Option<String> {
    let text = text.trim();
    let named = match (text.split_once('('), text.split_once('<')) {
        (Some((mail, name)), _) if mail.contains('@') => name.trim_end().trim_end_matches(')'),
        (_, Some((name, mail))) if mail.contains('@') => name,
        _ => text,
    };
    let named = named.trim().trim_matches('"');
    let named = if named.is_empty() { text } else { named };
    (!named.is_empty()).then(|| named.to_owned())
}

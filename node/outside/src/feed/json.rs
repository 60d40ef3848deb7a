//! JSON Feed 1.0 and 1.1, read leniently: a member of the wrong type counts as absent, except that a number may be an id.

use serde_json::{Map, Value};
use url::Url;

use super::draft::html_of_text;
use super::{Enclosure, Feed, FeedError, Item};
use crate::date;

/// Items looked at before limits are applied, so that a long list costs no more than a long XML document.
const ITEMS_READ_MAX: usize = 20_000;

type Object = Map<String, Value>;

pub(super) fn read(text: &str, base: Option<&Url>) -> Result<Feed, FeedError> {
    let value: Value = serde_json::from_str(text).map_err(|_| FeedError::NotAFeed)?;
    let root = value.as_object().ok_or(FeedError::NotAFeed)?;
    let version = text_of(root, "version").unwrap_or_default();
    let items = root.get("items").and_then(Value::as_array);
    // Some leave the version out; a title and a list of items is close enough.
    let looks_like_one = version.contains("jsonfeed.org") || (items.is_some() && root.contains_key("title"));
    if !looks_like_one {
        return Err(FeedError::NotAFeed);
    }
    let author = author(root);
    let objects = items.into_iter().flatten().filter_map(Value::as_object).take(ITEMS_READ_MAX);
    Ok(Feed {
        title: text_of(root, "title").unwrap_or_default().to_owned(),
        site_url: link(root, "home_page_url", base),
        description: text_of(root, "description").unwrap_or_default().to_owned(),
        icon: link(root, "icon", base).or_else(|| link(root, "favicon", base)),
        items: objects.map(|object| item(object, author.as_deref(), base)).collect(),
        ..Feed::default()
    })
}

fn item(object: &Object, feed_author: Option<&str>, base: Option<&Url>) -> Item {
    let html = text_of(object, "content_html").map(str::to_owned);
    let html = html.or_else(|| text_of(object, "content_text").map(html_of_text));
    let summary = text_of(object, "summary").map(html_of_text);
    let (html, summary_html) = match (html, summary) {
        (Some(html), summary) => (html, summary),
        (None, summary) => (summary.unwrap_or_default(), None),
    };
    let url = link(object, "url", base).or_else(|| link(object, "external_url", base));
    Item {
        guid: id(object),
        title: text_of(object, "title").unwrap_or_default().to_owned(),
        author: author(object).or_else(|| feed_author.map(str::to_owned)),
        published: text_of(object, "date_published").and_then(date::parse),
        updated: text_of(object, "date_modified").and_then(date::parse),
        html,
        summary_html,
        base_url: url.clone().or_else(|| base.map(Url::to_string)).unwrap_or_default(),
        enclosures: attachments(object, base),
        categories: object
            .get("tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect(),
        url,
        ..Item::default()
    }
}

/// Ids should be text; the standard asks readers to take numbers too.
fn id(object: &Object) -> String {
    match object.get("id") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn text_of<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn link(object: &Object, name: &str, base: Option<&Url>) -> Option<String> {
    let text = text_of(object, name)?;
    let url = match base {
        Some(base) => base.join(text),
        None => Url::parse(text),
    };
    url.ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from)
}

/// `authors` of version 1.1, `author` of version 1.0.
fn author(object: &Object) -> Option<String> {
    let authors = object.get("authors").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<&str> = authors
        .chain(object.get("author"))
        .filter_map(|author| author.as_object().and_then(|author| text_of(author, "name")).or(author.as_str()))
        .take(5)
        .collect();
    let mut unique: Vec<&str> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    (!unique.is_empty()).then(|| unique.join(", "))
}

fn attachments(object: &Object, base: Option<&Url>) -> Vec<Enclosure> {
    let list = object.get("attachments").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_object)
        .take(super::ENCLOSURES_MAX)
        .filter_map(|attachment| {
            Some(Enclosure {
                url: link(attachment, "url", base)?,
                media_type: text_of(attachment, "mime_type").map(str::to_owned),
                length: attachment.get("size_in_bytes").and_then(Value::as_u64),
            })
        })
        .collect()
}

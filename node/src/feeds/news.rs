//! Which items of a document are new, and what is posted of them. Pure.
//!
//! The engine knows what was posted; what was passed over is known only here. Each item leaves up to three marks: of its
//! key; of link, title and date, so that a feed that rewrites its guids does not bring everything a second time; and of
//! what it says, so that an item which changes is read again.

use archipel_outside::feed::{Feed, Item};
use archipel_outside::source::{origin_key, twin_key};
use protocol::engine::input::OutsideItem;
use std::collections::HashSet;

/// Items posted of a feed's first document: a screenful or two. The rest is history, which nobody in the group was there
/// for, and would push what people wrote out of sight.
pub const FIRST_ITEMS_MAX: usize = 20;
/// Changed items taken from one document: a correction concerns a few; a feed that rewrites everything has changed its
/// form, not its news.
pub const CHANGES_MAX: usize = 20;
/// Marks remembered of a source: two documents of the largest size. Older ones go first.
const MARKS_MAX: usize = 3_000;
/// Characters of an attached file's name.
const FILE_NAME_CHARS_MAX: usize = 80;
/// BLAKE3 context of the third mark; as [`TWIN_CONTEXT`].
const STATE_CONTEXT: &str = "archipel 2026 feed-item seen state v1";
/// BLAKE3 context of the second mark. Never leaves the node, so it may change at the price of one doubled document.
const TWIN_CONTEXT: &str = "archipel 2026 feed-item seen twin v1";

/// A short name of an item: 64 bits, so that two of one source do not meet by chance.
pub type Mark = u64;

/// Marks of the items that a source has shown before, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen(Vec<Mark>);

impl Seen {
    /// Reads a row; what is not whole is dropped.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (marks, _) = bytes.as_chunks::<8>();
        Self(marks.iter().take(MARKS_MAX).map(|mark| Mark::from_be_bytes(*mark)).collect())
    }

    /// The row.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|mark| mark.to_be_bytes()).collect()
    }

    /// Puts marks in front; what stood further back is moved up, not doubled.
    pub fn add(&mut self, marks: impl IntoIterator<Item = Mark>) {
        let mut known = HashSet::new();
        let mut all: Vec<Mark> = marks.into_iter().collect();
        all.append(&mut self.0);
        all.retain(|mark| known.insert(*mark));
        all.truncate(MARKS_MAX);
        self.0 = all;
    }
}

/// An item to post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// For the engine.
    pub item: OutsideItem,
    /// To be remembered once it is posted.
    pub marks: Vec<Mark>,
}

/// What a document brings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// To be posted in this order, the oldest first.
    pub fresh: Vec<Fresh>,
    /// Posted or passed over before, and different now.
    pub changed: Vec<Fresh>,
    /// Marks of everything else in the document.
    pub rest: Vec<Mark>,
}

/// Whether a source has been read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Never.
    First,
    /// It has.
    Later,
}

/// Sorts a document's items. `source` is the canonical address under which the feed was added.
pub fn pick(source: &str, feed: &Feed, seen: &Seen, visit: Visit) -> News {
    let known: HashSet<Mark> = seen.0.iter().copied().collect();
    let max = if visit == Visit::First { FIRST_ITEMS_MAX } else { usize::MAX };
    let mut news = News::default();
    for item in newest_first(&feed.items) {
        let key = origin_key(source, &item.guid);
        let name = front(&key);
        let state = state_mark(&key, item);
        let marks: Vec<Mark> = [Some(name), twin_mark(source, item), Some(state)].into_iter().flatten().collect();
        if known.contains(&name) && !known.contains(&state) {
            // What is over the limit leaves no mark: the next poll finds it changed.
            if news.changed.len() < CHANGES_MAX {
                news.changed.push(Fresh { item: outside(item, key), marks });
            }
        } else if news.fresh.len() >= max || marks.iter().any(|mark| known.contains(mark)) {
            news.rest.extend(marks);
        } else {
            news.fresh.push(Fresh { item: outside(item, key), marks });
        }
    }
    news.fresh.reverse();
    news
}

/// By date if all have one; else in the order of the document, which begins with the newest by custom.
pub fn newest_first(items: &[Item]) -> Vec<&Item> {
    let mut order: Vec<&Item> = items.iter().collect();
    if order.iter().all(|item| time(item).is_some()) {
        order.sort_by_key(|item| std::cmp::Reverse(time(item)));
    }
    order
}

fn time(item: &Item) -> Option<i64> {
    item.published.or(item.updated)
}

/// Link, title and date together: feeds of notices repeat link and title, but hardly to the second.
fn twin_mark(source: &str, item: &Item) -> Option<Mark> {
    let twin = twin_key(source, item.url.as_deref(), &item.title)?;
    let published = item.published?.to_be_bytes();
    Some(front(&blake3::derive_key(TWIN_CONTEXT, &[twin.as_slice(), &published].concat())))
}

/// What an item says. Figures count only through the date of change: counters of comments and views are no news.
fn state_mark(key: &[u8; 32], item: &Item) -> Mark {
    let letters: String = item.title.chars().chain(item.text.chars()).filter(|c| c.is_alphabetic()).collect();
    let url = item.url.as_deref().unwrap_or_default();
    let updated = item.updated.unwrap_or_default().to_be_bytes();
    let parts = [key.as_slice(), &updated, &(url.len() as u64).to_be_bytes(), url.as_bytes(), letters.as_bytes()];
    front(&blake3::derive_key(STATE_CONTEXT, &parts.concat()))
}

/// Links to an item's attached files, as a paragraph of their own.
fn files(item: &Item) -> String {
    let shown = item.enclosures.iter().filter(|file| item.url.as_ref() != Some(&file.url));
    let links: Vec<String> = shown.map(|file| format!("[{}](<{}>)", file_name(&file.url), safe(&file.url))).collect();
    links.join(" · ")
}

/// An address that cannot end the link around it early.
fn safe(url: &str) -> String {
    url.chars().filter(|c| !matches!(c, '<' | '>' | '\n' | '\r')).collect()
}

/// The last part of a path, reduced to what needs no escaping.
fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let name: String = last.chars().filter(plain).take(FILE_NAME_CHARS_MAX).collect();
    if name.is_empty() { "…".into() } else { name }
}

fn front(key: &[u8; 32]) -> Mark {
    key.first_chunk().copied().map_or(0, Mark::from_be_bytes)
}

fn outside(item: &Item, origin_key: [u8; 32]) -> OutsideItem {
    let url = item.url.clone().or_else(|| item.enclosures.first().map(|file| file.url.clone()));
    let mut text = item.markdown();
    let files = files(item);
    if !files.is_empty() {
        text = if text.is_empty() { files } else { format!("{text}\n\n{files}") };
    }
    if text.is_empty() && item.title.is_empty() {
        // A link alone is shown as what it is.
        text = url.as_deref().map(|url| format!("<{url}>")).unwrap_or_default();
    }
    OutsideItem {
        origin_key,
        title: item.title.clone(),
        text,
        url,
        published: time(item).and_then(|at| u64::try_from(at).ok()),
        author: item.author.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use archipel_outside::feed::Enclosure;

    const SOURCE: &str = "https://a.example/feed";

    fn item(n: i64) -> Item {
        Item {
            guid: format!("id-{n}"),
            title: format!("Item {n}"),
            url: Some(format!("https://a.example/{n}")),
            published: Some(n * 1_000),
            html: format!("<p>Text <b>{n}</b></p>"),
            ..Item::default()
        }
    }

    fn feed(items: Vec<Item>) -> Feed {
        Feed { items, ..Feed::default() }
    }

    fn titles(news: &News) -> Vec<&str> {
        news.fresh.iter().map(|fresh| fresh.item.title.as_str()).collect()
    }

    /// What is seen when everything was posted.
    fn after(mut seen: Seen, news: &News) -> Seen {
        seen.add(news.rest.iter().copied());
        seen.add(news.fresh.iter().flat_map(|fresh| fresh.marks.clone()));
        seen
    }

    #[test]
    fn the_first_document_brings_only_its_newest_items_the_oldest_first() {
        let news = pick(SOURCE, &feed((1..=100).rev().map(item).collect()), &Seen::default(), Visit::First);
        assert_eq!(news.fresh.len(), FIRST_ITEMS_MAX);
        assert_eq!(titles(&news).first(), Some(&"Item 81"));
        assert_eq!(titles(&news).last(), Some(&"Item 100"));
    }

    #[test]
    fn what_was_passed_over_does_not_come_with_the_next_document() {
        let first = pick(SOURCE, &feed((1..=100).map(item).collect()), &Seen::default(), Visit::First);
        let seen = after(Seen::default(), &first);
        let second = pick(SOURCE, &feed((1..=103).map(item).collect()), &seen, Visit::Later);
        assert_eq!(titles(&second), ["Item 101", "Item 102", "Item 103"]);
        let seen = after(seen, &second);
        let empty = pick(SOURCE, &feed(Vec::new()), &seen, Visit::Later);
        let seen = after(seen, &empty);
        let again = pick(SOURCE, &feed((1..=103).map(item).collect()), &seen, Visit::Later);
        assert_eq!(titles(&again), Vec::<&str>::new(), "not even after an empty document");
    }

    #[test]
    fn without_dates_the_document_begins_with_the_newest() {
        let undated = |n| Item { published: None, ..item(n) };
        let news = pick(SOURCE, &feed(vec![undated(2), item(9), undated(1)]), &Seen::default(), Visit::Later);
        assert_eq!(titles(&news), ["Item 1", "Item 9", "Item 2"]);
    }

    #[test]
    fn rewritten_guids_do_not_bring_everything_again() {
        let first = pick(SOURCE, &feed(vec![item(1), item(2)]), &Seen::default(), Visit::First);
        let seen = after(Seen::default(), &first);
        let renamed = |n| Item { guid: format!("new-{n}"), ..item(n) };
        let second = pick(SOURCE, &feed(vec![renamed(1), renamed(2), renamed(3)]), &seen, Visit::Later);
        assert_eq!(titles(&second), ["Item 3"]);
    }

    #[test]
    fn notices_with_one_link_and_title_stay_apart_by_their_dates() {
        let notice = |n: i64| Item { title: "Road closed".into(), url: Some("https://a.example/".into()), ..item(n) };
        let news = pick(SOURCE, &feed(vec![notice(1), notice(2)]), &Seen::default(), Visit::Later);
        let later = pick(SOURCE, &feed(vec![notice(3)]), &after(Seen::default(), &news), Visit::Later);
        assert_eq!((news.fresh.len(), later.fresh.len()), (2, 1));
    }

    #[test]
    fn an_item_becomes_markdown_with_its_link_and_date() {
        let news = pick(SOURCE, &feed(vec![item(7)]), &Seen::default(), Visit::First);
        let posted = &news.fresh[0].item;
        assert_eq!(posted.text, "Text **7**");
        assert_eq!(posted.url.as_deref(), Some("https://a.example/7"));
        assert_eq!(posted.published, Some(7_000));
        assert_eq!(posted.origin_key, origin_key(SOURCE, "id-7"));
    }

    #[test]
    fn an_item_that_is_only_a_file_leads_to_the_file() {
        let url = "https://a.example/talk.mp3".to_owned();
        let enclosures = vec![Enclosure { url: url.clone(), media_type: None, length: None }];
        let only = Item { guid: "1".into(), published: Some(-5), enclosures, ..Item::default() };
        let news = pick(SOURCE, &feed(vec![only]), &Seen::default(), Visit::First);
        let posted = &news.fresh[0].item;
        assert_eq!(posted.url.as_deref(), Some(url.as_str()));
        assert_eq!(posted.text, format!("[talk.mp3](<{url}>)"));
        assert_eq!(posted.published, None, "a time before 1970 is no time");
    }

    #[test]
    fn an_item_that_changes_is_read_again_and_one_whose_counters_move_is_not() {
        let first = pick(SOURCE, &feed(vec![item(1), item(2)]), &Seen::default(), Visit::First);
        let seen = after(Seen::default(), &first);
        let counted = Item { text: "12 views".into(), ..item(1) };
        let corrected = Item { text: "The road is open".into(), ..item(2) };
        let later = pick(SOURCE, &feed(vec![counted.clone(), corrected.clone()]), &seen, Visit::Later);
        assert_eq!(later.fresh, []);
        assert_eq!(later.changed.len(), 2, "words were added to both");
        let mut seen = after(seen, &later);
        seen.add(later.changed.iter().flat_map(|changed| changed.marks.clone()));
        let moved = Item { text: "13 views".into(), ..item(1) };
        let quiet = pick(SOURCE, &feed(vec![moved, corrected]), &seen, Visit::Later);
        assert_eq!((quiet.fresh, quiet.changed), (Vec::new(), Vec::new()));
        let dated = Item { updated: Some(9), ..counted };
        assert_eq!(pick(SOURCE, &feed(vec![dated]), &seen, Visit::Later).changed.len(), 1);
    }

    #[test]
    fn a_document_written_anew_brings_only_some_of_its_changes() {
        let all: Vec<Item> = (1..=60).map(item).collect();
        let first = pick(SOURCE, &feed(all.clone()), &Seen::default(), Visit::First);
        let seen = after(Seen::default(), &first);
        let anew = all.into_iter().map(|item| Item { text: "other".into(), ..item }).collect();
        assert_eq!(pick(SOURCE, &feed(anew), &seen, Visit::Later).changed.len(), CHANGES_MAX);
    }

    #[test]
    fn attached_files_are_linked_and_cannot_break_out_of_their_link() {
        let url = "https://a.example/a](b)/le_ton%20x.mp3?x=>y".to_owned();
        let enclosures = vec![Enclosure { url, media_type: None, length: None }];
        let with = Item { enclosures, author: Some("Ann".into()), ..item(3) };
        let news = pick(SOURCE, &feed(vec![with]), &Seen::default(), Visit::First);
        let posted = &news.fresh[0].item;
        assert_eq!(posted.text, "Text **3**\n\n[leton20x.mp3](<https://a.example/a](b)/le_ton%20x.mp3?x=y>)");
        assert_eq!(posted.author.as_deref(), Some("Ann"));
    }

    #[test]
    fn marks_are_bounded_and_survive_the_disk() {
        let mut seen = Seen::default();
        seen.add(0..MARKS_MAX as Mark);
        seen.add([5, MARKS_MAX as Mark]);
        assert_eq!(seen.0.len(), MARKS_MAX);
        assert_eq!(seen.0[..3], [5, MARKS_MAX as Mark, 0]);
        assert!(!seen.0.contains(&(MARKS_MAX as Mark - 1)), "the oldest went");
        assert_eq!(Seen::from_bytes(&seen.to_bytes()), seen);
        assert_eq!(Seen::from_bytes(&[1, 2, 3]), Seen::default());
    }
}

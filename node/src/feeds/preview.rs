//! Looking at a feed before it is added, and reading lists of feeds. A page in place of a feed leads to the feed that it
//! names.

use super::trouble;
use super::web::{Web, canonical, parse, read};
use crate::http::ports::{FeedError, FeedItem, FeedPreview, OpmlFeed};
use archipel_outside::feed::{self, Feed};
use archipel_outside::fetch::{Fetched, Request};
use archipel_outside::{html, opml};
use std::time::Duration;
use url::Url;

/// Feeds tried of one page: pages name the feed of articles first, that of comments after it.
const OFFERS_MAX: usize = 3;
/// Time for the whole, a page and its feeds together: a person waits.
const TIME_MAX: Duration = Duration::from_secs(20);
/// Items shown.
const ITEMS_MAX: usize = 10;

/// What stands at an address.
enum Found {
    Feed { url: String, feed: Box<Feed> },
    Page { url: String, offers: Vec<String> },
}

/// Fetches an address once; of a page, the first feed it names that can be read.
///
/// # Errors
/// What is wrong with the address or with what stands there.
pub async fn preview(web: &Web, url: &str) -> Result<FeedPreview, FeedError> {
    let url = canonical(url)?;
    match tokio::time::timeout(TIME_MAX, look(web, &url)).await {
        Ok(found) => found,
        Err(_) => Err(trouble::of_fetch(&archipel_outside::fetch::FetchError::Timeout { seconds: TIME_MAX.as_secs() })),
    }
}

async fn look(web: &Web, url: &str) -> Result<FeedPreview, FeedError> {
    let (page, offers) = match find(web, url).await? {
        Found::Feed { url, feed } => return Ok(shown(url, *feed)),
        Found::Page { url, offers } => (url, offers),
    };
    let mut first = None;
    for offer in offers.into_iter().filter(|offer| may_follow(web, url, offer)).take(OFFERS_MAX) {
        match find(web, &offer).await {
            Ok(Found::Feed { url, feed }) => return Ok(shown(url, *feed)),
            Ok(Found::Page { .. }) => {}
            Err(error) => first = first.or(Some(error)),
        }
    }
    tracing::debug!(page, "a page names no feed that can be read");
    Err(first.unwrap_or_else(|| trouble::of_feed(feed::FeedError::WebPage)))
}

/// A foreign page must not steer this site into the internal origins that were opened for feeds: such a feed is added
/// by its own address.
fn may_follow(web: &Web, given: &str, offer: &str) -> bool {
    web.is_opened(given) || !web.is_opened(offer)
}

async fn find(web: &Web, url: &str) -> Result<Found, FeedError> {
    let (bytes, content_type, from, moved) = match web.fetch(Request::new(url)).await {
        Ok(Fetched::Document { bytes, content_type, final_url, permanent_redirect, .. }) => {
            (bytes, content_type, final_url, permanent_redirect)
        }
        // Not asked for, since no validators were sent.
        Ok(Fetched::NotModified { .. }) => return Err(trouble::of_feed(feed::FeedError::NotAFeed)),
        Err(error) => return Err(trouble::of_fetch(&error)),
    };
    let url = moved.and_then(|moved| canonical(&moved).ok()).unwrap_or_else(|| url.to_owned());
    let reading = move || match parse(&bytes, content_type.as_deref(), &from) {
        Ok(feed) => Ok(Found::Feed { url, feed: Box::new(feed) }),
        Err(feed::FeedError::WebPage) => {
            let offers = html::discover(&String::from_utf8_lossy(&bytes), &from);
            let offers = offers.into_iter().filter_map(|offer| canonical(&offer.url).ok()).collect();
            Ok(Found::Page { url, offers })
        }
        Err(error) => Err(error),
    };
    read(reading).await.map_err(trouble::of_feed)
}

fn shown(url: String, feed: Feed) -> FeedPreview {
    let host = || Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let title = if feed.title.is_empty() { host() } else { feed.title };
    let items = super::news::newest_first(&feed.items).into_iter().take(ITEMS_MAX).map(|item| FeedItem {
        title: if item.title.is_empty() {
            html::cut_line(&item.text, feed::TITLE_CHARS_MAX)
        } else {
            item.title.clone()
        },
        url: item.url.clone(),
        published: item.published.or(item.updated).and_then(|at| u64::try_from(at).ok()),
    });
    FeedPreview { title, site_url: feed.site_url, items: items.collect(), url }
}

/// Reads a list of feeds. Lines that cannot be added are given too, behind the others, so that whoever adds them can say
/// of each what is wrong with it.
///
/// # Errors
/// `opml_invalid`.
pub fn list(text: &str) -> Result<Vec<OpmlFeed>, FeedError> {
    // The text has been decoded on its way here; the mark says so, whatever the document declares.
    let marked = format!("\u{feff}{}", text.trim_start_matches('\u{feff}'));
    let list = opml::parse(marked.as_bytes())
        .map_err(|error| FeedError { code: trouble::listed(error.code()), message: error.message().to_owned() })?;
    let good =
        list.entries.into_iter().map(|entry| OpmlFeed { url: entry.url, title: entry.title, site_url: entry.site_url });
    let bad = list.skipped.into_iter().map(|line| OpmlFeed { url: line.url, title: line.title, site_url: None });
    Ok(good.chain(bad).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use archipel_outside::fetch::FetcherConfig;
    use std::sync::Arc;

    #[test]
    fn a_foreign_page_does_not_lead_into_opened_origins() {
        let (_folder, _, local) = crate::local::for_test();
        let inside = "http://intranet.example:8080";
        let config = FetcherConfig { allowed_origins: vec![inside.into()], ..FetcherConfig::default() };
        let web = Web::new(config, Arc::new(local)).unwrap();
        let (page, feed) = (format!("{inside}/page"), format!("{inside}/feed"));
        assert!(may_follow(&web, &page, &feed));
        assert!(may_follow(&web, &page, "https://a.example/feed"));
        assert!(may_follow(&web, "https://a.example/", "https://b.example/feed"));
        assert!(!may_follow(&web, "https://a.example/", &feed));
    }

    #[test]
    fn a_list_gives_all_its_lines_the_bad_ones_last() {
        let text = r#"<?xml version="1.0" encoding="ISO-8859-1"?><opml version="2.0"><body><outline text="Presse">
            <outline text="Ça" xmlUrl="ftp://a.example/f"/><outline text="Été" xmlUrl="HTTP://B.example/f#x"/>
            </outline></body></opml>"#;
        let feeds = list(text).unwrap();
        let lines: Vec<_> = feeds.iter().map(|feed| (feed.url.as_str(), feed.title.as_str())).collect();
        assert_eq!(lines, [("http://b.example/f", "Été"), ("ftp://a.example/f", "Ça")]);
        assert_eq!(list("nothing").unwrap_err().code, "opml_invalid");
    }

    #[test]
    fn an_address_has_one_form_or_is_refused() {
        assert_eq!(canonical("feed://A.example/x").unwrap(), "http://a.example/x");
        for text in ["", "javascript:alert(1)", &format!("https://a.example/{}", "x".repeat(3_000))] {
            assert_eq!(canonical(text).unwrap_err().code, "feed_refused_address");
        }
    }
}

//! Nothing foreign may panic, hang or grow: damaged documents, and documents built to be slow.

use std::time::{Duration, Instant};

use archipel_outside::{date, feed, html, opml, source};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

const SEEDS: &[&str] = &[
    r#"<?xml version="1.0" encoding="ISO-8859-1"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>T &amp; &#233;</title><link>http://a.example/</link><ttl>5</ttl><item><title>One &lt;b&gt;</title><guid>1</guid><author>a@b.example (Zoé)</author>
<pubDate>Sun, 22 Nov 2026 09:41:07 +0100</pubDate><content:encoded><![CDATA[<p>x <b>y</b> <a href="/z">z</a><ul><li>q</ul><pre>c</pre>]]></content:encoded></item></channel></rss>"#,
    r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://a.example/"><title type="html">é &amp;lt;</title><entry><id>1</id>
<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a<em>b</em></div></title><link href="x?a=1&amp;b=2"/><updated>2026-11-22T09:41:07.5Z</updated>
<content type="xhtml"><div><blockquote><p>q</p></blockquote><img src="i" alt="[x]"/></div></content></entry></feed>"#,
    r#"{"version":"https://jsonfeed.org/version/1.1","title":"é","items":[{"id":1,"content_html":"<p>&copy; *x*","url":"http://a.example/1","date_published":"2026-11-22"}]}"#,
    r#"<opml version="2.0"><head><title>x</title></head><body><outline text="f/é"><outline text="a" xmlUrl="feed://a.example/%c3"/></outline></body></opml>"#,
    r#"<html><head><base href="/x/"><link rel="alternate" type="application/rss+xml" href="f&amp;g" title="é"></head><body><table><tr><td>1<td>2</table>"#,
];

const TOKENS: &[&str] = &[
    "<",
    ">",
    "&",
    ";",
    "\"",
    "'",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<!DOCTYPE ",
    "<?",
    "?>",
    "</",
    "/>",
    "&#",
    "&#x",
    "&amp;",
    "é",
    "\0",
    "\u{feff}",
    "<item>",
    "</item>",
    "<entry>",
    "<b>",
    "</b>",
    "<i>",
    "<a href=\"http://x/(y)\">",
    "</a>",
    "<li>",
    "<ol>",
    "</ol>",
    "<blockquote>",
    "<pre>",
    "</pre>",
    "<br>",
    "<code>",
    "*",
    "`",
    "[",
    "](",
    "xmlns=''",
    "xml:base='http://[' ",
    "2026-02-30",
    "99999999999999999999",
    "\u{202e}",
    "<script>",
    "</script>",
    "<td>",
    "&Aacute;",
    "data:",
    "\n",
    "    ",
    "~~",
    "1. ",
    "<h1>",
    "</h1>",
    "\\",
];

#[derive(Clone, Debug)]
enum Damage {
    Insert(usize, usize),
    Byte(usize, u8),
    Delete(usize, usize),
    Repeat(usize, usize, usize),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = 0..4_000_usize;
    prop_oneof![
        4 => (at.clone(), 0..TOKENS.len()).prop_map(|(at, token)| Damage::Insert(at, token)),
        2 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        2 => (at.clone(), 1..60_usize).prop_map(|(at, length)| Damage::Delete(at, length)),
        2 => (at.clone(), 1..60_usize, 2..20_usize).prop_map(|(at, length, times)| Damage::Repeat(at, length, times)),
        1 => at.prop_map(Damage::Cut),
    ]
}

fn damaged(seed: usize, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = SEEDS[seed].as_bytes().to_vec();
    for damage in damages {
        let place = |at: usize, bytes: &[u8]| at % (bytes.len() + 1);
        match *damage {
            Damage::Insert(at, token) => {
                let at = place(at, &bytes);
                bytes.splice(at..at, TOKENS[token].bytes());
            }
            Damage::Byte(at, byte) => {
                let at = place(at, &bytes);
                if let Some(old) = bytes.get_mut(at) {
                    *old = byte;
                }
            }
            Damage::Delete(at, length) => {
                let at = place(at, &bytes);
                let end = bytes.len().min(at + length);
                bytes.drain(at..end);
            }
            Damage::Repeat(at, length, times) => {
                let at = place(at, &bytes);
                let end = bytes.len().min(at + length);
                let part = bytes[at..end].repeat(times);
                bytes.splice(at..at, part);
            }
            Damage::Cut(at) => {
                let at = place(at, &bytes);
                bytes.truncate(at);
            }
        }
    }
    bytes
}

/// Markdown made of foreign HTML holds no HTML and only web links.
fn check_markdown(markdown: &str) {
    assert!(markdown.len() < 4 * html::MARKDOWN_CHARS_MAX);
    for event in Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("html {html:?} in {markdown:?}"),
            Event::Start(Tag::Image { .. }) => panic!("picture in {markdown:?}"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(
                    dest_url.starts_with("http://") || dest_url.starts_with("https://"),
                    "{dest_url} in {markdown:?}"
                );
            }
            _ => {}
        }
    }
}

fn read_as_everything(bytes: &[u8]) {
    if let Ok(feed) = feed::parse(bytes, None, "http://base.example/feed") {
        assert!(feed.items.len() <= feed::ITEMS_MAX);
        for item in &feed.items {
            assert!(!item.guid.is_empty() && item.guid.len() <= feed::GUID_BYTES_MAX + 5);
            assert!(item.title.chars().count() <= feed::TITLE_CHARS_MAX);
            assert!(!item.title.contains(['\n', '\0']));
            check_markdown(&item.markdown());
        }
    }
    if let Ok(list) = opml::parse(bytes) {
        let again = opml::parse(opml::write(&list.title, &list.entries).as_bytes()).expect("our own list reads");
        assert_eq!(again.entries.len(), list.entries.len());
    }
    let text = String::from_utf8_lossy(bytes);
    check_markdown(&html::to_markdown(&text, "http://base.example/"));
    let _ = html::to_text(&text, 500);
    let _ = html::to_line(&text, 100);
    let _ = html::discover(&text, "http://base.example/");
    let _ = date::parse(&text);
    let _ = source::canonical_url(&text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_documents_never_panic(seed in 0..SEEDS.len(), damages in proptest::collection::vec(damage(), 0..12)) {
        read_as_everything(&damaged(seed, &damages));
    }

    #[test]
    fn markup_out_of_random_tokens_makes_safe_markdown(tokens in proptest::collection::vec(0..TOKENS.len(), 0..40), words in "[a-z#+=. -]{0,8}") {
        let html: String = tokens.iter().flat_map(|token| [TOKENS[*token], words.as_str()]).collect();
        check_markdown(&html::to_markdown(&html, "http://base.example/"));
    }

    #[test]
    fn any_short_text_is_a_date_or_not(text in "[0-9A-Za-zé:+., /-]{0,40}") {
        let _ = date::parse(&text);
    }

    #[test]
    fn canonical_addresses_are_a_fixed_point(path in "[ -~é]{0,30}") {
        if let Some(url) = source::canonical_url(&format!("http://a.example/{path}")) {
            prop_assert_eq!(source::canonical_url(&url), Some(url));
        }
    }
}

/// Fifty kilobytes of each pattern that has slowed some parser somewhere.
#[test]
fn documents_built_to_be_slow_are_read_in_time() {
    let bulk = 48 * 1024;
    let patterns = [
        "<",
        ">",
        "&",
        "&a",
        "&amp",
        "<a",
        "<a ",
        "<a a=",
        "<a a='",
        "</",
        "<!",
        "<!--",
        "<![CDATA[",
        "<!DOCTYPE",
        "<?",
        "]]>",
        "<a>",
        "</a>",
        "<a/>",
        "<b><i>",
        "<a href=x>",
        "<ul><li>",
        "<blockquote>",
        "<p",
        "<p/",
        "<p a",
        "\n",
        " ",
        "é",
        "[",
        "**",
        "`",
        "=data:",
        "<script>",
        "<svg>",
        "<td>",
        "<a href='http://x/'>y",
        "&#x41;",
        "&#",
        "<item>",
        "<item/>",
        "<x:y xmlns:x=''>",
        "1:",
        "<pre>`",
        "<b>x</b>",
        "<br>",
        "<title>",
        "<table><tr><td>x",
        "<!--x",
        "<item><enclosure url='http://x/'/>",
        "<item><title>x</title><category>y</category></item>",
    ];
    for pattern in patterns {
        let body = pattern.repeat(bulk / pattern.len());
        let in_feed = format!("<rss><channel><item><title>x</title><description><![CDATA[{body}");
        let closed =
            format!("<rss><channel><item><description><![CDATA[{body}]]></description></item></channel></rss>");
        let plain = format!("<rss><channel>{body}</channel></rss>");
        for document in [body.as_str(), &in_feed, &closed, &plain] {
            let start = Instant::now();
            let _ = feed::parse(document.as_bytes(), None, "http://base.example/")
                .map(|feed| feed.items.iter().for_each(|i| drop(i.markdown())));
            let _ = opml::parse(document.as_bytes());
            let _ = html::discover(document, "http://base.example/");
            let _ = html::to_line(document, 300);
            // An unoptimised build needs a tenth of a second; quadratic work over the whole would need far more.
            assert!(start.elapsed() < Duration::from_secs(5), "{pattern:?} took {:?}", start.elapsed());
        }
    }
}

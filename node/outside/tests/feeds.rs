//! Feeds in the shapes that common publishing programs write, and the rules of identity and limits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails loudly")]

use std::time::Duration;

use archipel_outside::feed::{self, Enclosure, Feed, FeedError, Item};
use archipel_outside::source::{canonical_url, origin_key, twin_key};

fn read(text: &str) -> Feed {
    feed::parse(text.as_bytes(), None, "https://a.example/blog/feed").unwrap()
}

fn rss(items: &str) -> Feed {
    read(&format!("<rss version='2.0'><channel><title>t</title>{items}</channel></rss>"))
}

fn only(feed: Feed) -> Item {
    assert_eq!(feed.items.len(), 1, "{feed:?}");
    feed.items.into_iter().next().unwrap()
}

#[test]
fn a_weblog_in_rss_2() {
    let feed = read(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
     xmlns:atom="http://www.w3.org/2005/Atom" xmlns:slash="http://purl.org/rss/1.0/modules/slash/">
<channel>
 <title>Carnet de l&#8217;atelier</title>
 <atom:link href="https://a.example/blog/feed" rel="self" type="application/rss+xml"/>
 <link>https://a.example/blog</link><description>Notes &amp; essais</description><ttl>60</ttl>
 <image><url>/logo.png</url><title>x</title><link>https://a.example/</link></image>
 <item>
  <title>L&amp;#8217;été <![CDATA[arrive &amp; <em>reste</em>]]></title>
  <link>https://a.example/blog/ete/</link><comments>https://a.example/blog/ete/#respond</comments>
  <dc:creator><![CDATA[Zoé]]></dc:creator><pubDate>Sun, 22 Nov 2026 09:41:07 +0000</pubDate>
  <category><![CDATA[Jardin]]></category><category>Jardin</category><category>Notes</category>
  <guid isPermaLink="false">https://a.example/?p=7</guid>
  <description><![CDATA[Un résumé [&#8230;]]]></description>
  <content:encoded><![CDATA[<p>Voir <a href="../plan.html">le plan</a>.</p><script>x()</script>]]></content:encoded>
  <slash:comments>3</slash:comments>
 </item>
</channel></rss>"#,
    );
    assert_eq!(feed.title, "Carnet de l’atelier");
    assert_eq!(feed.description, "Notes & essais");
    assert_eq!(feed.site_url.as_deref(), Some("https://a.example/blog"));
    assert_eq!(feed.icon.as_deref(), Some("https://a.example/logo.png"));
    assert_eq!(feed.ttl, Some(Duration::from_secs(3_600)));
    assert!(!feed.partial);
    let item = only(feed);
    assert_eq!(item.guid, "https://a.example/?p=7");
    assert_eq!(item.title, "L’été arrive & reste");
    assert_eq!(item.url.as_deref(), Some("https://a.example/blog/ete/"));
    assert_eq!(item.author.as_deref(), Some("Zoé"));
    assert_eq!(item.published, Some(1_795_340_467_000));
    assert_eq!(item.text, "Voir le plan.");
    assert_eq!(item.markdown(), "Voir [le plan](https://a.example/blog/plan.html).");
    assert_eq!(item.summary_html.as_deref(), Some("Un résumé [&#8230;]"));
    assert_eq!(item.categories, ["Jardin", "Notes"]);
}

#[test]
fn atom_with_xhtml_and_relative_links() {
    let feed = read(
        r#"<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://b.example/x/">
<title type="html">News &amp;amp; &lt;b>more&lt;/b></title><subtitle>What happens</subtitle><id>tag:b.example,2026:f</id>
<link rel="self" href="feed.atom"/><link href="/"/><icon>icon.png</icon><author><name>Desk</name></author>
<updated>2026-11-22T09:41:07Z</updated>
<entry><title>One &lt;T></title><id>tag:b.example,2026:1</id><link rel="enclosure" href="a.mp3" length="12" type="audio/mpeg"/>
 <link rel="alternate" type="application/json" href="1.json"/><link rel="alternate" type="text/html" href="1.html"/>
 <published>2026-11-20T00:00:00Z</published><updated>2026-11-21T00:00:00+01:00</updated><summary>Short</summary>
 <category term="law" label="Law"/>
 <content type="xhtml" xml:base="deep/"><div xmlns="http://www.w3.org/1999/xhtml"><p>See <a href="y">y</a> &amp; 1 &lt; 2.</p></div></content></entry>
<entry><title type="text">Two</title><id>tag:b.example,2026:2</id><author><name>Ann</name></author>
 <content type="text">line
line

para</content><updated>2026-11-21T00:00:00Z</updated></entry></feed>"#,
    );
    assert_eq!((feed.title.as_str(), feed.description.as_str()), ("News & more", "What happens"));
    assert_eq!(feed.site_url.as_deref(), Some("https://b.example/"));
    assert_eq!(feed.icon.as_deref(), Some("https://b.example/x/icon.png"));
    let [one, two] = feed.items.as_slice() else { panic!("two items") };
    assert_eq!((one.title.as_str(), one.url.as_deref()), ("One <T>", Some("https://b.example/x/1.html")));
    assert_eq!(one.author.as_deref(), Some("Desk"));
    assert_eq!(one.markdown(), "See [y](https://b.example/x/deep/y) & 1 \\< 2.");
    assert_eq!((one.published, one.updated), (Some(1_795_132_800_000), Some(1_795_215_600_000)));
    let sound =
        Enclosure { url: "https://b.example/x/a.mp3".into(), media_type: Some("audio/mpeg".into()), length: Some(12) };
    assert_eq!((&one.enclosures[..], &one.categories[..]), (&[sound][..], &["Law".to_owned()][..]));
    assert_eq!(two.author.as_deref(), Some("Ann"));
    assert_eq!(two.text, "line\nline\n\npara");
}

#[test]
fn rss_1_with_items_beside_the_channel() {
    let feed = read(
        r#"<!DOCTYPE rdf:RDF PUBLIC "-//x//EN" "http://x.example/rss.dtd">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://c.example/"><title>Journal</title><link>https://c.example/</link><description>d</description>
<items><rdf:Seq><rdf:li rdf:resource="https://c.example/1"/></rdf:Seq></items></channel>
<item rdf:about="https://c.example/1"><title>One</title><link>https://c.example/1</link><dc:date>2026-11-22</dc:date>
<dc:creator>Ann</dc:creator><dc:subject>law</dc:subject></item></rdf:RDF>"#,
    );
    assert_eq!(feed.title, "Journal");
    let item = only(feed);
    assert_eq!((item.guid.as_str(), item.published), ("https://c.example/1", Some(1_795_305_600_000)));
    assert_eq!((item.author.as_deref(), item.categories.join(",")), (Some("Ann"), "law".to_owned()));
}

#[test]
fn json_feeds_old_new_and_careless() {
    let feed = read(
        r#"{"version":"https://jsonfeed.org/version/1.1","title":"J","home_page_url":"https://d.example/","description":"about",
"icon":"i.png","authors":[{"name":"Ann"},{"name":"Bob"}],"items":[
{"id":7,"url":"/7","title":"Seven","content_html":"<p>x</p>","summary":"s","date_published":"2026-11-22T09:41:07Z","tags":["a",1],
 "attachments":[{"url":"https://d.example/f.mp3","mime_type":"audio/mpeg","size_in_bytes":5},{"mime_type":"x"}]},
{"id":"8","content_text":"a < b\nc","author":{"name":"Old"},"title":null,"date_modified":7},
"nonsense", null]}"#,
    );
    assert_eq!((feed.title.as_str(), feed.icon.as_deref()), ("J", Some("https://a.example/blog/i.png")));
    let [seven, eight] = feed.items.as_slice() else { panic!("two items: {feed:?}") };
    assert_eq!((seven.guid.as_str(), seven.url.as_deref()), ("7", Some("https://a.example/7")));
    assert_eq!((seven.author.as_deref(), seven.published), (Some("Ann, Bob"), Some(1_795_340_467_000)));
    assert_eq!((seven.enclosures.len(), seven.categories.len()), (1, 1));
    assert_eq!((eight.author.as_deref(), eight.text.as_str()), (Some("Old"), "a < b\nc"));
    assert!(read(r#" {"title":"no version","items":[]}"#).items.is_empty());
    for text in ["{}", "{", r#"{"version":1}"#, r#"{"items":[]}"#, "[1]", &format!("{{\"a\":{}", "[".repeat(100_000))] {
        assert!(feed::parse(text.as_bytes(), None, "").is_err(), "{}", &text[..text.len().min(40)]);
    }
}

#[test]
fn old_and_careless_versions_of_rss() {
    for start in [
        "<rss>",
        "<rss version='0.91'>",
        "<rss version='2.0.1'>",
        "<RSS version='9'>",
        "<rss xmlns='http://odd.example/'>",
        "<rss xmlns='http://backend.userland.com/rss2'>",
        "\u{feff}\n \n<rss>",
        "Warning: x in y\n<rss>",
        "<!-- c --><rss>",
    ] {
        let feed = read(&format!("{start}<channel><title>AT&T</title><ITEM><Title>a</Title></ITEM></channel></rss>"));
        assert_eq!((feed.title.as_str(), feed.items.len()), ("AT&T", 1), "{start}");
    }
}

#[test]
fn declared_and_undeclared_encodings() {
    let body =
        |declared: &str| format!("<?xml version='1.0'{declared}?><rss><channel><title>été “€”</title></channel></rss>");
    let latin: Vec<u8> = body(" encoding='windows-1252'")
        .chars()
        .map(|c| match c {
            '“' => 0x93,
            '”' => 0x94,
            '€' => 0x80,
            c => u8::try_from(u32::from(c)).unwrap(),
        })
        .collect();
    let undeclared: Vec<u8> = latin.iter().copied().skip(latin.iter().position(|b| *b == b'>').unwrap() + 1).collect();
    for (bytes, content_type) in [
        (body("").into_bytes(), None),
        (body(" encoding='utf-8'").into_bytes(), Some("text/xml; charset=ISO-8859-1")),
        (latin, None),
        (undeclared.clone(), Some("application/rss+xml; charset=windows-1252")),
        (undeclared, None),
    ] {
        assert_eq!(feed::parse(&bytes, content_type, "").unwrap().title, "été “€”", "{content_type:?}");
    }
}

#[test]
fn a_podcast_with_only_sound() {
    let feed = read(
        r#"<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>Voices</title><itunes:image href="https://e.example/c.jpg"/><item><enclosure url="https://e.example/1.mp3" length="0" type="audio/mpeg"/>
<itunes:author>Ann</itunes:author><itunes:summary>Words</itunes:summary><itunes:duration>99999999999999999999</itunes:duration></item>
<item><media:group><media:content url="https://e.example/2.mp4" fileSize="9"/><media:content url="https://e.example/2.mp4"/></media:group></item>
</channel></rss>"#,
    );
    assert_eq!(feed.icon.as_deref(), Some("https://e.example/c.jpg"));
    let [sound, film] = feed.items.as_slice() else { panic!("two items: {feed:?}") };
    assert_eq!(
        (sound.text.as_str(), sound.author.as_deref(), sound.enclosures[0].length),
        ("Words", Some("Ann"), None)
    );
    assert_eq!((film.enclosures.len(), film.enclosures[0].length), (1, Some(9)));
    assert_ne!(sound.guid, film.guid);
}

#[test]
fn names_of_authors() {
    for (written, name) in [
        ("ann@a.example (Ann Bee)", "Ann Bee"),
        ("Ann Bee &lt;ann@a.example&gt;", "Ann Bee"),
        ("Ann", "Ann"),
        ("ann@a.example… Zoé", "ann@a.example… Zoé"),
        ("Zoé «a@a.example", "Zoé «a@a.example"),
        ("(", "("),
    ] {
        assert_eq!(
            only(rss(&format!("<item><title>x</title><author>{written}</author></item>"))).author.as_deref(),
            Some(name)
        );
    }
}

#[test]
fn identity_is_guid_then_link_then_hash() {
    let item = |inside: &str| only(rss(&format!("<item><title>T</title>{inside}</item>"))).guid;
    assert_eq!(item("<guid> g1 </guid><link>https://a.example/1</link>"), "g1");
    assert_eq!(item("<link>https://a.example/1#v2</link>"), "https://a.example/1#v2");
    let hash = item("<description>d</description>");
    assert!(hash.starts_with("hash:"), "{hash}");
    assert_eq!(hash, item("<description>d</description>"), "the same at every site");
    assert_ne!(hash, item("<description>e</description>"));
    let long = "x".repeat(feed::GUID_BYTES_MAX + 1);
    assert_eq!(item(&format!("<guid>{long}</guid>")).len(), "hash:".len() + 64);
}

#[test]
fn two_sites_that_poll_one_source_derive_one_key() {
    let document = "<item><guid>1</guid><title>T</title><link>https://a.example/1</link></item>";
    let key = |address: &str| {
        let source = canonical_url(address).unwrap();
        origin_key(&source, &only(rss(document)).guid)
    };
    assert_eq!(key("https://A.example:443/feed#x"), key("feed:https://a.example/feed"));
    assert_ne!(key("https://a.example/feed"), key("https://b.example/feed"));
    let rewritten = only(rss(&document.replace("<guid>1", "<guid>2")));
    let twin = |item: &Item| twin_key("s", item.url.as_deref(), &item.title);
    assert_eq!(twin(&rewritten), twin(&only(rss(document))), "a rewritten guid is recognised by link and title");
}

#[test]
fn of_one_guid_the_newest_state_counts() {
    let entry = |updated: &str, title: &str| {
        format!("<entry><id>1</id><title>{title}</title><updated>{updated}</updated></entry>")
    };
    let feed = read(&format!(
        "<feed xmlns='http://www.w3.org/2005/Atom'>{}{}{}</feed>",
        entry("2026-01-01T00:00:00Z", "old"),
        entry("2026-03-01T00:00:00Z", "new"),
        entry("2026-02-01T00:00:00Z", "middle"),
    ));
    assert_eq!(only(feed).title, "new");
}

#[test]
fn a_permalink_guid_stands_in_for_a_missing_link() {
    let link = |inside: &str| only(rss(&format!("<item><title>T</title>{inside}</item>"))).url;
    assert_eq!(link("<guid>https://a.example/1</guid>").as_deref(), Some("https://a.example/1"));
    assert_eq!(link("<guid isPermaLink='false'>https://a.example/1</guid>"), None);
    assert_eq!(link("<guid>http-like</guid>").as_deref(), Some("https://a.example/blog/http-like"));
    assert_eq!(link("<link>javascript:alert(1)</link>"), None);
    assert_eq!(link("<link>/x</link>").as_deref(), Some("https://a.example/x"));
    assert_eq!(
        link("<link rel='enclosure' href='/x'/><link rel='alternate' href='/y'/>").as_deref(),
        Some("https://a.example/y")
    );
}

#[test]
fn every_limit_holds() {
    let long = "é ".repeat(5_000);
    let many = |what: &str, count: usize| (0..count).map(|n| what.replace('#', &n.to_string())).collect::<String>();
    let item = only(rss(&format!(
        "<item><title>{long}</title><author>{long}</author><link>https://a.example/{}</link><guid>g</guid>\
         <description>{}</description>{}{}</item>",
        "y".repeat(3_000),
        "word ".repeat(200_000),
        many("<enclosure url='https://a.example/#'/>", 50),
        many(&format!("<category># {long}</category>"), 50),
    )));
    assert!(item.title.chars().count() <= feed::TITLE_CHARS_MAX && item.title.ends_with('…'));
    assert!(item.author.unwrap().chars().count() <= feed::AUTHOR_CHARS_MAX);
    assert_eq!(item.url, None);
    assert!(item.html.len() <= feed::HTML_BYTES_MAX);
    assert!(item.text.chars().count() <= archipel_outside::html::TEXT_CHARS_MAX);
    assert_eq!((item.enclosures.len(), item.categories.len()), (feed::ENCLOSURES_MAX, feed::CATEGORIES_MAX));
    assert_eq!(feed::parse(&vec![b'<'; feed::DOCUMENT_BYTES_MAX + 1], None, "").unwrap_err(), FeedError::TooLarge);
}

#[test]
fn of_too_many_items_the_newest_stay_in_order() {
    let items: String = (0..feed::ITEMS_MAX + 10)
        .map(|n| format!("<item><guid>{n}</guid><title>{n}</title><pubDate>{}</pubDate></item>", 1990 + n % 2))
        .map(|item| {
            item.replace("<pubDate>1990", "<pubDate>1 Jan 1990").replace("<pubDate>1991", "<pubDate>1 Jan 1991")
        })
        .collect();
    let feed = rss(&items);
    assert_eq!((feed.items.len(), feed.dropped), (feed::ITEMS_MAX, 10));
    let guids: Vec<u32> = feed.items.iter().map(|item| item.guid.parse().unwrap()).collect();
    assert!(guids.is_sorted());
    let newer = guids.iter().filter(|n| *n % 2 == 1).count();
    assert_eq!(newer, (feed::ITEMS_MAX + 10) / 2, "all of the newer half");
}

#[test]
fn a_document_that_breaks_off_gives_its_whole_items() {
    let feed = read("<rss><channel><title>t</title><item><title>one</title></item><item><title>two</title><descr");
    assert!(feed.partial);
    assert_eq!(only(feed).title, "one");
}

#[test]
fn what_is_no_feed_says_what_it_is() {
    for (text, error) in [
        ("", FeedError::NotAFeed),
        ("just words", FeedError::NotAFeed),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", FeedError::NotAFeed),
        ("<opml><body/></opml>", FeedError::NotAFeed),
        (
            "<!DOCTYPE html><html><head><title>x</title><link rel=alternate></head><body><p>x<br>y</body></html>",
            FeedError::WebPage,
        ),
        ("\n<HTML><BODY>x", FeedError::WebPage),
        ("<rss><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><channel/></rss>", FeedError::Entities),
        (
            "<!DOCTYPE rss [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><rss><channel><title>&b;</title></channel></rss>",
            FeedError::Entities,
        ),
    ] {
        let found = feed::parse(text.as_bytes(), Some("text/html"), "").unwrap_err();
        assert_eq!(found, error, "{text}");
        assert!(found.code().starts_with("feed_") && found.message().len() > 20);
    }
    let deep = format!("<rss><channel>{}", "<a>".repeat(1_000));
    assert_eq!(feed::parse(deep.as_bytes(), None, "").unwrap_err(), FeedError::TooDeep);
    let wide = format!("<rss><channel>{}</channel></rss>", "<a/>".repeat(200_000));
    assert_eq!(feed::parse(wide.as_bytes(), None, "").unwrap_err(), FeedError::TooLarge);
}

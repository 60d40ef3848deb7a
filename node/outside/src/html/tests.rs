use pulldown_cmark::{Event, Options, Parser, Tag};

use super::*;

fn md(html: &str) -> String {
    to_markdown(html, "http://a.example/dir/page")
}

/// Renders Markdown back and keeps what a reader sees.
fn seen(markdown: &str) -> String {
    let mut out = String::new();
    for event in Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => out.push(' '),
            Event::Html(html) | Event::InlineHtml(html) => panic!("html in markdown: {html}"),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn paragraphs_breaks_and_headings() {
    assert_eq!(
        md("<h1>Title</h1><p>One\n two</p>three<br>four<br><br>five"),
        "### Title\n\nOne two\n\nthree  \nfour\n\nfive"
    );
    assert_eq!(to_text("<h1>Title</h1><p>One\n two</p>three<br>four", 100), "Title\n\nOne two\n\nthree\nfour");
}

#[test]
fn lists_and_quotes() {
    let html = "<p>See:</p><ul><li>one</li><li><p>two</p><ol start=3><li>a<li>b</ol></li></ul><blockquote><p>x</p><p>y</p></blockquote>";
    assert_eq!(md(html), "See:\n\n- one\n- two\n  3. a\n  4. b\n\n> x\n>\n> y");
    assert_eq!(to_text("<ul><li>one<li>two</ul>", 100), "- one\n- two");
}

#[test]
fn emphasis_survives_careless_tags() {
    for (html, want) in [
        ("a <b>bold </b>c", "a **bold** c"),
        ("a<b> bold</b> c", "a **bold** c"),
        ("<b></b>x<i> </i>y", "x y"),
        ("<b><i>both</i></b>", "***both***"),
        ("<b>one<p>two</b> three</p>", "**one**\n\n**two** three"),
        ("<b>Note:</b>text", "**Note:** text"),
        ("<del>old</del> <code>a*b`c</code>", "~~old~~ `a*b'c`"),
        ("</b></i>x", "x"),
    ] {
        assert_eq!(md(html), want, "{html}");
    }
}

#[test]
fn links_are_absolute_web_links_or_just_text() {
    for (html, want) in [
        ("<a href='../x?a=1&amp;b=(2)'>go <b>there</b></a>!", "[go there](http://a.example/x?a=1&b=%282%29)!"),
        ("<a href='javascript:alert(1)'>no</a>", "no"),
        ("<a href=' JaVaScRiPt:alert(1)'>no</a>", "no"),
        ("<a href='data:text/html,x'>no</a>", "no"),
        ("<a href='mailto:a@b.example'>mail</a>", "mail"),
        ("<a href='//b.example/'>b</a>", "[b](http://b.example/)"),
        ("<a href='/x'></a>y", "y"),
        ("<a href='#top'>up</a>", "up"),
        ("<a href='/x'><p>one</p><p>two</p></a>", "[one](http://a.example/x)\n\n[two](http://a.example/x)"),
        ("<a href='http://u:p@b.example/'>x</a>", "x"),
        ("<a href='/x?a&copy;b'>x</a>", "[x](http://a.example/x?a%C2%A9b)"),
        ("<a href='/x'>open", "[open](http://a.example/x)"),
    ] {
        assert_eq!(md(html), want, "{html}");
    }
}

#[test]
fn pictures_become_links_and_counting_pixels_vanish() {
    assert_eq!(md("<img src='/p/cat.png' alt='A cat'>"), "[A cat](http://a.example/p/cat.png)");
    assert_eq!(md("<img src='/p/cat.png'>"), "[cat.png](http://a.example/p/cat.png)");
    assert_eq!(md("<a href='/big'><img src='/p/cat.png' alt=cat></a>"), "[cat](http://a.example/big)");
    assert_eq!(md("x<img src='/count' width=1 height='1'>"), "x");
    assert_eq!(md("<iframe src='https://v.example/embed/7'>no frames</iframe>y"), "[7](https://v.example/embed/7)y");
}

#[test]
fn scripts_styles_and_forms_are_gone() {
    let html = "a<script>alert('<p>')</script><style>p{}</style><svg><text>s</text></svg><noscript>n</noscript>\
                <button onclick=x>press</button><p onclick=alert(1)>b</p><select><option>o</select>";
    assert_eq!(md(html), "a\n\nb");
}

#[test]
fn what_looks_like_markdown_is_escaped() {
    for text in [
        "# not a heading",
        "1. not an item",
        "- nor this",
        "+ nor",
        "*a* _b_ `c` ~~d~~",
        "[x](javascript:alert(1))",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "===",
        "---",
        "a &amp;amp; b &amp;lt; c",
        "\\*",
        "> quote",
        "12) x",
        "![i](http://x)",
        "[ref]: http://x",
        "***",
        "&lt;http://x&gt;",
        "```",
        "~~~",
        "    four",
        "a\\",
    ] {
        let markdown = md(&format!("<p>{text}</p>"));
        let plain = to_text(&format!("<p>{text}</p>"), 1_000);
        assert_eq!(seen(&markdown), plain.split_whitespace().collect::<Vec<_>>().join(" "), "{markdown}");
        let only_text = Parser::new(&markdown).all(|event| {
            !matches!(
                event,
                Event::Start(
                    Tag::Link { .. } | Tag::Heading { .. } | Tag::List(_) | Tag::CodeBlock(_) | Tag::BlockQuote(_)
                )
            )
        });
        assert!(only_text, "{markdown}");
    }
}

#[test]
fn code_blocks_keep_their_lines() {
    assert_eq!(
        md("<pre><code>let a = 1;\n  b``` &lt;\n</code></pre>after"),
        "````\nlet a = 1;\n  b``` <\n````\n\nafter"
    );
}

#[test]
fn tables_become_lines() {
    assert_eq!(md("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"), "a | b  \n1 | 2");
}

#[test]
fn long_text_is_cut_at_a_word() {
    let text = to_text(&"word ".repeat(10_000), TEXT_CHARS_MAX);
    assert!(text.ends_with("word…"), "{}", &text[text.len() - 20..]);
    assert!((TEXT_CHARS_MAX - 10..=TEXT_CHARS_MAX).contains(&text.chars().count()), "{}", text.chars().count());
    assert_eq!(to_text("one two three", 9), "one two…");
    let endless = to_text(&"é".repeat(10_000), 100);
    assert_eq!(endless.chars().count(), 100);
    let nested = md(&"<ul><li><blockquote>x".repeat(20_000));
    assert!(nested.len() < 3 * MARKDOWN_CHARS_MAX, "{}", nested.len());
    let links = md(&format!("<a href='/{}'>x</a> ", "y".repeat(1_000)).repeat(500));
    assert!(links.len() < 2 * MARKDOWN_CHARS_MAX, "{}", links.len());
}

#[test]
fn one_line_keeps_what_is_no_tag() {
    for (html, want) in [
        ("AT&amp;T &lt;3 <b>you</b>", "AT&T <3 you"),
        ("Vec<T> in C++", "Vec<t> in C++"),
        ("5 < 6", "5 < 6"),
        ("one<br/>two", "one two"),
        ("a\n\t b", "a b"),
        ("<script>x</script>y", "y"),
    ] {
        assert_eq!(to_line(html, 100), want, "{html}");
    }
    assert_eq!(to_line("one two three", 9), "one two…");
    assert_eq!(cut_line(&"x".repeat(50), 10), format!("{}…", "x".repeat(9)));
}

#[test]
fn the_feeds_of_a_page_are_found() {
    let page = "<!doctype html><html><head><base href='/blog/'><link rel='stylesheet' href='s.css'>\
        <link REL='Alternate home' TYPE='application/rss+xml; charset=utf-8' HREF='rss' title=' All \n posts '>\
        <link rel=alternate type=application/rss+xml href=http://A.example:80/blog/rss>\
        <link rel=alternate type=application/atom+xml href='https://b.example/atom'>\
        <link rel=alternate type=application/feed+json href='feed.json'>\
        <link rel=alternate type=application/rss+xml href='javascript:x'>\
        <link rel=alternate hreflang=fr href='/fr'></head>";
    let found = discover(page, "http://a.example/index.html");
    let short: Vec<(&str, &str)> = found.iter().map(|c| (c.url.as_str(), c.title.as_str())).collect();
    assert_eq!(
        short,
        [
            ("http://a.example/blog/rss", "All posts"),
            ("https://b.example/atom", ""),
            ("http://a.example/blog/feed.json", ""),
        ]
    );
    let many = "<link rel=alternate type=application/rss+xml href=".to_owned();
    let page: String = (0..100).map(|n| format!("{many}/{n}>")).collect();
    assert_eq!(discover(&page, "http://a.example/").len(), 20);
}

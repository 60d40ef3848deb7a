//! What the renderer makes of what people write, and of what attackers write.

use super::*;
use std::time::{Duration, Instant};

#[test]
fn plain_writing_becomes_plain_html() {
    assert_eq!(render("Bonjour **à tous**"), "<p>Bonjour <strong>à tous</strong></p>\n");
    assert_eq!(render("one\ntwo"), "<p>one<br>\ntwo</p>\n");
    assert_eq!(render("# Big"), "<h3>Big</h3>\n");
    assert_eq!(render("1 < 2 & 3"), "<p>1 &lt; 2 &amp; 3</p>\n");
    assert!(render("|a|b|\n|-|-|\n|1|2|").contains("<td>1</td>"));
    assert_eq!(render("~~gone~~ `x<y`"), "<p><del>gone</del> <code>x&lt;y</code></p>\n");
}

#[test]
fn links_lead_out_safely_and_bare_addresses_are_links() {
    let html = render("[here](https://example.org/a?b=1&c=2)");
    assert!(html.contains("href=\"https://example.org/a?b=1&amp;c=2\""), "{html}");
    assert!(html.contains("rel=\"noopener noreferrer nofollow\"") && html.contains("target=\"_blank\""), "{html}");
    let html = render("See https://example.org/x_(y), or (http://example.org).");
    assert!(html.contains("href=\"https://example.org/x_(y)\""), "{html}");
    assert!(html.contains("href=\"http://example.org\""), "{html}");
    assert!(!render("`https://example.org`").contains("<a"));
    assert!(!render("xhttps://example.org ftp://example.org ://").contains("<a"));
}

#[test]
fn pictures_from_outside_become_links_and_nothing_is_loaded() {
    let html = render("![cat](https://example.org/cat.png)");
    assert!(!html.contains("<img"), "{html}");
    assert!(html.contains("href=\"https://example.org/cat.png\"") && html.contains(">cat</a>"), "{html}");
    assert_eq!(render("[![a](http://x/a.png)](http://x)").matches("<a ").count(), 1);
}

const ATTACKS: &[&str] = &[
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A&#x61vascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](//example.org/)",
    "[x](/api/v1/session)",
    "[x](\\\\example.org)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x\" onerror=\"alert(1)](x)",
    "[x](http://a\"onmouseover=\"alert(1))",
    "[x](http://a 'title\" onclick=\"alert(1)')",
    "[a]: javascript:alert(1)\n[a]",
    "```\"><script>alert(1)</script>\nx\n```",
    "```js onload=alert(1)\nx\n```",
    "# x {onclick=alert(1)}",
    "<iframe src=//example.org></iframe>",
    "<form action=//example.org><input name=password>",
    "<base href=//example.org>",
    "<meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//example.org>",
    "<style>*{background:url(//example.org)}</style>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml <img src=x onerror=alert(1)>?>",
    "<div style=position:fixed>x</div>",
    "<p id=app class=modal>x</p>",
    "<b\u{0}onclick=alert(1)>x</b>",
    "\u{0}<scr\u{0}ipt>alert(1)</script>",
    "|<img src=x onerror=alert(1)>|\n|-|\n|<svg onload=alert(1)>|",
    "https://example.org/\"onmouseover=alert(1)//",
    "https://example.org/'onmouseover=alert(1)//",
    "<https://example.org/\" onclick=alert(1)>",
    "*<img src=x onerror=*alert(1)*>*",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
];

#[test]
fn no_attack_of_the_corpus_leaves_more_than_listed_tags_and_attributes() {
    for attack in ATTACKS {
        for text in [(*attack).to_owned(), format!("> - {attack}\n\n{attack}"), format!("**{attack}**")] {
            assert_only_listed(&render(&text), &text);
        }
    }
}

/// Every `<` begins a listed tag that has only listed attributes with listed values.
fn assert_only_listed(html: &str, from: &str) {
    const TAGS: &str = " p br strong em del a code pre ul ol li blockquote h3 h4 h5 h6 hr table thead tbody tr th td ";
    for piece in html.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("open end in {html:?} from {from:?}"));
        let tag = tag.trim_start_matches('/');
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(TAGS.contains(&format!(" {name} ")), "tag {name:?} in {html:?} from {from:?}");
        while !attributes.is_empty() {
            let (key, rest) = attributes.split_once("=\"").unwrap_or_else(|| panic!("{attributes:?} from {from:?}"));
            let (value, rest) = rest.split_once('"').unwrap_or_else(|| panic!("{rest:?} from {from:?}"));
            let fine = match key {
                "href" => ["http://", "https://", "mailto:"].iter().any(|start| value.starts_with(start)),
                "rel" => value == "noopener noreferrer nofollow",
                "target" => value == "_blank",
                "start" => value.bytes().all(|byte| byte.is_ascii_digit()),
                _ => false,
            };
            assert!(fine, "{key}={value:?} in {html:?} from {from:?}");
            attributes = rest.trim_start();
        }
    }
}

#[test]
fn deep_and_long_texts_take_bounded_time() {
    // A quarter of the longest post: what grows with the square of it is found, a slow machine is not.
    let length = 25 * 1024;
    for piece in
        ["> ", "- ", "*a ", "**", "[", "![", "](", "`", "<a ", "~~", "|", "\n|-", "_a*", "&#0;", "://", "http://"]
    {
        let text = piece.repeat(length / piece.len());
        let begun = Instant::now();
        let html = render(&text);
        assert!(begun.elapsed() < Duration::from_secs(5), "{piece:?} took {:?}", begun.elapsed());
        assert_only_listed(&html, piece);
    }
}

#[test]
fn the_memory_of_rendered_texts_is_bounded_and_true() {
    let renderer = Renderer::default();
    for n in 0..3_000 {
        let text = format!("{n} {}", "word ".repeat(2_000));
        assert!(renderer.html(&text).contains(&n.to_string()));
    }
    let generations = renderer.generations.lock().unwrap();
    let held: usize = generations.young.values().chain(generations.old.values()).map(|html| html.len()).sum();
    assert!(held <= 2 * CACHE_BYTES_MAX + 20_000, "{held}");
    drop(generations);
    assert_eq!(renderer.html("*a*"), renderer.html("*a*"));
}

#[test]
fn names_lose_what_turns_the_text_around() {
    assert_eq!(name(" Ann\u{202E}nnA\u{2066} \n"), "AnnnnA");
    assert_eq!(name("Élodie d’Arc 👩‍🚒"), "Élodie d’Arc 👩‍🚒");
}

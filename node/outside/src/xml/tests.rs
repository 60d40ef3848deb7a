use super::*;

fn root(text: &str) -> Element {
    read(text, None).unwrap().root
}

#[test]
fn entities_are_refused_and_a_bare_doctype_is_skipped() {
    let external = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
    let bomb = "<!DOCTYPE a [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><a>&b;</a>";
    let parameter = "<!DOCTYPE a [\n<!entity % p SYSTEM 'http://a.example/p'> %p; ]><a/>";
    for text in [external, bomb, parameter] {
        assert_eq!(read(text, None).unwrap_err(), XmlError::Entities, "{text}");
    }
    let bare =
        "<!DOCTYPE rss PUBLIC \"-//Netscape//DTD RSS 0.91//EN\" \"http://my.netscape.com/rss-0.91.dtd\"><rss>x</rss>";
    assert_eq!(root(bare).text(), "x");
}

#[test]
fn depth_and_number_of_elements_are_bounded() {
    let nested = |depth: usize| format!("{}x{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(read(&nested(DEPTH_MAX), None).is_ok());
    assert_eq!(read(&nested(DEPTH_MAX + 1), None).unwrap_err(), XmlError::TooDeep);
    let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
    assert_eq!(read(&wide, None).unwrap_err(), XmlError::TooManyElements);
}

#[test]
fn references_become_text() {
    let text = "<a b='&lt;&eacute;&#233;&bogus;&'>&amp;&nbsp;&alpha;&Omega;\u{93}&#8364;&#x20ac;&#146;&unknown; AT&T &#0;&#xFFFFFFFF;</a>";
    let root = root(text);
    assert_eq!(root.text(), "&\u{a0}αΩ“€€’&unknown; AT&T &#xFFFFFFFF;");
    assert_eq!(root.attribute("b"), Some("<éé&bogus;&"));
}

#[test]
fn bad_nesting_gives_what_can_be_had() {
    let found = read("<a><b>one<c>two</b><d>three</e></d></a>", None).unwrap();
    assert!(found.broken);
    let names: Vec<&str> = found.root.elements().map(|element| element.name.as_str()).collect();
    assert_eq!(names, ["b", "d"]);
    assert_eq!(found.root.text(), "onetwothree");
}

#[test]
fn a_document_that_breaks_off_marks_what_was_open() {
    let found = read("<a><b>one</b><b>tw", None).unwrap();
    let cut: Vec<bool> = found.root.elements().map(|element| element.cut).collect();
    assert_eq!((cut, found.broken), (vec![false, true], true));
}

#[test]
fn namespaces_are_known_by_address_then_by_customary_prefix() {
    let text = "<rss xmlns:x='http://purl.org/dc/elements/1.1/' xmlns='http://odd.example/'><x:creator/><dc:date/>\
                <title/><y:z/><feed xmlns='HTTPS://www.w3.org/2005/Atom/'><title/></feed><link/></rss>";
    let root = root(text);
    let found: Vec<Ns> = root.elements().map(|element| element.ns).collect();
    assert_eq!(found, [Ns::DublinCore, Ns::DublinCore, Ns::Plain, Ns::Other, Ns::Atom, Ns::Plain]);
    assert_eq!(root.child(Ns::Atom, "feed").unwrap().elements().next().unwrap().ns, Ns::Atom);
}

#[test]
fn bases_nest() {
    let text = "<a xml:base='http://a.example/x/'><b xml:base='y/'><c>z</c></b><b xml:base='javascript:1'/></a>";
    let root = root(text);
    let inner = root.elements().next().unwrap().elements().next().unwrap();
    assert_eq!(inner.link(&inner.text()).as_deref(), Some("http://a.example/x/y/z"));
    assert_eq!(root.elements().nth(1).unwrap().link("q").as_deref(), Some("http://a.example/x/q"));
    assert_eq!(inner.link("javascript:alert(1)"), None);
}

#[test]
fn markup_is_written_back_escaped() {
    let root = root("<a><p title='\"x\" &amp; y'>1 &lt; 2<br/></p></a>");
    assert_eq!(root.inner_html(), "<p title=\"&quot;x&quot; &amp; y\">1 &lt; 2<br></p>");
}

#[test]
fn thousands_of_declarations_and_attributes_stay_cheap() {
    let declarations: String = (0..20_000).map(|n| format!(" xmlns:a{n}='http://a.example/{n}' b{n}='x'")).collect();
    let children = "<c/>".repeat(50_000);
    let root = root(&format!("<a{declarations}>{children}</a>"));
    assert!(root.attributes.len() <= ATTRIBUTES_MAX);
    assert_eq!(root.children.len(), 50_000);
}

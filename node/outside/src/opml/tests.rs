use super::*;

const LIST: &str = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<opml version="1.1"><head><title>My &amp; feeds</title></head><body>
 <outline text="Law"><outline title="Journal" TEXT="x" type="rss" xmlURL="http://J.example:80/rss" htmlUrl="http://j.example"/>
  <outline text="Deep / er"><outline text="Inner" xmlUrl="feed://inner.example/a"/></outline></outline>
 <outline text="Journal again" xmlUrl="http://j.example/rss#top"/>
 <outline text="Bad" xmlUrl="javascript:alert(1)"/><outline text="Empty" xmlUrl=" "/>
 <outline type="link" text="Page" url="http://page.example/"/><outline type="rss" text="Old" url="http://old.example/f"/>
</body></opml>"#;

#[test]
fn nested_outlines_become_a_flat_list() {
    let list = parse(LIST.as_bytes()).unwrap();
    assert_eq!(list.title, "My & feeds");
    let short: Vec<(&str, &str, &str)> =
        list.entries.iter().map(|e| (e.title.as_str(), e.url.as_str(), e.folder.as_str())).collect();
    assert_eq!(
        short,
        [
            ("Journal", "http://j.example/rss", "Law"),
            ("Inner", "http://inner.example/a", "Law/Deep er"),
            ("Old", "http://old.example/f", ""),
        ]
    );
    assert_eq!(list.entries[0].site_url.as_deref(), Some("http://j.example/"));
    let skipped: Vec<(&str, SkipReason)> = list.skipped.iter().map(|s| (s.title.as_str(), s.reason)).collect();
    assert_eq!(skipped, [("Journal again", SkipReason::Double), ("Bad", SkipReason::BadAddress)]);
}

#[test]
fn what_is_written_reads_back_the_same() {
    let mut list = parse(LIST.as_bytes()).unwrap();
    list.entries.push(Entry {
        url: "https://q.example/?a=1&b=%22".into(),
        title: "\"<é>\" & 'co'".into(),
        ..Entry::default()
    });
    let mut again = parse(write("My & feeds", &list.entries).as_bytes()).unwrap();
    let by_url = |entries: &mut Vec<Entry>| entries.sort_by(|a, b| a.url.cmp(&b.url));
    by_url(&mut list.entries);
    by_url(&mut again.entries);
    assert_eq!(again, Opml { skipped: Vec::new(), ..list });
}

#[test]
fn what_is_no_list_or_dangerous_is_refused() {
    for (text, error) in [
        ("", OpmlError::NotOpml),
        ("hello", OpmlError::NotOpml),
        ("<rss/>", OpmlError::NotOpml),
        ("<opml/>", OpmlError::NotOpml),
        ("<!DOCTYPE opml [<!ENTITY a 'b'>]><opml><body/></opml>", OpmlError::Unsafe),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err(), error, "{text}");
    }
    let deep = format!("<opml><body>{}", "<outline text='a'>".repeat(100));
    assert_eq!(parse(deep.as_bytes()).unwrap_err(), OpmlError::Unsafe);
    assert_eq!(parse(&vec![b' '; DOCUMENT_BYTES_MAX + 1]).unwrap_err(), OpmlError::TooLarge);
}

#[test]
fn a_list_that_breaks_off_gives_what_it_has() {
    let list = parse(b"<opml><body><outline text='a' xmlUrl='http://a.example/'/><outline text='b").unwrap();
    assert_eq!(list.entries.len(), 1);
}

#[test]
fn more_than_a_person_reads_is_reported() {
    let outlines: String =
        (0..ENTRIES_MAX + 3).map(|n| format!("<outline text='{n}' xmlUrl='http://a.example/{n}'/>")).collect();
    let list = parse(format!("<opml><body>{outlines}</body></opml>").as_bytes()).unwrap();
    assert_eq!(list.entries.len(), ENTRIES_MAX);
    assert!(list.skipped.iter().all(|skipped| skipped.reason == SkipReason::TooMany) && list.skipped.len() == 3);
}

//! Documents of a well-known parser's test folder, and what we make of each (`corpus/expected.txt`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use archipel_outside::feed::{self, Feed};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn summary(bytes: &[u8]) -> String {
    match feed::parse(bytes, None, "http://base.example/feed") {
        Err(error) => format!("  refused: {error}\n"),
        Ok(feed) => shown(&feed),
    }
}

fn shown(feed: &Feed) -> String {
    let mut out = format!("  feed: {:?} {:?} partial={}\n", feed.title, feed.site_url, feed.partial);
    for item in &feed.items {
        let enclosures: Vec<&str> = item.enclosures.iter().map(|enclosure| enclosure.url.as_str()).collect();
        let _ = writeln!(out, "  item: {:?} {:?}\n    link {:?}", item.guid, item.title, item.url);
        let _ =
            writeln!(out, "    by {:?} at {:?} {:?} with {enclosures:?}", item.author, item.published, item.updated);
        let _ = writeln!(out, "    text {:?}", item.markdown());
    }
    out
}

#[test]
fn every_document_of_the_corpus_reads_as_expected() {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "xml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.insert(name, summary(&fs::read(&path).unwrap()));
        }
    }
    let found: String = found.iter().map(|(name, text)| format!("{name}\n{text}")).collect();
    let file = folder().join("expected.txt");
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if found != expected && env::var_os("CORPUS_WRITE").is_some() {
        fs::write(&file, &found).unwrap();
        return;
    }
    let difference = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(found == expected, "reads otherwise (CORPUS_WRITE=1 accepts it): {difference:#?}");
}

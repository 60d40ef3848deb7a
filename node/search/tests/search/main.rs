//! Questions to an index in a folder.

mod erasing;
mod finding;
mod folder;

use archipel_search::{Document, Found, Index, Kind, Wanted};

pub const GROUP: [u8; 32] = [9; 32];

pub fn index() -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().expect("the machine has room for a folder");
    let index = Index::open(&folder.path().join("search")).expect("an index can be begun");
    (folder, index)
}

pub fn document(item: u8, text: &str) -> Document<'_> {
    Document {
        item: [item; 32],
        part: 0,
        kind: Kind::Post,
        group: GROUP,
        author: Some([1; 16]),
        source: None,
        time: u64::from(item),
        title: "",
        text,
        kept: None,
    }
}

/// An index of these texts, numbered from one.
pub fn of(texts: &[&str]) -> (tempfile::TempDir, Index) {
    let (folder, index) = index();
    for (at, text) in texts.iter().enumerate() {
        index.put(&document(at as u8 + 1, text)).expect("it can be put");
    }
    index.commit("here").expect("it can be committed");
    (folder, index)
}

pub fn wanted(words: &str) -> Wanted {
    Wanted { words: words.to_owned(), groups: vec![GROUP], max: 20, ..Wanted::default() }
}

pub fn ask(index: &Index, wanted: &Wanted) -> Found {
    index.search(wanted).expect("it can be read")
}

/// The numbers of what is found, in their order.
pub fn numbers(index: &Index, words: &str) -> Vec<u8> {
    let mut found: Vec<u8> = ask(index, &wanted(words)).hits.iter().map(|hit| hit.item[0]).collect();
    found.sort_unstable();
    found
}

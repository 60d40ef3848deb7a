//! What is removed is gone from the folder too (INV-48).

use super::{GROUP, document, index, numbers};
use archipel_search::Document;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files of a folder, by name.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("it is a folder").flatten();
    entries.map(|entry| entry.path()).filter(|path| !path.ends_with("meta.json")).collect()
}

/// Whether a word stands in any list that a folder's files hold, removed or not. Lists are packed: their bytes tell nothing.
fn is_listed(folder: &Path, word: &str) -> bool {
    let index = tantivy::Index::open_in_dir(folder).expect("it can be opened");
    let reader = index.reader().expect("it can be read").searcher();
    let texts =
        ["title", "words", "french", "english"].map(|name| index.schema().get_field(name).expect("it is there"));
    reader.segment_readers().iter().any(|segment| {
        texts.iter().any(|field| {
            let list = segment.inverted_index(*field).expect("it can be read");
            list.terms().get(word).expect("it can be read").is_some()
        })
    })
}

#[test]
fn after_a_purge_neither_a_removed_word_nor_a_file_that_held_it_is_left() {
    let (folder, index) = index();
    let dir = folder.path().join("search");
    index.put(&Document { title: "quartzcanary", ..document(1, "quartzcanary le mot") }).expect("it can be put");
    index.put(&document(2, "le mot qui reste")).expect("it can be put");
    index.commit("1").expect("it can be committed");
    assert_eq!(numbers(&index, "zcanar"), [1]);
    assert!(is_listed(&dir, "quartzcanary"));
    let before: BTreeSet<PathBuf> =
        files(&dir).into_iter().filter(|path| path.extension() == Some("term".as_ref())).collect();
    index.remove(&[1; 32]).expect("it can be removed");
    index.commit("2").expect("it can be committed");
    assert_eq!(numbers(&index, "quartzcanary"), Vec::<u8>::new());
    assert!(index.is_stale().expect("it can be read"));
    index.purge().expect("it can be purged");
    assert!(!index.is_stale().expect("it can be read"));
    assert!(!is_listed(&dir, "quartzcanary"));
    assert!(before.is_disjoint(&files(&dir)), "{before:?} in {:?}", files(&dir));
    assert_eq!(numbers(&index, "mot"), [2]);
}

#[test]
fn the_last_document_can_go_too() {
    let (folder, index) = index();
    let dir = folder.path().join("search");
    index.put(&document(1, "quartzcanary")).expect("it can be put");
    index.commit("1").expect("it can be committed");
    let before: BTreeSet<PathBuf> =
        files(&dir).into_iter().filter(|path| path.extension() == Some("term".as_ref())).collect();
    index.remove_group(&GROUP).expect("it can be removed");
    index.commit("2").expect("it can be committed");
    index.purge().expect("it can be purged");
    assert!(!is_listed(&dir, "quartzcanary"));
    assert!(before.is_disjoint(&files(&dir)));
    assert!(index.is_empty());
}

//! The folder over time.

use super::{document, numbers, of};
use archipel_search::Index;

#[test]
fn a_folder_that_is_opened_again_knows_its_mark_and_its_words() {
    let (folder, index) = of(&["école"]);
    assert_eq!(index.mark(), None);
    drop(index);
    let index = Index::open(&folder.path().join("search")).expect("it can be opened");
    assert_eq!(index.mark(), Some("here"));
    assert_eq!(numbers(&index, "ecole"), [1]);
}

#[test]
fn what_was_not_committed_is_not_there() {
    let (folder, index) = of(&["école"]);
    index.put(&document(2, "école")).expect("it can be put");
    index.rest();
    assert_eq!(numbers(&index, "ecole"), [1]);
    drop(index);
    let index = Index::open(&folder.path().join("search")).expect("it can be opened");
    assert_eq!(numbers(&index, "ecole"), [1]);
}

#[test]
fn a_damaged_folder_is_begun_anew() {
    for cut in [0, 1] {
        let (folder, index) = of(&["école", "fête"]);
        drop(index);
        let dir = folder.path().join("search");
        let files = std::fs::read_dir(&dir).expect("it is a folder").flatten().map(|entry| entry.path());
        let list = files.filter(|path| path.extension().is_some_and(|end| end == "term" || end == "store"));
        for path in list {
            let mut bytes = std::fs::read(&path).expect("it can be read");
            let middle = bytes.len() / 3;
            bytes[middle] ^= 0x40;
            bytes.truncate(bytes.len() - cut);
            std::fs::write(&path, bytes).expect("it can be written");
        }
        let index = Index::open(&dir).expect("it can be begun anew");
        assert_eq!(index.mark(), None);
        assert!(index.is_empty());
    }
}

#[test]
fn a_folder_with_something_else_in_it_is_begun_anew() {
    let folder = tempfile::tempdir().expect("the machine has room for a folder");
    std::fs::write(folder.path().join("meta.json"), b"{}").expect("it can be written");
    let index = Index::open(folder.path()).expect("it can be begun anew");
    assert!(index.is_empty());
}

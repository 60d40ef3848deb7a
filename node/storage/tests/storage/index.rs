//! The index: an ordered map that may be damaged in any way without stopping anyone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use archipel_storage::index::{
    Batch, CHECK_TIME, Checked, Direction, Index, IndexError, Options, Reason, check, open_checked,
};
use archipel_storage::journal::Position;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

const DIR_VARIABLE: &str = "STORAGE_TEST_INDEX";

/// Not a test of its own: what `checker` runs in another process.
#[test]
fn child_process_of_the_index_tests() {
    match std::env::var(DIR_VARIABLE) {
        Err(_) => {}
        Ok(dir) if dir == "hang" => loop {
            std::thread::park();
        },
        Ok(dir) => drop(check(Path::new(&dir), Options::default()).unwrap()),
    }
}

fn command(argument: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "index::child_process_of_the_index_tests"]).env(DIR_VARIABLE, argument);
    command
}

fn checked(dir: &Path) -> (Index, Checked) {
    open_checked(dir, Options::default(), CHECK_TIME, |dir| command(&dir.display().to_string())).unwrap()
}

fn position(n: u32) -> Position {
    Position { segment: 1, offset: n }
}

fn fill(index: &Index, rows: u32) {
    for n in 0..rows {
        let mut batch = Batch::new();
        batch.put(format!("k{n:06}").as_bytes(), &n.to_be_bytes().repeat(64));
        batch.set_watermark(position(n));
        index.apply(batch).unwrap();
    }
}

fn rows(index: &Index) -> Vec<(Vec<u8>, Vec<u8>)> {
    index.prefix(b"k", usize::MAX, Direction::Ascending).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn it_is_an_ordered_map(
        batches in proptest::collection::vec(proptest::collection::vec((1..60_u8, proptest::option::of(0..200_usize)), 1..12), 1..12),
        from in 1..60_u8, to in 1..60_u8, limit in 0..20_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("index");
        let index = Index::open(&dir, Options::default()).unwrap();
        let mut model = BTreeMap::new();
        prop_assert_eq!(index.watermark().unwrap(), None);
        for (n, changes) in batches.iter().enumerate() {
            let mut batch = Batch::new();
            for (key, value) in changes {
                match value {
                    Some(len) => {
                        batch.put(&[*key], &vec![*key; *len]);
                        model.insert(vec![*key], vec![*key; *len]);
                    }
                    None => {
                        batch.delete(&[*key]);
                        model.remove(&vec![*key]);
                    }
                }
            }
            batch.set_watermark(position(n as u32));
            index.apply(batch).unwrap();
            prop_assert_eq!(index.watermark().unwrap(), Some(position(n as u32)));
        }
        index.close().unwrap();
        let (index, how) = checked(&dir);
        prop_assert_eq!(how, Checked::Clean);
        let all: Vec<_> = model.clone().into_iter().collect();
        prop_assert_eq!(index.range(b"", &[0xff], usize::MAX, Direction::Ascending).unwrap(), all);
        let part = model.range(vec![from]..vec![to.max(from)]);
        let upward: Vec<_> = part.clone().take(limit).map(|(k, v)| (k.clone(), v.clone())).collect();
        let downward: Vec<_> = part.rev().take(limit).map(|(k, v)| (k.clone(), v.clone())).collect();
        prop_assert_eq!(index.range(&[from], &[to], limit, Direction::Ascending).unwrap(), upward);
        prop_assert_eq!(index.range(&[from], &[to], limit, Direction::Descending).unwrap(), downward);
    }
}

#[test]
fn own_keys_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), Options::default()).unwrap();
    let mut batch = Batch::new();
    batch.put(b"\0w", b"mine");
    assert!(matches!(index.apply(batch), Err(IndexError::ReservedKey)));
    fill(&index, 3);
    assert_eq!(index.range(b"", &[0xff], 10, Direction::Ascending).unwrap().len(), 3);
}

#[test]
fn cleared_or_of_another_layout_it_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), Options::default()).unwrap();
    fill(&index, 100);
    index.clear().unwrap();
    assert_eq!((rows(&index).len(), index.watermark().unwrap()), (0, None));
    fill(&index, 50);
    index.close().unwrap();
    let (index, how) = checked(dir.path());
    assert_eq!((rows(&index).len(), how), (50, Checked::Clean));
    index.close().unwrap();
    let index = Index::open(dir.path(), Options { layout: 2, ..Options::default() }).unwrap();
    assert_eq!((rows(&index).len(), index.watermark().unwrap()), (0, None));
}

#[test]
fn after_an_unclean_stop_it_is_checked_and_used() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("index");
    let (index, how) = checked(&dir);
    assert_eq!(how, Checked::New);
    fill(&index, 200);
    index.flush().unwrap();
    drop(index);
    let (index, how) = checked(&dir);
    assert_eq!((how, rows(&index).len()), (Checked::Passed, 200));
}

#[test]
fn a_check_that_hangs_or_fails_costs_only_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("index");
    for (argument, n) in [("hang", 1), ("/nonexistent/\0".trim_end_matches('\0'), 2)] {
        let (index, _) = checked(&dir);
        fill(&index, 20);
        drop(index);
        let limit = if argument == "hang" { Duration::from_millis(200) } else { CHECK_TIME };
        let command = |_: &Path| match argument {
            "hang" => command(argument),
            missing => Command::new(missing),
        };
        let (index, how) = open_checked(&dir, Options::default(), limit, command).unwrap();
        let Checked::Replaced { reason, kept: Some(kept) } = how else { panic!("{how:?}") };
        assert_eq!(reason == Reason::CheckHung, argument == "hang");
        assert_eq!(kept, dir.with_file_name(format!("index.bad-{n}")));
        assert_eq!((rows(&index).len(), index.watermark().unwrap()), (0, None));
        index.close().unwrap();
        let bad = fs::read_dir(dir.parent().unwrap()).unwrap().filter(|e| e.as_ref().unwrap().path() != dir);
        assert_eq!(bad.count(), 1, "only the last bad one is kept");
    }
}

/// The files of sled, largest first.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() { folders.push(entry.path()) } else { out.push(entry.path()) }
        }
    }
    out.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    out
}

#[test]
fn scrambled_in_any_way_it_never_stops_the_node() {
    let home = tempfile::tempdir().unwrap();
    let pristine = home.path().join("pristine");
    let index = Index::open(&pristine, Options::default()).unwrap();
    fill(&index, 400);
    let truth = rows(&index);
    index.close().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let (mut replaced, mut intact, mut behind, mut silent) = (0, 0, 0, 0);
    for round in 0..36_u32 {
        let dir = home.path().join(format!("round-{round}/index"));
        fs::create_dir_all(&dir).unwrap();
        assert!(
            Command::new("cp")
                .arg("-r")
                .arg(&pristine)
                .arg(dir.parent().unwrap().join("copy"))
                .status()
                .unwrap()
                .success()
        );
        fs::remove_dir(&dir).unwrap();
        fs::rename(dir.parent().unwrap().join("copy"), &dir).unwrap();
        fs::write(dir.join("unclean"), b"").unwrap();
        let files = files(&dir.join("gen-000001"));
        let victim = &files[if round % 5 == 4 { 1 % files.len() } else { 0 }];
        let mut content = fs::read(victim).unwrap();
        let used = content.iter().rposition(|byte| *byte != 0).unwrap_or(0).max(1) as u32;
        match round % 4 {
            0 => content[(rng.next_u32() % used) as usize] ^= 1 << (rng.next_u32() % 8),
            1 => content.truncate((rng.next_u32() % used) as usize),
            2 => {
                let from = (rng.next_u32() % used) as usize / 4096 * 4096;
                let to = (from + 4096).min(content.len());
                content[from..to].fill(0);
            }
            _ => rng.fill_bytes(&mut content),
        }
        fs::write(victim, content).unwrap();
        let (index, how) = checked(&dir);
        let (found, watermark) = (rows(&index), index.watermark().unwrap());
        match how {
            Checked::Passed if found == truth => intact += 1,
            // An older state, told by its watermark: the caller applies the rest again.
            Checked::Passed if found.len() as u32 == watermark.unwrap().offset + 1 && truth.starts_with(&found) => {
                behind += 1;
            }
            Checked::Passed => silent += 1,
            Checked::New | Checked::Replaced { .. } => {
                assert_eq!((found.len(), watermark), (0, None));
                replaced += 1;
            }
            Checked::Clean => panic!("it was marked unclean"),
        }
    }
    println!(
        "of 36 damaged indexes {replaced} replaced, {intact} unharmed, {behind} set back, {silent} silently wrong"
    );
}

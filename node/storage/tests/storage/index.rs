//! The index: an ordered map that may be damaged in any way without stopping anyone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use archipel_storage::faults::{FaultyDisk, Survives};
use archipel_storage::index::{
    Batch, CHECK_TIME, Checked, Direction, Index, IndexError, Options, Reason, check, open_checked,
};
use archipel_storage::journal::{self, Journal, Position};
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
        batch.put(format!("k{n:06}"), n.to_be_bytes().repeat(64));
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
                        batch.put([*key], vec![*key; *len]);
                        model.insert(vec![*key], vec![*key; *len]);
                    }
                    None => {
                        batch.delete([*key]);
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

/// A table so small that every few batches become a run, and runs are merged all the time.
fn small() -> Options {
    Options { table_bytes: 1_500, prefix_bytes: 3, ..Options::default() }
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Some changes of few keys, a part of them removals.
fn random_batch(rng: &mut ChaCha8Rng, model: &mut Model) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..=rng.next_u32() % 30 {
        let mut key = vec![b'k', (rng.next_u32() % 3) as u8];
        key.extend((0..rng.next_u32() % 4).map(|_| b'a'));
        key.push((rng.next_u32() % 100) as u8);
        if rng.next_u32().is_multiple_of(4) {
            model.remove(&key);
            batch.delete(key);
        } else {
            let value = rng.next_u32().to_be_bytes().repeat(rng.next_u32() as usize % 60);
            model.insert(key.clone(), value.clone());
            batch.put(key, value);
        }
    }
    batch
}

fn same_as_the_model(index: &Index, model: &Model, rng: &mut ChaCha8Rng) {
    for _ in 0..8 {
        let mut bound = || {
            let len = rng.next_u32() % 5;
            let mut key = vec![b'k'];
            key.extend((0..len).map(|_| if rng.next_u32().is_multiple_of(2) { b'a' } else { rng.next_u32() as u8 }));
            key
        };
        let (from, to, limit) = (bound(), bound(), bound().len() * 9 - 9);
        let part: Vec<_> = match from < to {
            true => model.range(from.clone()..to.clone()).map(|(k, v)| (k.clone(), v.clone())).collect(),
            false => Vec::new(),
        };
        let upward: Vec<_> = part.iter().take(limit).cloned().collect();
        let downward: Vec<_> = part.iter().rev().take(limit).cloned().collect();
        assert_eq!(index.range(&from, &to, limit, Direction::Ascending).unwrap(), upward);
        assert_eq!(index.range(&from, &to, limit, Direction::Descending).unwrap(), downward);
        let upward: Vec<_> = model.range(from.clone()..).take_while(|(key, _)| key.starts_with(&from)).collect();
        let found = index.prefix(&from, usize::MAX, Direction::Ascending).unwrap();
        assert_eq!(found.iter().map(|(k, v)| (k, v)).collect::<Vec<_>>(), upward);
        assert_eq!(index.get(&from).unwrap().as_ref(), model.get(&from));
    }
    for key in model.keys().take(20) {
        assert_eq!(index.get(key).unwrap().as_ref(), model.get(key));
        assert!(index.contains(key).unwrap());
    }
}

#[test]
fn written_out_merged_closed_or_crashed_it_is_an_ordered_map() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("index");
        let mut index = Index::open(&dir, small()).unwrap();
        // What the index held after each batch.
        let mut states: Vec<Model> = vec![Model::new()];
        for _ in 0..150 {
            let mut model = states.last().unwrap().clone();
            let mut batch = random_batch(&mut rng, &mut model);
            batch.set_watermark(position(states.len() as u32));
            index.apply(batch).unwrap();
            states.push(model);
            match rng.next_u32() % 40 {
                0 => index.flush().unwrap(),
                1 => {
                    index.close().unwrap();
                    index = Index::open(&dir, small()).unwrap();
                    assert_eq!(index.watermark().unwrap(), Some(position(states.len() as u32 - 1)));
                }
                2 => {
                    drop(index);
                    index = Index::open(&dir, small()).unwrap();
                    // The state after some batch, and the watermark says which: the caller applies the rest again.
                    let kept = index.watermark().unwrap().map_or(0, |position| position.offset as usize);
                    states.truncate(kept + 1);
                }
                _ => {}
            }
            same_as_the_model(&index, states.last().unwrap(), &mut rng);
        }
        index.close().unwrap();
        let report = check(&dir, small()).unwrap();
        assert_eq!(report.watermark, Some(position(states.len() as u32 - 1)));
        assert!(report.rows >= states.last().unwrap().len() as u64);
    }
}

#[test]
fn readers_see_whole_batches_while_runs_are_written_and_merged() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), Options { table_bytes: 4_000, ..Options::default() }).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut before, mut reads) = (Vec::new(), 0);
            while before != 499_u32.to_be_bytes() {
                let rows = index.prefix(b"k", usize::MAX, Direction::Ascending).unwrap();
                assert!(rows.windows(2).all(|pair| pair[0].1 == pair[1].1), "all rows of a batch or none");
                let now = rows.first().map(|(_, value)| value.clone()).unwrap_or_default();
                assert!(now >= before, "never back in time");
                before = now;
                reads += 1;
            }
            reads
        });
        for n in 0..500_u32 {
            let mut batch = Batch::new();
            (0..40_u8).for_each(|key| batch.put([b'k', key], n.to_be_bytes()));
            batch.set_watermark(position(n));
            index.apply(batch).unwrap();
        }
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn own_keys_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), Options::default()).unwrap();
    let mut batch = Batch::new();
    batch.put(*b"\0w", *b"mine");
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
    assert_eq!(silent, 0, "every block has its check value");
    println!(
        "of 36 damaged indexes {replaced} replaced, {intact} unharmed, {behind} set back, {silent} silently wrong"
    );
}

/// What a power cut leaves of an index: what stands in its files at that moment.
fn after_a_power_cut(dir: &Path, left: &Path) -> Index {
    let _ = fs::remove_dir_all(left);
    for file in files(dir) {
        let to = left.join(file.strip_prefix(dir).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
    Index::open(left, Options::default()).unwrap()
}

#[test]
fn once_it_was_flushed_no_power_cut_brings_back_rows_that_lead_to_wiped_records() {
    let home = tempfile::tempdir().unwrap();
    let (dir, left) = (home.path().join("index"), home.path().join("left"));
    let disk = FaultyDisk::new();
    let open = |disk: &FaultyDisk| {
        let options = journal::Options { segment_bytes: 7_000, salt: [3; 16] };
        Journal::open(Path::new("data/journal"), disk.files(), options).unwrap().0
    };
    let mut journal = open(&disk);
    let index = Index::open(&dir, Options::default()).unwrap();
    let mut places = Vec::new();
    for n in 0..20_u8 {
        places.push(journal.append(1, &[n + 1; 300]).unwrap());
        journal.commit().unwrap();
        let mut batch = Batch::new();
        batch.put([b'k', n], [n]);
        batch.set_watermark(position(u32::from(n)));
        index.apply(batch).unwrap();
    }
    index.flush().unwrap();
    // The rows of half of them go, and then the records.
    let mut batch = Batch::new();
    (0..10_u8).for_each(|n| batch.delete([b'k', n]));
    batch.set_watermark(position(20));
    index.apply(batch).unwrap();
    let wiped: Vec<u8> = (0..10).collect();
    let led_to = |index: &Index| -> Vec<u8> { rows(index).into_iter().map(|(_, value)| value[0]).collect() };
    // Were they wiped now, a power cut would leave rows that lead nowhere.
    assert!(wiped.iter().all(|n| led_to(&after_a_power_cut(&dir, &left)).contains(n)));
    index.flush().unwrap();
    journal.wipe_all(&places[..10]).unwrap();
    for disk in [disk.crash(Survives::Nothing), disk.crash(Survives::Everything)] {
        let journal = open(&disk);
        let after = led_to(&after_a_power_cut(&dir, &left));
        assert_eq!(after, (10..20).collect::<Vec<u8>>());
        for n in 0..20 {
            assert_eq!(journal.read(places[usize::from(n)]).is_ok(), after.contains(&n), "record {n}");
        }
    }
}

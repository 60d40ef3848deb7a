//! Local state on a real disk and on a faulty one.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use archipel_storage::RECORD_BYTES_MAX;
use archipel_storage::faults::{Fault, FaultyDisk, Survives};
use archipel_storage::files::disk as real_disk;
use archipel_storage::kvlog::{Batch, COMPACT_BYTES_MIN, KvError, KvLog, KvOpened};
use proptest::prelude::*;

use crate::crash::every_crash;

type State = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

fn open(disk: &FaultyDisk) -> Result<(KvLog, KvOpened), KvError> {
    KvLog::open(Path::new("data/local"), disk.files())
}

fn state(log: &KvLog) -> State {
    let tables = (0..=u8::MAX).flat_map(|table| {
        log.prefix(table, b"", None, usize::MAX).into_iter().map(move |(key, value)| ((table, key), value))
    });
    tables.collect()
}

fn file(disk: &FaultyDisk) -> PathBuf {
    let files: Vec<PathBuf> =
        disk.paths().into_iter().filter(|path| path.extension().is_some_and(|e| e == "kv")).collect();
    assert_eq!(files.len(), 1);
    files[0].clone()
}

#[derive(Clone, Debug)]
enum Act {
    Put(u8, u8, usize),
    Delete(u8, u8),
    Many(Vec<(u8, u8)>),
    Compact,
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3_u8, 0..20_u8, 0..400_usize).prop_map(|(table, key, len)| Act::Put(table, key, len)),
        2 => (0..3_u8, 0..20_u8).prop_map(|(table, key)| Act::Delete(table, key)),
        1 => proptest::collection::vec((0..3_u8, 0..20_u8), 1..6).prop_map(Act::Many),
        1 => Just(Act::Compact),
        1 => Just(Act::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn it_is_an_ordered_map_that_outlives_the_process(acts in proptest::collection::vec(act(), 1..60)) {
        let disk = FaultyDisk::new();
        let (mut log, opened) = open(&disk).unwrap();
        prop_assert!(opened.created);
        let mut model = State::new();
        for act in acts {
            match act {
                Act::Put(table, key, len) => {
                    log.put(table, &[key], &vec![key; len]).unwrap();
                    model.insert((table, vec![key]), vec![key; len]);
                }
                Act::Delete(table, key) => {
                    log.delete(table, &[key]).unwrap();
                    model.remove(&(table, vec![key]));
                }
                Act::Many(keys) => {
                    let mut batch = Batch::new();
                    for (table, key) in keys {
                        batch.add_delete(table, &[key, 1]);
                        batch.add_put(table, &[key, 1], b"many");
                        model.insert((table, vec![key, 1]), b"many".to_vec());
                    }
                    log.apply(batch).unwrap();
                }
                Act::Compact => log.compact().unwrap(),
                Act::Reopen => {
                    drop(log);
                    let opened;
                    (log, opened) = open(&disk.crash(Survives::Nothing)).unwrap();
                    prop_assert_eq!(opened, KvOpened::default());
                    prop_assert_eq!(&state(&log), &model);
                    drop(log);
                    (log, _) = open(&disk).unwrap();
                }
            }
            prop_assert_eq!(log.len(), model.len());
        }
        prop_assert_eq!(state(&log), model);
    }
}

#[test]
fn pages_of_a_prefix_follow_each_other() {
    let (log, _) = open(&FaultyDisk::new()).unwrap();
    for n in 0..10_u8 {
        log.put(5, &[b'a', n], &[n]).unwrap();
        log.put(5, &[b'b', n], &[n]).unwrap();
        log.put(6, &[b'a', n], &[n]).unwrap();
    }
    let mut after: Option<Vec<u8>> = None;
    let mut seen = Vec::new();
    loop {
        let page = log.prefix(5, b"a", after.as_deref(), 3);
        let Some((key, _)) = page.last() else { break };
        after = Some(key.clone());
        seen.extend(page.into_iter().map(|(_, value)| value[0]));
    }
    assert_eq!(seen, (0..10).collect::<Vec<u8>>());
}

fn script(disk: &FaultyDisk) -> (State, State) {
    let (mut before, mut after) = (State::new(), State::new());
    let _ = (|| -> Result<(), KvError> {
        let (log, _) = open(disk)?;
        for n in 0..12_u8 {
            before.clone_from(&after);
            if n % 5 == 4 {
                log.compact()?;
                continue;
            }
            after.insert((1, vec![n % 3]), vec![n + 1; 100 + 90 * usize::from(n)]);
            after.insert((2, vec![n]), vec![n; 3]);
            after.remove(&(2, vec![n - n % 2]));
            let batch = Batch::new()
                .put(1, &[n % 3], &vec![n + 1; 100 + 90 * usize::from(n)])
                .put(2, &[n], &[n; 3])
                .delete(2, &[n - n % 2]);
            log.apply(batch)?;
            before.clone_from(&after);
        }
        Ok(())
    })();
    (before, after)
}

#[test]
fn every_crash_point_leaves_the_state_before_or_after_the_batch_under_way() {
    let judged = every_crash(script, |(before, after), disk, context| {
        let (log, opened) = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(opened.damaged, [], "{context}: a crash is not damage");
        let found = state(&log);
        assert!(found == *before || found == *after, "{context}: {} rows", found.len());
        log.put(9, b"later", b"value").unwrap();
        drop(log);
        let (log, opened) = open(&disk.crash(Survives::Nothing)).unwrap();
        assert_eq!(opened, KvOpened::default(), "{context}");
        assert_eq!(log.get(9, b"later").unwrap(), b"value");
        assert_eq!(log.len(), found.len() + 1);
        file(disk);
    });
    println!("{judged} crashes of local state judged");
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_until_recovered() {
    let whole = FaultyDisk::new();
    script(&whole);
    for step in 1..=whole.steps() {
        let disk = FaultyDisk::new();
        let Ok((log, _)) = open(&disk) else { unreachable!("no fault yet") };
        disk.fail_at(step, Fault::Error(ErrorKind::StorageFull));
        let mut model = State::new();
        for n in 0..14_u8 {
            let result =
                if n % 5 == 4 { log.compact().map(|()| false) } else { log.put(1, &[n], &[n; 50]).map(|()| true) };
            match result {
                Ok(true) => {
                    model.insert((1, vec![n]), vec![n; 50]);
                }
                Ok(false) => {}
                Err(_) => {
                    if log.is_poisoned() {
                        assert!(matches!(log.put(1, b"no", b""), Err(KvError::Poisoned { .. })));
                        log.recover().unwrap();
                    }
                    assert_eq!(state(&log), model, "step {step}");
                }
            }
            for survives in [Survives::Nothing, Survives::Everything] {
                let (late, opened) = open(&disk.crash(survives)).unwrap();
                assert_eq!(opened.damaged, []);
                assert_eq!(state(&late), model, "step {step}, {n}, {survives:?}");
            }
        }
    }
}

#[test]
fn flipped_bits_and_truncations_are_told_and_never_invent_values() {
    let disk = FaultyDisk::new();
    script(&disk);
    let path = file(&disk);
    let content = disk.content(&path).unwrap();
    let truth = state(&open(&disk).unwrap().0);
    let mut checked = 0;
    for bit in (0..content.len() * 8).step_by(53) {
        let hurt = disk.crash(Survives::Nothing);
        let mut damaged = content.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        hurt.set_content(&path, damaged);
        let (log, opened) = open(&hurt).unwrap();
        let in_header = bit / 8 < 4176;
        assert_eq!(opened.damaged.is_empty() && opened.torn_bytes == 0, in_header, "bit {bit}");
        if in_header {
            assert_eq!(state(&log), truth);
        } else {
            // A value is what some batch once put there.
            for ((table, key), value) in state(&log) {
                let filled = if table == 1 { value[0] % 3 == (key[0] + 1) % 3 } else { value == vec![key[0]; 3] };
                assert!(filled && value.iter().all(|byte| *byte == value[0]), "bit {bit}");
            }
        }
        log.put(7, b"x", b"y").unwrap();
        drop(log);
        assert_eq!(open(&hurt).unwrap().1, KvOpened::default(), "bit {bit}");
        checked += 1;
    }
    for len in 4176..content.len() {
        let hurt = disk.crash(Survives::Nothing);
        hurt.set_content(&path, content[..len].to_vec());
        open(&hurt).unwrap();
    }
    assert!(checked > 500);
}

#[test]
fn a_large_log_is_compacted_and_deleted_values_leave_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = KvLog::open(dir.path(), real_disk()).unwrap();
    log.put(1, b"secret", &b"canary-canary".repeat(50)).unwrap();
    log.delete(1, b"secret").unwrap();
    for n in 0..60_u32 {
        log.put(1, b"same key", &[n as u8; 100_000]).unwrap();
    }
    let size =
        |dir: &Path| -> u64 { std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum() };
    assert!(size(dir.path()) <= COMPACT_BYTES_MIN + 200_000);
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 1);
    let content = std::fs::read(&names[0]).unwrap();
    assert!(!content.windows(6).any(|window| window == b"canary"));
    let large = vec![0; RECORD_BYTES_MAX];
    assert!(matches!(log.put(1, b"k", &large), Err(KvError::BatchTooLarge { .. })));
    log.put(1, b"k", &large[..RECORD_BYTES_MAX - 100]).unwrap();
    log.compact().unwrap();
    drop(log);
    let (log, _) = KvLog::open(dir.path(), real_disk()).unwrap();
    assert_eq!(log.get(1, b"same key").unwrap(), [59; 100_000]);
    assert_eq!(log.get(1, b"k").unwrap().len(), RECORD_BYTES_MAX - 100);
}

#[test]
fn a_ticket_is_used_once_however_many_try() {
    let (log, _) = open(&FaultyDisk::new()).unwrap();
    log.put(4, b"ticket", b"").unwrap();
    let take = || {
        log.change(|view, batch| {
            let there = view.get(4, b"ticket").is_some();
            batch.add_delete(4, b"ticket");
            there
        })
        .unwrap()
    };
    let wins = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(wins, 1);
}

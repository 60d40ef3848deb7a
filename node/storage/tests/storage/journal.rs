//! The journal on a real disk.

use std::path::Path;

use archipel_storage::RECORD_BYTES_MAX;
use archipel_storage::files::disk;
use archipel_storage::journal::{
    Chain, GROUP_BYTES_MAX, Journal, JournalError, Location, Opened, Options, Position, Scanned,
};
use proptest::prelude::*;

fn options(segment_bytes: u32) -> Options {
    Options { segment_bytes, salt: [7; 16] }
}

fn open(dir: &Path, segment_bytes: u32) -> (Journal, Opened) {
    Journal::open(&dir.join("journal"), disk(), options(segment_bytes)).unwrap()
}

fn records(journal: &Journal, from: Position) -> Vec<(Location, u8, Vec<u8>)> {
    let found = journal.scan(from).map(|item| match item.unwrap() {
        Scanned::Record { at, kind, payload } => (at, kind, payload),
        other => panic!("{other:?}"),
    });
    found.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_was_committed_reads_back_after_reopening(
        groups in proptest::collection::vec(proptest::collection::vec((any::<u8>(), 0_usize..3000), 1..8), 1..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut written = Vec::new();
        let (mut journal, opened) = open(dir.path(), 20_000);
        prop_assert!(opened.created);
        for group in &groups {
            for (kind, len) in group {
                let payload = vec![*kind ^ 0x55; *len];
                let at = journal.append(*kind, &payload).unwrap();
                written.push((at, *kind, payload));
            }
            let end = journal.commit().unwrap();
            prop_assert_eq!(end, journal.position());
        }
        prop_assert_eq!(&records(&journal, Position::START), &written);
        drop(journal);
        let (journal, opened) = open(dir.path(), 20_000);
        prop_assert_eq!(opened, Opened::default());
        prop_assert_eq!(&records(&journal, Position::START), &written);
        for (index, (at, kind, payload)) in written.iter().enumerate() {
            prop_assert_eq!(&journal.reader().read_with_kind(*at).unwrap(), &(*kind, payload.clone()));
            prop_assert_eq!(records(&journal, at.position()).len(), written.len() - index);
        }
    }
}

#[test]
fn nothing_is_readable_before_its_commit() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 1 << 20);
    let reader = journal.reader();
    let at = journal.append(1, b"early").unwrap();
    assert!(matches!(reader.read(at), Err(JournalError::NotCommitted { .. })));
    assert_eq!(records(&journal, Position::START), []);
    journal.commit().unwrap();
    assert_eq!(reader.read(at).unwrap(), b"early");
    let late = journal.append(1, b"given up").unwrap();
    journal.abandon();
    journal.commit().unwrap();
    assert!(matches!(reader.read(late), Err(JournalError::NotCommitted { .. })));
}

#[test]
fn limits_are_refused_without_effect() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 1 << 20);
    let large = vec![1; RECORD_BYTES_MAX + 1];
    assert!(matches!(journal.append(1, &large), Err(JournalError::RecordTooLarge { .. })));
    let largest = &large[..RECORD_BYTES_MAX];
    let fitting = GROUP_BYTES_MAX / (RECORD_BYTES_MAX + 24);
    let places: Vec<Location> = (0..fitting).map(|_| journal.append(1, largest).unwrap()).collect();
    assert!(matches!(journal.append(1, largest), Err(JournalError::GroupFull { .. })));
    journal.commit().unwrap();
    assert!(places.iter().all(|at| journal.read(*at).unwrap() == largest));
}

#[test]
fn segments_roll_and_hang_together() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10_000);
    for n in 0..100_u32 {
        journal.append(1, &n.to_le_bytes().repeat(100)).unwrap();
        journal.commit().unwrap();
    }
    let reader = journal.reader();
    let segments = reader.segments().unwrap();
    assert!(segments.len() > 4);
    assert!(segments.iter().rev().skip(1).all(|segment| segment.sealed && segment.bytes >= 10_000));
    let mut before = None;
    let mut total = 0;
    for segment in &segments {
        let report = reader.scrub(segment.number, before.as_ref()).unwrap();
        assert_eq!(report.chain, if before.is_none() { Chain::First } else { Chain::Holds });
        assert_eq!(report.damaged, []);
        total += report.records;
        before = Some(report);
    }
    assert_eq!(total, 100);
}

#[test]
fn a_scan_goes_on_where_it_stopped_when_more_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 6_000);
    let mut scan = journal.scan(Position::START);
    for n in 0..50_u32 {
        journal.append(2, &vec![n as u8; 300]).unwrap();
        journal.commit().unwrap();
        let Some(Ok(Scanned::Record { payload, .. })) = scan.next() else { panic!("record {n}") };
        assert_eq!(payload, vec![n as u8; 300]);
        assert!(scan.next().is_none());
        assert_eq!(scan.position(), journal.position());
    }
}

#[test]
fn readers_on_other_threads_read_while_the_writer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 50_000);
    let first = journal.append(9, &[1; 500]).unwrap();
    journal.commit().unwrap();
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let reader = journal.reader();
            std::thread::spawn(move || {
                let mut seen = 0;
                while seen < 400 {
                    assert_eq!(reader.read(first).unwrap(), [1; 500]);
                    seen = reader.scan(Position::START).map(Result::unwrap).count();
                }
            })
        })
        .collect();
    for _ in 0..400 {
        journal.append(9, &[2; 500]).unwrap();
        journal.commit().unwrap();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn wiping_gives_the_disk_its_blocks_back_where_the_file_system_can() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let blocks = || std::fs::metadata(dir.path().join("journal/seg-00000001.log")).unwrap().blocks();
    // What this file system does with a hole, so that the journal is measured against it and not against a guess.
    let probe = std::fs::File::create(dir.path().join("probe")).unwrap();
    let holes = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
    let can = rustix::fs::fallocate(&probe, holes, 0, 4096).is_ok();
    let (mut journal, _) = open(dir.path(), 64 << 20);
    let noise: Vec<u8> = (0_u32..1 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let at = journal.append(1, &noise).unwrap();
    let kept = journal.append(1, b"kept").unwrap();
    journal.commit().unwrap();
    let before = blocks();
    assert!(before >= 2048, "a block of stat is 512 bytes: {before}");
    journal.wipe(at).unwrap();
    assert!(!can || blocks() + 2000 < before, "{before} and then {}", blocks());
    drop(journal);
    let (journal, opened) = open(dir.path(), 64 << 20);
    assert_eq!(opened, Opened::default());
    assert!(matches!(journal.read(at), Err(JournalError::Erased { .. })));
    assert_eq!(journal.read(kept).unwrap(), b"kept");
}

//! The journal after damage: found before use, told, and never cut away together with what is good (INV-42).

use std::path::{Path, PathBuf};

use archipel_storage::faults::FaultyDisk;
use archipel_storage::journal::{
    Chain, DamageCause, Journal, JournalError, Location, Opened, Options, Position, Scanned,
};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

type Record = (Location, u8, Vec<u8>);

const SEGMENT_BYTES: u32 = 12_000;

fn open(disk: &FaultyDisk) -> Result<(Journal, Opened), JournalError> {
    Journal::open(Path::new("data/journal"), disk.files(), Options { segment_bytes: SEGMENT_BYTES, salt: [9; 16] })
}

fn segment(number: u32) -> PathBuf {
    PathBuf::from(format!("data/journal/seg-{number:08}.log"))
}

/// Some commits over three segments; the records in order, with the number of their commit as kind.
fn filled() -> (FaultyDisk, Vec<Record>) {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut records = Vec::new();
    for commit in 0..40_u8 {
        for _ in 0..1 + rng.next_u32() % 5 {
            let mut payload = vec![0; (rng.next_u32() % 500) as usize];
            rng.fill_bytes(&mut payload);
            records.push((journal.append(commit, &payload).unwrap(), commit, payload));
        }
        journal.commit().unwrap();
    }
    assert!(journal.position().segment >= 3);
    (disk, records)
}

fn last_segment(records: &[Record]) -> u32 {
    records.last().unwrap().0.segment
}

fn scan(journal: &Journal) -> (Vec<Record>, Vec<DamageCause>) {
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    for item in journal.scan(Position::START) {
        match item.unwrap() {
            Scanned::Record { at, kind, payload } => records.push((at, kind, payload)),
            Scanned::Damaged(found) => damage.push(found.cause),
            Scanned::Erased { at, .. } => panic!("{at:?} was never wiped"),
        }
    }
    (records, damage)
}

/// A new journal goes on where a damaged one ended.
fn goes_on(disk: &FaultyDisk, context: &str) {
    let (mut journal, _) = open(disk).unwrap();
    let before = scan(&journal).0;
    let at = journal.append(200, b"new").unwrap();
    journal.commit().unwrap();
    drop(journal);
    let (journal, opened) = open(disk).unwrap();
    let missing = |cause| cause == DamageCause::SegmentMissing;
    assert!(opened.damaged.iter().all(|damage| missing(damage.cause)), "{context}: {opened:?}");
    assert_eq!(journal.read(at).unwrap(), b"new", "{context}");
    assert_eq!(scan(&journal).0.len(), before.len() + 1, "{context}");
}

#[test]
fn every_truncation_of_the_last_segment_leaves_whole_commits() {
    let (disk, records) = filled();
    let last = last_segment(&records);
    let content = disk.content(&segment(last)).unwrap();
    for len in 0..content.len() {
        let cut = disk.crash(archipel_storage::faults::Survives::Nothing);
        cut.set_content(&segment(last), content[..len].to_vec());
        let (journal, opened) = open(&cut).unwrap();
        let (found, damage) = scan(&journal);
        assert_eq!(found, records[..found.len()], "cut at {len}");
        // Whole commits: the next record, if any, belongs to another commit than the last one found.
        let commit_of = |index: usize| records.get(index).map(|record| record.1);
        assert_ne!(commit_of(found.len() - 1), commit_of(found.len()), "cut at {len}");
        let kept_whole = records.iter().filter(|(at, ..)| at.segment < last).count();
        assert!(found.len() >= kept_whole, "cut at {len}");
        let ends_with_commit = opened.torn.is_none() && opened.damaged.is_empty() && damage.is_empty();
        if ends_with_commit {
            // Nobody can know that more was there; a peer's statement will tell.
            let inside = found.last().filter(|(at, ..)| at.segment == last);
            let end = inside.map_or(4176, |(at, ..)| at.offset + (24 + at.len).next_multiple_of(8));
            assert_eq!(end as usize, len, "cut at {len} and not told");
        }
        drop(journal);
        if len % 97 == 0 || len < 100 {
            goes_on(&cut, &format!("cut at {len}"));
        }
    }
}

#[test]
fn every_flipped_bit_is_found_and_costs_at_most_its_record() {
    let (disk, records) = filled();
    let last = last_segment(&records);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut flips = 0;
    for number in 1..=last {
        let content = disk.content(&segment(number)).unwrap();
        let bits = content.len() as u32 * 8;
        let mut at = 0;
        while at < bits {
            let mut damaged = content.clone();
            damaged[at as usize / 8] ^= 1 << (at % 8);
            let hurt = disk.crash(archipel_storage::faults::Survives::Nothing);
            hurt.set_content(&segment(number), damaged);
            let context = format!("bit {at} of segment {number}");

            let (journal, opened) = open(&hurt).unwrap();
            let (found, in_scan) = scan(&journal);
            let report = journal.reader().scrub(number, None).unwrap();
            let told = !opened.damaged.is_empty() || opened.torn.is_some() || !report.damaged.is_empty();
            assert!(told, "{context} was not found");
            let hit = records.iter().filter(|(place, ..)| {
                let end = place.offset + (24 + place.len).next_multiple_of(8);
                place.segment == number && (place.offset..end).contains(&(at / 8))
            });
            let hit: Vec<&Record> = hit.collect();
            let expected: Vec<&Record> = records.iter().filter(|record| !hit.contains(record)).collect();
            if opened.torn.is_some() {
                // Only in the last commit of all can damage look like an interrupted write.
                assert!(records.iter().zip(&found).all(|(a, b)| a == b), "{context}");
                assert_eq!(hit[0].1, records.last().unwrap().1, "{context}");
            } else {
                assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{context}");
                assert_eq!(in_scan.len(), hit.len(), "{context}");
            }
            for record in hit {
                let refused = journal.read(record.0);
                let expected = matches!(refused, Err(JournalError::Damaged { .. } | JournalError::NotCommitted { .. }));
                assert!(expected, "{context}: {refused:?}");
            }
            if flips % 41 == 0 {
                drop(journal);
                let (mut journal, _) = open(&hurt).unwrap();
                journal.append(1, b"more").unwrap();
                journal.commit().unwrap();
                assert_eq!(scan(&journal).0.len(), found.len() + 1, "{context}");
            }
            flips += 1;
            at += 1 + rng.next_u32() % 97;
        }
    }
    println!("{flips} flipped bits, all found");
    assert!(flips > 3000);
}

#[test]
fn zeroed_pages_are_found() {
    let (disk, records) = filled();
    let last = last_segment(&records);
    for number in 1..=last {
        let content = disk.content(&segment(number)).unwrap();
        for page in 0..content.len().div_ceil(4096) {
            let mut damaged = content.clone();
            let end = (page * 4096 + 4096).min(damaged.len());
            damaged[page * 4096..end].fill(0);
            let hurt = disk.crash(archipel_storage::faults::Survives::Nothing);
            hurt.set_content(&segment(number), damaged);
            let (journal, opened) = open(&hurt).unwrap();
            let report = journal.reader().scrub(number, None).unwrap();
            let told = opened.torn.is_some() || !opened.damaged.is_empty() || !report.damaged.is_empty();
            assert!(told, "page {page} of {number}");
            let (found, _) = scan(&journal);
            assert!(found.iter().all(|record| records.contains(record)));
            drop(journal);
            goes_on_after(&hurt);
        }
    }
}

/// As `goes_on`, where old damage stays told.
fn goes_on_after(disk: &FaultyDisk) {
    let (mut journal, _) = open(disk).unwrap();
    let at = journal.append(200, b"new").unwrap();
    journal.commit().unwrap();
    drop(journal);
    assert_eq!(open(disk).unwrap().0.read(at).unwrap(), b"new");
}

#[test]
fn both_headers_lost_costs_one_segment_and_is_told() {
    let (disk, records) = filled();
    let last = last_segment(&records);
    for number in [2, last] {
        let mut content = disk.content(&segment(number)).unwrap();
        content[..4176].fill(0xee);
        let hurt = disk.crash(archipel_storage::faults::Survives::Nothing);
        hurt.set_content(&segment(number), content);
        let (journal, opened) = open(&hurt).unwrap();
        let (found, damage) = scan(&journal);
        assert_eq!(damage, [DamageCause::HeaderLost]);
        assert_eq!(opened.damaged.len(), usize::from(number == last));
        let expected: Vec<Record> = records.iter().filter(|(at, ..)| at.segment != number).cloned().collect();
        assert_eq!(found, expected);
        drop(journal);
        goes_on_after(&hurt);
    }
}

#[test]
fn a_missing_segment_is_told_and_breaks_the_chain() {
    let (disk, records) = filled();
    disk.files().remove(&segment(2)).unwrap();
    let (journal, opened) = open(&disk).unwrap();
    assert_eq!(opened.damaged.len(), 1);
    assert_eq!((opened.damaged[0].segment, opened.damaged[0].cause), (2, DamageCause::SegmentMissing));
    let (found, damage) = scan(&journal);
    assert_eq!(damage, [DamageCause::SegmentMissing]);
    let expected: Vec<Record> = records.iter().filter(|(at, ..)| at.segment != 2).cloned().collect();
    assert_eq!(found, expected);
    let first = journal.reader().scrub(1, None).unwrap();
    assert_eq!(journal.reader().scrub(3, Some(&first)).unwrap().chain, Chain::Broken);
}

#[test]
fn an_older_program_refuses_a_newer_segment() {
    let (disk, records) = filled();
    let last = segment(last_segment(&records));
    let mut content = disk.content(&last).unwrap();
    // As a newer program would write it: both copies, whatever its check value is.
    for at in [8, 4096 + 8] {
        content[at] = 2;
    }
    disk.set_content(&last, content.clone());
    let error = open(&disk).map(|_| ()).unwrap_err();
    assert!(matches!(error, JournalError::NewerVersion { version: 2, known: 1, .. }));
    assert_eq!(disk.content(&last).unwrap(), content, "and leaves it alone");
}

#[test]
fn bytes_inside_a_payload_never_pass_for_a_record() {
    let (disk, records) = filled();
    // Eve sends a body that holds the bytes of good records, of this journal even; then the record around it is damaged.
    let stolen = disk.content(&segment(1)).unwrap()[4176..].to_vec();
    let (mut journal, _) = open(&disk).unwrap();
    let at = journal.append(66, &stolen).unwrap();
    journal.commit().unwrap();
    journal.append(67, b"behind").unwrap();
    journal.commit().unwrap();
    drop(journal);
    let mut content = disk.content(&segment(at.segment)).unwrap();
    content[at.offset as usize + 1] ^= 0xff;
    disk.set_content(&segment(at.segment), content);
    let (journal, _) = open(&disk).unwrap();
    let (found, damage) = scan(&journal);
    assert_eq!(damage, [DamageCause::Records]);
    assert_eq!(found.len(), records.len() + 1);
    assert_eq!(found.last().unwrap().2, b"behind");
}

#[test]
fn wiped_is_gone_from_the_files_and_the_chain_holds() {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    let mut canaries = Vec::new();
    for n in 0..60 {
        journal.append(1, &[n; 700]).unwrap();
        canaries.push(journal.append(2, format!("canary-{n}-canary").repeat(20).as_bytes()).unwrap());
        journal.commit().unwrap();
    }
    let reader = journal.reader();
    let mut scan = reader.scan(Position::START);
    scan.next().unwrap().unwrap();
    journal.wipe_all(&canaries).unwrap();
    journal.wipe(canaries[3]).unwrap();
    // A scan that had read ahead does not bring it back.
    assert!(matches!(scan.next(), Some(Ok(Scanned::Erased { kind: 2, .. }))));
    for path in disk.paths() {
        let content = disk.content(&path).unwrap();
        assert!(!content.windows(7).any(|window| window == b"canary-"), "{}", path.display());
    }
    drop(journal);
    let (journal, opened) = open(&disk).unwrap();
    assert_eq!(opened, Opened::default());
    assert!(canaries.iter().all(|at| matches!(journal.read(*at), Err(JournalError::Erased { .. }))));
    let mut before = None;
    let mut erased = 0;
    for segment in journal.reader().segments().unwrap() {
        let report = journal.reader().scrub(segment.number, before.as_ref()).unwrap();
        assert_ne!(report.chain, Chain::Broken);
        assert_eq!((&report.damaged[..], &report.wipes_unfinished[..]), (&[][..], &[][..]));
        erased += report.erased;
        before = Some(report);
    }
    assert_eq!(erased, 60);
}

#[test]
fn even_a_damaged_record_can_be_wiped() {
    let (disk, records) = filled();
    let victim = records.iter().find(|(at, _, payload)| at.segment == 2 && payload.len() > 100).unwrap();
    let mut content = disk.content(&segment(2)).unwrap();
    content[victim.0.offset as usize + 9] ^= 4;
    disk.set_content(&segment(2), content);
    let (mut journal, _) = open(&disk).unwrap();
    journal.wipe(victim.0).unwrap();
    let content = disk.content(&segment(2)).unwrap();
    assert!(!content.windows(32).any(|window| window == &victim.2[..32]));
    assert_eq!(scan(&journal).0.len(), records.len() - 1);
}

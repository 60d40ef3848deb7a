//! A small journal, exhaustively: cut at every byte, and every bit of every record turned. It opens, nothing altered is
//! shown, what is lost is told, and writing goes on behind it.

use std::path::{Path, PathBuf};

use archipel_storage::faults::{FaultyDisk, Survives};
use archipel_storage::journal::{Chain, Journal, JournalError, Location, Opened, Options, Position, Scanned};

type Record = (Location, u8, Vec<u8>);

/// Two copies of a segment's header, and where records begin.
const HEADERS: [usize; 2] = [0, 4096];
const HEADER_BYTES: usize = 80;
const RECORDS_FROM: usize = 4176;

fn open(disk: &FaultyDisk) -> Result<(Journal, Opened), JournalError> {
    Journal::open(Path::new("data/journal"), disk.files(), Options { segment_bytes: 4_700, salt: [7; 16] })
}

fn segment(number: u32) -> PathBuf {
    PathBuf::from(format!("data/journal/seg-{number:08}.log"))
}

/// Commits of one to three short records over two segments.
fn filled() -> (FaultyDisk, Vec<Record>) {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    let mut records = Vec::new();
    for commit in 0..9_u8 {
        for n in 0..=commit % 3 {
            let payload: Vec<u8> = (0..usize::from(commit) * 5 % 37 + 1).map(|i| (i * 7) as u8 ^ commit ^ n).collect();
            records.push((journal.append(commit, &payload).unwrap(), commit, payload));
        }
        journal.commit().unwrap();
    }
    let end = records.last().unwrap().0;
    assert_eq!(end.segment, 2, "two segments, the second not the last by accident");
    (disk, records)
}

fn with(disk: &FaultyDisk, number: u32, content: Vec<u8>) -> FaultyDisk {
    let hurt = disk.crash(Survives::Nothing);
    hurt.set_content(&segment(number), content);
    hurt
}

struct Found {
    records: Vec<Record>,
    told: bool,
}

fn look(disk: &FaultyDisk, context: &str) -> Found {
    let (journal, opened) = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
    let (mut records, mut told) = (Vec::new(), opened.torn.is_some() || !opened.damaged.is_empty());
    for item in journal.scan(Position::START) {
        match item.unwrap_or_else(|error| panic!("{context}: {error}")) {
            Scanned::Record { at, kind, payload } => records.push((at, kind, payload)),
            Scanned::Damaged(_) => told = true,
            Scanned::Erased { at, .. } => panic!("{context}: {at:?} was never wiped"),
        }
    }
    // As a look through all of it does: each segment, and whether it continues the one before.
    let mut before = None;
    for number in 1..=2 {
        match journal.reader().scrub(number, before.as_ref()) {
            Ok(report) => {
                told |= !report.damaged.is_empty() || report.chain == Chain::Broken;
                before = Some(report);
            }
            Err(_) => told = true,
        }
    }
    Found { records, told }
}

/// Work goes on, and what was written then is there after the next start, with all that was found.
fn goes_on(disk: &FaultyDisk, before: &Found, context: &str) {
    let (mut journal, _) = open(disk).unwrap();
    let at = journal.append(200, b"new").unwrap();
    journal.commit().unwrap();
    drop(journal);
    let after = look(&disk.crash(Survives::Nothing), context);
    assert_eq!(after.records[..before.records.len()], before.records, "{context}");
    assert_eq!(after.records.last(), Some(&(at, 200, b"new".to_vec())), "{context}");
}

#[test]
fn cut_at_every_byte_of_every_segment_it_opens_and_tells_what_is_missing() {
    let (disk, records) = filled();
    let mut cuts = 0;
    for number in 1..=2 {
        let content = disk.content(&segment(number)).unwrap();
        let used = records.iter().filter(|(at, ..)| at.segment == number).map(|(at, ..)| at.offset + 24 + at.len).max();
        for len in 0..content.len() {
            let context = format!("segment {number} cut at {len}");
            let cut = with(&disk, number, content[..len].to_vec());
            let found = look(&cut, &context);
            assert!(found.records.iter().all(|record| records.contains(record)), "{context}: something altered");
            let outside = records.iter().filter(|(at, ..)| at.segment != number);
            assert!(outside.clone().all(|record| found.records.contains(record)), "{context}: too much is gone");
            let lost = records.len() - found.records.len();
            // Of the last segment nobody can know that more was there when the cut falls between two commits.
            let between = number == 2 && found.records == records[..found.records.len()];
            let told = found.told || lost == 0 || (between && commit_ends(&records, found.records.len()));
            assert!(told, "{context}: {lost} records are missing and nobody says so");
            if len % 7 == 0 || len > RECORDS_FROM {
                goes_on(&cut, &found, &context);
            }
            cuts += 1;
        }
        assert!(used.is_some());
    }
    println!("{cuts} truncations, all opened");
    assert!(cuts > 8_000);
}

fn commit_ends(records: &[Record], len: usize) -> bool {
    let commit_of = |index: usize| records.get(index).map(|record| record.1);
    len == 0 || commit_of(len - 1) != commit_of(len)
}

#[test]
fn every_single_bit_of_headers_and_records_is_found_when_it_turns() {
    let (disk, records) = filled();
    let mut flips = 0;
    for number in 1..=2 {
        let content = disk.content(&segment(number)).unwrap();
        let end =
            records.iter().filter(|(at, ..)| at.segment == number).map(|(at, ..)| (at.offset + 24 + at.len) as usize);
        let bytes =
            HEADERS.into_iter().flat_map(|from| from..from + HEADER_BYTES).chain(RECORDS_FROM..end.max().unwrap());
        for (byte, bit) in bytes.flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
            let context = format!("bit {bit} of byte {byte} of segment {number}");
            let mut damaged = content.clone();
            damaged[byte] ^= 1 << bit;
            let hurt = with(&disk, number, damaged);
            let found = look(&hurt, &context);
            assert!(found.records.iter().all(|record| records.contains(record)), "{context}: something altered");
            let lost = records.len() - found.records.len();
            assert!(found.told || lost == 0, "{context}: {lost} records are missing and nobody says so");
            // At most one record, or the last commit of all, which looks like a write cut short.
            let last = records.iter().filter(|record| record.1 == records[records.len() - 1].1).count();
            assert!(lost <= last.max(1), "{context}: {lost} records are gone");
            if bit == byte % 8 {
                goes_on(&hurt, &found, &context);
            }
            flips += 1;
        }
    }
    println!("{flips} flipped bits, all opened, none shown");
    assert!(flips > 5_000);
}

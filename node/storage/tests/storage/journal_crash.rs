//! The journal on a disk that stops, tears, forgets and refuses (INV-41, INV-44, INV-45, INV-46).

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use archipel_storage::faults::{Fault, FaultyDisk, Survives};
use archipel_storage::journal::{Journal, JournalError, Location, Opened, Options, Position, Scanned};

use crate::crash::every_crash;

type Record = (Location, u8, Vec<u8>);

/// What was promised when the machine stopped.
#[derive(Clone, Debug, Default)]
struct Promised {
    acknowledged: Vec<Record>,
    /// The commit under way, or empty.
    pending: Vec<Record>,
    wiped: BTreeSet<Location>,
    wiping: Option<Location>,
}

fn open(disk: &FaultyDisk) -> Result<(Journal, Opened), JournalError> {
    Journal::open(Path::new("data/journal"), disk.files(), Options { segment_bytes: 7_000, salt: [3; 16] })
}

/// Bytes without long runs of zeros, different for each record.
fn payload(n: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| ((i * 7 + n * 13) % 251) as u8 + 1).collect()
}

fn add_group(journal: &mut Journal, promised: &mut Promised, group: usize) -> Result<(), JournalError> {
    promised.pending.clear();
    for n in 0..1 + group % 4 {
        let bytes = payload(group * 10 + n, [0, 40, 300, 900, 1500][(group + n) % 5]);
        let at = journal.append(group as u8, &bytes)?;
        promised.pending.push((at, group as u8, bytes));
    }
    journal.commit()?;
    promised.acknowledged.append(&mut promised.pending);
    Ok(())
}

fn wipe(journal: &mut Journal, promised: &mut Promised, index: usize) -> Result<(), JournalError> {
    let at = promised.acknowledged[index].0;
    promised.wiping = Some(at);
    journal.wipe(at)?;
    promised.wiping = None;
    promised.wiped.insert(at);
    Ok(())
}

fn script(disk: &FaultyDisk) -> Promised {
    let mut promised = Promised::default();
    // An error is the machine stopping; what had been promised by then is the answer.
    let _ = (|| -> Result<(), JournalError> {
        let (mut journal, _) = open(disk)?;
        for group in 0..7 {
            add_group(&mut journal, &mut promised, group)?;
        }
        wipe(&mut journal, &mut promised, 2)?;
        drop(journal);
        let (mut journal, _) = open(disk)?;
        for group in 7..14 {
            add_group(&mut journal, &mut promised, group)?;
            if group % 5 == 0 {
                let last = promised.acknowledged.len() - 1;
                wipe(&mut journal, &mut promised, last)?;
            }
        }
        wipe(&mut journal, &mut promised, 5)
    })();
    promised
}

fn scanned(journal: &Journal, context: &str) -> Vec<(Location, Option<Record>)> {
    let items = journal.scan(Position::START).map(|item| match item.unwrap() {
        Scanned::Record { at, kind, payload } => (at, Some((at, kind, payload))),
        Scanned::Erased { at, .. } => (at, None),
        Scanned::Damaged(damage) => panic!("{context}: {damage:?}"),
    });
    items.collect()
}

/// Compares what is found with what was promised. Returns whether the commit under way is there.
fn check(journal: &Journal, promised: &Promised, context: &str) -> bool {
    let found = scanned(journal, context);
    let pending_too = found.len() > promised.acknowledged.len();
    let expected = match pending_too {
        true => [&promised.acknowledged[..], &promised.pending[..]].concat(),
        false => promised.acknowledged.clone(),
    };
    assert_eq!(found.len(), expected.len(), "{context}: part of a commit");
    for ((at, record), wanted) in found.iter().zip(&expected) {
        assert_eq!(*at, wanted.0, "{context}");
        match record {
            Some(record) => {
                assert!(!promised.wiped.contains(at), "{context}: wiped and back");
                assert_eq!(record, wanted, "{context}");
                assert_eq!(journal.read(*at).unwrap(), wanted.2, "{context}");
            }
            None => {
                assert!(promised.wiped.contains(at) || promised.wiping == Some(*at), "{context}: lost {at:?}");
                assert!(matches!(journal.read(*at), Err(JournalError::Erased { .. })), "{context}");
            }
        }
    }
    pending_too
}

fn payload_is_zero(disk: &FaultyDisk, at: Location) -> bool {
    let path = format!("data/journal/seg-{:08}.log", at.segment);
    let content = disk.content(Path::new(&path)).unwrap();
    let from = at.offset as usize + 24;
    content[from..from + at.len as usize].iter().all(|byte| *byte == 0)
}

#[test]
fn every_crash_point_keeps_what_was_acknowledged_and_nothing_torn() {
    let judged = every_crash(script, |promised, disk, context| {
        let (mut journal, opened) = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(opened.damaged, [], "{context}: a crash is not damage");
        let mut promised = promised.clone();
        if check(&journal, &promised, context) {
            let pending = std::mem::take(&mut promised.pending);
            promised.acknowledged.extend(pending);
        }
        // Life goes on, and what is found once stays.
        promised.pending.clear();
        if let Some(at) = promised.wiping.take() {
            if opened.wipes_finished > 0 {
                assert!(payload_is_zero(disk, at), "{context}: a wipe was left half done");
            }
            journal.wipe(at).unwrap();
            assert!(payload_is_zero(disk, at), "{context}");
            promised.wiped.insert(at);
        }
        add_group(&mut journal, &mut promised, 3).unwrap();
        drop(journal);
        let (journal, opened) = open(&disk.crash(Survives::Nothing)).unwrap();
        assert_eq!((opened.torn, &opened.damaged[..]), (None, &[][..]), "{context}");
        assert!(!check(&journal, &promised, context));
    });
    println!("{judged} crashes of the journal judged");
    assert!(judged > 1000);
}

#[test]
fn a_crash_while_opening_after_a_crash_loses_nothing_either() {
    let whole = FaultyDisk::new();
    script(&whole);
    let mut judged = 0;
    for stop in (1..=whole.steps()).step_by(3) {
        let disk = FaultyDisk::new();
        disk.fail_at(stop, Fault::Stop);
        let promised = script(&disk);
        for seed in 0..4 {
            for second in 1..8 {
                let again = disk.crash(Survives::Random { seed: stop * 7 + seed });
                again.fail_at(second, Fault::Stop);
                let finished = open(&again).is_ok();
                let context = format!("stop at {stop}, again at {second}, seed {seed}");
                let (journal, opened) = open(&again.crash(Survives::Random { seed })).unwrap();
                assert_eq!(opened.damaged, [], "{context}");
                check(&journal, &promised, &context);
                judged += 1;
                if finished {
                    break;
                }
            }
        }
    }
    println!("{judged} double crashes judged");
}

#[test]
fn after_a_failed_write_or_sync_nothing_is_acknowledged_until_recovered() {
    let whole = FaultyDisk::new();
    script(&whole);
    for step in 1..=whole.steps() {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
            let disk = FaultyDisk::new();
            let mut promised = Promised::default();
            let Ok((mut journal, _)) = open(&disk) else { unreachable!("no fault yet") };
            disk.fail_at(step, Fault::Error(kind));
            for group in 0..12 {
                let context = format!("{kind:?} at {step}, group {group}");
                if let Err(error) = add_group(&mut journal, &mut promised, group) {
                    assert_eq!(error.is_disk_full(), kind == ErrorKind::StorageFull, "{context}");
                    assert!(journal.is_poisoned(), "{context}");
                    assert!(matches!(journal.append(1, b"no"), Err(JournalError::Poisoned { .. })), "{context}");
                    assert!(matches!(journal.commit(), Err(JournalError::Poisoned { .. })), "{context}");
                    // What was acknowledged still reads.
                    let pending = std::mem::take(&mut promised.pending);
                    check(&journal, &promised, &context);
                    promised.pending = pending;
                    // A process that starts now, before any recovery, and then loses power.
                    let (late, _) = open(&disk.crash(Survives::Everything)).unwrap();
                    check(&late, &promised, &context);
                    journal.recover().unwrap();
                    promised.pending.clear();
                }
                let (late, opened) = open(&disk.crash(Survives::Nothing)).unwrap();
                assert_eq!(opened.damaged, [], "{context}");
                check(&late, &promised, &context);
            }
            assert!(!journal.is_poisoned());
            check(&journal, &promised, "at the end");
        }
    }
}

/// After a failed sync the system may show bytes that are not on the disk. A process that finds them must not build on
/// them before they are.
#[test]
fn what_an_opening_finds_is_on_the_disk() {
    let disk = FaultyDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    let mut promised = Promised::default();
    add_group(&mut journal, &mut promised, 1).unwrap();
    // The write of the next group succeeds, its sync fails and forgets.
    disk.fail_at(disk.steps() + 2, Fault::Error(ErrorKind::Other));
    add_group(&mut journal, &mut promised, 2).unwrap_err();
    drop(journal);
    let (journal, _) = open(&disk).unwrap();
    assert!(check(&journal, &promised, "found after the failed sync"), "it reads back");
    let (journal, _) = open(&disk.crash(Survives::Nothing)).unwrap();
    assert!(check(&journal, &promised, "after the power cut"), "and so it must stay");
}

#[test]
fn a_full_disk_corrupts_nothing_and_work_goes_on_when_there_is_room() {
    for capacity in (4_000..26_000).step_by(331) {
        let disk = FaultyDisk::new();
        disk.set_capacity(Some(capacity));
        let mut promised = Promised::default();
        let Ok((mut journal, _)) = open(&disk) else {
            disk.set_capacity(None);
            open(&disk).unwrap();
            continue;
        };
        let mut refused = 0;
        for group in 0..20 {
            if let Err(error) = add_group(&mut journal, &mut promised, group) {
                assert!(error.is_disk_full(), "{error}");
                refused += 1;
                if refused == 3 {
                    disk.set_capacity(None);
                }
                promised.pending.clear();
                journal.recover().unwrap();
            }
            check(&journal, &promised, "while full");
        }
        assert!(refused == 0 || refused >= 3 || capacity > 20_000);
        let (journal, opened) = open(&disk.crash(Survives::Nothing)).unwrap();
        assert_eq!(opened.damaged, []);
        check(&journal, &promised, "after a restart");
    }
}

/// The record that the script below wipes, once the crash may have interrupted it.
fn wipe_in_an_earlier_segment(disk: &FaultyDisk) -> Option<Location> {
    let mut promised = Promised::default();
    let mut wiping = None;
    // An error is the machine stopping.
    let _ = (|| -> Result<(), JournalError> {
        let (mut journal, _) = open(disk)?;
        for group in 0..14 {
            add_group(&mut journal, &mut promised, group)?;
        }
        let long = promised.acknowledged.iter().find(|(_, _, bytes)| bytes.len() == 1_500).expect("there is one");
        assert!(long.0.segment < journal.position().segment);
        wiping = Some(long.0);
        journal.wipe(long.0)
    })();
    wiping
}

#[test]
fn a_wipe_interrupted_in_an_earlier_segment_is_found_by_reading_it_and_can_be_finished() {
    let found = std::cell::Cell::new(0);
    every_crash(wipe_in_an_earlier_segment, |wiping, disk, context| {
        let Some(at) = *wiping else { return };
        let (mut journal, opened) = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!(opened.damaged, [], "{context}");
        let unfinished = |journal: &Journal| {
            let report = journal.reader().scrub(at.segment, None).unwrap();
            assert_eq!(report.damaged, [], "{context}");
            report.wipes_unfinished
        };
        let places = unfinished(&journal);
        let is_wiped = matches!(journal.read(at), Err(JournalError::Erased { .. }));
        assert_eq!(places.is_empty(), !is_wiped || payload_is_zero(disk, at), "{context}");
        found.set(found.get() + places.len());
        assert!(places.iter().all(|place| *place == at), "{context}");
        journal.wipe_all(&places).unwrap();
        assert_eq!(unfinished(&journal), [], "{context}");
        assert_eq!(payload_is_zero(disk, at), is_wiped, "{context}: half of it is left");
    });
    println!("{} half wiped records found", found.get());
    assert!(found.get() > 10);
}

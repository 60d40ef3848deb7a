//! A page that was kept and read again is as it was, takes what came later as if it had been made from everything, and what
//! is not as it was written is not read.

use super::altered::{Dice, alter};
use super::mutated::Stage;
use super::*;
use proptest::prelude::*;

/// Everything that verdicts, history and names are made from, to the last number.
fn known(document: &Document) -> String {
    format!("{:?} {:?} {:?}", document.index, document.facts, document.sessions)
}

/// What people see of it.
fn seen(document: &Document) -> (Vec<Hash>, String, Vec<Version>, Vec<Written>, Vec<UserId>, bool) {
    let (heads, html) = (document.heads(), document.html());
    (heads, html, document.versions(), document.authors(), document.writers(), document.is_waiting())
}

fn kept(document: &Document) -> Saved {
    Saved::read(document.saved().expect("it is whole")).expect("it was written by this program")
}

/// The entries among these that a document has not taken.
fn rest(document: &Document, all: &[Carried]) -> Vec<Carried> {
    all.iter().filter(|carried| !document.entries().contains(&carried.entry)).cloned().collect()
}

fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for at in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, (seed >> 33) as usize % (at + 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// With a saved state at any moment and without: the same verdicts, heads, words, history and names, in every order.
    #[test]
    fn a_page_that_was_kept_goes_on_as_one_that_was_not(
        acts in proptest::collection::vec((0..3_usize, any::<u8>(), 0..1_000_usize, any::<bool>()), 1..40),
        cut in any::<proptest::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let mut writers = [Writer::new(1), Writer::new(2), Writer::new(3)];
        let mut entries: Vec<Carried> = Vec::new();
        for (who, what, place, meet) in acts {
            if meet {
                let mut other = writers[(who + 1) % 3].doc.clone();
                writers[who].doc.merge(&mut other).unwrap();
            }
            entries.push(writers[who].wrote(|doc, text| act(doc, text, what, place)));
        }
        let built = Document::build(PAGE, entries.clone());
        shuffle(&mut entries, seed);
        let (early, late) = entries.split_at(cut.index(entries.len() + 1));
        let mut document = Document::new(PAGE);
        for entry in early {
            document.take(entry);
        }
        let saved = kept(&document);
        let front = saved.front();
        prop_assert_eq!(&front.html, &document.html());
        prop_assert_eq!(front.chars, document.plain().chars().count());
        prop_assert_eq!(front.digest, digest(document.entries()));
        let all: BTreeSet<EntryId> = entries.iter().map(|carried| carried.entry).collect();
        prop_assert!(saved.is_within(&all));
        prop_assert!(early.is_empty() || !saved.is_within(&late.iter().map(|carried| carried.entry).collect()));
        let again = saved.document().expect("it was whole");
        prop_assert_eq!(known(&again), known(&document));
        if !document.is_waiting() {
            prop_assert_eq!(seen(&again), seen(&document));
            prop_assert_eq!(again.entries(), document.entries());
            prop_assert_eq!(again.saved(), document.saved());
        }
        // The rest at once, or one by one.
        let mut at_once = saved.document().unwrap();
        let left = rest(&at_once, &entries);
        prop_assert!(!at_once.take_all(left.clone()).rebuild);
        prop_assert_eq!(seen(&at_once), seen(&built));
        let mut one_by_one = again;
        for entry in &left {
            prop_assert!(!one_by_one.take(entry).rebuild);
        }
        prop_assert_eq!(seen(&one_by_one), seen(&built));
        prop_assert!(!one_by_one.is_quarantined());
        // Who was shown the saved state hears what is missing to it.
        let missed = at_once.since(&front.heads).expect("it knows what it stands on");
        prop_assert_eq!(missed.len(), built.changes() - document.changes());
        prop_assert!(document.since(&[[3; 32]]).is_none());
    }

    /// Altered changes are judged alike on a page that was kept and on one that was not.
    #[test]
    fn verdicts_do_not_depend_on_whether_a_page_was_kept(
        bytes in proptest::collection::vec(any::<u8>(), 1..40),
        which in 0..5_usize,
    ) {
        let stage = Stage::new();
        let mut dice = Dice::new(&bytes);
        let mut crafted = stage.honest[which].clone();
        while dice.is_left() {
            alter(&mut crafted, &mut dice, &stage.cast);
        }
        let written = catch_unwind(AssertUnwindSafe(|| Change::from(crafted).raw_bytes().to_vec()));
        let Ok(bytes) = written else { return Ok(()) };
        let entry = Carried { changes: vec![bytes], ..stage.carried.clone() };
        let mut without = Document::build(PAGE, stage.before.clone());
        let mut with = kept(&without).document().unwrap();
        let (here, there) = (without.take(&entry), with.take(&entry));
        prop_assert_eq!((here.applied, here.malformed, here.rebuild), (there.applied, there.malformed, there.rebuild));
        prop_assert_eq!(known(&with), known(&without));
    }

    /// What somebody wrote over a state, with a seal that fits, is read or not, and breaks nothing.
    #[test]
    fn a_state_that_was_tampered_with_breaks_nothing(
        places in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let stage = Stage::new();
        let mut bytes = Document::build(PAGE, stage.before.clone()).saved().unwrap();
        let begin = bytes.len() - kept_rest(&bytes);
        for (place, byte) in places {
            let at = begin + place.index(bytes.len() - begin);
            bytes[at] = byte;
        }
        reseal(&mut bytes);
        if let Some(saved) = Saved::read(bytes)
            && let Some(mut document) = saved.document()
        {
            document.take_all(stage.before);
            document.versions();
            document.html();
        }
    }
}

/// How many bytes stand behind the seal.
fn kept_rest(bytes: &[u8]) -> usize {
    bytes.len() - (Saved::BEGIN - 64)
}

fn reseal(bytes: &mut [u8]) {
    let at = Saved::BEGIN - 64;
    let seal = derive(Purpose::PageState, &[b"seal", &bytes[at..]]);
    bytes[at - 32..at].copy_from_slice(&seal);
}

#[test]
fn what_is_not_as_it_was_written_is_not_read() {
    let mut ann = Writer::new(1);
    let document = Document::build(PAGE, vec![ann.typed(0, "Good morning")]);
    let bytes = document.saved().unwrap();
    assert_eq!(Saved::stands_for(&bytes[..Saved::BEGIN]), Some((PAGE, digest(document.entries()))));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Saved::read(damaged).is_none(), "byte {at}");
        assert!(Saved::read(bytes[..at].to_vec()).is_none(), "{at} bytes");
    }
    assert!(Saved::stands_for(&bytes[..Saved::BEGIN - 1]).is_none());
}

#[test]
fn what_is_not_in_the_log_yet_is_not_kept() {
    let mut ann = Writer::new(1);
    let entry = ann.typed(0, "one");
    let mut document = Document::new(PAGE);
    document.admit(1, &ann.node, ann.author, Hlc(9), &entry.changes);
    assert!(document.saved().is_none());
    document.logged(&entry);
    assert_eq!(kept(&document).document().unwrap().plain(), "one");
}

//! Honest changes, altered at random and given a valid hash: whatever counts of them, the document stands, loads again, and
//! is the same whichever came first.

use super::altered::{Dice, alter};
use super::*;
use automerge::ExpandedChange;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What two have written, and what eve could honestly write next.
pub(super) struct Stage {
    pub(super) before: Vec<Carried>,
    /// Eve's entry, without changes.
    pub(super) carried: Carried,
    pub(super) honest: Vec<ExpandedChange>,
    /// Whose operations may be named.
    pub(super) cast: Vec<ActorId>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let (mut ann, mut ben) = (Writer::new(1), Writer::new(2));
        let mut before = vec![ann.typed(0, "abcdef"), ben.typed(0, "uvw")];
        before.extend((2..5).map(|what| ann.wrote(|doc, text| act(doc, text, what, 2))));
        let document = Document::build(PAGE, before.clone());
        let mut honest = Vec::new();
        let mut eve = Writer::new(6);
        for what in [0, 2, 3, 4, 6] {
            eve = Writer::new(6);
            eve.doc.load_incremental(&document.save()).unwrap();
            let bytes = eve.wrote(|doc, text| act(doc, text, what, 1)).changes.remove(0);
            honest.push(Change::from_bytes(bytes).unwrap().decode());
        }
        let mut cast: Vec<ActorId> = [&ann, &ben, &eve].map(|writer| writer.doc.get_actor().clone()).into();
        cast.push(ActorId::from(&[0xee; 16][..]));
        Self { before, carried: eve.carry(Vec::new()), honest, cast }
    }
}

/// What stands there, and that it can be saved and loaded.
fn whole(document: &Document) -> (Vec<Hash>, String) {
    assert!(!document.is_quarantined());
    let loaded = Automerge::load(&document.save()).expect("what was saved loads again");
    assert_eq!(loaded.get_heads().len(), document.heads().len());
    (document.heads(), document.html())
}

#[test]
fn honest_changes_altered_at_random_leave_a_document_that_stands_and_does_not_depend_on_order() {
    let stage = Stage::new();
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let mut counted = 0;
    for which in 0..stage.honest.len() {
        let cases = runner.run(&vec(any::<u8>(), 1..40), |bytes| {
            let mut dice = Dice::new(&bytes);
            let mut crafted = stage.honest[which].clone();
            while dice.is_left() {
                alter(&mut crafted, &mut dice, &stage.cast);
            }
            // What cannot even be written down is no change.
            let written = catch_unwind(AssertUnwindSafe(|| Change::from(crafted).raw_bytes().to_vec()));
            let Ok(bytes) = written else { return Ok(()) };
            let entry = Carried { changes: vec![bytes], ..stage.carried.clone() };
            let mut late = Document::build(PAGE, stage.before.clone());
            let taken = late.take(&entry);
            let before = stage.before.iter().cloned();
            let early = Document::build(PAGE, std::iter::once(entry).chain(before).collect());
            prop_assert!(!taken.rebuild);
            prop_assert_eq!(whole(&late), whole(&early));
            Ok(())
        });
        cases.unwrap_or_else(|failure| panic!("{which}: {failure}"));
        // The honest one itself counts, so that what is altered is something.
        let bytes = Change::from(stage.honest[which].clone()).raw_bytes().to_vec();
        let entry = Carried { changes: vec![bytes], ..stage.carried.clone() };
        let mut document = Document::build(PAGE, stage.before.clone());
        counted += document.take(&entry).applied.len();
        whole(&document);
    }
    assert_eq!(counted, stage.honest.len());
}

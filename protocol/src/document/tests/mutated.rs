//! Honest changes, altered at random and given a valid hash: whatever counts of them, the document stands, loads again, and
//! is the same whichever came first.

use super::*;
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{Change, ChangeHash, ExpandedChange};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::num::NonZeroU64;

/// What two have written, and what eve could honestly write next.
struct Stage {
    before: Vec<Carried>,
    /// Eve's entry, without changes.
    carried: Carried,
    honest: Vec<ExpandedChange>,
    /// Whose operations may be named.
    cast: Vec<ActorId>,
}

impl Stage {
    fn new() -> Self {
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

/// Bytes that decide what is altered; zeros when there are no more.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % end.max(1)
    }

    fn op(&mut self, cast: &[ActorId]) -> OpId {
        let counter = if self.below(16) == 0 { u64::from(u32::MAX) } else { self.below(48) as u64 };
        OpId(counter, cast[self.below(cast.len())].clone())
    }

    fn element(&mut self, cast: &[ActorId]) -> ElementId {
        if self.below(8) == 0 { ElementId::Head } else { ElementId::Id(self.op(cast)) }
    }

    fn action(&mut self) -> OpType {
        match self.below(7) {
            0 => OpType::Delete,
            1 => OpType::Make([ObjType::Map, ObjType::List, ObjType::Text][self.below(3)]),
            2 => OpType::Increment(1),
            3 => OpType::MarkEnd(self.below(2) == 0),
            4 => OpType::Put(ScalarValue::Null),
            5 => OpType::Put(ScalarValue::Int(7)),
            _ => OpType::Put("é".into()),
        }
    }
}

fn alter_operation(op: &mut Op, dice: &mut Dice<'_>, cast: &[ActorId]) {
    match dice.below(6) {
        0 => op.obj = if dice.below(4) == 0 { ObjectId::Root } else { ObjectId::Id(dice.op(cast)) },
        1 => op.key = Key::Seq(dice.element(cast)),
        2 => op.key = Key::Map(["type", "attrs", "text", ""][dice.below(4)].into()),
        3 => op.pred = (0..dice.below(3)).map(|_| dice.op(cast)).collect::<Vec<_>>().into(),
        4 => op.insert = !op.insert,
        _ => op.action = dice.action(),
    }
}

fn alter(change: &mut ExpandedChange, dice: &mut Dice<'_>, cast: &[ActorId]) {
    let ops = change.operations.len();
    match dice.below(12) {
        0 => change.start_op = NonZeroU64::new(1 + dice.below(64) as u64).unwrap(),
        1 => change.seq = dice.below(4) as u64,
        2 => drop(change.deps.pop()),
        3 => change.deps.push(ChangeHash([dice.below(3) as u8; 32])),
        4 => change.actor_id = cast[dice.below(cast.len())].clone(),
        5 if ops > 1 => drop(change.operations.remove(dice.below(ops))),
        6 if ops > 0 => {
            let copy = change.operations[dice.below(ops)].clone();
            change.operations.insert(dice.below(ops), copy);
        }
        7 if ops > 1 => change.operations.swap(dice.below(ops), dice.below(ops)),
        _ if ops > 0 => alter_operation(&mut change.operations[dice.below(ops)], dice, cast),
        _ => {}
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
            let mut dice = Dice(bytes.iter());
            let mut crafted = stage.honest[which].clone();
            while dice.0.len() > 0 {
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

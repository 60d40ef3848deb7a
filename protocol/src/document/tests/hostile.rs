//! The table of hostile changes (`docs/protocol.md` "Pages"): each has a valid hash, none has an effect.

use super::*;
use automerge::legacy::{ElementId, Key, MarkData, ObjectId, Op, OpId, OpType};
use automerge::{Change, ExpandedChange};

/// Ann's "abc" and what eve makes of her own honest change that inserts "x" behind it.
struct Stage {
    document: Document,
    eve: Writer,
    honest: ExpandedChange,
}

impl Stage {
    fn new() -> Self {
        let mut ann = Writer::new(1);
        let mut document = Document::new(PAGE);
        assert_eq!(document.take(&ann.typed(0, "abc")).malformed, None);
        let mut eve = Writer::new(6);
        eve.doc.load_incremental(&document.save()).unwrap();
        let bytes = eve.wrote(|doc, text| doc.splice_text(text, 3, 0, "xy").unwrap()).changes.remove(0);
        let honest = Change::from_bytes(bytes).unwrap().decode();
        Self { document, eve, honest }
    }

    /// Takes bytes of eve's and shows that nothing came of them.
    fn refused(&mut self, bytes: Vec<u8>) -> Option<Malformed> {
        let (heads, html) = (self.document.heads(), self.document.html());
        let entry = self.eve.carry(vec![bytes]);
        let taken = self.document.take(&entry);
        assert!(taken.applied.is_empty() && !taken.rebuild);
        assert_eq!((self.document.heads(), self.document.html()), (heads, html));
        assert!(!self.document.is_quarantined());
        taken.malformed
    }

    fn crafted(change: impl FnOnce(&mut ExpandedChange)) -> Option<Malformed> {
        let mut stage = Self::new();
        let mut crafted = stage.honest.clone();
        change(&mut crafted);
        let bytes = Change::from(crafted).raw_bytes().to_vec();
        let refused = stage.refused(bytes);
        // The honest one still counts: a bad change hurts nobody but its author.
        let entry = stage.eve.carry(vec![Change::from(stage.honest.clone()).raw_bytes().to_vec()]);
        assert_eq!(stage.document.take(&entry).malformed, None);
        assert_eq!(stage.document.plain(), "abcxy");
        refused
    }
}

fn nowhere() -> OpId {
    OpId(3, ActorId::from(&[0xee; 16][..]))
}

fn text_of(change: &ExpandedChange) -> ObjectId {
    change.operations[0].obj.clone()
}

fn own(change: &ExpandedChange, number: u64) -> OpId {
    OpId(change.start_op.get() + number, change.actor_id.clone())
}

fn mark(begin: Key, end: Key, obj: &ObjectId) -> Vec<Op> {
    let data = MarkData { name: "strong".into(), value: ScalarValue::Boolean(true), expand: false };
    let op = |action, key| Op { action, obj: obj.clone(), key, pred: Vec::new().into(), insert: true };
    vec![op(OpType::MarkBegin(data), begin), op(OpType::MarkEnd(false), end)]
}

#[test]
fn an_operation_on_an_object_that_does_not_exist() {
    assert_eq!(Stage::crafted(|change| change.operations[0].obj = ObjectId::Id(nowhere())), Some(Malformed::Missing));
}

#[test]
fn a_sequence_that_jumps() {
    assert_eq!(Stage::crafted(|change| change.seq = 99), Some(Malformed::Seq));
}

#[test]
fn operations_numbered_near_the_end() {
    let near = |change: &mut ExpandedChange| change.start_op = (u64::from(u32::MAX) - 1).try_into().unwrap();
    assert_eq!(Stage::crafted(near), Some(Malformed::Start));
}

#[test]
fn operations_numbered_below_what_they_build_on() {
    assert_eq!(Stage::crafted(|change| change.start_op = 1.try_into().unwrap()), Some(Malformed::Start));
}

#[test]
fn the_place_of_an_operation_by_a_writer_that_nobody_knows() {
    let delete = |change: &mut ExpandedChange| {
        let key = change.operations[0].key.clone();
        change.operations[1] =
            Op { action: OpType::Delete, obj: text_of(change), key, pred: vec![nowhere()].into(), insert: false };
    };
    assert_eq!(Stage::crafted(delete), Some(Malformed::Missing));
}

#[test]
fn the_place_of_an_operation_that_does_not_exist() {
    let delete = |change: &mut ExpandedChange| {
        let Key::Seq(ElementId::Id(OpId(_, ann))) = change.operations[0].key.clone() else {
            panic!("it follows ann's c")
        };
        let key = change.operations[0].key.clone();
        let pred = vec![OpId(1_000, ann)].into();
        change.operations[1] = Op { action: OpType::Delete, obj: text_of(change), key, pred, insert: false };
    };
    assert_eq!(Stage::crafted(delete), Some(Malformed::Missing));
}

#[test]
fn the_place_of_something_at_another_key() {
    let delete = |change: &mut ExpandedChange| {
        let Key::Seq(ElementId::Id(OpId(c, ann))) = change.operations[0].key.clone() else {
            panic!("it follows ann's c")
        };
        let key = change.operations[0].key.clone();
        let pred = vec![OpId(c - 1, ann)].into();
        change.operations[1] = Op { action: OpType::Delete, obj: text_of(change), key, pred, insert: false };
    };
    assert_eq!(Stage::crafted(delete), Some(Malformed::Pred));
}

#[test]
fn a_letter_behind_an_element_that_does_not_exist() {
    let behind = |change: &mut ExpandedChange| change.operations[0].key = Key::Seq(ElementId::Id(nowhere()));
    assert_eq!(Stage::crafted(behind), Some(Malformed::Missing));
}

#[test]
fn a_second_change_with_one_number_counts_nowhere_or_everywhere() {
    let mut stage = Stage::new();
    let first = stage.eve.carry(vec![Change::from(stage.honest.clone()).raw_bytes().to_vec()]);
    let mut twin = stage.honest.clone();
    twin.operations[0].action = OpType::Put("z".into());
    let second = stage.eve.carry(vec![Change::from(twin).raw_bytes().to_vec()]);
    let ann = Writer::new(1).typed(0, "abc");
    let in_order = Document::build(PAGE, vec![ann.clone(), first.clone(), second.clone()]);
    let mut late = Document::build(PAGE, vec![ann.clone(), second.clone()]);
    assert_eq!(late.plain(), "abczy");
    assert!(late.take(&first).rebuild, "what counted first should not have");
    let rebuilt = Document::build(PAGE, vec![second, first, ann]);
    assert_eq!((rebuilt.heads(), rebuilt.plain()), (in_order.heads(), in_order.plain()));
    assert_eq!(rebuilt.plain(), "abcxy");
}

#[test]
fn a_kind_that_the_object_does_not_have() {
    let map_key = |change: &mut ExpandedChange| {
        change.operations[0].key = Key::Map("a".into());
        change.operations[0].insert = false;
    };
    assert_eq!(Stage::crafted(map_key), Some(Malformed::Kind));
    let put = |change: &mut ExpandedChange| {
        let Key::Seq(ElementId::Id(c)) = change.operations[0].key.clone() else { panic!("it follows ann's c") };
        change.operations[0].insert = false;
        change.operations[0].pred = vec![c].into();
    };
    assert_eq!(Stage::crafted(put), Some(Malformed::Schema));
}

#[test]
fn what_no_page_consists_of() {
    let at_root = |change: &mut ExpandedChange| {
        change.operations[0].obj = ObjectId::Root;
        change.operations[0].key = Key::Map("title".into());
        change.operations[0].insert = false;
    };
    assert_eq!(Stage::crafted(at_root), Some(Malformed::Schema));
    for value in [ScalarValue::counter(1), ScalarValue::Bytes(vec![1]), ScalarValue::Int(1), "x".repeat(65).into()] {
        let of = |change: &mut ExpandedChange| change.operations[0].action = OpType::Put(value);
        assert_eq!(Stage::crafted(of), Some(Malformed::Schema));
    }
    let count = |change: &mut ExpandedChange| change.operations[0].action = OpType::Increment(1);
    assert_eq!(Stage::crafted(count), Some(Malformed::Schema));
    let list = |change: &mut ExpandedChange| change.operations[0].action = OpType::Make(ObjType::List);
    assert_eq!(Stage::crafted(list), Some(Malformed::Schema));
}

#[test]
fn marks_that_are_none() {
    let key = |id: OpId| Key::Seq(ElementId::Id(id));
    let of_ann = |change: &ExpandedChange, back: u64| {
        let Key::Seq(ElementId::Id(OpId(c, ann))) = change.operations[0].key.clone() else {
            panic!("it follows ann's c")
        };
        key(OpId(c - back, ann))
    };
    let end_before_begin = |change: &mut ExpandedChange| {
        change.operations = mark(of_ann(change, 0), of_ann(change, 2), &text_of(change));
    };
    assert_eq!(Stage::crafted(end_before_begin), Some(Malformed::Mark));
    let at_one_place = |change: &mut ExpandedChange| {
        change.operations = mark(of_ann(change, 1), of_ann(change, 1), &text_of(change));
    };
    assert_eq!(Stage::crafted(at_one_place), Some(Malformed::Mark));
    let endless = |change: &mut ExpandedChange| {
        change.operations = mark(of_ann(change, 1), of_ann(change, 0), &text_of(change));
        change.operations.pop();
    };
    assert_eq!(Stage::crafted(endless), Some(Malformed::Mark));
    let beginless = |change: &mut ExpandedChange| {
        change.operations = mark(of_ann(change, 1), of_ann(change, 0), &text_of(change));
        change.operations.remove(0);
    };
    assert_eq!(Stage::crafted(beginless), Some(Malformed::Mark));
}

#[test]
fn what_lies_too_deep() {
    let deep = |change: &mut ExpandedChange| {
        let mut ops = vec![Op { action: OpType::Make(ObjType::Map), ..change.operations[0].clone() }];
        for level in 0..8 {
            let obj = ObjectId::Id(own(change, level));
            let key = Key::Map("attrs".into());
            ops.push(Op { action: OpType::Make(ObjType::Map), obj, key, pred: Vec::new().into(), insert: false });
        }
        change.operations = ops;
    };
    assert_eq!(Stage::crafted(deep), Some(Malformed::Nesting));
}

#[test]
fn a_foreign_name() {
    let foreign = |change: &mut ExpandedChange| change.actor_id = ActorId::from(&[5; 16][..]);
    assert_eq!(Stage::crafted(foreign), Some(Malformed::Actor));
}

#[test]
fn words_hidden_beside_the_operations() {
    assert_eq!(Stage::crafted(|change| change.message = Some("hidden".into())), Some(Malformed::Schema));
    assert_eq!(Stage::crafted(|change| change.extra_bytes = vec![1, 2, 3]), Some(Malformed::Schema));
}

#[test]
fn fifty_megabytes_of_one_letter_and_other_bytes_that_stand_for_more() {
    let mut stage = Stage::new();
    let before = stage.eve.doc.get_heads();
    let text = stage.eve.text.clone();
    stage.eve.doc.splice_text(&text, 0, 0, &"a".repeat(2_000)).unwrap();
    let mut change = stage.eve.doc.get_changes(&before).remove(0);
    let deflated = change.bytes().into_owned();
    assert!(chunk::deflated(&deflated).is_some());
    assert_eq!(stage.refused(deflated), Some(Malformed::Chunk), "deflated changes do not come from peers");
    stage.eve.doc.splice_text(&text, 0, 0, &"a".repeat(20_000)).unwrap();
    let change = stage.eve.doc.get_changes(&before).pop().unwrap();
    let many = change.raw_bytes().to_vec();
    assert!(many.len() < CHANGE_BYTES_MAX, "{} bytes", many.len());
    assert_eq!(stage.refused(many), Some(Malformed::TooMany));
    assert_eq!(stage.refused(vec![0x85; CHANGE_BYTES_MAX + 1]), Some(Malformed::Size));
}

#[test]
fn a_dependency_that_never_comes_waits_within_bounds() {
    let mut stage = Stage::new();
    for number in 0..=WAITING_MAX as u32 {
        let mut crafted = stage.honest.clone();
        let mut missing = [9; 32];
        missing[..4].copy_from_slice(&number.to_be_bytes());
        crafted.deps.push(ChangeHash(missing));
        assert_eq!(stage.refused(Change::from(crafted).raw_bytes().to_vec()), None);
    }
    assert!(stage.document.is_waiting());
    assert_eq!(stage.document.waiting.values().map(Vec::len).sum::<usize>(), WAITING_MAX);
}

#[test]
fn an_entry_with_too_many_changes() {
    let mut stage = Stage::new();
    let bytes = Change::from(stage.honest.clone()).raw_bytes().to_vec();
    let entry = stage.eve.carry(vec![bytes; CHANGES_PER_ENTRY_MAX + 1]);
    let taken = stage.document.take(&entry);
    assert_eq!((taken.malformed, taken.applied.len()), (Some(Malformed::Size), 0));
}

#[test]
fn no_turned_bit_of_a_change_has_an_effect_or_does_harm() {
    let mut stage = Stage::new();
    let honest = Change::from(stage.honest.clone()).raw_bytes().to_vec();
    for bit in 0..honest.len() * 8 {
        let mut turned = honest.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        assert!(stage.refused(turned).is_some(), "bit {bit}");
    }
}

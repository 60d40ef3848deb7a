//! How an honest change is altered, as bytes decide: by tests of admission, and by the fuzz target, which has this file too.

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ChangeHash, ExpandedChange, ObjType, ScalarValue};
use std::num::NonZeroU64;

/// Bytes that decide what is altered; zeros when there are no more.
pub struct Dice<'a>(std::slice::Iter<'a, u8>);

impl<'a> Dice<'a> {
    /// Thrown from these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    /// Whether there are more.
    pub fn is_left(&self) -> bool {
        self.0.len() > 0
    }

    /// A number below an end.
    pub fn below(&mut self, end: usize) -> usize {
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

/// Alters something of a change; what comes of it may be anything.
pub fn alter(change: &mut ExpandedChange, dice: &mut Dice<'_>, cast: &[ActorId]) {
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

//! Whether a change may reach automerge (`docs/protocol.md` "Pages"): a pure function of its bytes and of the changes that
//! it builds on, so that every node comes to the same verdict in whatever order things arrive (ruling A8).
//!
//! Automerge 0.12 panics on, or cannot load again, what no honest writer makes; nothing is applied that these steps refuse:
//! 1. Size and form, by the bytes alone (`chunk.rs`); read inside the panic boundary, and the same bytes when written again.
//! 2. The writer is the one that the entry's node gave out, with one change more than the change knows of.
//! 3. What it builds on is known; its operations are numbered on from there.
//! 4. Every operation stands in the schema, in an object that it knows of, and takes the place of operations on the same
//!    object and key that it knows of; a mark ends after it begins.

use super::index::{Actor, Clock, Draft, Hash, Head, Index, Inserted, Object, Span, TEXT, What};
use super::order::{Element, Run, Runs, STEPS_MAX};
use super::schema::{self, OP_MAX, OPS_PER_CHANGE_MAX, PREDS_PER_OP_MAX, Place};
use super::{Malformed, chunk};
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{Change, ExpandedChange, ObjType};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A change that can be read, with what it says.
pub(crate) struct Read {
    pub(crate) change: Change,
    expanded: ExpandedChange,
}

impl Read {
    pub(crate) fn hash(&self) -> Hash {
        self.change.hash().0
    }

    /// Files that it names where a block names its file.
    pub(crate) fn files(&self) -> Vec<String> {
        let named = self.expanded.operations.iter().filter_map(|op| match (&op.key, &op.action) {
            (Key::Map(key), OpType::Put(automerge::ScalarValue::Str(file))) if key == "blob" => Some(file.to_string()),
            _ => None,
        });
        named.collect()
    }

    /// The letters that it puts in.
    pub(crate) fn words(&self) -> String {
        let put = self.expanded.operations.iter().filter(|op| op.insert).filter_map(|op| match &op.action {
            OpType::Put(automerge::ScalarValue::Str(letters)) => Some(letters.as_str()),
            _ => None,
        });
        put.collect()
    }

    pub(crate) fn actor(&self) -> Option<Actor> {
        self.change.actor_id().to_bytes().try_into().ok()
    }
}

/// Reads a change's bytes: bounded before automerge sees them, and inside the panic boundary.
pub(crate) fn read(bytes: &[u8]) -> Result<Read, Malformed> {
    chunk::check(bytes)?;
    let read = catch_unwind(AssertUnwindSafe(|| {
        let change = Change::from_bytes(bytes.to_vec()).map_err(|_| Malformed::Chunk)?;
        let expanded = change.decode();
        // Written again it must be the same: automerge keeps no bytes, it makes them anew when it saves.
        let again = Change::from(expanded.clone());
        if again.raw_bytes() != bytes || again.hash() != change.hash() || bytes.get(4..8) != again.hash().0.get(..4) {
            return Err(Malformed::Encoding);
        }
        Ok(Read { change, expanded })
    }));
    let read = read.unwrap_or(Err(Malformed::Chunk))?;
    if read.change.is_empty() || read.change.len() as u64 > OPS_PER_CHANGE_MAX {
        return Err(Malformed::TooMany);
    }
    if !read.change.extra_bytes().is_empty() || read.change.message().is_some() {
        return Err(Malformed::Schema);
    }
    Ok(read)
}

/// What is thought of a change.
pub(crate) enum Judged {
    /// It counts already.
    Known,
    /// It waits for this one.
    Waits(Hash),
    /// Another change of this writer has its number.
    Twin(u32),
    /// It may be applied.
    Good(Box<(Head, Draft)>),
    /// It never counts.
    Bad(Malformed),
}

/// Judges a change on what is known.
pub(crate) fn judge(index: &Index, read: &Read) -> Judged {
    match judged(index, read) {
        Ok(judged) => judged,
        Err(malformed) => Judged::Bad(malformed),
    }
}

fn judged(index: &Index, read: &Read) -> Result<Judged, Malformed> {
    let (hash, change) = (read.hash(), &read.change);
    if index.find(&hash).is_some() {
        return Ok(Judged::Known);
    }
    let actor = read.actor().ok_or(Malformed::Actor)?;
    let mut deps = Vec::with_capacity(change.deps().len());
    for dep in change.deps() {
        match index.find(&dep.0) {
            Some(at) if deps.contains(&at) => return Err(Malformed::Encoding),
            Some(at) => deps.push(at),
            None => return Ok(Judged::Waits(dep.0)),
        }
    }
    if deps.is_empty() {
        return Err(Malformed::Missing);
    }
    let clock = index.clock(&deps);
    let own = index.actor(&actor);
    let before = own.and_then(|own| clock.get(&own)).copied().unwrap_or(0);
    if change.seq() != u64::from(before) + 1 {
        return Err(Malformed::Seq);
    }
    let last = deps.iter().map(|dep| index.changes[*dep as usize].last()).max().unwrap_or(0);
    let start = change.start_op().get();
    if start != last + 1 || start + change.len() as u64 > OP_MAX {
        return Err(Malformed::Start);
    }
    let draft = Look { index, clock: &clock, actor, start, draft: Draft::default(), steps: STEPS_MAX, mark: None }
        .over(&read.expanded.operations)?;
    let seq = before + 1;
    if let Some(twin) = own.and_then(|own| index.of_actor(own, seq)) {
        return Ok(Judged::Twin(twin));
    }
    let head = Head { hash, actor, seq, start, len: change.len() as u64, deps };
    Ok(Judged::Good(Box::new((head, draft))))
}

/// A look at the operations of one change.
struct Look<'a> {
    index: &'a Index,
    clock: &'a Clock,
    actor: Actor,
    start: u64,
    draft: Draft,
    steps: u32,
    /// A mark that has begun and must end with the next operation.
    mark: Option<Element>,
}

impl Look<'_> {
    fn over(mut self, ops: &[Op]) -> Result<Draft, Malformed> {
        for (number, op) in (0..).zip(ops) {
            if self.mark.is_some() && !matches!(op.action, OpType::MarkEnd(_)) {
                return Err(Malformed::Mark);
            }
            let object = self.object(&op.obj)?;
            if self.at(object)?.place == Place::Root || op.pred.len() > PREDS_PER_OP_MAX {
                return Err(Malformed::Schema);
            }
            match (&op.key, op.insert) {
                (Key::Seq(after), true) => self.insert(number, object, after, op)?,
                (Key::Seq(ElementId::Id(element)), false) => self.change_element(number, object, element, op)?,
                (Key::Map(key), false) => self.put(number, object, key, op)?,
                _ => return Err(Malformed::Schema),
            }
        }
        if self.mark.is_some() { Err(Malformed::Mark) } else { Ok(self.draft) }
    }

    fn at(&self, object: u32) -> Result<Object, Malformed> {
        let known = self.index.objects.len();
        let found = self.index.objects.get(object as usize);
        found
            .or_else(|| self.draft.objects.get((object as usize).checked_sub(known)?))
            .copied()
            .ok_or(Malformed::Missing)
    }

    /// An operation that this change knows of, its own earlier ones included.
    fn op(&self, id: &OpId) -> Result<(&What, u32), Malformed> {
        let actor: Actor = id.actor().to_bytes().try_into().map_err(|_| Malformed::Actor)?;
        let own = if actor == self.actor { id.counter().checked_sub(self.start) } else { None };
        let found = match own {
            Some(number) => u32::try_from(number).ok().and_then(|number| super::index::find(&self.draft.spans, number)),
            None => self.index.op(self.clock, id.counter(), &actor),
        };
        found.ok_or(Malformed::Missing)
    }

    fn object(&self, id: &ObjectId) -> Result<u32, Malformed> {
        let ObjectId::Id(id) = id else { return Ok(super::index::ROOT) };
        match self.op(id)?.0 {
            What::Insert { element: Inserted::Object(object), .. } => Ok(*object),
            What::Key { makes: Some(object), .. } | What::Value { makes: Some(object), .. } => Ok(*object),
            _ => Err(Malformed::Missing),
        }
    }

    /// An element of this object.
    fn element(&self, object: u32, id: &OpId) -> Result<(Element, Inserted), Malformed> {
        let (what, at) = self.op(id)?;
        let What::Insert { run, element } = what else { return Err(Malformed::Missing) };
        let runs = self.runs();
        if runs.get(*run).is_none_or(|run| run.object != object) {
            return Err(Malformed::Missing);
        }
        Ok((Element { run: *run, at }, *element))
    }

    fn runs(&self) -> Runs<'_> {
        Runs { known: &self.index.runs, new: &self.draft.runs }
    }

    fn make(&mut self, within: u32, of: ObjType) -> Result<u32, Malformed> {
        let parent = self.at(within)?;
        let place = schema::made(parent.place, parent.depth, of)?;
        self.draft.objects.push(Object { of, place, depth: parent.depth + 1 });
        Ok((self.index.objects.len() + self.draft.objects.len() - 1) as u32)
    }

    // --- elements -------------------------------------------------------------------------------------------------

    fn insert(&mut self, number: u32, object: u32, after: &ElementId, op: &Op) -> Result<(), Malformed> {
        let within = self.at(object)?;
        if !matches!(within.of, ObjType::Text | ObjType::List) || !op.pred.is_empty() {
            return Err(Malformed::Kind);
        }
        let after = match after {
            ElementId::Head => None,
            ElementId::Id(id) => Some(self.element(object, id)?.0),
        };
        let element = match &op.action {
            OpType::Put(value) => {
                schema::inserted(within.of, value)?;
                Inserted::Value
            }
            OpType::Make(of) => Inserted::Object(self.make(object, *of)?),
            OpType::MarkBegin(data) if object == TEXT => {
                schema::name(&data.name)?;
                schema::small(&data.value)?;
                Inserted::Mark
            }
            OpType::MarkEnd(_) if object == TEXT => {
                self.end_mark(after)?;
                Inserted::Mark
            }
            _ => return Err(Malformed::Schema),
        };
        if object == TEXT && element != Inserted::Mark {
            self.draft.letters.added += 1;
        }
        let placed = self.push_element(number, object, after, element)?;
        if matches!(op.action, OpType::MarkBegin(_)) {
            self.mark = Some(placed);
        }
        Ok(())
    }

    /// A mark must end behind its beginning: the other way round automerge saves what it cannot load again.
    fn end_mark(&mut self, after: Option<Element>) -> Result<(), Malformed> {
        let begun = self.mark.take().ok_or(Malformed::Mark)?;
        let after = after.ok_or(Malformed::Mark)?;
        let mut steps = self.steps;
        let order = self.runs().compare(begun, after, &mut steps)?;
        self.steps = steps;
        if order == Ordering::Greater { Err(Malformed::Mark) } else { Ok(()) }
    }

    /// Adds an element to the run that it continues, or begins one.
    fn push_element(
        &mut self,
        number: u32,
        object: u32,
        after: Option<Element>,
        element: Inserted,
    ) -> Result<Element, Malformed> {
        if let Some(Span { first, len, what: What::Insert { run, element: Inserted::Value } }) =
            self.draft.spans.last_mut()
            && element == Inserted::Value
            && *first + *len == number
            && after == Some(Element { run: *run, at: *len - 1 })
        {
            *len += 1;
            return Ok(Element { run: *run, at: *len - 1 });
        }
        let depth = match after {
            None => 0,
            Some(after) => self.runs().get(after.run).ok_or(Malformed::Missing)?.depth + 1,
        };
        let run = (self.index.runs.len() + self.draft.runs.len()) as u32;
        self.draft.runs.push(Run { object, after, depth, first: (self.start + u64::from(number), self.actor) });
        self.draft.spans.push(Span { first: number, len: 1, what: What::Insert { run, element } });
        Ok(Element { run, at: 0 })
    }

    fn change_element(&mut self, number: u32, object: u32, id: &OpId, op: &Op) -> Result<(), Malformed> {
        let within = self.at(object)?;
        if !matches!(within.of, ObjType::Text | ObjType::List) {
            return Err(Malformed::Kind);
        }
        let (element, inserted) = self.element(object, id)?;
        if inserted == Inserted::Mark {
            return Err(Malformed::Mark);
        }
        self.takes_place(op, |what, at| match what {
            What::Insert { run, .. } => element == Element { run: *run, at },
            What::Value { element: other, .. } => element == *other,
            _ => false,
        })?;
        let what = match &op.action {
            OpType::Delete => What::Delete,
            OpType::Put(value) if within.of == ObjType::List => {
                schema::small(value)?;
                What::Value { element, makes: None }
            }
            OpType::Make(of) if within.of == ObjType::List => {
                What::Value { element, makes: Some(self.make(object, *of)?) }
            }
            _ => return Err(Malformed::Schema),
        };
        if what == What::Delete {
            self.draft.letters.removed += u32::from(object == TEXT);
            self.push_delete(number);
        } else {
            self.push(number, what);
        }
        Ok(())
    }

    // --- keys -----------------------------------------------------------------------------------------------------

    fn put(&mut self, number: u32, object: u32, key: &str, op: &Op) -> Result<(), Malformed> {
        if self.at(object)?.of != ObjType::Map {
            return Err(Malformed::Kind);
        }
        schema::name(key)?;
        let of_key = |what: &What, _| matches!(what, What::Key { object: other, key: named, .. } if *other == object && **named == *key);
        if op.pred.is_empty() && op.action != OpType::Delete {
            // The first value of a key.
        } else {
            self.takes_place(op, of_key)?;
        }
        let makes = match &op.action {
            OpType::Delete => {
                self.push_delete(number);
                return Ok(());
            }
            OpType::Put(value) => {
                schema::small(value)?;
                None
            }
            OpType::Make(of) => Some(self.make(object, *of)?),
            _ => return Err(Malformed::Schema),
        };
        self.push(number, What::Key { object, key: key.into(), makes });
        Ok(())
    }

    /// What an operation takes the place of must be there, in the same place, and named once.
    fn takes_place(&self, op: &Op, same: impl Fn(&What, u32) -> bool) -> Result<(), Malformed> {
        if op.pred.is_empty() {
            return Err(Malformed::Pred);
        }
        let mut before: Option<&OpId> = None;
        for id in op.pred.iter() {
            let (what, at) = self.op(id)?;
            if !same(what, at) || before == Some(id) {
                return Err(Malformed::Pred);
            }
            before = Some(id);
        }
        Ok(())
    }

    fn push(&mut self, number: u32, what: What) {
        self.draft.spans.push(Span { first: number, len: 1, what });
    }

    fn push_delete(&mut self, number: u32) {
        match self.draft.spans.last_mut() {
            Some(Span { len, what: What::Delete, .. }) => *len += 1,
            _ => self.push(number, What::Delete),
        }
    }
}

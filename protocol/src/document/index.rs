//! What is known of a document's operations: which there are, of what kind and where, and which changes knew of which.
//!
//! It holds no text. An operation is found by its number and writer; one that a change did not know of is not found for
//! that change, so that a verdict depends on what a change builds on and on nothing else (ruling A8).

use super::order::{Element, Run};
use super::schema::Place;
use automerge::ObjType;
use std::collections::{BTreeMap, BTreeSet};

/// A change's hash.
pub type Hash = [u8; 32];
/// A writer in a document.
pub type Actor = [u8; 16];

/// How many changes of each writer a change builds on.
pub(crate) type Clock = BTreeMap<u32, u32>;

/// At most so many steps back to a change whose clock is kept.
const CLOCK_EVERY: u8 = 32;

/// The document itself.
pub(crate) const ROOT: u32 = 0;
/// The text of the page.
pub(crate) const TEXT: u32 = 1;

/// An object of the document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object {
    pub(crate) of: ObjType,
    pub(crate) place: Place,
    pub(crate) depth: u8,
}

/// What an operation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// An element of a text or list; further ones of the same run follow.
    Insert { run: u32, element: Inserted },
    /// A value under a key of a map.
    Key { object: u32, key: Box<str>, makes: Option<u32> },
    /// A value in the place of a list's element.
    Value { element: Element, makes: Option<u32> },
    /// A deletion: nothing may refer to it.
    Delete,
}

/// What was inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// A character, or a list's value.
    Value,
    /// An object.
    Object(u32),
    /// Where a mark begins or ends.
    Mark,
}

/// Operations of one kind that follow each other.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    /// The number of the first within its change.
    pub(crate) first: u32,
    pub(crate) len: u32,
    pub(crate) what: What,
}

/// What one change is found to consist of.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) spans: Vec<Span>,
    pub(crate) objects: Vec<Object>,
    pub(crate) runs: Vec<Run>,
    pub(crate) letters: Letters,
}

/// Letters of the page's text that a change puts in and takes away; a line's marker is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Letters {
    pub(crate) added: u32,
    pub(crate) removed: u32,
}

/// A change that counts.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) hash: Hash,
    pub(crate) actor: u32,
    pub(crate) seq: u32,
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) deps: Vec<u32>,
    pub(crate) letters: Letters,
    pub(crate) spans: Vec<Span>,
    /// Steps back to a change whose clock is kept.
    far: u8,
    clock: Option<Clock>,
}

impl Known {
    /// The number of its last operation.
    pub(crate) fn last(&self) -> u64 {
        self.start + self.len - 1
    }
}

/// A change's place among others, before its spans are known.
pub(crate) struct Head {
    pub(crate) hash: Hash,
    pub(crate) actor: Actor,
    pub(crate) seq: u32,
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) deps: Vec<u32>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) changes: Vec<Known>,
    by_hash: BTreeMap<Hash, u32>,
    actors: BTreeMap<Actor, u32>,
    by_actor: Vec<Vec<u32>>,
    heads: BTreeSet<u32>,
    pub(crate) objects: Vec<Object>,
    pub(crate) runs: Vec<Run>,
}

impl Index {
    /// Knows the document and its text, which the first change makes.
    pub(crate) fn new(first: Head) -> Self {
        let mut index = Self {
            changes: Vec::new(),
            by_hash: BTreeMap::new(),
            actors: BTreeMap::new(),
            by_actor: Vec::new(),
            heads: BTreeSet::new(),
            objects: vec![Object { of: ObjType::Map, place: Place::Root, depth: 0 }],
            runs: Vec::new(),
        };
        let text = Object { of: ObjType::Text, place: Place::Text, depth: 1 };
        let what = What::Key { object: ROOT, key: "text".into(), makes: Some(TEXT) };
        let spans = vec![Span { first: 0, len: 1, what }];
        index.add(first, Draft { spans, objects: vec![text], ..Draft::default() });
        index
    }

    pub(crate) fn find(&self, hash: &Hash) -> Option<u32> {
        self.by_hash.get(hash).copied()
    }

    pub(crate) fn actor(&self, actor: &Actor) -> Option<u32> {
        self.actors.get(actor).copied()
    }

    /// The writers, by their numbers here.
    pub(crate) fn actors(&self) -> Vec<Actor> {
        let mut actors = vec![[0; 16]; self.by_actor.len()];
        for (actor, at) in &self.actors {
            actors[*at as usize] = *actor;
        }
        actors
    }

    /// The change of a writer with this number, the first being 1.
    pub(crate) fn of_actor(&self, actor: u32, seq: u32) -> Option<u32> {
        self.by_actor.get(actor as usize)?.get(seq.checked_sub(1)? as usize).copied()
    }

    pub(crate) fn count_of(&self, actor: u32) -> u32 {
        self.by_actor.get(actor as usize).map_or(0, |changes| changes.len() as u32)
    }

    /// How many changes nothing builds on.
    pub(crate) fn heads_len(&self) -> usize {
        self.heads.len()
    }

    /// The changes that nothing builds on, in the order of their hashes.
    pub(crate) fn heads(&self) -> Vec<Hash> {
        let mut heads: Vec<Hash> = self.heads.iter().map(|at| self.changes[*at as usize].hash).collect();
        heads.sort_unstable();
        heads
    }

    /// What changes building on these know of.
    pub(crate) fn clock(&self, deps: &[u32]) -> Clock {
        if deps.len() == self.heads.len() && deps.iter().all(|dep| self.heads.contains(dep)) {
            return (0..).zip(&self.by_actor).map(|(actor, changes)| (actor, changes.len() as u32)).collect();
        }
        let mut clock = Clock::new();
        let mut waiting: BTreeSet<u32> = deps.iter().copied().collect();
        let mut seen = waiting.clone();
        while let Some(at) = waiting.pop_last() {
            let change = &self.changes[at as usize];
            if clock.get(&change.actor).is_none_or(|seq| *seq < change.seq) {
                clock.insert(change.actor, change.seq);
            }
            match &change.clock {
                Some(kept) => {
                    for (actor, seq) in kept {
                        if clock.get(actor).is_none_or(|known| known < seq) {
                            clock.insert(*actor, *seq);
                        }
                    }
                }
                None => waiting.extend(change.deps.iter().copied().filter(|dep| seen.insert(*dep))),
            }
        }
        clock
    }

    /// The change that a letter or a line's marker was put in by; `None` for everything else.
    pub(crate) fn letter_of(&self, number: u64, actor: &Actor) -> Option<u32> {
        let changes = self.by_actor.get(self.actor(actor)? as usize)?;
        let after = changes.partition_point(|at| self.changes[*at as usize].start <= number);
        let at = *changes.get(after.checked_sub(1)?)?;
        let change = &self.changes[at as usize];
        let (what, _) = find(&change.spans, u32::try_from(number - change.start).ok()?)?;
        let letter = matches!(what, What::Insert { element: Inserted::Value | Inserted::Object(_), .. });
        letter.then_some(at)
    }

    /// An operation that a change with this clock knows of: its kind, and which of its span it is.
    pub(crate) fn op(&self, clock: &Clock, number: u64, actor: &Actor) -> Option<(&What, u32)> {
        let actor = self.actor(actor)?;
        let known = *clock.get(&actor)? as usize;
        let changes = self.by_actor[actor as usize].get(..known)?;
        let after = changes.partition_point(|at| self.changes[*at as usize].start <= number);
        let change = &self.changes[*changes.get(after.checked_sub(1)?)? as usize];
        if number > change.last() {
            return None;
        }
        find(&change.spans, (number - change.start) as u32)
    }

    /// Takes up a change that counts.
    pub(crate) fn add(&mut self, head: Head, draft: Draft) -> u32 {
        let at = self.changes.len() as u32;
        let actor = *self.actors.entry(head.actor).or_insert_with(|| {
            self.by_actor.push(Vec::new());
            self.by_actor.len() as u32 - 1
        });
        let far = head.deps.iter().map(|dep| self.changes[*dep as usize].far + 1).max().unwrap_or(0);
        let clock = (far >= CLOCK_EVERY).then(|| self.clock(&head.deps));
        for dep in &head.deps {
            self.heads.remove(dep);
        }
        self.heads.insert(at);
        self.by_hash.insert(head.hash, at);
        self.by_actor[actor as usize].push(at);
        self.objects.extend(draft.objects);
        self.runs.extend(draft.runs);
        let far = if clock.is_some() { 0 } else { far };
        let (mut spans, letters) = (draft.spans, draft.letters);
        spans.shrink_to_fit();
        let (hash, seq, start, len, deps) = (head.hash, head.seq, head.start, head.len, head.deps);
        self.changes.push(Known { hash, actor, seq, start, len, deps, letters, spans, far, clock });
        at
    }
}

/// The span that holds an operation of a change, and which of it.
pub(crate) fn find(spans: &[Span], number: u32) -> Option<(&What, u32)> {
    let after = spans.partition_point(|span| span.first <= number);
    let span = spans.get(after.checked_sub(1)?)?;
    let at = number - span.first;
    (at < span.len).then_some((&span.what, at))
}

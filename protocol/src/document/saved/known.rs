//! What admission knows of a page, as bytes: changes with what they consist of, who wrote them, and the entries they came in.
//!
//! Changes are read in the order in which they were taken and added as they were then, so that clocks, heads and numbers of
//! writers come out as they were.

use super::super::index::{Draft, Head, Index, Inserted, Known, Letters, Object, Span, What};
use super::super::order::{Element, Run};
use super::super::schema::{OPS_PER_CHANGE_MAX, Place};
use super::super::{Document, Fact};
use super::{Actor, In, Out};
use crate::clock::Hlc;
use crate::ids::{EntryId, UserId};
use automerge::ObjType;
use std::collections::{BTreeMap, BTreeSet};

/// Types of objects, by their numbers here.
const TYPES: [ObjType; 4] = [ObjType::Map, ObjType::Table, ObjType::List, ObjType::Text];
/// Places, by their numbers here.
const PLACES: [Place; 3] = [Place::Root, Place::Text, Place::Block];

/// Writes it; `None` while something of it has no entry yet.
pub(super) fn write(document: &Document, out: &mut Out) -> Option<()> {
    let entries: Vec<EntryId> = document.entries.iter().copied().collect();
    out.list(&entries, |out, entry| out.raw(&entry.0));
    // Entries with changes that wait are taken again: those changes are not kept here.
    let waiting = document.waiting.values().flatten().map(|waiting| waiting.fact.rank.2);
    let again: BTreeSet<u32> = waiting.filter_map(|entry| place_of(&entries, &entry)).collect();
    out.list(&again.into_iter().collect::<Vec<u32>>(), |out, at| out.number(u64::from(*at)));
    let users: BTreeSet<UserId> = document
        .facts
        .iter()
        .filter_map(|fact| fact.author)
        .chain(document.sessions.values().map(|(_, user)| *user))
        .collect();
    let users: Vec<UserId> = users.into_iter().collect();
    out.list(&users, |out, user| out.raw(&user.0));
    let sessions: Vec<(&Actor, &(u64, UserId))> = document.sessions.iter().collect();
    out.list(&sessions, |out, (actor, (session, user))| {
        out.raw(&actor[..]);
        out.number(*session);
        out.size(users.binary_search(user).unwrap_or_default());
    });
    let index = &document.index;
    out.list(&index.actors(), |out, actor| out.raw(actor));
    out.list(&index.objects, write_object);
    let run = |out: &mut Out, run: &Run| write_run(out, index, run);
    out.list(&index.runs, run);
    out.size(index.changes.len() - 1);
    for (change, fact) in index.changes.iter().zip(&document.facts).skip(1) {
        write_change(out, change);
        let (seq, number, entry) = fact.rank;
        out.number(fact.hlc.0);
        out.number(seq);
        out.number(number);
        out.number(u64::from(place_of(&entries, &entry)?));
        out.size(users.binary_search(&fact.author?).ok()?);
        out.flag(fact.whole);
    }
    Some(())
}

fn place_of(entries: &[EntryId], entry: &EntryId) -> Option<u32> {
    entries.binary_search(entry).ok().and_then(|at| u32::try_from(at).ok())
}

fn write_object(out: &mut Out, object: &Object) {
    let of = TYPES.iter().position(|of| *of == object.of).unwrap_or_default();
    let place = PLACES.iter().position(|place| *place == object.place).unwrap_or_default();
    out.raw(&[of as u8, place as u8, object.depth]);
}

fn write_run(out: &mut Out, index: &Index, run: &Run) {
    out.number(u64::from(run.object));
    out.maybe(run.after.map(|after| after.run));
    out.number(run.after.map_or(0, |after| u64::from(after.at)));
    out.number(run.first.0);
    out.number(index.actor(&run.first.1).map_or(0, u64::from));
}

fn write_change(out: &mut Out, change: &Known) {
    out.raw(&change.hash);
    out.number(u64::from(change.actor));
    out.number(u64::from(change.seq));
    out.number(change.start);
    out.number(change.len);
    out.list(&change.deps, |out, dep| out.number(u64::from(*dep)));
    out.number(u64::from(change.letters.added));
    out.number(u64::from(change.letters.removed));
    out.list(&change.spans, write_span);
}

fn write_span(out: &mut Out, span: &Span) {
    out.number(u64::from(span.first));
    out.number(u64::from(span.len));
    match &span.what {
        What::Insert { run, element } => {
            let (tag, object) = match element {
                Inserted::Value => (0, None),
                Inserted::Mark => (1, None),
                Inserted::Object(object) => (2, Some(*object)),
            };
            out.number(tag);
            out.number(u64::from(*run));
            out.maybe(object);
        }
        What::Key { object, key, makes } => {
            out.number(3);
            out.number(u64::from(*object));
            out.bytes(key.as_bytes());
            out.maybe(*makes);
        }
        What::Value { element, makes } => {
            out.number(4);
            out.number(u64::from(element.run));
            out.number(u64::from(element.at));
            out.maybe(*makes);
        }
        What::Delete => out.number(5),
    }
}

/// Reads it into a new document.
pub(super) fn read(document: &mut Document, input: &mut In<'_>) -> Option<()> {
    let entries = input.list(|input| input.raw().map(EntryId))?;
    let again = input.list(|input| input.below(entries.len()))?;
    let users = input.list(|input| input.raw().map(UserId))?;
    let user = |input: &mut In<'_>| input.below(users.len()).map(|at| users[at as usize]);
    let sessions: Vec<(Actor, (u64, UserId))> =
        input.list(|input| Some((input.raw()?, (input.number()?, user(input)?))))?;
    document.sessions = sessions.into_iter().collect::<BTreeMap<_, _>>();
    let actors: Vec<Actor> = input.list(|input| input.raw())?;
    let objects = input.list(read_object)?;
    let runs = read_runs(input, &actors, objects.len())?;
    let ends = Ends { objects: objects.len(), runs: runs.len() };
    for _ in 0..input.size()? {
        let (head, draft) = read_change(input, &document.index, &actors, ends)?;
        let hlc = Hlc(input.number()?);
        let (seq, number) = (input.number()?, input.number()?);
        let entry = entries[input.below(entries.len())? as usize];
        let fact = Fact { author: Some(user(input)?), hlc, rank: (seq, number, entry), whole: input.flag()? };
        document.index.add(head, draft);
        document.facts.push(fact);
    }
    document.index.objects = objects;
    document.index.runs = runs;
    document.entries = entries.iter().copied().collect();
    for at in again {
        document.entries.remove(&entries[at as usize]);
    }
    input.0.is_empty().then_some(())
}

/// How many there are in all.
#[derive(Clone, Copy)]
struct Ends {
    objects: usize,
    runs: usize,
}

fn read_object(input: &mut In<'_>) -> Option<Object> {
    let [of, place, depth] = input.raw()?;
    Some(Object { of: *TYPES.get(usize::from(of))?, place: *PLACES.get(usize::from(place))?, depth })
}

fn read_runs(input: &mut In<'_>, actors: &[Actor], objects: usize) -> Option<Vec<Run>> {
    let mut depths: Vec<u32> = Vec::new();
    input.list(|input| {
        let object = input.below(objects)?;
        // A run hangs at an earlier one: the way up ends.
        let (run, element) = (input.maybe(depths.len())?, input.below(u32::MAX as usize)?);
        let after = run.map(|run| Element { run, at: element });
        let depth = run.map_or(0, |run| depths[run as usize] + 1);
        depths.push(depth);
        let first = (input.number()?, *actors.get(input.size()?)?);
        Some(Run { object, after, depth, first })
    })
}

fn read_change(input: &mut In<'_>, index: &Index, actors: &[Actor], ends: Ends) -> Option<(Head, Draft)> {
    let (hash, actor) = (input.raw()?, *actors.get(input.size()?)?);
    let seq = input.below(u32::MAX as usize)?;
    let (start, len) = (input.number()?, input.number()?);
    let deps = input.list(|input| input.below(index.changes.len()))?;
    let letters = Letters { added: input.below(u32::MAX as usize)?, removed: input.below(u32::MAX as usize)? };
    let spans = input.list(|input| read_span(input, ends))?;
    // As when it was taken: the next of its writer, numbered on from what it builds on.
    let next = index.actor(&actor).map_or(0, |actor| index.count_of(actor)) + 1;
    let last = deps.iter().map(|dep| index.changes[*dep as usize].last()).max()?;
    if seq != next || start != last + 1 || len == 0 || len > OPS_PER_CHANGE_MAX || index.find(&hash).is_some() {
        return None;
    }
    let draft = Draft { spans, letters, ..Draft::default() };
    Some((Head { hash, actor, seq, start, len, deps }, draft))
}

fn read_span(input: &mut In<'_>, ends: Ends) -> Option<Span> {
    let (first, len) = (input.below(u32::MAX as usize)?, input.below(u32::MAX as usize)?);
    let what = match input.number()? {
        tag @ 0..=2 => {
            let run = input.below(ends.runs)?;
            let element = match (tag, input.maybe(ends.objects)?) {
                (0, None) => Inserted::Value,
                (1, None) => Inserted::Mark,
                (2, Some(object)) => Inserted::Object(object),
                _ => return None,
            };
            What::Insert { run, element }
        }
        3 => {
            let object = input.below(ends.objects)?;
            let key = std::str::from_utf8(input.bytes()?).ok()?.into();
            What::Key { object, key, makes: input.maybe(ends.objects)? }
        }
        4 => {
            let element = Element { run: input.below(ends.runs)?, at: input.below(u32::MAX as usize)? };
            What::Value { element, makes: input.maybe(ends.objects)? }
        }
        5 => What::Delete,
        _ => return None,
    };
    Some(Span { first, len, what })
}

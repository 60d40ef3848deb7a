//! How a page came to be: which versions it had, what stood in them, who wrote which letters of it.
//!
//! A version is everything up to one change, in an order that never puts a change before what it builds on. What arrives late
//! takes its place in that order: a version is how the page was once all sites had met, not what one screen showed.

use super::Document;
use super::index::{Actor, Hash};
use super::line::{self, Line};
use crate::clock::Hlc;
use crate::ids::UserId;
use automerge::{ChangeHash, ObjId, ReadDoc, ScalarValueRef, ValueRef};
use std::collections::BTreeSet;

/// A pause of this length ends a version.
const PAUSE_MS: u64 = 10 * 60 * 1_000;
/// Longer than this none lasts.
const VERSION_MS_MAX: u64 = 60 * 60 * 1_000;
/// People named for one version.
const PEOPLE_MAX: usize = 12;

/// What was written in one go, without longer pauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its last change: everything up to it is this version.
    pub id: Hash,
    /// When its first change was written.
    pub from: Hlc,
    /// When its last one was.
    pub at: Hlc,
    /// Who wrote, the first 12 in the order of their first change.
    pub people: Vec<UserId>,
    /// How many changes.
    pub changes: usize,
    /// Letters put in; a line's marker is one.
    pub added: u64,
    /// Letters taken away.
    pub removed: u64,
}

/// Letters that one person wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Where they begin, in UTF-16 units with one for each line's marker, as editors count.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// Who wrote them.
    pub author: UserId,
}

impl Document {
    /// All versions, the newest first.
    pub fn versions(&self) -> Vec<Version> {
        let mut versions: Vec<Version> = Vec::new();
        // A whole act is a version of its own, and what follows it begins another.
        let mut act: Option<u32> = None;
        for (at, time) in self.in_time() {
            let change = &self.index.changes[at as usize];
            let Some(author) = self.facts[at as usize].author else { continue };
            let ms = |hlc: Hlc| hlc.millis().0;
            let of_act = self.facts[at as usize].whole.then_some(change.actor);
            let same = std::mem::replace(&mut act, of_act) == of_act;
            let goes_on = versions.last().is_some_and(|last| {
                same && ms(time) - ms(last.at) < PAUSE_MS && ms(time) - ms(last.from) < VERSION_MS_MAX
            });
            if !goes_on {
                let (people, changes, added, removed) = (Vec::new(), 0, 0, 0);
                versions.push(Version { id: change.hash, from: time, at: time, people, changes, added, removed });
            }
            let Some(version) = versions.last_mut() else { continue };
            (version.id, version.at) = (change.hash, time);
            version.changes += 1;
            version.added += u64::from(change.letters.added);
            version.removed += u64::from(change.letters.removed);
            if version.people.len() < PEOPLE_MAX && !version.people.contains(&author) {
                version.people.push(author);
            }
        }
        versions.reverse();
        versions
    }

    /// The newest changes of the version that ends with this one; `None` when there is no such change.
    pub fn heads_at(&self, id: &Hash) -> Option<Vec<Hash>> {
        let end = self.index.find(id)?;
        let mut heads = BTreeSet::new();
        for (at, _) in self.in_time() {
            let change = &self.index.changes[at as usize];
            for dep in &change.deps {
                heads.remove(&self.index.changes[*dep as usize].hash);
            }
            heads.insert(change.hash);
            if at == end {
                return Some(heads.into_iter().collect());
            }
        }
        None
    }

    /// The lines that stood at these heads.
    pub fn lines_at(&self, heads: &[Hash]) -> Vec<Line> {
        let heads: Vec<ChangeHash> = heads.iter().copied().map(ChangeHash).collect();
        self.doc.spans_at(&self.text, &heads).map(line::lines).unwrap_or_default()
    }

    /// Changes with the time that they count at: that of what they build on, if it is later. In this order nothing comes
    /// before what it builds on, whatever clocks showed.
    fn in_time(&self) -> Vec<(u32, Hlc)> {
        let mut times: Vec<Hlc> = Vec::with_capacity(self.facts.len());
        for (change, fact) in self.index.changes.iter().zip(&self.facts) {
            let known = change.deps.iter().filter_map(|dep| times.get(*dep as usize)).max();
            times.push(known.map_or(fact.hlc, |known| fact.hlc.max(*known)));
        }
        let mut order: Vec<(u32, Hlc)> = (0..).zip(times).collect();
        order.sort_by_key(|(at, time)| {
            let change = &self.index.changes[*at as usize];
            (*time, change.start, change.hash)
        });
        order
    }

    /// Who wrote which letters of what stands now.
    pub fn authors(&self) -> Vec<Written> {
        let mut spans: Vec<Written> = Vec::new();
        let mut start = 0;
        for item in self.doc.list_range(&self.text, ..) {
            // Where marks begin and end stands among the letters, and has no width.
            let Some(at) = self.letter_of(&item.id()) else { continue };
            let width = match &item.value {
                ValueRef::Scalar(ScalarValueRef::Str(letters)) => letters.encode_utf16().count(),
                _ => 1,
            };
            let end = start + width;
            if let Some(author) = self.facts[at as usize].author {
                match spans.last_mut() {
                    Some(last) if last.end == start && last.author == author => last.end = end,
                    _ => spans.push(Written { start, end, author }),
                }
            }
            start = end;
        }
        spans
    }

    fn letter_of(&self, id: &ObjId) -> Option<u32> {
        let ObjId::Id(number, actor, _) = id else { return None };
        let actor: Actor = actor.to_bytes().try_into().ok()?;
        self.index.letter_of(*number, &actor)
    }
}

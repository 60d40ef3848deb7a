//! Entries that say again what an earlier one of their node said (`docs/decisions/0009-forks.md`). Their author had
//! written both, though the copy does not name the original as something to wait for: nobody else may ever hold it. Where
//! it is held, the copy is judged as having seen it, with all that it had seen, and so does whoever saw the copy. Where it
//! is not, one of its copies is judged as having seen another so: which of them came first in an order that all share.

use super::{ControlEntry, History, named};
use crate::ids::{EntryId, NodeId};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

impl History {
    /// What is judged: this history, with copies after their originals, and those without one after each other.
    pub(crate) fn with_copies(&self) -> Cow<'_, Self> {
        let mut families: BTreeSet<(EntryId, NodeId)> = BTreeSet::new();
        let mut is_as_it_stands = true;
        for entry in self.copies.iter().map(|index| &self.entries[*index]) {
            let first = entry.again.is_some_and(|original| families.insert((original, entry.node)));
            is_as_it_stands &= first && self.original(entry).is_none();
        }
        if is_as_it_stands {
            return Cow::Borrowed(self);
        }
        let mut judged = Self::default();
        // Which of two copies comes first must not depend on what came first here: of all that may be placed, always the
        // lowest by (height, id). Nothing can name, or say again, what was written from it: every entry gets its place.
        let (mut missing, mut waiting) =
            (Vec::with_capacity(self.entries.len()), BTreeMap::<EntryId, Vec<usize>>::new());
        let mut ready: BTreeSet<(u32, EntryId, usize)> = BTreeSet::new();
        let order = |index: usize| (self.graph.node(index).height, self.entries[index].id, index);
        for (index, entry) in self.entries.iter().enumerate() {
            let seen: BTreeSet<EntryId> = self.seen(entry).filter(|id| self.contains(id)).copied().collect();
            missing.push(seen.len());
            if seen.is_empty() {
                ready.insert(order(index));
            }
            seen.into_iter().for_each(|id| waiting.entry(id).or_default().push(index));
        }
        let mut last: BTreeMap<(EntryId, NodeId), EntryId> = BTreeMap::new();
        while let Some((_, id, index)) = ready.pop_first() {
            let entry = &self.entries[index];
            let elder = match (entry.again, self.original(entry)) {
                (_, Some(original)) => Some(*original),
                (Some(original), None) => last.insert((original, entry.node), id),
                (None, None) => None,
            };
            judged.elders.extend(elder.map(|elder| (id, elder)));
            judged.place(ControlEntry::clone(entry), elder);
            for next in waiting.remove(&id).unwrap_or_default() {
                missing[next] -= 1;
                if missing[next] == 0 {
                    ready.insert(order(next));
                }
            }
        }
        Cow::Owned(judged)
    }

    /// The original of a copy, where it is held.
    fn original<'a>(&self, entry: &'a ControlEntry) -> Option<&'a EntryId> {
        entry.again.as_ref().filter(|id| self.get(id).is_some_and(|original| original.node == entry.node))
    }

    /// What an entry names, its original, and the copy that it is judged as having seen.
    pub(crate) fn seen<'a>(&'a self, entry: &'a ControlEntry) -> impl Iterator<Item = &'a EntryId> {
        named(entry).chain(self.original(entry)).chain(self.elders.get(&entry.id))
    }
}

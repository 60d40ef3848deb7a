//! Entries that say again what an earlier one of their node said (`docs/decisions/0009-forks.md`). Their author had
//! written both, though the copy does not name the original as something to wait for: nobody else may ever hold it. Where
//! it is held, the copy is judged as having seen it, with all that it had seen, and so does whoever saw the copy.

use super::{ControlEntry, History, named};
use crate::ids::EntryId;
use std::borrow::Cow;
use std::collections::BTreeMap;

impl History {
    /// What is judged: this history, with copies after their originals.
    pub(crate) fn with_copies(&self) -> Cow<'_, Self> {
        if !self.copies.iter().any(|index| self.original(&self.entries[*index]).is_some()) {
            return Cow::Borrowed(self);
        }
        let mut judged = Self::default();
        let mut waiting: BTreeMap<EntryId, Vec<usize>> = BTreeMap::new();
        // An original cannot name what was written from it, so this comes to an end with every entry in its place.
        for first in 0..self.entries.len() {
            let mut next = vec![first];
            while let Some(index) = next.pop() {
                let entry = &self.entries[index];
                let missing = self.seen(entry).find(|id| self.contains(id) && !judged.contains(id));
                if let Some(missing) = missing {
                    waiting.entry(*missing).or_default().push(index);
                } else {
                    judged.place(ControlEntry::clone(entry), self.original(entry).copied());
                    next.extend(waiting.remove(&entry.id).unwrap_or_default());
                }
            }
        }
        Cow::Owned(judged)
    }

    /// The original of a copy, where it is held.
    fn original<'a>(&self, entry: &'a ControlEntry) -> Option<&'a EntryId> {
        entry.again.as_ref().filter(|id| self.get(id).is_some_and(|original| original.node == entry.node))
    }

    /// What an entry names, and its original.
    pub(crate) fn seen<'a>(&'a self, entry: &'a ControlEntry) -> impl Iterator<Item = &'a EntryId> {
        named(entry).chain(self.original(entry))
    }
}

//! Entries that wait for others they name. Bounded: whoever has most waiting loses the last of it first.

use super::{ControlEntry, named};
use crate::ids::{EntryId, NodeId};
use crate::limits::PENDING_MAX;
use std::collections::{BTreeMap, BTreeSet};

/// See the head of this file.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    entries: BTreeMap<EntryId, ControlEntry>,
    /// The same by who wrote them, with their positions.
    by_node: BTreeMap<NodeId, BTreeSet<(u64, EntryId)>>,
    /// For each missing entry, who waits for it.
    waiters: BTreeMap<EntryId, BTreeSet<EntryId>>,
}

impl Waiting {
    pub(super) fn contains(&self, id: &EntryId) -> bool {
        self.entries.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is waited for.
    pub(super) fn missing(&self) -> impl Iterator<Item = &EntryId> {
        self.waiters.keys()
    }

    pub(super) fn add(&mut self, entry: ControlEntry, missing: EntryId) {
        self.waiters.entry(missing).or_default().insert(entry.id);
        self.by_node.entry(entry.node).or_default().insert((entry.seq, entry.id));
        self.entries.insert(entry.id, entry);
    }

    /// Who waited for this entry. Each must then be taken, and added again if it misses another.
    pub(super) fn for_entry(&mut self, id: &EntryId) -> BTreeSet<EntryId> {
        self.waiters.remove(id).unwrap_or_default()
    }

    pub(super) fn take(&mut self, id: &EntryId) -> Option<ControlEntry> {
        let entry = self.entries.remove(id)?;
        if let Some(all) = self.by_node.get_mut(&entry.node) {
            all.remove(&(entry.seq, entry.id));
            if all.is_empty() {
                self.by_node.remove(&entry.node);
            }
        }
        Some(entry)
    }

    /// Lets go of the last entry of the node that has most waiting, so that one node cannot crowd out the others. It
    /// waits again when it is given again.
    pub(super) fn make_room(&mut self) {
        if self.entries.len() <= PENDING_MAX {
            return;
        }
        let most = self.by_node.iter().max_by_key(|(node, all)| (all.len(), **node));
        let Some((_, id)) = most.and_then(|(_, all)| all.last().copied()) else { return };
        let Some(entry) = self.take(&id) else { return };
        for missing in named(&entry) {
            if let Some(waiters) = self.waiters.get_mut(missing) {
                waiters.remove(&id);
                if waiters.is_empty() {
                    self.waiters.remove(missing);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::op::ControlOp;
    use crate::ids::LogId;

    fn entry(node: u8, seq: u64) -> ControlEntry {
        let mut id = [node; 32];
        id[..8].copy_from_slice(&seq.to_be_bytes());
        ControlEntry {
            id: EntryId(id),
            log: LogId([node; 32]),
            seq,
            node: NodeId([node; 32]),
            actor: None,
            prev: None,
            ctl: vec![EntryId([255; 32])],
            again: None,
            op: ControlOp::Leave,
        }
    }

    #[test]
    fn a_node_that_fills_the_room_loses_its_own_and_nobody_elses() {
        let mut waiting = Waiting::default();
        let honest = entry(1, 1);
        waiting.add(honest.clone(), EntryId([255; 32]));
        for seq in 0..PENDING_MAX as u64 + 10 {
            waiting.add(entry(2, seq), EntryId([255; 32]));
            waiting.make_room();
        }
        assert_eq!(waiting.len(), PENDING_MAX);
        assert!(waiting.contains(&honest.id));
        assert_eq!(waiting.for_entry(&EntryId([255; 32])).len(), PENDING_MAX);
    }
}

//! The control entries of one scope, in an order in which each comes after what it names.
//!
//! An entry counts only when all that it names is here (G15, S23): until then it waits inside. Whether it has authority
//! is not asked here; only what breaks a rule by its form alone is refused, for ever.

mod copies;
pub(crate) mod graph;
mod waiting;

use super::op::ControlOp;
use crate::ids::{EntryId, LogId, NodeId, UserId};
use crate::limits::{CTL_HEADS_MAX, INCARNATIONS_MAX, MEMBERS_PER_ENTRY_MAX, SEE_HEADS_MAX};
use graph::Graph;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use waiting::Waiting;

/// A control entry as the evaluator sees it. Its signature, chain and body were proved before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlEntry {
    /// Its id.
    pub id: EntryId,
    /// Its log.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// The log's owner.
    pub node: NodeId,
    /// The person; `None` for the node's own operations.
    pub actor: Option<UserId>,
    /// The entry before it in its log.
    pub prev: Option<EntryId>,
    /// The control frontier that its author had applied, an inherited one resolved.
    pub ctl: Vec<EntryId>,
    /// The entry of the same node that it says again.
    pub again: Option<EntryId>,
    /// What it does.
    pub op: ControlOp,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It and all it names is here. Others that waited for it may have come in with it.
    Added,
    /// It was here before.
    AlreadyHeld,
    /// It waits for something it names.
    Pending,
    /// It breaks a rule by its form, or continues an entry that does.
    Malformed,
}

/// The control entries of one scope.
#[derive(Debug, Clone, Default)]
pub struct History {
    graph: Arc<Graph>,
    /// Beside the graph's nodes, at the same numbers.
    entries: Vec<Arc<ControlEntry>>,
    /// For each entry, what it names outside this scope.
    outside: Vec<Vec<EntryId>>,
    heads: BTreeSet<EntryId>,
    /// The numbers of entries that say others again.
    copies: Vec<usize>,
    /// Whom of its family a copy is judged as having seen; only in what is judged.
    elders: BTreeMap<EntryId, EntryId>,
    waiting: Waiting,
    refused: BTreeSet<EntryId>,
}

/// What an entry names: the one before it, its frontier, and what a `see` folds.
pub(crate) fn named(entry: &ControlEntry) -> impl Iterator<Item = &EntryId> {
    let folded: &[EntryId] = match &entry.op {
        ControlOp::See(see) => &see.heads,
        _ => &[],
    };
    entry.prev.iter().chain(&entry.ctl).chain(folded)
}

fn is_malformed(entry: &ControlEntry) -> bool {
    let opens = entry.seq == 0;
    let sizes = match &entry.op {
        ControlOp::See(see) => see.heads.len() <= SEE_HEADS_MAX,
        ControlOp::Grant(grant) => grant.roles.len() <= MEMBERS_PER_ENTRY_MAX,
        ControlOp::Revoke(revoke) => revoke.users.len() <= MEMBERS_PER_ENTRY_MAX,
        ControlOp::LogOpen(open) => open.previous.len() <= INCARNATIONS_MAX,
        _ => true,
    };
    let opening = matches!(entry.op, ControlOp::LogOpen(_) | ControlOp::GroupCreate(_));
    opens != entry.prev.is_none()
        || opens != opening
        || opens != (entry.log == LogId::from(entry.id))
        || entry.ctl.len() > CTL_HEADS_MAX
        || !sizes
}

impl History {
    /// Adds an entry. `known_elsewhere` tells whether an entry is of the tier above (the organisation's history, for a
    /// group's); what is neither here nor there is waited for.
    pub fn insert(&mut self, entry: ControlEntry, known_elsewhere: &dyn Fn(&EntryId) -> bool) -> Inserted {
        if self.contains(&entry.id) || self.waiting.contains(&entry.id) {
            return Inserted::AlreadyHeld;
        }
        if self.refused.contains(&entry.id) {
            return Inserted::Malformed;
        }
        let id = entry.id;
        self.take(entry, known_elsewhere)
            .unwrap_or_else(|| if self.contains(&id) { Inserted::Added } else { Inserted::Pending })
    }

    /// Looks again at what waits for entries of the tier above. Whether any came in.
    pub fn retry(&mut self, known_elsewhere: &dyn Fn(&EntryId) -> bool) -> bool {
        let before = self.len();
        let arrived: Vec<EntryId> = self.waiting.missing().filter(|id| known_elsewhere(id)).copied().collect();
        for id in arrived {
            self.release(id, known_elsewhere);
        }
        self.len() > before
    }

    /// The entries that no other names, sorted.
    pub fn heads(&self) -> Vec<EntryId> {
        self.heads.iter().copied().collect()
    }

    /// Whether this entry is here with all its past.
    pub fn contains(&self, id: &EntryId) -> bool {
        self.graph.index(id).is_some()
    }

    /// How many entries are here with all their past.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many wait for what they name.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// An entry that is here with all its past.
    pub fn get(&self, id: &EntryId) -> Option<&ControlEntry> {
        self.graph.index(id).map(|index| &*self.entries[index])
    }

    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// In an order in which each comes after what it names.
    pub(crate) fn entries(&self) -> &[Arc<ControlEntry>] {
        &self.entries
    }

    pub(crate) fn outside(&self, index: usize) -> &[EntryId] {
        &self.outside[index]
    }

    /// `None`: it came in, or waits.
    fn take(&mut self, entry: ControlEntry, known_elsewhere: &dyn Fn(&EntryId) -> bool) -> Option<Inserted> {
        let id = entry.id;
        if is_malformed(&entry) || entry.prev.is_some_and(|prev| self.refused.contains(&prev)) {
            self.refuse(id);
            return Some(Inserted::Malformed);
        }
        let missing = named(&entry).find(|named| !self.contains(named) && !known_elsewhere(named)).copied();
        if let Some(missing) = missing {
            self.waiting.add(entry, missing);
            self.waiting.make_room();
            return None;
        }
        if self.breaks_its_chain(&entry) {
            self.refuse(id);
            return Some(Inserted::Malformed);
        }
        self.admit(entry);
        self.release(id, known_elsewhere);
        None
    }

    /// Takes up what waited for this entry, and what waited for that, without recursion.
    fn release(&mut self, id: EntryId, known_elsewhere: &dyn Fn(&EntryId) -> bool) {
        let mut arrived = vec![id];
        while let Some(id) = arrived.pop() {
            for waiter in self.waiting.for_entry(&id) {
                let Some(entry) = self.waiting.take(&waiter) else { continue };
                let missing = named(&entry).find(|named| !self.contains(named) && !known_elsewhere(named)).copied();
                if let Some(missing) = missing {
                    self.waiting.add(entry, missing);
                } else if self.breaks_its_chain(&entry) {
                    self.refuse(waiter);
                } else {
                    self.admit(entry);
                    arrived.push(waiter);
                }
            }
        }
    }

    /// Refuses an entry and all that continue it.
    fn refuse(&mut self, id: EntryId) {
        let mut refused = vec![id];
        while let Some(id) = refused.pop() {
            self.refused.insert(id);
            for waiter in self.waiting.for_entry(&id) {
                // Only what continues a refused entry is refused with it; what merely names it waits for ever.
                match self.waiting.take(&waiter) {
                    Some(entry) if entry.prev == Some(id) => refused.push(waiter),
                    Some(entry) => self.waiting.add(entry, id),
                    None => {}
                }
            }
        }
    }

    /// Its log, owner and position follow from the entry before; its frontier does not go backwards (G10).
    fn breaks_its_chain(&self, entry: &ControlEntry) -> bool {
        let Some(index) = entry.prev.and_then(|prev| self.graph.index(&prev)) else { return entry.prev.is_some() };
        let before = &self.entries[index];
        if before.log != entry.log || before.node != entry.node || before.seq + 1 != entry.seq {
            return true;
        }
        if before.ctl == entry.ctl {
            return false;
        }
        let here = |ids: &[EntryId]| ids.iter().filter_map(|id| self.graph.index(id)).collect::<Vec<_>>();
        let mut seen = graph::Clock::default();
        here(&entry.ctl).into_iter().for_each(|index| self.graph.absorb(&mut seen, index));
        here(&before.ctl).into_iter().any(|index| !seen.covers(self.graph.node(index).place))
    }

    fn admit(&mut self, entry: ControlEntry) {
        self.place(entry, None);
    }

    /// Adds an entry after all that it names, and after its original where that is to be looked at.
    fn place(&mut self, entry: ControlEntry, original: Option<EntryId>) {
        let mut parents: Vec<usize> = Vec::new();
        let mut outside: Vec<EntryId> = Vec::new();
        for id in named(&entry) {
            match self.graph.index(id) {
                Some(index) => parents.push(index),
                None => outside.push(*id),
            }
            self.heads.remove(id);
        }
        outside.sort_unstable();
        outside.dedup();
        parents.extend(original.and_then(|id| self.graph.index(&id)));
        if entry.again.is_some() {
            self.copies.push(self.entries.len());
        }
        let prev = entry.prev.and_then(|prev| self.graph.index(&prev));
        Arc::make_mut(&mut self.graph).push(entry.id, prev, &parents);
        self.heads.insert(entry.id);
        self.outside.push(outside);
        self.entries.push(Arc::new(entry));
    }
}

//! Logs that are not one chain: a restored or cloned machine, a hostile node, a bug. Nothing is lost by it, nothing is
//! shown twice (`docs/decisions/0009-forks.md`).
//!
//! A branch is a record of its own, kept under the id of its first entry, which nothing else can have. Outside, a log is
//! named by its own id always, and a frontier has a line for each end (*tip*) of its tree: so two nodes with the same
//! entries say the same, whichever branch came first.

mod branch;
mod proof;
mod seal;
mod twins;
mod withdraw;

use super::Engine;
use crate::control::op::{Class, Cut};
use crate::entry::Entry;
use crate::ids::{EntryId, GroupId, LogId, NodeId, ScopeId};
use crate::limits::FORK_BRANCHES_MAX;
use crate::log::Height;
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use twins::again_key;
pub use twins::again_of;
pub(crate) use withdraw::Note;
pub use withdraw::is_note;

/// What the engine knows of forks beside the records of its logs.
#[derive(Default)]
pub(crate) struct Forks {
    /// The branches of each log that has some.
    pub(crate) branches: BTreeMap<LogId, BTreeSet<LogId>>,
    /// Entries that are stored and do not count, with their record and position.
    pub(crate) passed: BTreeMap<EntryId, (LogId, u64)>,
    /// Entries that were written again, or are said to have been.
    pub(crate) originals: BTreeSet<EntryId>,
    /// Own entries to write again once the input under way is taken in.
    pub(crate) to_reissue: Vec<(ScopeId, Class, Vec<Entry>)>,
    /// What own entries are called since they were written again.
    pub(crate) renamed: BTreeMap<EntryId, EntryId>,
    /// Faults of each peer since this process began.
    pub(crate) faults: BTreeMap<NodeId, u32>,
    /// Where sealed logs end.
    pub(crate) sealed: BTreeMap<LogId, Cut>,
    /// Groups to fold anew.
    pub(crate) refolds: BTreeSet<GroupId>,
    /// Names and cards to fold anew.
    pub(crate) refold_org: bool,
}

impl Engine {
    /// Reads what rows say of forks.
    pub(crate) fn load_forks(&mut self, store: &dyn Store) {
        self.load_twins(store);
        self.load_alarms(store);
        if let Some(org) = self.org() {
            self.load_proofs(store, &org);
        }
        let ended: Vec<(LogId, u64)> =
            self.logs.iter().filter_map(|(key, log)| log.end.map(|end| (*key, end.next))).collect();
        for (key, from) in ended {
            let passed = super::lookup::entries_of(store, &key, from);
            self.forks.passed.extend(passed.map(|entry| (entry.id, (key, entry.header.seq))));
        }
    }

    /// The records of a log: its own and its branches'.
    pub(crate) fn records(&self, log: &LogId) -> Vec<LogId> {
        let branches = self.forks.branches.get(log).into_iter().flatten().copied();
        std::iter::once(*log).chain(branches).filter(|key| self.logs.contains_key(key)).collect()
    }

    /// Whether the log has branches, some of which may not count.
    pub(crate) fn has_branches(&self, log: &LogId) -> bool {
        self.forks.branches.contains_key(log)
    }

    /// Whether an entry is stored, counting or not.
    pub(crate) fn is_stored(&self, store: &dyn Store, id: &EntryId) -> bool {
        super::lookup::place_of(store, id).is_some() || self.forks.passed.contains_key(id)
    }

    /// The branches that leave a record, the earliest first. Those that do not count at all are left out.
    fn leaving(&self, key: &LogId) -> Vec<(u64, LogId)> {
        let Some(record) = self.logs.get(key) else { return Vec::new() };
        let mut leaving: Vec<(u64, LogId)> = self
            .forks
            .branches
            .get(&record.wire(key))
            .into_iter()
            .flatten()
            .filter_map(|branch| {
                let log = self.logs.get(branch)?;
                let of = log.branch.as_ref()?;
                (of.parent == *key && log.end().0 > of.from).then_some((of.from, *branch))
            })
            .collect();
        leaving.sort_unstable();
        leaving
    }

    /// Whether a record ends where nothing follows: its last entry is one of the log's newest.
    pub(crate) fn is_tip(&self, key: &LogId) -> bool {
        let Some(record) = self.logs.get(key) else { return false };
        let (next, _) = record.end();
        next > record.from()
            && (!self.has_branches(&record.wire(key)) || !self.leaving(key).iter().any(|(from, _)| *from == next))
    }

    /// How far the logs of a class in a scope are held, in the order of log ids; a line for each tip.
    pub(crate) fn heights(&self, scope: &ScopeId, class: Class) -> Vec<Height> {
        let mut sorted = true;
        let mut heights: Vec<Height> = self
            .scopes
            .get(scope)
            .into_iter()
            .flatten()
            .filter_map(|key| self.logs.get(key).map(|log| (key, log)))
            .filter(|(key, log)| log.class == class && self.is_tip(key))
            .map(|(key, log)| {
                sorted &= log.branch.is_none();
                let (next, head) = log.end();
                Height { log: log.wire(key), next, head }
            })
            .collect();
        if !sorted {
            heights.sort_unstable();
        }
        heights
    }

    /// The records that lead to the end of this one, the log's own first, each with the positions it contributes.
    pub(crate) fn path(&self, key: &LogId) -> Vec<(LogId, u64, u64)> {
        let mut path = Vec::new();
        let (mut at, mut until) = (*key, u64::MAX);
        // Each step goes to an earlier position: it ends.
        while let Some(record) = self.logs.get(&at) {
            path.push((at, record.from(), until.min(record.end().0)));
            let Some(branch) = &record.branch else { break };
            (at, until) = (branch.parent, branch.from);
        }
        path.reverse();
        path
    }

    /// The control frontier in force at a position of a record.
    pub(crate) fn frontier_at(&self, store: &dyn Store, key: &LogId, seq: u64) -> Vec<EntryId> {
        let before = self.logs.get(key).and_then(|log| log.branch.as_ref()).map(|branch| branch.ctl.clone());
        super::lookup::frontier_at(store, key, seq, before.unwrap_or_default())
    }

    /// The ends of a log's tree, by the ids of the entries at which the ways part: an order that does not depend on which
    /// came first.
    fn tips_in_order(&self, store: &dyn Store, log: &LogId) -> Vec<LogId> {
        let mut tips = Vec::new();
        // What is still to be walked, the next one last: a record, and from which position on its branches matter.
        let mut walk: Vec<(LogId, u64)> = vec![(*log, 0)];
        while let Some((key, after)) = walk.pop() {
            let Some(record) = self.logs.get(&key) else { continue };
            let leaving: Vec<(u64, LogId)> =
                self.leaving(&key).into_iter().filter(|(from, _)| *from >= after).collect();
            let Some((split, _)) = leaving.first().copied() else {
                tips.push(key);
                continue;
            };
            let mut ways: Vec<(EntryId, LogId, u64)> = leaving
                .iter()
                .filter(|(from, _)| *from == split)
                .map(|(from, branch)| (EntryId(branch.0), *branch, *from))
                .collect();
            if split < record.end().0
                && let Some(entry) = super::lookup::entry_at(store, &key, split)
            {
                ways.push((entry.id, key, split + 1));
            }
            ways.sort_unstable();
            walk.extend(ways.into_iter().rev().map(|(_, key, after)| (key, after)));
        }
        tips
    }

    /// The tip that is one too many, if there is one (ruling A7).
    fn excess_tip(&self, store: &dyn Store, log: &LogId) -> Option<LogId> {
        self.tips_in_order(store, log).get(FORK_BRANCHES_MAX).copied()
    }
}

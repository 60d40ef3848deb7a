//! What a site may still learn of a group that it is no longer in: the control entries up to its removal, so that it
//! knows of it and can tell its people what was not delivered (ruling B8); and what was said of that very removal, how far
//! its cut reaches. Nothing else after that, and no content.

use super::Engine;
use super::serve::Share;
use crate::control::History;
use crate::control::op::ControlOp;
use crate::ids::{EntryId, GroupId, LogId, NodeId, ScopeId, UserId};
use crate::log::Height;
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// How far each control log may be given.
pub(crate) type Farewell = BTreeMap<LogId, u64>;

impl Engine {
    /// How far a node of a former site may read a group's control logs; `None` when it never was in, or still is.
    pub(crate) fn farewell(&self, peer: &NodeId, group: &GroupId) -> Option<Farewell> {
        if self.share(peer, &ScopeId::from(*group)) == Share::All || !self.view.groups.contains_key(group) {
            return None;
        }
        let org = self.view.org_state()?;
        let site = org.site_of_node(peer)?;
        let is_theirs = |user: &UserId| org.user(user).is_some_and(|user| user.site == site);
        let history = &self.groups.get(group)?.history;
        // Naming somebody who never was in tells their site nothing.
        let was_given = history.entries().iter().any(|entry| match &entry.op {
            ControlOp::Grant(grant) => grant.roles.iter().any(|role| is_theirs(&role.user)),
            ControlOp::GroupCreate(_) | ControlOp::Join => entry.actor.as_ref().is_some_and(is_theirs),
            _ => false,
        });
        if !was_given {
            return None;
        }
        let graph = history.graph();
        let removals: Vec<usize> = history
            .entries()
            .iter()
            .enumerate()
            .filter(|(_, entry)| match &entry.op {
                ControlOp::Revoke(revoke) => revoke.users.iter().any(is_theirs),
                ControlOp::Leave => entry.actor.as_ref().is_some_and(is_theirs),
                _ => false,
            })
            .map(|(index, _)| index)
            .collect();
        if removals.is_empty() {
            return None;
        }
        let mut farewell = Farewell::new();
        for (index, entry) in history.entries().iter().enumerate() {
            if removals.iter().any(|removal| index == *removal || graph.precedes(index, *removal)) {
                let next = farewell.entry(entry.log).or_default();
                *next = (*next).max(entry.seq + 1);
            }
        }
        let ids: BTreeSet<EntryId> = removals.iter().map(|index| history.entries()[*index].id).collect();
        extend(&mut farewell, history, &ids);
        Some(farewell)
    }

    /// The groups that a peer's site was in and is not any more, with how far it may read each.
    pub(crate) fn farewells(&self, peer: &NodeId) -> Vec<(ScopeId, Farewell)> {
        let groups = self.view.groups.keys();
        groups.filter_map(|group| Some((ScopeId::from(*group), self.farewell(peer, group)?))).collect()
    }

    /// The heights that a farewell shows.
    pub(crate) fn farewell_heights(&self, store: &dyn Store, farewell: &Farewell) -> Vec<Height> {
        let height = |(log, next): (&LogId, &u64)| {
            let entry =
                super::lookup::run_of(store, log, next - 1)?.into_iter().find(|entry| entry.header.seq == next - 1)?;
            Some(Height { log: *log, next: *next, head: entry.id })
        };
        farewell.iter().filter(|(log, _)| self.may_leave(log)).filter_map(height).collect()
    }
}

/// Adds what follows directly in a log and only says how far these removals cut.
fn extend(farewell: &mut Farewell, history: &History, removals: &BTreeSet<EntryId>) {
    // A log that was opened only to say so.
    let mut opened: BTreeSet<LogId> = BTreeSet::new();
    for entry in history.entries() {
        let next = farewell.get(&entry.log).copied().unwrap_or(u64::from(opened.contains(&entry.log)));
        let follows = entry.seq == next;
        match &entry.op {
            ControlOp::LogOpen(_) if follows => {
                opened.insert(entry.log);
            }
            ControlOp::Seen(seen) if follows && removals.contains(&seen.revocation) => {
                farewell.insert(entry.log, next + 1);
            }
            ControlOp::AmendCut(amend) if follows && removals.contains(&amend.revocation) => {
                farewell.insert(entry.log, next + 1);
            }
            _ => {}
        }
    }
}

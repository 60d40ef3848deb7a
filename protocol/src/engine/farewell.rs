//! What a site may still learn of a group that it is no longer in: the control entries up to its removal, so that it
//! knows of it and can tell its people what was not delivered (ruling B8); and what was said of that very removal, how far
//! its cut reaches. Nothing else after that, and no content.

use super::Engine;
use super::serve::Share;
use crate::control::History;
use crate::control::op::{ControlOp, Role};
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
        let removals = removals(history, is_theirs);
        if removals.is_empty() {
            return None;
        }
        let graph = history.graph();
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

    /// Whether this site was out of a group at some time, and may have wiped what it held of it.
    pub(crate) fn may_have_dropped(&self, scope: &ScopeId) -> bool {
        let (Some(org), Some(own)) = (self.view.org_state(), self.view.own_site()) else { return false };
        let is_ours = |user: &UserId| org.user(user).is_some_and(|user| user.site == own);
        let group = self.groups.get(&GroupId::from(*scope));
        group.is_some_and(|group| !removals(&group.history, is_ours).is_empty())
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

/// The removals by which these people are not in any more, by number: those that name them, and where none does, those
/// that name who let them in, or who let these in: what one was given falls with who gave it (G5). Naming somebody who
/// never was in tells their site nothing.
fn removals(history: &History, is_theirs: impl Fn(&UserId) -> bool) -> BTreeSet<usize> {
    let mut given: BTreeMap<UserId, Vec<(usize, Role)>> = BTreeMap::new();
    let mut named: BTreeMap<UserId, Vec<usize>> = BTreeMap::new();
    for (index, entry) in history.entries().iter().enumerate() {
        match &entry.op {
            ControlOp::Grant(grant) => {
                grant.roles.iter().for_each(|role| given.entry(role.user).or_default().push((index, role.role)));
            }
            ControlOp::GroupCreate(_) => {
                entry.actor.iter().for_each(|user| given.entry(*user).or_default().push((index, Role::Owner)));
            }
            ControlOp::Join => {
                entry.actor.iter().for_each(|user| given.entry(*user).or_default().push((index, Role::Member)));
            }
            ControlOp::Revoke(revoke) => {
                revoke.users.iter().for_each(|user| named.entry(*user).or_default().push(index));
            }
            ControlOp::Leave => entry.actor.iter().for_each(|user| named.entry(*user).or_default().push(index)),
            _ => {}
        }
    }
    let graph = history.graph();
    let mut found = BTreeSet::new();
    let mut asked: BTreeSet<UserId> = given.keys().copied().filter(|user| is_theirs(user)).collect();
    let mut next: Vec<UserId> = asked.iter().copied().collect();
    while let Some(user) = next.pop() {
        let given = given.get(&user).map_or(&[][..], Vec::as_slice);
        for (grant, role) in given {
            // A lower role takes from who gave others what the higher one allowed.
            let lowered = given.iter().filter(|(_, other)| other > role && !is_theirs(&user)).map(|(index, _)| index);
            let by = named.get(&user).into_iter().flatten().chain(lowered);
            // What was given after a removal is not undone by it.
            let undone: Vec<usize> = by.filter(|removal| !graph.precedes(**removal, *grant)).copied().collect();
            match history.entries()[*grant].actor.filter(|_| undone.is_empty()) {
                Some(giver) if asked.insert(giver) => next.push(giver),
                _ => found.extend(undone),
            }
        }
    }
    found
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

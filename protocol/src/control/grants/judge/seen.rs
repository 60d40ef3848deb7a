//! What remaining nodes held when they learned of a removal raises its cuts, of logs that it names and of others (ruling
//! A2): nobody loses what others hold already. Settled last, since it bears on what was written, not on any right.
//!
//! 1. One statement a node and removal counts, the one that saw least; it must have seen the removal.
//! 2. The node's site must have had people in the group then, and be no home of those removed: nobody speaks for the
//!    logs in which the removed write.
//! 3. An amendment says the last word; statements do not change it.

use super::super::super::op::{ControlOp, Seen};
use super::super::super::table::Act;
use super::super::super::verdict::{Kept, Limits, limits_of};
use super::super::{At, Kill};
use super::Judge;
use crate::ids::{EntryId, NodeId, SiteId, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Judge<'_> {
    /// Raises the cuts of all removals.
    pub(super) fn settle_seen(&mut self) {
        let stated: BTreeMap<usize, Limits> = self
            .seens
            .iter()
            .filter_map(|(revocation, all)| {
                let index = self.ground.graph.index(revocation)?;
                Some((index, self.stated(index, all)))
            })
            .filter(|(_, limits)| !limits.is_empty())
            .collect();
        if stated.is_empty() {
            return;
        }
        let mut given = std::mem::take(&mut self.ground.given);
        for one in given.values_mut().flatten() {
            let act = Act::removing(one.role);
            for kill in one.kills.iter_mut().filter(|kill| !kill.cuts.is_whole()) {
                let Some(stated) = stated.get(&kill.index).filter(|_| !self.is_amended(kill.index, act)) else {
                    continue;
                };
                let mut cuts = (*kill.cuts).clone();
                for (log, held) in stated {
                    let last = cuts.named.entry(*log).or_insert(*held);
                    *last = (*last).max(*held);
                }
                kill.cuts = Arc::new(cuts);
            }
        }
        self.ground.given = given;
    }

    /// A removal also cuts what rests on a role that the person had given up before, as its author saw: who stepped down
    /// and was then removed by a facilitator would else write on by the higher role, dated back. It bears on no right: such
    /// a grant is dead for all that saw the removal, and for all that did not see it being given up.
    pub(super) fn settle_given_up(&mut self) {
        let mut given = std::mem::take(&mut self.ground.given);
        for all in given.values_mut() {
            let is_whole = |kill: &Kill| kill.cuts.is_whole();
            if !all.iter().any(|one| one.kills.iter().any(is_whole)) {
                continue;
            }
            let mut removals: BTreeMap<usize, Arc<Kept>> = BTreeMap::new();
            for kill in all.iter().flat_map(|one| &one.kills) {
                if matches!(self.history.entries()[kill.index].op, ControlOp::Revoke(_)) {
                    let kept = removals.entry(kill.index).or_insert_with(|| Arc::clone(&kill.cuts));
                    if !Arc::ptr_eq(kept, &kill.cuts) {
                        *kept = Arc::new(kept.or(&kill.cuts));
                    }
                }
            }
            for one in all {
                let more: Vec<Kill> = removals
                    .iter()
                    .filter(|(removal, _)| one.kills.iter().all(|kill| kill.index != **removal))
                    .filter(|(removal, _)| {
                        let knew = |kill: &Kill| self.ground.graph.precedes(kill.index, **removal);
                        one.kills.iter().any(|kill| is_whole(kill) && knew(kill))
                    })
                    .map(|(removal, kept)| Kill { index: *removal, cuts: Arc::clone(kept) })
                    .collect();
                one.kills.extend(more);
            }
        }
        self.ground.given = given;
    }

    /// What the nodes that may say so held when they learned of this removal.
    fn stated(&self, removal: usize, all: &[(usize, &Seen)]) -> Limits {
        let removed = removed_by(&self.history.entries()[removal].op);
        let mut by_node: BTreeMap<NodeId, (u32, EntryId, &Seen)> = BTreeMap::new();
        for (index, seen) in all {
            let entry = &self.history.entries()[*index];
            if !self.ground.graph.precedes(removal, *index) || !self.may_state(*index, &entry.node, &removed) {
                continue;
            }
            let order = (self.ground.graph.node(*index).height, entry.id, *seen);
            let first = by_node.entry(entry.node).or_insert(order);
            if (order.0, order.1) < (first.0, first.1) {
                *first = order;
            }
        }
        let cuts: Vec<_> = by_node.values().flat_map(|(_, _, seen)| seen.cuts.iter().cloned()).collect();
        limits_of(&cuts)
    }

    fn may_state(&self, index: usize, node: &NodeId, removed: &BTreeSet<UserId>) -> bool {
        let org = &self.ground.org;
        let Some(past) = &self.ground.org_pasts[index] else { return false };
        if self.spoken[index].is_err() {
            return false;
        }
        let Some(site) = org.site_of_node(node) else { return false };
        let is_home = |user: &UserId| {
            org.user(user).is_some_and(|record| record.site == site) || org.home_in(user, past) == Some(site)
        };
        !removed.iter().any(is_home) && self.has_people(site, index)
    }

    /// Whether a site had people in the group, as this entry knew it.
    fn has_people(&self, site: SiteId, index: usize) -> bool {
        let Some(past) = &self.ground.org_pasts[index] else { return false };
        if self.derived && self.create.site.is_none_or(|of| of == site) {
            return true;
        }
        let at = At::Entry(index);
        self.ground
            .given
            .keys()
            .any(|user| self.ground.org.home_in(user, past) == Some(site) && self.ground.live_role(user, at).is_some())
    }
}

/// Whose writing a removal cuts.
fn removed_by(op: &ControlOp) -> BTreeSet<UserId> {
    match op {
        ControlOp::Revoke(revoke) => revoke.users.iter().copied().collect(),
        ControlOp::Grant(grant) => grant.roles.iter().map(|one| one.user).collect(),
        _ => BTreeSet::new(),
    }
}

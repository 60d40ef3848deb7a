//! Why entries have no effect (INV-27), said once all grants are known.

use super::super::super::op::{AmendCut, ControlOp};
use super::super::super::table::Act;
use super::super::super::verdict::Reason;
use super::super::{At, Given};
use super::Judge;
use crate::ids::{EntryId, UserId};
use std::collections::BTreeSet;

impl Judge<'_> {
    /// Says of each entry without effect why it has none, once all grants are known; what had some effect is not void.
    pub(super) fn explain(&mut self) {
        let killing: BTreeSet<usize> =
            self.ground.given.values().flatten().flat_map(|given| &given.kills).map(|kill| kill.index).collect();
        let giving: BTreeSet<EntryId> = self.ground.given.values().flatten().map(|given| given.rank.3).collect();
        let editing: BTreeSet<usize> = self.edits.iter().map(|edit| edit.index).collect();
        for (index, entry) in self.history.entries().iter().enumerate() {
            if self.spoken[index].is_err() {
                continue;
            }
            let void = match &entry.op {
                ControlOp::Grant(_) if killing.contains(&index) || giving.contains(&entry.id) => None,
                ControlOp::Grant(_) => entry.actor.map(|actor| self.why_not(&actor, index)),
                ControlOp::GroupEdit(_) if editing.contains(&index) => None,
                ControlOp::GroupEdit(_) => entry.actor.map(|actor| self.why_not(&actor, index)),
                ControlOp::Revoke(_) if killing.contains(&index) => None,
                ControlOp::Revoke(revoke) => self.why_nobody_removed(index, &revoke.users),
                ControlOp::AmendCut(amend) => self.why_not_amended(index, amend),
                _ => None,
            };
            if let Some(reason) = void {
                self.voids.insert(entry.id, reason);
            }
        }
    }

    fn why_nobody_removed(&self, index: usize, users: &[UserId]) -> Option<Reason> {
        let actor = self.history.entries()[index].actor?;
        if self.authority(index, Act::Remove).is_none() {
            return Some(self.why_not(&actor, index));
        }
        if users.iter().any(|user| !self.is_above(user, index)) {
            return None;
        }
        Some(if self.authority(index, Act::RemoveOwner).is_some() { Reason::Junior } else { Reason::RoleTooLow })
    }

    fn why_not_amended(&self, index: usize, amend: &AmendCut) -> Option<Reason> {
        let actor = self.history.entries()[index].actor?;
        let Some(by) = self.authority(index, Act::AmendCut) else { return Some(self.why_not(&actor, index)) };
        let target = self.history.graph().index(&amend.revocation);
        match target.and_then(|target| self.authority(target, Act::Remove)) {
            None => Some(Reason::NotThere),
            Some(rank) => (by > rank).then_some(Reason::Junior),
        }
    }

    fn why_not(&self, actor: &UserId, index: usize) -> Reason {
        let at = At::Entry(index);
        let seen = |given: &&Given| self.ground.sees(at, given.origin);
        let all = self.ground.given.get(actor).map_or(&[][..], Vec::as_slice);
        if all.iter().filter(seen).any(|given| self.ground.is_alive(given, at)) {
            Reason::RoleTooLow
        } else if all.iter().any(|given| seen(&given)) {
            Reason::Removed
        } else {
            Reason::NotMember
        }
    }
}

//! Edits of the group's card, and who is barred from joining.

use super::super::super::history::graph::Clock;
use super::super::super::op::{Access, ControlOp, GroupEdit, Role};
use super::super::super::table::Act;
use super::super::policy::Ruling;
use super::super::{At, Origin, Rank};
use super::{Judge, Made, Taking};
use crate::control::verdict::limits_of;
use crate::ids::UserId;
use std::collections::BTreeSet;

/// An edit that counts.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) index: usize,
    rank: Rank,
    edit: GroupEdit,
}

/// What decides whether a person may join, as numbers of entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Bars {
    /// Removals of the person by who may remove members.
    bans: Vec<usize>,
    /// Grants to the person by who may give them.
    readmissions: Vec<usize>,
}

impl Judge<'_> {
    pub(super) fn settle_edits(&mut self) {
        for (index, entry) in self.history.entries().iter().enumerate() {
            let ControlOp::GroupEdit(edit) = &entry.op else { continue };
            if let Some(rank) = self.authority(index, edit_act(edit)) {
                self.edits.push(Edit { index, rank, edit: edit.clone() });
            }
        }
    }

    /// The last value among those that set it: of concurrent ones the most senior author's, then the lower height and id.
    pub(super) fn last<T>(&self, at: At, get: impl Fn(&GroupEdit) -> Option<T>) -> Option<T> {
        let graph = &self.ground.graph;
        let set: Vec<&Edit> = self
            .edits
            .iter()
            .filter(|edit| get(&edit.edit).is_some() && self.ground.sees(at, Origin::Group(edit.index)))
            .collect();
        let replaced = self.seen_by(set.iter().map(|edit| edit.index));
        set.iter()
            .filter(|edit| !replaced.covers(graph.node(edit.index).place))
            .min_by_key(|edit| (edit.rank, graph.node(edit.index).height, self.history.entries()[edit.index].id))
            .and_then(|edit| get(&edit.edit))
    }

    /// All that any of these entries had seen.
    fn seen_by(&self, entries: impl Iterator<Item = usize>) -> Clock {
        let mut clock = Clock::default();
        for index in entries {
            clock.merge(&self.ground.graph.node(index).past.to_clock());
        }
        clock
    }

    /// The edits that set a policy.
    pub(super) fn rulings(&self) -> Vec<Ruling> {
        let sets = |edit: &&Edit| edit.edit.post.is_some() || edit.edit.guests.is_some();
        self.edits
            .iter()
            .filter(sets)
            .map(|edit| Ruling {
                index: edit.index,
                order: (edit.rank, self.ground.graph.node(edit.index).height, self.history.entries()[edit.index].id),
                post: edit.edit.post,
                guests: edit.edit.guests,
                cuts: limits_of(&edit.edit.cuts),
            })
            .collect()
    }

    pub(super) fn access_for(&self, at: At) -> Access {
        self.last(at, |edit| edit.access).unwrap_or(self.create.access)
    }

    /// Who was removed, or let in, by whom that is due. Only owners and facilitators may, so this is known before the
    /// first join is judged.
    pub(super) fn settle_bars(&mut self) {
        let joiners: BTreeSet<UserId> = self.claims_of(Made::Joined).chain(self.removals.keys().copied()).collect();
        let bars = joiners.into_iter().map(|user| (user, self.bars_of(&user))).collect();
        self.bars = bars;
    }

    fn claims_of(&self, made: Made) -> impl Iterator<Item = UserId> {
        self.by_subject.iter().filter(move |(_, all)| all.iter().any(|claim| claim.made == made)).map(|(user, _)| *user)
    }

    fn bars_of(&self, user: &UserId) -> Bars {
        let removals = self.removals.get(user).into_iter().flatten();
        let bans = removals
            .filter(|removal| removal.taking == Taking::Revoked)
            .map(|removal| removal.index)
            .filter(|index| self.authority(*index, Act::Remove).is_some() && !self.is_above(user, *index))
            .collect();
        let grants = self.by_subject.get(user).into_iter().flatten();
        let readmissions = grants
            .filter(|claim| claim.made == Made::Granted)
            .filter_map(|claim| match claim.origin {
                Origin::Group(index) if self.authority(index, Act::granting(claim.role)).is_some() => Some(index),
                _ => None,
            })
            .collect();
        Bars { bans, readmissions }
    }

    /// Ruling D2: somebody entitled had removed the person, the joiner had seen it, and nobody let them in again.
    pub(super) fn is_banned(&self, user: &UserId, at: At) -> bool {
        let Some(bars) = self.bars.get(user).filter(|bars| !bars.bans.is_empty()) else { return false };
        let seen = |index: &&usize| self.ground.sees(at, Origin::Group(**index));
        let lifted = self.seen_by(bars.readmissions.iter().filter(seen).copied());
        bars.bans.iter().filter(seen).any(|index| !lifted.covers(self.ground.graph.node(*index).place))
    }

    /// Whether the person was owner or facilitator there and the author could not take that away.
    pub(super) fn is_above(&self, user: &UserId, index: usize) -> bool {
        let at = At::Entry(index);
        let all = self.ground.given.get(user).into_iter().flatten();
        all.filter(|given| given.role <= Role::Facilitator && self.ground.sees(at, given.origin))
            .filter(|given| self.ground.is_alive(given, at))
            .any(|given| !self.is_entitled(index, Act::removing(given.role), given.rank))
    }
}

/// What an edit needs: the most of what its parts need. Access and policy are owners' alike.
pub(in super::super) fn edit_act(edit: &GroupEdit) -> Act {
    if edit.access.is_some() {
        Act::ChangeAccess
    } else if edit.post.is_some() || edit.guests.is_some() {
        Act::ChangePolicy
    } else {
        Act::EditGroup
    }
}

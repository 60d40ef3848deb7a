//! What people wrote, judged by the frontier that they named (G9, rulings A2, A3).
//!
//! The answer is the same for all entries of one person under one frontier, but for the cuts: it can be kept and asked
//! for each position.

use super::super::history::History;
use super::super::history::graph::{Clock, Past};
use super::super::op::Role;
use super::super::table::{Act, allows, permits};
use super::super::verdict::{Kept, Reason, Standing};
use super::{Given, GroupState, Origin};
use crate::ids::{EntryId, UserId};

impl GroupState {
    /// Whether the person may have done this, having seen this frontier. That the log's node speaks for the person is
    /// asked elsewhere (`OrgState::vouched`).
    pub fn standing(&self, history: &History, actor: &UserId, ctl: &[EntryId], act: Act) -> Standing {
        let Some((group, org)) = self.pasts(history, ctl) else { return Standing::Pending };
        if self.ground.org.rests_on_lost(&org) {
            return Standing::Void(Reason::RevisionVoid);
        }
        if self.ground.org.user(actor).is_none() {
            return Standing::Void(Reason::UnknownUser);
        }
        if !self.ground.org.is_active_in(actor, Some(&org)) {
            return Standing::Void(Reason::Disabled);
        }
        let derives = self.ground.org.home_in(actor, &org).is_some_and(|home| self.derives_from(home));
        let all = self.ground.given.get(actor).map_or(&[][..], Vec::as_slice);
        let seen: Vec<&Given> = all
            .iter()
            .filter(|given| match given.origin {
                Origin::Group(index) => group.has(self.ground.graph.node(index).place),
                Origin::Org(place) => org.has(place),
            })
            .collect();
        let policy = self.policy_in(&group);
        let permitting: Vec<&Given> = seen.iter().filter(|given| permits(given.role, act, policy)).copied().collect();
        let by_derivation = (derives && permits(Role::Member, act, policy)).then(|| (Role::Member, Kept::default()));
        let alive = permitting.iter().filter_map(|given| Some((given.role, self.within(given, &group)?)));
        let restricted = by_derivation.into_iter().chain(alive).map(|(role, limits)| {
            let beyond = if limits.is_whole() { Reason::PolicyForbids } else { Reason::Removed };
            (limits.and(&self.restriction(role, act, &group)), beyond)
        });
        match restricted.reduce(widest) {
            Some((cuts, beyond)) => Standing::Valid { cuts, beyond },
            None if !permitting.is_empty() => Standing::Void(Reason::Removed),
            None if seen.iter().any(|given| allows(given.role, act)) || (derives && allows(Role::Member, act)) => {
                Standing::Void(Reason::PolicyForbids)
            }
            None if !seen.is_empty() || derives => Standing::Void(Reason::RoleTooLow),
            None => Standing::Void(Reason::NotMember),
        }
    }

    /// What the frontier contains and saw of the group and of the organisation.
    fn pasts(&self, history: &History, ctl: &[EntryId]) -> Option<(Past, Past)> {
        let (mut group, mut org) = (Clock::default(), Clock::default());
        for id in ctl {
            if let Some(index) = self.ground.graph.index(id) {
                self.ground.graph.absorb(&mut group, index);
                org.merge(&self.ground.org_pasts[index].as_ref()?.to_clock());
            } else if history.contains(id) {
                // Newer than this state: its meaning is not judged yet.
                return None;
            } else {
                self.ground.org.graph().absorb(&mut org, self.ground.org.graph().index(id)?);
            }
        }
        Some((group.into(), org.into()))
    }

    /// How far each log counts under this grant; `None` when a removal that ended it was known.
    fn within(&self, given: &Given, group: &Past) -> Option<Kept> {
        let mut limits = Kept::default();
        for kill in &given.kills {
            if group.has(self.ground.graph.node(kill.index).place) {
                return None;
            }
            if !kill.cuts.is_whole() {
                limits = limits.and(&kill.cuts);
            }
        }
        Some(limits)
    }
}

/// What either of two grants leaves: a log counts as far as the more generous says.
fn widest((a, because): (Kept, Reason), (b, or): (Kept, Reason)) -> (Kept, Reason) {
    (a.or(&b), because.max(or))
}

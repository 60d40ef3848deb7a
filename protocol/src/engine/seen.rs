//! What this node held when it learned of a removal, said once (ruling A2): so a removal never costs anybody what others
//! hold already. And who of the organisation gets nothing but the lifeline (ruling A10).

use super::write::Draft;
use super::{Cx, Engine};
use crate::control::op::{Class, ControlOp, Cut, Seen};
use crate::control::verdict::Kept;
use crate::ids::{EntryId, GroupId, LogId, NodeId, ScopeId};
use crate::limits::CUTS_MAX;
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    /// All removals known when the engine opens were answered, or needed no answer, when they came.
    pub(crate) fn recall_removals(&mut self) {
        for (id, group) in &mut self.groups {
            let removals = self.view.groups.get(id).map(|state| state.removals()).unwrap_or_default();
            group.answered = removals.iter().map(|removal| removal.entry).collect();
        }
        let removals = self.view.org_state().map(|state| state.node_removals()).unwrap_or_default();
        self.answered = removals.into_iter().flat_map(|removal| removal.effective).collect();
    }

    /// States what a removal cuts and this node holds, for removals that it has not answered yet.
    pub(crate) fn answer_removals(&mut self, cx: &mut Cx<'_>, groups: &BTreeSet<GroupId>) {
        if self.replaying {
            return;
        }
        for group in groups {
            for (removal, cuts) in self.unanswered_in(group) {
                let seen = ControlOp::Seen(Seen { revocation: removal, cuts });
                self.write(cx, ScopeId::from(*group), Class::Control, Draft::control(&seen, None));
            }
        }
        for (revocation, cuts) in self.unanswered_of_nodes() {
            let seen = ControlOp::Seen(Seen { revocation, cuts });
            let Some(org) = self.org() else { return };
            self.write(cx, ScopeId::from(org), Class::Control, Draft::control(&seen, None));
        }
    }

    fn unanswered_in(&mut self, group: &GroupId) -> Vec<(EntryId, Vec<Cut>)> {
        let Some(state) = self.view.groups.get(group).cloned() else { return Vec::new() };
        let own = self.view.own_site();
        let is_ours = |user| self.view.org_state().and_then(|org| org.user(user)).map(|record| record.site) == own;
        let may = own.is_some_and(|site| state.sites().contains(&site));
        let mut found = Vec::new();
        for removal in state.removals() {
            let known = self.groups.get(group).is_none_or(|held| held.answered.contains(&removal.entry));
            if known {
                continue;
            }
            let cuts = self.held_beyond(group, &removal.cuts);
            if may && !cuts.is_empty() && !removal.users.iter().any(is_ours) {
                found.push((removal.entry, cuts));
            }
        }
        if let Some(held) = self.groups.get_mut(group) {
            held.answered.extend(state.removals().iter().map(|removal| removal.entry));
        }
        found
    }

    fn unanswered_of_nodes(&mut self) -> Vec<(EntryId, Vec<Cut>)> {
        let Some(state) = self.view.state.clone() else { return Vec::new() };
        let own = self.node();
        let mut found = Vec::new();
        for removal in state.node_removals() {
            let cuts = self.beyond(&removal.cuts);
            for revocation in removal.effective {
                if self.answered.insert(revocation) && removal.node != own && !cuts.is_empty() {
                    found.push((revocation, cuts.clone()));
                }
            }
        }
        found
    }

    /// What is held here of a group's content beyond what a removal leaves, also of logs that it does not name.
    fn held_beyond(&self, group: &GroupId, kept: &Kept) -> Vec<Cut> {
        self.heights(&ScopeId::from(*group), Class::Data)
            .into_iter()
            .filter_map(|height| Some(Cut { log: height.log, seq: height.next.checked_sub(1)?, id: height.head }))
            .filter(|cut| kept.last(&cut.log).is_some_and(|last| cut.seq > last))
            .take(CUTS_MAX)
            .collect()
    }

    /// What is held here of logs beyond these cuts.
    fn beyond(&self, cuts: &BTreeMap<LogId, u64>) -> Vec<Cut> {
        let held = cuts.iter().filter_map(|(id, last)| {
            let log = self.logs.get(id).filter(|log| log.next > last.saturating_add(1))?;
            Some(Cut { log: *id, seq: log.next - 1, id: log.head })
        });
        held.take(CUTS_MAX).collect()
    }

    /// Who may use nothing but the lifeline, as seen here. For a node that is suspended itself these are all the others.
    pub(crate) fn confined(&self) -> BTreeSet<NodeId> {
        let own = self.node();
        let Some(org) = self.view.org_state() else { return BTreeSet::new() };
        org.suspended().filter(|node| *node != own).collect()
    }

    /// Whether what a peer gives may be taken: from a suspended one the organisation's control alone.
    pub(crate) fn may_give(&self, peer: &NodeId, scope: &ScopeId, class: Class) -> bool {
        let suspended = self.view.org_state().is_some_and(|org| org.is_suspended(peer));
        !suspended || (class == Class::Control && self.org().map(ScopeId::from) == Some(*scope))
    }
}

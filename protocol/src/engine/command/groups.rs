//! Commands about a group's card, policy and members.

use super::{Engine, Outcome, check_name};
use crate::control::op::{
    Access, Class, ControlOp, Cut, Grant, GroupCreate, GroupEdit, GroupKind, Guests, Policy, Posting, Revoke, Role,
    RoleFor,
};
use crate::engine::Cx;
use crate::engine::effect::{Answer, Notice, Refusal};
use crate::engine::write::Draft;
use crate::group::{Card, DataOp};
use crate::ids::{EntryId, GroupId, LogId, ScopeId, SiteId, UserId};
use crate::limits::{CUTS_MAX, MEMBERS_PER_ENTRY_MAX, PURPOSE_CHARS_MAX};
use std::collections::BTreeSet;

impl Engine {
    pub(super) fn create_group(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        name: String,
        purpose: String,
        group_kind: GroupKind,
        access: Access,
    ) -> Outcome {
        check_name(&name)?;
        if purpose.chars().count() > PURPOSE_CHARS_MAX {
            return Err(Refusal::TooLong);
        }
        let create = GroupCreate {
            node: self.node(),
            nonce: cx.random(),
            kind: group_kind,
            access,
            name: name.trim().into(),
            purpose: purpose.trim().into(),
            rules: crate::engine::setup::RULES,
            site: (group_kind == GroupKind::Place).then(|| self.own_site()).flatten(),
        };
        let create = ControlOp::GroupCreate(create);
        self.check_org(&create, Some(actor))?;
        self.settle_ground(cx);
        let group = self.open_group(cx, Draft::control(&create, Some(actor)));
        self.evaluate_stale(cx);
        self.publish_card(cx, group);
        cx.notify(Notice::GroupsChanged);
        Ok(Answer::Done { id: EntryId(group.0) })
    }

    pub(super) fn edit_group(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        group: GroupId,
        mut edit: GroupEdit,
        policy: Option<Policy>,
    ) -> Outcome {
        self.set_policy(group, &mut edit, policy);
        if let Some(name) = &edit.name {
            check_name(name)?;
        }
        if edit.purpose.as_ref().is_some_and(|purpose| purpose.chars().count() > PURPOSE_CHARS_MAX) {
            return Err(Refusal::TooLong);
        }
        let answer = self.control_in(cx, group, actor, ControlOp::GroupEdit(edit))?;
        self.publish_card(cx, group);
        Ok(answer)
    }

    /// What changes of a policy; where it forbids something, with what is held here (G11).
    fn set_policy(&self, group: GroupId, edit: &mut GroupEdit, wanted: Option<Policy>) {
        let Some((wanted, now)) = wanted.zip(self.view.group_state(&group).map(|state| state.policy())) else { return };
        edit.post = Some(wanted.post).filter(|post| *post != now.post);
        edit.guests = Some(wanted.guests).filter(|guests| *guests != now.guests);
        if edit.post == Some(Posting::Facilitators) || edit.guests == Some(Guests::Read) {
            edit.cuts = self.cuts(group, &[]);
        }
    }

    /// Tells the organisation what may be known of a listed group; a group that became secret says only that.
    fn publish_card(&mut self, cx: &mut Cx<'_>, group: GroupId) {
        let Some(state) = self.view.group_state(&group) else { return };
        let known = self.view.cards.contains_key(&group);
        let secret = state.access() == Access::Secret;
        if secret && !known {
            return;
        }
        let card = Card {
            group,
            kind: state.kind(),
            access: state.access(),
            name: if secret { String::new() } else { state.name().into() },
            purpose: if secret { String::new() } else { state.purpose().into() },
            created: self.created(cx, group),
        };
        let scope = self.org_scope();
        self.write(cx, scope, Class::Data, Draft::data(&DataOp::Card(card), None, Vec::new()));
    }

    fn created(&self, cx: &Cx<'_>, group: GroupId) -> u64 {
        crate::engine::lookup::entry_of(&*cx.tx, &EntryId(group.0))
            .map_or(cx.now.0, |entry| entry.header.hlc.millis().0)
    }

    pub(super) fn grant(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        group: GroupId,
        users: Vec<UserId>,
        role: Role,
    ) -> Outcome {
        self.check_people(&users)?;
        let state = self.view.group_state(&group).ok_or(Refusal::NotFound)?;
        let lowered: Vec<UserId> =
            users.iter().filter(|user| state.role(user).is_some_and(|now| now < role)).copied().collect();
        let cuts = if lowered.is_empty() { Vec::new() } else { self.cuts(group, &lowered) };
        let roles = users.into_iter().map(|user| RoleFor { user, role }).collect();
        self.control_in(cx, group, actor, ControlOp::Grant(Grant { roles, cuts }))
    }

    pub(super) fn revoke(&mut self, cx: &mut Cx<'_>, actor: UserId, group: GroupId, users: Vec<UserId>) -> Outcome {
        self.check_people(&users)?;
        let cuts = self.cuts(group, &users);
        let answer = self.control_in(cx, group, actor, ControlOp::Revoke(Revoke { users, cuts }))?;
        // A site may be out with its last member: nothing said from now on is for it (INV-23).
        self.rotate(cx, ScopeId::from(group));
        Ok(answer)
    }

    fn check_people(&self, users: &[UserId]) -> Result<(), Refusal> {
        if users.is_empty() {
            return Err(Refusal::Empty);
        }
        if users.len() > MEMBERS_PER_ENTRY_MAX {
            return Err(Refusal::TooLong);
        }
        if users.iter().any(|user| !self.view.is_active(user)) {
            return Err(Refusal::NotFound);
        }
        Ok(())
    }

    /// What this node holds of a group's data: how far these people's writing counts (G9). The logs of their homes come
    /// first, since what is not named does not count.
    fn cuts(&self, group: GroupId, users: &[UserId]) -> Vec<Cut> {
        let org = self.view.org_state();
        let homes: BTreeSet<SiteId> =
            users.iter().filter_map(|user| org.and_then(|org| org.user(user))).map(|record| record.site).collect();
        let is_home = |log: &LogId| {
            let site = self.logs.get(log).and_then(|log| org.and_then(|org| org.site_of_node(&log.node)));
            site.is_some_and(|site| homes.contains(&site))
        };
        let (first, others): (Vec<_>, Vec<_>) =
            self.heights(&ScopeId::from(group), Class::Data).into_iter().partition(|height| is_home(&height.log));
        first
            .into_iter()
            .chain(others)
            .take(CUTS_MAX)
            .map(|height| Cut { log: height.log, seq: height.next.saturating_sub(1), id: height.head })
            .collect()
    }
}

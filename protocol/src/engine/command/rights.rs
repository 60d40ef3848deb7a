//! Commands about rights: nodes, homes, owners, cuts. The constitution has a file of its own.

use super::{Engine, Outcome};
use crate::control::op::{
    AmendCut, AppointOwner, Class, ControlOp, Cut, NodeOnly, NodeRevoke, Role, UserKey, UserMove,
};
use crate::control::registry::OrgState;
use crate::control::{Reason, registry::NodeStatus};
use crate::engine::Cx;
use crate::engine::effect::{Answer, Notice, Refusal};
use crate::engine::input::Rights;
use crate::engine::write::Draft;
use crate::ids::{EntryId, GroupId, LogId, NodeId, ScopeId, SiteId, UserId};
use crate::keys::PublicKey;
use crate::limits::{CUTS_MAX, REASON_CHARS_MAX};
use crate::log::Height;
use std::collections::BTreeMap;

/// Why an operation of the organisation is refused, in the words of commands.
fn refused(reason: Reason) -> Refusal {
    match reason {
        Reason::UnknownNode | Reason::UnknownSite | Reason::UnknownUser | Reason::NotThere => Refusal::NotFound,
        Reason::AlreadyThere | Reason::KeySpent => Refusal::AlreadyThere,
        Reason::Unsupported => Refusal::Frozen,
        _ => Refusal::Forbidden,
    }
}

impl Engine {
    pub(super) fn rights(&mut self, cx: &mut Cx<'_>, actor: UserId, wish: Rights) -> Outcome {
        match wish {
            Rights::SuspendNode(node) => self.suspend(cx, actor, node),
            Rights::ResumeNode(node) => self.resume(cx, actor, node),
            Rights::RevokeNode { node, reason } => self.revoke_node(cx, actor, node, reason),
            Rights::Rehome { user, site } => self.rehome(cx, actor, user, site),
            Rights::Appoint { group, user } => self.appoint(cx, actor, group, user),
            Rights::KeepAll { group, removal } => self.keep_all(cx, actor, group, removal),
            Rights::TellKey(key) => self.tell_key(cx, actor, PublicKey(key)),
            Rights::Propose { admins, threshold, secret } => self.propose(cx, actor, &admins, threshold, &secret),
            Rights::Sign { proposal, secret } => self.sign(cx, actor, proposal, &secret),
            Rights::Recover { keys } => self.recover(cx, actor, &keys),
            Rights::Resend(entry) => self.resend(cx, actor, entry),
        }
    }

    pub(super) fn state(&self) -> Result<&OrgState, Refusal> {
        self.view.org_state().ok_or(Refusal::NotSetUp)
    }

    /// Checks and writes an operation of the organisation that others are told of at once.
    pub(super) fn org_right(&mut self, cx: &mut Cx<'_>, actor: UserId, op: &ControlOp) -> Outcome {
        self.state()?.check(op, Some(actor), &self.node()).map_err(refused)?;
        let id = self.write(cx, self.org_scope(), Class::Control, Draft::control(op, Some(actor)));
        self.evaluate_stale(cx);
        cx.notify(Notice::Network);
        cx.notify(Notice::PeopleChanged);
        Ok(Answer::Done { id })
    }

    /// A node that is cut off from here would not learn that it was let in again: nobody suspends or revokes their own.
    fn another(&self, node: NodeId) -> Result<NodeStatus, Refusal> {
        if node == self.node() {
            return Err(Refusal::Invalid);
        }
        self.state()?.nodes().get(&node).map(|record| record.status).ok_or(Refusal::NotFound)
    }

    fn suspend(&mut self, cx: &mut Cx<'_>, actor: UserId, node: NodeId) -> Outcome {
        let op = ControlOp::NodeSuspend(NodeOnly { node });
        self.state()?.check(&op, Some(actor), &self.node()).map_err(refused)?;
        if self.another(node)? != NodeStatus::Admitted {
            return Err(Refusal::AlreadyThere);
        }
        let answer = self.org_right(cx, actor, &op)?;
        self.rotate_all(cx);
        Ok(answer)
    }

    fn resume(&mut self, cx: &mut Cx<'_>, actor: UserId, node: NodeId) -> Outcome {
        let op = ControlOp::NodeResume(NodeOnly { node });
        self.state()?.check(&op, Some(actor), &self.node()).map_err(refused)?;
        match self.state()?.nodes().get(&node).map(|record| record.status) {
            Some(NodeStatus::Suspended) => self.org_right(cx, actor, &op),
            Some(_) => Err(Refusal::AlreadyThere),
            None => Err(Refusal::NotFound),
        }
    }

    fn revoke_node(&mut self, cx: &mut Cx<'_>, actor: UserId, node: NodeId, reason: String) -> Outcome {
        if reason.chars().count() > REASON_CHARS_MAX {
            return Err(Refusal::TooLong);
        }
        let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        let op = ControlOp::NodeRevoke(NodeRevoke { node, cuts: self.cuts_of(&|of| of == node), reason });
        self.state()?.check(&op, Some(actor), &self.node()).map_err(refused)?;
        self.another(node)?;
        let said = self.state()?.node_removals().into_iter().find(|removal| removal.node == node);
        if said.is_some_and(|removal| removal.signed.contains(&actor)) {
            return Err(Refusal::AlreadyThere);
        }
        let answer = self.org_right(cx, actor, &op)?;
        self.rotate_all(cx);
        Ok(answer)
    }

    /// What this node holds of these nodes' logs, the organisation's control logs first. What has no place counts whole.
    fn cuts_of(&self, of: &dyn Fn(NodeId) -> bool) -> Vec<Cut> {
        let org = self.org().map(ScopeId::from);
        let mut logs: Vec<(bool, Class, LogId)> = self
            .logs
            .iter()
            .filter(|(_, log)| log.next > 0 && of(log.node))
            .map(|(id, log)| (Some(log.scope) != org, log.class, *id))
            .collect();
        logs.sort_unstable();
        let cut = |(_, _, id): &(bool, Class, LogId)| {
            let log = self.logs.get(id)?;
            let (next, head) = log.end();
            Some(Cut { log: log.wire(id), seq: next.checked_sub(1)?, id: head })
        };
        logs.iter().take(CUTS_MAX).filter_map(cut).collect()
    }

    fn rehome(&mut self, cx: &mut Cx<'_>, actor: UserId, user: UserId, site: SiteId) -> Outcome {
        let state = self.state()?;
        let former = state.user(&user).map(|record| record.site).ok_or(Refusal::NotFound)?;
        let has_node = state.connectable().any(|node| state.site_of_node(&node) == Some(site));
        let cuts = self.cuts_of(&|node| state.site_of_node(&node) == Some(former));
        let op = ControlOp::UserRehome(UserMove { user, site, cuts });
        state.check(&op, Some(actor), &self.node()).map_err(refused)?;
        // A site without a node vouches for nobody.
        if has_node { self.org_right(cx, actor, &op) } else { Err(Refusal::NotFound) }
    }

    fn appoint(&mut self, cx: &mut Cx<'_>, actor: UserId, group: GroupId, user: UserId) -> Outcome {
        let op = ControlOp::AppointOwner(AppointOwner { group, user });
        self.state()?.check(&op, Some(actor), &self.node()).map_err(refused)?;
        if !self.view.is_active(&user) {
            return Err(Refusal::NotFound);
        }
        let held = self.view.group_state(&group);
        if held.is_none() && !self.view.cards.contains_key(&group) {
            return Err(Refusal::NotFound);
        }
        if held.is_some_and(|state| state.role(&user) == Some(Role::Owner)) {
            return Err(Refusal::AlreadyThere);
        }
        cx.notify(Notice::GroupChanged { group });
        cx.notify(Notice::GroupsChanged);
        self.org_right(cx, actor, &op)
    }

    fn keep_all(&mut self, cx: &mut Cx<'_>, actor: UserId, group: GroupId, removal: EntryId) -> Outcome {
        let state = self.visible(&group, &actor)?;
        if !state.removals().iter().any(|known| known.entry == removal) {
            return Err(Refusal::NotFound);
        }
        let cuts = self.held_anywhere(&ScopeId::from(group));
        self.control_in(cx, group, actor, ControlOp::AmendCut(AmendCut { revocation: removal, cuts }))
    }

    /// How far any node states to hold each data log of a scope, this one included.
    fn held_anywhere(&self, scope: &ScopeId) -> Vec<Cut> {
        let mut furthest: BTreeMap<LogId, Height> = BTreeMap::new();
        let stated = self.view.held.get(scope).into_iter().flat_map(|nodes| nodes.values());
        let own = self.heights(scope, Class::Data);
        for height in stated.flat_map(|stated| &stated.held.heights).chain(&own) {
            let is_data = self.logs.get(&height.log).is_none_or(|log| log.class == Class::Data);
            if is_data && furthest.get(&height.log).is_none_or(|known| known.next < height.next) {
                furthest.insert(height.log, *height);
            }
        }
        let cut = |height: &Height| Cut { log: height.log, seq: height.next.saturating_sub(1), id: height.head };
        furthest.values().take(CUTS_MAX).map(cut).collect()
    }

    fn tell_key(&mut self, cx: &mut Cx<'_>, actor: UserId, key: PublicKey) -> Outcome {
        if self.state()?.user(&actor).and_then(|record| record.key) == Some(key) {
            return Ok(Answer::Nothing);
        }
        self.org_right(cx, actor, &ControlOp::UserKey(UserKey { user: actor, key }))
    }
}

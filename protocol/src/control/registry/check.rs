//! What somebody may do now in the organisation, and whose node speaks for whom.

use super::super::history::graph::{Clock, Past};
use super::super::op::{ControlOp, GroupCreate, GroupKind};
use super::super::verdict::{Reason, Verdict};
use super::fact::Revocation;
use super::{NodeStatus, OrgState};
use crate::ids::{EntryId, LogId, NodeId, UserId};

impl OrgState {
    /// Whether this operation would have effect if this node appended it now.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, op: &ControlOp, actor: Option<UserId>, node: &NodeId) -> Result<(), Reason> {
        if self.is_revoked(node) {
            return Err(Reason::NodeRevoked);
        }
        match op {
            ControlOp::GroupCreate(create) => return self.check_create(create, actor, node),
            ControlOp::NodeRevoke(revoke) if self.is_revoked(&revoke.node) => return Err(Reason::AlreadyThere),
            ControlOp::NodeRevoke(revoke) if !self.knows_node(&revoke.node) => return Err(Reason::UnknownNode),
            ControlOp::UserDisable(only) if !self.inner.users.get(&only.user).is_some_and(|user| user.active) => {
                return Err(if self.inner.users.contains_key(&only.user) {
                    Reason::AlreadyThere
                } else {
                    Reason::UnknownUser
                });
            }
            ControlOp::UserEnable(only) if self.inner.users.get(&only.user).is_some_and(|user| user.active) => {
                return Err(Reason::AlreadyThere);
            }
            _ => {}
        }
        self.inner.book.allows(op, actor, node, None)
    }

    fn is_revoked(&self, node: &NodeId) -> bool {
        self.inner.nodes.get(node).is_some_and(|record| record.status == NodeStatus::Revoked)
    }

    /// A group whose members follow the registry concerns people who did not ask for it.
    fn check_create(&self, create: &GroupCreate, actor: Option<UserId>, node: &NodeId) -> Result<(), Reason> {
        let actor = actor.ok_or(Reason::UnknownUser)?;
        self.vouches(node, &actor)?;
        let own = create.site.is_some() && create.site == self.user(&actor).map(|user| user.site);
        match create.kind {
            GroupKind::General if !self.is_admin(&actor) => Err(Reason::NotAdmin),
            GroupKind::Place if !own && !self.is_admin(&actor) => Err(Reason::NotHome),
            _ => Ok(()),
        }
    }

    /// Whether entries of this person may stand in logs of this node, for an entry that knows all there is.
    ///
    /// # Errors
    /// Why not.
    pub fn vouches(&self, node: &NodeId, user: &UserId) -> Result<(), Reason> {
        self.vouches_in(node, user, None)
    }

    /// The same for an entry that knows only this past: a former home counts until the move is known (S14).
    pub(crate) fn vouches_in(&self, node: &NodeId, user: &UserId, past: Option<&Past>) -> Result<(), Reason> {
        let record = self.inner.nodes.get(node).ok_or(Reason::UnknownNode)?;
        let known = |one: &Revocation| past.is_none_or(|past| past.has(one.fact.place));
        if self.inner.revocations.get(node).is_some_and(|all| all.iter().any(known)) {
            return Err(Reason::NodeRevoked);
        }
        let now = self.inner.users.get(user).ok_or(Reason::UnknownUser)?;
        if !self.inner.book.is_active(user, past) {
            return Err(Reason::Disabled);
        }
        let then = self.inner.book.home(user, past).map(|(site, _)| site);
        if now.site != record.site && then != Some(record.site) {
            return Err(Reason::NotHome);
        }
        Ok(())
    }

    /// The same at a position of one of the node's logs: a former home's word ends at the cuts of the move (S14).
    pub(crate) fn vouches_at(
        &self,
        node: &NodeId,
        user: &UserId,
        past: &Past,
        (log, seq): (&LogId, u64),
    ) -> Result<(), Reason> {
        self.vouches_in(node, user, Some(past))?;
        let former = self.site_of_node(node) != self.user(user).map(|record| record.site);
        let person = self.inner.book.person(user);
        let beyond = former && person.is_some_and(|person| person.is_moved_beyond(Some(past), log, seq));
        if beyond { Err(Reason::NotHome) } else { Ok(()) }
    }

    /// Whether the person was an admin for an entry that names this frontier. Parts of it that are not the
    /// organisation's are passed over.
    pub fn was_admin_at(&self, user: &UserId, ctl: &[EntryId]) -> bool {
        let mut clock = Clock::default();
        for index in ctl.iter().filter_map(|id| self.graph().index(id)) {
            self.graph().absorb(&mut clock, index);
        }
        self.was_admin(user, &clock.into())
    }

    /// Whether an entry of this person at this position of this node's log counts as far as the organisation is
    /// concerned: the node is of the home as the frontier knew it, and not revoked before. Parts of the frontier that are
    /// not the organisation's are passed over.
    pub fn vouched(&self, node: &NodeId, user: &UserId, ctl: &[EntryId], place: (&LogId, u64)) -> Verdict {
        let mut clock = Clock::default();
        for index in ctl.iter().filter_map(|id| self.graph().index(id)) {
            self.graph().absorb(&mut clock, index);
        }
        let (log, seq) = place;
        if self.limit(node, log).is_some_and(|last| seq > last) {
            return Verdict::Void(Reason::NodeRevoked);
        }
        match self.vouches_at(node, user, &clock.into(), place) {
            Ok(()) => Verdict::Valid,
            Err(Reason::UnknownUser | Reason::UnknownNode) => Verdict::Pending,
            Err(reason) => Verdict::Void(reason),
        }
    }
}

//! What somebody may do now: the same rules, asked for an entry that knows all there is.

use super::super::op::{Access, AmendCut, ControlOp, Grant, GroupEdit, Revoke, Role};
use super::super::table::{Act, allows, permits};
use super::super::verdict::Reason;
use super::{At, GroupState, judge};
use crate::ids::UserId;
use crate::limits::MEMBERS_PER_ENTRY_MAX;

impl GroupState {
    /// Whether the person may do this now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_now(&self, user: &UserId, act: Act) -> Result<(), Reason> {
        let record = self.ground.org.user(user).ok_or(Reason::UnknownUser)?;
        if !record.active {
            return Err(Reason::Disabled);
        }
        match act {
            Act::Join => self.may_join(user),
            Act::Leave => self.may_leave(user),
            _ => {
                let role = self.role(user).ok_or(Reason::NotMember)?;
                if permits(role, act, self.policy) {
                    Ok(())
                } else if allows(role, act) {
                    Err(Reason::PolicyForbids)
                } else {
                    Err(Reason::RoleTooLow)
                }
            }
        }
    }

    fn may_join(&self, user: &UserId) -> Result<(), Reason> {
        if self.derived {
            Err(Reason::MembershipDerived)
        } else if self.role(user).is_some() {
            Err(Reason::AlreadyThere)
        } else if self.access != Access::Open {
            Err(Reason::NotOpen)
        } else if self.banned.contains(user) {
            Err(Reason::Banned)
        } else {
            Ok(())
        }
    }

    fn may_leave(&self, user: &UserId) -> Result<(), Reason> {
        if self.ground.live_role(user, At::Now).is_some() {
            Ok(())
        } else if self.derives(user) {
            Err(Reason::MembershipDerived)
        } else {
            Err(Reason::NotMember)
        }
    }

    /// Whether this operation would have effect if the person appended it now, from home.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, op: &ControlOp, actor: UserId) -> Result<(), Reason> {
        match op {
            ControlOp::Grant(grant) => self.check_grant(grant, &actor),
            ControlOp::Revoke(revoke) => self.check_revoke(revoke, &actor),
            ControlOp::Leave => self.may_now(&actor, Act::Leave),
            ControlOp::Join => self.may_now(&actor, Act::Join),
            ControlOp::GroupEdit(edit) => self.check_edit(edit, &actor),
            ControlOp::AmendCut(amend) => self.check_amend(amend, &actor),
            ControlOp::LogOpen(_) | ControlOp::See(_) | ControlOp::Seen(_) => Ok(()),
            ControlOp::Unknown(_) => Err(Reason::Unsupported),
            _ => Err(Reason::Misplaced),
        }
    }

    fn check_edit(&self, edit: &GroupEdit, actor: &UserId) -> Result<(), Reason> {
        self.may_now(actor, judge::edit_act(edit))
    }

    fn check_grant(&self, grant: &Grant, actor: &UserId) -> Result<(), Reason> {
        if grant.roles.is_empty() || grant.roles.len() > MEMBERS_PER_ENTRY_MAX {
            return Err(Reason::Misplaced);
        }
        let mut changes = false;
        for given in &grant.roles {
            if !self.ground.org.user(&given.user).is_some_and(|record| record.active) {
                return Err(Reason::UnknownUser);
            }
            self.may_now(actor, Act::granting(given.role))?;
            match self.role(&given.user) {
                Some(role) if role < given.role => {
                    self.may_take(actor, &given.user, given.role)?;
                    changes = true;
                }
                Some(role) => changes |= role != given.role,
                None => changes = true,
            }
        }
        if changes { Ok(()) } else { Err(Reason::AlreadyThere) }
    }

    fn check_revoke(&self, revoke: &Revoke, actor: &UserId) -> Result<(), Reason> {
        if revoke.users.is_empty() || revoke.users.len() > MEMBERS_PER_ENTRY_MAX {
            return Err(Reason::Misplaced);
        }
        self.may_now(actor, Act::Remove)?;
        for user in &revoke.users {
            self.may_leave(user)?;
            self.may_take_all(actor, user)?;
        }
        Ok(())
    }

    /// Whether the actor's live grants are senior to all live grants of the other.
    fn may_take_all(&self, actor: &UserId, user: &UserId) -> Result<(), Reason> {
        for given in self.ground.given.get(user).into_iter().flatten() {
            if self.ground.is_alive(given, At::Now) {
                let by = self.ground.authority(actor, Act::removing(given.role), At::Now).ok_or(Reason::RoleTooLow)?;
                if by >= given.rank {
                    return Err(Reason::Junior);
                }
            }
        }
        Ok(())
    }

    /// The same for grants of a higher role than the one to be given; one's own may always be lowered.
    fn may_take(&self, actor: &UserId, user: &UserId, role: Role) -> Result<(), Reason> {
        if actor == user {
            return Ok(());
        }
        for given in self.ground.given.get(user).into_iter().flatten() {
            if given.role < role && self.ground.is_alive(given, At::Now) {
                let by = self.ground.authority(actor, Act::removing(given.role), At::Now).ok_or(Reason::RoleTooLow)?;
                if by >= given.rank {
                    return Err(Reason::Junior);
                }
            }
        }
        if self.derives(user) && role > Role::Member { Err(Reason::MembershipDerived) } else { Ok(()) }
    }

    fn check_amend(&self, amend: &AmendCut, actor: &UserId) -> Result<(), Reason> {
        let rank = self.revocations.get(&amend.revocation).ok_or(Reason::NotThere)?;
        self.may_now(actor, Act::AmendCut)?;
        let by = self.ground.authority(actor, Act::AmendCut, At::Now).ok_or(Reason::RoleTooLow)?;
        if by <= *rank { Ok(()) } else { Err(Reason::Junior) }
    }
}

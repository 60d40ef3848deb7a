//! What people ask about keeping and forgetting: checked against the rights, then written.

use super::command::Outcome;
use super::effect::{Answer, Refusal};
use super::erase::{Row, is_objected, named_due};
use super::input::{LegalHold, Words};
use super::lookup::Found;
use super::write::Draft;
use super::{Cx, Engine};
use crate::control::op::Class;
use crate::control::table::Act;
use crate::group::keeping::{Erase, ErasePerson, Hold, Power, Retention};
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, ScopeId, UserId};
use crate::limits::{KEEP_DAYS_MAX, REASON_CHARS_MAX};
use crate::store::keys;

fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.chars().count() > REASON_CHARS_MAX { Err(Refusal::TooLong) } else { Ok(()) }
}

impl Engine {
    /// Erases by the strongest power that the actor has: one's own words and an admin's order are gone at once.
    pub(crate) fn erase(&mut self, cx: &mut Cx<'_>, actor: UserId, target: EntryId, reason: String) -> Outcome {
        check_reason(&reason)?;
        let item = self.item(cx, &target).ok_or(Refusal::NotFound)?;
        self.check_act(item.group, actor, Act::Read)?;
        // Pages and files are the group's: nobody erases one as their own words.
        let power = if !item.is_shared()
            && item.actor == Some(actor)
            && self.check_act(item.group, actor, Act::EditOwn).is_ok()
        {
            Power::Author
        } else if self.view.is_admin(&actor) {
            Power::Admin
        } else {
            self.check_act(item.group, actor, Act::EraseAny)?;
            Power::Facilitator
        };
        let scope = ScopeId::from(item.group);
        let before = named_due(&*cx.tx, &scope, &target, item.actor.as_ref());
        if before.is_some_and(|due| power == Power::Facilitator || due <= cx.now) {
            return Ok(Answer::Nothing);
        }
        let refs = Self::with_origin(cx, target);
        Ok(self.data_in(cx, item.group, Some(actor), &DataOp::Erase(Erase { power, reason }), refs))
    }

    /// An item from outside goes by its origin key, with its twins and later changes.
    fn with_origin(cx: &Cx<'_>, target: EntryId) -> Vec<EntryId> {
        let found = Found::of(&*cx.tx, &target).filter(|found| found.kind == kind::OUTSIDE);
        let origin = found.and_then(|found| found.refs.get(1).copied());
        std::iter::once(target).chain(origin).collect()
    }

    /// Objects to a facilitator's erasure while there is time: by an owner, or an admin of another site (ruling A5).
    pub(crate) fn object_to_erasure(&mut self, cx: &mut Cx<'_>, actor: UserId, erasure: EntryId) -> Outcome {
        let found = Found::of(&*cx.tx, &erasure).filter(|found| found.kind == kind::ERASE).ok_or(Refusal::NotFound)?;
        let scope = self.logs.get(&found.log).map(|log| log.scope).ok_or(Refusal::NotFound)?;
        let group = GroupId::from(scope);
        let row = cx.tx.get(&keys::erase(&scope, &erasure)).and_then(|row| Row::from_bytes(&row));
        let row = row.ok_or(Refusal::NotFound)?;
        let second = self.view.is_admin(&actor) && self.own_site() != Some(row.site);
        if !second {
            self.check_act(group, actor, Act::Keep)?;
        }
        if row.power != Some(Power::Facilitator) || row.due() <= cx.now {
            return Err(Refusal::Forbidden);
        }
        if is_objected(&*cx.tx, &erasure, &row.site) {
            return Ok(Answer::Nothing);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::Object, vec![erasure]))
    }

    /// Makes a person a former user. That a site's admin may do it for the site's people is the caller's to check (D3).
    pub(crate) fn erase_person(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        user: UserId,
        words: Words,
        reason: String,
    ) -> Outcome {
        check_reason(&reason)?;
        if !self.view.is_registered_here(&user) && !self.view.is_admin(&actor) {
            return Err(Refusal::NotFound);
        }
        if self.view.org_state().and_then(|org| org.user(&user)).is_none() {
            return Err(Refusal::NotFound);
        }
        if self.view.is_admin(&user) {
            return Err(Refusal::LastOwner);
        }
        let op = DataOp::ErasePerson(ErasePerson { user, content: words == Words::Go, reason });
        let scope = self.org_scope();
        let id = self.write(cx, scope, Class::Data, Draft::data(&op, Some(actor), Vec::new()));
        Ok(Answer::Done { id })
    }

    /// Says how long a group keeps words and files.
    pub(crate) fn set_retention(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        group: GroupId,
        days: Option<u32>,
    ) -> Outcome {
        self.check_act(group, actor, Act::Keep)?;
        if days.is_some_and(|days| days == 0 || days > KEEP_DAYS_MAX) {
            return Err(Refusal::Invalid);
        }
        if self.view.retention_days(&group) == days {
            return Ok(Answer::Nothing);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::Retention(Retention { days }), Vec::new()))
    }

    /// Sets or ends a legal hold.
    pub(crate) fn set_hold(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        group: GroupId,
        hold: LegalHold,
        reason: String,
    ) -> Outcome {
        check_reason(&reason)?;
        if !self.view.is_admin(&actor) {
            return Err(Refusal::Forbidden);
        }
        if self.view.group_state(&group).is_none() {
            return Err(Refusal::NotFound);
        }
        let on = hold == LegalHold::On;
        if self.view.is_held_for_law(&group) == on {
            return Ok(Answer::Nothing);
        }
        let op = DataOp::Hold(Hold { group, on, reason });
        let scope = self.org_scope();
        let id = self.write(cx, scope, Class::Data, Draft::data(&op, Some(actor), Vec::new()));
        Ok(Answer::Done { id })
    }
}

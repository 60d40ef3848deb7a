//! Which grants were made validly, which removals end them, which edits count: the heart of the group's rules.

use super::super::history::graph::{Clock, Past};
use super::super::history::{ControlEntry, History};
use super::super::op::{Access, AmendCut, ControlOp, Cut, GroupCreate, GroupEdit, Role};
use super::super::registry::OrgState;
use super::super::table::{Act, allows};
use super::super::verdict::{Limits, Reason};
use super::{At, Given, Ground, GroupState, Kill, Origin, Rank, is_derived};
use crate::ids::{EntryId, GroupId, UserId};
use crate::limits::GROUP_CONTROL_SEQ_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How a role came to be given, before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Created,
    Granted,
    Joined,
    Appointed,
}

#[derive(Debug, Clone, Copy)]
struct Claim {
    rank: Rank,
    origin: Origin,
    subject: UserId,
    role: Role,
    made: Made,
}

/// How a role may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    Revoked,
    /// By giving this lower role.
    Lowered(Role),
    Left,
}

#[derive(Debug, Clone, Copy)]
struct Removal {
    index: usize,
    taking: Taking,
}

/// A removal of a person that holds: it bars from joining.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ban {
    pub(super) index: usize,
}

/// An edit that counts.
#[derive(Debug, Clone)]
struct Edit {
    index: usize,
    rank: Rank,
    edit: GroupEdit,
}

/// Junior to all that may edit.
const LOWEST: Rank = (true, Role::Member, 0, EntryId([0; 32]));

struct Judge<'a> {
    history: &'a History,
    ground: Ground,
    create: &'a GroupCreate,
    derived: bool,
    /// For each entry, whether its node may speak for its actor.
    spoken: Vec<Result<(), Reason>>,
    claims: Vec<Claim>,
    by_subject: BTreeMap<UserId, Vec<Claim>>,
    removals: BTreeMap<UserId, Vec<Removal>>,
    amendments: BTreeMap<EntryId, Vec<(usize, &'a AmendCut)>>,
    edits: Vec<Edit>,
    voids: BTreeMap<EntryId, Reason>,
}

pub(super) fn judge(group: GroupId, history: &History, org: &OrgState) -> Option<GroupState> {
    let first = history.graph().index(&EntryId(group.0))?;
    let ControlOp::GroupCreate(create) = &history.entries()[first].op else { return None };
    let mut judge = Judge::prepare(history, org, create, first);
    judge.collect(group, first);
    judge.settle();
    Some(judge.finish())
}

impl<'a> Judge<'a> {
    fn prepare(history: &'a History, org: &OrgState, create: &'a GroupCreate, first: usize) -> Self {
        let ground = Ground {
            graph: Arc::clone(history.graph()),
            org: org.clone(),
            org_pasts: org_pasts(history, org),
            given: BTreeMap::new(),
        };
        let spoken: Vec<_> = history
            .entries()
            .iter()
            .zip(&ground.org_pasts)
            .map(|(entry, past)| spoken(org, entry, past.as_ref()))
            .collect();
        let creator = history.entries()[first].actor.filter(|_| spoken[first].is_ok());
        let creator_site = creator.and_then(|actor| org.user(&actor)).map(|record| record.site);
        let derived = is_derived(create, creator_site, || {
            let past = ground.org_pasts[first].as_ref();
            creator.zip(past).is_some_and(|(actor, past)| org.was_admin(&actor, past))
        });
        Self {
            history,
            ground,
            create,
            derived,
            spoken,
            claims: Vec::new(),
            by_subject: BTreeMap::new(),
            removals: BTreeMap::new(),
            amendments: BTreeMap::new(),
            edits: Vec::new(),
            voids: BTreeMap::new(),
        }
    }

    /// Sorts out who claims what. What nobody may speak for is void at once.
    fn collect(&mut self, group: GroupId, first: usize) {
        for appointment in self.ground.org.appointments(&group) {
            let (fact, role) = (appointment.fact, Role::Owner);
            let (rank, origin) = ((false, role, u32::MAX - fact.height, fact.id), Origin::Org(fact.place));
            self.claims.push(Claim { rank, origin, subject: appointment.user, role, made: Made::Appointed });
        }
        for (index, entry) in self.history.entries().iter().enumerate() {
            if let Err(reason) = self.spoken[index] {
                self.voids.insert(entry.id, reason);
                continue;
            }
            self.collect_entry(index, entry, first);
        }
        for claim in &self.claims {
            self.by_subject.entry(claim.subject).or_default().push(*claim);
        }
        self.claims.sort_by_key(|claim| (claim.rank, claim.subject));
    }

    fn collect_entry(&mut self, index: usize, entry: &'a ControlEntry, first: usize) {
        let height = self.ground.graph.node(index).height;
        let origin = Origin::Group(index);
        let mut claim = |subject, role, made| {
            self.claims.push(Claim { rank: (true, role, height, entry.id), origin, subject, role, made });
        };
        let void = match (&entry.op, entry.actor) {
            (ControlOp::LogOpen(_) | ControlOp::See(_), _) => None,
            (ControlOp::Unknown(kind), _) => (*kind < 0x8000).then_some(Reason::Unsupported),
            (_, None) => Some(Reason::UnknownUser),
            (ControlOp::GroupCreate(_), Some(actor)) if index == first => {
                claim(actor, Role::Owner, Made::Created);
                None
            }
            (ControlOp::Grant(grant), Some(_)) => {
                for given in &grant.roles {
                    claim(given.user, given.role, Made::Granted);
                    let removal = Removal { index, taking: Taking::Lowered(given.role) };
                    self.removals.entry(given.user).or_default().push(removal);
                }
                None
            }
            (ControlOp::Revoke(revoke), Some(_)) => {
                for user in &revoke.users {
                    self.removals.entry(*user).or_default().push(Removal { index, taking: Taking::Revoked });
                }
                None
            }
            (ControlOp::Leave, Some(actor)) => {
                self.removals.entry(actor).or_default().push(Removal { index, taking: Taking::Left });
                None
            }
            (ControlOp::Join, Some(actor)) => {
                claim(actor, Role::Member, Made::Joined);
                None
            }
            (ControlOp::GroupEdit(_), Some(_)) => None,
            (ControlOp::AmendCut(amend), Some(_)) => {
                self.amendments.entry(amend.revocation).or_default().push((index, amend));
                None
            }
            _ => Some(Reason::Misplaced),
        };
        if let Some(reason) = void {
            self.voids.insert(entry.id, reason);
        }
    }

    /// Takes the claims in the order of seniority. Edits are judged between facilitators and members: only the former
    /// make them, and joining asks for them.
    fn settle(&mut self) {
        let claims = std::mem::take(&mut self.claims);
        let (seniors, others): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| claim.role <= Role::Facilitator);
        for claim in seniors {
            self.settle_claim(&claim);
        }
        self.settle_edits();
        for claim in others {
            self.settle_claim(&claim);
        }
    }

    fn settle_claim(&mut self, claim: &Claim) {
        match self.is_made(claim) {
            Ok(()) => {
                let kills = self.kills(claim);
                let Claim { rank, origin, subject, role, .. } = *claim;
                self.ground.given.entry(subject).or_default().push(Given { rank, origin, role, kills });
            }
            Err(reason) if claim.made == Made::Joined => {
                self.voids.insert(claim.rank.3, reason);
            }
            Err(_) => {}
        }
    }

    /// G1, G2, G5, N7, ruling D2.
    fn is_made(&self, claim: &Claim) -> Result<(), Reason> {
        let Origin::Group(index) = claim.origin else { return Ok(()) };
        match claim.made {
            Made::Created | Made::Appointed => Ok(()),
            Made::Granted => self.authorised(index, Act::granting(claim.role), claim.rank).map(|_| ()),
            Made::Joined if self.derived => Err(Reason::MembershipDerived),
            Made::Joined if self.access_for(At::Entry(index)) != Access::Open => Err(Reason::NotOpen),
            Made::Joined if self.is_banned(&claim.subject, index) => Err(Reason::Banned),
            Made::Joined => Ok(()),
        }
    }

    /// The actor's most senior live grant for this act, if it is senior to the rank.
    fn authorised(&self, index: usize, act: Act, over: Rank) -> Result<Rank, Reason> {
        let entry = &self.history.entries()[index];
        let actor = entry.actor.ok_or(Reason::UnknownUser)?;
        self.spoken[index]?;
        match self.ground.authority(&actor, act, At::Entry(index)) {
            Some(rank) if rank < over => Ok(rank),
            Some(_) => Err(Reason::Junior),
            None => Err(self.why_not(&actor, index)),
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

    /// What ends this grant (G4, G6, ruling A3).
    fn kills(&self, claim: &Claim) -> Vec<Kill> {
        let removals = self.removals.get(&claim.subject).map_or(&[][..], Vec::as_slice);
        removals.iter().filter_map(|removal| self.kill(claim, removal)).collect()
    }

    fn kill(&self, claim: &Claim, removal: &Removal) -> Option<Kill> {
        let index = removal.index;
        let at = At::Entry(index);
        let entry = &self.history.entries()[index];
        if matches!(claim.origin, Origin::Group(made) if made == index || self.ground.graph.precedes(index, made)) {
            return None;
        }
        let own = entry.actor == Some(claim.subject) && self.ground.sees(at, claim.origin);
        let by_oneself = match removal.taking {
            Taking::Left => own,
            Taking::Lowered(role) => own && claim.role < role && allows(claim.role, Act::granting(role)),
            Taking::Revoked => false,
        };
        if by_oneself {
            return Some(Kill { index, cuts: Arc::default() });
        }
        match removal.taking {
            Taking::Left => return None,
            Taking::Lowered(role) if claim.role >= role || !self.is_lowering(claim.subject, role, index) => {
                return None;
            }
            _ => {}
        }
        let act = Act::removing(claim.role);
        let rank = self.authorised(index, act, claim.rank).ok()?;
        Some(Kill { index, cuts: Arc::new(self.cuts(entry, act, rank)) })
    }

    /// Giving a role lowers only if the author had seen a higher one: two people who invite at once do not fight.
    fn is_lowering(&self, subject: UserId, role: Role, index: usize) -> bool {
        self.by_subject.get(&subject).is_some_and(|all| {
            all.iter().any(|claim| claim.role < role && self.ground.sees(At::Entry(index), claim.origin))
        })
    }

    /// The removal's cuts, or those of its most senior amendment (G12).
    fn cuts(&self, entry: &ControlEntry, act: Act, rank: Rank) -> Limits {
        let amended = self
            .amendments
            .get(&entry.id)
            .into_iter()
            .flatten()
            .filter_map(|(index, amend)| {
                let by = self.amends(*index, act, rank)?;
                let node = self.ground.graph.node(*index);
                Some(((by, std::cmp::Reverse(node.height), self.history.entries()[*index].id), &amend.cuts))
            })
            .min_by_key(|(order, _)| *order)
            .map(|(_, cuts)| cuts);
        let own: &[Cut] = match &entry.op {
            ControlOp::Grant(grant) => &grant.cuts,
            ControlOp::Revoke(revoke) => &revoke.cuts,
            _ => &[],
        };
        let mut limits = Limits::new();
        for cut in amended.map_or(own, Vec::as_slice) {
            let last = limits.entry(cut.log).or_insert(cut.seq);
            *last = (*last).max(cut.seq);
        }
        limits
    }

    fn amends(&self, index: usize, act: Act, rank: Rank) -> Option<Rank> {
        let actor = self.history.entries()[index].actor?;
        self.spoken[index].ok()?;
        self.ground.authority(&actor, act, At::Entry(index)).filter(|by| *by <= rank)
    }

    fn settle_edits(&mut self) {
        for (index, entry) in self.history.entries().iter().enumerate() {
            let ControlOp::GroupEdit(edit) = &entry.op else { continue };
            if let Ok(rank) = self.authorised(index, edit_act(edit), LOWEST) {
                self.edits.push(Edit { index, rank, edit: edit.clone() });
            }
        }
    }

    /// The last value among those that set it: of concurrent ones the most senior author's, then the lower height and id.
    fn last<T>(&self, at: At, get: impl Fn(&GroupEdit) -> Option<T>) -> Option<T> {
        let graph = &self.ground.graph;
        let set: Vec<&Edit> = self
            .edits
            .iter()
            .filter(|edit| get(&edit.edit).is_some() && self.ground.sees(at, Origin::Group(edit.index)))
            .collect();
        set.iter()
            .filter(|edit| !set.iter().any(|later| graph.precedes(edit.index, later.index)))
            .min_by_key(|edit| (edit.rank, graph.node(edit.index).height, self.history.entries()[edit.index].id))
            .and_then(|edit| get(&edit.edit))
    }

    fn access_for(&self, at: At) -> Access {
        self.last(at, |edit| edit.access).unwrap_or(self.create.access)
    }

    /// Ruling D2: somebody entitled had removed the person, the joiner had seen it, and nobody let them in again.
    fn is_banned(&self, user: &UserId, index: usize) -> bool {
        let graph = &self.ground.graph;
        self.bans(user).into_iter().filter(|ban| graph.precedes(ban.index, index)).any(|ban| {
            !self.readmissions(user).any(|again| graph.precedes(ban.index, again) && graph.precedes(again, index))
        })
    }

    /// Removals of the person by who may remove members.
    fn bans(&self, user: &UserId) -> Vec<Ban> {
        let removals = self.removals.get(user).into_iter().flatten();
        removals
            .filter(|removal| removal.taking == Taking::Revoked)
            .filter(|removal| self.may(removal.index, Act::Remove) && !self.is_above(user, removal.index))
            .map(|removal| Ban { index: removal.index })
            .collect()
    }

    /// Whether the person was owner or facilitator there and the author could not take that away.
    fn is_above(&self, user: &UserId, index: usize) -> bool {
        let at = At::Entry(index);
        let all = self.ground.given.get(user).into_iter().flatten();
        all.filter(|given| given.role <= Role::Facilitator && self.ground.sees(at, given.origin))
            .filter(|given| self.ground.is_alive(given, at))
            .any(|given| self.authorised(index, Act::removing(given.role), given.rank).is_err())
    }

    /// Grants of any role to the person by who may give it.
    fn readmissions(&self, user: &UserId) -> impl Iterator<Item = usize> {
        self.by_subject.get(user).into_iter().flatten().filter_map(|claim| match claim.origin {
            Origin::Group(index) if claim.made == Made::Granted && self.may(index, Act::granting(claim.role)) => {
                Some(index)
            }
            _ => None,
        })
    }

    fn may(&self, index: usize, act: Act) -> bool {
        self.history.entries()[index].actor.is_some_and(|actor| {
            self.spoken[index].is_ok() && self.ground.authority(&actor, act, At::Entry(index)).is_some()
        })
    }

    fn finish(mut self) -> GroupState {
        self.explain();
        let bans =
            self.removals.keys().map(|user| (*user, self.open_bans(user))).filter(|(_, all)| !all.is_empty()).collect();
        let mut state = GroupState {
            name: self.last(At::Now, |edit| edit.name.clone()).unwrap_or_else(|| self.create.name.clone()),
            purpose: self.last(At::Now, |edit| edit.purpose.clone()).unwrap_or_else(|| self.create.purpose.clone()),
            access: self.access_for(At::Now),
            kind: self.create.kind,
            site: self.create.site,
            derived: self.derived,
            members: BTreeMap::new(),
            sites: BTreeSet::new(),
            bans,
            revocations: self.revocations(),
            voids: self.voids,
            ground: self.ground,
        };
        state.fill_members();
        state
    }

    /// Bans that nobody has lifted so far.
    fn open_bans(&self, user: &UserId) -> Vec<Ban> {
        let graph = &self.ground.graph;
        let lifted = |ban: &Ban| self.readmissions(user).any(|again| graph.precedes(ban.index, again));
        self.bans(user).into_iter().filter(|ban| !lifted(ban)).collect()
    }

    /// Says of each entry without effect why it has none, once all grants are known; what had some effect is not void.
    fn explain(&mut self) {
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
        if !self.may(index, Act::Remove) {
            return Some(self.why_not(&actor, index));
        }
        if users.iter().any(|user| !self.is_above(user, index)) {
            return None;
        }
        let owner = self.may(index, Act::RemoveOwner);
        Some(if owner { Reason::Junior } else { Reason::RoleTooLow })
    }

    fn why_not_amended(&self, index: usize, amend: &AmendCut) -> Option<Reason> {
        let actor = self.history.entries()[index].actor?;
        let Some(by) = self.ground.authority(&actor, Act::Remove, At::Entry(index)) else {
            return Some(self.why_not(&actor, index));
        };
        let Some(target) = self.history.graph().index(&amend.revocation) else { return Some(Reason::NotThere) };
        let remover = self.history.entries()[target].actor?;
        match self.ground.authority(&remover, Act::Remove, At::Entry(target)) {
            None => Some(Reason::NotThere),
            Some(rank) => (by > rank).then_some(Reason::Junior),
        }
    }

    fn revocations(&self) -> BTreeMap<EntryId, Rank> {
        let taking = |entry: &ControlEntry| matches!(entry.op, ControlOp::Revoke(_) | ControlOp::Grant(_));
        self.history
            .entries()
            .iter()
            .enumerate()
            .filter(|(index, entry)| taking(entry) && self.spoken[*index].is_ok())
            .filter_map(|(index, entry)| {
                let rank = self.ground.authority(&entry.actor?, Act::Remove, At::Entry(index))?;
                Some((entry.id, rank))
            })
            .collect()
    }
}

/// What an edit needs: access is policy, the rest is not.
pub(super) fn edit_act(edit: &GroupEdit) -> Act {
    if edit.access.is_some() { Act::ChangeAccess } else { Act::EditGroup }
}

/// Whether the node may speak for the actor where it stands.
fn spoken(org: &OrgState, entry: &ControlEntry, past: Option<&Past>) -> Result<(), Reason> {
    let past = past.ok_or(Reason::NotThere)?;
    if org.rests_on_lost(past) {
        return Err(Reason::RevisionVoid);
    }
    if org.limit(&entry.node, &entry.log).is_some_and(|last| entry.seq > last) {
        return Err(Reason::NodeRevoked);
    }
    if entry.seq > GROUP_CONTROL_SEQ_MAX {
        return Err(Reason::Misplaced);
    }
    match &entry.actor {
        Some(actor) => org.vouches_in(&entry.node, actor, Some(past)),
        None => Ok(()),
    }
}

/// What each entry of the group saw of the organisation's history.
fn org_pasts(history: &History, org: &OrgState) -> Vec<Option<Past>> {
    let mut clocks: Vec<Option<Clock>> = Vec::with_capacity(history.len());
    for (index, entry) in history.entries().iter().enumerate() {
        let mut clock = org.graph().closure(history.outside(index));
        for parent in super::super::history::named(entry).filter_map(|id| history.graph().index(id)) {
            match (&mut clock, &clocks[parent]) {
                (Some(clock), Some(seen)) => clock.merge(seen),
                (clock, None) => *clock = None,
                (None, _) => {}
            }
        }
        clocks.push(clock);
    }
    clocks.into_iter().map(|clock| clock.map(Past::from)).collect()
}

//! Reads a group's entries: who claims to give which role, who takes it, who speaks for whom. Then `settle` decides,
//! `policy` finds what edits and bars hold, and `explain` says why the rest has no effect.

mod explain;
mod policy;
mod seen;
mod settle;

use super::super::history::graph::{Clock, Past};
use super::super::history::{ControlEntry, History};
use super::super::op::{AmendCut, ControlOp, GroupCreate, Role, Seen};
use super::super::registry::OrgState;
use super::super::registry::seal::cut_off;
use super::super::table::Act;
use super::super::verdict::{Kept, Reason};
use super::{At, Ground, GroupState, Origin, Rank, is_derived};
use crate::ids::{EntryId, GroupId, UserId};
use crate::limits::GROUP_CONTROL_SEQ_MAX;
use policy::{Bars, Edit};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) use policy::edit_act;

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
    seens: BTreeMap<EntryId, Vec<(usize, &'a Seen)>>,
    edits: Vec<Edit>,
    bars: BTreeMap<UserId, Bars>,
    voids: BTreeMap<EntryId, Reason>,
    /// Found once, kept for good.
    authorities: RefCell<BTreeMap<(usize, Act), Rank>>,
    cuts: RefCell<BTreeMap<(usize, Act), Arc<Kept>>>,
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
        let mut spoken: Vec<_> = history
            .entries()
            .iter()
            .zip(&ground.org_pasts)
            .map(|(entry, past)| spoken(org, entry, past.as_ref()))
            .collect();
        for index in cut_off(history, org.sealed()) {
            spoken[index] = Err(Reason::Sealed);
        }
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
            seens: BTreeMap::new(),
            edits: Vec::new(),
            bars: BTreeMap::new(),
            voids: BTreeMap::new(),
            authorities: RefCell::default(),
            cuts: RefCell::default(),
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
            (ControlOp::Seen(seen), _) => {
                self.seens.entry(seen.revocation).or_default().push((index, seen));
                None
            }
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

    fn finish(mut self) -> GroupState {
        self.explain();
        self.settle_seen();
        self.settle_given_up();
        let banned = self.bars.keys().filter(|user| self.is_banned(user, At::Now)).copied().collect();
        let mut state = GroupState {
            name: self.last(At::Now, |edit| edit.name.clone()).unwrap_or_else(|| self.create.name.clone()),
            purpose: self.last(At::Now, |edit| edit.purpose.clone()).unwrap_or_else(|| self.create.purpose.clone()),
            access: self.access_for(At::Now),
            policy: super::policy::policy(&self.ground.graph, &self.rulings(), |_| true),
            rulings: self.rulings(),
            kind: self.create.kind,
            rules: self.create.rules,
            site: self.create.site,
            derived: self.derived,
            members: BTreeMap::new(),
            sites: BTreeSet::new(),
            banned,
            revocations: self.revocations(),
            removals: self.ground.removals(self.history),
            voids: self.voids,
            ground: self.ground,
        };
        state.fill_members();
        state
    }

    fn revocations(&self) -> BTreeMap<EntryId, Rank> {
        let taking = |entry: &ControlEntry| matches!(entry.op, ControlOp::Revoke(_) | ControlOp::Grant(_));
        self.history
            .entries()
            .iter()
            .enumerate()
            .filter(|(_, entry)| taking(entry))
            .filter_map(|(index, entry)| Some((entry.id, self.authority(index, Act::Remove)?)))
            .collect()
    }
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
        Some(actor) => org.vouches_at(&entry.node, actor, past, (&entry.log, entry.seq)),
        None => Ok(()),
    }
}

/// What each entry of the group saw of the organisation's history.
fn org_pasts(history: &History, org: &OrgState) -> Vec<Option<Past>> {
    let mut clocks: Vec<Option<Clock>> = Vec::with_capacity(history.len());
    for (index, entry) in history.entries().iter().enumerate() {
        let mut clock = org.graph().closure(history.outside(index));
        for parent in history.seen(entry).filter_map(|id| history.graph().index(id)) {
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

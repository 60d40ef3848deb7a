//! The group's rules once more, written down as they stand in §2.5 and the rulings, with sets of ids and plain recursion.
//! Slow, and sharing nothing with the evaluator but the table of roles and the forms of operations.

use super::*;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Appointed first (the latest first), then by role, height, id.
type Rank = (bool, Role, u32, EntryId);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Created,
    Granted,
    Joined,
    Appointed,
}

/// A role that somebody claims to give to one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct G {
    rank: Rank,
    subject: UserId,
    how: How,
}

/// The naive evaluator of a group in an organisation in which nothing changes but disabling and appointing.
pub(super) struct Oracle<'a> {
    group: GroupId,
    entries: BTreeMap<EntryId, (Scope, &'a ControlEntry)>,
    pasts: BTreeMap<EntryId, BTreeSet<EntryId>>,
    heights: BTreeMap<EntryId, u32>,
    claims: Vec<G>,
    made: RefCell<BTreeMap<G, bool>>,
    kills: RefCell<BTreeMap<(EntryId, G), bool>>,
}

fn named(entry: &ControlEntry) -> Vec<EntryId> {
    let mut all: Vec<EntryId> = entry.prev.into_iter().chain(entry.ctl.iter().copied()).collect();
    if let ControlOp::See(see) = &entry.op {
        all.extend(&see.heads);
    }
    all
}

impl<'a> Oracle<'a> {
    /// The entries must come after what they name.
    pub(super) fn new(stage: &'a Stage) -> Self {
        let group = stage.group.expect("a group");
        let mut oracle = Self {
            group,
            entries: stage.entries.iter().map(|(scope, entry)| (entry.id, (*scope, entry))).collect(),
            pasts: BTreeMap::new(),
            heights: BTreeMap::new(),
            claims: Vec::new(),
            made: RefCell::default(),
            kills: RefCell::default(),
        };
        for (scope, entry) in &stage.entries {
            let mut past = BTreeSet::new();
            let mut height = 0;
            for id in named(entry) {
                past.extend(oracle.pasts[&id].iter().copied());
                past.insert(id);
                if oracle.entries[&id].0 == *scope {
                    height = height.max(oracle.heights[&id] + 1);
                }
            }
            oracle.pasts.insert(entry.id, past);
            oracle.heights.insert(entry.id, height);
        }
        for (scope, entry) in &stage.entries {
            oracle.claim(*scope, entry);
        }
        oracle
    }

    fn claim(&mut self, scope: Scope, entry: &ControlEntry) {
        let height = self.heights[&entry.id];
        let mut claim = |appointed: bool, subject, role, how| {
            let rank =
                if appointed { (false, role, u32::MAX - height, entry.id) } else { (true, role, height, entry.id) };
            self.claims.push(G { rank, subject, how });
        };
        match (&entry.op, entry.actor, scope) {
            (ControlOp::GroupCreate(_), Some(actor), Scope::Group) => claim(false, actor, Role::Owner, How::Created),
            (ControlOp::Grant(grant), _, Scope::Group) => {
                grant.roles.iter().for_each(|one| claim(false, one.user, one.role, How::Granted));
            }
            (ControlOp::Join, Some(actor), Scope::Group) => claim(false, actor, Role::Member, How::Joined),
            (ControlOp::AppointOwner(appoint), _, Scope::Org) if appoint.group == self.group => {
                claim(true, appoint.user, Role::Owner, How::Appointed);
            }
            _ => {}
        }
    }

    fn entry(&self, id: &EntryId) -> &'a ControlEntry {
        self.entries[id].1
    }

    fn of_group(&self) -> impl Iterator<Item = &'a ControlEntry> + '_ {
        self.entries.values().filter(|(scope, _)| *scope == Scope::Group).map(|(_, entry)| *entry)
    }

    fn sees(&self, x: &EntryId, y: &EntryId) -> bool {
        self.pasts[x].contains(y)
    }

    fn disables(&self, id: &EntryId, user: &UserId) -> bool {
        matches!(&self.entry(id).op, ControlOp::UserDisable(only) if only.user == *user)
    }

    /// The node is of the actor's home, and the actor not known to be disabled. A stage's site n has node n.
    fn spoken(&self, x: &EntryId) -> bool {
        let entry = self.entry(x);
        entry.actor.is_some_and(|actor| {
            entry.node.0[0] == 100 + actor.0[0] && !self.pasts[x].iter().any(|id| self.disables(id, &actor))
        })
    }

    /// The ranks of all grants of x's actor by which x may do this (G2).
    fn authorities(&self, x: &EntryId, act: Act, over: Option<Rank>) -> Vec<Rank> {
        let Some(actor) = self.entry(x).actor.filter(|_| self.spoken(x)) else { return Vec::new() };
        self.claims
            .iter()
            .filter(|g| g.subject == actor && allows(g.rank.1, act) && over.is_none_or(|over| g.rank < over))
            .filter(|g| self.sees(x, &g.rank.3) && self.is_made(g) && self.is_alive(g, x))
            .map(|g| g.rank)
            .collect()
    }

    fn may(&self, x: &EntryId, act: Act) -> bool {
        !self.authorities(x, act, None).is_empty()
    }

    /// G3.
    fn is_alive(&self, g: &G, x: &EntryId) -> bool {
        self.of_group().all(|r| r.id == *x || self.sees(&r.id, x) || !self.is_killed(g, &r.id))
    }

    fn is_made(&self, g: &G) -> bool {
        if let Some(known) = self.made.borrow().get(g) {
            return *known;
        }
        let x = &g.rank.3;
        let made = match g.how {
            How::Appointed => true,
            How::Created => self.spoken(x),
            How::Granted => !self.authorities(x, Act::granting(g.rank.1), Some(g.rank)).is_empty(),
            How::Joined => self.spoken(x) && self.access(Some(x)) == Access::Open && !self.is_banned(&g.subject, x),
        };
        self.made.borrow_mut().insert(*g, made);
        made
    }

    /// G4, G6, ruling A3.
    fn is_killed(&self, g: &G, r: &EntryId) -> bool {
        if let Some(known) = self.kills.borrow().get(&(*r, *g)) {
            return *known;
        }
        let killed = self.kills(g, r);
        self.kills.borrow_mut().insert((*r, *g), killed);
        killed
    }

    fn kills(&self, g: &G, r: &EntryId) -> bool {
        let entry = self.entry(r);
        let (role, made) = (g.rank.1, &g.rank.3);
        if made == r || self.sees(made, r) || !self.spoken(r) {
            return false;
        }
        let own = entry.actor == Some(g.subject) && self.sees(r, made);
        let entitled = || !self.authorities(r, Act::removing(role), Some(g.rank)).is_empty();
        match &entry.op {
            ControlOp::Leave => own,
            ControlOp::Revoke(revoke) => revoke.users.contains(&g.subject) && entitled(),
            ControlOp::Grant(grant) => grant.roles.iter().filter(|one| one.user == g.subject).any(|one| {
                let lowers = role < one.role;
                let knew_higher =
                    self.claims.iter().any(|h| h.subject == g.subject && h.rank.1 < one.role && self.sees_spoken(r, h));
                let stepping_down = own && allows(role, Act::granting(one.role));
                lowers && (stepping_down || (knew_higher && entitled()))
            }),
            _ => false,
        }
    }

    /// Claims by nodes that do not speak for their actor are as good as not there.
    fn sees_spoken(&self, x: &EntryId, h: &G) -> bool {
        self.sees(x, &h.rank.3) && (h.how == How::Appointed || self.spoken(&h.rank.3))
    }

    /// Ruling D2.
    fn is_banned(&self, user: &UserId, joined: &EntryId) -> bool {
        self.of_group().any(|r| {
            matches!(&r.op, ControlOp::Revoke(revoke) if revoke.users.contains(user))
                && self.sees(joined, &r.id)
                && self.may(&r.id, Act::Remove)
                && !self.is_above(user, &r.id)
                && !self.claims.iter().any(|g| {
                    let again = &g.rank.3;
                    g.subject == *user
                        && g.how == How::Granted
                        && self.sees(again, &r.id)
                        && self.sees(joined, again)
                        && self.may(again, Act::granting(g.rank.1))
                })
        })
    }

    fn is_above(&self, user: &UserId, r: &EntryId) -> bool {
        self.claims
            .iter()
            .filter(|g| g.subject == *user && g.rank.1 <= Role::Facilitator && self.sees(r, &g.rank.3))
            .filter(|g| self.is_made(g) && self.is_alive(g, r))
            .any(|g| self.authorities(r, Act::removing(g.rank.1), Some(g.rank)).is_empty())
    }

    /// The access at an entry, or now.
    pub(super) fn access(&self, at: Option<&EntryId>) -> Access {
        let set: Vec<(Rank, &ControlEntry, Access)> = self
            .of_group()
            .filter(|e| at.is_none_or(|x| self.sees(x, &e.id)))
            .filter_map(|e| match &e.op {
                ControlOp::GroupEdit(edit) => {
                    let access = edit.access?;
                    Some((self.authorities(&e.id, Act::ChangeAccess, None).into_iter().min()?, e, access))
                }
                _ => None,
            })
            .collect();
        set.iter()
            .filter(|(_, e, _)| !set.iter().any(|(_, later, _)| self.sees(&later.id, &e.id)))
            .min_by_key(|(rank, e, _)| (*rank, self.heights[&e.id], e.id))
            .map_or_else(|| self.created_access(), |(_, _, access)| *access)
    }

    fn created_access(&self) -> Access {
        match &self.entry(&EntryId(self.group.0)).op {
            ControlOp::GroupCreate(create) => create.access,
            _ => Access::Closed,
        }
    }

    /// The highest live role now.
    pub(super) fn role(&self, user: &UserId) -> Option<Role> {
        if self.entries.keys().any(|id| self.disables(id, user)) {
            return None;
        }
        self.claims
            .iter()
            .filter(|g| g.subject == *user && self.is_made(g) && !self.of_group().any(|r| self.is_killed(g, &r.id)))
            .map(|g| g.rank.1)
            .min()
    }

    /// Whether the author of this was entitled to anything it says; asked of what needs one authority only.
    pub(super) fn is_valid(&self, x: &EntryId) -> Option<bool> {
        match &self.entry(x).op {
            ControlOp::Join => Some(self.claims.iter().any(|g| g.rank.3 == *x && self.is_made(g))),
            ControlOp::GroupEdit(edit) => {
                Some(self.may(x, if edit.access.is_some() { Act::ChangeAccess } else { Act::EditGroup }))
            }
            ControlOp::Leave => Some(self.spoken(x)),
            _ => None,
        }
    }

    /// G9: whether an entry of the person at this place counts.
    pub(super) fn counts(&self, user: &UserId, ctl: &[EntryId], act: Act, log: &LogId, seq: u64) -> bool {
        let mut seen: BTreeSet<EntryId> = ctl.iter().copied().collect();
        seen.extend(ctl.iter().flat_map(|id| &self.pasts[id]));
        !seen.iter().any(|id| self.disables(id, user))
            && self.claims.iter().any(|g| {
                g.subject == *user
                    && allows(g.rank.1, act)
                    && seen.contains(&g.rank.3)
                    && self.is_made(g)
                    && self
                        .of_group()
                        .filter(|r| self.is_killed(g, &r.id))
                        .all(|r| !seen.contains(&r.id) && self.cut(g, r, log).is_none_or(|last| seq <= last))
            })
    }

    fn cut(&self, g: &G, r: &ControlEntry, log: &LogId) -> Option<u64> {
        let act = Act::removing(g.rank.1);
        let rank = self.authorities(&r.id, act, Some(g.rank)).into_iter().min()?;
        let amended = self
            .of_group()
            .filter_map(|a| match &a.op {
                ControlOp::AmendCut(amend) if amend.revocation == r.id => {
                    let by = self.authorities(&a.id, act, None).into_iter().min().filter(|by| *by <= rank)?;
                    Some(((by, u32::MAX - self.heights[&a.id], a.id), &amend.cuts))
                }
                _ => None,
            })
            .min_by_key(|(order, _)| *order);
        let own = match &r.op {
            ControlOp::Revoke(revoke) => &revoke.cuts,
            ControlOp::Grant(grant) if r.actor != Some(g.subject) => &grant.cuts,
            _ => return None,
        };
        amended.map_or(own, |(_, cuts)| cuts).iter().filter(|cut| cut.log == *log).map(|cut| cut.seq).max()
    }
}

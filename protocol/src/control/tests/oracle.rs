//! The group's rules once more, written down as they stand in §2.5 and the rulings, with sets of ids and plain recursion.
//! Slow, and sharing nothing with the evaluator but the table of roles and the forms of operations.

use super::*;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Appointed first (the latest first), then by role, height, id.
type Rank = (bool, Role, u32, EntryId);

/// An edit that sets part of the policy: what decides between concurrent ones, the value, the cuts.
type Set<T> = ((Rank, u32, EntryId), T, Vec<Cut>);

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
            ControlOp::GroupEdit(edit) => Some(self.may(x, edit_needs(edit))),
            ControlOp::Leave => Some(self.spoken(x)),
            _ => None,
        }
    }

    /// G9, G11: whether an entry of the person at this place counts.
    pub(super) fn counts(&self, user: &UserId, ctl: &[EntryId], act: Act, log: &LogId, seq: u64) -> bool {
        let mut seen: BTreeSet<EntryId> = ctl.iter().copied().collect();
        seen.extend(ctl.iter().flat_map(|id| &self.pasts[id]));
        !seen.iter().any(|id| self.disables(id, user))
            && self.claims.iter().any(|g| {
                g.subject == *user
                    && permits(g.rank.1, act, self.policy(&|id| seen.contains(id)))
                    && seen.contains(&g.rank.3)
                    && self.is_made(g)
                    && !self.is_forbidden(g.rank.1, act, &seen, log, seq)
                    && self
                        .of_group()
                        .filter(|r| self.is_killed(g, &r.id))
                        .all(|r| !seen.contains(&r.id) && self.cut(g, r, log).is_none_or(|last| seq <= last))
                    && self
                        .of_group()
                        .filter(|r| !self.is_killed(g, &r.id) && self.knew_given_up(g, r))
                        .filter_map(|r| self.cut_of_any(user, r, log))
                        .all(|last| seq <= last)
            })
    }

    /// The author of a removal had seen that the role was given up before.
    fn knew_given_up(&self, g: &G, r: &ControlEntry) -> bool {
        let whole = |o: &&ControlEntry| match &o.op {
            ControlOp::Leave => true,
            ControlOp::Grant(grant) => o.actor == Some(g.subject) || (grant.cuts.is_empty() && !self.is_amended(g, o)),
            _ => false,
        };
        let mut ended = self.of_group().filter(|o| self.is_killed(g, &o.id)).filter(whole);
        ended.any(|o| self.sees(&r.id, &o.id))
    }

    fn is_amended(&self, g: &G, r: &ControlEntry) -> bool {
        let act = Act::removing(g.rank.1);
        let rank = self.authorities(&r.id, act, Some(g.rank)).into_iter().min();
        self.of_group().any(|a| match &a.op {
            ControlOp::AmendCut(amend) if amend.revocation == r.id && !amend.cuts.is_empty() => self
                .authorities(&a.id, act, None)
                .into_iter()
                .min()
                .is_some_and(|by| rank.is_some_and(|rank| by <= rank)),
            _ => false,
        })
    }

    /// How far a removal leaves a log of this person, whichever of their roles it ends.
    fn cut_of_any(&self, user: &UserId, r: &ControlEntry, log: &LogId) -> Option<u64> {
        let ControlOp::Revoke(_) = &r.op else { return None };
        let ended = self.claims.iter().filter(|h| h.subject == *user && self.is_made(h) && self.is_killed(h, &r.id));
        ended.filter_map(|h| self.cut(h, r, log)).max()
    }

    /// The edits that set this part of the policy, with what decides between concurrent ones.
    fn set<T>(&self, get: impl Fn(&GroupEdit) -> Option<T>) -> Vec<Set<T>> {
        self.of_group()
            .filter_map(|e| match &e.op {
                ControlOp::GroupEdit(edit) => {
                    let value = get(edit)?;
                    let rank = self.authorities(&e.id, edit_needs(edit), None).into_iter().min()?;
                    Some(((rank, self.heights[&e.id], e.id), value, edit.cuts.clone()))
                }
                _ => None,
            })
            .collect()
    }

    fn value<T: Default>(&self, seen: &dyn Fn(&EntryId) -> bool, get: impl Fn(&GroupEdit) -> Option<T>) -> T {
        let mut set = self.set(get);
        set.retain(|(order, _, _)| seen(&order.2));
        let replaced: Vec<EntryId> =
            set.iter().map(|(o, _, _)| o.2).filter(|id| set.iter().any(|(l, _, _)| self.sees(&l.2, id))).collect();
        set.retain(|(order, _, _)| !replaced.contains(&order.2));
        set.into_iter().min_by_key(|(order, _, _)| *order).map(|(_, value, _)| value).unwrap_or_default()
    }

    fn policy(&self, seen: &dyn Fn(&EntryId) -> bool) -> Policy {
        Policy { post: self.value(seen, |edit| edit.post), guests: self.value(seen, |edit| edit.guests) }
    }

    /// The policy now.
    pub(super) fn policy_now(&self) -> Policy {
        self.policy(&|_| true)
    }

    /// A restriction that was not seen and that no concurrent value beats cuts here.
    fn is_forbidden(&self, role: Role, act: Act, seen: &BTreeSet<EntryId>, log: &LogId, seq: u64) -> bool {
        let posts = act == Act::Post && role == Role::Member;
        let comments = act == Act::Comment && role == Role::Guest;
        let post = self.set(|edit| edit.post);
        let guests = self.set(|edit| edit.guests);
        let beaten = |x: &(Rank, u32, EntryId), both: bool| {
            let by = |y: &(Rank, u32, EntryId)| y < x && !self.sees(&x.2, &y.2) && !self.sees(&y.2, &x.2);
            // An edit that sets both parts is beaten as a whole.
            (post.iter().any(|(o, _, _)| o == x) && post.iter().any(|(o, _, _)| by(o)))
                || (both && guests.iter().any(|(o, _, _)| o == x) && guests.iter().any(|(o, _, _)| by(o)))
        };
        let cuts = |order: &(Rank, u32, EntryId), cuts: &[Cut]| {
            let last = cuts.iter().filter(|cut| cut.log == *log).map(|cut| cut.seq).max();
            !seen.contains(&order.2) && !beaten(order, true) && last.is_some_and(|last| seq > last)
        };
        (posts && post.iter().any(|(o, value, c)| *value == Posting::Facilitators && cuts(o, c)))
            || (comments && guests.iter().any(|(o, value, c)| *value == Guests::Read && cuts(o, c)))
    }

    /// Ruling A2: what nodes of other homes with people in the group held when they learned of the removal.
    fn stated(&self, r: &ControlEntry, log: &LogId) -> Option<u64> {
        let removed: Vec<UserId> = match &r.op {
            ControlOp::Revoke(revoke) => revoke.users.clone(),
            ControlOp::Grant(grant) => grant.roles.iter().map(|one| one.user).collect(),
            _ => Vec::new(),
        };
        let mut first: BTreeMap<NodeId, (u32, EntryId)> = BTreeMap::new();
        for s in self.of_group() {
            let ControlOp::Seen(seen) = &s.op else { continue };
            let home = s.node.0[0] - 100;
            let in_group = self.claims.iter().any(|g| {
                g.subject.0[0] == home && self.sees(&s.id, &g.rank.3) && self.is_made(g) && self.is_alive(g, &s.id)
            });
            let spoken = s.actor.is_none() || self.spoken(&s.id);
            if seen.revocation == r.id
                && self.sees(&s.id, &r.id)
                && spoken
                && in_group
                && !removed.iter().any(|user| user.0[0] == home)
            {
                let order = (self.heights[&s.id], s.id);
                let known = first.entry(s.node).or_insert(order);
                *known = order.min(*known);
            }
        }
        let counted = |id: &EntryId| match &self.entry(id).op {
            ControlOp::Seen(seen) => seen.cuts.iter().filter(|cut| cut.log == *log).map(|cut| cut.seq).max(),
            _ => None,
        };
        first.values().filter_map(|(_, id)| counted(id)).max()
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
        let cuts = amended.map_or(own, |(_, cuts)| cuts);
        if cuts.is_empty() && matches!(r.op, ControlOp::Grant(_)) {
            return None;
        }
        // What nobody names does not count.
        let named = cuts.iter().filter(|cut| cut.log == *log).map(|cut| cut.seq).max().unwrap_or(0);
        Some(if amended.is_some() { named } else { named.max(self.stated(r, log).unwrap_or(0)) })
    }
}

fn edit_needs(edit: &GroupEdit) -> Act {
    match edit {
        GroupEdit { access: Some(_), .. } => Act::ChangeAccess,
        GroupEdit { post: None, guests: None, .. } => Act::EditGroup,
        _ => Act::ChangePolicy,
    }
}

//! Roles in a group (G1–G17, rulings A2, A3, D2).
//!
//! `judge` decides which grants were made validly and what kills them, the most senior first: whether a grant lives
//! depends only on grants senior to it, so there is one answer and no tie-break by arrival. This file shows the result;
//! `check` says what somebody may do now; `standing` judges what people wrote.

mod check;
mod judge;
mod policy;
mod removals;
mod standing;

use super::history::History;
use super::history::graph::{Graph, Past, Place};
use super::op::{Access, GroupCreate, GroupKind, Policy, Role};
use super::registry::OrgState;
use super::table::{Act, allows};
use super::verdict::{Kept, Reason};
use crate::ids::{EntryId, GroupId, SiteId, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use removals::RemovalRecord;

/// A member as of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRecord {
    /// The highest of the person's live roles.
    pub role: Role,
    /// The entry that gave it: a grant, a join, an appointment; for a derived membership the registration.
    pub since: EntryId,
}

/// Seniority, the most senior first: appointed (the latest first, so that admins can always rescue), then by role, then
/// by what saw less. Nobody can change it afterwards.
type Rank = (bool, Role, u32, EntryId);

/// Where a grant comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// An entry of the group, by its number.
    Group(usize),
    /// An appointment in the organisation's history.
    Org(Place),
}

/// A removal that ends a grant, with how far each log counts that had not seen it.
#[derive(Debug, Clone)]
struct Kill {
    index: usize,
    cuts: Arc<Kept>,
}

/// A role validly given to one person.
#[derive(Debug, Clone)]
struct Given {
    rank: Rank,
    origin: Origin,
    role: Role,
    kills: Vec<Kill>,
}

/// From when a question is asked.
#[derive(Clone, Copy)]
enum At {
    /// By an entry of the group, by its number.
    Entry(usize),
    /// By one that knows all there is.
    Now,
}

/// Everything that judging needs to know of the two histories.
#[derive(Debug, Clone)]
struct Ground {
    graph: Arc<Graph>,
    org: OrgState,
    /// For each entry of the group, what it saw of the organisation's history; `None` when that is not all here.
    org_pasts: Vec<Option<Past>>,
    given: BTreeMap<UserId, Vec<Given>>,
}

impl Ground {
    fn sees(&self, at: At, origin: Origin) -> bool {
        match (at, origin) {
            (At::Now, _) => true,
            (At::Entry(index), Origin::Group(seen)) => self.graph.precedes(seen, index),
            (At::Entry(index), Origin::Org(place)) => {
                self.org_pasts[index].as_ref().is_some_and(|past| past.has(place))
            }
        }
    }

    /// G3: no removal ends the grant but those that had seen the entry asking.
    fn is_alive(&self, given: &Given, at: At) -> bool {
        given.kills.iter().all(|kill| match at {
            At::Entry(index) => index == kill.index || self.graph.precedes(index, kill.index),
            At::Now => false,
        })
    }

    /// The most senior live grant of the person, in the past of who asks, that permits the act (G2).
    fn authority(&self, actor: &UserId, act: Act, at: At) -> Option<Rank> {
        self.given
            .get(actor)?
            .iter()
            .filter(|given| allows(given.role, act) && self.sees(at, given.origin) && self.is_alive(given, at))
            .map(|given| given.rank)
            .min()
    }

    /// The highest role of the person in the past of who asks, alive or not for them.
    fn live_role(&self, user: &UserId, at: At) -> Option<&Given> {
        self.given
            .get(user)?
            .iter()
            .filter(|given| self.sees(at, given.origin) && self.is_alive(given, at))
            .min_by_key(|given| (given.role, given.rank))
    }
}

/// A group as its control entries make it.
#[derive(Debug, Clone)]
pub struct GroupState {
    ground: Ground,
    name: String,
    purpose: String,
    kind: GroupKind,
    access: Access,
    policy: Policy,
    rules: u32,
    rulings: Vec<policy::Ruling>,
    site: Option<SiteId>,
    derived: bool,
    members: BTreeMap<UserId, MemberRecord>,
    sites: BTreeSet<SiteId>,
    /// Who was removed and may not join until let in again.
    banned: BTreeSet<UserId>,
    revocations: BTreeMap<EntryId, Rank>,
    removals: Vec<RemovalRecord>,
    voids: BTreeMap<EntryId, Reason>,
}

impl GroupState {
    /// Judges all entries of the group; `None` until its creation is known.
    pub fn evaluate(group: GroupId, history: &History, org: &OrgState) -> Option<Self> {
        judge::judge(group, &history.with_copies(), org)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Its type.
    pub fn kind(&self) -> GroupKind {
        self.kind
    }

    /// Who sees and joins.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The version of the rules that its creator chose (§1.14).
    pub fn rules(&self) -> u32 {
        self.rules
    }

    /// What is forbidden beside what roles forbid.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The site of a place group.
    pub fn site(&self) -> Option<SiteId> {
        self.site
    }

    /// Whether members follow the registry: everybody, or everybody of a site. Granted roles stand on top.
    pub fn is_derived(&self) -> bool {
        self.derived
    }

    /// The person's role now.
    pub fn role(&self, user: &UserId) -> Option<Role> {
        self.members.get(user).map(|member| member.role)
    }

    /// All members now.
    pub fn members(&self) -> &BTreeMap<UserId, MemberRecord> {
        &self.members
    }

    /// The home sites of all members.
    pub fn sites(&self) -> &BTreeSet<SiteId> {
        &self.sites
    }

    /// Removals and lowerings that had effect, in the order of their ids.
    pub fn removals(&self) -> &[RemovalRecord] {
        &self.removals
    }

    /// Why an entry of the group has no effect; `None` when it has.
    pub fn void_reason(&self, id: &EntryId) -> Option<Reason> {
        self.voids.get(id).copied()
    }

    /// All entries without effect.
    pub fn voids(&self) -> &BTreeMap<EntryId, Reason> {
        &self.voids
    }

    /// Whom the registry makes a member.
    fn derives(&self, user: &UserId) -> bool {
        self.ground.org.user(user).is_some_and(|record| self.derives_from(record.site))
    }

    /// Whether the registry makes people of this home members.
    fn derives_from(&self, home: SiteId) -> bool {
        self.derived && (self.kind == GroupKind::General || self.site == Some(home))
    }

    fn fill_members(&mut self) {
        let org = self.ground.org.clone();
        if self.derived {
            for (user, record) in org.users() {
                if record.active && self.derives(user) {
                    self.members.insert(*user, MemberRecord { role: Role::Member, since: record.registered });
                }
            }
        }
        for user in self.ground.given.keys() {
            if !org.user(user).is_some_and(|record| record.active) {
                continue;
            }
            let Some(given) = self.ground.live_role(user, At::Now) else { continue };
            if self.members.get(user).is_none_or(|member| given.role < member.role) {
                self.members.insert(*user, MemberRecord { role: given.role, since: given.rank.3 });
            }
        }
        self.sites = self.members.keys().filter_map(|user| org.user(user)).map(|record| record.site).collect();
    }
}

/// Whether the registry makes the members of a group created so. Only admins may do that for everybody, and only a
/// site's own people (or admins) for a site; otherwise it is a group like others.
fn is_derived(create: &GroupCreate, creator_site: Option<SiteId>, is_admin: impl FnOnce() -> bool) -> bool {
    match create.kind {
        GroupKind::General => is_admin(),
        GroupKind::Place => create.site.is_some() && (create.site == creator_site || is_admin()),
        _ => false,
    }
}

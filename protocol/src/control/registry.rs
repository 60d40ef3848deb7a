//! The registry: sites, nodes and people of the organisation (N1–N8, rulings A2, A10, D3).
//!
//! Three steps. `book` judges each entry by its own past; `revoke` settles which revocations of nodes hold, the
//! longest admitted node first; then `book` judges again without what they cut. This file shows the result.

pub(crate) mod book;
pub(crate) mod revoke;

use super::constitution::{self, Chain, Equivocation};
use super::history::History;
use super::history::graph::{Clock, Graph, Past, Place};
use super::op::{Constitution, ControlOp, GroupCreate, GroupKind};
use super::verdict::{Reason, Verdict};
use super::witness;
use crate::ids::{EntryId, GroupId, LogId, NodeId, OrgId, SiteId, UserId};
use crate::keys::PublicKey;
use book::{Book, Fact, Revocation, Rules};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A site as it is named now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRecord {
    /// Its name; empty until it is named.
    pub name: String,
    /// Its company; empty when there is only one.
    pub company: String,
}

/// Whether a node belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeStatus {
    /// It does.
    Admitted,
    /// It does, but gets nothing for now (ruling A10).
    Suspended,
    /// It did, and never will again.
    Revoked,
}

/// A node that was admitted validly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRecord {
    /// Its site.
    pub site: SiteId,
    /// Its X25519 key.
    pub sealing: [u8; 32],
    /// Whether it belongs now.
    pub status: NodeStatus,
    /// The entry that admitted it.
    pub admitted: EntryId,
}

/// A person who was registered validly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The home site now.
    pub site: SiteId,
    /// Not disabled.
    pub active: bool,
    /// The entry that registered them.
    pub registered: EntryId,
}

/// An owner given to a group by an admin (N7).
#[derive(Debug, Clone)]
pub(crate) struct Appointment {
    pub(crate) fact: Fact,
    pub(crate) user: UserId,
}

/// The organisation as its control entries make it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OrgState {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    graph: Arc<Graph>,
    book: Book,
    sites: BTreeMap<SiteId, SiteRecord>,
    nodes: BTreeMap<NodeId, NodeRecord>,
    users: BTreeMap<UserId, UserRecord>,
    appointments: BTreeMap<GroupId, Vec<Appointment>>,
    revocations: BTreeMap<NodeId, Vec<Revocation>>,
}

impl OrgState {
    /// Judges all entries of the organisation.
    pub fn evaluate(org: OrgId, history: &History) -> Self {
        let chain = Chain::follow(org, history, &|trial, siblings| is_final(history, trial, siblings));
        Self::under(chain, history)
    }

    fn under(chain: Chain, history: &History) -> Self {
        let mut rules = Rules { chain, standing: BTreeMap::new(), dropped: BTreeMap::new() };
        let mut book = Book::judge(&rules, history);
        rules.standing = book.contested(history);
        if !rules.standing.is_empty() {
            book = Book::judge(&rules, history);
        }
        let revoked = revoke::settle(&book, history);
        if !revoked.dropped.is_empty() {
            rules.dropped.clone_from(&revoked.dropped);
            book = Book::judge(&rules, history);
        }
        let mut inner = Inner {
            graph: Arc::clone(history.graph()),
            sites: book.sites(),
            nodes: BTreeMap::new(),
            users: BTreeMap::new(),
            appointments: BTreeMap::new(),
            revocations: BTreeMap::new(),
            book,
        };
        inner.fill(revoked);
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    fn fill(&mut self, revoked: revoke::Revoked) {
        for (node, revocation) in revoked.effective {
            if self.book.is_valid(&revocation.fact) {
                self.revocations.entry(node).or_default().push(revocation);
            }
        }
        for (node, admit) in self.book.nodes(None) {
            let status = if self.revocations.contains_key(&node) {
                NodeStatus::Revoked
            } else if self.book.is_suspended(&node) {
                NodeStatus::Suspended
            } else {
                NodeStatus::Admitted
            };
            let record = NodeRecord { site: admit.site, sealing: admit.sealing, status, admitted: admit.fact.id };
            self.nodes.insert(node, record);
        }
        for user in self.book.user_ids() {
            if let Some((site, registered)) = self.book.home(&user, None) {
                let active = self.book.is_active(&user, None);
                self.users.insert(user, UserRecord { site, active, registered });
            }
        }
        self.appointments = self.book.take_appointments();
    }
}

impl OrgState {
    /// The constitution in force; `None` until revision 0 is known.
    pub fn constitution(&self) -> Option<&Constitution> {
        self.inner.book.chain().last().map(|revision| &revision.body)
    }

    /// The organisation's name; empty until revision 0 is known.
    pub fn name(&self) -> &str {
        self.constitution().map_or("", |body| &body.name)
    }

    /// Whether the person is an admin now.
    pub fn is_admin(&self, user: &UserId) -> bool {
        self.admins().any(|admin| admin == *user)
    }

    /// The admins now, in the order of the constitution.
    pub fn admins(&self) -> impl Iterator<Item = UserId> + '_ {
        self.constitution().into_iter().flat_map(|body| body.admins.iter().map(|admin| admin.user))
    }

    /// Keys kept on paper.
    pub fn recovery_keys(&self) -> &[PublicKey] {
        self.constitution().map_or(&[], |body| &body.recovery)
    }

    /// Revisions that were published twice (S17).
    pub fn equivocations(&self) -> &[Equivocation] {
        &self.inner.book.chain().equivocations
    }

    /// All sites that were named or have a node.
    pub fn sites(&self) -> &BTreeMap<SiteId, SiteRecord> {
        &self.inner.sites
    }

    /// All nodes that were ever admitted validly.
    pub fn nodes(&self) -> &BTreeMap<NodeId, NodeRecord> {
        &self.inner.nodes
    }

    /// Whether the node was ever admitted validly.
    pub fn knows_node(&self, node: &NodeId) -> bool {
        self.inner.nodes.contains_key(node)
    }

    /// Nodes that may connect: not the revoked ones.
    pub fn connectable(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.inner.nodes.iter().filter(|(_, record)| record.status != NodeStatus::Revoked).map(|(node, _)| *node)
    }

    /// The site that a node serves.
    pub fn site_of_node(&self, node: &NodeId) -> Option<SiteId> {
        self.inner.nodes.get(node).map(|record| record.site)
    }

    /// All people who were registered validly.
    pub fn users(&self) -> &BTreeMap<UserId, UserRecord> {
        &self.inner.users
    }

    /// A person.
    pub fn user(&self, user: &UserId) -> Option<&UserRecord> {
        self.inner.users.get(user)
    }

    /// Why an entry of the organisation has no effect; `None` when it has.
    pub fn void_reason(&self, id: &EntryId) -> Option<Reason> {
        self.inner.book.voids().get(id).copied()
    }

    /// All entries without effect.
    pub fn voids(&self) -> &BTreeMap<EntryId, Reason> {
        self.inner.book.voids()
    }

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

    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.inner.graph
    }

    pub(crate) fn was_admin(&self, user: &UserId, past: &Past) -> bool {
        let chain = self.inner.book.chain();
        chain.under(Some(past)).is_some_and(|at| chain.revisions[at].names_admin(user))
    }

    pub(crate) fn rests_on_lost(&self, past: &Past) -> bool {
        self.inner.book.chain().rests_on_lost(past)
    }

    pub(crate) fn is_active_in(&self, user: &UserId, past: Option<&Past>) -> bool {
        self.inner.book.is_active(user, past)
    }

    pub(crate) fn appointments(&self, group: &GroupId) -> &[Appointment] {
        self.inner.appointments.get(group).map_or(&[], Vec::as_slice)
    }

    /// The last position of a revoked node's log that counts, if a revocation says so (N3, ruling A2).
    pub(crate) fn limit(&self, node: &NodeId, log: &LogId) -> Option<u64> {
        revoke::limit(self.inner.revocations.get(node)?, log)
    }

    /// The home of a person for an entry with this past.
    pub(crate) fn home_in(&self, user: &UserId, past: &Past) -> Option<SiteId> {
        self.inner.book.home(user, Some(past)).map(|(site, _)| site)
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
        match self.vouches_in(node, user, Some(&clock.into())) {
            Ok(()) => Verdict::Valid,
            Err(Reason::UnknownUser | Reason::UnknownNode) => Verdict::Pending,
            Err(reason) => Verdict::Void(reason),
        }
    }
}

/// Ruling A1: a majority of the nodes admitted under the parent stand for the candidate, which the trial chain ends.
/// Who is admitted is judged with the candidate's own cuts, so that a removed admin cannot outvote it with new nodes.
fn is_final(history: &History, trial: &Chain, siblings: &[&constitution::Revision]) -> bool {
    let Some(candidate) = trial.last() else { return false };
    let state = OrgState::under(trial.clone(), history);
    let electorate: BTreeSet<NodeId> = state
        .inner
        .book
        .nodes(None)
        .into_iter()
        .filter(|(_, admit)| {
            let past = state.inner.graph.get(&admit.fact.id).map(|node| &node.past);
            past.is_none_or(|past| {
                !candidate.is_named_in(Some(past)) && !siblings.iter().any(|one| one.is_named_in(Some(past)))
            })
        })
        .map(|(node, _)| node)
        .collect();
    let rivals: Vec<Place> = siblings.iter().flat_map(|one| &one.carriers).copied().collect();
    let supporters = witness::stand_for(history, &candidate.carriers, &rivals);
    2 * electorate.intersection(&supporters).count() > electorate.len()
}

//! The registry: sites, nodes and people of the organisation (N1–N8, rulings A2, A10, D3).
//!
//! Three steps. `book` judges each entry by its own past; `revoke` settles which revocations of nodes hold, the
//! longest admitted node first; then `book` judges again without what they cut. This file shows the result.

mod book;
mod check;
mod fact;
mod finality;
mod revoke;
pub(crate) mod seal;

use super::constitution::{Chain, Equivocation, Proposal};
use super::history::History;
use super::history::graph::{Graph, Past};
use super::op::{Caps, Constitution, Cut};
use super::verdict::Reason;
use crate::ids::{EntryId, GroupId, LogId, NodeId, OrgId, SiteId, UserId};
use crate::keys::PublicKey;
use book::{Book, Rules};
use fact::{Fact, Revocation};
use std::collections::BTreeMap;
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
    /// How much of its site is taken, as its admission says.
    pub caps: Caps,
}

/// A revocation of a node, in force or waiting for another admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRemoval {
    /// The first entry that says so.
    pub entry: EntryId,
    /// The node.
    pub node: NodeId,
    /// Who says so, the first first.
    pub signed: Vec<UserId>,
    /// How many must.
    pub needed: usize,
    /// It holds.
    pub in_force: bool,
    /// The entries by which it holds.
    pub effective: Vec<EntryId>,
    /// Why, in the first one's words.
    pub reason: String,
    /// How far logs count, where in force.
    pub cuts: BTreeMap<LogId, u64>,
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
    /// Their public signing key, once the home has told it.
    pub key: Option<PublicKey>,
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
    seals: BTreeMap<LogId, Vec<seal::Seal>>,
    /// Of the seals in force.
    ends: seal::Ends,
}

impl OrgState {
    /// Judges all entries of the organisation.
    pub fn evaluate(org: OrgId, history: &History) -> Self {
        let history = &*history.with_copies();
        let chain = Chain::follow(org, history, &|trial, siblings| finality::final_by(history, trial, siblings));
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
        let sealed = seal::settle(&book, history);
        if !sealed.dropped.is_empty() {
            rules.dropped.extend(sealed.dropped.clone());
            book = Book::judge(&rules, history);
        }
        let mut inner = Inner {
            graph: Arc::clone(history.graph()),
            sites: book.sites(),
            nodes: BTreeMap::new(),
            users: BTreeMap::new(),
            appointments: BTreeMap::new(),
            revocations: BTreeMap::new(),
            ends: sealed.ends(),
            seals: sealed.seals,
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
            let record = NodeRecord {
                site: admit.site,
                sealing: admit.sealing,
                status,
                admitted: admit.fact.id,
                caps: admit.caps.unwrap_or_default(),
            };
            self.nodes.insert(node, record);
        }
        for user in self.book.user_ids() {
            if let Some((site, registered)) = self.book.home(&user, None) {
                let active = self.book.is_active(&user, None);
                let named = self.book.chain().last().and_then(|revision| {
                    revision.body.admins.iter().find(|admin| admin.user == user).map(|admin| admin.key)
                });
                let key = named.or_else(|| self.book.person(&user).and_then(fact::Person::key));
                self.users.insert(user, UserRecord { site, active, registered, key });
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

    /// Nodes that get nothing but the lifeline (ruling A10).
    pub fn suspended(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.inner.nodes.iter().filter(|(_, record)| record.status == NodeStatus::Suspended).map(|(node, _)| *node)
    }

    /// Whether a node gets nothing but the lifeline.
    pub fn is_suspended(&self, node: &NodeId) -> bool {
        self.inner.nodes.get(node).is_some_and(|record| record.status == NodeStatus::Suspended)
    }

    /// How much of a site is taken: what the most generous admission of its nodes says (ruling A11).
    pub fn caps(&self, site: &SiteId) -> Caps {
        let of_site = self.inner.nodes.values().filter(|record| record.site == *site);
        of_site
            .map(|record| record.caps)
            .reduce(|a, b| Caps {
                users: a.users.max(b.users),
                control_entries: a.control_entries.max(b.control_entries),
                bytes_a_day: a.bytes_a_day.max(b.bytes_a_day),
            })
            .unwrap_or_default()
    }

    /// Revocations of nodes, one line a node: those in force, and those that wait for another admin.
    pub fn node_removals(&self) -> Vec<NodeRemoval> {
        let mut found: BTreeMap<NodeId, Vec<(&Revocation, usize)>> = BTreeMap::new();
        for (one, needed) in self.inner.book.proposed() {
            found.entry(one.node).or_default().push((one, needed));
        }
        found
            .into_iter()
            .filter_map(|(node, mut all)| {
                all.sort_by_key(|(one, _)| one.fact.rank());
                let (first, needed) = *all.first()?;
                let mut signed: Vec<UserId> = Vec::new();
                for (one, _) in &all {
                    if !signed.contains(&one.actor) {
                        signed.push(one.actor);
                    }
                }
                let effective = self.inner.revocations.get(&node);
                let cuts = effective.into_iter().flatten().flat_map(|one| &one.cuts).map(|cut| (cut.log, cut.seq));
                let mut limits = BTreeMap::new();
                for (log, seq) in cuts {
                    let limit = limits.entry(log).or_insert(seq);
                    *limit = (*limit).max(seq);
                }
                Some(NodeRemoval {
                    entry: first.fact.id,
                    node,
                    signed,
                    needed,
                    in_force: effective.is_some(),
                    effective: effective.into_iter().flatten().map(|one| one.fact.id).collect(),
                    reason: first.reason.clone().unwrap_or_default(),
                    cuts: limits,
                })
            })
            .collect()
    }

    /// The entries by which a person is disabled now; none while active.
    pub fn disablings(&self, user: &UserId) -> Vec<EntryId> {
        let person = self.inner.book.person(user);
        person.map(|person| person.switch.holding(self.graph()).map(|fact| fact.id).collect()).unwrap_or_default()
    }

    /// Revisions of the constitution that wait for signatures.
    pub fn proposals(&self) -> &[Proposal] {
        &self.inner.book.chain().proposals
    }

    /// The id of the revision in force.
    pub fn revision(&self) -> Option<[u8; 32]> {
        self.inner.book.chain().last().map(|revision| revision.id)
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

    /// The last entries that count in logs that are sealed.
    pub fn sealed(&self) -> &BTreeMap<LogId, Cut> {
        &self.inner.ends
    }

    /// What admins said of the end of a forked log, the seal in force first.
    pub fn seals(&self, log: &LogId) -> &[seal::Seal] {
        self.inner.seals.get(log).map_or(&[], Vec::as_slice)
    }

    /// Why an entry of the organisation has no effect; `None` when it has.
    pub fn void_reason(&self, id: &EntryId) -> Option<Reason> {
        self.inner.book.voids().get(id).copied()
    }

    /// All entries without effect.
    pub fn voids(&self) -> &BTreeMap<EntryId, Reason> {
        self.inner.book.voids()
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
}

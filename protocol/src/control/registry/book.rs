//! What the entries of the organisation establish, each judged by what it had seen.
//!
//! Entries are taken in an order in which each comes after what it names; a later one can only rest on what is in its own
//! past. Asked with no past, the book answers for an entry that knows all there is.

mod permit;

pub(super) use permit::covered;

use super::fact::{Admit, Fact, Home, Person, Revocation, Stated, Switch};
use super::seal::Voice;
use super::{Appointment, SiteRecord};
use crate::control::constitution::{self, Chain};
use crate::control::history::graph::{Graph, Past};
use crate::control::history::{ControlEntry, History};
use crate::control::op::{ConstitutionSigned, ControlOp, NodeAdmit, SiteSet, UserAt, UserMove};
use crate::control::verdict::{Reason, limits_of};
use crate::control::witness;
use crate::ids::{EntryId, GroupId, NodeId, SiteId, UserId};
use permit::Writer;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is given before entries are judged one by one.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) chain: Chain,
    /// Where two sites claim one person: how many nodes stand for each registration.
    pub(crate) standing: BTreeMap<EntryId, usize>,
    /// Entries that revocations of nodes cut.
    pub(crate) dropped: BTreeMap<usize, Reason>,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    graph: Arc<Graph>,
    chain: Chain,
    standing: BTreeMap<EntryId, usize>,
    admits: BTreeMap<NodeId, Vec<Admit>>,
    revocations: BTreeMap<NodeId, Vec<Revocation>>,
    suspensions: BTreeMap<NodeId, Switch>,
    stated: Vec<Stated>,
    sites: BTreeMap<SiteId, Vec<(Fact, SiteSet)>>,
    people: BTreeMap<UserId, Person>,
    appointments: BTreeMap<GroupId, Vec<Appointment>>,
    seals: Vec<Voice>,
    voids: BTreeMap<EntryId, Reason>,
}

impl Book {
    /// Judges all entries but those dropped beforehand.
    pub(crate) fn judge(rules: &Rules, history: &History) -> Self {
        let mut book = Self {
            graph: Arc::clone(history.graph()),
            chain: rules.chain.clone(),
            standing: rules.standing.clone(),
            admits: BTreeMap::new(),
            revocations: BTreeMap::new(),
            suspensions: BTreeMap::new(),
            stated: Vec::new(),
            sites: BTreeMap::new(),
            people: BTreeMap::new(),
            appointments: BTreeMap::new(),
            seals: Vec::new(),
            voids: BTreeMap::new(),
        };
        for (index, entry) in history.entries().iter().enumerate() {
            let graph = Arc::clone(&book.graph);
            let node = graph.node(index);
            let fact = Fact { id: entry.id, index, place: node.place, height: node.height };
            let writer = Writer {
                actor: entry.actor,
                node: &entry.node,
                past: Some(&node.past),
                entry: Some((entry, node.place)),
            };
            let judged = match rules.dropped.get(&index) {
                Some(reason) => Err(*reason),
                None => book.permits(&entry.op, writer),
            };
            match judged {
                Ok(()) => book.note(entry, fact),
                Err(reason) => {
                    book.voids.insert(entry.id, reason);
                }
            }
        }
        book
    }

    fn note(&mut self, entry: &ControlEntry, fact: Fact) {
        match &entry.op {
            ControlOp::Constitution(signed) => self.note_founding(signed, fact),
            ControlOp::SiteSet(set) => self.sites.entry(set.site).or_default().push((fact, set.clone())),
            ControlOp::NodeAdmit(NodeAdmit { node, sealing, site, caps, .. }) => {
                let (node, site, sealing, caps) = (*node, *site, *sealing, *caps);
                let admit = Admit { fact, node, site, sealing, by: entry.node, caps };
                self.admits.entry(node).or_default().push(admit);
            }
            ControlOp::NodeRevoke(revoke) => {
                let Some(actor) = entry.actor else { return };
                self.revocations.entry(revoke.node).or_default().push(Revocation {
                    fact,
                    node: revoke.node,
                    by: entry.node,
                    actor,
                    cuts: revoke.cuts.clone(),
                    reason: revoke.reason.clone(),
                });
            }
            ControlOp::LogSeal(seal) => {
                let Some(actor) = entry.actor else { return };
                let needed = self.voices_needed(&seal.node, &self.graph.node(fact.index).past);
                self.seals.push(Voice { fact, actor, seal: seal.clone(), needed });
            }
            ControlOp::NodeSuspend(only) => self.suspensions.entry(only.node).or_default().off(fact),
            ControlOp::NodeResume(only) => self.suspensions.entry(only.node).or_default().on(fact),
            ControlOp::UserRegister(UserAt { user, site }) => {
                let home = Home { fact, site: *site, seniority: self.seniority(&entry.node, fact) };
                self.people.entry(*user).or_default().registered.push(home);
            }
            ControlOp::UserRehome(UserMove { user, site, cuts }) => {
                let home = Home { fact, site: *site, seniority: fact.rank() };
                let person = self.people.entry(*user).or_default();
                person.moved.push(home);
                person.move_cuts.push((fact, limits_of(cuts)));
            }
            ControlOp::UserKey(told) => {
                self.people.entry(told.user).or_default().keys.push((fact, told.key));
            }
            ControlOp::Seen(seen) => {
                let (revocation, cuts) = (seen.revocation, seen.cuts.clone());
                self.stated.push(Stated { fact, by: entry.node, revocation, cuts });
            }
            ControlOp::UserDisable(only) => self.people.entry(only.user).or_default().switch.off(fact),
            ControlOp::UserEnable(only) => self.people.entry(only.user).or_default().switch.on(fact),
            ControlOp::AppointOwner(appoint) => {
                self.appointments.entry(appoint.group).or_default().push(Appointment { fact, user: appoint.user });
            }
            _ => {}
        }
    }

    fn note_founding(&mut self, signed: &ConstitutionSigned, fact: Fact) {
        let id = constitution::revision_id(&signed.revision);
        let Some(first) = self.chain.revisions.first().filter(|first| first.id == id) else { return };
        let Some(founder) = &first.body.founder else { return };
        let (node, site, sealing) = (founder.node, founder.site, founder.sealing);
        self.admits.entry(node).or_default().push(Admit { fact, node, site, sealing, by: node, caps: None });
    }

    fn seniority(&self, node: &NodeId, before: Fact) -> (u32, EntryId) {
        let past = &self.graph.node(before.index).past;
        self.admit_of(node, Some(past)).map_or(before.rank(), |admit| admit.fact.rank())
    }

    /// The admission that counts among those seen: the earliest.
    fn admit_of(&self, node: &NodeId, past: Option<&Past>) -> Option<&Admit> {
        self.admits.get(node)?.iter().filter(|admit| admit.fact.seen(past)).min_by_key(|admit| admit.fact.rank())
    }

    fn site_of(&self, node: &NodeId, past: Option<&Past>) -> Option<SiteId> {
        self.admit_of(node, past).map(|admit| admit.site)
    }

    fn has_site(&self, site: &SiteId, past: Option<&Past>) -> bool {
        self.sites.get(site).is_some_and(|all| all.iter().any(|(fact, _)| fact.seen(past)))
            || self.admits.values().flatten().any(|admit| admit.site == *site && admit.fact.seen(past))
    }

    /// The home site and the entry that registered the person there first.
    pub(crate) fn home(&self, user: &UserId, past: Option<&Past>) -> Option<(SiteId, EntryId)> {
        self.people.get(user)?.home(&self.graph, past, &self.standing)
    }

    /// For each person whom two sites claim, how many other nodes stand for each registration. So a site that sees
    /// another's new person cannot take them over later by a registration dated back, however senior its nodes are.
    pub(crate) fn contested(&self, history: &History) -> BTreeMap<EntryId, usize> {
        let claims = self.people.values().flat_map(Person::rivals);
        claims
            .map(|(home, rivals)| {
                let writer = &history.entries()[home.fact.index].node;
                let nodes = witness::stand_for(history, &[home.fact.place], &rivals);
                let count = nodes.iter().filter(|node| *node != writer && self.admits.contains_key(*node)).count();
                (home.fact.id, count)
            })
            .collect()
    }

    /// What admins said of the end of forked logs.
    pub(crate) fn seals(&self) -> &[Voice] {
        &self.seals
    }

    pub(crate) fn is_active(&self, user: &UserId, past: Option<&Past>) -> bool {
        self.people.get(user).is_some_and(|person| person.switch.is_on(&self.graph, past))
    }

    pub(crate) fn is_suspended(&self, node: &NodeId) -> bool {
        self.suspensions.get(node).is_some_and(|switch| !switch.is_on(&self.graph, None))
    }

    pub(crate) fn user_ids(&self) -> Vec<UserId> {
        self.people.keys().copied().collect()
    }

    /// Each admitted node with the admission that counts.
    pub(crate) fn nodes(&self, past: Option<&Past>) -> Vec<(NodeId, Admit)> {
        self.admits.keys().filter_map(|node| self.admit_of(node, past).map(|admit| (*node, *admit))).collect()
    }

    pub(crate) fn admissions(&self) -> impl Iterator<Item = &Admit> {
        self.admits.values().flatten()
    }

    /// The person, if anything is known of them.
    pub(crate) fn person(&self, user: &UserId) -> Option<&Person> {
        self.people.get(user)
    }

    /// What nodes state to have held when they learned of revocations.
    pub(crate) fn stated(&self) -> &[Stated] {
        &self.stated
    }

    /// All revocations of nodes that an admin was entitled to, with how many admins each needs.
    pub(crate) fn proposed(&self) -> impl Iterator<Item = (&Revocation, usize)> {
        self.revocations.values().flatten().map(|one| (one, self.admins_needed(one)))
    }

    /// Revocations that enough admins were for (N2).
    pub(crate) fn revocations(&self) -> Vec<&Revocation> {
        let mut found = Vec::new();
        for all in self.revocations.values() {
            let all: Vec<&Revocation> = all.iter().collect();
            found.extend(all.iter().filter(|one| self.is_enough(one, &all)));
        }
        found
    }

    pub(crate) fn sites(&self) -> BTreeMap<SiteId, SiteRecord> {
        let unnamed = || SiteRecord { name: String::new(), company: String::new() };
        let mut sites: BTreeMap<SiteId, SiteRecord> = self.admissions().map(|admit| (admit.site, unnamed())).collect();
        for (site, all) in &self.sites {
            if let Some((_, set)) = all.iter().max_by_key(|(fact, _)| fact.rank()) {
                sites.insert(*site, SiteRecord { name: set.name.clone(), company: set.company.clone() });
            }
        }
        sites
    }

    pub(crate) fn take_appointments(&mut self) -> BTreeMap<GroupId, Vec<Appointment>> {
        std::mem::take(&mut self.appointments)
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(crate) fn voids(&self) -> &BTreeMap<EntryId, Reason> {
        &self.voids
    }

    pub(crate) fn is_valid(&self, fact: &Fact) -> bool {
        !self.voids.contains_key(&fact.id)
    }
}

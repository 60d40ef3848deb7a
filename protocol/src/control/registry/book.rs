//! What the entries of the organisation establish, each judged by what it had seen.
//!
//! Entries are taken in an order in which each comes after what it names; a later one can only rest on what is in its own
//! past. Asked with no past, the book answers for an entry that knows all there is.

use super::{Appointment, SiteRecord};
use crate::control::constitution::Chain;
use crate::control::history::graph::{Graph, Past, Place};
use crate::control::history::{ControlEntry, History};
use crate::control::op::{ControlOp, Cut, NodeAdmit, SiteSet, UserAt};
use crate::control::verdict::Reason;
use crate::control::witness;
use crate::ids::{EntryId, GroupId, NodeId, SiteId, UserId};
use crate::limits::NAME_CHARS_MAX;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An entry that established something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact {
    pub(crate) id: EntryId,
    pub(crate) index: usize,
    pub(crate) place: Place,
    pub(crate) height: u32,
}

impl Fact {
    /// Orders facts so that no back-dating changes the order of older ones: whatever saw a fact comes after it.
    pub(crate) fn rank(&self) -> (u32, EntryId) {
        (self.height, self.id)
    }

    fn seen(&self, past: Option<&Past>) -> bool {
        past.is_none_or(|past| past.has(self.place))
    }
}

/// A node's admission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admit {
    pub(crate) fact: Fact,
    pub(crate) node: NodeId,
    pub(crate) site: SiteId,
    pub(crate) sealing: [u8; 32],
    /// Who wrote it; the founder admits itself.
    pub(crate) by: NodeId,
}

/// A node's revocation.
#[derive(Debug, Clone)]
pub(crate) struct Revocation {
    pub(crate) fact: Fact,
    pub(crate) node: NodeId,
    pub(crate) by: NodeId,
    pub(crate) actor: UserId,
    pub(crate) cuts: Vec<Cut>,
}

#[derive(Debug, Clone, Copy)]
struct Home {
    fact: Fact,
    site: SiteId,
    /// How long the writing node has belonged: decides between two sites that claim one person.
    seniority: (u32, EntryId),
}

/// Things that are switched off and on: off wins unless an on has seen it.
#[derive(Debug, Clone, Default)]
struct Switch {
    off: Vec<Fact>,
    on: Vec<Fact>,
}

impl Switch {
    fn is_on(&self, graph: &Graph, past: Option<&Past>) -> bool {
        self.off
            .iter()
            .filter(|off| off.seen(past))
            .all(|off| self.on.iter().any(|on| on.seen(past) && graph.precedes(off.index, on.index)))
    }
}

#[derive(Debug, Clone, Default)]
struct Person {
    registered: Vec<Home>,
    moved: Vec<Home>,
    switch: Switch,
}

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
    sites: BTreeMap<SiteId, Vec<(Fact, SiteSet)>>,
    people: BTreeMap<UserId, Person>,
    appointments: BTreeMap<GroupId, Vec<Appointment>>,
    voids: BTreeMap<EntryId, Reason>,
}

/// Who writes, and what they had seen.
#[derive(Clone, Copy)]
struct Writer<'a> {
    actor: Option<UserId>,
    node: &'a NodeId,
    past: Option<&'a Past>,
    /// Where the entry stands; `None` for one not yet written.
    entry: Option<(&'a ControlEntry, Place)>,
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
            sites: BTreeMap::new(),
            people: BTreeMap::new(),
            appointments: BTreeMap::new(),
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

    /// Whether an operation would have effect.
    pub(crate) fn allows(
        &self,
        op: &ControlOp,
        actor: Option<UserId>,
        node: &NodeId,
        past: Option<&Past>,
    ) -> Result<(), Reason> {
        self.permits(op, Writer { actor, node, past, entry: None })
    }

    fn permits(&self, op: &ControlOp, writer: Writer<'_>) -> Result<(), Reason> {
        if writer.past.is_some_and(|past| self.chain.rests_on_lost(past)) {
            return Err(Reason::RevisionVoid);
        }
        match op {
            // These give nothing by themselves; a newcomer's log opens before it is of use.
            ControlOp::LogOpen(_) | ControlOp::See(_) => Ok(()),
            ControlOp::Constitution(signed) => self.permits_constitution(signed),
            ControlOp::SiteSet(set) => {
                if set.name.chars().count() > NAME_CHARS_MAX || set.company.chars().count() > NAME_CHARS_MAX {
                    return Err(Reason::Misplaced);
                }
                let own = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)? == set.site;
                if own { Ok(()) } else { self.by_admin(writer) }
            }
            ControlOp::NodeAdmit(admit) => {
                self.by_admin(writer)?;
                if self.revocations.get(&admit.node).is_some_and(|all| all.iter().any(|one| one.fact.seen(writer.past)))
                {
                    return Err(Reason::KeySpent);
                }
                if self.site_of(&admit.node, writer.past).is_some() { Err(Reason::AlreadyThere) } else { Ok(()) }
            }
            // Also of a key that is not admitted yet: an admission that comes later or at the same time is in vain (N2).
            ControlOp::NodeRevoke(_) => self.by_admin(writer),
            ControlOp::NodeSuspend(only) | ControlOp::NodeResume(only) => {
                self.by_admin(writer)?;
                self.site_of(&only.node, writer.past).map(|_| ()).ok_or(Reason::UnknownNode)
            }
            ControlOp::UserRegister(at) => {
                let own = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)?;
                if own != at.site {
                    return Err(Reason::NotHome);
                }
                if self.home(&at.user, writer.past).is_some() { Err(Reason::AlreadyThere) } else { Ok(()) }
            }
            ControlOp::UserDisable(only) | ControlOp::UserEnable(only) => {
                let own = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)?;
                let (home, _) = self.home(&only.user, writer.past).ok_or(Reason::UnknownUser)?;
                if own == home { Ok(()) } else { self.by_admin(writer) }
            }
            ControlOp::UserRehome(at) => {
                self.by_admin(writer)?;
                let (home, _) = self.home(&at.user, writer.past).ok_or(Reason::UnknownUser)?;
                if home == at.site {
                    return Err(Reason::AlreadyThere);
                }
                if self.has_site(&at.site, writer.past) { Ok(()) } else { Err(Reason::UnknownSite) }
            }
            ControlOp::AppointOwner(appoint) => {
                self.by_admin(writer)?;
                self.home(&appoint.user, writer.past).map(|_| ()).ok_or(Reason::UnknownUser)
            }
            ControlOp::Unknown(kind) if *kind < 0x8000 => Err(Reason::Unsupported),
            ControlOp::Unknown(_) => Ok(()),
            _ => Err(Reason::Misplaced),
        }
    }

    fn permits_constitution(&self, signed: &crate::control::op::ConstitutionSigned) -> Result<(), Reason> {
        let id = crate::control::constitution::revision_id(&signed.revision);
        if self.chain.revisions.iter().any(|revision| revision.id == id) {
            Ok(())
        } else if self.chain.lost.iter().any(|revision| revision.id == id) {
            Err(Reason::RevisionVoid)
        } else {
            Err(Reason::RevisionRefused)
        }
    }

    /// The actor is an admin under the revision that the entry names, and at home where it is written (ruling D3).
    fn by_admin(&self, writer: Writer<'_>) -> Result<(), Reason> {
        let actor = writer.actor.ok_or(Reason::NotAdmin)?;
        let at = self.chain.under(writer.past).ok_or(Reason::NotAdmin)?;
        let here = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)?;
        if !self.chain.revisions[at].names_admin(&actor) {
            return Err(Reason::NotAdmin);
        }
        let (home, _) = self.home(&actor, writer.past).ok_or(Reason::UnknownUser)?;
        if home != here {
            return Err(Reason::NotHome);
        }
        if !self.is_active(&actor, writer.past) {
            return Err(Reason::Disabled);
        }
        if self.is_cut(&actor, at, writer) { Err(Reason::AdminRemoved) } else { Ok(()) }
    }

    /// O4: a later revision removed the admin, and this lies beyond its cuts. A revision without cuts keeps all (A2).
    fn is_cut(&self, actor: &UserId, at: usize, writer: Writer<'_>) -> bool {
        let Some((entry, place)) = writer.entry else { return false };
        let removal = self.chain.revisions[at + 1..].iter().find(|revision| !revision.names_admin(actor));
        removal.is_some_and(|revision| {
            let cuts = &revision.body.cuts;
            !cuts.is_empty() && !covered(&self.graph, cuts, entry, place)
        })
    }

    fn note(&mut self, entry: &ControlEntry, fact: Fact) {
        match &entry.op {
            ControlOp::Constitution(signed) => self.note_founding(signed, fact),
            ControlOp::SiteSet(set) => self.sites.entry(set.site).or_default().push((fact, set.clone())),
            ControlOp::NodeAdmit(NodeAdmit { node, sealing, site, .. }) => {
                let admit = Admit { fact, node: *node, site: *site, sealing: *sealing, by: entry.node };
                self.admits.entry(*node).or_default().push(admit);
            }
            ControlOp::NodeRevoke(revoke) => {
                let Some(actor) = entry.actor else { return };
                self.revocations.entry(revoke.node).or_default().push(Revocation {
                    fact,
                    node: revoke.node,
                    by: entry.node,
                    actor,
                    cuts: revoke.cuts.clone(),
                });
            }
            ControlOp::NodeSuspend(only) => self.suspensions.entry(only.node).or_default().off.push(fact),
            ControlOp::NodeResume(only) => self.suspensions.entry(only.node).or_default().on.push(fact),
            ControlOp::UserRegister(UserAt { user, site }) => {
                let home = Home { fact, site: *site, seniority: self.seniority(&entry.node, fact) };
                self.people.entry(*user).or_default().registered.push(home);
            }
            ControlOp::UserRehome(UserAt { user, site }) => {
                let home = Home { fact, site: *site, seniority: fact.rank() };
                self.people.entry(*user).or_default().moved.push(home);
            }
            ControlOp::UserDisable(only) => self.people.entry(only.user).or_default().switch.off.push(fact),
            ControlOp::UserEnable(only) => self.people.entry(only.user).or_default().switch.on.push(fact),
            ControlOp::AppointOwner(appoint) => {
                self.appointments.entry(appoint.group).or_default().push(Appointment { fact, user: appoint.user });
            }
            _ => {}
        }
    }

    fn note_founding(&mut self, signed: &crate::control::op::ConstitutionSigned, fact: Fact) {
        let id = crate::control::constitution::revision_id(&signed.revision);
        let Some(first) = self.chain.revisions.first().filter(|first| first.id == id) else { return };
        let Some(founder) = &first.body.founder else { return };
        let (node, site, sealing) = (founder.node, founder.site, founder.sealing);
        self.admits.entry(node).or_default().push(Admit { fact, node, site, sealing, by: node });
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
        let person = self.people.get(user)?;
        let first = person
            .registered
            .iter()
            .filter(|home| home.fact.seen(past))
            .min_by_key(|home| (Reverse(self.standing.get(&home.fact.id)), home.seniority, home.fact.rank()))?;
        let moves: Vec<&Home> = person.moved.iter().filter(|home| home.fact.seen(past)).collect();
        let latest = moves
            .iter()
            .filter(|home| !moves.iter().any(|other| self.graph.precedes(home.fact.index, other.fact.index)))
            .min_by_key(|home| home.fact.rank());
        Some((latest.map_or(first.site, |home| home.site), first.fact.id))
    }

    /// For each person whom two sites claim, how many other nodes stand for each registration. So a site that sees
    /// another's new person cannot take them over later by a registration dated back, however senior its nodes are.
    pub(crate) fn contested(&self, history: &History) -> BTreeMap<EntryId, usize> {
        let mut standing = BTreeMap::new();
        for person in self.people.values().filter(|person| person.registered.len() > 1) {
            for home in &person.registered {
                let rivals: Vec<Place> = person
                    .registered
                    .iter()
                    .filter(|other| other.site != home.site)
                    .map(|other| other.fact.place)
                    .collect();
                if rivals.is_empty() {
                    continue;
                }
                let writer = &history.entries()[home.fact.index].node;
                let nodes = witness::stand_for(history, &[home.fact.place], &rivals);
                let count = nodes.iter().filter(|node| *node != writer && self.admits.contains_key(*node)).count();
                standing.insert(home.fact.id, count);
            }
        }
        standing
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

    pub(crate) fn revocations(&self) -> impl Iterator<Item = &Revocation> {
        self.revocations.values().flatten()
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

    /// How many admins there were for who wrote this.
    pub(crate) fn admins_at(&self, fact: &Fact) -> usize {
        let past = &self.graph.node(fact.index).past;
        self.chain.under(Some(past)).map_or(0, |at| self.chain.revisions[at].body.admins.len())
    }
}

/// Whether cuts of a control log reach this entry: by its position, or because an entry that a cut names had seen it.
pub(crate) fn covered(graph: &Graph, cuts: &[Cut], entry: &ControlEntry, place: Place) -> bool {
    let named: BTreeSet<EntryId> = cuts.iter().map(|cut| cut.id).collect();
    cuts.iter().any(|cut| cut.log == entry.log && entry.seq <= cut.seq)
        || named.contains(&entry.id)
        || named.iter().filter_map(|id| graph.get(id)).any(|node| node.past.has(place))
}

//! Which revocations of nodes hold, and what they cut (N2–N4, ruling A2).
//!
//! A node that was admitted earlier is senior. What an admin did on a node can be undone only by a revocation written on
//! a node senior to it: so all that is asked about a node depends on nodes senior to it, and there is one answer even
//! when two nodes revoke each other. A revocation by a junior node ends the senior one too, from then on.

use super::book::{Book, covered};
use super::fact::{Fact, Revocation, Stated};
use crate::control::history::History;
use crate::control::op::ControlOp;
use crate::control::verdict::Reason;
use crate::ids::{LogId, NodeId};
use std::collections::BTreeMap;

/// What was settled.
#[derive(Debug, Default)]
pub(crate) struct Revoked {
    /// Revocations that hold, with the node revoked.
    pub(crate) effective: Vec<(NodeId, Revocation)>,
    /// Entries that they cut, by number.
    pub(crate) dropped: BTreeMap<usize, Reason>,
}

/// Settles all revocations that admins were entitled to.
pub(crate) fn settle(book: &Book, history: &History) -> Revoked {
    let revocations = book.revocations();
    if revocations.is_empty() {
        return Revoked::default();
    }
    let mut admissions: Vec<_> = book.admissions().copied().collect();
    admissions.sort_by_key(|admit| admit.fact.rank());
    let mut rank: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut effective: Vec<&Revocation> = Vec::new();
    for admit in &admissions {
        let undone = admit.by != admit.node
            && (!rank.contains_key(&admit.by) || is_undone(history, &effective, &rank, &admit.by, &admit.fact));
        if undone || rank.contains_key(&admit.node) {
            continue;
        }
        rank.insert(admit.node, rank.len());
        let by = revocations.iter().filter(|one| one.by == admit.node);
        let hold: Vec<&Revocation> =
            by.filter(|one| !is_undone(history, &effective, &rank, &one.by, &one.fact)).copied().collect();
        effective.extend(hold);
    }
    effective.retain(|one| rank.contains_key(&one.node));
    let raised: Vec<Revocation> = effective.iter().map(|one| raised(book, history, one, &effective, &rank)).collect();
    let effective: Vec<&Revocation> = raised.iter().collect();
    let dropped = dropped(history, &effective, &rank);
    Revoked { effective: raised.iter().map(|one| (one.node, one.clone())).collect(), dropped }
}

/// A revocation never cuts what other nodes held when they learned of it (ruling A2). One statement a node counts, the
/// one that saw least; the revoked node itself, and nodes revoked without having been seen to say so, state nothing.
fn raised(
    book: &Book,
    history: &History,
    revocation: &Revocation,
    effective: &[&Revocation],
    rank: &BTreeMap<NodeId, usize>,
) -> Revocation {
    let graph = history.graph();
    let mut first: BTreeMap<NodeId, &Stated> = BTreeMap::new();
    for stated in book.stated().iter().filter(|stated| stated.revocation == revocation.fact.id) {
        let trusted = stated.by != revocation.node
            && rank.contains_key(&stated.by)
            && graph.precedes(revocation.fact.index, stated.fact.index)
            && effective
                .iter()
                .filter(|one| one.node == stated.by)
                .all(|one| graph.precedes(stated.fact.index, one.fact.index));
        if trusted {
            let known = first.entry(stated.by).or_insert(stated);
            if stated.fact.rank() < known.fact.rank() {
                *known = stated;
            }
        }
    }
    let mut raised = revocation.clone();
    for cut in &mut raised.cuts {
        let log = cut.log;
        for more in first.values().flat_map(|stated| &stated.cuts).filter(|more| more.log == log) {
            if more.seq > cut.seq {
                *cut = more.clone();
            }
        }
    }
    raised
}

/// Whether a revocation written on a senior node undoes what an admin did on this node.
fn is_undone(
    history: &History,
    effective: &[&Revocation],
    rank: &BTreeMap<NodeId, usize>,
    node: &NodeId,
    fact: &Fact,
) -> bool {
    effective
        .iter()
        .filter(|one| one.node == *node && rank.get(&one.by) < rank.get(node))
        .any(|one| !keeps(history, one, fact))
}

/// What a revocation leaves of an admin's doing on the node: what its author had seen, and what its cuts name.
fn keeps(history: &History, revocation: &Revocation, fact: &Fact) -> bool {
    let graph = history.graph();
    graph.precedes(fact.index, revocation.fact.index)
        || (!graph.precedes(revocation.fact.index, fact.index)
            && covered(graph, &revocation.cuts, &history.entries()[fact.index], fact.place))
}

/// Entries of revoked nodes that do not count.
fn dropped(history: &History, effective: &[&Revocation], rank: &BTreeMap<NodeId, usize>) -> BTreeMap<usize, Reason> {
    let mut by_node: BTreeMap<NodeId, Vec<&Revocation>> = BTreeMap::new();
    for one in effective {
        by_node.entry(one.node).or_default().push(one);
    }
    let graph = history.graph();
    let mut dropped = BTreeMap::new();
    for (index, entry) in history.entries().iter().enumerate() {
        let Some(revocations) = by_node.get(&entry.node) else { continue };
        let node = graph.node(index);
        let fact = Fact { id: entry.id, index, place: node.place, height: node.height };
        let drop = revocations.iter().any(|one| {
            let knows = graph.precedes(one.fact.index, index);
            let senior = rank.get(&one.by) < rank.get(&entry.node);
            match &entry.op {
                op if is_of_nobody(op) => false,
                op if is_of_an_admin(op) => knows || (senior && !keeps(history, one, &fact)),
                _ => knows,
            }
        });
        let seen = || revocations.iter().any(|one| graph.precedes(index, one.fact.index));
        let beyond = || limit(revocations.iter().copied(), &entry.log).is_some_and(|last| entry.seq > last) && !seen();
        if drop || (!is_of_nobody(&entry.op) && beyond()) {
            dropped.insert(index, Reason::NodeRevoked);
        }
    }
    dropped
}

/// How far a log counts: as far as any of the revocations that name it had seen. A log that none names counts whole.
pub(crate) fn limit<'a>(revocations: impl IntoIterator<Item = &'a Revocation>, log: &LogId) -> Option<u64> {
    revocations.into_iter().flat_map(|one| &one.cuts).filter(|cut| cut.log == *log).map(|cut| cut.seq).max()
}

/// Operations that rest on no authority of their node.
fn is_of_nobody(op: &ControlOp) -> bool {
    matches!(op, ControlOp::LogOpen(_) | ControlOp::See(_) | ControlOp::Seen(_) | ControlOp::Constitution(_))
}

/// Operations that only an admin's authority makes valid.
fn is_of_an_admin(op: &ControlOp) -> bool {
    matches!(
        op,
        ControlOp::NodeAdmit(_)
            | ControlOp::NodeRevoke(_)
            | ControlOp::NodeSuspend(_)
            | ControlOp::NodeResume(_)
            | ControlOp::UserRehome(_)
            | ControlOp::LogSeal(_)
            | ControlOp::AppointOwner(_)
    )
}

//! What the group's policy forbids, now and to an entry with a given past (G11, ruling A3).
//!
//! 1. A policy that an entry had seen holds for it.
//! 2. A restricting one that it had not seen reaches it only through its cuts, and only if no concurrent value beats it.

use super::super::history::graph::{Graph, Past};
use super::super::op::{Guests, Policy, Posting, Role};
use super::super::table::{Act, allows, permits};
use super::super::verdict::{Kept, Limits, Unnamed};
use super::{GroupState, Rank};
use crate::ids::EntryId;

/// An edit that sets a policy and counts.
#[derive(Debug, Clone)]
pub(super) struct Ruling {
    pub(super) index: usize,
    /// Of concurrent ones the lowest counts.
    pub(super) order: (Rank, u32, EntryId),
    pub(super) post: Option<Posting>,
    pub(super) guests: Option<Guests>,
    pub(super) cuts: Limits,
}

impl Ruling {
    /// The policy that this one alone would make.
    fn alone(&self) -> Policy {
        Policy { post: self.post.unwrap_or_default(), guests: self.guests.unwrap_or_default() }
    }

    fn sets_the_same(&self, other: &Self) -> bool {
        (self.post.is_some() && other.post.is_some()) || (self.guests.is_some() && other.guests.is_some())
    }
}

/// Whether a concurrent ruling about the same counts instead.
fn is_beaten(graph: &Graph, rulings: &[Ruling], one: &Ruling) -> bool {
    rulings.iter().any(|other| {
        other.order < one.order
            && other.sets_the_same(one)
            && !graph.precedes(other.index, one.index)
            && !graph.precedes(one.index, other.index)
    })
}

/// The value that holds among rulings seen: of those that no other of them had seen, the first in order.
fn value<T>(
    graph: &Graph,
    rulings: &[Ruling],
    sees: impl Fn(usize) -> bool,
    get: impl Fn(&Ruling) -> Option<T>,
) -> Option<T> {
    let set: Vec<&Ruling> = rulings.iter().filter(|one| get(one).is_some() && sees(one.index)).collect();
    set.iter()
        .filter(|one| !set.iter().any(|later| graph.precedes(one.index, later.index)))
        .min_by_key(|one| one.order)
        .and_then(|one| get(one))
}

/// The policy in force for who sees these.
pub(super) fn policy(graph: &Graph, rulings: &[Ruling], sees: impl Fn(usize) -> bool) -> Policy {
    Policy {
        post: value(graph, rulings, &sees, |one| one.post).unwrap_or_default(),
        guests: value(graph, rulings, &sees, |one| one.guests).unwrap_or_default(),
    }
}

impl GroupState {
    /// The policy that holds for an entry with this past.
    pub(super) fn policy_in(&self, past: &Past) -> Policy {
        let graph = &self.ground.graph;
        policy(graph, &self.rulings, |index| past.has(graph.node(index).place))
    }

    /// What restricting policies leave that this past has not seen. A log that none names counts whole.
    pub(super) fn restriction(&self, role: Role, act: Act, past: &Past) -> Kept {
        let mut limits = Limits::new();
        let graph = &self.ground.graph;
        let restricting = self.rulings.iter().filter(|one| {
            !one.cuts.is_empty()
                && allows(role, act)
                && !permits(role, act, one.alone())
                && !past.has(graph.node(one.index).place)
                && !is_beaten(graph, &self.rulings, one)
        });
        for one in restricting {
            for (log, last) in &one.cuts {
                let limit = limits.entry(*log).or_insert(*last);
                *limit = (*limit).min(*last);
            }
        }
        Kept { named: limits, unnamed: Unnamed::Whole }
    }
}

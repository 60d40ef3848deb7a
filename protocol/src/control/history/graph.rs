//! The graph that entries form by naming each other, and the one question asked of it: was this seen by that?
//!
//! Entries lie on chains (a log, or a branch of a forked one), and each remembers how far it saw every other chain. So
//! "is x in the past of y" is one look-up, whatever the size of the history. Chains are numbered in the order of arrival;
//! no answer depends on the numbers. This file knows no operation.

use crate::ids::EntryId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where an entry lies: on which chain, and how many entries of it come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    chain: u32,
    at: u32,
}

/// How many entries of each chain are seen, sorted by chain. Shared between entries that saw the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<Vec<(u32, u32)>>);

impl Clock {
    fn seen(&self, chain: u32) -> u32 {
        self.0.binary_search_by_key(&chain, |(chain, _)| *chain).map_or(0, |at| self.0[at].1)
    }

    /// Whether the entry at this place is seen.
    pub(crate) fn covers(&self, place: Place) -> bool {
        self.seen(place.chain) > place.at
    }

    /// Adds an entry, without its past.
    pub(crate) fn add(&mut self, place: Place) {
        if self.covers(place) {
            return;
        }
        let rows = Arc::make_mut(&mut self.0);
        match rows.binary_search_by_key(&place.chain, |(chain, _)| *chain) {
            Ok(at) => rows[at].1 = place.at + 1,
            Err(at) => rows.insert(at, (place.chain, place.at + 1)),
        }
    }

    /// Adds all that the other has seen. Shares its memory where one contains the other.
    pub(crate) fn merge(&mut self, other: &Self) {
        if Arc::ptr_eq(&self.0, &other.0) || other.0.is_empty() || other.within(self) {
            return;
        }
        if self.within(other) {
            *self = other.clone();
            return;
        }
        let mut rows = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut left, mut right) = (self.0.iter().copied().peekable(), other.0.iter().copied().peekable());
        loop {
            let row = match (left.peek().copied(), right.peek().copied()) {
                (Some(a), Some(b)) if a.0 == b.0 => {
                    left.next();
                    right.next();
                    (a.0, a.1.max(b.1))
                }
                (Some(a), Some(b)) if b.0 < a.0 => {
                    right.next();
                    b
                }
                (Some(a), _) => {
                    left.next();
                    a
                }
                (None, Some(b)) => {
                    right.next();
                    b
                }
                (None, None) => break,
            };
            rows.push(row);
        }
        self.0 = Arc::new(rows);
    }

    fn within(&self, other: &Self) -> bool {
        if self.0.len() > other.0.len() {
            return false;
        }
        let mut rows = other.0.iter();
        self.0.iter().all(|(chain, seen)| {
            rows.by_ref().find(|row| row.0 >= *chain).is_some_and(|row| row.0 == *chain && row.1 >= *seen)
        })
    }
}

/// The strict past of an entry, or all that a set of entries contains and saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    /// The entry's own chain up to it.
    own: Option<Place>,
    /// Other chains.
    clock: Clock,
}

impl Place {
    /// The number of its chain.
    pub(crate) fn chain(self) -> u32 {
        self.chain
    }
}

impl Past {
    /// Whether the entry at this place is in it.
    pub(crate) fn has(&self, place: Place) -> bool {
        self.own.is_some_and(|own| own.chain == place.chain && place.at < own.at) || self.clock.covers(place)
    }

    /// The same as a clock, to be merged with others.
    pub(crate) fn to_clock(&self) -> Clock {
        let mut clock = self.clock.clone();
        if let Some(own) = self.own.filter(|own| own.at > 0) {
            clock.add(Place { chain: own.chain, at: own.at - 1 });
        }
        clock
    }
}

impl From<Clock> for Past {
    fn from(clock: Clock) -> Self {
        Self { own: None, clock }
    }
}

/// An entry in the graph.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) past: Past,
    /// Longest way from an entry that names nothing of this scope.
    pub(crate) height: u32,
}

/// All entries of one scope whose past is complete.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    /// In an order in which each comes after what it names.
    nodes: Vec<Node>,
    by_id: BTreeMap<EntryId, usize>,
    /// The numbers of the entries on each chain.
    chains: Vec<Vec<usize>>,
}

impl Graph {
    /// The number of this entry, counted in an order in which each comes after what it names.
    pub(crate) fn index(&self, id: &EntryId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    pub(crate) fn get(&self, id: &EntryId) -> Option<&Node> {
        self.index(id).map(|index| &self.nodes[index])
    }

    /// Whether the first is in the strict past of the second.
    pub(crate) fn precedes(&self, first: usize, second: usize) -> bool {
        self.nodes[second].past.has(self.nodes[first].place)
    }

    /// The entries of each chain, by number.
    pub(crate) fn chains(&self) -> impl Iterator<Item = &[usize]> {
        self.chains.iter().map(Vec::as_slice)
    }

    /// What these entries contain and saw; `None` when one is not here.
    pub(crate) fn closure<'a>(&self, ids: impl IntoIterator<Item = &'a EntryId>) -> Option<Clock> {
        let mut clock = Clock::default();
        for id in ids {
            self.absorb(&mut clock, self.index(id)?);
        }
        Some(clock)
    }

    /// Adds an entry and its past to a clock.
    pub(crate) fn absorb(&self, clock: &mut Clock, index: usize) {
        let node = &self.nodes[index];
        clock.merge(&node.past.clock);
        clock.add(node.place);
    }

    /// Adds an entry after all its parents; the first parent is the one whose chain it continues, if it has one.
    pub(crate) fn push(&mut self, id: EntryId, prev: Option<usize>, parents: &[usize]) {
        let index = self.nodes.len();
        let mut clock = prev.map(|prev| self.nodes[prev].past.clock.clone()).unwrap_or_default();
        let mut height = prev.map_or(0, |prev| self.nodes[prev].height + 1);
        for parent in parents.iter().filter(|parent| Some(**parent) != prev) {
            self.absorb(&mut clock, *parent);
            height = height.max(self.nodes[*parent].height + 1);
        }
        let tail = prev
            .map(|prev| self.nodes[prev].place)
            .filter(|place| self.chains[place.chain as usize].len() == place.at as usize + 1);
        let place = if let Some(tail) = tail {
            self.chains[tail.chain as usize].push(index);
            Place { chain: tail.chain, at: tail.at + 1 }
        } else {
            if let Some(prev) = prev {
                clock.add(self.nodes[prev].place);
            }
            self.chains.push(vec![index]);
            Place { chain: u32::try_from(self.chains.len() - 1).expect("histories are bounded far below 2^32"), at: 0 }
        };
        self.by_id.insert(id, index);
        self.nodes.push(Node { place, past: Past { own: Some(place), clock }, height });
    }
}

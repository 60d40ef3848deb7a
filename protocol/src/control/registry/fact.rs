//! Things that entries established, and which of several about one subject holds.

use crate::control::history::graph::{Graph, Past, Place};
use crate::control::op::{Caps, Cut};
use crate::control::verdict::Limits;
use crate::ids::{EntryId, LogId, NodeId, SiteId, UserId};
use crate::keys::PublicKey;
use std::cmp::Reverse;
use std::collections::BTreeMap;

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

    /// Whether it is in this past; `None` = an entry that knows all there is.
    pub(crate) fn seen(&self, past: Option<&Past>) -> bool {
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
    /// How much of its site is taken (ruling A11).
    pub(crate) caps: Option<Caps>,
}

/// A node's revocation.
#[derive(Debug, Clone)]
pub(crate) struct Revocation {
    pub(crate) fact: Fact,
    pub(crate) node: NodeId,
    pub(crate) by: NodeId,
    pub(crate) actor: UserId,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) reason: Option<String>,
}

/// What a node held when it learned of a revocation (ruling A2).
#[derive(Debug, Clone)]
pub(crate) struct Stated {
    pub(crate) fact: Fact,
    pub(crate) by: NodeId,
    pub(crate) revocation: EntryId,
    pub(crate) cuts: Vec<Cut>,
}

/// Where a person is at home, as somebody said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home {
    pub(crate) fact: Fact,
    pub(crate) site: SiteId,
    /// How long the writing node has belonged: decides between two sites that claim one person.
    pub(crate) seniority: (u32, EntryId),
}

/// Facts by the chain on which they lie. What a chain saw only grows, so of each chain the last one seen tells all.
#[derive(Debug, Clone, Default)]
struct Lanes(BTreeMap<u32, Vec<Fact>>);

impl Lanes {
    fn add(&mut self, fact: Fact) {
        self.0.entry(fact.place.chain()).or_default().push(fact);
    }

    fn last_seen(&self, past: Option<&Past>) -> impl Iterator<Item = &Fact> {
        self.0.values().filter_map(move |lane| {
            let seen = lane.partition_point(|fact| fact.seen(past));
            lane[..seen].last()
        })
    }
}

/// Things that are switched off and on: off wins unless an on has seen it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switch {
    off: Lanes,
    on: Lanes,
}

impl Switch {
    /// Somebody switched it off.
    pub(crate) fn off(&mut self, fact: Fact) {
        self.off.add(fact);
    }

    /// Somebody switched it on.
    pub(crate) fn on(&mut self, fact: Fact) {
        self.on.add(fact);
    }

    /// What holds it off now.
    pub(crate) fn holding<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = &'a Fact> {
        let lifted = |off: &Fact| self.on.last_seen(None).any(|on| graph.precedes(off.index, on.index));
        self.off.last_seen(None).filter(move |off| !lifted(off))
    }

    /// Whether it is on for an entry with this past.
    pub(crate) fn is_on(&self, graph: &Graph, past: Option<&Past>) -> bool {
        self.off.last_seen(past).all(|off| self.on.last_seen(past).any(|on| graph.precedes(off.index, on.index)))
    }
}

/// All that is said of one person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) registered: Vec<Home>,
    pub(crate) moved: Vec<Home>,
    /// How far former homes still speak for the person without knowing of the move.
    pub(crate) move_cuts: Vec<(Fact, Limits)>,
    /// Public signing keys, as the home told them.
    pub(crate) keys: Vec<(Fact, PublicKey)>,
    pub(crate) switch: Switch,
}

impl Person {
    /// The home site and the entry that registered the person first. `standing`: for contested registrations, how many
    /// nodes stand for each.
    pub(crate) fn home(
        &self,
        graph: &Graph,
        past: Option<&Past>,
        standing: &BTreeMap<EntryId, usize>,
    ) -> Option<(SiteId, EntryId)> {
        let first = self
            .registered
            .iter()
            .filter(|home| home.fact.seen(past))
            .min_by_key(|home| (Reverse(standing.get(&home.fact.id)), home.seniority, home.fact.rank()))?;
        let moves: Vec<&Home> = self.moved.iter().filter(|home| home.fact.seen(past)).collect();
        let latest = moves
            .iter()
            .filter(|home| !moves.iter().any(|other| graph.precedes(home.fact.index, other.fact.index)))
            .min_by_key(|home| home.fact.rank());
        Some((latest.map_or(first.site, |home| home.site), first.fact.id))
    }

    /// The key that was told last.
    pub(crate) fn key(&self) -> Option<PublicKey> {
        self.keys.iter().max_by_key(|(fact, _)| fact.rank()).map(|(_, key)| *key)
    }

    /// Whether a move that this past does not know ends a former home's word at this position of its log (S14).
    pub(crate) fn is_moved_beyond(&self, past: Option<&Past>, log: &LogId, seq: u64) -> bool {
        self.move_cuts
            .iter()
            .filter(|(fact, _)| past.is_some_and(|past| !fact.seen(Some(past))))
            .any(|(_, cuts)| cuts.get(log).is_some_and(|last| seq > *last))
    }

    /// Each registration that another site contests, with those of the other sites.
    pub(crate) fn rivals(&self) -> impl Iterator<Item = (&Home, Vec<Place>)> {
        self.registered.iter().filter_map(|home| {
            let others = self.registered.iter().filter(|other| other.site != home.site);
            let rivals: Vec<Place> = others.map(|other| other.fact.place).collect();
            (!rivals.is_empty()).then_some((home, rivals))
        })
    }
}

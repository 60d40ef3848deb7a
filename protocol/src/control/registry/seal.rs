//! Which forked logs are ended, where, and what that cuts (ruling A7).
//!
//! A seal shows by a proof that the log is forked, and is not below the split. It needs two admins of other sites who say
//! the same; one, where the organisation has only one elsewhere; where it has none elsewhere, those at home count. Of
//! several the first counts, by what their last needed voice had seen. Nothing is cut that a control entry of another
//! node names.

use super::book::Book;
use super::fact::Fact;
use crate::control::history::{History, named};
use crate::control::op::{Cut, LogSeal};
use crate::control::verdict::Reason;
use crate::ids::{EntryId, LogId, NodeId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Voices that a seal needs where there are as many admins elsewhere.
pub(crate) const VOICES: usize = 2;

/// An admin's voice for a seal.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    pub(crate) fact: Fact,
    pub(crate) actor: UserId,
    pub(crate) seal: LogSeal,
    /// How many the author's knowledge asked for.
    pub(crate) needed: usize,
}

/// A seal, in force or waiting for another admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Its writer.
    pub node: NodeId,
    /// The log and the last entry that counts.
    pub cut: Cut,
    /// Who says so, the first first.
    pub signed: Vec<UserId>,
    /// How many must.
    pub needed: usize,
    /// It holds.
    pub in_force: bool,
    /// The proof, for who joins in.
    pub proof: Vec<u8>,
}

/// What was settled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sealed {
    /// All, those in force first in their log.
    pub(crate) seals: BTreeMap<LogId, Vec<Seal>>,
    /// Entries of the organisation that they cut, by number.
    pub(crate) dropped: BTreeMap<usize, Reason>,
}

/// A log with the position and id of its last entry that counts.
type Wish = (LogId, u64, EntryId);

/// The last entries that count in logs that are sealed.
pub(crate) type Ends = BTreeMap<LogId, Cut>;

impl Sealed {
    /// Where logs end by the seals in force.
    pub(crate) fn ends(&self) -> Ends {
        let in_force = self.seals.values().flatten().filter(|seal| seal.in_force);
        in_force.map(|seal| (seal.cut.log, seal.cut.clone())).collect()
    }
}

/// Settles all seals, the first first: one that an earlier one cut has no voice any more.
pub(crate) fn settle(book: &Book, history: &History) -> Sealed {
    let mut sealed = Sealed::default();
    let mut wishes: BTreeMap<Wish, Vec<&Voice>> = BTreeMap::new();
    for voice in book.seals() {
        wishes.entry((voice.seal.log, voice.seal.seq, voice.seal.id)).or_default().push(voice);
    }
    let mut order: Vec<((u32, EntryId), Wish)> = Vec::new();
    for (wish, voices) in &mut wishes {
        voices.sort_by_key(|voice| voice.fact.rank());
        let last = last_needed(voices).unwrap_or(voices[0]);
        order.push((last.fact.rank(), *wish));
    }
    order.sort_unstable();
    for (_, wish) in order {
        let heard: Vec<&Voice> =
            wishes[&wish].iter().filter(|voice| !sealed.dropped.contains_key(&voice.fact.index)).copied().collect();
        let Some(first) = heard.first() else { continue };
        let known = sealed.seals.entry(wish.0).or_default();
        let in_force = last_needed(&heard).is_some() && !known.iter().any(|seal| seal.in_force);
        let mut signed: Vec<UserId> = Vec::new();
        for voice in &heard {
            if !signed.contains(&voice.actor) {
                signed.push(voice.actor);
            }
        }
        let seal = Seal {
            node: first.seal.node,
            cut: Cut { log: wish.0, seq: wish.1, id: wish.2 },
            signed,
            needed: first.needed,
            in_force,
            proof: first.seal.proof.to_vec(),
        };
        if in_force {
            let ends = Ends::from([(wish.0, seal.cut.clone())]);
            known.insert(0, seal);
            sealed.dropped.extend(cut_off(history, &ends).into_iter().map(|index| (index, Reason::Sealed)));
        } else {
            known.push(seal);
        }
    }
    sealed
}

/// The voice that completes a seal: one that asks for no other, or the second person's.
fn last_needed<'a>(voices: &[&'a Voice]) -> Option<&'a Voice> {
    let alone = voices.iter().find(|voice| voice.needed == 1);
    let second = voices.iter().find(|voice| voice.actor != voices[0].actor);
    [alone, second].into_iter().flatten().min_by_key(|voice| voice.fact.rank()).copied()
}

/// Entries of sealed logs, by number, that lie on no sealed chain and that no other node's entry names. Where the last
/// entry that counts is not here yet nothing is cut.
pub(crate) fn cut_off(history: &History, ends: &Ends) -> BTreeSet<usize> {
    let graph = history.graph();
    let chain_to = |from: usize, kept: &mut BTreeSet<usize>| {
        let mut at = Some(from);
        while let Some(index) = at.filter(|index| kept.insert(*index)) {
            at = history.entries()[index].prev.and_then(|prev| graph.index(&prev));
        }
    };
    let mut kept = BTreeSet::new();
    let known: BTreeSet<LogId> = ends
        .values()
        .filter_map(|end| {
            let index = graph.index(&end.id)?;
            let entry = &history.entries()[index];
            let fits = entry.log == end.log && entry.seq == end.seq;
            fits.then(|| chain_to(index, &mut kept)).map(|()| end.log)
        })
        .collect();
    if known.is_empty() {
        return BTreeSet::new();
    }
    for entry in history.entries() {
        for index in named(entry).filter_map(|id| graph.index(id)) {
            let of = &history.entries()[index];
            if of.node != entry.node && known.contains(&of.log) {
                chain_to(index, &mut kept);
            }
        }
    }
    let entries = history.entries().iter().enumerate();
    entries
        .filter(|(index, entry)| known.contains(&entry.log) && !kept.contains(index))
        .map(|(index, _)| index)
        .collect()
}

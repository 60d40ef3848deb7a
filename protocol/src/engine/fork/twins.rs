//! An entry that was written again names its original (key 64 of its header). Of an original and its copies exactly one
//! counts: the original where it is held and valid, else the copy that is first by (log, position, id) (INV-14; the
//! original was written at the first home, ruling A10). One that lies beyond a seal comes after all that do not. What refers
//! to one of the others means the one that counts.

use crate::control::Verdict;
use crate::engine::fold::{Placed, act_of};
use crate::engine::refold::unapply;
use crate::engine::{Cx, Engine, lookup};
use crate::entry::Entry;
use crate::group::DataOp;
use crate::ids::{EntryId, GroupId, ScopeId};
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};

/// Header key: the entry that this one says again. Ignorable: who does not know it shows both.
pub(crate) const AGAIN_KEY: u64 = 64;
/// Copies looked at of one original: incarnations are few.
const COPIES_MAX: usize = 64;
/// A CBOR byte string of 32 bytes begins so.
const BYTES_32: [u8; 2] = [0x58, 32];

/// Where a valid entry lies, the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Within {
    /// In an open log, or before its seal.
    Bounds,
    /// Beyond a seal: it counts only where another node's entry names it, and no other says the same within bounds.
    Nothing,
}

/// The header form of naming an original.
pub(crate) fn again_key(original: &EntryId) -> (u64, Vec<u8>) {
    (AGAIN_KEY, [&BYTES_32[..], &original.0].concat())
}

/// The original that an entry says again.
pub fn again_of(entry: &Entry) -> Option<EntryId> {
    let (_, raw) = entry.header.extra.iter().find(|(key, _)| *key == AGAIN_KEY)?;
    EntryId::from_slice(raw.strip_prefix(&BYTES_32)?)
}

impl Engine {
    /// Reads which originals are known to have been written again.
    pub(crate) fn load_twins(&mut self, store: &dyn Store) {
        let (from, to) = Key::of(table::AGAIN).prefix();
        for (key, _) in store.range(&from, &to, usize::MAX, Direction::Forward) {
            self.forks.originals.extend(EntryId::from_slice(&key[1..33]));
        }
    }

    /// Notes that an entry of a data log says another again, and that what refers to one of those that say the same may
    /// mean another now that this one is here, whether it counts or not.
    pub(crate) fn meet_twins(&mut self, cx: &mut Cx<'_>, scope: ScopeId, entry: &Entry) {
        if let Some(original) = again_of(entry) {
            cx.tx.put(&keys::again(&original, &entry.id), &[]);
            self.forks.originals.insert(original);
        }
        if self.org().map(ScopeId::from) != Some(scope) {
            self.refold_twins(cx, GroupId::from(scope), entry);
        }
    }

    /// Has a group folded anew where another entry is held that says the same as this one.
    fn refold_twins(&mut self, cx: &Cx<'_>, group: GroupId, entry: &Entry) {
        let original = again_of(entry).unwrap_or(entry.id);
        if self.forks.originals.contains(&original) && self.held_alike(cx, &original, entry).len() > 1 {
            self.forks.refolds.insert(group);
        }
    }

    /// Whether another entry says the same and counts instead of this one, which counts otherwise. It may have waited
    /// until now: where the answer may have changed for others, their group is folded anew.
    pub(crate) fn yields(&mut self, cx: &mut Cx<'_>, group: GroupId, entry: &Entry) -> bool {
        let original = again_of(entry).unwrap_or(entry.id);
        if !self.forks.originals.contains(&original) {
            return false;
        }
        self.refold_twins(cx, group, entry);
        self.counting(cx, group, &original, entry).is_some_and(|first| first != entry.id)
    }

    /// An original and its copies as far as they are held and have the intent of this entry.
    fn held_alike(&self, cx: &Cx<'_>, original: &EntryId, like: &Entry) -> Vec<Entry> {
        let (from, to) = Key::of(table::AGAIN).and(original).prefix();
        let rows = cx.tx.range(&from, &to, COPIES_MAX, Direction::Forward);
        let copies = rows.iter().filter_map(|(key, _)| EntryId::from_slice(&key[33..]));
        std::iter::once(*original)
            .chain(copies)
            .filter_map(|id| lookup::entry_of(&*cx.tx, &id))
            .filter(|entry| entry.header.intent() == like.header.intent())
            .collect()
    }

    /// Of the held and valid entries with the intent of this one the one that counts.
    fn counting(&mut self, cx: &mut Cx<'_>, group: GroupId, original: &EntryId, like: &Entry) -> Option<EntryId> {
        let alike = self.held_alike(cx, original, like);
        let order = |entry: &Entry| (entry.id != *original, entry.log(), entry.header.seq, entry.id);
        alike
            .iter()
            .filter_map(|entry| Some((self.valid_within(cx, group, entry)?, order(entry))))
            .min()
            .map(|(_, (.., id))| id)
    }

    /// Where an entry lies if it is valid.
    fn valid_within(&mut self, cx: &mut Cx<'_>, group: GroupId, entry: &Entry) -> Option<Within> {
        let (key, seq) = lookup::place_of(&*cx.tx, &entry.id)?;
        let record = self.logs.get(&key).filter(|record| record.scope == ScopeId::from(group))?;
        let (log, node) = (record.wire(&key), record.node);
        let ctl = self.frontier_at(&*cx.tx, &key, seq);
        let placed = Placed { log, node, ctl: &ctl, entry };
        let op = entry.body.as_ref().and_then(|body| DataOp::decode(entry.header.kind, &body.bytes).ok());
        let keeping = op.and_then(|op| self.keeping_verdict(group, &placed, &op));
        let is_valid = match (keeping, act_of(entry.header.kind)) {
            (Some(verdict), _) => verdict == Verdict::Valid,
            (None, Some(act)) => self.verdict(group, &placed, act) == Verdict::Valid,
            // Of items from outside the sources bear on it, which is the same for all that one node wrote.
            (None, None) => true,
        };
        let within = if self.is_sealed_off(&*cx.tx, &placed) { Within::Nothing } else { Within::Bounds };
        is_valid.then_some(within)
    }

    /// Removes the rows that an entry may have written, under whichever of a target's copies they stand.
    pub(crate) fn unapply_all(&self, cx: &mut Cx<'_>, entry: &Entry) {
        crate::engine::erase::unapply(cx, entry);
        let refs = &entry.header.refs;
        unapply(cx, entry, refs);
        if self.forks.originals.is_empty() || refs.is_empty() {
            return;
        }
        let seconds = refs.get(1).map_or(vec![None], |second| self.alike(cx, second).into_iter().map(Some).collect());
        for first in self.alike(cx, &refs[0]) {
            for second in &seconds {
                let meant: Vec<EntryId> = std::iter::once(first).chain(*second).collect();
                unapply(cx, entry, &meant);
            }
        }
    }

    /// An entry, its original and all copies of that.
    fn alike(&self, cx: &Cx<'_>, id: &EntryId) -> Vec<EntryId> {
        // Also what does not count any more: its rows were written when it did.
        let passed = || self.forks.passed.get(id).and_then(|(key, seq)| lookup::entry_at(&*cx.tx, key, *seq));
        let named = lookup::entry_of(&*cx.tx, id).or_else(passed).as_ref().and_then(again_of);
        let original = named.unwrap_or(*id);
        if !self.forks.originals.contains(&original) {
            return vec![*id];
        }
        let (from, to) = Key::of(table::AGAIN).and(original).prefix();
        let rows = cx.tx.range(&from, &to, COPIES_MAX, Direction::Forward);
        let copies = rows.iter().filter_map(|(key, _)| EntryId::from_slice(&key[33..]));
        std::iter::once(original).chain(copies).collect()
    }

    /// What these references mean: a copy that does not count stands for the entry that does.
    pub(crate) fn meant(&mut self, cx: &mut Cx<'_>, group: GroupId, refs: &[EntryId]) -> Vec<EntryId> {
        if self.forks.originals.is_empty() {
            return refs.to_vec();
        }
        refs.iter()
            .map(|id| {
                let Some(entry) = lookup::entry_of(&*cx.tx, id) else { return *id };
                let original = again_of(&entry).unwrap_or(*id);
                if !self.forks.originals.contains(&original) {
                    return *id;
                }
                self.counting(cx, group, &original, &entry).unwrap_or(*id)
            })
            .collect()
    }
}

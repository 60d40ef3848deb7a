//! A log as a site's records tell it: what is held from the beginning, and at most one stretch further up while it is
//! filled from its newest entry down (D11).

use protocol::entry::Entry;
use protocol::ids::EntryId;
use std::collections::BTreeMap;

/// A stretch without a gap.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Behind its last position.
    pub next: u64,
    /// Its last entry.
    pub head: EntryId,
    hlc: u64,
    /// What the entry before its first must be.
    before: Option<EntryId>,
    first_hlc: u64,
}

/// A log, by the first positions of its stretches.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    stretches: BTreeMap<u64, Stretch>,
}

impl Chain {
    /// What is held from the beginning, up to here.
    pub fn next(&self) -> u64 {
        self.stretches.get(&0).map_or(0, |stretch| stretch.next)
    }

    /// Whether any of these positions is held.
    pub fn holds_any(&self, from: u64, to: u64) -> bool {
        self.stretches.iter().any(|(low, stretch)| *low < to && from < stretch.next)
    }

    /// Whether what is held is as it may be between two steps: a beginning, and one stretch above at most.
    pub fn is_whole(&self) -> bool {
        self.stretches.contains_key(&0) && self.stretches.len() <= 2
    }

    /// Takes one more entry. False when it does not fit what is held.
    pub fn take(&mut self, entry: &Entry) -> bool {
        let header = &entry.header;
        if self.holds_any(header.seq, header.seq + 1) {
            return false;
        }
        let one = Stretch {
            next: header.seq + 1,
            head: entry.id,
            hlc: header.hlc.0,
            before: header.prev,
            first_hlc: header.hlc.0,
        };
        self.stretches.insert(header.seq, one);
        self.meet(header.seq) && self.below(header.seq).is_none_or(|low| self.meet(low))
    }

    fn below(&self, position: u64) -> Option<u64> {
        self.stretches
            .range(..position)
            .next_back()
            .filter(|(_, stretch)| stretch.next == position)
            .map(|(low, _)| *low)
    }

    /// Joins a stretch with the one that begins where it ends. False when they are not one chain of growing time.
    fn meet(&mut self, low: u64) -> bool {
        let Some(next) = self.stretches.get(&low).map(|stretch| stretch.next) else { return true };
        let Some(upper) = self.stretches.remove(&next) else { return true };
        let Some(lower) = self.stretches.get_mut(&low) else { return true };
        let fits = upper.before == Some(lower.head) && lower.hlc < upper.first_hlc;
        (lower.next, lower.head, lower.hlc) = (upper.next, upper.head, upper.hlc);
        fits
    }
}

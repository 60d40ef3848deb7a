//! The newest changes, in memory and in order. Nothing here is durable: what a crash takes is applied again from the
//! journal, from the watermark that was written with the last run.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use super::batch::{Batch, Change};
use super::{Direction, Row};
use crate::journal::Position;

/// What a row costs in memory beside its bytes: two allocations and its share of a tree node.
const ROW_BYTES: usize = 80;

/// Changes of a table in order.
pub(super) type Changes<'a> = Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)> + 'a>;

/// Changes that are not written out yet; `None` stands for a removal.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    /// The journal position that the newest batch in here brought the index up to.
    pub(super) watermark: Option<Position>,
}

impl Table {
    pub(super) fn apply(&mut self, batch: Batch) {
        for (key, value) in batch.changes {
            let len = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
            self.bytes += len(&value);
            match self.rows.entry(key) {
                Entry::Vacant(slot) => {
                    self.bytes += slot.key().len() + ROW_BYTES;
                    slot.insert(value);
                }
                Entry::Occupied(mut slot) => {
                    let before = slot.insert(value);
                    self.bytes = self.bytes.saturating_sub(len(&before));
                }
            }
        }
        self.watermark = batch.watermark.or(self.watermark);
    }

    /// About what this takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.watermark.is_none()
    }

    /// Outer `None`: nothing is known of the key here.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.rows.get(key).map(Option::as_deref)
    }

    /// The changes with `from <= key < to`.
    pub(super) fn range(&self, from: &[u8], to: &[u8], direction: Direction) -> Changes<'_> {
        let rows = self.rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        match direction {
            Direction::Ascending => Box::new(rows),
            Direction::Descending => Box::new(rows.rev()),
        }
    }

    /// As many changes of a range as a reader of `limit` rows can need: what stands here hides what is older, so with
    /// `limit` values nothing behind them counts.
    pub(super) fn enough(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Vec<Change> {
        let mut values = 0;
        let mut found = Vec::new();
        for (key, value) in self.range(from, to, direction) {
            if values == limit {
                break;
            }
            values += usize::from(value.is_some());
            found.push((key.clone(), value.clone()));
        }
        found
    }

    /// Every change in order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.rows.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }
}

/// A change that is a row.
pub(super) fn row((key, value): Change) -> Option<Row> {
    Some((key, value?))
}

//! The engine's store on disk: rows in the index, records in the journal. Knows bytes and places, not what they mean.

use super::recent::Recent;
use super::record;
use archipel_storage::index::{self, Batch, Index};
use archipel_storage::journal::{self, Journal, JournalError, Position};
use protocol::store::{Direction, Location, Row, Store, Transaction};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Journal record kind: a run of entries (`record.rs`).
pub const ENTRIES: u8 = 1;

/// What is committed, for readers on any thread.
#[derive(Clone)]
pub struct Disk {
    /// Rows.
    pub index: Arc<Index>,
    /// Records.
    pub journal: journal::Reader,
    /// Runs from records read a moment ago. Whoever wipes records lets go of them.
    pub recent: Arc<Recent>,
}

fn place(location: Location) -> journal::Location {
    journal::Location { segment: location.segment, offset: location.offset, len: location.len }
}

/// The same place as the engine names it.
pub fn location(place: journal::Location) -> Location {
    Location { segment: place.segment, offset: place.offset, len: place.len }
}

impl Store for Disk {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.index.get(key).unwrap_or_else(|error| {
            tracing::error!(%error, "the index cannot be read");
            None
        })
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Vec<Row> {
        if from >= to {
            return Vec::new();
        }
        let direction = match direction {
            Direction::Forward => index::Direction::Ascending,
            Direction::Backward => index::Direction::Descending,
        };
        self.index.range(from, to, limit, direction).unwrap_or_else(|error| {
            tracing::error!(%error, "the index cannot be read");
            Vec::new()
        })
    }

    fn record(&self, location: Location) -> Option<Vec<u8>> {
        if let Some(run) = self.recent.get(location) {
            return Some(run.to_vec());
        }
        match self.journal.read(place(location)) {
            Ok(record) => {
                let run: Arc<[u8]> = record::unpack(&record)?.into();
                self.recent.put(location, &run);
                Some(run.to_vec())
            }
            Err(error) => {
                tracing::error!(%error, ?location, "a journal record cannot be read");
                None
            }
        }
    }
}

/// Overwrites records in place, durably. One that is no longer there, or was wiped before, is no error.
///
/// # Errors
/// The disk's refusal; to be tried again.
pub fn wipe(journal: &mut Journal, places: &[Location]) -> Result<(), JournalError> {
    let places: Vec<journal::Location> = places.iter().copied().map(place).collect();
    journal.wipe_all(&places)
}

/// One batch of inputs under way: what it writes is visible to itself at once and to others after the commit.
pub struct Batching<'a> {
    disk: &'a Disk,
    journal: &'a mut Journal,
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    records: BTreeMap<Location, Vec<u8>>,
    failed: Option<JournalError>,
}

impl<'a> Batching<'a> {
    /// Begins a batch.
    pub fn new(disk: &'a Disk, journal: &'a mut Journal) -> Self {
        Self { disk, journal, rows: BTreeMap::new(), records: BTreeMap::new(), failed: None }
    }

    /// Makes everything durable: records first, then rows with the watermark.
    ///
    /// # Errors
    /// When the journal could not be written: nothing of the batch may be answered or sent.
    pub fn commit(mut self) -> Result<(), CommitError> {
        if let Some(error) = self.failed.take() {
            self.journal.abandon();
            return Err(error.into());
        }
        let end = if self.records.is_empty() { self.journal.position() } else { self.journal.commit()? };
        if self.rows.is_empty() && self.records.is_empty() {
            return Ok(());
        }
        self.commit_rows(end)
    }

    /// Writes the rows of a replay: the records are in the journal already, up to `end`.
    ///
    /// # Errors
    /// When the index fails.
    pub fn commit_rows(self, end: Position) -> Result<(), CommitError> {
        let mut batch = Batch::new();
        for (key, value) in self.rows {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        batch.set_watermark(end);
        Ok(self.disk.index.apply(batch)?)
    }

    /// Drops the batch.
    pub fn abandon(self) {
        self.journal.abandon();
    }

    /// Bytes that wait for the commit.
    pub fn waiting_bytes(&self) -> usize {
        self.journal.waiting_bytes()
    }
}

/// Why a batch did not become durable.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The journal failed: the disk is full or failing.
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] JournalError),
    /// The index failed; what was committed is safe, and the index is rebuilt at the next start.
    #[error("the index cannot be written: {0}")]
    Index(#[from] index::IndexError),
}

impl Store for Batching<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.rows.get(key) {
            Some(value) => value.clone(),
            None => self.disk.get(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Vec<Row> {
        if from >= to {
            return Vec::new();
        }
        let own: Vec<(&Vec<u8>, &Option<Vec<u8>>)> = self.rows.range(from.to_vec()..to.to_vec()).collect();
        if own.is_empty() {
            return self.disk.range(from, to, limit, direction);
        }
        // Every own row can hide at most one on disk.
        let on_disk = self.disk.range(from, to, limit.saturating_add(own.len()), direction);
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = on_disk.into_iter().collect();
        for (key, value) in own {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        match direction {
            Direction::Forward => merged.into_iter().take(limit).collect(),
            Direction::Backward => merged.into_iter().rev().take(limit).collect(),
        }
    }

    fn record(&self, location: Location) -> Option<Vec<u8>> {
        self.records.get(&location).cloned().or_else(|| self.disk.record(location))
    }
}

impl Transaction for Batching<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.rows.insert(key.to_vec(), Some(value.to_vec()));
    }

    fn delete(&mut self, key: &[u8]) {
        self.rows.insert(key.to_vec(), None);
    }

    fn append(&mut self, payload: &[u8]) -> Location {
        match self.journal.append(ENTRIES, &record::pack(payload)) {
            Ok(at) => {
                let location = Location { segment: at.segment, offset: at.offset, len: at.len };
                self.records.insert(location, payload.to_vec());
                location
            }
            Err(error) => {
                // Told at the commit, which fails the whole batch.
                self.failed.get_or_insert(error);
                Location { segment: u32::MAX, offset: 0, len: 0 }
            }
        }
    }
}

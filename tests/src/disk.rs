//! A site's disk in memory: rows and records, one atomic commit at a time. Records are durable with their commit; rows
//! reach the disk later, as an index does, and what a crash takes of them is replayed from the records.

use protocol::store::{Direction, Location, Row, Store, Transaction};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Rows by key.
pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Commits whose rows may be lost at a crash; older ones count as flushed.
const UNFLUSHED_MAX: usize = 40;

/// What a commit changed, so that a crash can take its rows back.
#[derive(Debug, Clone)]
struct Undo {
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    records_before: usize,
}

/// Everything that a site keeps.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    rows: Rows,
    /// `None` where bits have rotted.
    records: Vec<Option<Vec<u8>>>,
    unflushed: Vec<Undo>,
}

impl Disk {
    /// Sets a row by hand.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.rows.insert(key.to_vec(), value.to_vec());
    }

    /// All rows.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The readable records, in the order in which they were appended.
    pub fn records(&self) -> impl Iterator<Item = (Location, &[u8])> {
        self.records_from(0)
    }

    /// The readable records from a number on.
    pub fn records_from(&self, first: usize) -> impl Iterator<Item = (Location, &[u8])> {
        let all = self.records.iter().enumerate().skip(first);
        all.filter_map(|(at, record)| record.as_deref().map(|payload| (location(at, payload), payload)))
    }

    /// Makes a transaction's writes durable, all at once.
    pub fn commit(&mut self, written: Written) {
        self.commit_from(written, self.records.len());
    }

    /// As [`Disk::commit`], of rows that stand for the records from a number on.
    pub fn commit_from(&mut self, written: Written, records_before: usize) {
        self.records.extend(written.records.into_iter().map(Some));
        let mut undo = Vec::with_capacity(written.rows.len());
        for (key, value) in written.rows {
            let before = match value {
                Some(value) => self.rows.insert(key.clone(), value),
                None => self.rows.remove(&key),
            };
            undo.push((key, before));
        }
        self.unflushed.push(Undo { rows: undo, records_before });
        if self.unflushed.len() > UNFLUSHED_MAX {
            self.unflushed.remove(0);
        }
    }

    /// A crash: the rows of the newest commits are lost. Answers the number of the first record to replay.
    pub fn lose_rows(&mut self, commits: usize) -> usize {
        let mut first = self.records.len();
        for _ in 0..commits {
            let Some(undo) = self.unflushed.pop() else { break };
            first = undo.records_before;
            for (key, before) in undo.rows.into_iter().rev() {
                match before {
                    Some(value) => self.rows.insert(key, value),
                    None => self.rows.remove(&key),
                };
            }
        }
        first
    }

    /// How many commits' rows a crash may take.
    pub fn unflushed(&self) -> usize {
        self.unflushed.len()
    }

    /// The index is lost.
    pub fn lose_index(&mut self) {
        self.rows.clear();
        self.unflushed.clear();
    }

    /// How many records there are, readable or not.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Wipes records in place. The shell flushes its index before: no crash brings back rows that led to them.
    pub fn wipe(&mut self, places: &[Location]) {
        self.unflushed.clear();
        for place in places {
            self.rot(place.offset as usize);
        }
    }

    /// Bits of a record rot: it cannot be read any more.
    pub fn rot(&mut self, at: usize) {
        self.records[at] = None;
    }
}

fn bounds<'a>(from: &'a [u8], to: &'a [u8]) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    (Bound::Included(from), Bound::Excluded(to))
}

fn location(at: usize, payload: &[u8]) -> Location {
    Location { segment: 0, offset: at as u32, len: payload.len() as u32 }
}

impl Store for Disk {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.get(key).cloned()
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Vec<Row> {
        if from >= to {
            return Vec::new();
        }
        let rows = self.rows.range::<[u8], _>(bounds(from, to)).map(|(key, value)| (key.clone(), value.clone()));
        match direction {
            Direction::Forward => rows.take(limit).collect(),
            Direction::Backward => rows.rev().take(limit).collect(),
        }
    }

    fn record(&self, location: Location) -> Option<Vec<u8>> {
        self.records.get(location.offset as usize)?.clone()
    }
}

/// Writes over a disk that are seen at once and durable only with [`Disk::commit`].
pub struct Pending<'a> {
    disk: &'a Disk,
    written: Written,
}

/// What a transaction wrote.
#[derive(Debug, Clone, Default)]
pub struct Written {
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The records.
    pub records: Vec<Vec<u8>>,
}

impl<'a> Pending<'a> {
    /// Nothing written yet.
    pub fn over(disk: &'a Disk) -> Self {
        Self { disk, written: Written::default() }
    }

    /// Everything written.
    pub fn done(self) -> Written {
        self.written
    }
}

impl Store for Pending<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.written.rows.get(key).cloned().unwrap_or_else(|| self.disk.get(key))
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Vec<Row> {
        if from >= to {
            return Vec::new();
        }
        let mut over = self.written.rows.range::<[u8], _>(bounds(from, to)).peekable();
        if over.peek().is_none() {
            return self.disk.range(from, to, limit, direction);
        }
        let mut rows: Rows = self.disk.range(from, to, usize::MAX, direction).into_iter().collect();
        for (key, value) in over {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        match direction {
            Direction::Forward => rows.into_iter().take(limit).collect(),
            Direction::Backward => rows.into_iter().rev().take(limit).collect(),
        }
    }

    fn record(&self, location: Location) -> Option<Vec<u8>> {
        match (location.offset as usize).checked_sub(self.disk.records.len()) {
            Some(at) => self.written.records.get(at).cloned(),
            None => self.disk.record(location),
        }
    }
}

impl Transaction for Pending<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.written.rows.insert(key.to_vec(), Some(value.to_vec()));
    }

    fn delete(&mut self, key: &[u8]) {
        self.written.rows.insert(key.to_vec(), None);
    }

    fn append(&mut self, payload: &[u8]) -> Location {
        self.written.records.push(payload.to_vec());
        location(self.disk.records.len() + self.written.records.len() - 1, payload)
    }
}

//! A store in memory, for tests and the simulator.

use super::{Direction, Location, Row, Store, Transaction};
use std::collections::BTreeMap;

/// Rows and records in ordered maps.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    records: Vec<Vec<u8>>,
}

impl MemoryStore {
    /// The records, in the order in which they were appended; wiped ones are passed over.
    pub fn records(&self) -> impl Iterator<Item = (Location, &[u8])> {
        let all = self.records.iter().enumerate().filter(|(_, payload)| !payload.is_empty());
        all.map(|(at, payload)| (location(at, payload), payload.as_slice()))
    }

    /// Wipes records in place.
    pub fn wipe(&mut self, places: &[Location]) {
        for place in places {
            if let Some(record) = self.records.get_mut(place.offset as usize) {
                record.clear();
            }
        }
    }

    /// All rows, for comparing two stores.
    pub fn rows(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.rows
    }

    /// A store with the same records and no rows: what a lost index leaves.
    pub fn without_rows(&self) -> Self {
        Self { rows: BTreeMap::new(), records: self.records.clone() }
    }
}

fn location(at: usize, payload: &[u8]) -> Location {
    Location { segment: 0, offset: at as u32, len: payload.len() as u32 }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.get(key).cloned()
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Vec<Row> {
        if from >= to {
            return Vec::new();
        }
        let rows = self.rows.range(from.to_vec()..to.to_vec()).map(|(key, value)| (key.clone(), value.clone()));
        match direction {
            Direction::Forward => rows.take(limit).collect(),
            Direction::Backward => rows.rev().take(limit).collect(),
        }
    }

    fn record(&self, location: Location) -> Option<Vec<u8>> {
        self.records.get(location.offset as usize).filter(|record| !record.is_empty()).cloned()
    }
}

impl Transaction for MemoryStore {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.rows.insert(key.to_vec(), value.to_vec());
    }

    fn delete(&mut self, key: &[u8]) {
        self.rows.remove(key);
    }

    fn append(&mut self, payload: &[u8]) -> Location {
        self.records.push(payload.to_vec());
        location(self.records.len() - 1, payload)
    }
}

//! The files that go into a bundle: those that its entries name and its site may have.

use super::Reader;
use crate::engine::bundle::Part;
use crate::engine::lookup::{self, Found};
use crate::ids::{BlobId, EntryId, GroupId, LogId, NodeId};
use crate::limits::BUNDLE_FILES_PER_LOOK;
use crate::store::Direction;
use crate::store::keys::{Key, table};
use std::collections::BTreeMap;

/// Some files and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFiles {
    /// In the order of their hashes; whether they are here is for the caller to see.
    pub files: Vec<BlobId>,
    /// The row last looked at; `None` at the end.
    pub next: Option<Vec<u8>>,
}

impl Reader<'_> {
    /// The files that posts of these parts refer to, from a row on. The parts are those that the bundle was begun with.
    pub fn bundle_files(&self, reader: &NodeId, parts: &[Part], after: Option<&[u8]>) -> BundleFiles {
        let begins: BTreeMap<LogId, u64> = parts.iter().map(|part| (part.log, part.from)).collect();
        let (from, to) = Key::of(table::BLOB).prefix();
        let from = after.map_or(from, |row| [row, &[0]].concat());
        let rows = self.store.range(&from, &to, BUNDLE_FILES_PER_LOOK, Direction::Forward);
        let mut files: Vec<BlobId> = Vec::new();
        for (key, _) in &rows {
            let blob = key.get(1..33).and_then(BlobId::from_slice);
            let (Some(blob), Some(group), Some(post)) =
                (blob, key.get(33..65).and_then(GroupId::from_slice), key.get(65..).and_then(EntryId::from_slice))
            else {
                continue;
            };
            let is_new = || {
                let place = lookup::place_of(self.store, &post);
                place.is_some_and(|(log, seq)| begins.get(&log).is_some_and(|from| *from <= seq))
            };
            let stands = || Found::of(self.store, &post).is_some_and(|found| !self.is_erased(&group, &post, &found));
            if files.last() != Some(&blob) && self.keeps(reader, &group) && is_new() && stands() {
                files.push(blob);
            }
        }
        let next = if rows.len() < BUNDLE_FILES_PER_LOOK { None } else { rows.last().map(|(key, _)| key.clone()) };
        BundleFiles { files, next }
    }
}

//! What this site keeps, group by group. It reads the places of all records: for an admin's page, not for a feed.

use super::Reader;
use crate::control::op::Class;
use crate::engine::parting::Left;
use crate::engine::query::{GroupStorage, Keeping};
use crate::ids::{BlobId, GroupId, LogId, ScopeId};
use crate::log::Log;
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Location};
use std::collections::{BTreeMap, BTreeSet};

impl Reader<'_> {
    /// The groups of which something is kept here. `size` tells how long a file is on the disk.
    pub fn storage(&self, size: &dyn Fn(&BlobId) -> u64) -> Vec<GroupStorage> {
        let mut groups: BTreeMap<GroupId, GroupStorage> = BTreeMap::new();
        let org = self.view.org.map(ScopeId::from);
        let (from, to) = Key::of(table::LOG).prefix();
        for (key, row) in self.store.range(&from, &to, usize::MAX, Direction::Forward) {
            let (Some(id), Ok(log)) = (LogId::from_slice(&key[1..]), Log::from_bytes(&row)) else { continue };
            if Some(log.scope) == org {
                continue;
            }
            let group = GroupId::from(log.scope);
            let kept = groups.entry(group).or_insert_with(|| self.empty_storage(group));
            kept.bytes += self.bytes_of(&id);
            kept.entries += log.next;
            if log.class == Class::Data {
                kept.have += log.next;
                kept.of += log.next.max(self.highest_stated(&log.scope, &id));
            }
        }
        let (from, to) = Key::of(table::BLOB).prefix();
        let rows = self.store.range(&from, &to, usize::MAX, Direction::Forward);
        let used: BTreeSet<(GroupId, BlobId)> = rows
            .iter()
            .filter_map(|(key, _)| Some((GroupId::from_slice(key.get(33..65)?)?, BlobId::from_slice(key.get(1..33)?)?)))
            .collect();
        for (group, blob) in used {
            if let Some(kept) = groups.get_mut(&group) {
                kept.file_bytes += size(&blob);
            }
        }
        for kept in groups.values_mut().filter(|kept| kept.state == Keeping::Complete && kept.have < kept.of) {
            kept.state = Keeping::Filling;
        }
        groups.into_values().collect()
    }

    fn empty_storage(&self, group: GroupId) -> GroupStorage {
        let left = self.store.get(&keys::left(&group)).and_then(|row| Left::from_bytes(&row));
        GroupStorage {
            group,
            entries: 0,
            bytes: 0,
            file_bytes: 0,
            keep_days: self.view.keep_days(&group),
            state: match left {
                None => Keeping::Complete,
                Some(left) if left.removed => Keeping::Removed,
                Some(_) => Keeping::Leaving,
            },
            have: 0,
            of: 0,
        }
    }

    fn bytes_of(&self, log: &LogId) -> u64 {
        let (from, to) = Key::of(table::RUN).and(log).prefix();
        let rows = self.store.range(&from, &to, usize::MAX, Direction::Forward);
        let places = rows.iter().filter_map(|(_, row)| Location::from_bytes(row.get(8..)?));
        places.map(|place| u64::from(place.len)).sum()
    }

    fn highest_stated(&self, scope: &ScopeId, log: &LogId) -> u64 {
        let stated = self.view.held.get(scope).into_iter().flat_map(|nodes| nodes.values());
        stated.map(|stated| stated.held.height(log)).max().unwrap_or(0)
    }
}

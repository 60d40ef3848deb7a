//! The rows of a group that must be the same everywhere.

use protocol::ids::GroupId;
use protocol::store::keys::table;
use std::collections::{BTreeMap, BTreeSet};

/// Rows by key.
pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Feed, threads, edits, deletions, reactions, sources, voids.
pub fn shown(rows: &Rows, group: &GroupId) -> Rows {
    let of_group = |prefix: u8| {
        let from = [&[prefix][..], &group.0].concat();
        rows.range(from..).take_while(move |(key, _)| key[0] == prefix && key[1..33] == group.0)
    };
    let mut shown: Rows = [table::FEED, table::VOID, table::SOURCE, table::ORIGIN, table::ORIGIN_EDIT, table::PENDING]
        .into_iter()
        .flat_map(of_group)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let of_target = |prefix: u8, target: &[u8]| {
        let from = [&[prefix], target].concat();
        let target = target.to_vec();
        rows.range(from..)
            .take_while(move |(key, _)| key[0] == prefix && key[1..33] == target[..])
            .map(|(key, value)| (key.clone(), value.clone()))
    };
    let posts: BTreeSet<Vec<u8>> =
        shown.keys().filter(|key| key[0] == table::FEED).map(|key| key[41..73].to_vec()).collect();
    let threads: Rows = posts.iter().flat_map(|post| of_target(table::THREAD, post)).collect();
    let targets: BTreeSet<Vec<u8>> =
        posts.iter().cloned().chain(threads.keys().map(|key| key[41..73].to_vec())).collect();
    shown.extend(threads);
    for prefix in [table::EDIT, table::DELETE, table::THREAD_DELETE, table::REACT, table::SOURCE_ITEM] {
        shown.extend(targets.iter().flat_map(|target| of_target(prefix, target)));
    }
    shown
}

//! Finding entries: from an id to its log and position, from there to the record, from the record to the entry.

use super::page::PageRow;
use crate::clock::Hlc;
use crate::entry::Entry;
use crate::entry::batch;
use crate::group::page::PageName;
use crate::group::{DataOp, Outside, Source, Version};
use crate::ids::{EntryId, GroupId, LogId, UserId};
use crate::limits::EXPLICIT_EVERY_ENTRIES;
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Location, Store};

/// An entry as a reader needs it: without chain and signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its log.
    pub log: LogId,
    /// Its position.
    pub seq: u64,
    /// When.
    pub hlc: Hlc,
    /// What.
    pub kind: u16,
    /// Who.
    pub actor: Option<UserId>,
    /// Targets.
    pub refs: Vec<EntryId>,
    /// `None` once erased.
    pub body: Option<Vec<u8>>,
}

impl Found {
    /// Finds an entry by its id.
    pub fn of(store: &dyn Store, id: &EntryId) -> Option<Self> {
        let (log, seq) = place_of(store, id)?;
        let (first, location) = run_at(store, &log, seq)?;
        let item = batch::peek(&store.record(location)?, usize::try_from(seq.checked_sub(first)?).ok()?)?;
        Some(Self { log, seq, hlc: item.hlc, kind: item.kind, actor: item.actor, refs: item.refs, body: item.body })
    }
}

/// The log and position of an entry.
pub fn place_of(store: &dyn Store, id: &EntryId) -> Option<(LogId, u64)> {
    let row = store.get(&keys::entry(id))?;
    Some((LogId::from_slice(row.get(..32)?)?, u64::from_be_bytes(row.get(32..40)?.try_into().ok()?)))
}

/// The record that holds a position, and the first position in it.
pub(crate) fn run_at(store: &dyn Store, log: &LogId, seq: u64) -> Option<(u64, Location)> {
    let to = Key::of(table::RUN).and(log).prefix().1;
    let (_, row) = store.range(&keys::run(log, seq), &to, 1, Direction::Forward).pop()?;
    Some((u64::from_be_bytes(row.get(..8)?.try_into().ok()?), Location::from_bytes(row.get(8..)?)?))
}

/// The row form of an entry's place.
pub fn place_row(log: &LogId, seq: u64) -> [u8; 40] {
    let mut place = [0; 40];
    place[..32].copy_from_slice(&log.0);
    place[32..].copy_from_slice(&seq.to_be_bytes());
    place
}

/// The entry at a position of a record, counting or not.
pub fn entry_at(store: &dyn Store, log: &LogId, seq: u64) -> Option<Entry> {
    run_of(store, log, seq)?.into_iter().find(|entry| entry.header.seq == seq)
}

/// An entry with all that proves it.
pub fn entry_of(store: &dyn Store, id: &EntryId) -> Option<Entry> {
    let (log, seq) = place_of(store, id)?;
    let (_, location) = run_at(store, &log, seq)?;
    batch::decode(&store.record(location)?).ok()?.into_iter().find(|entry| entry.header.seq == seq)
}

/// The entries of the record that holds a position.
pub fn run_of(store: &dyn Store, log: &LogId, seq: u64) -> Option<Vec<Entry>> {
    let (_, location) = run_at(store, log, seq)?;
    batch::decode(&store.record(location)?).ok()
}

/// The entries of a log from a position on, record by record.
pub fn entries_of<'a>(store: &'a dyn Store, log: &'a LogId, from: u64) -> impl Iterator<Item = Entry> + 'a {
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let entries = run_of(store, log, next?)?;
        next = entries.last().map(|entry| entry.header.seq + 1);
        Some(entries)
    })
    .flatten()
    .skip_while(move |entry| entry.header.seq < from)
}

/// The control frontier in force at a position: the last one that an entry up to there names. `before` is what a branch
/// began with.
pub fn frontier_at(store: &dyn Store, log: &LogId, seq: u64, before: Vec<EntryId>) -> Vec<EntryId> {
    let mut ctl = before;
    for entry in entries_of(store, log, seq.saturating_sub(EXPLICIT_EVERY_ENTRIES)) {
        if entry.header.seq > seq {
            break;
        }
        if let Some(explicit) = entry.header.ctl {
            ctl = explicit;
        }
    }
    ctl
}

/// Whether a post or comment is deleted: by its author, or by who may delete anything.
pub fn is_deleted(store: &dyn Store, target: &EntryId, author: Option<&UserId>) -> bool {
    let (from, to) = Key::of(table::DELETE).and(target).prefix();
    store
        .range(&from, &to, 64, Direction::Forward)
        .iter()
        .any(|(key, value)| value.get(40) == Some(&1) || author.is_some_and(|author| key[33..] == author.0))
}

/// The post that shows an item from outside.
pub fn outside_post(store: &dyn Store, group: &GroupId, origin_key: &[u8; 32]) -> Option<EntryId> {
    let (from, to) = Key::of(table::ORIGIN).and(group).and(origin_key).prefix();
    let (key, _) = store.range(&from, &to, 1, Direction::Forward).pop()?;
    EntryId::from_slice(key.get(69..)?)
}

/// The newest state of an item from outside, if it changed after it was posted.
pub fn outside_edit(store: &dyn Store, group: &GroupId, origin_key: &[u8; 32]) -> Option<(Version, Outside)> {
    let version = Version::from_bytes(&store.get(&keys::origin_edit(group, origin_key))?)?;
    let found = Found::of(store, &version.id)?;
    match DataOp::decode(found.kind, found.body.as_deref()?) {
        Ok(DataOp::OutsideEdit(outside)) => Some((version, outside)),
        _ => None,
    }
}

/// An item from outside as it is shown; `None` when it was never posted.
pub fn outside_now(store: &dyn Store, group: &GroupId, origin_key: &[u8; 32]) -> Option<Outside> {
    let post = outside_post(store, group, origin_key)?;
    if let Some((_, outside)) = outside_edit(store, group, origin_key) {
        return Some(outside);
    }
    let found = Found::of(store, &post)?;
    match DataOp::decode(found.kind, found.body.as_deref()?) {
        Ok(DataOp::Outside(outside)) => Some(outside),
        _ => None,
    }
}

/// A page's row.
pub(crate) fn page_row(store: &dyn Store, group: &GroupId, page: &EntryId) -> Option<PageRow> {
    PageRow::from_bytes(&store.get(&keys::page(group, page))?)
}

/// A page's title as it stands.
pub(crate) fn page_name(store: &dyn Store, group: &GroupId, page: &EntryId) -> Option<PageName> {
    let version = Version::from_bytes(&store.get(&keys::page_name(group, page))?)?;
    let found = Found::of(store, &version.id)?;
    match DataOp::decode(found.kind, found.body.as_deref()?) {
        Ok(DataOp::Page(name) | DataOp::PageName(name)) => Some(name),
        _ => None,
    }
}

/// Whether a page is in the trash: the newest word of its author or of who may delete anything.
pub(crate) fn is_trashed(store: &dyn Store, group: &GroupId, page: &EntryId, author: Option<&UserId>) -> bool {
    let (from, to) = Key::of(table::PAGE_TRASH).and(group).and(page).prefix();
    let rows = store.range(&from, &to, 1_024, Direction::Forward);
    let may = |key: &[u8], row: &[u8]| {
        row.get(40) == Some(&1) || author.is_some_and(|author| key.get(65..) == Some(&author.0[..]))
    };
    let counting = rows.iter().filter(|(key, row)| may(key, row));
    let newest = counting.filter_map(|(_, row)| Some((Version::from_bytes(row)?, row.get(41) == Some(&1)))).max();
    newest.is_some_and(|(_, on)| on)
}

/// The newest word on whether a comment on a page is settled.
pub(crate) struct Settled {
    pub(crate) on: bool,
    pub(crate) by: UserId,
    pub(crate) at: Hlc,
}

/// Whether a comment on a page is settled, and who said so.
pub(crate) fn page_settled(store: &dyn Store, group: &GroupId, comment: &EntryId) -> Option<Settled> {
    let row = store.get(&keys::page_settled(group, comment))?;
    let at = Version::from_bytes(&row)?.hlc;
    Some(Settled { on: row.get(40) == Some(&1), by: UserId::from_slice(row.get(41..)?)?, at })
}

/// Whether a known source has not been removed.
pub fn is_live_source(store: &dyn Store, group: &GroupId, source: &EntryId) -> bool {
    store.get(&keys::source(group, source)).is_some_and(|row| Version::from_bytes(&row).is_none())
}

/// A group's live sources, in the order of their ids.
pub fn sources(store: &dyn Store, group: &GroupId) -> Vec<(EntryId, Source)> {
    let (from, to) = Key::of(table::SOURCE).and(group).prefix();
    store
        .range(&from, &to, crate::limits::SOURCES_PER_GROUP_MAX * 2, Direction::Forward)
        .into_iter()
        .filter(|(_, row)| Version::from_bytes(row).is_none())
        .filter_map(|(key, _)| {
            let id = EntryId::from_slice(&key[33..])?;
            let found = Found::of(store, &id)?;
            match DataOp::decode(found.kind, found.body.as_deref()?) {
                Ok(DataOp::Source(source)) => Some((id, source)),
                _ => None,
            }
        })
        .collect()
}

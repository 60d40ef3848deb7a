//! Groups in which nobody of this site is any more: their content leaves the disk (`docs/protocol.md` "Forgetting").
//!
//! 1. A group that its last member left goes after an hour, one that the site was removed from after 90 days (ruling A4).
//! 2. Nothing goes that others have not stated to hold: one other site where the site left, two where it was removed. So
//!    what was never delivered stays.
//! 3. The control log stays: it is small, and tells people why what they wrote did not count (ruling B8).

use super::effect::{Effect, Notice};
use super::serve::Share;
use super::{Cx, Engine};
use crate::clock::Millis;
use crate::control::op::{Class, ControlOp};
use crate::entry::Entry;
use crate::group::keeping::goes_with;
use crate::group::kind;
use crate::ids::{GroupId, LogId, ScopeId, SiteId};
use crate::limits::ERASE_RECORDS_PER_STEP;
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Location, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Somebody who left by mistake comes back within the hour.
const LEFT_MS: u64 = 60 * 60 * 1000;
/// A removal may be a mistake that takes a quarter to be noticed (ruling A4).
const REMOVED_MS: u64 = 90 * 24 * 60 * 60 * 1000;
/// Sites that must hold everything before a removed site's copy goes (ruling A4), or before a site drops what is old by a
/// rule of its own.
const REMOVED_CUSTODY: usize = 2;
/// How often groups are looked through.
const LOOK_EVERY_MS: u64 = 10_000;

/// Since when a site is out of a group, and how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) removed: bool,
    pub(crate) since: Millis,
}

impl Left {
    fn to_bytes(self) -> [u8; 9] {
        let mut out = [0; 9];
        out[0] = u8::from(self.removed);
        out[1..].copy_from_slice(&self.since.0.to_be_bytes());
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let since = Millis(u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?));
        Some(Self { removed: bytes.first() == Some(&1), since })
    }
}

impl Engine {
    /// Called at each tick.
    pub(crate) fn part_tick(&mut self, cx: &mut Cx<'_>) {
        self.drop_step(cx);
        if cx.now < self.part_next || self.view.org_state().is_none() {
            return;
        }
        self.part_next = Millis(cx.now.0 + LOOK_EVERY_MS);
        let own = self.node();
        let groups: Vec<GroupId> = self.view.groups.keys().copied().collect();
        for group in groups {
            let scope = ScopeId::from(group);
            let here = self.share(&own, &scope) == Share::All;
            let key = keys::left(&group);
            let left = cx.tx.get(&key).and_then(|row| Left::from_bytes(&row));
            match left {
                Some(_) if here => cx.tx.delete(&key),
                None if !here && !self.heights(&scope, Class::Data).is_empty() => {
                    let left = Left { removed: self.was_removed(&group), since: cx.now };
                    cx.tx.put(&key, &left.to_bytes());
                }
                Some(left) if !here => {
                    let wait = if left.removed { REMOVED_MS } else { LEFT_MS };
                    let sites = if left.removed { REMOVED_CUSTODY } else { 1 };
                    if left.since.0 + wait <= cx.now.0 && self.is_held_elsewhere(&scope, sites) {
                        self.begin_drop(cx, group);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether one of this site's people was removed, rather than all having left.
    fn was_removed(&self, group: &GroupId) -> bool {
        let Some(own) = self.own_site() else { return true };
        let org = self.view.org_state();
        let is_ours = |user| org.and_then(|org| org.user(user)).is_none_or(|user| user.site == own);
        let revoked = !org.is_some_and(|org| org.connectable().any(|node| node == self.node()));
        revoked
            || self.groups.get(group).is_some_and(|group| {
                let entries = group.history.entries().iter();
                entries.into_iter().any(|entry| match &entry.op {
                    ControlOp::Revoke(revoke) => revoke.users.iter().any(is_ours),
                    _ => false,
                })
            })
    }

    /// Whether so many other sites have stated to hold all that is held here.
    fn is_held_elsewhere(&self, scope: &ScopeId, needed: usize) -> bool {
        self.heights(scope, Class::Data).iter().all(|height| {
            // What stands further up counts too, though nothing is stated of it yet.
            let top = self.logs.get(&height.log).and_then(|log| log.above.as_ref()).map_or(0, |span| span.top);
            self.holders(scope, &height.log, height.next.max(top)) >= needed
        })
    }

    /// Whether another site wrote this, and two others than this one are known to hold it.
    pub(crate) fn others_hold(&self, scope: &ScopeId, log: &LogId, seq: u64) -> bool {
        let foreign = self.logs.get(log).is_some_and(|log| log.node != self.node());
        foreign && self.holders(scope, log, seq + 1) >= REMOVED_CUSTODY
    }

    /// Other sites that stated to hold so many entries of a log. A log's own site holds it.
    fn holders(&self, scope: &ScopeId, log: &LogId, next: u64) -> usize {
        let Some(org) = self.view.org_state() else { return 0 };
        let own = self.own_site();
        let stated = self.view.held.get(scope).into_iter().flat_map(|nodes| nodes.values());
        let holds = stated.filter(|stated| stated.held.height(log) >= next);
        let mut sites: BTreeSet<SiteId> = holds.filter_map(|stated| org.site_of_node(&stated.held.node)).collect();
        sites.extend(self.logs.get(log).and_then(|log| org.site_of_node(&log.node)));
        sites.iter().filter(|site| Some(**site) != own).count()
    }

    /// From now on the group's content is not held here. Its records go step by step.
    fn begin_drop(&mut self, cx: &mut Cx<'_>, group: GroupId) {
        let scope = ScopeId::from(group);
        for height in self.heights(&scope, Class::Data) {
            let log = height.log;
            cx.tx.delete(&keys::log(&log));
            cx.tx.put(&keys::dropped(&log), &group.0);
            self.dropping.insert(log, group);
            self.logs.remove(&log);
            if let Some(logs) = self.scopes.get_mut(&scope) {
                logs.remove(&log);
            }
            let view = self.view_mut();
            view.own_heights.remove(&log);
        }
        self.own.remove(&(scope, Class::Data));
        self.unerased.remove(&scope);
        self.unstated.remove(&scope);
        self.epochs.remove(&scope);
        self.topics_changed = true;
        self.view_mut().held.remove(&scope);
        for of in [table::HELD, table::EPOCH, table::ERASE] {
            delete_all(cx, Key::of(of).and(scope));
        }
        for of in table::OF_GROUP {
            delete_all(cx, Key::of(of).and(group));
        }
        cx.tx.delete(&keys::retention(&group));
        self.view_mut().retention.remove(&group);
        cx.notify(Notice::GroupChanged { group });
        cx.notify(Notice::Refolded { group });
    }

    /// Wipes some records of groups that were dropped, and the rows that lead to them. The one that opens a log goes last:
    /// a rebuilt index knows the others by it.
    fn drop_step(&mut self, cx: &mut Cx<'_>) {
        let mut budget = ERASE_RECORDS_PER_STEP;
        while budget > 0 {
            let Some((log, group)) = self.dropping.first_key_value().map(|(log, group)| (*log, *group)) else { return };
            let (from, to) = Key::of(table::RUN).and(log).prefix();
            let rows = cx.tx.range(&from, &to, budget, Direction::Backward);
            if rows.is_empty() {
                cx.tx.delete(&keys::dropped(&log));
                self.dropping.remove(&log);
                Arc::make_mut(&mut self.view_mut().log_scopes).remove(&log);
                continue;
            }
            let mut places = Vec::new();
            for (key, row) in rows {
                budget -= 1;
                let place = row.get(8..).and_then(Location::from_bytes);
                let run =
                    place.and_then(|place| cx.tx.record(place)).map(|record| crate::entry::batch::decode(&record));
                for entry in run.into_iter().flatten().flatten() {
                    self.forget_rows(cx, group, &entry);
                }
                cx.tx.delete(&key);
                if let Some(place) = place {
                    cx.tx.put(&keys::wipe(place), &[]);
                    places.push(place);
                }
            }
            cx.effects.push(Effect::Wipe(places));
        }
    }

    /// Every row that an entry of a dropped group may have left.
    pub(crate) fn forget_rows(&mut self, cx: &mut Cx<'_>, group: GroupId, entry: &Entry) {
        let header = &entry.header;
        self.unapply_all(cx, entry);
        self.release_blobs(cx, group, &entry.id);
        cx.tx.delete(&keys::entry(&entry.id));
        if let Some(body) = &entry.body {
            cx.tx.delete(&keys::request(&body.salt));
        }
        if let Some(whole) = goes_with(header.kind, &header.refs) {
            cx.tx.delete(&keys::edit_of(&whole, &entry.id));
        }
        if let (kind::OUTSIDE, Some(source)) = (header.kind, header.refs.first()) {
            cx.tx.delete(&keys::source_item(source, &entry.id));
        }
    }

    pub(crate) fn load_dropping(&mut self, store: &dyn Store) {
        let (from, to) = Key::of(table::DROPPED).prefix();
        let rows = store.range(&from, &to, usize::MAX, Direction::Forward);
        let read =
            |(key, group): (Vec<u8>, Vec<u8>)| Some((LogId::from_slice(&key[1..])?, GroupId::from_slice(&group)?));
        self.dropping = rows.into_iter().filter_map(read).collect::<BTreeMap<_, _>>();
    }
}

fn delete_all(cx: &mut Cx<'_>, key: Key) {
    let (from, to) = key.prefix();
    for (key, _) in cx.tx.range(&from, &to, usize::MAX, Direction::Forward) {
        cx.tx.delete(&key);
    }
}

//! Entries that are given their meaning once more: they waited for something, or what they rested on has changed.

use super::effect::Notice;
use super::fold::Placed;
use super::{Cx, Engine};
use crate::control::op::Class;
use crate::entry::Entry;
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, LogId, NodeId, ScopeId};
use crate::log::Log;
use crate::store::Direction;
use crate::store::keys::{self, Key, table};
use std::sync::Arc;

impl Engine {
    /// Entries that waited for a control entry or a source get another look.
    pub(crate) fn retry_pending(&mut self, cx: &mut Cx<'_>, group: GroupId) {
        let (from, to) = Key::of(table::PENDING).and(group).prefix();
        let waiting = cx.tx.range(&from, &to, crate::limits::PENDING_MAX, Direction::Forward);
        for (key, _) in waiting {
            let Some(id) = EntryId::from_slice(&key[33..]) else { continue };
            cx.tx.delete(&key);
            self.fold_again(cx, group, &id);
        }
    }

    pub(super) fn fold_again(&mut self, cx: &mut Cx<'_>, group: GroupId, id: &EntryId) {
        let Some(entry) = super::lookup::entry_of(&*cx.tx, id) else { return };
        let log = entry.log();
        let (Some(node), Some((key, seq))) =
            (self.logs.get(&log).map(|log| log.node), super::lookup::place_of(&*cx.tx, id))
        else {
            return;
        };
        let ctl = self.frontier_at(&*cx.tx, &key, seq);
        let scope = ScopeId::from(group);
        self.fold_data(cx, scope, &Placed { log, node, ctl: &ctl, entry: &entry });
    }

    /// Folds a group's data anew after rights changed that earlier entries may have rested on.
    pub(crate) fn refold(&mut self, cx: &mut Cx<'_>, group: GroupId) {
        self.unerased.remove(&ScopeId::from(group));
        self.view_mut().retention.remove(&group);
        cx.tx.delete(&keys::retention(&group));
        for prefix in table::OF_GROUP {
            let (from, to) = Key::of(prefix).and(group).prefix();
            for (key, _) in cx.tx.range(&from, &to, usize::MAX, Direction::Forward) {
                cx.tx.delete(&key);
            }
        }
        let scope = ScopeId::from(group);
        let records = self.records_in(&scope, Class::Data);
        for (key, _) in &records {
            let mut next = self.logs.get(key).map_or(0, Log::from);
            while let Some(run) = super::lookup::run_of(&*cx.tx, key, next) {
                run.iter().for_each(|entry| self.unapply_all(cx, entry));
                next = run.last().map_or(u64::MAX, |entry| entry.header.seq + 1);
            }
        }
        for (key, node) in records {
            self.fold_record(cx, scope, &key, node);
        }
        cx.notify(Notice::Refolded { group });
        // Each was judged with all there: nothing is left to be folded anew.
        self.forks.refolds.remove(&group);
    }

    /// Folds all entries of a data record that count.
    fn fold_record(&mut self, cx: &mut Cx<'_>, scope: ScopeId, key: &LogId, node: NodeId) {
        let Some(record) = self.logs.get(key) else { return };
        let (log, mut next) = (record.wire(key), record.from());
        // A span further up is shown too.
        let end = record.above.as_ref().map_or(record.end().0, |span| span.top);
        let mut ctl = record.branch.as_ref().map(|branch| branch.ctl.clone()).unwrap_or_default();
        while let Some(run) = super::lookup::run_of(&*cx.tx, key, next) {
            next = run.last().map_or(u64::MAX, |entry| entry.header.seq + 1);
            for entry in run.iter().filter(|entry| entry.header.seq < end) {
                if let Some(explicit) = &entry.header.ctl {
                    ctl.clone_from(explicit);
                }
                if entry.header.seq > 0 {
                    self.fold_data(cx, scope, &Placed { log, node, ctl: &ctl, entry });
                }
            }
        }
    }

    /// Folds the names of people and the cards of groups anew.
    pub(crate) fn refold_org(&mut self, cx: &mut Cx<'_>) {
        let Some(scope) = self.org().map(ScopeId::from) else { return };
        for prefix in [table::PROFILE, table::CARD] {
            let (from, to) = Key::of(prefix).prefix();
            for (key, _) in cx.tx.range(&from, &to, usize::MAX, Direction::Forward) {
                cx.tx.delete(&key);
            }
        }
        let view = self.view_mut();
        view.profiles = Arc::default();
        view.cards.clear();
        for (key, node) in self.records_in(&scope, Class::Data) {
            self.fold_record(cx, scope, &key, node);
        }
        cx.notify(Notice::PeopleChanged);
        cx.notify(Notice::GroupsChanged);
    }
}

/// Removes the rows that an entry may have written under these targets, before its group is folded anew.
pub(super) fn unapply(cx: &mut Cx<'_>, entry: &Entry, refs: &[EntryId]) {
    let Some(actor) = entry.header.actor else { return };
    let Some(target) = refs.first() else { return };
    match entry.header.kind {
        kind::COMMENT | kind::PAGE_COMMENT => cx.tx.delete(&keys::thread(target, entry.header.hlc, &entry.id)),
        kind::EDIT => cx.tx.delete(&keys::edit(target, &actor)),
        kind::DELETE => {
            cx.tx.delete(&keys::delete(target, &actor));
            if let Some(post) = refs.get(1) {
                cx.tx.delete(&keys::thread_delete(post, target, &actor));
            }
        }
        kind::REACT => {
            if let Some(Ok(DataOp::React(react))) =
                entry.body.as_ref().map(|body| DataOp::decode(kind::REACT, &body.bytes))
            {
                cx.tx.delete(&keys::react(target, &react.emoji, &actor));
            }
        }
        _ => {}
    }
}

//! Own entries that never left this node give way when others hold another continuation of the log: they are withdrawn
//! and written again in a new log, with the time they had (ruling A6). If it turns out that somebody does hold them, they
//! count again, and the copies step back (`twins`).

use super::again_of;
use crate::codec;
use crate::control::History;
use crate::control::history::graph::Clock;
use crate::control::op::{Class, ControlOp, kind as control_kind};
use crate::engine::ingest::control_entry;
use crate::engine::write::{Again, Draft};
use crate::engine::{Cx, Engine, lookup};
use crate::entry::Entry;
use crate::group::kind;
use crate::ids::{EntryId, GroupId, LogId, ScopeId};
use crate::log::{End, Why};
use crate::store::{Store, keys};
use minicbor::{Decode, Encode};
use std::collections::{BTreeSet, VecDeque};

/// Bytes of a note in the journal.
const NOTE_BYTES_MAX: usize = 256;

/// What the journal keeps beside entries, so that rows rebuilt from it are the same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub(crate) enum Note {
    /// A record counts only so far.
    #[n(0)]
    Ends {
        /// The record.
        #[n(0)]
        record: LogId,
        /// How far; none = whole again.
        #[n(1)]
        end: Option<End>,
    },
    /// Nothing more is written in this own log.
    #[n(1)]
    Closed {
        /// The log.
        #[n(0)]
        log: LogId,
    },
}

/// Whether a record of the journal is a note rather than entries.
pub fn is_note(record: &[u8]) -> bool {
    Note::decode(record).is_some()
}

impl Note {
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        codec::decode("note", bytes, NOTE_BYTES_MAX).ok()
    }
}

impl Engine {
    /// Withdraws the own entries of a record from a position on, and what was written in other own logs on the ground of
    /// such: it names what nobody will ever hold, so nobody could judge it. If somebody does hold it, it counts no more
    /// than its copy (`twins`).
    pub(crate) fn withdraw(&mut self, cx: &mut Cx<'_>, key: &LogId, from: u64) {
        let mut waiting = VecDeque::from([(*key, from)]);
        while let Some((key, from)) = waiting.pop_front() {
            let Some(record) = self.logs.get(&key) else { continue };
            let (scope, class, (end, _)) = (record.scope, record.class, record.end());
            let tail: Vec<Entry> =
                lookup::entries_of(&*cx.tx, &key, from).take_while(|entry| entry.header.seq < end).collect();
            if tail.is_empty() {
                continue;
            }
            self.pass_over(cx, &key, from, Why::Withdrawn);
            if class == Class::Control {
                let gone: BTreeSet<EntryId> = tail.iter().map(|entry| entry.id).collect();
                waiting.extend(self.naming(&*cx.tx, &scope, &gone));
            }
            self.forks.to_reissue.push((scope, class, tail));
        }
        self.leave_misled(cx);
    }

    /// Own records that name one of these control entries, from where on. All are read: times do not tell what was written
    /// after what, once a clock was set back.
    fn naming(&self, store: &dyn Store, scope: &ScopeId, gone: &BTreeSet<EntryId>) -> Vec<(LogId, u64)> {
        let (own, of_org) = (self.node(), self.org().map(ScopeId::from) == Some(*scope));
        let names = |entry: &Entry| entry.header.ctl.iter().flatten().any(|id| gone.contains(id)) || sees(entry, gone);
        self.logs
            .iter()
            .filter(|(_, record)| record.node == own && (of_org || record.scope == *scope))
            .filter_map(|(key, record)| {
                let (from, (end, _)) = (record.from(), record.end());
                let first =
                    lookup::entries_of(store, key, from).take_while(|entry| entry.header.seq < end).find(names)?;
                // The entry that opens a log stays: it says nothing.
                Some((*key, first.header.seq.max(1)))
            })
            .collect()
    }

    /// How many entries of an own log others are known to hold, or build on. Beyond, nobody misses what is withdrawn.
    pub(crate) fn held_elsewhere(&self, store: &dyn Store, key: &LogId) -> u64 {
        let Some(record) = self.logs.get(key) else { return 0 };
        let own = self.node();
        let stated = self.view.held.get(&record.scope).into_iter().flat_map(|nodes| nodes.values());
        let heights = stated.filter(|stated| stated.held.node != own).flat_map(|stated| &stated.held.heights);
        // Of another version of the log it says nothing how far that is the same.
        let place = |id: &EntryId| lookup::place_of(store, id).or_else(|| self.forks.passed.get(id).copied());
        let held = heights
            .filter(|height| height.log == *key)
            .filter_map(|height| place(&height.head).filter(|(record, _)| record == key))
            .map(|(_, seq)| seq + 1)
            .max();
        let built_on = if record.class == Class::Control { self.built_on(store, key, record.scope) } else { 0 };
        held.unwrap_or(0).max(built_on)
    }

    /// How many entries of an own control log stand in the past of what other nodes wrote, who hold them then, or of an
    /// own group's creation: a group cannot be created again under its id.
    fn built_on(&self, store: &dyn Store, key: &LogId, scope: ScopeId) -> u64 {
        let (Some(org), own) = (&self.org, self.node()) else { return 0 };
        let of_org = ScopeId::from(org.id) == scope;
        let history = self.groups.get(&GroupId::from(scope)).map_or(&org.history, |group| &group.history);
        let graph = history.graph();
        let mut seen = Clock::default();
        for (index, _) in history.entries().iter().enumerate().filter(|(_, entry)| entry.node != own) {
            if !seen.covers(graph.node(index).place) {
                graph.absorb(&mut seen, index);
            }
        }
        for group in self.groups.values().filter(|_| of_org) {
            for (index, entry) in group.history.entries().iter().enumerate() {
                if entry.node != own || matches!(entry.op, ControlOp::GroupCreate(_)) {
                    let named = group.history.outside(index).iter().filter_map(|id| graph.index(id));
                    named.for_each(|index| graph.absorb(&mut seen, index));
                }
            }
        }
        let is_seen = |entry: &Entry| graph.get(&entry.id).is_some_and(|node| seen.covers(node.place));
        lookup::entries_of(store, key, 0).take_while(is_seen).count() as u64
    }

    /// An own log whose frontier names what is not there any more is left: what a log names only grows (INV-24).
    fn leave_misled(&mut self, cx: &mut Cx<'_>) {
        let knows = |scope: &ScopeId, id: &EntryId| {
            self.org.as_ref().is_some_and(|org| org.history.contains(id))
                || self.groups.get(&GroupId::from(*scope)).is_some_and(|group| group.history.contains(id))
        };
        let own = self.node();
        // Those too that are not in use: after a start they might be.
        let misled: Vec<LogId> = self
            .logs
            .iter()
            .filter(|(_, log)| log.node == own && !log.closed && !log.ctl.iter().all(|id| knows(&log.scope, id)))
            .map(|(key, _)| *key)
            .collect();
        for key in misled {
            self.close_own(cx, &key);
        }
    }

    /// What was withdrawn counts after all up to a position: a peer holds it so far.
    pub(crate) fn reinstate(&mut self, cx: &mut Cx<'_>, key: &LogId, next: u64) {
        let Some(record) = self.logs.get(key) else { return };
        let Some(end) = record.end.filter(|end| end.why == Why::Withdrawn && end.next < next) else { return };
        let log = record.wire(key);
        let rest = (next < record.next).then(|| lookup::entry_at(&*cx.tx, key, next - 1)).flatten();
        self.set_end(cx, key, rest.map(|head| End { next, head: head.id, ..end }));
        for branch in self.records(&log).into_iter().filter(|branch| *branch != log) {
            self.prove_fork(cx, &branch);
        }
    }

    /// Sets how far a record counts, durably, and has everything that rests on it folded anew.
    pub(super) fn set_end(&mut self, cx: &mut Cx<'_>, key: &LogId, end: Option<End>) {
        let record = *key;
        cx.tx.append(&codec::encode(&Note::Ends { record, end }));
        self.apply_end(cx, key, end);
    }

    fn apply_end(&mut self, cx: &mut Cx<'_>, key: &LogId, end: Option<End>) {
        let Some(record) = self.logs.get_mut(key) else { return };
        let from = [record.end, end].iter().flatten().map(|end| end.next).min().unwrap_or(record.next);
        record.end = end;
        record.closed = true;
        let (scope, class) = (record.scope, record.class);
        self.own.retain(|_, id| id != key);
        self.save_log(cx, key);
        let counts = |seq: u64| end.is_none_or(|end| seq < end.next);
        let touched: Vec<(EntryId, u64)> =
            lookup::entries_of(&*cx.tx, key, from).map(|entry| (entry.id, entry.header.seq)).collect();
        for (id, seq) in touched {
            if counts(seq) {
                self.forks.passed.remove(&id);
                cx.tx.put(&keys::entry(&id), &lookup::place_row(key, seq));
            } else {
                self.forks.passed.insert(id, (*key, seq));
                cx.tx.delete(&keys::entry(&id));
            }
        }
        self.fold_scope_anew(&*cx.tx, scope, class);
        self.unstated.insert(scope);
    }

    /// The journal says so again, after rows were lost.
    pub(crate) fn take_note(&mut self, cx: &mut Cx<'_>, note: Note) {
        match note {
            Note::Ends { record, end } => self.apply_end(cx, &record, end),
            Note::Closed { log } => self.close_own(cx, &log),
        }
    }

    /// What follows from a scope's entries of a class is worked out again from those that count.
    pub(crate) fn fold_scope_anew(&mut self, store: &dyn Store, scope: ScopeId, class: Class) {
        let of_org = self.org().map(ScopeId::from) == Some(scope);
        match class {
            Class::Control => self.rebuild_histories(store, scope),
            Class::Data if of_org => self.forks.refold_org = true,
            Class::Data => {
                self.forks.refolds.insert(GroupId::from(scope));
            }
        }
    }

    /// Groups rest on the organisation: what they hold is taken in again with it.
    fn rebuild_histories(&mut self, store: &dyn Store, scope: ScopeId) {
        self.rebuild_history(store, scope);
        if self.org().map(ScopeId::from) == Some(scope) {
            for group in self.groups.keys().copied().collect::<Vec<_>>() {
                self.rebuild_history(store, ScopeId::from(group));
            }
        }
    }

    fn rebuild_history(&mut self, store: &dyn Store, scope: ScopeId) {
        let group = GroupId::from(scope);
        match (&mut self.org, self.groups.get_mut(&group)) {
            (Some(org), _) if ScopeId::from(org.id) == scope => org.history = History::default(),
            (_, Some(group)) => group.history = History::default(),
            _ => return,
        }
        for (key, node) in self.records_in(&scope, Class::Control) {
            let record = &self.logs[&key];
            let (end, _) = record.end();
            let mut ctl = record.branch.as_ref().map(|branch| branch.ctl.clone()).unwrap_or_default();
            for entry in lookup::entries_of(store, &key, 0).take_while(|entry| entry.header.seq < end) {
                if let Some(explicit) = &entry.header.ctl {
                    ctl.clone_from(explicit);
                }
                if let Some(control) = control_entry(&entry, node, &ctl) {
                    self.insert_control(scope, control);
                }
            }
        }
        // Anything may have changed: as after a removal.
        match self.groups.contains_key(&group) {
            true => self.mark_group_stale(group, control_kind::REVOKE),
            false => self.mark_org_stale(control_kind::NODE_REVOKE),
        }
    }

    /// The records of a class in a scope with their writers.
    pub(crate) fn records_in(&self, scope: &ScopeId, class: Class) -> Vec<(LogId, crate::ids::NodeId)> {
        let keys = self.scopes.get(scope).into_iter().flatten();
        keys.filter_map(|key| self.logs.get(key).map(|log| (key, log)))
            .filter(|(_, log)| log.class == class)
            .map(|(key, log)| (*key, log.node))
            .collect()
    }

    /// Writes again what was withdrawn, and folds what is to be folded anew.
    pub(crate) fn settle_forks(&mut self, cx: &mut Cx<'_>) {
        let mut waiting = std::mem::take(&mut self.forks.to_reissue);
        // Rights before what rests on them, the organisation's first.
        let org = self.org().map(ScopeId::from);
        waiting.sort_by_key(|(scope, class, _)| (*class, Some(*scope) != org));
        for (scope, class, tail) in waiting {
            self.evaluate_stale(cx);
            for entry in tail {
                self.reissue(cx, scope, class, &entry);
            }
        }
        if std::mem::take(&mut self.forks.refold_org) {
            self.evaluate_stale(cx);
            self.refold_org(cx);
        }
        for group in std::mem::take(&mut self.forks.refolds) {
            self.evaluate_stale(cx);
            self.refold(cx, group);
        }
    }

    /// Writes an own entry again in the log in use, as of its own time.
    pub(crate) fn reissue(&mut self, cx: &mut Cx<'_>, scope: ScopeId, class: Class, entry: &Entry) {
        let Some(body) = &entry.body else { return };
        // These concern the log itself, or are made anew when they lack.
        if matches!(entry.header.kind, control_kind::LOG_OPEN | control_kind::SEE | kind::EPOCH) {
            return;
        }
        let renamed = |id: &EntryId| self.forks.renamed.get(id).copied().unwrap_or(*id);
        let draft = Draft {
            kind: entry.header.kind,
            body: body.bytes.clone(),
            actor: entry.header.actor,
            refs: entry.header.refs.iter().map(renamed).collect(),
            again: Some(Again {
                original: again_of(entry).unwrap_or(entry.id),
                salt: body.salt,
                hlc: entry.header.hlc,
            }),
        };
        let id = self.write(cx, scope, class, draft);
        self.forks.renamed.insert(entry.id, id);
    }
}

/// Whether a `see` entry folds one of these into itself.
fn sees(entry: &Entry, gone: &BTreeSet<EntryId>) -> bool {
    let Some(body) = entry.body.as_ref().filter(|_| entry.header.kind == control_kind::SEE) else { return false };
    match ControlOp::decode(control_kind::SEE, &body.bytes) {
        Ok(ControlOp::See(see)) => see.heads.iter().any(|id| gone.contains(id)),
        _ => false,
    }
}

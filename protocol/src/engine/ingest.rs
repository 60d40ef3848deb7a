//! Entries from anywhere: proved, appended, indexed, folded. In this order: size and encoding (already read), owner,
//! chain, signature, bodies, time; then the record, the rows, and what the entries mean.

use super::fold::Placed;
use super::{Cx, Engine};
use crate::control::op::{Class, ControlOp, kind};
use crate::control::{ControlEntry, Inserted};
use crate::entry::Entry;
use crate::entry::batch::{self, Signatures};
use crate::group::keeping::may_lack_body;
use crate::ids::{EntryId, GroupId, LogId, NodeId, OrgId, ScopeId};
use crate::limits::{RECORD_BYTES_MAX, RECORD_ENTRIES_MAX};
use crate::log::{self, ChainError, Log};
use crate::store::Location;
use crate::store::keys;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ingested {
    /// So many entries were new.
    New(usize),
    /// Its owner is not known as a node of the organisation (yet).
    Stranger,
    /// Its last entry lies in the future: ask again later.
    Ahead,
    /// Its site has given as much as its admission allows (ruling A11).
    Capped,
    /// It does not continue what is held.
    Chain(ChainError),
    /// The first entry opens no log, or not in a known form.
    Malformed,
}

impl Ingested {
    /// Whether no honest node would have sent it.
    pub(crate) fn is_fault(self) -> bool {
        matches!(self, Self::Malformed | Self::Chain(ChainError::Signature | ChainError::Broken))
    }
}

/// What an opening entry says about its log.
pub(crate) fn opening(entry: &Entry) -> Option<(ScopeId, Class, NodeId)> {
    let body = entry.body.as_ref()?;
    match ControlOp::decode(entry.header.kind, &body.bytes).ok()? {
        ControlOp::LogOpen(open) => Some((entry.header.scope, open.class, open.node)),
        ControlOp::GroupCreate(create) => Some((ScopeId(entry.id.0), Class::Control, create.node)),
        _ => None,
    }
}

/// Whether these entries begin with the organisation's founding: nobody could have admitted their writer.
fn founds(org: &OrgId, entries: &[Entry]) -> bool {
    entries.iter().any(|entry| {
        let Some(body) = entry.body.as_ref().filter(|_| entry.header.kind == kind::CONSTITUTION) else { return false };
        matches!(
            ControlOp::decode(entry.header.kind, &body.bytes),
            Ok(ControlOp::Constitution(signed)) if super::setup::revision_id(&signed.revision) == org.0
        )
    })
}

/// Whether every body is there that is needed to know what counts: only words may have been erased.
pub(crate) fn whole(entries: &[Entry], class: Class) -> Result<(), ChainError> {
    let may_lack = |entry: &Entry| class == Class::Data && may_lack_body(entry.header.kind);
    if entries.iter().all(|entry| entry.body.is_some() || may_lack(entry)) { Ok(()) } else { Err(ChainError::Broken) }
}

/// The evaluator's form of a control entry; `None` when its body is gone or malformed.
pub(crate) fn control_entry(entry: &Entry, node: NodeId, ctl: &[EntryId]) -> Option<ControlEntry> {
    let op = ControlOp::decode(entry.header.kind, &entry.body.as_ref()?.bytes).ok()?;
    Some(ControlEntry {
        id: entry.id,
        log: entry.log(),
        seq: entry.header.seq,
        node,
        actor: entry.header.actor,
        prev: entry.header.prev,
        ctl: ctl.to_vec(),
        again: super::fork::again_of(entry),
        op,
    })
}

impl Engine {
    /// Takes a batch of one log from a peer, a bundle or a welcome.
    pub(crate) fn ingest(&mut self, cx: &mut Cx<'_>, mut entries: Vec<Entry>) -> Ingested {
        let Some(org) = self.org() else { return Ingested::Stranger };
        let Some(first) = entries.first() else { return Ingested::New(0) };
        let id = first.log();
        // What is being dropped is taken again when it is gone.
        if self.dropping.contains_key(&id) {
            return Ingested::Ahead;
        }
        if let Some(outcome) = self.ingest_span(cx, &org, &entries) {
            return outcome;
        }
        match self.logs.get(&id) {
            Some(_) => {
                let held = entries.iter().take_while(|entry| self.is_stored(&*cx.tx, &entry.id)).count();
                // What was thought never to have left counts again when somebody brings it.
                let passed = entries[..held].iter().rev().find_map(|entry| self.forks.passed.get(&entry.id)).copied();
                if let Some((key, at)) = passed {
                    self.reinstate(cx, &key, at + 1);
                }
                let fresh = entries.split_off(held);
                let (Some(first), Some(log)) = (fresh.first(), self.logs.get(&id)) else { return Ingested::New(0) };
                if log.end.is_none() && first.header.prev == Some(log.head) {
                    let log = log.clone();
                    return self.ingest_onto(cx, &org, id, log, fresh);
                }
                self.ingest_beside(cx, &org, id, fresh)
            }
            None if first.header.seq > 0 => Ingested::Chain(ChainError::Gap),
            None => {
                let Some((scope, class, node)) = opening(first) else { return Ingested::Malformed };
                if !self.view.org_state().is_some_and(|state| state.knows_node(&node)) && !founds(&org, &entries) {
                    return Ingested::Stranger;
                }
                self.ingest_opening(cx, &org, (scope, class, node), entries)
            }
        }
    }

    fn ingest_opening(
        &mut self,
        cx: &mut Cx<'_>,
        org: &OrgId,
        (scope, class, node): (ScopeId, Class, NodeId),
        mut entries: Vec<Entry>,
    ) -> Ingested {
        if let Err(error) = log::proved(&entries, class, node, org).and_then(|()| whole(&entries, class)) {
            return Ingested::Chain(error);
        }
        let log = log::opened(&entries[0], scope, class, node);
        if let Err(error) = log.continues(&entries[1..]) {
            return Ingested::Chain(error);
        }
        self.keep_ahead(cx.now, node, &mut entries);
        if entries.is_empty() {
            return Ingested::Ahead;
        }
        let rest = entries.split_off(1);
        let id = entries[0].log();
        let in_use = self.own.get(&(scope, class)).copied();
        self.note_log(id, log);
        // An own log that comes from others was written by an earlier life of this node, or dropped with its group: nobody
        // here knows where it ends, so nothing is added to it (ruling A6).
        let own = node == self.node();
        if own {
            self.own.retain(|_, own| *own != id);
            self.own.extend(in_use.map(|log| ((scope, class), log)));
            // What was dropped comes back when its people return: that is no restore.
            if class == Class::Control || !self.may_have_dropped(&scope) {
                self.note_restored(cx, scope, 0, (entries.len() + rest.len()) as u64);
            }
        }
        self.store_run(cx, &id, &entries);
        if own {
            self.close_own(cx, &id);
        }
        self.fold_run(cx, &id, &entries);
        if rest.is_empty() {
            self.save_log(cx, &id);
            return Ingested::New(1);
        }
        self.accept(cx, &id, &rest);
        Ingested::New(1 + rest.len())
    }

    pub(crate) fn ingest_onto(
        &mut self,
        cx: &mut Cx<'_>,
        org: &OrgId,
        id: LogId,
        log: Log,
        mut fresh: Vec<Entry>,
    ) -> Ingested {
        if let Err(error) = log
            .continues(&fresh)
            .and_then(|()| log::proved(&fresh, log.class, log.node, org))
            .and_then(|()| whole(&fresh, log.class))
        {
            return Ingested::Chain(error);
        }
        self.keep_ahead(cx.now, log.node, &mut fresh);
        if fresh.is_empty() {
            return Ingested::Ahead;
        }
        self.accept(cx, &id, &fresh);
        Ingested::New(fresh.len())
    }

    /// Takes entries that are proved: record, rows, meaning.
    pub(crate) fn accept(&mut self, cx: &mut Cx<'_>, id: &LogId, entries: &[Entry]) {
        let emptied = self.emptied_on_arrival(cx, id, entries);
        let mut rest = emptied.as_deref().unwrap_or(entries);
        while !rest.is_empty() {
            let count = run_length(rest);
            let (run, tail) = rest.split_at(count);
            self.store_run(cx, id, run);
            self.fold_run(cx, id, run);
            rest = tail;
        }
        self.save_log(cx, id);
    }

    /// Appends one record and its rows.
    pub(crate) fn store_run(&mut self, cx: &mut Cx<'_>, id: &LogId, run: &[Entry]) {
        let location = cx.tx.append(&batch::encode(run, Signatures::All));
        self.index_run(cx, id, run, location);
    }

    pub(crate) fn index_run(&mut self, cx: &mut Cx<'_>, id: &LogId, run: &[Entry], location: Location) {
        let (first, last) = (run[0].header.seq, run[run.len() - 1].header.seq);
        let mut value = [0; 20];
        value[..8].copy_from_slice(&first.to_be_bytes());
        value[8..].copy_from_slice(&location.to_bytes());
        cx.tx.put(&keys::run(id, last), &value);
        let Some((scope, class, node, end)) = self.logs.get(id).map(|log| (log.scope, log.class, log.node, log.end))
        else {
            return;
        };
        let own = node == self.node();
        for entry in run {
            if let Some(body) = entry.body.as_ref().filter(|_| own) {
                cx.tx.put(&keys::request(&body.salt), &entry.id.0);
            }
            if end.is_some_and(|end| entry.header.seq >= end.next) {
                self.forks.passed.insert(entry.id, (*id, entry.header.seq));
            } else {
                cx.tx.put(&keys::entry(&entry.id), &super::lookup::place_row(id, entry.header.seq));
            }
            if class == Class::Data {
                self.meet_twins(cx, scope, entry);
            }
            self.clock.observe(self.true_now(cx.now), entry.header.hlc);
        }
    }

    /// Gives stored entries their meaning, and moves the log's state along.
    pub(crate) fn fold_run(&mut self, cx: &mut Cx<'_>, id: &LogId, run: &[Entry]) {
        let Some(log) = self.logs.get(id) else { return };
        let (scope, class, node, wire) = (log.scope, log.class, log.node, log.wire(id));
        let mut ctl = log.ctl.clone();
        for entry in run {
            if let Some(explicit) = &entry.header.ctl {
                ctl.clone_from(explicit);
            }
            if let Some(log) = self.logs.get_mut(id).filter(|log| entry.header.seq >= log.next) {
                log.extend(std::slice::from_ref(entry));
            }
            match class {
                Class::Control => {
                    if let Some(control) = control_entry(entry, node, &ctl) {
                        self.take_control(scope, control);
                    }
                }
                // The entry that opens a data log has no content.
                Class::Data if entry.header.seq > 0 => {
                    self.fold_data(cx, scope, &Placed { log: wire, node, ctl: &ctl, entry });
                }
                Class::Data => {}
            }
        }
        if !self.forks.sealed.is_empty() {
            run.iter().for_each(|entry| self.note_end(&entry.id, scope));
        }
        self.unstated.insert(scope);
        self.fresh.insert((scope, *id));
    }

    /// Adds a control entry to its scope's history and marks what must be evaluated anew.
    fn take_control(&mut self, scope: ScopeId, entry: ControlEntry) {
        let of_kind = entry.op.encode().0;
        let before = self.history_len(&scope);
        self.insert_control(scope, entry);
        // What waited for it came in too, of whatever kind: as after a removal.
        let alone = self.history_len(&scope) <= before + 1;
        let group = GroupId::from(scope);
        if self.groups.contains_key(&group) {
            self.mark_group_stale(group, if alone { of_kind } else { kind::REVOKE });
        } else {
            self.mark_org_stale(if alone { of_kind } else { kind::NODE_REVOKE });
        }
    }

    fn history_len(&self, scope: &ScopeId) -> usize {
        match (&self.org, self.groups.get(&GroupId::from(*scope))) {
            (_, Some(group)) => group.history.len(),
            (Some(org), None) if ScopeId::from(org.id) == *scope => org.history.len(),
            _ => 0,
        }
    }

    /// Inserts into the right history. Entries that miss others wait inside it.
    pub(crate) fn insert_control(&mut self, scope: ScopeId, entry: ControlEntry) {
        let Some(org) = &mut self.org else { return };
        if ScopeId::from(org.id) == scope {
            let _: Inserted = org.history.insert(entry, &|_| false);
        } else {
            let group = self.groups.entry(GroupId::from(scope)).or_default();
            let history = &org.history;
            let _: Inserted = group.history.insert(entry, &|id| history.contains(id));
        }
    }

    /// Where a replayed record stood before it was written anew and wiped, if the rows still lead there: what was withdrawn
    /// then is not found by its ids.
    fn place_of_wiped(&self, cx: &Cx<'_>, entries: &[Entry]) -> Option<(LogId, u64)> {
        let (first, last) = (entries.first()?, entries.last()?);
        let stood = |key: &LogId| {
            let row = cx.tx.get(&keys::run(key, last.header.seq))?;
            let from = u64::from_be_bytes(row.get(..8)?.try_into().ok()?);
            let wiped = cx.tx.record(row.get(8..).and_then(Location::from_bytes)?).is_none();
            // What follows says that it is the same, not a branch.
            let next = last.header.seq + 1;
            let same = match self.logs.get(key).filter(|log| log.next == next) {
                Some(log) => log.head == last.id,
                None => super::lookup::entry_at(&*cx.tx, key, next)?.header.prev == Some(last.id),
            };
            (wiped && same && from == first.header.seq).then_some((*key, from))
        };
        self.records(&first.log()).iter().find_map(stood)
    }

    /// Takes a journal record again after its rows were lost: it was proved before it was written.
    pub(crate) fn take_record(&mut self, cx: &mut Cx<'_>, entries: Vec<Entry>, at: Location) {
        let Some(first) = entries.first() else { return };
        // The first record of a journal opens the founder's control log, whose scope is the organisation.
        if self.org.is_none() {
            self.found(cx.tx, OrgId(first.header.scope.0));
        }
        if first.header.seq == 0 && !self.logs.contains_key(&first.log()) {
            let Some((scope, class, node)) = opening(first) else { return };
            self.note_log(first.log(), log::opened(first, scope, class, node));
        }
        // What stands already, counting or not, was written anew, without bodies that were erased.
        let stands = super::lookup::place_of(&*cx.tx, &first.id)
            .or_else(|| self.forks.passed.get(&first.id).copied())
            .or_else(|| self.place_of_wiped(cx, &entries));
        if let Some((id, _)) = stands {
            return self.replace_record(cx, &id, &entries, at);
        }
        self.drop_span_of_forked(cx, &first.log());
        if self.take_span_record(cx, &entries, at) {
            return;
        }
        let Some(id) = self.record_for(cx, &entries) else {
            // What it continues was written anew and stands further on; or it is damaged, which its owner reports.
            self.waiting_ends.insert(entries[entries.len() - 1].id, at);
            return cx.tx.put(&keys::deferred(at), &[]);
        };
        cx.tx.delete(&keys::deferred(at));
        self.index_run(cx, &id, &entries, at);
        self.fold_run(cx, &id, &entries);
        self.save_log(cx, &id);
        self.join_span(cx, &id);
    }
}

/// How many entries the next record takes: few enough that reading one of them stays cheap.
pub(super) fn run_length(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let mut count = 0;
    for entry in entries.iter().take(RECORD_ENTRIES_MAX) {
        bytes += entry.body.as_ref().map_or(0, |body| body.bytes.len());
        if count > 0 && bytes > RECORD_BYTES_MAX {
            break;
        }
        count += 1;
        // `group.create` stands in another scope than what follows it.
        if entry.header.kind == kind::GROUP_CREATE {
            break;
        }
    }
    count
}

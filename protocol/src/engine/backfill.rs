//! Taking in a log from its newest entry down (ruling D11): a span above what is held from the beginning, gap-free in
//! itself, grows at both ends until it meets the rest.
//!
//! 1. The span is proved by the signature of its newest entry, and everything below by the chain of `prev`.
//! 2. What this node tells others of the log — heights, digests, statements, ranges — is what is held from the
//!    beginning. A span counts for that once it is joined, so no statement claims what could still turn out to be missing.
//! 3. What is shown does count it: verdicts depend on control entries and on the entry alone, never on older data.
//! 4. A span whose bottom does not continue what is held is another branch of a forked log: it is dropped, and the log
//!    is filled from below.

use super::effect::Effect;
use super::fold::Placed;
use super::ingest::{Ingested, run_length, whole};
use super::serve::Share;
use super::{Cx, Engine};
use crate::control::op::Class;
use crate::entry::Entry;
use crate::entry::batch::{self, Signatures};
use crate::ids::{EntryId, GroupId, LogId, OrgId, ScopeId};
use crate::keys::{PublicKey, Verifier};
use crate::log::{self, ChainError, Log, Span};
use crate::store::{Location, keys};

impl Engine {
    /// Whether this node keeps the data of a scope.
    fn keeps(&self, scope: &ScopeId) -> bool {
        self.share(&self.node(), scope) == Share::All
    }

    /// Begins a span with entries that lie further up than what is held, or grows it upwards.
    pub(crate) fn ingest_above(&mut self, cx: &mut Cx<'_>, mut entries: Vec<Entry>) -> Ingested {
        let Some((org, id, log)) = self.known_data(&entries) else { return Ingested::Stranger };
        if log.above.is_some() {
            return self.ingest_span(cx, &org, &entries).unwrap_or(Ingested::Chain(ChainError::Gap));
        }
        if let Err(error) = log::proved(&entries, log.class, log.node, &org).and_then(|()| whole(&entries, log.class)) {
            return Ingested::Chain(error);
        }
        self.keep_ahead(cx.now, log.node, &mut entries);
        if entries.is_empty() {
            // Until its time has come what lies below is taken upwards.
            self.fill_upwards(&id);
            return Ingested::Ahead;
        }
        match Span::begun(&log, &entries) {
            Some(span) => self.set_span(&id, Some(span)),
            // Its writer does not say its frontier as often as it should: what lies below tells it.
            None => {
                self.fill_upwards(&id);
                return Ingested::Chain(ChainError::Gap);
            }
        }
        self.store_span(cx, &id, &entries, log.ctl);
        self.join_span(cx, &id);
        Ingested::New(entries.len())
    }

    /// Takes entries that end where a span begins: the chain proves them.
    pub(crate) fn ingest_below(&mut self, cx: &mut Cx<'_>, mut entries: Vec<Entry>) -> Ingested {
        let Some((org, id, log)) = self.known_data(&entries) else { return Ingested::Stranger };
        let Some(span) = log.above.clone() else { return Ingested::New(0) };
        entries.retain(|entry| entry.header.seq < span.low);
        let Some(first) = entries.first() else { return Ingested::New(0) };
        // The frontier in force must stand in the first entry, or be known from what is held.
        if first.header.seq > log.next && first.header.ctl.is_none() {
            return Ingested::Malformed;
        }
        if let Err(error) = span
            .preceded(&log, &entries)
            .and_then(|()| signatures_hold(&entries, &log, &org))
            .and_then(|()| whole(&entries, log.class))
        {
            return Ingested::Chain(error);
        }
        entries.retain(|entry| entry.header.seq >= log.next);
        let Some(first) = entries.first() else {
            self.join_span(cx, &id);
            return Ingested::New(0);
        };
        let mut grown = span;
        grown.grow_down(first);
        self.set_span(&id, Some(grown));
        self.store_span(cx, &id, &entries, log.ctl);
        self.join_span(cx, &id);
        Ingested::New(entries.len())
    }

    /// Entries of a log that has a span: at its upper end, or below it. `None` when the log has none.
    pub(crate) fn ingest_span(&mut self, cx: &mut Cx<'_>, org: &OrgId, entries: &[Entry]) -> Option<Ingested> {
        let first = entries.first()?;
        let id = first.log();
        self.drop_span_of_forked(cx, &id);
        let log = self.logs.get(&id).filter(|log| log.above.is_some())?.clone();
        let span = log.above.clone()?;
        let known = |entry: &Entry| self.is_stored(&*cx.tx, &entry.id);
        if !entries.iter().filter(|entry| log.holds(entry.header.seq)).all(known) {
            // Two histories meet: a tree is taken in from below.
            self.drop_span(cx, &id);
            return None;
        }
        let fresh: Vec<Entry> = entries.iter().filter(|entry| !log.holds(entry.header.seq)).cloned().collect();
        if fresh.is_empty() {
            return Some(Ingested::New(0));
        }
        if let Err(error) = log::proved(entries, log.class, log.node, org).and_then(|()| whole(entries, log.class)) {
            return Some(Ingested::Chain(error));
        }
        let (mut under, mut over): (Vec<Entry>, Vec<Entry>) =
            fresh.into_iter().partition(|entry| entry.header.seq < span.low);
        match log.continues(&under).and_then(|()| span.continued(&log.scope, &over)) {
            Ok(()) => {}
            Err(ChainError::Fork) => {
                self.drop_span(cx, &id);
                return None;
            }
            Err(error) => return Some(Ingested::Chain(error)),
        }
        self.keep_ahead(cx.now, log.node, &mut under);
        self.keep_ahead(cx.now, log.node, &mut over);
        let new = under.len() + over.len();
        if new == 0 {
            return Some(Ingested::Ahead);
        }
        if !under.is_empty() {
            self.accept(cx, &id, &under);
            self.join_span(cx, &id);
        }
        if !over.is_empty() {
            match self.logs.get_mut(&id) {
                Some(log) if log.above.is_some() => {
                    let ctl = span.ctl.clone();
                    if let Some(span) = &mut log.above {
                        span.extend(&over);
                    }
                    self.store_span(cx, &id, &over, ctl);
                }
                // The span was joined just now: what follows it follows the log.
                _ => self.accept(cx, &id, &over),
            }
        }
        Some(Ingested::New(new))
    }

    fn known_data(&self, entries: &[Entry]) -> Option<(OrgId, LogId, Log)> {
        let id = entries.first()?.log();
        let log = self.logs.get(&id).filter(|log| log.class == Class::Data && self.keeps(&log.scope))?;
        Some((self.org()?, id, log.clone()))
    }

    fn set_span(&mut self, id: &LogId, span: Option<Span>) {
        if let Some(log) = self.logs.get_mut(id) {
            log.above = span;
        }
    }

    /// Stores and folds entries of a span; `ctl` is in force before them, where the first does not say.
    fn store_span(&mut self, cx: &mut Cx<'_>, id: &LogId, entries: &[Entry], mut ctl: Vec<EntryId>) {
        let emptied = self.emptied_on_arrival(cx, id, entries);
        let mut rest = emptied.as_deref().unwrap_or(entries);
        while !rest.is_empty() {
            let (run, tail) = rest.split_at(run_length(rest));
            self.store_run(cx, id, run);
            self.fold_span(cx, id, run, &mut ctl);
            rest = tail;
        }
        self.save_log(cx, id);
    }

    /// Gives the entries of a span their meaning.
    fn fold_span(&mut self, cx: &mut Cx<'_>, id: &LogId, run: &[Entry], ctl: &mut Vec<EntryId>) {
        let Some((scope, node)) = self.logs.get(id).map(|log| (log.scope, log.node)) else { return };
        for entry in run {
            if let Some(explicit) = &entry.header.ctl {
                ctl.clone_from(explicit);
            }
            self.fold_data(cx, scope, &Placed { log: *id, node, ctl, entry });
        }
    }

    /// Joins a span that has met what is held.
    pub(crate) fn join_span(&mut self, cx: &mut Cx<'_>, id: &LogId) {
        let Some(log) = self.logs.get_mut(id) else { return };
        let Some(joined) = log.join() else { return };
        let scope = log.scope;
        if joined.is_err() {
            self.drop_span(cx, id);
        }
        self.unstated.insert(scope);
        self.fresh.insert((scope, *id));
        self.save_log(cx, id);
    }

    /// Forgets a span of another branch: its rows and records go, and what rests on the group's rows is made anew. The
    /// records are wiped too: what is erased later must not outlive it where nothing leads to it any more.
    fn drop_span(&mut self, cx: &mut Cx<'_>, id: &LogId) {
        let Some(log) = self.logs.get_mut(id) else { return };
        let (Some(span), group) = (log.above.take(), GroupId::from(log.scope)) else { return };
        let mut next = span.low;
        let mut places = Vec::new();
        while next < span.top {
            let Some((_, place)) = super::lookup::run_at(&*cx.tx, id, next) else { break };
            let Some(run) = super::lookup::run_of(&*cx.tx, id, next) else { break };
            let Some(last) = run.last().map(|entry| entry.header.seq) else { break };
            for entry in &run {
                self.forget_rows(cx, group, entry);
            }
            cx.tx.delete(&keys::run(id, last));
            cx.tx.put(&keys::wipe(place), &[]);
            places.push(place);
            next = last + 1;
        }
        cx.effects.push(Effect::Wipe(places));
        self.fill_upwards(id);
        if let Some(group) = self.groups.get_mut(&group) {
            group.stale = true;
            group.refold = true;
        }
    }

    /// A log with branches is taken in from below: its span goes.
    pub(crate) fn drop_span_of_forked(&mut self, cx: &mut Cx<'_>, id: &LogId) {
        if self.has_branches(id) || self.logs.get(id).is_some_and(|log| log.end.is_some()) {
            self.drop_span(cx, id);
        }
    }

    /// Takes a journal record of a span again after its rows were lost. False when it is none, or when it must wait for
    /// one that stands further on in the journal.
    pub(crate) fn take_span_record(&mut self, cx: &mut Cx<'_>, entries: &[Entry], at: Location) -> bool {
        let Some(first) = entries.first() else { return false };
        let (id, seq) = (first.log(), first.header.seq);
        let Some(log) = self.logs.get(&id).filter(|log| log.class == Class::Data && log.next > 0) else { return false };
        // An own log is never filled from above: what follows a hole in it comes again from others.
        let own = log.node == self.node();
        if own || seq <= log.next || (log.above.is_none() && self.has_branches(&id)) {
            return false;
        }
        let mut records = vec![(entries.to_vec(), at)];
        let grown = match &log.above {
            None => Span::begun(log, entries),
            Some(span) if span.continued(&log.scope, entries).is_ok() => {
                let mut grown = span.clone();
                grown.extend(entries);
                Some(grown)
            }
            Some(span) if span.preceded(log, entries).is_ok() => {
                records = self.back_to_frontier(cx, records);
                let lowest = records[0].0.first().filter(|first| first.header.ctl.is_some());
                lowest.map(|first| {
                    let mut grown = span.clone();
                    grown.grow_down(first);
                    grown
                })
            }
            Some(_) => None,
        };
        let Some(span) = grown else { return false };
        self.set_span(&id, Some(span));
        for (run, at) in &records {
            self.index_run(cx, &id, run, *at);
            self.waiting_ends.remove(&run[run.len() - 1].id);
            cx.tx.delete(&keys::deferred(*at));
        }
        let mut ctl = Vec::new();
        for (run, _) in &records {
            if ctl.is_empty() {
                ctl = self.frontier_at(&*cx.tx, &id, run[0].header.seq);
            }
            self.fold_span(cx, &id, run, &mut ctl);
        }
        self.save_log(cx, &id);
        self.join_span(cx, &id);
        true
    }

    /// Puts those waiting records before the first one that lead back to an entry which names its frontier: one piece is
    /// stored as several records, the lowest first, which a span takes together.
    fn back_to_frontier(&self, cx: &Cx<'_>, mut records: Vec<(Vec<Entry>, Location)>) -> Vec<(Vec<Entry>, Location)> {
        loop {
            let first = &records[0].0[0];
            let waiting = |prev| self.waiting_ends.get(&prev).copied();
            let Some(at) = first.header.prev.filter(|_| first.header.ctl.is_none()).and_then(waiting) else {
                return records;
            };
            let Some(run) = cx.tx.record(at).and_then(|record| batch::decode(&record).ok()) else { return records };
            if run.is_empty() || run[run.len() - 1].header.seq + 1 != first.header.seq {
                return records;
            }
            records.insert(0, (run, at));
        }
    }
}

/// Whether the signatures that came along, if any, are the owner's.
fn signatures_hold(entries: &[Entry], log: &Log, org: &OrgId) -> Result<(), ChainError> {
    let verifier = Verifier::new(PublicKey::from(log.node)).ok_or(ChainError::Signature)?;
    for entry in entries {
        if entry.signature.is_some() && !entry.is_signed_by(&verifier, org) {
            return Err(ChainError::Signature);
        }
    }
    Ok(())
}

/// Bytes of a run of entries with the signatures that keep it provable further on: of each aligned stretch the last one
/// at hand, so that whoever is given the log later finds one in every batch.
pub(crate) fn encode_below(entries: &[Entry]) -> Vec<u8> {
    batch::encode(entries, Signatures::Sparse)
}

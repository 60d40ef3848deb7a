//! Carrying out what is to be forgotten: records written anew without the bodies, old ones wiped, files removed.
//!
//! One body is erased in three steps. Its record is appended anew without it, and the rows point there, in one commit;
//! then the old record is wiped in place; then the row that remembers the wipe goes. A crash in between leaves that row,
//! or a rebuilt index finds both records and writes it again: the body ends up gone either way. An erasure is stated as
//! carried out only when nothing waits for the disk any more.

use super::effect::{Effect, Notice};
use super::erase::{Row, is_objected};
use super::fold::Placed;
use super::lookup::{self, Found};
use super::{Cx, Engine};
use crate::clock::Millis;
use crate::control::op::Class;
use crate::entry::Entry;
use crate::entry::batch::{self, Signatures};
use crate::group::keeping::Power;
use crate::ids::{BlobId, EntryId, GroupId, LogId, ScopeId};
use crate::limits::ERASE_RECORDS_PER_STEP;
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Location, Store};
use std::collections::{BTreeMap, BTreeSet};

/// How often old words are looked for where something is kept for some days only.
const SWEEP_EVERY_MS: u64 = 6 * 60 * 60 * 1000;
/// Wipes and removals asked for again at each tick, where the disk did not answer.
const AGAIN_MAX: usize = 64;
/// Edits of one target that go with it in one step; more follow in the next.
const EDITS_PER_STEP: usize = 256;

/// How far this process has come in what is done bit by bit.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// When the next one begins.
    next: Millis,
    /// Logs still to be looked through, and from where.
    logs: BTreeMap<LogId, u64>,
}

/// What one erasure came to in a step.
enum Step {
    /// Nothing of it is left.
    Gone,
    /// There is more than a step does.
    More,
    /// It waits: for its time, or for a hold to end.
    Waits,
    /// It does not count (any more).
    Off,
}

/// Which bodies go: by log, then position.
type Victims = BTreeMap<LogId, BTreeSet<u64>>;

impl Engine {
    /// Old words are looked for at the next tick.
    pub(crate) fn sweep_soon(&mut self) {
        self.sweep.next = Millis(0);
    }

    /// Whether something can be done about forgetting now.
    pub fn is_erasing(&self) -> bool {
        self.erase_soon
    }

    /// Goes on with what was to be forgotten when the process ended. Called until [`Engine::is_erasing`] says no, before
    /// anything is served: each time with a transaction of its own, whose wipes are carried out and told.
    pub fn resume_erasing(
        &mut self,
        tx: &mut dyn crate::store::Transaction,
        now: Millis,
        rng: &mut dyn rand_core::Rng,
    ) -> Vec<Effect> {
        let mut cx = Cx::new(tx, now, rng);
        self.erase_step(&mut cx);
        self.again(&mut cx);
        cx.effects
    }

    /// Tells that the wipes of [`Engine::resume_erasing`] were carried out.
    pub fn tell_wiped(
        &mut self,
        tx: &mut dyn crate::store::Transaction,
        now: Millis,
        rng: &mut dyn rand_core::Rng,
        places: &[Location],
    ) {
        self.wiped(&mut Cx::new(tx, now, rng), places);
    }

    /// A part of the work, as much as goes between two requests.
    pub(crate) fn erase_step(&mut self, cx: &mut Cx<'_>) {
        if self.replaying || !std::mem::take(&mut self.erase_soon) {
            return;
        }
        let mut budget = ERASE_RECORDS_PER_STEP;
        self.empty_superseded(cx, &mut budget);
        let idle = self.is_disk_done(cx);
        let all: Vec<(ScopeId, EntryId)> =
            self.unerased.iter().flat_map(|(scope, ids)| ids.iter().map(|id| (*scope, *id))).collect();
        for (scope, erasure) in all {
            let step = self.erase_one(cx, scope, erasure, &mut budget);
            self.erase_soon |= matches!(step, Step::More);
            match step {
                Step::Gone if idle => self.erased_here(cx, scope, &erasure),
                Step::Off => self.off_the_list(scope, &erasure),
                Step::Gone | Step::More | Step::Waits => {}
            }
            if budget == 0 {
                self.erase_soon = true;
                break;
            }
        }
    }

    /// Called at each tick.
    pub(crate) fn erase_tick(&mut self, cx: &mut Cx<'_>) {
        self.erase_soon |= !self.unerased.is_empty();
        self.sweep_step(cx);
        self.again(cx);
    }

    /// What the disk still owes.
    fn again(&mut self, cx: &mut Cx<'_>) {
        let (from, to) = Key::of(table::WIPE).prefix();
        let rows = cx.tx.range(&from, &to, AGAIN_MAX, Direction::Forward);
        let places: Vec<Location> = rows.iter().filter_map(|(key, _)| Location::from_bytes(&key[1..])).collect();
        if !places.is_empty() {
            cx.effects.push(Effect::Wipe(places));
        }
        let (from, to) = Key::of(table::UNUSED).prefix();
        for (key, _) in cx.tx.range(&from, &to, AGAIN_MAX, Direction::Forward) {
            cx.effects.extend(BlobId::from_slice(&key[1..]).map(Effect::RemoveBlob));
        }
    }

    fn is_disk_done(&self, cx: &Cx<'_>) -> bool {
        [table::WIPE, table::UNUSED, table::SUPERSEDED].into_iter().all(|of| {
            let (from, to) = Key::of(of).prefix();
            cx.tx.range(&from, &to, 1, Direction::Forward).is_empty()
        })
    }

    /// The disk has wiped these records.
    pub(crate) fn wiped(&mut self, cx: &mut Cx<'_>, places: &[Location]) {
        for place in places {
            cx.tx.delete(&keys::wipe(*place));
        }
        self.erase_soon = true;
    }

    /// The file and what was made from it are gone.
    pub(crate) fn blob_removed(&mut self, cx: &mut Cx<'_>, blob: BlobId) {
        cx.tx.delete(&keys::unused(&blob));
        self.erase_soon = true;
    }

    fn erased_here(&mut self, cx: &mut Cx<'_>, scope: ScopeId, erasure: &EntryId) {
        let key = keys::erase(&scope, erasure);
        if let Some(row) = cx.tx.get(&key).and_then(|row| Row::from_bytes(&row)) {
            cx.tx.put(&key, &Row { done: true, ..row }.to_bytes());
        }
        self.off_the_list(scope, erasure);
        cx.notify(Notice::Erasures);
    }

    fn off_the_list(&mut self, scope: ScopeId, erasure: &EntryId) {
        if let Some(ids) = self.unerased.get_mut(&scope) {
            ids.remove(erasure);
            if ids.is_empty() {
                self.unerased.remove(&scope);
            }
        }
        self.unstated.insert(scope);
    }

    // --- one erasure ----------------------------------------------------------------------------------------------

    fn erase_one(&mut self, cx: &mut Cx<'_>, scope: ScopeId, erasure: EntryId, budget: &mut usize) -> Step {
        let Some(row) = cx.tx.get(&keys::erase(&scope, &erasure)).and_then(|row| Row::from_bytes(&row)) else {
            return Step::Off;
        };
        if row.power == Some(Power::Facilitator) && is_objected(&*cx.tx, &erasure, &row.site) {
            return Step::Off;
        }
        if row.due() > cx.now || self.view.is_held_for_law(&GroupId::from(scope)) {
            return Step::Waits;
        }
        match row.power {
            Some(_) => {
                let victims = self.named_victims(cx, &scope, &erasure);
                if self.empty(cx, victims, budget) { Step::Gone } else { Step::More }
            }
            None => self.erase_words(cx, &erasure, budget),
        }
    }

    /// The targets of an erasure and their edits, as far as they have bodies here.
    fn named_victims(&self, cx: &Cx<'_>, scope: &ScopeId, erasure: &EntryId) -> Victims {
        let mut victims = Victims::new();
        let Some(asked) = Found::of(&*cx.tx, erasure) else { return victims };
        for target in asked.refs {
            let (from, to) = Key::of(table::EDIT_OF).and(target).prefix();
            let edits = cx.tx.range(&from, &to, EDITS_PER_STEP, Direction::Forward);
            let edits = edits.iter().filter_map(|(key, _)| EntryId::from_slice(&key[33..]));
            for id in std::iter::once(target).chain(edits) {
                self.add_victim(cx, scope, &id, &mut victims);
            }
        }
        victims
    }

    fn add_victim(&self, cx: &Cx<'_>, scope: &ScopeId, id: &EntryId, victims: &mut Victims) {
        let Some((log, seq)) = lookup::place_of(&*cx.tx, id) else { return };
        if self.logs.get(&log).is_none_or(|state| state.scope != *scope || state.class != Class::Data) {
            return;
        }
        let Some(entry) = lookup::entry_of(&*cx.tx, id).filter(|entry| entry.body.is_some()) else { return };
        if self.is_doomed(&*cx.tx, scope, &entry, cx.now) {
            victims.entry(log).or_default().insert(seq);
        }
    }

    /// Looks through the logs of all groups for the words of people who were erased.
    fn erase_words(&mut self, cx: &mut Cx<'_>, erasure: &EntryId, budget: &mut usize) -> Step {
        let org = self.org().map(ScopeId::from);
        let logs: Vec<LogId> = self
            .logs
            .iter()
            .filter(|(_, log)| log.class == Class::Data && Some(log.scope) != org)
            .map(|(id, _)| *id)
            .collect();
        let (mut at, mut next) = self.word_cursor.get(erasure).copied().unwrap_or((LogId([0; 32]), 0));
        let mut held = false;
        for log in logs.into_iter().filter(|log| *log >= at).collect::<Vec<_>>() {
            if log != at {
                (at, next) = (log, 0);
            }
            let Some(scope) = self.logs.get(&log).map(|log| log.scope) else { continue };
            // What a hold keeps back is looked for again when it ends.
            held |= self.view.is_held_for_law(&GroupId::from(scope));
            while let Some(run) = lookup::run_of(&*cx.tx, &log, next) {
                if *budget == 0 {
                    self.word_cursor.insert(*erasure, (at, next));
                    return Step::More;
                }
                *budget -= 1;
                let doomed =
                    run.iter().filter(|entry| entry.body.is_some() && self.is_doomed(&*cx.tx, &scope, entry, cx.now));
                let seqs: BTreeSet<u64> = doomed.map(|entry| entry.header.seq).collect();
                next = run.last().map_or(next + 1, |entry| entry.header.seq + 1);
                if !seqs.is_empty() {
                    self.rewrite(cx, &log, &seqs);
                }
            }
        }
        self.word_cursor.remove(erasure);
        if held { Step::Waits } else { Step::Gone }
    }

    /// Older versions of profiles, and those of former users (ruling D9).
    fn empty_superseded(&mut self, cx: &mut Cx<'_>, budget: &mut usize) {
        let (from, to) = Key::of(table::SUPERSEDED).prefix();
        let rows = cx.tx.range(&from, &to, *budget, Direction::Forward);
        for (key, _) in rows {
            if let Some((log, seq)) = EntryId::from_slice(&key[1..]).and_then(|id| lookup::place_of(&*cx.tx, &id)) {
                self.rewrite(cx, &log, &BTreeSet::from([seq]));
                *budget = budget.saturating_sub(1);
            }
            cx.tx.delete(&key);
        }
        let (from, to) = Key::of(table::SUPERSEDED).prefix();
        self.erase_soon |= !cx.tx.range(&from, &to, 1, Direction::Forward).is_empty();
    }

    // --- age ------------------------------------------------------------------------------------------------------

    fn sweep_step(&mut self, cx: &mut Cx<'_>) {
        if self.sweep.logs.is_empty() {
            if cx.now < self.sweep.next {
                return;
            }
            self.sweep.next = Millis(cx.now.0 + SWEEP_EVERY_MS);
            let bounded = |scope: &ScopeId| self.view.keep_days(&GroupId::from(*scope)).is_some();
            let logs = self.logs.iter().filter(|(_, log)| log.class == Class::Data && bounded(&log.scope));
            self.sweep.logs = logs.map(|(id, _)| (*id, 1)).collect();
        }
        let mut budget = ERASE_RECORDS_PER_STEP;
        while budget > 0
            && let Some((log, next)) = self.sweep.logs.pop_first()
        {
            let Some(scope) = self.logs.get(&log).map(|log| log.scope) else { continue };
            let Some(run) = lookup::run_of(&*cx.tx, &log, next) else { continue };
            budget -= 1;
            let doomed =
                run.iter().filter(|entry| entry.body.is_some() && self.is_doomed(&*cx.tx, &scope, entry, cx.now));
            let seqs: BTreeSet<u64> = doomed.map(|entry| entry.header.seq).collect();
            if !seqs.is_empty() {
                self.rewrite(cx, &log, &seqs);
            }
            // A log grows in time: behind the first that is young enough there is nothing.
            if let Some(last) = run.last().filter(|last| self.is_old(&scope, last.header.hlc, cx.now)) {
                self.sweep.logs.insert(log, last.header.seq + 1);
            }
        }
    }

    // --- records --------------------------------------------------------------------------------------------------

    /// Empties these entries, record by record. False when the budget did not suffice.
    fn empty(&mut self, cx: &mut Cx<'_>, victims: Victims, budget: &mut usize) -> bool {
        let any = !victims.is_empty();
        for (log, mut seqs) in victims {
            while let Some(first) = seqs.first().copied() {
                if *budget == 0 {
                    return false;
                }
                *budget -= 1;
                let last = lookup::run_of(&*cx.tx, &log, first).and_then(|run| run.last().map(|last| last.header.seq));
                let rest = seqs.split_off(&(last.unwrap_or(first) + 1));
                self.rewrite(cx, &log, &seqs);
                seqs = rest;
            }
        }
        !any
    }

    /// Appends the record that holds these positions anew, without their bodies, and lets the old one be wiped.
    fn rewrite(&mut self, cx: &mut Cx<'_>, log: &LogId, seqs: &BTreeSet<u64>) {
        let Some(seq) = seqs.first() else { return };
        let Some((first, old)) = lookup::run_at(&*cx.tx, log, *seq) else { return };
        let Some(mut run) = cx.tx.record(old).and_then(|record| batch::decode(&record).ok()) else { return };
        let mut gone = Vec::new();
        for entry in run.iter_mut().filter(|entry| seqs.contains(&entry.header.seq) && entry.body.is_some()) {
            entry.body = None;
            gone.push(entry.clone());
        }
        if gone.is_empty() {
            return;
        }
        let new = cx.tx.append(&batch::encode(&run, Signatures::All));
        let last = run.last().map_or(first, |entry| entry.header.seq);
        let mut value = first.to_be_bytes().to_vec();
        value.extend_from_slice(&new.to_bytes());
        cx.tx.put(&keys::run(log, last), &value);
        cx.tx.put(&keys::wipe(old), &[]);
        cx.effects.push(Effect::Wipe(vec![old]));
        self.fold_emptied(cx, log, &gone);
    }

    /// Rows that came from bodies go; those that need no body stay or are made.
    fn fold_emptied(&mut self, cx: &mut Cx<'_>, log: &LogId, gone: &[Entry]) {
        let Some((scope, node)) = self.logs.get(log).map(|log| (log.scope, log.node)) else { return };
        for entry in gone {
            let group = GroupId::from(scope);
            cx.tx.delete(&keys::void(&group, &entry.id));
            let ctl = self.frontier_at(&*cx.tx, log, entry.header.seq);
            self.fold_data(cx, scope, &Placed { log: *log, node, ctl: &ctl, entry });
            super::erase::notify_target(cx, group, &entry.id);
        }
    }

    /// What arrives and must not stand on the disk loses its body before it is stored.
    pub(crate) fn emptied_on_arrival(&self, cx: &Cx<'_>, log: &LogId, entries: &[Entry]) -> Option<Vec<Entry>> {
        let scope = self.logs.get(log).filter(|log| log.class == Class::Data)?.scope;
        let doomed = |entry: &Entry| entry.body.is_some() && self.is_doomed_on_arrival(&*cx.tx, &scope, entry, cx.now);
        if !entries.iter().any(doomed) {
            return None;
        }
        let mut entries = entries.to_vec();
        for entry in entries.iter_mut().filter(|entry| doomed(entry)) {
            entry.body = None;
        }
        Some(entries)
    }

    /// A post does not refer to its files any more; those that nothing else refers to are removed.
    pub(crate) fn release_blobs(&mut self, cx: &mut Cx<'_>, group: GroupId, post: &EntryId) {
        let (from, to) = Key::of(table::POST_BLOB).and(post).prefix();
        for (key, _) in cx.tx.range(&from, &to, crate::limits::ATTACHMENTS_MAX, Direction::Forward) {
            cx.tx.delete(&key);
            let Some(blob) = BlobId::from_slice(&key[33..]) else { continue };
            cx.tx.delete(&keys::blob(&blob, &group, post));
            let (from, to) = Key::of(table::BLOB).and(blob).prefix();
            if cx.tx.range(&from, &to, 1, Direction::Forward).is_empty() {
                cx.tx.delete(&keys::wanted(&blob));
                cx.tx.put(&keys::unused(&blob), &[]);
                cx.effects.push(Effect::RemoveBlob(blob));
            }
        }
    }

    /// An older profile, or one of a former user: its body goes.
    pub(crate) fn supersede(&mut self, cx: &mut Cx<'_>, profile: &EntryId) {
        cx.tx.put(&keys::superseded(profile), &[]);
        self.erase_soon = true;
    }

    // --- after a replay -------------------------------------------------------------------------------------------

    /// Ends a replay: records that were read before what they continue are taken in their order, since a record that was
    /// written anew stands behind those that follow it in its log.
    pub fn end_replay(&mut self, tx: &mut dyn crate::store::Transaction, now: Millis, rng: &mut dyn rand_core::Rng) {
        let mut cx = Cx::new(tx, now, rng);
        let deferred = |cx: &Cx<'_>| -> Vec<Location> {
            let (from, to) = Key::of(table::DEFERRED).prefix();
            let rows = cx.tx.range(&from, &to, usize::MAX, Direction::Forward);
            rows.iter().filter_map(|(key, _)| Location::from_bytes(&key[1..])).collect()
        };
        let mut waiting = deferred(&cx);
        while !waiting.is_empty() {
            for at in &waiting {
                let run = cx.tx.record(*at).and_then(|record| batch::decode(&record).ok());
                if let Some(run) = run {
                    self.take_record(&mut cx, run, *at);
                    self.settle(&mut cx);
                }
            }
            let left = deferred(&cx);
            if left.len() == waiting.len() {
                // What they continue is nowhere: damage, fetched again from others.
                left.iter().for_each(|at| cx.tx.delete(&keys::deferred(*at)));
                break;
            }
            waiting = left;
        }
        self.settle(&mut cx);
        self.replaying = false;
        self.waiting_ends.clear();
    }

    /// Takes a replayed record whose entries stand already: in the place of the one before it that holds the same, which
    /// was written anew without bodies. Any other is a repeat, which must not outlive what is erased.
    pub(crate) fn replace_record(&mut self, cx: &mut Cx<'_>, log: &LogId, run: &[Entry], at: Location) {
        cx.tx.delete(&keys::deferred(at));
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        let Some(row) = cx.tx.get(&keys::run(log, last.header.seq)) else { return self.wipe_repeat(cx, run, at) };
        let from = row.get(..8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let Some(old) = row.get(8..).and_then(Location::from_bytes) else { return };
        if old == at {
            return;
        }
        if from != Some(first.header.seq) || at < old {
            return self.wipe_repeat(cx, run, at);
        }
        cx.tx.put(&keys::wipe(old), &[]);
        self.index_run(cx, log, run, at);
        let gone: Vec<Entry> = run.iter().filter(|entry| entry.body.is_none()).cloned().collect();
        self.fold_emptied(cx, log, &gone);
    }

    fn wipe_repeat(&self, cx: &mut Cx<'_>, run: &[Entry], at: Location) {
        let stored = |entry: &Entry| lookup::place_of(&*cx.tx, &entry.id).is_some();
        if run.iter().all(stored) {
            cx.tx.put(&keys::wipe(at), &[]);
        }
    }
}

/// Files that posts refer to.
pub fn is_used(store: &dyn Store, blob: &BlobId) -> bool {
    let (from, to) = Key::of(table::BLOB).and(blob).prefix();
    !store.range(&from, &to, 1, Direction::Forward).is_empty()
}

/// Has records wiped again that were found half wiped, where the row that would remember it went with the index.
pub(super) fn wipe_again(cx: &mut Cx<'_>, places: Vec<Location>) {
    for place in &places {
        cx.tx.put(&keys::wipe(*place), &[]);
    }
    if !places.is_empty() {
        cx.effects.push(Effect::Wipe(places));
    }
}

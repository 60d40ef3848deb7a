//! What a seal does to content, and asking for one. Entries beyond a seal stay stored and go on travelling, so that nodes
//! with and without it hold the same; they only do not count (`control/registry/seal.rs`).

use crate::control::Reason;
use crate::control::op::{Class, ControlOp, LogSeal};
use crate::engine::effect::{Answer, Notice, Refusal};
use crate::engine::fold::Placed;
use crate::engine::{Cx, Engine, lookup};
use crate::ids::{EntryId, GroupId, LogId, ScopeId, UserId};
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};
use std::collections::BTreeSet;

/// Entries that name another are looked at until one of another node is found.
const NAMING_MAX: usize = 256;

impl Engine {
    /// Seals are control: when they change, what they reach is folded anew, and an own sealed log is left.
    pub(crate) fn take_seals(&mut self, cx: &mut Cx<'_>) {
        let Some(ends) = self.view.org_state().map(|state| state.sealed().clone()) else { return };
        if ends == self.forks.sealed {
            return;
        }
        let before = std::mem::replace(&mut self.forks.sealed, ends.clone());
        let changed: Vec<LogId> =
            before.keys().chain(ends.keys()).filter(|log| before.get(*log) != ends.get(*log)).copied().collect();
        for log in changed {
            self.close_own(cx, &log);
            if let Some((scope, class)) = self.logs.get(&log).map(|record| (record.scope, record.class))
                && class == Class::Data
            {
                self.fold_scope_anew(&*cx.tx, scope, class);
            }
        }
        cx.notify(Notice::Alarms);
        cx.notify(Notice::Network);
    }

    /// The end of a sealed log arrives after others of its entries: now it is known what lies beyond.
    pub(crate) fn note_end(&mut self, id: &EntryId, scope: ScopeId) {
        if self.forks.sealed.values().any(|end| end.id == *id) {
            if self.org().map(ScopeId::from) == Some(scope) {
                self.forks.refold_org = true;
            } else {
                self.forks.refolds.insert(GroupId::from(scope));
            }
        }
    }

    /// Whether a content entry lies beyond a seal, and no other node's entry names it.
    pub(crate) fn is_sealed_off(&self, store: &dyn Store, placed: &Placed<'_>) -> bool {
        let Some(end) = self.forks.sealed.get(&placed.log) else { return false };
        let place = |id: &EntryId| lookup::place_of(store, id);
        let (Some((last, at)), Some((key, seq))) = (place(&end.id), place(&placed.entry.id)) else { return false };
        if at != end.seq {
            return false;
        }
        let counts = seq <= end.seq
            && self.path(&last).iter().any(|(record, from, to)| *record == key && (*from..*to).contains(&seq));
        !counts && !self.is_named_by_another(store, placed)
    }

    /// Comments, reactions and deletions stand in rows under what they name.
    fn is_named_by_another(&self, store: &dyn Store, placed: &Placed<'_>) -> bool {
        let id = placed.entry.id;
        let writer = |id: Option<EntryId>| {
            let (key, _) = lookup::place_of(store, &id?)?;
            self.logs.get(&key).map(|record| record.node)
        };
        let another = |naming: Option<EntryId>| writer(naming).is_some_and(|node| node != placed.node);
        let rows = |table: u8| {
            let (from, to) = Key::of(table).and(id).prefix();
            store.range(&from, &to, NAMING_MAX, Direction::Forward)
        };
        // A comment is the end of its key; the others hold the version of the newest entry.
        let last = |key: &[u8]| key.len().checked_sub(32).and_then(|at| EntryId::from_slice(&key[at..]));
        let version = |row: &[u8]| row.get(8..40).and_then(EntryId::from_slice);
        rows(table::THREAD).iter().any(|(key, _)| another(last(key)))
            || rows(table::REACT).iter().any(|(_, row)| another(version(row)))
            || rows(table::DELETE).iter().any(|(_, row)| another(version(row)))
    }

    /// An entry of another node has just been given its rows: what it names counts again though beyond a seal.
    pub(crate) fn unseal_named(&mut self, cx: &mut Cx<'_>, group: GroupId, refs: &[EntryId]) {
        if self.forks.sealed.is_empty() {
            return;
        }
        // What is named may have been written again: the rows stand under the one that is meant.
        let named: BTreeSet<EntryId> = self.meant(cx, group, refs).into_iter().chain(refs.iter().copied()).collect();
        for id in &named {
            let row = keys::void(&group, id);
            if cx.tx.get(&row).as_deref() == Some(Reason::Sealed.code().as_bytes()) {
                cx.tx.delete(&row);
                self.fold_again(cx, group, id);
            }
        }
    }

    /// An admin ends a forked log where the longest branch held here ends, or joins in with what another admin said.
    pub(crate) fn seal_log(&mut self, cx: &mut Cx<'_>, actor: UserId, alarm: &EntryId) -> Result<Answer, Refusal> {
        let log = self.view.alarms.get(alarm).and_then(|alarm| alarm.log).ok_or(Refusal::NotFound)?;
        let known = self.view.org_state().and_then(|state| state.seals(&log).first().cloned());
        if known.as_ref().is_some_and(|seal| seal.in_force || seal.signed.contains(&actor)) {
            return Err(Refusal::AlreadyThere);
        }
        let op = match known {
            Some(seal) => {
                LogSeal { log, node: seal.node, seq: seal.cut.seq, id: seal.cut.id, proof: seal.proof.into() }
            }
            None => self.propose_seal(cx, log).ok_or(Refusal::NotFound)?,
        };
        self.control_org(cx, &ControlOp::LogSeal(op), Some(actor))
    }

    fn propose_seal(&self, cx: &Cx<'_>, log: LogId) -> Option<LogSeal> {
        let (from, to) = Key::of(table::FORK).and(log).prefix();
        let (_, proof) = cx.tx.range(&from, &to, 1, Direction::Forward).pop()?;
        let split = self.view.forks.get(&log)?.first()?;
        let tips = self.records(&log).into_iter().filter(|key| self.is_tip(key));
        let (seq, id) = tips
            .filter_map(|key| self.logs.get(&key).map(|record| record.end()))
            .map(|(next, id)| (next - 1, id))
            // The longest; of two the lower id.
            .max_by_key(|(seq, id)| (*seq, std::cmp::Reverse(*id)))?;
        (seq >= split.seq).then(|| LogSeal { log, node: split.node, seq, id, proof: proof.into() })
    }
}

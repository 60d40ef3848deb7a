//! Proofs of forks: made where two branches meet, kept, told to everybody once (INV-12).

use crate::engine::alarms::{Alarm, AlarmKind};
use crate::engine::effect::Notice;
use crate::engine::{Cx, Engine, lookup};
use crate::entry::Entry;
use crate::ids::{LogId, NodeId, OrgId, ScopeId};
use crate::limits::{BATCH_ENTRIES_MAX, FORK_BRANCHES_MAX};
use crate::log::fork::{ForkProof, Split};
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};
use crate::sync::message::Request;
use crate::sync::session::Asked;
use minicbor::bytes::ByteVec;
use std::sync::Arc;

/// Proofs kept of one node: more blame it no more.
const PROOFS_PER_NODE_MAX: usize = 64;

impl Engine {
    /// Reads the proofs held.
    pub(crate) fn load_proofs(&mut self, store: &dyn Store, org: &OrgId) {
        let (from, to) = Key::of(table::FORK).prefix();
        for (_, row) in store.range(&from, &to, usize::MAX, Direction::Forward) {
            // It was checked before it was kept; damage shows here.
            if let Some(split) = ForkProof::decode(&row).ok().and_then(|proof| proof.check(org)) {
                Arc::make_mut(&mut self.view_mut().forks).entry(split.log).or_default().push(split);
            }
        }
    }

    /// Two branches of a log have met here: shown to everybody.
    pub(super) fn prove_fork(&mut self, cx: &mut Cx<'_>, branch: &LogId) {
        let Some(record) = self.logs.get(branch) else { return };
        let Some(of) = record.branch.clone() else { return };
        let (node, end) = (record.node, record.end().0);
        let other = self.logs.get(&of.parent).map_or(0, |parent| parent.end().0);
        let from_to = |key: &LogId, end: u64| -> Vec<Entry> {
            let entries = lookup::entries_of(&*cx.tx, key, of.from);
            entries.take(BATCH_ENTRIES_MAX).take_while(|entry| entry.header.seq < end).collect()
        };
        let proof = ForkProof::make(node, &from_to(branch, end), &from_to(&of.parent, other));
        // Where a signature is too far off to be shown, the branches themselves spread and say the same.
        if let Some(proof) = proof {
            self.keep_proof(cx, None, &proof);
        }
    }

    /// Makes the proofs that lost rows took with them; those at hand stay.
    pub(crate) fn prove_forks(&mut self, cx: &mut Cx<'_>) {
        let branches: Vec<LogId> = self.forks.branches.values().flatten().copied().collect();
        for branch in branches {
            let Some((from, end, parent)) = self.logs.get(&branch).and_then(|record| {
                let of = record.branch.as_ref()?;
                Some((of.from, record.end().0, of.parent))
            }) else {
                continue;
            };
            // What was withdrawn is no fork: nobody has seen it.
            if end > from && self.logs.get(&parent).is_some_and(|parent| parent.end().0 > from) {
                self.prove_fork(cx, &branch);
            }
        }
    }

    /// Takes a proof from a peer.
    pub(crate) fn take_proof(&mut self, cx: &mut Cx<'_>, from: NodeId, bytes: &[u8]) {
        match ForkProof::decode(bytes) {
            Ok(proof) => self.keep_proof(cx, Some(from), &proof),
            Err(_) => self.blame(cx, &from),
        }
    }

    fn keep_proof(&mut self, cx: &mut Cx<'_>, from: Option<NodeId>, proof: &ForkProof) {
        let Some(org) = self.org() else { return };
        let known = self.view.org_state().is_some_and(|state| state.knows_node(&proof.node));
        let Some(split) = proof.check(&org) else {
            if let Some(from) = from {
                self.blame(cx, &from);
            }
            return;
        };
        let forks = &self.view.forks;
        let same = |held: &Split| held.seq == split.seq && (held.low, held.high) == (split.low, split.high);
        let of_log = forks.get(&split.log).map_or(&[][..], Vec::as_slice);
        let of_node = forks.values().flatten().filter(|held| held.node == split.node).count();
        if !known || of_log.iter().any(same) || of_log.len() >= FORK_BRANCHES_MAX || of_node >= PROOFS_PER_NODE_MAX {
            return;
        }
        cx.tx.put(&keys::fork(&split.log, split.seq, &split.high), &proof.encode());
        Arc::make_mut(&mut self.view_mut().forks).entry(split.log).or_default().push(split);
        self.alarm_fork(cx, &split);
        cx.notify(Notice::Network);
        let peers: Vec<NodeId> = self.sessions.keys().copied().filter(|peer| Some(*peer) != from).collect();
        for peer in peers {
            let proofs = vec![ByteVec::from(proof.encode())];
            self.call(cx, peer, &Request::Forks { proofs }, Asked::Note);
        }
    }

    fn alarm_fork(&mut self, cx: &mut Cx<'_>, split: &Split) {
        // The log tells the scope where it is held; headers of a group's opening entry name the organisation.
        let scope = self.logs.get(&split.log).map_or(split.scope, |log| log.scope);
        let first = self.view.forks.get(&split.log).into_iter().flatten().map(|split| split.seq).min();
        let alarm = Alarm { scope: Some(scope), log: Some(split.log), ..Alarm::new(AlarmKind::Fork, Some(split.node)) };
        let own = split.node == self.node();
        self.raise(
            cx,
            alarm
                .number("from", first.unwrap_or(split.seq))
                .number("own", i64::from(own))
                .text("log", split.log.to_string()),
        );
    }

    /// A peer that has just greeted learns all proofs held here.
    pub(crate) fn give_proofs(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let (from, to) = Key::of(table::FORK).prefix();
        // One in a message: two together may be over its limit.
        for (_, row) in cx.tx.range(&from, &to, PROOFS_PER_NODE_MAX, Direction::Forward) {
            self.call(cx, peer, &Request::Forks { proofs: vec![row.into()] }, Asked::Note);
        }
    }

    /// This node went back in time: others hold more of an own log than it had.
    pub(crate) fn note_restored(&mut self, cx: &mut Cx<'_>, scope: ScopeId, had: u64, held_elsewhere: u64) {
        // The entry that opens a log says nothing.
        let said = |count: u64| count.saturating_sub(1);
        let alarm = Alarm { scope: Some(scope), ..Alarm::new(AlarmKind::Restored, Some(self.node())) };
        self.raise(cx, alarm.number("had", said(had)).number("held_elsewhere", said(held_elsewhere)));
    }

    /// A peer sent what no honest node sends.
    pub(crate) fn blame(&mut self, cx: &mut Cx<'_>, peer: &NodeId) {
        /// An honest node with a bug may do it once or twice.
        const FAULTS_FOR_ALARM: u32 = 3;
        let faults = self.forks.faults.entry(*peer).or_default();
        *faults = faults.saturating_add(1);
        let count = *faults;
        // Told again when it has become ten times as many: an alarm, not a counter.
        if count >= FAULTS_FOR_ALARM && (count == FAULTS_FOR_ALARM || count.ilog10() > (count - 1).ilog10()) {
            self.raise(cx, Alarm::new(AlarmKind::Hostile, Some(*peer)).number("faults", count));
        }
    }

    /// Admins signed two revisions of the constitution: known by evaluation, told as an alarm.
    pub(crate) fn alarm_equivocations(&mut self, cx: &mut Cx<'_>) {
        let Some(state) = self.view.org_state() else { return };
        let count = state.equivocations().len();
        if count > 0 {
            self.raise(cx, Alarm::new(AlarmKind::Equivocation, None).number("revisions", count));
        }
    }
}

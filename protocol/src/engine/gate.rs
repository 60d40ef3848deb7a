//! The publish gate (ruling A6). After a start, own logs that existed before are shown to nobody until those who hold
//! them and can be reached have said what they hold: a restored backup or a cloned machine would otherwise write a second
//! history. The gate concerns only what leaves; nobody is ever kept from working.

use super::{Cx, Engine};
use crate::clock::Millis;
use crate::control::op::Class;
use crate::ids::{EntryId, LogId, NodeId, ScopeId};
use crate::limits::INCARNATIONS_MAX;
use crate::log::Height;
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// A connected peer that has not answered for so long is not waited for.
const ANSWER_PATIENCE_MS: u64 = 30_000;
/// Somebody claims entries of an own log which are not here, and nobody has given them for so long. A connected peer that
/// claimed them is not believed again: whoever holds them can prove it by handing them over.
const DELIVERY_PATIENCE_MS: u64 = 2 * 60 * 1_000;
/// With nobody to ask for so long, new logs are opened and work goes on in them.
const ALONE_MS: u64 = 10 * 60 * 1_000;

/// Who says that an own log has an entry that is not here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doubt {
    by: NodeId,
    /// Since when it could have given it.
    since: Millis,
    /// Since when anybody could.
    open: Millis,
}

/// What the gate knows beside what is published.
#[derive(Default)]
pub(crate) struct Gate {
    /// When this process began.
    started: Millis,
    /// Who has said what they hold of a scope, and when the first did.
    answered: BTreeMap<ScopeId, (Millis, BTreeSet<NodeId>)>,
    /// Own logs of which others hold entries that are not here yet.
    pub(crate) doubted: BTreeMap<LogId, BTreeMap<EntryId, Doubt>>,
    /// Own logs of which nothing counts any more but what others hold too: they may leave whatever is said of them.
    settled: BTreeSet<LogId>,
    /// Nodes that claimed such entries and did not give them: not believed again by this process.
    disbelieved: BTreeSet<NodeId>,
    /// Scopes in which new logs were begun because nobody could be asked.
    went_on: BTreeSet<ScopeId>,
}

impl Engine {
    /// The first input of a process: scopes that no other node shares have nobody to ask.
    pub(crate) fn begin_gate(&mut self, now: Millis) {
        self.gate.started = now;
        let scopes: Vec<ScopeId> = self.scopes.keys().copied().collect();
        for scope in scopes {
            if self.others(&scope).is_empty() {
                self.published.insert(scope);
            }
        }
    }

    /// Whether a log may leave the node.
    pub(crate) fn may_leave(&self, log: &LogId) -> bool {
        self.opened_now.contains(log)
            || self.logs.get(log).is_some_and(|state| {
                state.node != self.node()
                    || self.gate.settled.contains(&state.wire(log))
                    || (self.published.contains(&state.scope) && !self.gate.doubted.contains_key(&state.wire(log)))
            })
    }

    /// A line about an own log: where it names an entry that is not here, this node went back in time, or another runs
    /// under its name. The log is closed, and what is written from now on stands in a new one.
    pub(crate) fn check_own(&mut self, cx: &mut Cx<'_>, by: NodeId, height: &Height) {
        let own = self.node();
        let Some(log) = self.logs.get(&height.log).filter(|log| log.node == own) else { return };
        let settled = self.gate.settled.contains(&height.log) || self.gate.disbelieved.contains(&by);
        if height.head == log.head || settled || self.is_stored(&*cx.tx, &height.head) {
            return;
        }
        let (scope, had) = (log.scope, log.next);
        let doubt = Doubt { by, since: cx.now, open: cx.now };
        self.gate.doubted.entry(height.log).or_default().entry(height.head).or_insert(doubt);
        self.close_own(cx, &height.log);
        self.note_restored(cx, scope, had, height.next);
    }

    /// What was missing of own logs may have come.
    pub(crate) fn settle_doubts(&mut self, cx: &mut Cx<'_>) {
        if self.gate.doubted.is_empty() {
            return;
        }
        let mut doubted = std::mem::take(&mut self.gate.doubted);
        doubted.retain(|_, heads| {
            heads.retain(|head, _| !self.is_stored(&*cx.tx as &dyn Store, head));
            !heads.is_empty()
        });
        self.gate.doubted = doubted;
    }

    /// What nobody gives is not waited for, be it a lie or lost with the only disk that held it: nothing keeps what was
    /// written here from leaving.
    fn lose_patience(&mut self, cx: &mut Cx<'_>) {
        let mut doubted = std::mem::take(&mut self.gate.doubted);
        let (mut liars, mut late) = (BTreeSet::new(), BTreeSet::new());
        for (log, doubts) in &mut doubted {
            let Some(scope) = self.logs.get(log).map(|log| log.scope) else { continue };
            let asked = self.others(&scope).iter().any(|peer| self.sessions.contains_key(peer));
            for doubt in doubts.values_mut() {
                if !self.sessions.contains_key(&doubt.by) {
                    doubt.since = cx.now;
                } else if cx.now.0 >= doubt.since.0 + DELIVERY_PATIENCE_MS {
                    liars.insert(doubt.by);
                }
                if !asked {
                    doubt.open = cx.now;
                } else if cx.now.0 >= doubt.open.0 + DELIVERY_PATIENCE_MS {
                    late.insert(*log);
                }
            }
        }
        self.gate.doubted = doubted;
        for log in late {
            self.settle_log(cx, &log);
        }
        for liar in &liars {
            self.blame(cx, liar);
        }
        self.gate.disbelieved.append(&mut liars);
    }

    /// An own log ends with what others are known to hold. What follows may stand elsewhere where somebody holds another
    /// version of the log: it is written again in a new one.
    fn settle_log(&mut self, cx: &mut Cx<'_>, log: &LogId) {
        let Some(scope) = self.logs.get(log).map(|log| log.scope) else { return };
        self.close_own(cx, log);
        let from = self.held_elsewhere(&*cx.tx, log).max(1);
        self.withdraw(cx, log, from);
        self.gate.doubted.remove(log);
        self.gate.settled.insert(*log);
        self.sessions.values_mut().for_each(|session| {
            session.announce.insert(scope);
        });
    }

    /// A group cannot be created again under its id: what is written in own control logs of the organisation that may
    /// turn out to have another version elsewhere is written again in a new one before a group rests on it.
    pub(crate) fn settle_ground(&mut self, cx: &mut Cx<'_>) {
        let (own, scope) = (self.node(), self.org_scope());
        let records = self.records_in(&scope, Class::Control).into_iter().filter(|(_, node)| *node == own);
        let shut: Vec<LogId> = records.map(|(key, _)| key).filter(|key| !self.may_leave(key)).collect();
        for log in &shut {
            self.settle_log(cx, log);
        }
        if !shut.is_empty() {
            self.settle_forks(cx);
        }
    }

    /// A peer has said what it holds of a scope. When all who can be reached have, own logs may leave.
    pub(crate) fn heard_from(&mut self, now: Millis, peer: NodeId, scope: ScopeId) {
        if self.published.contains(&scope) {
            return;
        }
        self.gate.answered.entry(scope).or_insert_with(|| (now, BTreeSet::new())).1.insert(peer);
        self.publish_if_all_answered(now, scope);
    }

    fn publish_if_all_answered(&mut self, now: Millis, scope: ScopeId) {
        let Some((first, answered)) = self.gate.answered.get(&scope) else { return };
        let waiting =
            self.others(&scope).iter().any(|peer| self.sessions.contains_key(peer) && !answered.contains(peer));
        if !waiting || now.0 >= first.0 + ANSWER_PATIENCE_MS {
            self.publish(scope);
        }
    }

    /// Own logs of this scope may leave from now on.
    pub(crate) fn publish(&mut self, scope: ScopeId) {
        self.gate.answered.remove(&scope);
        if self.published.insert(scope) {
            for session in self.sessions.values_mut() {
                session.announce.insert(scope);
            }
        }
    }

    /// Patience, once a tick: with who does not answer, and with nobody being there.
    pub(crate) fn keep_gate(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now;
        for scope in self.gate.answered.keys().copied().collect::<Vec<_>>() {
            self.publish_if_all_answered(now, scope);
        }
        self.lose_patience(cx);
        if now.0 < self.gate.started.0 + ALONE_MS {
            return;
        }
        let shut: Vec<ScopeId> = self
            .scopes
            .keys()
            .filter(|scope| !self.published.contains(scope) && !self.gate.went_on.contains(scope))
            .copied()
            .collect();
        for scope in shut {
            if !self.others(&scope).iter().any(|peer| self.sessions.contains_key(peer)) {
                self.gate.went_on.insert(scope);
                self.go_on_alone(cx, &scope);
            }
        }
    }

    fn go_on_alone(&mut self, cx: &mut Cx<'_>, scope: &ScopeId) {
        for class in [Class::Control, Class::Data] {
            let own = self.node();
            let logs = self.records_in(scope, class).iter().filter(|(_, node)| *node == own).count();
            let in_use = self.own.get(&(*scope, class)).copied().filter(|id| !self.opened_now.contains(id));
            if let Some(log) = in_use.filter(|_| logs < INCARNATIONS_MAX) {
                self.close_own(cx, &log);
            }
        }
    }
}

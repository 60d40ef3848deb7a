//! What time it is (ruling A9): by the median of the peers' clocks where at least three are known, else by one's own.
//! Entries from the future wait (`time/later.rs`) until their time has come; own ones are withdrawn and written again.

mod later;

use super::alarms::{Alarm, AlarmKind};
use super::effect::Refusal;
use super::{Cx, Engine, lookup};
use crate::clock::{Hlc, Millis, is_ahead};
use crate::entry::Entry;
use crate::ids::{LogId, NodeId, ScopeId};
use crate::limits::{CLOCK_STOP_MS, CLOCK_WARN_MS};
pub(crate) use later::Later;

/// So many peers must tell the time before theirs is believed rather than one's own.
const PEERS_FOR_MEDIAN: usize = 3;
/// Between two inputs no more than this passes, unless the clock was set or the machine slept: the peers are asked again.
const STEP_MS: u64 = 60_000;

/// How time passes here, so that a clock that is set is noticed.
#[derive(Default)]
pub(crate) struct Pace {
    last: Millis,
    /// The peers are to be asked again.
    stepped: bool,
}

impl Engine {
    /// The median difference of the peers' clocks to ours, in milliseconds, when at least three answer (ruling A9).
    pub fn clock_difference_ms(&self) -> Option<i64> {
        let mut all: Vec<i64> = self.sessions.values().filter_map(|session| session.clock_ms).collect();
        all.sort_unstable();
        (all.len() >= PEERS_FOR_MEDIAN).then(|| all[all.len() / 2])
    }

    /// Now, as far as can be known.
    pub(crate) fn true_now(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_add_signed(self.clock_difference_ms().unwrap_or(0)))
    }

    /// A node that is a day off writes nothing: no time that it gives would be believed.
    pub(crate) fn check_clock(&self) -> Result<(), Refusal> {
        let off = self.clock_difference_ms().is_some_and(|difference| difference.unsigned_abs() > CLOCK_STOP_MS);
        if off { Err(Refusal::ClockWrong) } else { Ok(()) }
    }

    /// The clock was set: what was known of the peers' clocks is known of another one.
    pub(crate) fn notice_step(&mut self, now: Millis) {
        let last = std::mem::replace(&mut self.pace.last, now);
        if last > Millis(0) && now.0.abs_diff(last.0) > STEP_MS {
            self.pace.stepped = true;
            self.sessions.values_mut().for_each(|session| session.clock_ms = None);
        }
    }

    /// Tells the admins of a clock that is wrong and that it is right again; takes what has become due; leaves own logs
    /// that run ahead.
    pub(crate) fn keep_clock(&mut self, cx: &mut Cx<'_>) {
        if std::mem::take(&mut self.pace.stepped) {
            let peers: Vec<NodeId> = self.sessions.keys().copied().collect();
            for peer in peers {
                self.greet(cx, peer);
            }
        }
        if let Some(difference) = self.clock_difference_ms() {
            let alarm = Alarm::new(AlarmKind::Clock, Some(self.node()));
            if difference.unsigned_abs() > CLOCK_WARN_MS {
                // Whole minutes, so that it is not news every second.
                self.raise(cx, alarm.number("ahead_minutes", -difference / 60_000));
            } else {
                self.clear_alarm(cx, &alarm.id());
            }
        }
        let now = self.true_now(cx.now);
        for run in self.later.take_due(now) {
            self.ingest_wanted(cx, run);
        }
        self.leave_future(cx, now);
    }

    /// Takes off the end of proved entries what lies too far in the future, with all that follows it, and keeps it until
    /// its time has come. What stays ends with a signature, so that it can be given on.
    pub(crate) fn keep_ahead(&mut self, now: Millis, writer: NodeId, entries: &mut Vec<Entry>) {
        let now = self.true_now(now);
        let Some(at) = entries.iter().position(|entry| is_ahead(now, entry.header.hlc)) else { return };
        let due = entries[at].header.hlc;
        let signed = entries[..at].iter().rposition(|entry| entry.signature.is_some());
        self.later.keep(writer, due, entries.split_off(signed.map_or(0, |last| last + 1)));
    }

    /// Own logs that run ahead of the time are closed. What nobody is known to hold of them is written again in new ones,
    /// as of now.
    fn leave_future(&mut self, cx: &mut Cx<'_>, now: Millis) {
        let ahead: Vec<LogId> = self
            .own
            .values()
            .filter(|id| self.logs.get(id).is_some_and(|log| is_ahead(now, Hlc(log.hlc))))
            .copied()
            .collect();
        if ahead.is_empty() {
            return;
        }
        self.clock.correct(now);
        self.unstate_future(now);
        for id in ahead {
            self.close_own(cx, &id);
            let from = lookup::entries_of(&*cx.tx, &id, self.held_elsewhere(&*cx.tx, &id).max(1))
                .find(|entry| is_ahead(now, entry.header.hlc))
                .map(|entry| entry.header.seq);
            if let Some(from) = from {
                self.withdraw(cx, &id, from);
            }
        }
    }

    /// Nobody takes a statement from the future: what was stated so is stated anew.
    fn unstate_future(&mut self, now: Millis) {
        let own = self.node();
        let stated = self
            .view
            .held
            .iter()
            .filter(|(_, nodes)| nodes.get(&own).is_some_and(|stated| is_ahead(now, Hlc(stated.held.hlc))));
        let scopes: Vec<ScopeId> = stated.map(|(scope, _)| *scope).collect();
        for scope in scopes {
            self.view_mut().forget_held(&scope, &own);
            self.unstated.insert(scope);
        }
    }
}

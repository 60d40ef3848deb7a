//! What time it is (ruling A9): by the median of the peers' clocks where at least three are known, else by one's own.
//! Entries from the future wait here, bounded, until their time has come; own ones are withdrawn and written again.

use super::alarms::{Alarm, AlarmKind};
use super::effect::Refusal;
use super::{Cx, Engine};
use crate::clock::{Hlc, Millis, is_ahead};
use crate::entry::Entry;
use crate::ids::{EntryId, LogId, NodeId};
use crate::limits::{CLOCK_STOP_MS, CLOCK_WARN_MS, HELD_BYTES_PER_PEER_MAX, HELD_PER_PEER_MAX};
use std::collections::BTreeMap;

/// So many peers must tell the time before theirs is believed rather than one's own.
const PEERS_FOR_MEDIAN: usize = 3;
/// Between two ticks no more than this passes, unless the clock was set or the machine slept: the peers are asked again.
const STEP_MS: u64 = 60_000;

/// Proved entries whose time has not come. They are in memory only: after a start they are fetched again.
#[derive(Default)]
pub(crate) struct Later {
    /// By the time of the first and its id: who wrote them, and all.
    runs: BTreeMap<(Hlc, EntryId), (NodeId, Vec<Entry>)>,
    /// Of each log, the first position that waits.
    first: BTreeMap<LogId, u64>,
}

impl Later {
    /// Whether what follows this position waits already.
    pub(crate) fn waits(&self, log: &LogId, from: u64) -> bool {
        self.first.get(log) == Some(&from)
    }

    /// Keeps a run, if its writer has room left.
    pub(crate) fn keep(&mut self, writer: NodeId, run: Vec<Entry>) {
        let Some(first) = run.first() else { return };
        let size = |run: &[Entry]| run.iter().map(|entry| 256 + entry.header.body_len as usize).sum::<usize>();
        let of_writer = self.runs.values().filter(|(node, _)| *node == writer);
        let (count, bytes) = of_writer.fold((0, 0), |(count, bytes), (_, run)| (count + run.len(), bytes + size(run)));
        if count + run.len() <= HELD_PER_PEER_MAX && bytes + size(&run) <= HELD_BYTES_PER_PEER_MAX {
            self.first.insert(first.log(), first.header.seq);
            self.runs.insert((first.header.hlc, first.id), (writer, run));
        }
    }

    fn take_due(&mut self, now: Millis) -> Vec<Vec<Entry>> {
        let mut due = Vec::new();
        while let Some(next) = self.runs.first_entry().filter(|next| !is_ahead(now, next.key().0)) {
            let (_, run) = next.remove();
            if let Some(first) = run.first().filter(|first| self.waits(&first.log(), first.header.seq)) {
                self.first.remove(&first.log());
            }
            due.push(run);
        }
        due
    }
}

impl Engine {
    /// The median difference of the peers' clocks to ours, in milliseconds, when at least three answer (ruling A9).
    pub fn clock_difference_ms(&self) -> Option<i64> {
        let mut all: Vec<i64> =
            self.sessions.values().filter(|session| session.greeted).map(|session| session.clock_ms).collect();
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

    /// Tells the admins of a clock that is wrong and that it is right again; takes what has become due; leaves own logs
    /// that run ahead.
    pub(crate) fn keep_clock(&mut self, cx: &mut Cx<'_>) {
        let last = std::mem::replace(&mut self.last_tick, cx.now);
        if last > Millis(0) && cx.now.0.abs_diff(last.0) > STEP_MS {
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

    /// Own logs that run ahead of the time are closed. What nobody is known to hold of them is written again in new ones,
    /// as of now.
    fn leave_future(&mut self, cx: &mut Cx<'_>, now: Millis) {
        let ahead: Vec<LogId> = self
            .own
            .values()
            .filter(|id| self.logs.get(id).is_some_and(|log| is_ahead(now, Hlc(log.hlc))))
            .copied()
            .collect();
        for id in ahead {
            self.clock.correct(now);
            self.close_own(cx, &id);
            let Some(log) = self.logs.get(&id) else { continue };
            let own = self.node();
            let stated = self.view.held.get(&log.scope).into_iter().flat_map(|nodes| nodes.values());
            let held = stated.filter(|stated| stated.held.node != own).map(|stated| stated.held.height(&id)).max();
            let from = super::lookup::entries_of(&*cx.tx, &id, held.unwrap_or(0).max(1))
                .find(|entry| is_ahead(now, entry.header.hlc))
                .map(|entry| entry.header.seq);
            if let Some(from) = from {
                self.withdraw(cx, &id, from);
            }
        }
    }
}

//! What time it is (ruling A9): by the median of the peers' clocks where at least three are known, else by one's own.

use super::alarms::{Alarm, AlarmKind};
use super::{Cx, Engine};
use crate::limits::CLOCK_WARN_MS;

/// So many peers must tell the time before theirs is believed rather than one's own.
const PEERS_FOR_MEDIAN: usize = 3;

impl Engine {
    /// The median difference of the peers' clocks to ours, in milliseconds, when at least three answer (ruling A9).
    pub fn clock_difference_ms(&self) -> Option<i64> {
        let mut all: Vec<i64> =
            self.sessions.values().filter(|session| session.greeted).map(|session| session.clock_ms).collect();
        all.sort_unstable();
        (all.len() >= PEERS_FOR_MEDIAN).then(|| all[all.len() / 2])
    }

    /// Tells the admins of a clock that is wrong, and that it is right again.
    pub(crate) fn keep_clock(&mut self, cx: &mut Cx<'_>) {
        let Some(difference) = self.clock_difference_ms() else { return };
        let alarm = Alarm::new(AlarmKind::Clock, Some(self.node()));
        if difference.unsigned_abs() > CLOCK_WARN_MS {
            // Whole minutes, so that it is not news every second.
            self.raise(cx, alarm.number("ahead_minutes", -difference / 60_000));
        } else {
            self.clear_alarm(cx, &alarm.id());
        }
    }
}

//! The hybrid logical clock: physical time when clocks agree, order when they do not.
//!
//! It orders what people see and breaks ties last of all. It never decides a right (`docs/protocol.md` §1.5).

use crate::limits::CLOCK_AHEAD_MS_MAX;

/// Milliseconds since 1970-01-01 UTC, as told by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Millis(pub u64);

/// A hybrid timestamp: 48 bits of milliseconds, 16 bits of counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The smallest timestamp of a millisecond.
    pub fn at(time: Millis) -> Self {
        Self(time.0 << 16)
    }

    /// The physical part.
    pub fn millis(self) -> Millis {
        Millis(self.0 >> 16)
    }

    /// The next timestamp after this one.
    fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A node's clock. It only moves forward.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    last: Hlc,
}

impl Clock {
    /// A timestamp for a new own entry: later than every one seen, and than `after` (the log's last).
    pub fn tick(&mut self, now: Millis, after: Hlc) -> Hlc {
        self.last = Hlc::at(now).max(self.last.next()).max(after.next());
        self.last
    }

    /// The clock was set right: what was given ahead of the time does not drag it along any more.
    pub fn correct(&mut self, now: Millis) {
        if is_ahead(now, self.last) {
            self.last = Hlc::at(now);
        }
    }

    /// Takes note of a received timestamp unless it lies too far in the future.
    pub fn observe(&mut self, now: Millis, received: Hlc) {
        if !is_ahead(now, received) {
            self.last = self.last.max(received);
        }
    }
}

/// Whether a timestamp lies so far in the future that its entry is held back (INV-15).
pub fn is_ahead(now: Millis, received: Hlc) -> bool {
    received.millis().0 > now.0.saturating_add(CLOCK_AHEAD_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_grow_though_physical_time_stands_still_or_goes_back() {
        let mut clock = Clock::default();
        let first = clock.tick(Millis(1_000), Hlc(0));
        let second = clock.tick(Millis(1_000), Hlc(0));
        let third = clock.tick(Millis(10), Hlc(0));
        assert!(first < second && second < third);
        assert_eq!(first.millis(), Millis(1_000));
    }

    #[test]
    fn a_far_future_timestamp_does_not_drag_the_clock_along() {
        let mut clock = Clock::default();
        clock.observe(Millis(1_000), Hlc::at(Millis(1_000 + CLOCK_AHEAD_MS_MAX + 1)));
        assert_eq!(clock.tick(Millis(1_000), Hlc(0)).millis(), Millis(1_000));
        clock.observe(Millis(1_000), Hlc::at(Millis(1_000 + CLOCK_AHEAD_MS_MAX)));
        assert!(clock.tick(Millis(1_000), Hlc(0)).millis() > Millis(1_000));
    }
}

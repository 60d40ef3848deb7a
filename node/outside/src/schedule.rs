//! When to ask a source again. Pure: the clock and the dice are arguments, so every node computes and tests the same.

use std::time::Duration;

/// Time between two polls of a source that works and asks for nothing else.
pub const INTERVAL: Duration = Duration::from_secs(15 * 60);
/// Longest wait after failures: a site that comes back is seen the same half day.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(6 * 3600);
/// A source may ask for longer waits (`Retry-After`, `ttl`, `max-age`) up to a day.
pub const ASKED_MAX: Duration = Duration::from_secs(24 * 3600);
/// Up to a tenth is added, so that the sources of a large import spread out.
const JITTER_DIVISOR: u64 = 10;

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A document came, or 304 said that nothing changed.
    Good,
    /// No document, for a reason that may pass.
    Failed,
    /// The site asked to slow down (429 or 503).
    Busy,
    /// The site said that the source has ended (410).
    Gone,
}

impl Outcome {
    /// Sorts an HTTP status that is neither a document nor 304.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            410 => Self::Gone,
            429 | 503 => Self::Busy,
            _ => Self::Failed,
        }
    }
}

/// What the source asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `Retry-After` of the answer.
    pub retry_after: Option<Duration>,
    /// `ttl` of the document.
    pub ttl: Option<Duration>,
    /// `Cache-Control: max-age` of the answer.
    pub max_age: Option<Duration>,
}

/// The next step for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Poll at this time, milliseconds since 1970.
    At(i64),
    /// Do not poll again until a person asks.
    Never,
}

/// Computes the next poll.
///
/// `failures` counts the polls in a row, this one included, that did not end well; `dice` is any random number.
#[must_use]
pub fn next_poll(now_ms: i64, outcome: Outcome, failures: u32, asked: Asked, dice: u64) -> Next {
    let floor = asked.retry_after.unwrap_or_default();
    let wait = match outcome {
        Outcome::Gone => return Next::Never,
        Outcome::Good => {
            let wish = asked.ttl.unwrap_or_default().max(asked.max_age.unwrap_or_default());
            INTERVAL.max(wish)
        }
        Outcome::Failed => back_off(failures),
        // One step further than a plain failure: the site itself says that it is asked too often.
        Outcome::Busy => back_off(failures.saturating_add(1)),
    };
    let wait_ms = u64::try_from(wait.max(floor).min(ASKED_MAX).as_millis()).unwrap_or(u64::MAX);
    let jitter_ms = dice % (wait_ms / JITTER_DIVISOR + 1);
    Next::At(now_ms.saturating_add_unsigned(wait_ms + jitter_ms))
}

/// 15 minutes after the first failure, then twice as long each time up to six hours.
fn back_off(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    INTERVAL.saturating_mul(1 << doublings).min(BACK_OFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn minutes(outcome: Outcome, failures: u32, asked: Asked) -> i64 {
        match next_poll(1_000, outcome, failures, asked, 0) {
            Next::At(at) => (at - 1_000) / MINUTE_MS,
            Next::Never => -1,
        }
    }

    fn mins(count: u64) -> Option<Duration> {
        Some(Duration::from_secs(count * 60))
    }

    #[test]
    fn a_working_source_is_asked_every_quarter_of_an_hour() {
        assert_eq!(minutes(Outcome::Good, 0, Asked::default()), 15);
    }

    #[test]
    fn a_source_may_ask_for_longer_but_not_for_shorter_waits() {
        assert_eq!(minutes(Outcome::Good, 0, Asked { ttl: mins(60), ..Asked::default() }), 60);
        assert_eq!(minutes(Outcome::Good, 0, Asked { ttl: mins(1), ..Asked::default() }), 15);
        assert_eq!(minutes(Outcome::Good, 0, Asked { max_age: mins(30), ..Asked::default() }), 30);
        assert_eq!(minutes(Outcome::Good, 0, Asked { ttl: mins(1_000_000), ..Asked::default() }), 24 * 60);
        assert_eq!(minutes(Outcome::Good, 0, Asked { retry_after: mins(45), ..Asked::default() }), 45);
    }

    #[test]
    fn failures_double_the_wait_up_to_six_hours() {
        let waits: Vec<i64> = (1..=8).map(|n| minutes(Outcome::Failed, n, Asked::default())).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 360, 360, 360]);
        assert_eq!(minutes(Outcome::Failed, u32::MAX, Asked::default()), 360);
    }

    #[test]
    fn a_busy_site_is_left_alone_as_long_as_it_asks() {
        assert_eq!(minutes(Outcome::Busy, 1, Asked::default()), 30);
        assert_eq!(minutes(Outcome::Busy, 1, Asked { retry_after: mins(120), ..Asked::default() }), 120);
        assert_eq!(minutes(Outcome::Busy, 3, Asked { retry_after: mins(1), ..Asked::default() }), 120);
    }

    #[test]
    fn a_source_that_is_gone_is_not_asked_again() {
        assert_eq!(next_poll(0, Outcome::of_status(410), 1, Asked::default(), 7), Next::Never);
        assert_eq!(Outcome::of_status(429), Outcome::Busy);
        assert_eq!(Outcome::of_status(503), Outcome::Busy);
        assert_eq!(Outcome::of_status(404), Outcome::Failed);
    }

    #[test]
    fn jitter_adds_at_most_a_tenth_and_depends_only_on_the_dice() {
        for dice in [0, 1, 12_345, u64::MAX] {
            let first = next_poll(0, Outcome::Good, 0, Asked::default(), dice);
            assert_eq!(first, next_poll(0, Outcome::Good, 0, Asked::default(), dice));
            let Next::At(at) = first else { panic!("a good poll is followed by another") };
            assert!((15 * MINUTE_MS..=15 * MINUTE_MS * 11 / 10).contains(&at), "{at}");
        }
        assert_eq!(next_poll(i64::MAX, Outcome::Good, 0, Asked::default(), 1), Next::At(i64::MAX));
    }
}

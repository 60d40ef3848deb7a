//! What is remembered of polling one source, and what a poll makes of it. Pure: time and dice are arguments.

use super::trouble::Trouble;
use crate::http::ports::FeedError;
use archipel_outside::fetch::URL_BYTES_MAX;
use archipel_outside::schedule::{ASKED_MAX, Asked, INTERVAL, Next, Outcome, next_poll};
use archipel_outside::source::canonical_url;
use serde::{Deserialize, Serialize};

/// Failures in a row after which a feed's new address is given up for the one under which it was added: a move may have
/// been a mistake, or the new place may be gone while the old one knows a third.
const MOVED_FAILURES_MAX: u32 = 3;
/// A poll that could not hand over what it found (this site was busy or its disk full) is repeated after this, then
/// after twice as long each time, up to the usual interval: the feed's site is not to pay for our trouble.
const UNDELIVERED_PAUSE_MS: u64 = 60 * 1000;
/// A next poll further ahead than any wait can be means that the clock was set back.
const AHEAD_MS_MAX: u64 = ASKED_MAX.as_millis() as u64 * 2;

/// When to poll next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// At this time, in milliseconds since 1970.
    At(u64),
    /// When a person asks: the feed has ended.
    Asked,
}

impl Default for When {
    fn default() -> Self {
        Self::At(0)
    }
}

/// What is remembered. The default is a source that was never polled, due at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The next poll.
    pub next: When,
    /// Polls in a row that did not end well.
    pub failures: u32,
    /// To be sent back.
    pub etag: Option<String>,
    /// To be sent back.
    pub last_modified: Option<String>,
    /// Where the feed says it has moved for good.
    pub moved: Option<String>,
    /// Milliseconds since 1970.
    pub last_success: Option<u64>,
    /// When a poll last brought something new, in milliseconds since 1970.
    pub last_item: Option<u64>,
    /// What is wrong.
    pub trouble: Option<Trouble>,
}

/// A poll that went well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Good {
    /// New address, when the feed moved for good.
    pub moved: Option<String>,
    /// What the site asks for.
    pub asked: Asked,
    /// A document came, with these validators; `None` when nothing had changed.
    pub document: Option<Validators>,
    /// Items that are new in the group.
    pub posted: usize,
}

/// What a document is known by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validators {
    /// To be sent back.
    pub etag: Option<String>,
    /// To be sent back.
    pub last_modified: Option<String>,
}

/// A poll that brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// For the schedule.
    pub outcome: Outcome,
    /// What the site asks for.
    pub asked: Asked,
    /// For people.
    pub error: FeedError,
}

impl Record {
    /// Whether no poll has gone well yet.
    pub fn is_new(&self) -> bool {
        self.last_success.is_none()
    }

    /// When it is due, in milliseconds since 1970; `None` when only a person can ask.
    pub fn due(&self, now: u64) -> Option<u64> {
        match self.next {
            When::At(at) if at > now.saturating_add(AHEAD_MS_MAX) => Some(now),
            When::At(at) => Some(at),
            When::Asked => None,
        }
    }

    /// After a poll that went well. `source` is the address under which the feed was added.
    pub fn good(&mut self, source: &str, good: Good, now: u64, dice: u64) {
        let moved = good.moved.as_deref().and_then(canonical_url).filter(|url| url.len() <= URL_BYTES_MAX);
        if let Some(moved) = moved {
            self.moved = (moved != source).then_some(moved);
        }
        if let Some(Validators { etag, last_modified }) = good.document {
            self.etag = etag;
            self.last_modified = last_modified;
        }
        self.failures = 0;
        self.trouble = None;
        self.last_success = Some(now);
        if good.posted > 0 {
            self.last_item = Some(now);
        }
        self.schedule(Outcome::Good, good.asked, now, dice);
    }

    /// After a poll whose items could not all be handed over: not the feed's fault, and soon tried again in full.
    pub fn undelivered(&mut self, posted: usize, now: u64) {
        self.etag = None;
        self.last_modified = None;
        if posted > 0 {
            self.last_item = Some(now);
        }
        let pause = UNDELIVERED_PAUSE_MS.saturating_mul(1 << self.failures.min(16)).min(INTERVAL.as_millis() as u64);
        self.failures = self.failures.saturating_add(1);
        self.next = When::At(now.saturating_add(pause));
    }

    /// After a poll that brought nothing.
    pub fn bad(&mut self, bad: Bad, now: u64, dice: u64) {
        self.failures = self.failures.saturating_add(1);
        let since = self.trouble.take().map_or(now, |before| before.since);
        self.trouble = Some(Trouble { code: bad.error.code.to_owned(), message: bad.error.message, since });
        if self.moved.is_some() && self.failures >= MOVED_FAILURES_MAX {
            self.moved = None;
            self.etag = None;
            self.last_modified = None;
        }
        self.schedule(bad.outcome, bad.asked, now, dice);
    }

    fn schedule(&mut self, outcome: Outcome, asked: Asked, now: u64, dice: u64) {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        self.next = match next_poll(now, outcome, self.failures, asked, dice) {
            Next::At(at) => When::At(u64::try_from(at).unwrap_or(0)),
            Next::Never => When::Asked,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SOURCE: &str = "https://a.example/feed";
    const MINUTE_MS: u64 = 60_000;

    fn bad(outcome: Outcome) -> Bad {
        let error = FeedError { code: "feed_unreachable", message: "Not there.".into() };
        Bad { outcome, asked: Asked::default(), error }
    }

    fn minutes(record: &Record, now: u64) -> Option<u64> {
        record.due(now).map(|at| (at - now) / MINUTE_MS)
    }

    #[test]
    fn a_new_source_is_due_at_once() {
        let record = Record::default();
        assert!(record.is_new());
        assert!(record.due(5).is_some_and(|at| at <= 5));
    }

    #[test]
    fn failures_keep_their_beginning_and_end_with_the_first_success() {
        let mut record = Record::default();
        record.bad(bad(Outcome::Failed), 1_000, 0);
        record.bad(bad(Outcome::Failed), 2_000, 0);
        assert_eq!(record.trouble.as_ref().map(|trouble| trouble.since), Some(1_000));
        assert_eq!(minutes(&record, 2_000), Some(30));
        assert!(record.is_new(), "nothing has been read yet");
        record.good(SOURCE, Good { posted: 1, ..Good::default() }, 3_000, 0);
        assert_eq!((record.trouble.as_ref(), record.failures), (None, 0));
        assert_eq!((record.last_success, record.last_item), (Some(3_000), Some(3_000)));
        assert_eq!(minutes(&record, 3_000), Some(15));
    }

    #[test]
    fn a_feed_that_has_ended_waits_for_a_person() {
        let mut record = Record::default();
        record.bad(bad(Outcome::Gone), 1_000, 0);
        assert_eq!(record.due(u64::MAX), None);
        record.good(SOURCE, Good::default(), 2_000, 0);
        assert!(record.due(2_000).is_some());
    }

    #[test]
    fn a_busy_site_is_left_alone_as_long_as_it_asks() {
        let mut record = Record::default();
        let asked = Asked { retry_after: Some(Duration::from_secs(7_200)), ..Asked::default() };
        record.bad(Bad { asked, ..bad(Outcome::Busy) }, 0, 0);
        assert_eq!(minutes(&record, 0), Some(120));
    }

    #[test]
    fn a_move_is_followed_until_the_new_place_fails() {
        let validators = Validators { etag: Some("\"1\"".into()), last_modified: None };
        let mut record = Record::default();
        let moved =
            Good { moved: Some("https://B.example/feed".into()), document: Some(validators), ..Good::default() };
        record.good(SOURCE, moved, 0, 0);
        assert_eq!(record.moved.as_deref(), Some("https://b.example/feed"));
        record.good(SOURCE, Good::default(), 1, 0);
        assert!(record.moved.is_some() && record.etag.is_some(), "an unchanged feed stays where it is");
        for _ in 0..MOVED_FAILURES_MAX {
            assert!(record.moved.is_some());
            record.bad(bad(Outcome::Failed), 2, 0);
        }
        assert_eq!((record.moved, record.etag), (None, None));
    }

    #[test]
    fn a_move_back_home_is_no_move() {
        let mut record = Record { moved: Some("https://b.example/".into()), ..Record::default() };
        record.good(SOURCE, Good { moved: Some(SOURCE.into()), ..Good::default() }, 0, 0);
        assert_eq!(record.moved, None);
    }

    #[test]
    fn what_could_not_be_handed_over_is_asked_for_in_full_again() {
        let mut record = Record { etag: Some("\"1\"".into()), ..Record::default() };
        record.undelivered(3, 1_000);
        assert_eq!((record.etag.as_deref(), record.trouble.as_ref()), (None, None));
        let mut waits = vec![minutes(&record, 1_000)];
        for _ in 0..5 {
            record.undelivered(0, 1_000);
            waits.push(minutes(&record, 1_000));
        }
        assert_eq!(waits, [1, 2, 4, 8, 15, 15].map(Some));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_silence_a_feed() {
        let record = Record { next: When::At(u64::MAX), ..Record::default() };
        assert_eq!(record.due(1_000), Some(1_000));
    }

    #[test]
    fn rows_of_an_earlier_version_still_read() {
        let record: Record = serde_json::from_str("{}").unwrap();
        assert_eq!(record, Record::default());
    }
}

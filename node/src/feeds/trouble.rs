//! What is wrong with a feed, in the codes of `docs/http-api.md` and in plain words.
//!
//! The room of outside things tells more kinds apart than the interface has codes; the sentence keeps the difference.

use crate::http::ports::{FeedError, FeedTrouble};
use archipel_outside::feed;
use archipel_outside::fetch::FetchError;
use serde::{Deserialize, Serialize};

/// A failure as it is kept: the last one, and since when polls have failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// A code, of any room.
    pub code: String,
    /// A sentence in English.
    pub message: String,
    /// Milliseconds since 1970.
    pub since: u64,
}

impl Trouble {
    /// For the interface, with the time of the next attempt.
    pub fn shown(&self, retry: Option<u64>) -> FeedTrouble {
        FeedTrouble { code: listed(&self.code), message: self.message.clone(), since: self.since, retry }
    }
}

/// The interface's code for a code of the room of outside things; its own codes stay what they are.
pub fn listed(code: &str) -> &'static str {
    match code {
        "feed_refused_address" => "feed_refused_address",
        "feed_not_a_feed" | "feed_unsafe" => "feed_not_a_feed",
        "feed_too_large" => "feed_too_large",
        "opml_invalid" => "opml_invalid",
        // Whatever stood in the way, no document came: status, time, certificate, redirects.
        _ => "feed_unreachable",
    }
}

/// Nothing came.
pub fn of_fetch(error: &FetchError) -> FeedError {
    FeedError { code: listed(error.code()), message: error.message() }
}

/// What came is no feed.
pub fn of_feed(error: feed::FeedError) -> FeedError {
    FeedError { code: listed(error.code()), message: error.message().to_owned() }
}

/// The text is no address that can be read.
pub fn bad_address(reason: &str) -> FeedError {
    of_fetch(&FetchError::BadAddress { reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_code_of_the_interface() {
        let interface =
            ["feed_unreachable", "feed_refused_address", "feed_not_a_feed", "feed_too_large", "opml_invalid"];
        let fetch = [
            FetchError::BadAddress { reason: String::new() },
            FetchError::Unreachable { host: "a".into(), reason: String::new() },
            FetchError::Timeout { seconds: 10 },
            FetchError::Status { status: 404, retry_after: None },
            FetchError::TooLarge { bytes_max: 1 },
            FetchError::Redirects { reason: "x" },
        ];
        for error in &fetch {
            assert!(interface.contains(&of_fetch(error).code), "{error}");
        }
        for error in [feed::FeedError::WebPage, feed::FeedError::Entities, feed::FeedError::TooLarge] {
            assert!(interface.contains(&of_feed(error).code), "{error}");
        }
        for code in interface {
            assert_eq!(listed(code), code);
        }
    }

    #[test]
    fn the_sentence_says_what_the_code_does_not() {
        let missing = of_fetch(&FetchError::Status { status: 404, retry_after: None });
        assert_eq!(missing.code, "feed_unreachable");
        assert!(missing.message.contains("404"), "{}", missing.message);
    }
}

//! What is wrong with a feed, in the codes of `docs/http-api.md` and in plain words.
//!
//! Each kind that asks something else of the person who cares for the feed has a code of its own, since the web UI has its
//! words by code.

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
        "feed_not_a_feed" => "feed_not_a_feed",
        "feed_unsafe" => "feed_unsafe",
        "feed_too_large" => "feed_too_large",
        "feed_timeout" => "feed_timeout",
        "feed_tls" => "feed_tls",
        "feed_missing" => "feed_missing",
        "feed_gone" => "feed_gone",
        "feed_forbidden" => "feed_forbidden",
        "feed_http_status" => "feed_http_status",
        "feed_redirects" => "feed_redirects",
        "opml_invalid" => "opml_invalid",
        _ => "feed_unreachable",
    }
}

/// Of the statuses those that ask for something else than patience.
fn of_status(status: u16) -> &'static str {
    match status {
        401 | 403 => "feed_forbidden",
        404 => "feed_missing",
        410 => "feed_gone",
        _ => "feed_http_status",
    }
}

/// Nothing came.
pub fn of_fetch(error: &FetchError) -> FeedError {
    let code = if let FetchError::Status { status, .. } = error { of_status(*status) } else { listed(error.code()) };
    FeedError { code, message: error.message() }
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
    use crate::http::error::by_name;

    #[test]
    fn every_failure_has_a_code_of_the_interface_that_says_what_to_do() {
        let status = |status| FetchError::Status { status, retry_after: None };
        let fetch = [
            (FetchError::BadAddress { reason: String::new() }, "feed_refused_address"),
            (FetchError::Unreachable { host: "a".into(), reason: String::new() }, "feed_unreachable"),
            (FetchError::Timeout { seconds: 10 }, "feed_timeout"),
            (FetchError::Tls { host: "a".into(), reason: String::new() }, "feed_tls"),
            (status(404), "feed_missing"),
            (status(410), "feed_gone"),
            (status(403), "feed_forbidden"),
            (status(429), "feed_http_status"),
            (status(500), "feed_http_status"),
            (FetchError::TooLarge { bytes_max: 1 }, "feed_too_large"),
            (FetchError::Redirects { reason: "x" }, "feed_redirects"),
        ];
        for (error, code) in &fetch {
            assert_eq!(of_fetch(error).code, *code, "{error}");
            assert_eq!(by_name(code).name, *code, "it is in the table");
            assert_eq!(listed(code), *code, "it is the same after a restart");
        }
        for (error, code) in [
            (feed::FeedError::WebPage, "feed_not_a_feed"),
            (feed::FeedError::Entities, "feed_unsafe"),
            (feed::FeedError::TooLarge, "feed_too_large"),
        ] {
            assert_eq!(of_feed(error).code, code);
            assert_eq!(by_name(code).name, code);
        }
    }

    #[test]
    fn the_sentence_says_what_the_code_does_not() {
        let missing = of_fetch(&FetchError::Status { status: 429, retry_after: None });
        assert!(missing.message.contains("429"), "{}", missing.message);
    }
}

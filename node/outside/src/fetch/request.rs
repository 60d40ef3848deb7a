//! What is asked of a fetcher, what it may cost, and what comes back when all goes well.

use std::time::Duration;

use bytes::Bytes;

/// Time for the whole exchange, name lookup and redirects included (protocol 7.6).
pub const TOTAL_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of a body as sent (protocol 7.6).
pub const SENT_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Bytes of a body once inflated: text packs three to one, so an honest full document still fits.
pub const INFLATED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Redirects followed (protocol 7.6).
pub const REDIRECTS_MAX: usize = 3;
/// Longest address accepted; what browsers and servers agree on in practice.
pub const URL_BYTES_MAX: usize = 2_000;
/// What one request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for the whole exchange.
    pub total: Duration,
    /// Bytes of the body as sent.
    pub sent_bytes_max: usize,
    /// Bytes of the body once inflated.
    pub inflated_bytes_max: usize,
    /// Redirects followed.
    pub redirects_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: TOTAL_TIME_MAX,
            sent_bytes_max: SENT_BYTES_MAX,
            inflated_bytes_max: INFLATED_BYTES_MAX,
            redirects_max: REDIRECTS_MAX,
        }
    }
}

/// One document wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Address, http or https.
    pub url: String,
    /// `ETag` of the copy already held.
    pub etag: Option<String>,
    /// `Last-Modified` of the copy already held.
    pub last_modified: Option<String>,
    /// What it may cost.
    pub limits: Limits,
}

impl Request {
    /// A first request for an address, with the usual limits.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

/// A fetch that went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The copy already held is still right.
    NotModified {
        /// New address to store, when the site moved for good.
        permanent_redirect: Option<String>,
        /// How long the site calls the copy fresh.
        max_age: Option<Duration>,
    },
    /// A document.
    Document {
        /// The body, inflated.
        bytes: Bytes,
        /// Address that the document came from, after redirects: the base of its links.
        final_url: String,
        /// New address to store, when the site moved for good (only 301 and 308 on the way, no loss of TLS).
        permanent_redirect: Option<String>,
        /// To send next time.
        etag: Option<String>,
        /// To send next time.
        last_modified: Option<String>,
        /// As sent.
        content_type: Option<String>,
        /// How long the site asks to wait.
        retry_after: Option<Duration>,
        /// How long the site calls the document fresh.
        max_age: Option<Duration>,
    },
}

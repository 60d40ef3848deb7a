//! This room's one way out: the guarded fetcher, with the internal origins that the site's settings open at the moment.

use super::trouble;
use crate::http::ports::FeedError;
use crate::local::Local;
use archipel_outside::feed::{self, Feed};
use archipel_outside::fetch::{ConfigError, FetchError, Fetched, Fetcher, FetcherConfig, Origin, Request};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// Fetches and reads.
pub struct Web {
    fetcher: Fetcher,
    local: Arc<Local>,
    /// Origins opened by the configuration, whatever the settings say.
    fixed: Vec<String>,
    /// Origins opened now.
    opened: Mutex<Vec<String>>,
    /// How often that has changed.
    changes: AtomicU64,
}

impl Web {
    /// Sets up the fetcher.
    ///
    /// # Errors
    /// See [`Fetcher::new`].
    pub fn new(config: FetcherConfig, local: Arc<Local>) -> Result<Self, ConfigError> {
        let fixed = config.allowed_origins.clone();
        let fetcher = Fetcher::new(config)?;
        let web = Self { fetcher, local, opened: Mutex::new(fixed.clone()), fixed, changes: AtomicU64::new(0) };
        web.renew_origins();
        Ok(web)
    }

    /// Takes over what the settings open now; gives how often that has changed.
    pub fn renew_origins(&self) -> u64 {
        // One bad line, from an older version or a hand, must not close the others.
        let set = self.local.settings().feed_origins.into_iter().filter(|text| Origin::parse(text).is_some());
        let wanted: Vec<String> = self.fixed.iter().cloned().chain(set).collect();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if *opened != wanted {
            match self.fetcher.set_allowed_origins(&wanted) {
                Ok(()) => {
                    *opened = wanted;
                    self.changes.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => tracing::warn!(%error, "the origins opened for feeds stay as they were"),
            }
        }
        self.changes.load(Ordering::Relaxed)
    }

    /// Whether an address belongs to an origin that is opened now.
    pub fn is_opened(&self, url: &str) -> bool {
        let origin = |text: &str| Origin::parse(&Url::parse(text).ok()?.origin().ascii_serialization());
        let Some(wanted) = origin(url) else { return false };
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.iter().any(|text| Origin::parse(text).as_ref() == Some(&wanted))
    }

    /// Replaces the addresses of this very node; holds from the next fetch on.
    pub fn set_own_addresses(&self, addresses: Vec<IpAddr>) {
        self.fetcher.set_own_addresses(addresses);
    }

    /// Fetches one document.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch(&self, request: Request) -> Result<Fetched, FetchError> {
        self.renew_origins();
        self.fetcher.fetch(request).await
    }
}

/// Reads a document on a thread that may be busy for a while.
///
/// # Errors
/// What the reader says of it; a document that breaks the reader is no feed.
pub async fn read<T: Send + 'static>(
    document: impl FnOnce() -> Result<T, feed::FeedError> + Send + 'static,
) -> Result<T, feed::FeedError> {
    tokio::task::spawn_blocking(document).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the reader of feeds failed on a document");
        Err(feed::FeedError::NotAFeed)
    })
}

/// Parses what a fetch brought; on its own thread, see [`read`].
///
/// # Errors
/// See [`feed::FeedError`].
pub fn parse(bytes: &[u8], content_type: Option<&str>, url: &str) -> Result<Feed, feed::FeedError> {
    let feed = feed::parse(bytes, content_type, url)?;
    if feed.partial || feed.dropped > 0 {
        tracing::debug!(url, partial = feed.partial, dropped = feed.dropped, "a feed was read in part");
    }
    Ok(feed)
}

/// The one form of an address.
///
/// # Errors
/// `feed_refused_address`.
pub fn canonical(url: &str) -> Result<String, FeedError> {
    let canonical = archipel_outside::source::canonical_url(url).ok_or_else(|| trouble::bad_address("unreadable"))?;
    if canonical.len() > archipel_outside::fetch::URL_BYTES_MAX {
        return Err(trouble::bad_address("too long"));
    }
    Ok(canonical)
}

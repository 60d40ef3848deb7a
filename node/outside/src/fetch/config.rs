//! How a fetcher is set up. Checks nothing itself.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Resolve, SystemResolver};

/// How a [`Fetcher`] is set up.
#[derive(Clone)]
pub struct FetcherConfig {
    /// The fixed `User-Agent`.
    pub agent: String,
    /// Exact origins (`scheme://host[:port]`) that may be internal.
    pub allowed_origins: Vec<String>,
    /// The node's own addresses, never connected to.
    pub own_addresses: Vec<IpAddr>,
    /// Further trusted roots, DER encoded.
    pub extra_roots: Vec<Vec<u8>>,
    /// How names become addresses.
    pub resolver: Arc<dyn Resolve>,
}

impl Default for FetcherConfig {
    fn default() -> Self {
        Self {
            agent: "Archipel (feed reader)".to_owned(),
            allowed_origins: Vec::new(),
            own_addresses: Vec::new(),
            extra_roots: Vec::new(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not of the form `scheme://host[:port]`.
    #[error("not an exact origin: {text}")]
    BadOrigin {
        /// The text as given.
        text: String,
    },
    /// A further root is not a certificate.
    #[error("not a root certificate: {reason}")]
    BadRoot {
        /// Technical cause.
        reason: String,
    },
    /// The agent is not a header value, or the TLS provider is missing.
    #[error("cannot set up the web client: {reason}")]
    Client {
        /// Technical cause.
        reason: String,
    },
}

//! The only fetcher of foreign addresses. It asks for one document with GET and gives back bytes.
//!
//! Rules (each has a test):
//! 1. Resolve first. Every address that the name has must be global unicast and not the node's own.
//! 2. Connect only to addresses that were checked; the name is not looked up a second time.
//! 3. Follow at most three redirects by hand; each is checked like a first address.
//! 4. http and https, ports 80 and 443. An origin on the administrator's allow-list may use any port and address, but
//!    a page outside the list cannot redirect into it.
//! 5. Ten seconds in all, 5 MiB as sent, a limit once inflated.
//! 6. No cookies, no credentials, no referrer, no proxy from the environment, a fixed agent.
//!
//! It knows nothing of feeds: link previews and the like may use it too.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION,
};
use reqwest::{Client, Response, StatusCode};
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use url::{Host, Url};

mod address;
mod body;
mod config;
mod error;
mod header;
mod request;
mod resolve;
mod tls;

pub use address::{Origin, is_global_unicast};
pub use config::{ConfigError, FetcherConfig};
pub use error::FetchError;
pub use header::{VALIDATOR_BYTES_MAX, WAIT_MAX};
pub use request::{
    Fetched, INFLATED_BYTES_MAX, Limits, REDIRECTS_MAX, Request, SENT_BYTES_MAX, TOTAL_TIME_MAX, URL_BYTES_MAX,
};
pub use resolve::{Addresses, Resolve, SystemResolver};
pub use tls::install_provider;

use address::Policy;

/// Addresses of one name that are looked at; a name with more is a trick or a mistake.
const ADDRESSES_MAX: usize = 32;
/// Fetches under way at once, so that a large OPML import cannot take the node's memory (8 × 21 MiB at worst).
const AT_ONCE_MAX: usize = 8;
/// Connecting is given up before the whole time has passed, so that a second address of the name gets its turn.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// What the fetcher says it would like: feeds before pages.
const ACCEPTED: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, \
                        application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.7, */*;q=0.5";

/// Fetches documents from foreign addresses under the rules at the head of this file. Cheap to share behind an `Arc`.
pub struct Fetcher {
    agent: HeaderValue,
    tls: ClientConfig,
    resolver: Arc<dyn Resolve>,
    policy: RwLock<Arc<Policy>>,
    places: Semaphore,
}

/// What one hop gave.
enum Hop {
    Redirect { to: Url, permanent: bool },
    Answer(Response),
}

impl Fetcher {
    /// Sets up the fetcher.
    ///
    /// # Errors
    /// When an origin is not exact, a root is not a certificate, or the agent is not printable.
    pub fn new(config: FetcherConfig) -> Result<Self, ConfigError> {
        install_provider();
        let agent = HeaderValue::from_str(&config.agent).map_err(|e| ConfigError::Client { reason: e.to_string() })?;
        let fetcher = Self {
            agent,
            tls: tls::client_config(&config.extra_roots)?,
            resolver: config.resolver,
            policy: RwLock::default(),
            places: Semaphore::new(AT_ONCE_MAX),
        };
        fetcher.set_own_addresses(config.own_addresses);
        fetcher.set_allowed_origins(&config.allowed_origins)?;
        Ok(fetcher)
    }

    /// Replaces the allow-list; holds from the next request on.
    ///
    /// # Errors
    /// When one is not an exact origin; then nothing changes.
    pub fn set_allowed_origins(&self, origins: &[String]) -> Result<(), ConfigError> {
        let allowed = origins
            .iter()
            .map(|text| Origin::parse(text).ok_or_else(|| ConfigError::BadOrigin { text: text.clone() }))
            .collect::<Result<_, _>>()?;
        self.change_policy(|policy| policy.allowed = allowed);
        Ok(())
    }

    /// Replaces the node's own addresses; holds from the next request on.
    pub fn set_own_addresses(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let own = addresses.into_iter().map(|address| address.to_canonical()).collect();
        self.change_policy(|policy| policy.own = own);
    }

    fn change_policy(&self, change: impl FnOnce(&mut Policy)) {
        let mut guard = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut guard));
    }

    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches one document.
    ///
    /// # Errors
    /// See [`FetchError`]; each has a code and plain words.
    pub async fn fetch(&self, request: Request) -> Result<Fetched, FetchError> {
        let place = self.places.acquire().await;
        let total = request.limits.total;
        let result = match tokio::time::timeout(total, self.follow(&request)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout { seconds: total.as_secs().max(1) }),
        };
        drop(place);
        if let Err(error) = &result {
            tracing::debug!(code = error.code(), %error, "fetch failed");
        }
        result
    }

    async fn follow(&self, request: &Request) -> Result<Fetched, FetchError> {
        let policy = self.policy();
        let mut url = target(&request.url)?;
        let mut listed = policy.lists(&url);
        let mut moved = None;
        let mut only_permanent = true;
        for _ in 0..=request.limits.redirects_max {
            match self.hop(&url, request, &policy, listed).await? {
                Hop::Answer(response) => return finish(response, &url, request, moved).await,
                Hop::Redirect { to, permanent } => {
                    let keeps_tls = url.scheme() != "https" || to.scheme() == "https";
                    only_permanent = only_permanent && permanent && keeps_tls;
                    if only_permanent {
                        moved = Some(to.to_string());
                    }
                    // A foreign page must not steer us into the internal origins that were opened for feeds.
                    listed = listed && policy.lists(&to);
                    url = to;
                }
            }
        }
        Err(FetchError::Redirects { reason: "too many" })
    }

    async fn hop(&self, url: &Url, request: &Request, policy: &Policy, listed: bool) -> Result<Hop, FetchError> {
        let addresses = self.checked_addresses(url, policy, listed).await?;
        let host = url.host_str().unwrap_or_default();
        let response = self
            .client(host, &addresses)?
            .get(url.clone())
            .headers(request_headers(request))
            .send()
            .await
            .map_err(|error| request_error(&error, host))?;
        // The client was given only checked addresses; this makes sure that it used one.
        if response.remote_addr().is_some_and(|remote| !addresses.contains(&remote)) {
            return Err(FetchError::RefusedAddress { host: host.to_owned(), reason: "connected elsewhere" });
        }
        if !is_redirect(response.status()) {
            return Ok(Hop::Answer(response));
        }
        let permanent = matches!(response.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT);
        let to = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| url.join(text).ok())
            .ok_or(FetchError::Redirects { reason: "no usable target" })?;
        Ok(Hop::Redirect { to: target(to.as_str())?, permanent })
    }

    /// Resolves the host once and refuses it when any of its addresses may not be connected to.
    async fn checked_addresses(&self, url: &Url, policy: &Policy, listed: bool) -> Result<Vec<SocketAddr>, FetchError> {
        let name = url.host_str().unwrap_or_default();
        let refused = |reason| FetchError::RefusedAddress { host: name.to_owned(), reason };
        let unreachable = |reason: String| FetchError::Unreachable { host: name.to_owned(), reason };
        let port = url.port_or_known_default().ok_or_else(|| refused("no port"))?;
        if !listed && !matches!(port, 80 | 443) {
            return Err(refused("only ports 80 and 443"));
        }
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            Some(Host::Domain(host)) => {
                self.resolver.resolve(host).await.map_err(|e| unreachable(format!("name lookup failed: {e}")))?
            }
            None => return Err(refused("no host")),
        };
        if addresses.is_empty() {
            return Err(unreachable("the name has no address".to_owned()));
        }
        if addresses.len() > ADDRESSES_MAX {
            return Err(refused("too many addresses"));
        }
        if !listed && !addresses.iter().all(|address| policy.admits(*address)) {
            return Err(refused("not a public address"));
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// A client that lives for one hop and can reach only these addresses: no pool outlives a check.
    fn client(&self, host: &str, addresses: &[SocketAddr]) -> Result<Client, FetchError> {
        Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .user_agent(self.agent.clone())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .connect_timeout(CONNECT_TIME_MAX)
            .pool_max_idle_per_host(0)
            .dns_resolver(Nowhere)
            .resolve_to_addrs(host, addresses)
            .build()
            .map_err(|error| FetchError::Unreachable { host: host.to_owned(), reason: error.to_string() })
    }
}

/// The client's own resolver: knows no name, so that a name which was not checked leads nowhere.
struct Nowhere;

impl reqwest::dns::Resolve for Nowhere {
    fn resolve(&self, _name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("the name was not checked".into()) })
    }
}

/// Reads an address and refuses what is not a plain web address.
fn target(text: &str) -> Result<Url, FetchError> {
    let bad = |reason: &str| FetchError::BadAddress { reason: reason.to_owned() };
    if text.len() > URL_BYTES_MAX {
        return Err(bad("too long"));
    }
    let mut url = Url::parse(text.trim()).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("carries credentials"));
    }
    url.set_fragment(None);
    Ok(url)
}

fn request_headers(request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static(ACCEPTED)),
        (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
    ]);
    let mut validator = |name: HeaderName, value: &Option<String>| {
        let value = value.as_deref().filter(|text| text.len() <= VALIDATOR_BYTES_MAX);
        if let Some(value) = value.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    };
    validator(IF_NONE_MATCH, &request.etag);
    validator(IF_MODIFIED_SINCE, &request.last_modified);
    headers
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

async fn finish(
    response: Response,
    url: &Url,
    request: &Request,
    permanent_redirect: Option<String>,
) -> Result<Fetched, FetchError> {
    let now_ms = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let headers = response.headers();
    let retry_after = header::retry_after(headers, now_ms);
    let max_age = header::max_age(headers);
    let conditional = request.etag.is_some() || request.last_modified.is_some();
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if conditional => return Ok(Fetched::NotModified { permanent_redirect, max_age }),
        status => return Err(FetchError::Status { status: status.as_u16(), retry_after }),
    }
    let etag = header::short_text(headers, &ETAG);
    let last_modified = header::short_text(headers, &LAST_MODIFIED);
    let content_type = header::short_text(headers, &CONTENT_TYPE);
    let bytes = body::read(response, url.host_str().unwrap_or_default(), &request.limits).await?;
    Ok(Fetched::Document {
        bytes: bytes.into(),
        final_url: url.to_string(),
        permanent_redirect,
        etag,
        last_modified,
        content_type,
        retry_after,
        max_age,
    })
}

/// Sorts the client's error by its innermost cause.
fn request_error(error: &reqwest::Error, host: &str) -> FetchError {
    let host = host.to_owned();
    let mut reason = error.to_string();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        reason = inner.to_string();
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return FetchError::Tls { host, reason: tls.to_string() };
        }
        // An input-output error hides what it wraps from `source`, so it is opened by hand.
        cause = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    FetchError::Unreachable { host, reason }
}

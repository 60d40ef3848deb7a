//! What every request must pass before any handler sees it: how many at once, by which name the site was called (against
//! rebinding of names), whence a changing request comes (against forged ones); and the headers every answer carries
//! (`docs/protocol.md` §7.3, §7.4, ruling B6).

use super::App;
use super::error::{ApiError, BUSY, CSRF, UNKNOWN_HOST};
use crate::config::Signer;
use crate::metrics::RequestLabels;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::net::IpAddr;
use std::time::Instant;

/// Requests under way in all; web sockets count only until they stand.
pub const REQUESTS_AT_ONCE_MAX: usize = 512;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The pages run only this site's own files; `wasm-unsafe-eval` lets WebAssembly run, and only that.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; media-src 'self' blob:; manifest-src 'self'; \
     worker-src 'self' blob:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'";

const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"),
    ),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
];

/// For half a year browsers come back by TLS only. Browsers heed it only where they trust the certificate.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=15552000");

/// The names by which browsers may call this site.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The configured names; loopback names are always allowed, and the address that is listened on.
    pub fn new(names: &[String], bound: IpAddr) -> Self {
        let mut names = names.to_vec();
        if !bound.is_unspecified() {
            names.push(bound.to_string());
        }
        Self(names)
    }

    /// Whether the site may be called so. `authority` may carry a port, which any may.
    pub fn allow(&self, authority: &str) -> bool {
        is_loopback(authority) || self.0.contains(&bare_name(authority))
    }
}

/// Whether a name leads to the machine on which it is used.
fn is_loopback(authority: &str) -> bool {
    let name = bare_name(authority);
    let loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || name == "localhost" || name.ends_with(".localhost")
}

/// A host name or address alone, as it is compared.
fn bare_name(authority: &str) -> String {
    let name = without_port(authority).trim_end_matches('.').to_ascii_lowercase();
    name.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => authority,
    }
}

/// The name under which the request came: `Host`, or what HTTP/2 carries instead.
pub fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, None) => uri.authority().map(|authority| authority.as_str()),
        _ => None,
    }
}

/// Whether a request comes from a page of this site: the browser says so, or its `Origin` is this very name.
pub fn is_same_origin(uri: &Uri, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    is_origin_own(uri, headers)
}

/// Whether `Origin` is this very name.
pub fn is_origin_own(uri: &Uri, headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let Some((scheme, from)) = origin.and_then(|origin| origin.split_once("://")) else { return false };
    let Some(host) = authority(uri, headers) else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    from.trim_end_matches(port).eq_ignore_ascii_case(host.trim_end_matches(port))
}

/// The outermost layer: counts, bounds, checks name and origin, and sets the headers.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("other", |path| path.as_str()).to_owned();
    let strict = is_strict(&app, &request);
    let mut response = match check(&app, &request) {
        Ok(place) => {
            let response = next.run(request).await;
            drop(place);
            response
        }
        Err(refused) => refused.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    if strict {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    let labels = RequestLabels { method, route, status: response.status().as_u16() };
    app.metrics.requests.get_or_create(&labels).inc();
    app.metrics.seconds.observe(begun.elapsed().as_secs_f64());
    response
}

/// Whether browsers are told to use TLS only: not for a certificate that nobody vouches for, and never for the loopback
/// names, which other programs on that machine use too.
fn is_strict(app: &App, request: &Request) -> bool {
    let vouched = app.config.tls.as_ref().is_some_and(|files| files.signer == Signer::Authority);
    vouched && authority(request.uri(), request.headers()).is_some_and(|name| !is_loopback(name))
}

fn check(app: &App, request: &Request) -> Result<tokio::sync::OwnedSemaphorePermit, ApiError> {
    let place = std::sync::Arc::clone(&app.places).try_acquire_owned().map_err(|_| ApiError::later(BUSY, 1))?;
    let (uri, headers) = (request.uri(), request.headers());
    let host = authority(uri, headers).unwrap_or_default();
    if !app.hosts.allow(host) {
        let host: String = host.chars().take(253).collect();
        return Err(ApiError::with(UNKNOWN_HOST, json!({ "host": host })));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && !is_same_origin(uri, headers) {
        return Err(CSRF.into());
    }
    Ok(place)
}

fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_reach_the_site() {
        let hosts = Hosts::new(&["intranet.example".to_owned()], "192.0.2.7".parse().unwrap());
        for good in [
            "localhost",
            "localhost:7300",
            "127.0.0.1:7300",
            "[::1]:7300",
            "Intranet.Example:443",
            "intranet.example.",
            "192.0.2.7:80",
            "a.localhost",
        ] {
            assert!(hosts.allow(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "intranet.example.evil",
            "127.0.0.1.evil.example",
            "192.0.2.8",
            "[::2]",
            "localhost.evil:80",
        ] {
            assert!(!hosts.allow(bad), "{bad}");
        }
        assert!(!Hosts::new(&[], "0.0.0.0".parse().unwrap()).allow("0.0.0.0"));
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_change_comes_from_a_page_of_this_site() {
        let uri: Uri = "/api/v1/session".parse().unwrap();
        let ok = |pairs: &[(&'static str, &str)]| is_same_origin(&uri, &headers(pairs));
        assert!(ok(&[("host", "a:7300"), ("sec-fetch-site", "same-origin")]));
        assert!(ok(&[("host", "a:7300"), ("origin", "http://a:7300")]));
        assert!(ok(&[("host", "a"), ("origin", "https://A:443")]));
        assert!(!ok(&[("host", "a:7300")]), "neither header");
        for site in ["cross-site", "same-site", "none"] {
            assert!(!ok(&[("host", "a"), ("origin", "http://a"), ("sec-fetch-site", site)]), "{site}");
        }
        for origin in ["null", "http://b", "http://a:8", "http://a.b", "file://a", "a"] {
            assert!(!ok(&[("host", "a"), ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn two_host_headers_name_nothing() {
        let uri: Uri = "/".parse().unwrap();
        let mut two = headers(&[("host", "localhost")]);
        two.append(HOST, "evil".parse().unwrap());
        assert_eq!(authority(&uri, &two), None);
    }
}

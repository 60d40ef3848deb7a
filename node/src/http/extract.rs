//! How requests are taken apart: JSON bodies with limits of size and time, ids in paths, pages in queries, the peer.

use super::error::{ApiError, BAD_JSON, BAD_REQUEST, NOT_FOUND, TOO_LARGE};
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// The largest JSON body: a post of 100 KB with its escapes, or a list of feeds.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// A megabyte over a slow phone link; a body that trickles longer holds a place that others need.
const BODY_WITHIN: Duration = Duration::from_secs(60);

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::with(BAD_JSON, json!({ "expected": "application/json" })));
        }
        let read = tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, state)).await;
        let bytes = read.map_err(|_| ApiError::from(BAD_REQUEST))?.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::from(TOO_LARGE),
            _ => BAD_REQUEST.into(),
        })?;
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|error| ApiError::with(BAD_JSON, json!({ "at": error.to_string() })))
    }
}

/// A body that is not JSON must not be taken for it: an HTML form can send `text/plain`.
fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// An id in a path or body, in its text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<T>(pub T);

impl<'de, T: FromStr> Deserialize<'de> for Key<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| D::Error::custom("not a valid id"))
    }
}

/// The ids of a path. What is no id names nothing, so it answers as what does not exist.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(ids)| Self(ids)).map_err(|_| NOT_FOUND.into())
    }
}

/// A query string.
pub struct InQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|_| BAD_REQUEST.into())
    }
}

/// The machine at the other end of the connection. Behind a proxy that is the proxy: no header is believed.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// Of a request.
    pub fn of(extensions: &axum::http::Extensions) -> Self {
        let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        // Unknown is treated as a stranger from far away.
        Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical())
    }

    /// Whether it is this machine itself.
    pub fn is_here(self) -> bool {
        self.0.is_loopback()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

/// What the browser calls itself.
pub struct Agent(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Agent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let given = parts.headers.get(axum::http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(given.unwrap_or_default().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    async fn read(kind: &str, body: &'static str) -> Result<u32, ApiError> {
        let request = Request::builder().method("POST").header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
        Json::<u32>::from_request(request, &()).await.map(|Json(number)| number)
    }

    #[tokio::test]
    async fn only_json_is_taken_for_json() {
        assert_eq!(read("application/json; charset=utf-8", "7").await.unwrap(), 7);
        assert_eq!(read("text/plain", "7").await.unwrap_err().code, BAD_JSON);
        assert_eq!(read("application/json", "seven").await.unwrap_err().code, BAD_JSON);
    }

    #[test]
    fn a_request_of_unknown_origin_is_not_of_this_machine() {
        assert!(!Peer::of(&axum::http::Extensions::new()).is_here());
        let mut known = axum::http::Extensions::new();
        known.insert(ConnectInfo::<SocketAddr>("[::ffff:127.0.0.1]:9".parse().unwrap()));
        assert!(Peer::of(&known).is_here());
    }
}

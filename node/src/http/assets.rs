//! The web UI's files: compressed as the browser likes, kept for ever when their name says what they hold. Any page of
//! the app is `index.html`.

use super::error::{ApiError, METHOD_NOT_ALLOWED, NOT_FOUND};
use archipel_web_ui::Asset;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use std::borrow::Cow;

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_FIRST: &str = "no-cache";

/// Answers unknown paths below `/api`.
pub async fn no_such_endpoint() -> ApiError {
    NOT_FOUND.into()
}

/// Answers known paths that were called with another method; the router adds which would do.
pub async fn no_such_method() -> ApiError {
    METHOD_NOT_ALLOWED.into()
}

/// Nothing that the API says is kept by a browser or a proxy, unless the handler says so.
pub async fn never_stored(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Serves a file of the web UI, or its page.
pub async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return ApiError::from(NOT_FOUND).into_response();
    }
    let path = uri.path();
    // Only what looks like a file may be missing; everything else is a page of the app.
    let is_page = !path.rsplit('/').next().unwrap_or_default().contains('.');
    match archipel_web_ui::get(path).or_else(|| archipel_web_ui::get("index.html").filter(|_| is_page)) {
        Some(asset) => serve(asset, &headers),
        None => ApiError::from(NOT_FOUND).into_response(),
    }
}

fn serve(asset: Asset, headers: &HeaderMap) -> Response {
    let (encoding, bytes) = match (asset.br, asset.gz) {
        (Some(br), _) if accepts(headers, "br") => (Some("br"), br),
        (_, Some(gz)) if accepts(headers, "gzip") => (Some("gzip"), gz),
        _ => (None, asset.bytes),
    };
    // Each form of the bytes has its own tag.
    let etag = match encoding {
        Some(encoding) => format!("{}-{encoding}\"", asset.etag.trim_end_matches('"')),
        None => asset.etag,
    };
    let cache = if asset.immutable { FOR_EVER } else { ASK_FIRST };
    let response = Response::builder()
        .header(header::ETAG, &etag)
        .header(header::CACHE_CONTROL, cache)
        .header(header::VARY, "accept-encoding");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let made = if known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag) {
        response.status(StatusCode::NOT_MODIFIED).body(Body::empty())
    } else {
        let response = response.header(header::CONTENT_TYPE, asset.content_type);
        let response = match encoding {
            Some(encoding) => response.header(header::CONTENT_ENCODING, encoding),
            None => response,
        };
        response.body(Body::from(match bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        }))
    };
    made.unwrap_or_else(|error| ApiError::internal(error).into_response())
}

/// Whether the browser takes a coding: it is named, and not with a weight of zero.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        named && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str, pairs: &[(header::HeaderName, &'static str)]) -> Response {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        file(Method::GET, path.parse().unwrap(), headers).await
    }

    #[tokio::test]
    async fn every_page_of_the_app_is_the_one_page_and_is_asked_for_again() {
        for path in ["/", "/groups/abc", "/invitation/abcdef"] {
            let response = get(path, &[]).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
            assert_eq!(response.headers()["cache-control"], ASK_FIRST);
        }
        assert_eq!(get("/missing.js", &[]).await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_again() {
        let first = get("/", &[(header::ACCEPT_ENCODING, "gzip")]).await;
        let etag = first.headers()["etag"].to_str().unwrap().to_owned();
        let headers = [(header::IF_NONE_MATCH, etag), (header::ACCEPT_ENCODING, "gzip".to_owned())];
        let headers = headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
        let again = file(Method::GET, "/".parse().unwrap(), headers).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_coding_of_weight_zero_is_refused() {
        let headers =
            |line: &'static str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(line))]);
        assert!(accepts(&headers("gzip, br;q=0.8"), "br"));
        assert!(!accepts(&headers("gzip, br;q=0"), "br"));
        assert!(!accepts(&headers("gzip"), "br"));
    }
}

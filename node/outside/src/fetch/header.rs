//! The few response headers that matter to polling, read leniently. A header that cannot be read counts as absent.

use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, HeaderMap, HeaderName, RETRY_AFTER};

/// Longest validator (`ETag`, `Last-Modified`) that is kept and sent back, so that a stranger cannot fill our store.
pub const VALIDATOR_BYTES_MAX: usize = 512;
/// A wait that a site asks for is believed up to this much: a week, past which it is surely a mistake.
pub const WAIT_MAX: Duration = Duration::from_secs(7 * 86_400);

/// A header's text when it is short and printable.
pub(super) fn short_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty() && text.len() <= VALIDATOR_BYTES_MAX).then(|| text.to_owned())
}

/// How long the site asks to wait, from seconds or a date, as a span from `now_ms`.
pub(super) fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = crate::date::parse(text)?;
            Duration::from_millis(u64::try_from(until.saturating_sub(now_ms)).unwrap_or(0))
        }
    };
    Some(wait.min(WAIT_MAX))
}

/// How long the site calls its answer fresh (`Cache-Control: max-age`).
pub(super) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let mut found = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for part in value.to_str().ok()?.split(',') {
            let part = part.trim().to_ascii_lowercase();
            if part == "no-store" || part == "no-cache" {
                return None;
            }
            if let Some(seconds) = part.strip_prefix("max-age=").and_then(|s| s.trim_matches('"').parse().ok()) {
                found = Some(Duration::from_secs(seconds).min(WAIT_MAX));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use reqwest::header::{ETAG, HeaderValue};

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        assert_eq!(retry_after(&headers(RETRY_AFTER, "120"), 0), Some(Duration::from_secs(120)));
        let date = headers(RETRY_AFTER, "Thu, 01 Jan 1970 00:01:40 GMT");
        assert_eq!(retry_after(&date, 40_000), Some(Duration::from_secs(60)));
        assert_eq!(retry_after(&date, 400_000), Some(Duration::ZERO), "a date that has passed asks for no wait");
        assert_eq!(retry_after(&headers(RETRY_AFTER, "99999999999"), 0), Some(WAIT_MAX));
        assert_eq!(retry_after(&headers(RETRY_AFTER, "soon"), 0), None);
    }

    #[test]
    fn max_age_is_read_unless_the_answer_may_not_be_kept() {
        assert_eq!(max_age(&headers(CACHE_CONTROL, "public, max-age=900")), Some(Duration::from_secs(900)));
        assert_eq!(max_age(&headers(CACHE_CONTROL, "no-cache, max-age=900")), None);
        assert_eq!(max_age(&headers(CACHE_CONTROL, "max-age=x")), None);
    }

    #[test]
    fn an_overlong_validator_is_not_kept() {
        assert_eq!(short_text(&headers(ETAG, "\"a\""), &ETAG).as_deref(), Some("\"a\""));
        assert_eq!(short_text(&headers(ETAG, &"a".repeat(VALIDATOR_BYTES_MAX + 1)), &ETAG), None);
    }
}

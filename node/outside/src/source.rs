//! Names of sources and items that every site computes alike: the canonical address and the keys made from it.

use url::Url;

/// BLAKE3 context of [`origin_key`]; part of the format.
const ORIGIN_CONTEXT: &str = "archipel 2026 feed-item v1";
/// BLAKE3 context of [`twin_key`]; part of the format.
const TWIN_CONTEXT: &str = "archipel 2026 feed-item-twin v1";

/// The one spelling of a feed's address: `feed:` prefixes removed, scheme and host in lower case, no default port, no
/// credentials, no fragment, no empty query, percent-escapes in upper case. `None` when it is no http or https address.
///
/// http and https stay apart, and so do addresses with and without a final slash: they may be different documents.
#[must_use]
pub fn canonical_url(text: &str) -> Option<String> {
    let mut url = Url::parse(&plain_scheme(text.trim())).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    if url.query() == Some("") {
        url.set_query(None);
    }
    if let Some(host) = url.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_owned) {
        // A name with an empty part, as `a..`, is none; shortened once, it would have a second canonical form.
        url.set_host(Some(&host).filter(|host| !host.ends_with('.')).map(String::as_str)).ok()?;
    }
    Some(upper_escapes(url.as_str()))
}

/// `feed://host/…` means http, `feed:https://…` means what follows; a bare host means https.
fn plain_scheme(text: &str) -> String {
    let start = text.get(..5).unwrap_or_default();
    if !start.eq_ignore_ascii_case("feed:") {
        // `example.org:8080/feed` has no scheme although it has a colon; `mailto:someone` has one.
        let bare = text.split_once(':').is_none_or(|(before, _)| before.contains(['.', '/', '?']));
        return if bare { format!("https://{text}") } else { text.to_owned() };
    }
    let rest = &text[5..];
    if rest.starts_with("//") { format!("http:{rest}") } else { rest.to_owned() }
}

fn upper_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = 0;
    for c in text.chars() {
        out.push(if left > 0 && c.is_ascii_hexdigit() { c.to_ascii_uppercase() } else { c });
        left = if c == '%' { 2 } else { u32::saturating_sub(left, 1) };
    }
    out
}

/// The key of an item that every site polling the same source derives alike (ruling D7).
///
/// `source` is the canonical address under which the source was added; it stays the same when the feed moves, or every
/// item would come a second time.
#[must_use]
pub fn origin_key(source: &str, guid: &str) -> [u8; 32] {
    keyed(ORIGIN_CONTEXT, &[source, guid])
}

/// A second key from link and title, by which items whose guid was rewritten are known again. `None` when the item has
/// no link or no title, since half of it would make strangers look alike.
#[must_use]
pub fn twin_key(source: &str, link: Option<&str>, title: &str) -> Option<[u8; 32]> {
    let link = link.filter(|_| !title.is_empty())?;
    let link = canonical_url(link).unwrap_or_else(|| link.to_owned());
    Some(keyed(TWIN_CONTEXT, &[source, &link, title]))
}

/// Each part is preceded by its length, so that no two lists of parts give the same bytes.
fn keyed(context: &str, parts: &[&str]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        let want = Some("http://example.org/feed?a=%C3%A9".to_owned());
        for text in [
            "http://example.org/feed?a=%c3%a9",
            " HTTP://Example.ORG:80/feed?a=é#top ",
            "feed://example.org/feed?a=é",
            "feed:http://example.org/feed?a=é",
            "FEED:http://u:p@example.org./feed?a=%C3%A9",
        ] {
            assert_eq!(canonical_url(text), want, "{text}");
        }
        assert_eq!(canonical_url("example.org/rss?"), Some("https://example.org/rss".to_owned()));
    }

    #[test]
    fn what_may_differ_stays_apart() {
        let spellings = [
            "http://a.example/f",
            "https://a.example/f",
            "http://a.example/f/",
            "http://a.example:8080/f",
            "http://a.example/F",
            "http://www.a.example/f",
        ];
        let canonical: std::collections::BTreeSet<_> =
            spellings.iter().filter_map(|text| canonical_url(text)).collect();
        assert_eq!(canonical.len(), spellings.len());
    }

    #[test]
    fn what_is_no_web_address_has_no_canonical_form() {
        let others = ["", "ftp://a.example", "javascript:alert(1)", "http://", "feed:", "mailto:a@b.example", "é feed"];
        for text in others.into_iter().chain(["https://a.example..", "HTTPS://E%2e./b", "http://../", "http://./"]) {
            assert_eq!(canonical_url(text), None, "{text}");
        }
        assert_eq!(canonical_url("a.example:8080/f").as_deref(), Some("https://a.example:8080/f"));
    }

    #[test]
    fn keys_are_pinned() {
        let key = origin_key("https://example.org/feed", "tag:example.org,2026:1");
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "adec326bf8695f67a238749e41aed34f13d6f070e1a900dc85077258bc0ddb5b");
        assert_ne!(key, origin_key("https://example.org/feedt", "ag:example.org,2026:1"));
    }

    #[test]
    fn twins_need_link_and_title() {
        let key = twin_key("s", Some("http://a.example/1"), "One");
        assert!(key.is_some());
        assert_eq!(key, twin_key("s", Some("http://A.example:80/1#x"), "One"));
        assert_ne!(key, twin_key("s", Some("http://a.example/1"), "Two"));
        assert_eq!(twin_key("s", None, "One"), None);
        assert_eq!(twin_key("s", Some("http://a.example/1"), ""), None);
    }
}

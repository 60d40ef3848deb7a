//! The face, as bytes: the built web app embedded in the program.
//!
//! Holds files with their compressed twins and says what each is. Knows nothing of HTTP servers,
//! sessions or the API; who serves it answers unknown paths that are not assets with `index.html`.

use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;
use std::fmt::Write as _;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/dist"]
struct Dist;

/// Vite puts everything whose name carries a hash of its content here.
const HASHED_PREFIX: &str = "assets/";

/// Bytes of the SHA-256 that make the etag: 128 bits are enough to tell versions apart.
const ETAG_BYTES: usize = 16;

/// One file of the web app.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The plain bytes.
    pub bytes: Cow<'static, [u8]>,
    /// The same, brotli compressed, if that is smaller.
    pub br: Option<Cow<'static, [u8]>>,
    /// The same, gzip compressed, if that is smaller.
    pub gz: Option<Cow<'static, [u8]>>,
    /// The value for the `Content-Type` header.
    pub content_type: &'static str,
    /// A strong etag of the plain bytes, in quotes. A compressed answer needs its own: append before the
    /// closing quote, or serve it as weak (`W/`).
    pub etag: String,
    /// The name carries a hash of the content: may be cached for ever.
    pub immutable: bool,
}

/// Finds a file by its path below the root, with or without the leading slash; the root itself is
/// `index.html`. Paths are compared as they are: no decoding, no `..`.
#[must_use]
pub fn get(path: &str) -> Option<Asset> {
    let path = match path.trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    if path.ends_with(".br") || path.ends_with(".gz") {
        return None;
    }
    let EmbeddedFile { data, metadata } = Dist::get(path)?;
    let twin = |extension: &str| Dist::get(&format!("{path}.{extension}")).map(|file| file.data);
    Some(Asset {
        br: twin("br"),
        gz: twin("gz"),
        bytes: data,
        content_type: content_type(path),
        etag: etag(&metadata.sha256_hash()),
        immutable: path.starts_with(HASHED_PREFIX),
    })
}

/// Whether only the page that explains how to build the web app is embedded, because Node.js was
/// missing when the program was built.
#[must_use]
pub fn is_placeholder() -> bool {
    env!("WEB_UI_KIND") == "placeholder"
}

fn etag(hash: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * ETAG_BYTES);
    text.push('"');
    for byte in hash.iter().take(ETAG_BYTES) {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{Dist, get, is_placeholder};

    #[test]
    fn root_is_the_index_page_and_is_never_cached_for_ever() {
        let page = get("/").expect("an index page is always embedded");
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert!(!page.immutable);
        assert_eq!(page.etag, get("index.html").expect("same page").etag);
        assert_eq!(page.etag.len(), 34);
    }

    #[test]
    fn unknown_and_compressed_names_are_not_found() {
        assert!(get("/g/abc").is_none());
        assert!(get("/../Cargo.toml").is_none());
        assert!(get("/index.html.br").is_none());
        assert!(get("/index.html.gz").is_none());
    }

    #[test]
    fn every_script_has_smaller_twins_and_may_be_kept() {
        if is_placeholder() {
            return;
        }
        let scripts: Vec<_> = Dist::iter().filter(|name| name.ends_with(".js")).collect();
        assert!(!scripts.is_empty());
        for name in scripts {
            let script = get(&name).expect("listed");
            assert!(script.immutable, "{name}");
            for twin in [script.br, script.gz].into_iter().flatten() {
                assert!(twin.len() < script.bytes.len(), "{name}");
            }
        }
    }

    #[test]
    fn page_needs_nothing_inline() {
        let page = get("/").expect("an index page is always embedded");
        let text = String::from_utf8(page.bytes.into_owned()).expect("utf-8");
        assert!(!text.contains("<style") && !text.contains("style="));
        assert!(!text.contains("<script>"));
    }
}

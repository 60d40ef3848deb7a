//! Uploads, downloads and small pictures (`docs/protocol.md` §7.5). A file is served only to whoever sees a post with
//! it, or has uploaded it and not posted it yet.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, ApiError, FILE_NOT_HERE, NAME_MISSING, NOT_FOUND};
use super::extract::{At, InQuery, Key};
use super::markdown::name;
use super::shape::item::{Attachment, url_part};
use super::throttle::Act;
use crate::files::Shown;
use crate::local::upload::Upload;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use protocol::engine::input;
use protocol::ids::BlobId;
use protocol::limits::NAME_CHARS_MAX;
use serde::Deserialize;
use std::io::{Read, Seek, SeekFrom};

/// Bytes read from the disk at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// The same bytes for ever under this address, but only for this person.
const CACHE: &str = "private, max-age=31536000, immutable";
/// Nothing that a file says can run or load anything.
const SANDBOX: &str = "sandbox; default-src 'none'";
/// A browser's own viewer of PDF does not open in a sandbox; it runs apart from the page in any case.
const PDF_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'";

/// What an upload is called.
#[derive(Deserialize)]
pub struct UploadQuery {
    /// As the person calls it.
    name: String,
}

/// How a file is wanted.
#[derive(Deserialize)]
pub struct FileQuery {
    /// Present: to be kept rather than shown.
    download: Option<String>,
}

#[utoipa::path(post, path = "/files", tag = "files", operation_id = "file_upload",
    params(("name" = String, Query, description = "As the person calls it")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = Attachment), (status = 413, description = "`file_too_large`")))]
pub(super) async fn upload(
    State(app): State<App>,
    viewer: Viewer,
    InQuery(wanted): InQuery<UploadQuery>,
    request: Request,
) -> Answered<(StatusCode, axum::Json<Attachment>)> {
    app.count(Act::Upload, viewer.user)?;
    let file_name: String = name(&wanted.name).chars().take(NAME_CHARS_MAX).collect();
    if file_name.is_empty() {
        return Err(NAME_MISSING.into());
    }
    // The body's limit is this room's own, not that of JSON.
    let stored = app.files.take(request.into_body().into_data_stream()).await?;
    let upload = Upload {
        name: file_name.clone(),
        size: stored.size,
        media_type: stored.media_type.clone(),
        picture: stored.picture,
        uploaded: app.now(),
    };
    let (user, blob) = (viewer.user, stored.blob);
    app.on_disk(move |local| local.add_upload(user, blob, &upload)).await?;
    app.handle.blob_here(blob).await;
    let attachment = input::Attachment {
        blob,
        name: file_name,
        size: stored.size,
        media_type: stored.media_type,
        picture: stored.picture,
    };
    Ok((StatusCode::CREATED, axum::Json(app.shape(viewer.user, |shaper| shaper.attachment(&attachment)))))
}

/// The type of a file that the person may have.
fn allowed(app: &App, viewer: &Viewer, blob: BlobId) -> Answered<String> {
    let seen = app.handle.read(|reader| reader.blob(viewer.user, blob)).map(|seen| seen.attachment.media_type);
    let uploaded = || app.local.upload(viewer.user, blob).map(|upload| upload.media_type);
    let media_type = seen.or_else(uploaded).ok_or(NOT_FOUND)?;
    if app.files.is_here(blob) { Ok(media_type) } else { Err(FILE_NOT_HERE.into()) }
}

#[utoipa::path(get, path = "/files/{blob}/{name}", tag = "files", operation_id = "file_read",
    params(("blob" = String, Path), ("name" = String, Path),
        ("download" = Option<String>, Query, description = "Present: to be kept rather than shown")),
    responses((status = 200, description = "the bytes"), (status = 206), (status = 409, description = "`file_not_here`")))]
pub(super) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    At(path): At<(Key<BlobId>, String)>,
    InQuery(wanted): InQuery<FileQuery>,
    headers: HeaderMap,
) -> Answered<Response> {
    let (Key(blob), given) = path;
    let shown = Shown::of(&allowed(&app, &viewer, blob)?);
    let etag = format!("\"{blob}\"");
    let inline = shown.is_inline() && wanted.download.is_none();
    let policy = if inline && shown.media_type == "application/pdf" { PDF_POLICY } else { SANDBOX };
    let fixed = [
        (header::CONTENT_TYPE, shown.media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&given, inline)),
        (header::CONTENT_SECURITY_POLICY, policy.to_owned()),
        (header::CACHE_CONTROL, CACHE.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, etag.clone()),
    ];
    if is_known(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let mut file = app.files.read(blob).await?;
    let size = file.len();
    let (status, from, to) = match wanted_range(&headers, &etag, size) {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
        Wanted::Impossible => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
    };
    file.seek(SeekFrom::Start(from)).map_err(ApiError::internal)?;
    let mut response = (status, fixed, Body::from_stream(pieces(file, to - from))).into_response();
    let length = [(header::CONTENT_LENGTH, (to - from).to_string())];
    let range = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| (header::CONTENT_RANGE, format!("bytes {from}-{}/{size}", to.saturating_sub(1))));
    for (header, value) in length.into_iter().chain(range) {
        response.headers_mut().insert(header, HeaderValue::try_from(value).map_err(ApiError::internal)?);
    }
    Ok(response)
}

/// Reads on threads that may block, a piece at a time, as fast as the browser takes them.
fn pieces<R: Read + Send + 'static>(file: R, left: u64) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let wanted = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let mut piece = vec![0; wanted];
            file.read_exact(&mut piece)?;
            Ok::<_, std::io::Error>((file, piece))
        });
        let (file, piece) = read.await.map_err(std::io::Error::other)??;
        let left = left - piece.len() as u64;
        Ok(Some((Bytes::from(piece), (file, left))))
    })
}

/// The header that says whether to show or keep a file, and under which name; names are never paths.
pub(super) fn disposition(given: &str, inline: bool) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' };
    let clean = name(given);
    let fallback: String = clean.chars().map(plain).collect();
    format!("{kind}; filename=\"{fallback}\"; filename*=UTF-8''{}", url_part(&clean))
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

/// Which bytes are wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// From, and up to but not including.
    Part(u64, u64),
    Impossible,
}

/// One range is served; several, or another version's, are answered with everything, as the standard allows.
fn wanted_range(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")) else { return Wanted::All };
    if text(header::IF_RANGE).is_some_and(|tag| tag != etag) || range.contains(',') {
        return Wanted::All;
    }
    let Some((from, to)) = range.trim().split_once('-') else { return Wanted::All };
    let (from, to) = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), Ok(last)) if from <= last => (from, last.saturating_add(1).min(size)),
        (Ok(from), Err(_)) if to.is_empty() => (from, size),
        (Err(_), Ok(last)) if from.is_empty() => (size.saturating_sub(last), size),
        _ => return Wanted::All,
    };
    if from < to { Wanted::Part(from, to) } else { Wanted::Impossible }
}

#[utoipa::path(get, path = "/files/{blob}/thumb", tag = "files", operation_id = "file_thumb",
    params(("blob" = String, Path)),
    responses((status = 200, description = "a JPEG or PNG of at most 720 px"), (status = 409, description = "`file_not_here`")))]
pub(super) async fn thumb(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(blob)): At<Key<BlobId>>,
    headers: HeaderMap,
) -> Answered<Response> {
    allowed(&app, &viewer, blob)?;
    let etag = format!("\"{blob}-720\"");
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, SANDBOX.to_owned()),
        (header::CACHE_CONTROL, CACHE.to_owned()),
        (header::ETAG, etag.clone()),
    ];
    if is_known(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let thumb = app.files.thumb(blob).await?;
    Ok((fixed, [(header::CONTENT_TYPE, thumb.media_type)], thumb.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_served_one_at_a_time() {
        let wanted = |range: &'static str| {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(range))]);
            wanted_range(&headers, "\"x\"", 100)
        };
        assert_eq!(wanted("bytes=0-9"), Wanted::Part(0, 10));
        assert_eq!(wanted("bytes=90-"), Wanted::Part(90, 100));
        assert_eq!(wanted("bytes=-10"), Wanted::Part(90, 100));
        assert_eq!(wanted("bytes=-1000"), Wanted::Part(0, 100));
        assert_eq!(wanted("bytes=0-18446744073709551615"), Wanted::Part(0, 100));
        assert_eq!(wanted("bytes=100-"), Wanted::Impossible);
        assert_eq!(wanted("bytes=-0"), Wanted::Impossible);
        for all in ["bytes=0-1,5-6", "bytes=5-1", "bytes=x-y", "bytes=", "items=0-1", "bytes=--1"] {
            assert_eq!(wanted(all), Wanted::All, "{all}");
        }
    }

    #[test]
    fn a_part_of_another_version_is_the_whole() {
        let headers = HeaderMap::from_iter([
            (header::RANGE, HeaderValue::from_static("bytes=0-9")),
            (header::IF_RANGE, HeaderValue::from_static("\"y\"")),
        ]);
        assert_eq!(wanted_range(&headers, "\"x\"", 100), Wanted::All);
    }

    #[test]
    fn names_of_files_cannot_break_out_of_their_header() {
        let line = disposition("a\"; x=\r\n\u{202E}é/../b.svg", false);
        assert_eq!(
            line,
            "attachment; filename=\"a__ x___.._b.svg\"; filename*=UTF-8''a%22%3B%20x%3D%C3%A9%2F..%2Fb.svg"
        );
        assert!(HeaderValue::try_from(line).is_ok());
    }
}

//! The fetcher against servers on loopback and names that lie.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails loudly")]

mod guard;
mod loopback;
mod secure;

use std::io::Write as _;
use std::time::Duration;

use archipel_outside::fetch::{FetchError, Fetched, Limits, Request};
use flate2::Compression;
use flate2::write::GzEncoder;
use loopback::{Server, fetcher, response};
use tokio::io::AsyncWriteExt as _;

fn small() -> Limits {
    Limits { sent_bytes_max: 10_000, inflated_bytes_max: 20_000, ..Limits::default() }
}

async fn fetch(server: &Server, limits: Limits) -> Result<Fetched, FetchError> {
    fetcher(&[server.origin()]).fetch(Request { limits, ..Request::new(server.url("/feed")) }).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_document_comes_with_all_that_the_next_poll_needs() {
    let headers = [
        "ETag: \"v1\"",
        "Last-Modified: Sun, 22 Nov 2026 09:41:07 GMT",
        "Content-Type: text/xml; charset=x",
        "Cache-Control: max-age=600",
        "Retry-After: 30",
        "Set-Cookie: a=b",
    ];
    let server = Server::fixed(response("200 OK", &headers, b"<rss/>")).await;
    let fetched = fetch(&server, Limits::default()).await.unwrap();
    assert_eq!(
        fetched,
        Fetched::Document {
            bytes: "<rss/>".into(),
            final_url: server.url("/feed"),
            permanent_redirect: None,
            etag: Some("\"v1\"".into()),
            last_modified: Some("Sun, 22 Nov 2026 09:41:07 GMT".into()),
            content_type: Some("text/xml; charset=x".into()),
            retry_after: Some(Duration::from_secs(30)),
            max_age: Some(Duration::from_secs(600)),
        }
    );
    let asked = server.asked().concat();
    assert!(asked.starts_with("get /feed http/1.1\r\n"), "{asked}");
    assert!(asked.contains("user-agent: archipel"), "{asked}");
    for absent in ["cookie", "referer", "authorization", "if-none-match", "if-modified-since"] {
        assert!(!asked.contains(absent), "{absent} in {asked}");
    }
}

#[tokio::test]
async fn an_unchanged_document_is_asked_for_by_its_validators_and_not_sent() {
    let server = Server::start(|mut stream, head| async move {
        let known = head.contains("if-none-match: \"v1\"") && head.contains("if-modified-since: sun, 22 nov 2026");
        let bytes = if known { response("304 Not Modified", &[], b"") } else { response("200 OK", &[], b"new") };
        let _ = stream.write_all(&bytes).await;
    })
    .await;
    let request = Request {
        etag: Some("\"v1\"".into()),
        last_modified: Some("Sun, 22 Nov 2026 09:41:07 GMT".into()),
        ..Request::new(server.url("/feed"))
    };
    let fetched = fetcher(&[server.origin()]).fetch(request).await.unwrap();
    assert_eq!(fetched, Fetched::NotModified { permanent_redirect: None, max_age: None });
}

#[tokio::test]
async fn not_modified_without_a_question_is_an_error() {
    let server = Server::fixed(response("304 Not Modified", &[], b"")).await;
    let error = fetch(&server, Limits::default()).await.unwrap_err();
    assert_eq!(error, FetchError::Status { status: 304, retry_after: None });
}

#[tokio::test]
async fn statuses_are_told_with_the_wait_that_the_site_asks_for() {
    for (line, status) in [("404 Not Found", 404), ("410 Gone", 410), ("429 Too Many Requests", 429), ("503 Busy", 503)]
    {
        let server = Server::fixed(response(line, &["Retry-After: 90"], b"words")).await;
        let error = fetch(&server, Limits::default()).await.unwrap_err();
        assert_eq!(error, FetchError::Status { status, retry_after: Some(Duration::from_secs(90)) });
        assert_eq!(error.code(), "feed_http_status");
        assert!(error.message().contains(&status.to_string()));
    }
}

#[tokio::test]
async fn a_packed_document_is_unpacked() {
    let server = Server::fixed(response("200 OK", &["Content-Encoding: gzip"], &gzip(b"<rss/>"))).await;
    let Fetched::Document { bytes, .. } = fetch(&server, small()).await.unwrap() else { panic!("a document") };
    assert_eq!(bytes, "<rss/>");
}

#[tokio::test]
async fn a_small_body_that_inflates_hugely_is_refused() {
    let bomb = gzip(&vec![0; 5_000_000]);
    assert!(bomb.len() < 10_000, "the bomb must pass the first limit, has {}", bomb.len());
    let server = Server::fixed(response("200 OK", &["Content-Encoding: gzip"], &bomb)).await;
    assert_eq!(fetch(&server, small()).await.unwrap_err(), FetchError::TooLarge { bytes_max: 20_000 });
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n";
    let server = Server::fixed(head).await;
    assert_eq!(fetch(&server, small()).await.unwrap_err(), FetchError::TooLarge { bytes_max: 10_000 });
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let server = Server::start(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4_096]).await.is_ok() {}
    })
    .await;
    assert_eq!(fetch(&server, small()).await.unwrap_err().code(), "feed_too_large");
}

#[tokio::test]
async fn a_slow_body_ends_with_the_time_limit() {
    let server = Server::start(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome").await;
        std::future::pending::<()>().await;
    })
    .await;
    let limits = Limits { total: Duration::from_millis(200), ..Limits::default() };
    let error = fetch(&server, limits).await.unwrap_err();
    assert_eq!((error.code(), error), ("feed_timeout", FetchError::Timeout { seconds: 1 }));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_document() {
    let half = &gzip(b"a document that was longer than this")[..20];
    let broken = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome".to_vec(),
        response("200 OK", &["Content-Encoding: gzip"], half),
        response("200 OK", &["Content-Encoding: gzip"], b"not gzip at all, whatever the header says"),
        response("200 OK", &["Content-Encoding: br"], b"x"),
        response("200 OK", &["Content-Encoding: gzip", "Content-Encoding: gzip"], b"x"),
        b"no http at all\r\n\r\n".to_vec(),
        Vec::new(),
    ];
    for bytes in broken {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let server = Server::fixed(bytes).await;
        assert_eq!(fetch(&server, small()).await.unwrap_err().code(), "feed_unreachable", "{text}");
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let server = Server::fixed("").await;
    // Port 1 of loopback has no listener.
    let origin = "http://127.0.0.1:1".to_owned();
    let error = fetcher(&[server.origin(), origin.clone()]).fetch(Request::new(origin)).await.unwrap_err();
    assert_eq!(error.code(), "feed_unreachable");
}

#[tokio::test]
async fn any_content_type_is_handed_on_for_the_parser_to_judge() {
    let server = Server::fixed(response("200 OK", &["Content-Type: image/png"], b"<rss/>")).await;
    let Fetched::Document { content_type, .. } = fetch(&server, small()).await.unwrap() else { panic!("a document") };
    assert_eq!(content_type.as_deref(), Some("image/png"));
}

#[tokio::test]
async fn permanent_redirects_give_the_address_to_store() {
    let server = Server::start(|mut stream, head| async move {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let to = |status: &str, to: &str| response(status, &[&format!("Location: {to}")], b"");
        let bytes = match path.as_str() {
            "/old" => to("301 Moved", "/newer"),
            "/newer" => to("308 Moved", "new#part"),
            "/today" => to("302 Found", "/newer"),
            "/half" => to("301 Moved", "/today"),
            "/same" if head.contains("if-none-match") => response("304 Not Modified", &[], b""),
            "/moved-same" => to("301 Moved", "/same"),
            _ => response("200 OK", &[], b"here"),
        };
        let _ = stream.write_all(&bytes).await;
    })
    .await;
    let fetcher = fetcher(&[server.origin()]);
    for (path, stored, last) in [
        ("/old", Some("/new"), "/new"),
        ("/today", None, "/new"),
        ("/half", Some("/today"), "/new"),
        ("/new", None, "/new"),
    ] {
        let fetched = fetcher.fetch(Request::new(server.url(path))).await.unwrap();
        let Fetched::Document { permanent_redirect, final_url, .. } = fetched else { panic!("a document") };
        assert_eq!(permanent_redirect, stored.map(|path| server.url(path)), "{path}");
        assert_eq!(final_url, server.url(last), "{path}");
    }
    let request = Request { etag: Some("\"v\"".into()), ..Request::new(server.url("/moved-same")) };
    let moved = Some(server.url("/same"));
    assert_eq!(
        fetcher.fetch(request).await.unwrap(),
        Fetched::NotModified { permanent_redirect: moved, max_age: None }
    );
}

#[tokio::test]
async fn redirects_end_after_three() {
    let server = Server::start(|mut stream, head| async move {
        let left: u32 = head.split(['/', ' ']).nth(2).and_then(|text| text.parse().ok()).unwrap_or(0);
        let next = format!("Location: /{}", left.saturating_sub(1));
        let bytes = if left == 0 { response("200 OK", &[], b"end") } else { response("302 Found", &[&next], b"") };
        let _ = stream.write_all(&bytes).await;
    })
    .await;
    let fetcher = fetcher(&[server.origin()]);
    assert!(fetcher.fetch(Request::new(server.url("/3"))).await.is_ok());
    let error = fetcher.fetch(Request::new(server.url("/4"))).await.unwrap_err();
    assert_eq!(error.code(), "feed_redirects");
    assert_eq!(server.asked().len(), 8, "four requests each, no fifth");
}

#[tokio::test]
async fn a_circle_of_redirects_and_one_to_nowhere_are_told() {
    for headers in [&["Location: /feed"][..], &[], &["Location: http://["]] {
        let server = Server::fixed(response("301 Moved", headers, b"")).await;
        assert_eq!(fetch(&server, small()).await.unwrap_err().code(), "feed_redirects");
    }
}

#[tokio::test]
async fn a_validator_that_is_no_header_value_is_left_out() {
    let server = Server::fixed(response("200 OK", &[], b"x")).await;
    let request = Request { etag: Some("a\r\nEvil: 1".into()), ..Request::new(server.url("/feed")) };
    fetcher(&[server.origin()]).fetch(request).await.unwrap();
    assert!(!server.asked().concat().contains("evil"));
}

//! What every request must pass, and what every answer carries.

use super::world::{Like, PASSWORD, Site};
use crate::config::Limits;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_that_bind_the_browser() {
    let site = Site::new(Like::default()).await;
    for path in ["/", "/api/v1/status", "/api/v1/nothing", "/healthz", "/api/v1/docs", "/api/nothing"] {
        let request = Request::builder().uri(path).header("host", "localhost").body(Body::empty()).unwrap();
        let answer = site.send(request).await;
        for header in [
            "x-content-type-options",
            "referrer-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "permissions-policy",
            "content-security-policy",
        ] {
            assert!(answer.headers.contains_key(header), "{header} of {path}");
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe-inline"));
        if path.starts_with("/api") {
            assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_known_names_reach_anything() {
    let site = Site::new(Like::default()).await;
    let answer = |host: &'static str, path: &'static str| {
        let request = Request::builder().uri(path).header("host", host).body(Body::empty()).unwrap();
        site.send(request)
    };
    for path in ["/", "/api/v1/status", "/healthz", "/metrics"] {
        answer("evil.example", path).await.refused("unknown_host");
        answer("", path).await.refused("unknown_host");
    }
    assert_eq!(answer("intranet.example:7300", "/api/v1/status").await.status, 200);
    let bare = Request::builder().uri("/api/v1/status").body(Body::empty()).unwrap();
    site.send(bare).await.refused("unknown_host");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_change_fails_whatever_cookie_it_carries() {
    let (_site, mut ann) = Site::founded().await;
    let body = || Body::from(json!({ "title": "forged" }).to_string());
    let request = |headers: &[(&str, &str)]| {
        let mut request = ann.request("PATCH", "/me").header("content-type", "application/json");
        for (name, value) in headers {
            request
                .headers_mut()
                .unwrap()
                .insert(axum::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        request
    };
    let cross = request(&[("sec-fetch-site", "cross-site")]).body(body()).unwrap();
    let wrong_token = request(&[("x-archipel-token", "aaaa")]).body(body()).unwrap();
    let mut no_headers = request(&[]);
    no_headers.headers_mut().unwrap().remove("sec-fetch-site");
    let no_headers = no_headers.body(body()).unwrap();
    let mut other_origin = request(&[("origin", "http://evil.example")]);
    other_origin.headers_mut().unwrap().remove("sec-fetch-site");
    let other_origin = other_origin.body(body()).unwrap();
    let mut no_token = request(&[]);
    no_token.headers_mut().unwrap().remove("x-archipel-token");
    let no_token = no_token.body(body()).unwrap();
    let mut own_origin = request(&[("origin", "http://localhost:7300")]);
    own_origin.headers_mut().unwrap().remove("sec-fetch-site");
    let own_origin = own_origin.body(body()).unwrap();
    let plain_text = request(&[("content-type", "text/plain")]).body(body()).unwrap();
    for forged in [cross, wrong_token, no_headers, other_origin, no_token] {
        ann.send(forged).await.refused("csrf");
    }
    ann.send(plain_text).await.refused("bad_json");
    assert_eq!(ann.get("/session").await.expect(200)["person"]["title"], "");
    ann.send(own_origin).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_in_from_another_page_fails_too() {
    let (site, _ann) = Site::founded().await;
    let mut eve = site.browser();
    let body = json!({ "email": "ann@example.org", "password": PASSWORD }).to_string();
    let mut request = eve.request("POST", "/session").header("content-type", "application/json");
    request.headers_mut().unwrap().insert("sec-fetch-site", "cross-site".parse().unwrap());
    eve.send(request.body(Body::from(body)).unwrap()).await.refused("csrf");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_one_shape() {
    let (_site, mut ann) = Site::founded().await;
    ann.get("/nothing").await.refused("not_found");
    ann.get("/posts/not-an-id").await.refused("not_found");
    ann.post("/preview", json!({ "wrong": 1 })).await.refused("bad_json");
    ann.get("/feed?before=nonsense").await.refused("bad_request");
    ann.get("/feed?limit=x").await.refused("bad_request");
    let large = json!({ "text": "x".repeat(2 * 1024 * 1024) });
    ann.post("/preview", large).await.refused("too_large");
    let answer = ann.delete("/feed").await;
    assert_eq!(answer.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_but_the_listed_ones_wants_a_session() {
    let (site, _ann) = Site::founded().await;
    let mut eve = site.browser();
    let id52 = "a".repeat(52);
    let id26 = "a".repeat(26);
    for path in [
        "/session",
        "/sessions",
        "/people",
        &format!("/people/{id26}"),
        "/groups",
        &format!("/groups/{id52}"),
        &format!("/groups/{id52}/members"),
        "/feed",
        &format!("/groups/{id52}/feed"),
        &format!("/posts/{id52}"),
        &format!("/posts/{id52}/comments"),
        &format!("/posts/{id52}/delivery"),
        &format!("/comments/{id52}/delivery"),
        &format!("/files/{id52}/a"),
        &format!("/files/{id52}/thumb"),
        &format!("/groups/{id52}/sources"),
        "/network",
        "/pairing",
        &format!("/pairing/{id26}"),
        "/admin/recovery",
        "/admin/site",
    ] {
        eve.get(path).await.refused("unauthenticated");
    }
    for path in ["/me", "/groups"] {
        eve.patch(path, json!({})).await;
    }
    eve.post("/groups", json!({})).await.refused("unauthenticated");
    eve.post("/preview", json!({ "text": "x" })).await.refused("unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_people_have_their_limits() {
    let like = Like { limits: Limits::Normal, ..Like::default() };
    let (site, mut ann) = Site::founded_like(like).await;
    let mut eve = site.distant_browser();
    let mut throttled = false;
    for _ in 0..130 {
        throttled |= eve.get("/status").await.status == 429;
    }
    assert!(throttled);
    let group = ann.group("Theme", "open").await;
    let mut refused = 0;
    for n in 0..32 {
        let body = json!({ "request_id": super::world::id(), "text": format!("{n}") });
        refused += u32::from(ann.post(&format!("/groups/{group}/posts"), body).await.status == 429);
    }
    assert!((1..=2).contains(&refused), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_for_this_machine_and_name_no_paths() {
    let (site, mut ann) = Site::founded().await;
    ann.get(&format!("/posts/{}", "a".repeat(52))).await;
    let request = |address: &str| {
        let peer = ConnectInfo::<std::net::SocketAddr>(address.parse().unwrap());
        Request::builder().uri("/metrics").header("host", "localhost").extension(peer).body(Body::empty()).unwrap()
    };
    let answer = site.send(request("127.0.0.1:9")).await;
    let text = String::from_utf8(answer.bytes).unwrap();
    assert!(text.contains("route=\"/api/v1/posts/{id}\"") && !text.contains("aaaaaaaa"), "{text}");
    for line in ["archipel_sites 1\n", "archipel_sites_connected 0\n", "archipel_accounts 1\n", "archipel_alarms 0\n"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("archipel_disk_free_bytes 0\n"), "{text}");
    site.send(request("192.0.2.1:9")).await.refused("not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_open_and_complete() {
    let site = Site::new(Like::default()).await;
    let mut eve = site.browser();
    let document = eve.get("/openapi.json").await.expect(200);
    assert_eq!(document["servers"][0]["url"], "/api/v1");
    assert!(document["paths"]["/groups/{id}/posts"]["post"].is_object());
    let page = eve.get("/docs").await;
    assert!(String::from_utf8(page.bytes).unwrap().contains("/groups/{id}/posts"));
    assert_eq!(eve.get("/docs/style.css").await.headers["content-type"], "text/css; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_refused_in_the_one_shape_and_told_which_would_do() {
    let (_site, mut ann) = Site::founded().await;
    for (method, path) in [("DELETE", "/groups"), ("PUT", "/status"), ("PATCH", "/session"), ("POST", "/search")] {
        let request = ann.request(method, path).header("content-type", "application/json");
        let answer = ann.send(request.body(Body::from("{}")).unwrap()).await;
        answer.refused("method_not_allowed");
        assert!(answer.headers["allow"].to_str().unwrap().contains("GET"), "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_what_the_engine_itself_says() {
    let (mut site, ann) = Site::founded().await;
    let health = || Request::builder().uri("/healthz").header("host", "localhost:7300");
    let ask = || health().extension(ConnectInfo(ann.address)).body(Body::empty()).unwrap();
    let answer = site.send(ask()).await;
    assert_eq!((answer.status.as_u16(), &*answer.bytes), (200, &b"ok"[..]));
    site.stop_engine().await;
    site.send(ask()).await.refused("busy");
}

//! What strangers, forged requests and bad input meet at the door of a real site.

use archipel_tests::cluster::{Refusal, Site, found, plain, request_id};
use reqwest::Method;
use serde_json::{Value, json};

type Answer = Result<Value, Refusal>;

#[tokio::test]
async fn without_a_session_nothing_is_told() {
    let site = Site::start("Paris").await;
    let ann = found(&site, "ann").await;
    let group = ann.create_group("Jardin", "open").await.unwrap();
    let stranger = site.client();
    for path in
        ["session", "groups", "feed", "people", "network", "pairing", "admin/site", "admin/recovery", "sessions"]
    {
        let refused: Answer = stranger.get(path).await;
        assert_eq!(refused.unwrap_err().status, 401, "{path}");
    }
    let refused: Answer = stranger.get(&format!("groups/{}", group.id)).await;
    assert_eq!(refused.unwrap_err().code, "unauthenticated");
    let body = json!({ "organisation": "x", "site": "y", "language": "fr",
        "admin": { "name": "eve", "email": "eve@x.example", "password": "lanterne-violette-72" } });
    let refused: Answer = stranger.post("setup/organisation", &body).await;
    assert_eq!(refused.unwrap_err().code, "setup_done");
}

#[tokio::test]
async fn forged_requests_are_refused() {
    let site = Site::start("Paris").await;
    let ann = found(&site, "ann").await;
    let body = json!({ "request_id": request_id(), "name": "Pris", "purpose": "", "kind": "theme", "access": "open" });

    let foreign = ann.request_from("http://evil.example", Method::POST, "groups").json(&body);
    assert_eq!(ann.send::<Value>(foreign).await.unwrap_err().code, "csrf");
    let token = ann.request(Method::POST, "groups").json(&body).build().unwrap();
    let mut without = plain().post(token.url().clone()).json(&body);
    for (name, value) in token.headers().iter().filter(|(name, _)| name.as_str() != "x-archipel-token") {
        without = without.header(name, value);
    }
    assert_eq!(ann.send::<Value>(without).await.unwrap_err().code, "csrf");
    let renamed = ann.request(Method::GET, "groups").header("Host", "evil.example");
    assert_eq!(ann.send::<Value>(renamed).await.unwrap_err().code, "unknown_host");
    assert!(ann.groups().await.unwrap().mine.iter().all(|group| group.name != "Pris"));
}

#[tokio::test]
async fn bad_input_gets_a_clear_error_and_changes_nothing() {
    let site = Site::start("Paris").await;
    let ann = found(&site, "ann").await;
    let group = ann.create_group("Jardin", "open").await.unwrap();
    let posts = format!("groups/{}/posts", group.id);

    let raw =
        |text: &'static str| ann.request(Method::POST, &posts).header("Content-Type", "application/json").body(text);
    for text in [
        "",
        "{",
        "[1,2",
        "null",
        "{\"text\":7}",
        "\u{0}",
        "{\"request_id\":\"short\",\"text\":\"x\",\"attachments\":[]}",
    ] {
        let refused = ann.send::<Value>(raw(text)).await.unwrap_err();
        assert!(refused.status == 400 && !refused.message.is_empty(), "{text}: {refused}");
    }
    let long = json!({ "request_id": request_id(), "text": "x".repeat(400_000), "attachments": [] });
    assert_eq!(ann.post::<Value>(&posts, &long).await.unwrap_err().code, "text_too_long");
    let endless = json!({ "request_id": request_id(), "text": "x".repeat(3_000_000), "attachments": [] });
    assert_eq!(ann.post::<Value>(&posts, &endless).await.unwrap_err().code, "too_large");
    let empty = json!({ "request_id": request_id(), "text": "  ", "attachments": [] });
    assert_eq!(ann.post::<Value>(&posts, &empty).await.unwrap_err().code, "text_missing");
    let blob = "a".repeat(52);
    let nowhere =
        json!({ "request_id": request_id(), "text": "x", "attachments": [{ "blob": blob, "name": "x.png" }] });
    assert!(ann.post::<Value>(&posts, &nowhere).await.is_err());

    let deep = "[".repeat(100_000);
    let nested = ann.request(Method::POST, &posts).header("Content-Type", "application/json").body(deep);
    assert_eq!(ann.send::<Value>(nested).await.unwrap_err().code, "bad_json");
    match ann.upload("broken.png", b"\x89PNG\r\n\x1a\n and then nothing".to_vec()).await {
        Ok(file) => assert_eq!(file.picture, None, "what is no picture is a file like any other"),
        Err(refused) => assert_eq!(refused.code, "file_type_refused"),
    }

    for path in ["groups/zzz", "posts/..%2f..", "files/aaaa/x", "groups/%00", "people/0"] {
        let refused: Answer = ann.get(path).await;
        assert_eq!(refused.unwrap_err().code, "not_found", "{path}");
    }
    assert!(ann.whole_feed(&group.id).await.unwrap().is_empty());
    assert!(!site.log().contains("panicked"), "{}", site.log());
}

#[tokio::test]
async fn the_site_tells_its_health_and_describes_its_api() {
    let site = Site::start("Paris").await;
    let http = plain();
    let text = async |path: &str| {
        let answer = http.get(format!("{}{path}", site.address())).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        (answer.headers().clone(), answer.text().await.unwrap())
    };
    assert_eq!(text("/healthz").await.1.trim(), "ok");
    assert!(text("/metrics").await.1.contains("# TYPE"));
    let description: Value = serde_json::from_str(&text("/api/v1/openapi.json").await.1).unwrap();
    assert!(description["paths"].as_object().is_some_and(|paths| paths.len() > 30));
    let (headers, page) = text("/").await;
    assert!(page.contains("<html"), "the web UI is there");
    for name in ["content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options"] {
        assert!(headers.contains_key(name), "{name}");
    }
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("unsafe-inline"), "{policy}");
}

//! Uploads and downloads through the door.

use super::world::{Answer, Browser, Site, id, text};
use axum::body::Body;
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use std::io::Cursor;

async fn upload(browser: &mut Browser, name: &str, bytes: Vec<u8>) -> Answer {
    let request = browser.request("POST", &format!("/files?name={name}")).header("content-type", "text/plain");
    browser.send(request.body(Body::from(bytes)).unwrap()).await
}

fn path(attachment: &Value, key: &str) -> String {
    attachment[key].as_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned()
}

fn picture() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::new(900, 300)).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

async fn post_with(browser: &mut Browser, group: &str, attachment: &Value) -> Answer {
    let files = json!([{ "blob": attachment["blob"], "name": attachment["name"] }]);
    let body = json!({ "request_id": id(), "text": "see the file", "attachments": files });
    browser.post(&format!("/groups/{group}/posts"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_for_those_who_see_its_post() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let (mut eve, _) = ann.invite("Eve").await;
    let file = upload(&mut ann, "plan%20%C3%A9t%C3%A9.pdf", b"%PDF-1.7 plan".to_vec()).await.expect(201);
    assert_eq!((&file["name"], &file["size"], &file["state"]), (&json!("plan été.pdf"), &json!(13), &json!("here")));
    let url = path(&file, "url");
    assert_eq!(ann.get(&url).await.bytes, b"%PDF-1.7 plan", "an uploader sees it at once");
    ben.get(&url).await.refused("not_found");

    let group = ann.group("Secret", "secret").await;
    let body = json!({ "request_id": id(), "people": [ben_id], "role": "member" });
    ann.post(&format!("/groups/{group}/members"), body).await.expect(200);
    let post = post_with(&mut ann, &group, &file).await.expect(201);
    assert_eq!(post["attachments"][0]["name"], "plan été.pdf");
    assert_eq!(ben.get(&url).await.bytes, b"%PDF-1.7 plan");
    eve.get(&url).await.refused("not_found");
    let theirs = eve.group("Own", "secret").await;
    post_with(&mut eve, &theirs, &file).await.refused("not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_loses_its_metadata_and_gets_a_small_copy() {
    let (_site, mut ann) = Site::founded().await;
    let mut telling = picture();
    telling.splice(2..2, b"\xFF\xFE\x00\x08SECRET".iter().copied());
    let file = upload(&mut ann, "cat.jpg", telling).await.expect(201);
    assert_eq!(file["picture"], json!({ "width": 900, "height": 300 }));
    let answer = ann.get(&path(&file, "url")).await;
    assert_eq!(answer.headers["content-type"], "image/jpeg");
    assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("inline;"));
    assert!(!answer.bytes.windows(6).any(|window| window == b"SECRET"));
    let thumb = ann.get(&path(&file, "thumb_url")).await;
    let small = image::load_from_memory(&thumb.bytes).unwrap();
    assert_eq!((small.width(), small.height()), (720, 240));
    upload(&mut ann, "broken.jpg", b"\xFF\xD8\xFF\xE0nothing".to_vec()).await.refused("file_type_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_run_is_only_ever_downloaded_in_a_sandbox() {
    let (_site, mut ann) = Site::founded().await;
    for (name, bytes) in [
        ("a.html", &b"<!doctype html><script>alert(1)</script>"[..]),
        ("a.svg", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.js", b"alert(1)"),
    ] {
        let file = upload(&mut ann, name, bytes.to_vec()).await.expect(201);
        let answer = ann.get(&path(&file, "url")).await;
        let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        assert!(header("content-disposition").starts_with("attachment;"), "{name}");
        assert!(["application/octet-stream", "text/plain"].contains(&header("content-type").as_str()), "{name}");
        assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(header("x-content-type-options"), "nosniff");
    }
    let pdf = upload(&mut ann, "a.pdf", b"%PDF-1.7".to_vec()).await.expect(201);
    let kept = ann.get(&format!("{}?download", path(&pdf, "url"))).await;
    assert!(kept.headers["content-disposition"].to_str().unwrap().starts_with("attachment;"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_file_are_served_and_what_is_known_is_not_sent_again() {
    let (_site, mut ann) = Site::founded().await;
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let file = upload(&mut ann, "film.bin", bytes.clone()).await.expect(201);
    let url = path(&file, "url");
    assert_eq!(ann.get(&url).await.bytes, bytes);
    let request = ann.request("GET", &url).header("range", "bytes=100000-250000").body(Body::empty()).unwrap();
    let part = ann.send(request).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.headers["content-range"], "bytes 100000-250000/300000");
    assert_eq!(part.bytes, &bytes[100_000..=250_000]);
    let etag = part.headers["etag"].to_str().unwrap().to_owned();
    let request = ann.request("GET", &url).header("if-none-match", etag).body(Body::empty()).unwrap();
    assert_eq!(ann.send(request).await.status, 304);
    let request = ann.request("GET", &url).header("range", "bytes=300000-").body(Body::empty()).unwrap();
    assert_eq!(ann.send(request).await.status, 416);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_needs_a_name_a_token_and_a_bounded_body() {
    let (_site, mut ann) = Site::founded().await;
    upload(&mut ann, "%20", b"x".to_vec()).await.refused("name_missing");
    upload(&mut ann, "big", vec![0; 25 * 1024 * 1024 + 1]).await.refused("file_too_large");
    let mut forged = ann.clone();
    forged.csrf = None;
    upload(&mut forged, "a", b"x".to_vec()).await.refused("csrf");
    let file = upload(&mut ann, "a", b"x".to_vec()).await.expect(201);
    let blob = text(&file, "blob");
    ann.get(&format!("/files/{blob}/thumb")).await.refused("file_type_refused");
}

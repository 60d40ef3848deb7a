//! Everything about one person: what is in the file, what is not, and who may have it.

use super::world::{Browser, PASSWORD, Site, id, text};
use axum::body::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;

async fn upload(by: &mut Browser, name: &str, bytes: &[u8]) -> Value {
    let request = by.request("POST", &format!("/files?name={name}")).header("content-type", "application/octet-stream");
    by.send(request.body(Body::from(bytes.to_vec())).unwrap()).await.expect(201)
}

/// The files of an archive.
fn unpack(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("an archive that programs read");
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).expect("each entry is whole");
        let name = file.name().expect("a name").into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("its sum is right");
        files.insert(name, content);
    }
    files
}

fn list(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[name]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_all_that_is_theirs_and_nothing_of_others() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let group = ann.group("Jardin", "open").await;
    let secret = ann.group("Entre nous", "secret").await;
    ann.write(&secret, "Pas pour Ben.").await;
    let anns = ann.write(&group, "Les mots de Ann.").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let plan = upload(&mut ben, "plan.txt", &vec![b'p'; 300_000]).await;
    upload(&mut ben, "pas-encore.txt", b"not posted").await;
    let body = json!({ "request_id": id(), "text": "Mon plan", "attachments": [{ "blob": plan["blob"], "name": "plan.txt" }] });
    let post = text(&ben.post(&format!("/groups/{group}/posts"), body).await.expect(201), "id");
    ben.patch(&format!("/posts/{post}"), json!({ "request_id": id(), "title": "Titre", "text": "Mon plan, revu" }))
        .await
        .expect(200);
    let comment = json!({ "request_id": id(), "text": "Merci Ann" });
    ben.post(&format!("/posts/{anns}/comments"), comment).await.expect(201);
    ben.put(&format!("/posts/{anns}/reactions"), json!({ "emoji": "👍", "on": true })).await.expect(200);
    let gone = ben.write(&group, "À effacer").await;
    ben.post(&format!("/posts/{gone}/erase"), json!({ "request_id": id(), "reason": "" })).await;

    let answer = ben.get(&format!("/people/{ben_id}/export")).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.bytes));
    let named = answer.headers["content-disposition"].to_str().unwrap();
    assert!(named.starts_with("attachment; filename=\"archipel-ben-") && named.ends_with(".zip\""), "{named}");
    let files = unpack(&answer.bytes);
    let whole: Vec<u8> = files.values().flatten().copied().collect();
    let has = |words: &str| whole.windows(words.len()).any(|part| part == words.as_bytes());
    assert!(!has("Les mots de Ann") && !has("Pas pour Ben") && !has("Entre nous") && !has("effacer\""));
    assert!(!has("ann@example.org") && !has("$argon2"), "neither others' addresses nor anybody's password");
    assert!(String::from_utf8_lossy(&files["README.txt"]).starts_with("Data of Ben"));
    assert_eq!(list(&files, "account.json")["email"], "ben@example.org");
    assert_eq!(list(&files, "profile.json")["name"], "Ben");
    assert_eq!(list(&files, "groups.json")[0]["group"]["name"], "Jardin");
    let posts = list(&files, "posts.json");
    assert_eq!(posts.as_array().map(Vec::len), Some(1), "what was erased is not there: {posts}");
    assert_eq!((&posts[0]["text"], &posts[0]["edits"][0]["text"]), (&json!("Mon plan"), &json!("Mon plan, revu")));
    let file = posts[0]["attachments"][0]["file"].as_str().unwrap();
    assert_eq!(files[file].len(), 300_000);
    let comments = list(&files, "comments.json");
    assert_eq!((&comments[0]["text"], &comments[0]["post"]), (&json!("Merci Ann"), &json!(anns)));
    assert_eq!(list(&files, "reactions.json")[0]["emoji"], "👍");
    let waiting = list(&files, "uploads.json");
    assert!(waiting.as_array().unwrap().iter().any(|upload| upload["name"] == "pas-encore.txt"), "{waiting}");
    assert!(!list(&files, "activity.json").as_array().unwrap().is_empty(), "the login at least");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_data_is_for_administrators_with_their_password_and_is_written_down() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let ann_id = text(&ann.get("/session").await.expect(200)["person"], "id");
    ben.get(&format!("/people/{ann_id}/export")).await.refused("forbidden");
    ben.get(&format!("/people/{}/export", protocol::ids::UserId([9; 16]))).await.refused("not_found");
    let mut fresh = ann.clone();
    fresh.log_in("ann@example.org", PASSWORD).await.expect(200);
    fresh.get(&format!("/people/{ben_id}/export")).await.refused("sudo_required");
    fresh.post("/session/sudo", json!({ "password": PASSWORD })).await.expect(200);
    let answer = fresh.get(&format!("/people/{ben_id}/export")).await;
    assert_eq!(list(&unpack(&answer.bytes), "profile.json")["name"], "Ben");
    let written = |kind: &str| site.app.local.audit().0.iter().filter(|line| line.kind == kind).count();
    assert_eq!(written("person_exported"), 1);
    assert_eq!(fresh.get(&format!("/people/{ann_id}/export")).await.status, 200);
    assert_eq!(written("person_exported"), 1, "one's own is nobody's business");
}

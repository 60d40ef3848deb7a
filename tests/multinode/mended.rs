//! Bytes of a site's disk turn into others: the check of the disk finds it, and the other site's copies mend it.

use archipel_tests::cluster::{CROSS_WITHIN, Client, Site, two_sites, within};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(folder).expect("the folder can be read").map(|item| item.expect("an item").path());
    items.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Turns a byte of the only place under a folder that holds these bytes.
fn rot(folder: &Path, wanted: &[u8]) {
    for path in files(folder) {
        let mut bytes = fs::read(&path).expect("a file can be read");
        if let Some(at) = bytes.windows(wanted.len()).position(|window| window == wanted) {
            bytes[at] ^= 1;
            return fs::write(&path, bytes).expect("a file can be written");
        }
    }
    panic!("nothing under {} holds it", folder.display());
}

async fn check(admin: &Client) -> Value {
    let _: Value = admin.post("admin/storage/check", &json!({})).await.expect("an administrator may ask");
    within(CROSS_WITHIN, "the disk was read through", async || {
        let storage: Value = admin.get("admin/storage").await.ok()?;
        let check = storage["check"].clone();
        (check["running"] == false && !check["finished"].is_null()).then_some(check)
    })
    .await
}

async fn alarm_of_damage(site: &Site, admin: &Client) {
    within(CROSS_WITHIN, "the administrator is told", async || {
        let alarms: Vec<Value> = admin.get("admin/alarms").await.ok()?;
        alarms.iter().any(|alarm| alarm["kind"] == "damage").then_some(())
    })
    .await;
    assert!(site.log().contains("damaged"), "the log says so");
}

#[tokio::test]
async fn a_record_and_a_file_that_rotted_come_back_from_the_other_site() {
    let (paris, ann, lyon, ben, group) = two_sites().await;
    let words = "ce billet va pourrir sur le disque de Lyon";
    let file = ann.upload("notes.txt", b"le contenu du fichier qui va pourrir".to_vec()).await.unwrap();
    let post = ann.write(&group.id, words).await.unwrap();
    let with_file = ann.write_with(&group.id, "les notes", &[&file]).await.unwrap();
    let later = ben.write(&group.id, "un billet de Lyon, sain").await.unwrap();
    ben.sees_post(&post.id).await;
    ben.sees_post(&with_file.id).await;
    ann.sees_post(&later.id).await;
    within(CROSS_WITHIN, "the file is at lyon", async || ben.download(&file.url).await.ok()).await;

    rot(&lyon.data().join("journal"), words.as_bytes());
    rot(&lyon.data().join("blobs"), b"le contenu du fichier qui va pourrir");
    let found = check(&ben).await;
    assert_eq!(found["places"], 1, "the damaged record was found");
    assert_eq!(found["files"], 1, "the damaged file was found");

    within(CROSS_WITHIN, "the post is whole again", async || {
        let seen = ben.read(&post.id).await.ok()?;
        (seen.text == words).then_some(())
    })
    .await;
    let bytes = within(CROSS_WITHIN, "the file is whole again", async || ben.download(&file.url).await.ok()).await;
    assert_eq!(bytes, b"le contenu du fichier qui va pourrir");
    assert_eq!(ben.read(&later.id).await.unwrap().text, "un billet de Lyon, sain");
    alarm_of_damage(&lyon, &ben).await;
    let again = check(&ben).await;
    assert_eq!((&again["places"], &again["files"]), (&json!(1), &json!(1)), "what was mended is not found again");

    // Lyon writes on, and nobody thinks that it signed two histories.
    let after = ben.write(&group.id, "après la réparation").await.unwrap();
    ann.sees_post(&after.id).await;
    let alarms: Vec<Value> = ann.get("admin/alarms").await.unwrap();
    assert!(alarms.iter().all(|alarm| alarm["kind"] != "fork"), "{alarms:?}");
    drop(paris);
}

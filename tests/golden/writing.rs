//! Makes the golden folder: two sites, three people, every kind of thing that a site keeps.

use crate::here;
use crate::picture::{self, EVE};
use archipel_tests::cluster::{
    Answer, CROSS_WITHIN, Client, Invited, PASSWORD, Site, plain, request_id, two_sites, within,
};
use serde_json::{Value, json};
use std::path::Path;

/// What must not be found in the folder: it was erased.
const ERASED: &str = "effacé-pour-toujours-4711";
/// Everything kept fits in a repository.
const BYTES_MAX: u64 = 300 * 1024;

/// Writes the folder and what it shows.
///
/// # Panics
/// If anything fails, or the folder is too large.
pub async fn write() {
    let (mut paris, ann, mut lyon, ben, group) = two_sites().await;
    let eve = person(&paris, &ann).await;
    eve.join_group(&group.id).await.unwrap();
    talk(&ann, &ben, &eve, &group.id).await;
    rights(&ann, &eve).await;
    lyon.stop().await;
    paris.stop().await;
    let folder = here("data");
    let _ = std::fs::remove_dir_all(&folder);
    let bytes = keep(&paris.data(), &folder);
    println!("the golden folder has {bytes} bytes");
    assert!(bytes < BYTES_MAX, "{bytes} bytes are too many to keep");
    let copy = Site::start_on("Paris", &folder).await;
    let seen = serde_json::to_string_pretty(&picture::of(&copy).await).unwrap();
    std::fs::write(here("expected.json"), seen + "\n").unwrap();
}

async fn person(site: &Site, ann: &Client) -> Client {
    let body = json!({ "request_id": request_id(), "name": "eve", "email": EVE });
    let invited: Invited = ann.post("people", &body).await.unwrap();
    let token = invited.invitation_link.rsplit('/').next().unwrap().to_owned();
    let url = format!("{}/api/v1/invitation/{token}", site.address());
    let body = json!({ "password": PASSWORD, "language": "fr" });
    let answer = plain().post(url).header("Origin", site.address()).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let client = site.client();
    client.log_in(EVE, PASSWORD).await.unwrap();
    client
}

async fn talk(ann: &Client, ben: &Client, eve: &Client, group: &str) {
    let first = ann.write(group, "Premier message, *en Markdown*.").await.unwrap();
    ben.sees_post(&first.id).await;
    ben.comment(&first.id, "An answer from Lyon.").await.unwrap();
    let far = ben.write(group, "A post from Lyon.").await.unwrap();
    ann.sees_post(&far.id).await;
    ann.sees_received(&first.id, 2).await;
    let file = ann.upload("plan.txt", b"Rez-de-chaussee, premier etage.".to_vec()).await.unwrap();
    ann.write_with(group, "With a file.", &[&file]).await.unwrap();
    let edited = eve.write(group, "Written in haste.").await.unwrap();
    let body = json!({ "request_id": request_id(), "title": "Titre", "text": "Written with care." });
    let _: Value = eve.patch(&format!("posts/{}", edited.id), &body).await.unwrap();
    for (client, emoji, on) in [(ann, "👍", true), (eve, "👍", true), (eve, "❤️", true), (eve, "❤️", false)]
    {
        let _: Value =
            client.put(&format!("posts/{}/reactions", first.id), &json!({ "emoji": emoji, "on": on })).await.unwrap();
    }
    let comment = eve.comment(&first.id, "To be deleted.").await.unwrap();
    let _: Value = eve.delete(&format!("comments/{}", comment.id)).await.unwrap();
    let gone = eve.write(group, ERASED).await.unwrap();
    let body = json!({ "request_id": request_id(), "reason": "a wish" });
    let _: Value = eve.post(&format!("posts/{}/erase", gone.id), &body).await.unwrap();
    within(CROSS_WITHIN, "both sites have carried out the erasure", async || {
        let erasures: Value = ann.get("admin/erasures").await.ok()?;
        let sites = erasures[0]["sites"].as_array()?;
        (sites.len() == 2 && sites.iter().all(|site| site["done"] == true)).then_some(())
    })
    .await;
    let deleted = ann.write(group, "Deleted after a comment.").await.unwrap();
    eve.comment(&deleted.id, "It stays.").await.unwrap();
    let _: Value = ann.delete(&format!("posts/{}", deleted.id)).await.unwrap();
}

async fn rights(ann: &Client, eve: &Client) {
    let group = ann.create_group("Direction", "secret").await.unwrap().id;
    let me = eve.me().await.unwrap().person.id;
    let body = json!({ "request_id": request_id(), "people": [me], "role": "facilitator" });
    let _: Value = ann.post(&format!("groups/{group}/members"), &body).await.unwrap();
    eve.write(&group, "From a facilitator.").await.unwrap();
    let days = json!({ "request_id": request_id(), "days": 36_500 });
    let _: Value = ann.put(&format!("groups/{group}/retention"), &days).await.unwrap();
    let _: Value = ann.patch(&format!("groups/{group}"), &json!({ "purpose": "Ce qui compte." })).await.unwrap();
    ann.sudo(PASSWORD).await.unwrap();
    let body = json!({ "request_id": request_id(), "on": true, "reason": "a lawsuit" });
    let _: Value = ann.put(&format!("groups/{group}/hold"), &body).await.unwrap();
    let third = ann.create_group("Bricolage", "closed").await.unwrap().id;
    let body = json!({ "request_id": request_id(), "people": [me], "role": "member" });
    let _: Value = ann.post(&format!("groups/{third}/members"), &body).await.unwrap();
    eve.write(&third, "Before the removal.").await.unwrap();
    let _: Value = ann.delete(&format!("groups/{third}/members/{me}")).await.unwrap();
}

/// The opened folder takes new work, and what was erased is nowhere.
///
/// # Panics
/// If it does not.
pub async fn goes_on(site: &Site) {
    let ann = site.client();
    ann.log_in(picture::ANN, PASSWORD).await.unwrap();
    let groups = ann.groups().await.unwrap();
    let group = groups.mine.iter().find(|group| group.name == "Jardin").unwrap();
    let post = ann.write(&group.id, "Years later.").await.unwrap();
    assert_eq!(ann.feed(&group.id).await.unwrap().items[0].id, post.id);
    let again: Answer<Value> = ann.get(&format!("posts/{}", post.id)).await;
    assert!(again.is_ok());
    let mut files = Vec::new();
    walk(&here("data"), &mut files);
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes.windows(ERASED.len()).any(|window| window == ERASED.as_bytes());
        assert!(!found, "{} still holds what was erased", file.display());
    }
}

fn walk(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// Copies everything but what is made anew from it; answers the bytes.
fn keep(from: &Path, to: &Path) -> u64 {
    let mut files = Vec::new();
    walk(from, &mut files);
    let mut bytes = 0;
    for file in files {
        let name = file.strip_prefix(from).unwrap();
        let first = name.components().next().unwrap().as_os_str();
        if first == "index" || first == "LOCK" || first == "control.sock" || !file.metadata().unwrap().is_file() {
            continue;
        }
        let to = to.join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        bytes += std::fs::copy(&file, &to).unwrap();
    }
    bytes
}

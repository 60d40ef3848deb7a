//! What was erased is found in no raw data folder: a canary at five sites, one of which was away meanwhile.

use archipel_tests::cluster::{CROSS_WITHIN, Client, Group, Refusal, Site, found, join, request_id, within};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// In the words, in a comment, in a file, and in the file's name.
const CANARY: &str = "kanari-5f2c9e71-jaune-vif";

/// Files below a folder in which the canary stands: in their bytes, or their name.
fn traces(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("a name").path();
        if path.is_dir() {
            found.extend(traces(&path));
        } else if path.is_file() {
            // A temporary file may go while this reads.
            let bytes = std::fs::read(&path).unwrap_or_default();
            let inside = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
            if inside || path.to_string_lossy().contains(CANARY) {
                found.push(path);
            }
        }
    }
    found
}

async fn erase(client: &Client, path: &str) -> Result<Value, Refusal> {
    client.post(&format!("{path}/erase"), &json!({ "request_id": request_id(), "reason": "demande" })).await
}

/// Sites that have confirmed every erasure, as the admin sees it.
async fn confirmed(admin: &Client, erasures: usize) -> Option<Vec<String>> {
    let list: Vec<Value> = admin.get("admin/erasures").await.ok()?;
    if list.len() != erasures {
        return None;
    }
    let done = |erasure: &Value| -> Vec<String> {
        let sites = erasure["sites"].as_array().into_iter().flatten();
        sites
            .filter(|line| line["done"] == true)
            .filter_map(|line| Some(line["site"]["name"].as_str()?.to_owned()))
            .collect()
    };
    let mut all = done(list.first()?);
    for erasure in &list {
        let these = done(erasure);
        all.retain(|site| these.contains(site));
    }
    all.sort();
    Some(all)
}

#[tokio::test]
async fn a_canary_erased_at_five_sites_is_in_no_raw_data_folder() {
    let names = ["Lyon", "Metz", "Nice", "Oran"];
    let paris = Site::start("Paris").await;
    let ann = found(&paris, "ann").await;
    let group = ann.create_group("Jardin", "open").await.expect("ann may create a group");
    let mut sites = Vec::new();
    let mut people = Vec::new();
    for (name, person) in names.into_iter().zip(["ben", "carl", "dora", "fred"]) {
        let site = Site::start(name).await;
        let client = join(&ann, &site, person).await;
        client.sees_group(&group.id).await;
        client.join_group(&group.id).await.expect("anybody may join an open group");
        sites.push(site);
        people.push(client);
    }
    within(CROSS_WITHIN, "paris knows that all five share the group", async || {
        let seen: Group = ann.get(&format!("groups/{}", group.id)).await.ok()?;
        (seen.sites.len() == 5).then_some(())
    })
    .await;

    let [ben, carl, ..] = &people[..] else { panic!("there are four") };
    let file = ben.upload(&format!("{CANARY}.txt"), format!("Un texte avec {CANARY} dedans.").into_bytes()).await;
    let file = file.expect("ben may upload");
    let post = ben.write_with(&group.id, &format!("Voici {CANARY}."), &[&file]).await.expect("ben may post");
    let edit = json!({ "request_id": request_id(), "text": format!("Voici, mieux dit, {CANARY}.") });
    let _: Value = ben.patch(&format!("posts/{}", post.id), &edit).await.expect("ben may edit");
    let last = people.last().expect("there is fred");
    let answered = last.sees_post(&post.id).await;
    carl.sees_post(&post.id).await;
    let comment = carl.comment(&post.id, &format!("{CANARY}, dis-tu ?")).await.expect("carl may comment");
    assert!(answered.text.contains(CANARY));
    let everybody: Vec<&Client> = std::iter::once(&ann).chain(&people).collect();
    for client in &everybody {
        client.sees_received(&post.id, 5).await;
        within(CROSS_WITHIN, "the file, the edit and the comment are here", async || {
            let seen = client.read(&post.id).await.ok()?;
            let here = client.download(&seen.attachments.first()?.url).await.is_ok();
            (here && seen.comments == 1 && seen.text.contains("mieux")).then_some(())
        })
        .await;
    }
    for folder in std::iter::once(&paris).chain(&sites).map(Site::data) {
        let found = traces(&folder);
        // The journal is packed: short words may stand there in other bytes. The file stands as it is.
        let stands = found.iter().any(|path| path.starts_with(folder.join("blobs")));
        assert!(stands, "the canary must be there to be missed: {found:?}");
    }

    // Oran is away while its author erases the post, and carl the comment.
    let mut oran = sites.pop().expect("there is oran");
    oran.stop().await;
    erase(ben, &format!("posts/{}", post.id)).await.expect("ben may erase his own");
    erase(carl, &format!("comments/{}", comment.id)).await.expect("carl may erase his own");
    within(CROSS_WITHIN, "four sites confirm", async || {
        (confirmed(&ann, 2).await? == ["Lyon", "Metz", "Nice", "Paris"]).then_some(())
    })
    .await;
    for site in std::iter::once(&paris).chain(&sites) {
        assert_eq!(traces(&site.data()), Vec::<PathBuf>::new(), "{} said that it erased", site.name);
    }
    assert!(!traces(&oran.data()).is_empty(), "oran does not know yet, and is not said to");

    oran.restart().await;
    within(CROSS_WITHIN, "oran confirms", async || (confirmed(&ann, 2).await?.len() == 5).then_some(())).await;
    assert_eq!(traces(&oran.data()), Vec::<PathBuf>::new());
    for client in &everybody {
        let seen: Value = client.get(&format!("posts/{}", post.id)).await.expect("its place stays");
        assert_eq!((&seen["erased"], &seen["text"]), (&json!(true), &json!("")));
        assert_eq!(seen["attachments"], json!([]));
    }

    // And nothing comes back with another start.
    for site in sites.iter_mut().chain([&mut oran]) {
        site.stop().await;
        assert_eq!(traces(&site.data()), Vec::<PathBuf>::new(), "{} stopped", site.name);
        std::fs::remove_dir_all(site.data().join("index")).expect("the index can be lost");
        site.restart().await;
        assert_eq!(traces(&site.data()), Vec::<PathBuf>::new(), "{} rebuilt", site.name);
    }
}

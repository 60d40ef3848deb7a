//! The program as somebody at a terminal meets it, and what an owner does over the API that reaches another site.

use archipel_tests::cluster::{
    CROSS_WITHIN, Group, PASSWORD, Person, Post, Site, found, request_id, run_to_end, two_sites, within,
};
use serde_json::{Value, json};

async fn status(site: &Site, words: &[&str]) -> Result<String, String> {
    let data = site.data();
    let at = ["status", "--data", data.to_str().expect("temporary folders have plain names")];
    let ended = run_to_end(&[&at, words].concat(), &[]).await;
    if ended.status.success() { Ok(ended.text) } else { Err(ended.text) }
}

#[tokio::test]
async fn status_tells_how_the_site_is_and_that_it_does_not_run() {
    let mut paris = Site::start("Paris").await;
    let new = status(&paris, &[]).await.expect("it runs");
    assert!(new.contains("not set up"), "{new}");
    drop(found(&paris, "ann").await);
    let ready = status(&paris, &[]).await.expect("it runs");
    assert!(ready.contains("ready") && ready.contains("site Paris, 1 accounts"), "{ready}");
    let told: Value = serde_json::from_str(&status(&paris, &["--json"]).await.expect("it runs")).expect("one object");
    assert_eq!((&told["state"], &told["site"], &told["sites"]), (&json!("ready"), &json!("Paris"), &json!([])));
    paris.stop().await;
    let gone = status(&paris, &[]).await.expect_err("nothing runs there");
    assert!(gone.contains("archipel") && !gone.contains("panicked"), "{gone}");
}

#[tokio::test]
async fn ctrl_c_ends_a_site_in_good_order_and_what_it_said_last_is_there_again() {
    let mut paris = Site::start("Paris").await;
    let ann = found(&paris, "ann").await;
    let group: Group = ann.create_group("Gardiens", "open").await.expect("ann may");
    let post: Post = ann.write(&group.id, "Juste avant.").await.expect("ann may write");
    paris.interrupt().await;
    paris.restart().await;
    let ann = paris.client();
    ann.log_in("ann@archipel.example", PASSWORD).await.expect("her account is there");
    assert_eq!(ann.read(&post.id).await.expect("her post is there").text, "Juste avant.");
}

#[tokio::test]
async fn an_owner_lets_a_person_of_another_site_into_a_closed_group() {
    let (_paris, ann, _lyon, ben, _) = two_sites().await;
    let group: Group = ann.create_group("Direction", "closed").await.expect("ann may");
    ann.write(&group.id, "Entre nous.").await.expect("an owner may write");
    let ben_id = ben.me().await.expect("he is logged in").person.id;
    let body = json!({ "request_id": request_id(), "people": [ben_id], "role": "member" });
    let members: Vec<Value> = ann.post(&format!("groups/{}/members", group.id), &body).await.expect("an owner may");
    assert_eq!(members.len(), 2, "{members:?}");
    ben.sees_group(&group.id).await;
    within(CROSS_WITHIN, "what was written before is there too", async || {
        ben.whole_feed(&group.id).await.ok().filter(|posts| posts.iter().any(|post| post.text == "Entre nous."))
    })
    .await;
    let person: Person = ann.get(&format!("people/{ben_id}")).await.expect("she knows him");
    assert_eq!(person.site.name, "Lyon");
}

#[tokio::test]
async fn a_list_of_feeds_is_taken_entry_by_entry_and_what_is_no_list_is_refused() {
    let paris = Site::start("Paris").await;
    let ann = found(&paris, "ann").await;
    let group: Group = ann.create_group("Veille", "open").await.expect("ann may");
    let path = format!("groups/{}/sources/opml", group.id);
    let list = r#"<?xml version="1.0"?><opml version="2.0"><body><outline text="Droit">
        <outline type="rss" text="Journal" xmlUrl="https://journal.example/feed"/>
        <outline type="rss" text="Journal, encore" xmlUrl="https://journal.example/feed"/>
        <outline type="rss" text="Mauvais" xmlUrl="file:///etc/passwd"/></outline></body></opml>"#;
    let taken: Value = ann.post(&path, &json!({ "request_id": request_id(), "opml": list })).await.expect("a list");
    let titles = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|one| one["title"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(titles(&taken["added"]), ["Journal"], "{taken}");
    assert!(titles(&taken["skipped"]).contains(&"Mauvais".to_owned()), "{taken}");
    let listed: Vec<Value> = ann.get(&format!("groups/{}/sources", group.id)).await.expect("an owner sees them");
    assert_eq!(listed.len(), 1);
    for bad in ["", "<opml", "{\"feeds\": []}", "<!DOCTYPE o [<!ENTITY a \"b\">]><opml>&a;</opml>"] {
        let answer: Result<Value, _> = ann.post(&path, &json!({ "request_id": request_id(), "opml": bad })).await;
        let refusal = answer.expect_err("this is no list").to_string();
        assert!(refusal.contains("opml_invalid"), "{bad:?}: {refusal}");
    }
}

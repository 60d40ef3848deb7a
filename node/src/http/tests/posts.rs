//! Groups, posts, comments, reactions: what one writes and what others see.

use super::world::{Site, id, text};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_kept_rendered_and_read_by_members() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Theme: gardens", "open").await;
    let request = id();
    let body = json!({ "request_id": request, "title": "Spring", "text": "**Roses** <script>alert(1)</script>" });
    let path = format!("/groups/{group}/posts");
    let post = ann.post(&path, body.clone()).await.expect(201);
    assert_eq!(post["html"], "<p><strong>Roses</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    assert_eq!(post["delivery"], json!({ "kept": true, "received": 1, "of": 1 }));
    assert_eq!((&post["mine"], &post["may"]["edit"]), (&json!(true), &json!(true)));
    let again = ann.post(&path, body).await.expect(201);
    assert_eq!(post["id"], again["id"], "a repeated request writes nothing");

    ben.post(&path, json!({ "request_id": id(), "text": "x" })).await.refused("not_a_member");
    let joined = ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    assert_eq!((&joined["role"], &joined["unread"]), (&json!("member"), &json!(0)));
    let feed = ben.get("/feed").await.expect(200);
    let theirs = feed["items"].as_array().unwrap().iter().find(|seen| seen["id"] == post["id"]).unwrap();
    assert_eq!((&theirs["mine"], &theirs["author"]["name"]), (&json!(false), &json!("Ann")));
    assert_eq!(theirs["author"]["site"]["name"], "Lille");
    assert!(theirs["created"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_see_answers_as_what_does_not_exist() {
    let (_site, mut ann) = Site::founded().await;
    let (mut eve, _) = ann.invite("Eve").await;
    let group = ann.group("Secret plans", "secret").await;
    let post = ann.write(&group, "hush").await;
    let comment =
        ann.post(&format!("/posts/{post}/comments"), json!({ "request_id": id(), "text": "psst" })).await.expect(201);
    let comment = text(&comment, "id");
    let nothing = "b".repeat(52);
    for (there, missing) in [
        (format!("/groups/{group}"), format!("/groups/{nothing}")),
        (format!("/groups/{group}/members"), format!("/groups/{nothing}/members")),
        (format!("/groups/{group}/feed"), format!("/groups/{nothing}/feed")),
        (format!("/groups/{group}/sources"), format!("/groups/{nothing}/sources")),
        (format!("/posts/{post}"), format!("/posts/{nothing}")),
        (format!("/posts/{post}/comments"), format!("/posts/{nothing}/comments")),
        (format!("/posts/{post}/delivery"), format!("/posts/{nothing}/delivery")),
        (format!("/comments/{comment}/delivery"), format!("/comments/{nothing}/delivery")),
    ] {
        let (a, b) = (eve.get(&there).await, eve.get(&missing).await);
        a.refused("not_found");
        assert_eq!((a.status, &a.bytes), (b.status, &b.bytes), "{there}");
    }
    for target in [&post, &nothing] {
        let body = json!({ "request_id": id(), "text": "x" });
        eve.patch(&format!("/posts/{target}"), body.clone()).await.refused("not_found");
        eve.post(&format!("/posts/{target}/comments"), body).await.refused("not_found");
        eve.put(&format!("/posts/{target}/reactions"), json!({ "emoji": "👍", "on": true })).await.refused("not_found");
        eve.delete(&format!("/posts/{target}")).await.refused("not_found");
    }
    for target in [&group, &nothing] {
        eve.post(&format!("/groups/{target}/join"), json!({})).await.refused("not_found");
        eve.post(&format!("/groups/{target}/read"), json!({})).await.refused("not_found");
        let body = json!({ "request_id": id(), "text": "x" });
        eve.post(&format!("/groups/{target}/posts"), body).await.refused("not_found");
    }
    assert!(!eve.get("/groups").await.expect(200).to_string().contains(&group));
    assert!(!eve.get("/feed").await.expect(200).to_string().contains(&post));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_edited_by_its_author_and_deleted_by_a_facilitator() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Theme", "open").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let post = ben.write(&group, "frist").await;
    let path = format!("/posts/{post}");
    let edited = ben.patch(&path, json!({ "request_id": id(), "text": "first" })).await.expect(200);
    assert_eq!((&edited["text"], edited["edited"].is_string()), (&json!("first"), true));
    ann.patch(&path, json!({ "request_id": id(), "text": "mine now" })).await.refused("forbidden");
    let gone = ann.delete(&path).await;
    assert!(gone.status == 204 || (gone.json()["deleted"] == true && gone.json()["text"] == ""), "{gone:?}");
    assert!(!ben.get("/feed").await.expect(200).to_string().contains("\"text\":\"first\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_and_reactions_are_counted() {
    let (_site, mut ann) = Site::founded().await;
    let group = ann.group("Theme", "open").await;
    let post = ann.write(&group, "what do you think?").await;
    let path = format!("/posts/{post}/comments");
    let mut comments = Vec::new();
    for n in 0..5 {
        let body = json!({ "request_id": id(), "text": format!("*{n}*") });
        comments.push(text(&ann.post(&path, body).await.expect(201), "id"));
    }
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| text(item, "id")).collect()
    };
    let newest = ann.get(&format!("{path}?limit=3")).await.expect(200);
    assert_eq!(ids(&newest), comments[2..], "the newest page, ascending");
    let older = ann.get(&format!("{path}?limit=3&before={}", text(&newest, "next"))).await.expect(200);
    assert_eq!(ids(&older), comments[..2]);
    let shown = ann.get(&format!("/posts/{post}")).await.expect(200);
    assert_eq!(shown["comments"], 5);
    assert_eq!(shown["last_comments"].as_array().unwrap().len(), 2);

    let liked = ann.put(&format!("/posts/{post}/reactions"), json!({ "emoji": "👍", "on": true })).await.expect(200);
    assert_eq!(liked["reactions"], json!([{ "emoji": "👍", "count": 1, "mine": true }]));
    ann.put(&format!("/posts/{post}/reactions"), json!({ "emoji": "💩", "on": true })).await.refused("bad_request");
    let unliked = ann.put(&format!("/posts/{post}/reactions"), json!({ "emoji": "👍", "on": false })).await.expect(200);
    assert_eq!(unliked["reactions"], json!([]));
    let comment = &comments[0];
    let liked =
        ann.put(&format!("/comments/{comment}/reactions"), json!({ "emoji": "🙏", "on": true })).await.expect(200);
    assert_eq!(liked["reactions"][0]["count"], 1);
    let changed =
        ann.patch(&format!("/comments/{comment}"), json!({ "request_id": id(), "text": "zero" })).await.expect(200);
    assert_eq!(changed["html"], "<p>zero</p>\n");
    let lines = ann.get(&format!("/comments/{comment}/delivery")).await.expect(200);
    assert_eq!(
        (&lines[0]["self"], &lines[0]["received"], &lines[0]["state"]),
        (&json!(true), &json!(true), &json!("self"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_counts_others_posts_since_the_mark() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Theme", "open").await;
    ann.write(&group, "before").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    for n in 0..3 {
        ann.write(&group, &n.to_string()).await;
    }
    let path = format!("/groups/{group}");
    assert_eq!(ben.get(&path).await.expect(200)["unread"], 3);
    assert_eq!(ann.get(&path).await.expect(200)["unread"], 0);
    ben.post(&format!("{path}/read"), json!({})).await.expect(204);
    assert_eq!(ben.get(&path).await.expect(200)["unread"], 0);
    ann.write(&group, "more").await;
    let groups = ben.get("/groups").await.expect(200);
    let mine = groups["mine"].as_array().unwrap().iter().find(|mine| mine["id"] == group.as_str()).unwrap();
    assert_eq!(mine["unread"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_go_and_one_owner_stays() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let ann_id = text(&ann.get("/session").await.expect(200)["person"], "id");
    let group = ann.group("Closed", "closed").await;
    let path = format!("/groups/{group}");
    ben.post(&format!("{path}/join"), json!({})).await.refused("group_closed");
    let body = json!({ "request_id": id(), "people": [ben_id], "role": "reader" });
    ben.post(&format!("{path}/members"), body.clone()).await;
    assert_eq!(ben.get(&path).await.expect(200)["role"], json!(null), "nobody lets oneself in");
    let members = ann.post(&format!("{path}/members"), body).await.expect(200);
    assert_eq!(members.as_array().unwrap().len(), 2);
    assert_eq!(ben.get(&path).await.expect(200)["may"]["post"], false);
    let member = format!("{path}/members/{ben_id}");
    ben.patch(&member, json!({ "role": "owner" })).await.refused("forbidden");
    ann.patch(&member, json!({ "role": "member" })).await.expect(200);
    ben.write(&group, "hello").await;
    ann.delete(&format!("{path}/members/{ann_id}")).await.refused("last_admin");
    ann.patch(&format!("{path}/members/{ann_id}"), json!({ "role": "member" })).await.refused("last_admin");
    ann.post(&format!("{path}/leave"), json!({})).await.refused("last_admin");
    ann.delete(&member).await.expect(200);
    ben.get(&format!("{path}/members")).await.refused("not_found");
    let card = ann.patch(&path, json!({ "name": "Opened", "access": "open" })).await.expect(200);
    assert_eq!(
        (&card["name"], &card["access"], &card["purpose"]),
        (&json!("Opened"), &json!("open"), &json!("to test"))
    );
    ann.patch(&path, json!({ "name": "" })).await.refused("name_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_read_page_by_page_without_gap_or_repeat() {
    let (_site, mut ann) = Site::founded().await;
    let group = ann.group("Theme", "open").await;
    let mut written = Vec::new();
    for n in 0..25 {
        written.push(ann.write(&group, &n.to_string()).await);
    }
    written.reverse();
    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("/groups/{group}/feed?limit=10{cursor}")).await.expect(200);
        read.extend(page["items"].as_array().unwrap().iter().map(|post| text(post, "id")));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(read, written);
    assert!(
        ann.get(&format!("/groups/{group}/feed?kind=automatic")).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_files_and_values_out_of_range_say_which() {
    let (_site, mut ann) = Site::founded().await;
    let group = ann.group("Chantiers", "open").await;
    let files: Vec<_> = (0..31).map(|n| json!({ "blob": id_of_blob(n), "name": "plan.txt" })).collect();
    let body = json!({ "request_id": id(), "text": "Voici.", "attachments": files });
    ann.post(&format!("/groups/{group}/posts"), body).await.refused("attachments_too_many");
    let none = ann.put(&format!("/groups/{group}/retention"), json!({ "request_id": id(), "days": 0 })).await;
    none.refused("bad_value");
    assert_eq!(none.json()["details"], json!({ "field": "days", "min": 1 }));
    let nobody = json!({ "request_id": id(), "people": [], "role": "member" });
    ann.post(&format!("/groups/{group}/members"), nobody).await.refused("bad_value");
}

fn id_of_blob(n: u8) -> String {
    protocol::ids::to_text(&[n; 32])
}

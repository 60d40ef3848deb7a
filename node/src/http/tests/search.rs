//! The search over HTTP: what is found, by whom, and what is not found any more.

use super::world::{Browser, Site, id, text};
use axum::body::Body;
use protocol::engine::input::Input;
use serde_json::{Value, json};
use std::path::Path;

impl Site {
    /// Waits until all that was written so far can be found.
    async fn taken_in(&self) {
        self.app.search.taken_in(self.app.handle.journal().position()).await;
    }

    /// What a person finds.
    async fn find(&self, browser: &mut Browser, query: &str) -> Value {
        self.taken_in().await;
        browser.get(&format!("/search?{query}")).await.expect(200)
    }

    /// The ids of what a person finds, in its order.
    async fn ids(&self, browser: &mut Browser, query: &str) -> Vec<String> {
        let found = self.find(browser, query).await;
        found["items"].as_array().unwrap().iter().map(|hit| text(hit, "id")).collect()
    }
}

fn marked(marked: &Value) -> Vec<String> {
    let units: Vec<u16> = text(marked, "text").encode_utf16().collect();
    let marks = marked["marks"].as_array().unwrap().iter();
    let at = |mark: &Value, end: usize| mark[end].as_u64().unwrap() as usize;
    marks.map(|mark| String::from_utf16_lossy(&units[at(mark, 0)..at(mark, 1)])).collect()
}

async fn comment(browser: &mut Browser, post: &str, words: &str) -> String {
    let body = json!({ "request_id": id(), "text": words });
    text(&browser.post(&format!("/posts/{post}/comments"), body).await.expect(201), "id")
}

/// Whether these bytes stand in any file of a folder.
fn stands_in(folder: &Path, canary: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.path().is_dir() {
        true => stands_in(&entry.path(), canary),
        false => std::fs::read(entry.path()).unwrap_or_default().windows(canary.len()).any(|part| part == canary),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_written_is_found_by_its_words() {
    let (site, mut ann) = Site::founded().await;
    let group = ann.group("Chantiers", "open").await;
    let post = ann.write(&group, "La **rentrée** à l'école <b>Jean</b>, [voir](https://example.org/zz)").await;
    let said = comment(&mut ann, &post, "Les écoles ferment tôt").await;
    let page = json!({ "request_id": id(), "title": "Compte rendu", "markdown": "# Compte rendu\n\nLa toiture de l'école fuit." });
    let page = text(&ann.post(&format!("/groups/{group}/pages"), page).await.expect(201), "id");
    let upload = ann.request("POST", "/files?name=plan%20%C3%A9cole.txt").header("content-type", "text/plain");
    let file = ann.send(upload.body(Body::from("le préau est au nord")).unwrap()).await.expect(201);
    let files = json!([{ "blob": file["blob"], "name": file["name"] }]);
    let body = json!({ "request_id": id(), "title": "Plans", "text": "ci-joint", "attachments": files });
    let with_file = text(&ann.post(&format!("/groups/{group}/posts"), body).await.expect(201), "id");

    let mut all = site.ids(&mut ann, "q=ecole").await;
    all.sort();
    let mut expected = vec![post.clone(), said.clone(), page.clone(), with_file.clone()];
    expected.sort();
    assert_eq!(all, expected);
    let found = site.find(&mut ann, "q=rentree%20ecole").await;
    let hit = &found["items"][0];
    assert_eq!(
        (&hit["kind"], &hit["post"], &hit["group"]["name"]),
        (&json!("post"), &json!(post), &json!("Chantiers"))
    );
    assert_eq!(marked(&hit["context"]), ["rentrée", "école"]);
    // Words alone: no Markdown, no HTML made of it.
    assert_eq!(hit["context"]["text"], "La rentrée à l'école <b>Jean</b>, voir");
    assert_eq!(hit["author"]["name"], "Ann");
    assert_eq!(site.ids(&mut ann, "q=ecole&kind=comment").await, [said]);
    assert_eq!(site.ids(&mut ann, "q=toiture").await, [page]);
    let found = site.find(&mut ann, "q=preau").await;
    let hit = &found["items"][0];
    assert_eq!(
        (&hit["kind"], &hit["id"], &hit["file"]["name"]),
        (&json!("file"), &json!(with_file), &json!("plan école.txt"))
    );
    assert_eq!(marked(&hit["context"]), ["préau"]);
    assert_eq!((&found["missing"], &found["filling"]), (&Value::Null, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_read_is_not_found_from_the_moment_on() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let secret = ann.group("Cachette", "secret").await;
    let post = ann.write(&secret, "le trésor").await;
    let said = comment(&mut ann, &post, "quel trésor ?").await;
    assert_eq!(site.find(&mut ben, "q=tresor").await["items"], json!([]));
    assert_eq!(site.find(&mut ben, "q=cachette").await["groups"], json!([]));
    ben.get(&format!("/search?q=tresor&group={secret}")).await.refused("not_found");
    let body = json!({ "request_id": id(), "people": [ben_id], "role": "member" });
    ann.post(&format!("/groups/{secret}/members"), body).await.expect(200);
    let mut both = site.ids(&mut ben, "q=tresor").await;
    both.sort();
    let mut expected = vec![post.clone(), said];
    expected.sort();
    assert_eq!(both, expected);
    ann.delete(&format!("/groups/{secret}/members/{ben_id}")).await.expect(200);
    // At once, whatever the index has heard of.
    assert_eq!(ben.get("/search?q=tresor").await.expect(200)["items"], json!([]));
    assert_eq!(site.ids(&mut ann, "q=tresor").await.len(), 2);
    assert_eq!(site.find(&mut ben, "q=tresor").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_is_found_by_its_new_words_and_what_is_deleted_by_none() {
    let (site, mut ann) = Site::founded().await;
    let group = ann.group("Jardin", "open").await;
    let post = ann.write(&group, "des tulipes").await;
    let said = comment(&mut ann, &post, "ou des jonquilles").await;
    assert_eq!(site.ids(&mut ann, "q=tulipe").await, [post.as_str()]);
    ann.patch(&format!("/posts/{post}"), json!({ "request_id": id(), "text": "des pivoines" })).await.expect(200);
    assert_eq!(site.ids(&mut ann, "q=tulipe").await, Vec::<String>::new());
    assert_eq!(site.ids(&mut ann, "q=pivoine").await, [post.as_str()]);
    assert_eq!(site.ids(&mut ann, "q=jonquille").await, [said.as_str()]);
    ann.put(&format!("/posts/{post}/reactions"), json!({ "emoji": "👍", "on": true })).await.expect(200);
    assert_eq!(site.ids(&mut ann, "q=pivoine").await, [post.as_str()]);
    ann.delete(&format!("/posts/{post}")).await;
    assert_eq!(site.ids(&mut ann, "q=pivoine").await, Vec::<String>::new());
    // What was said about something that is gone leads nowhere.
    assert_eq!(site.ids(&mut ann, "q=jonquille").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_gone_from_the_index_before_anybody_is_told() {
    let (site, mut ann) = Site::founded().await;
    let group = ann.group("Jardin", "open").await;
    let upload = ann.request("POST", "/files?name=note.txt").header("content-type", "text/plain");
    let file = ann.send(upload.body(Body::from("zzkanarifile dedans")).unwrap()).await.expect(201);
    let files = json!([{ "blob": file["blob"], "name": "zzkanariname.txt" }]);
    let body = json!({ "request_id": id(), "text": "zzkanaritext", "attachments": files });
    let post = text(&ann.post(&format!("/groups/{group}/posts"), body).await.expect(201), "id");
    let kept = ann.write(&group, "ce qui reste").await;
    for word in ["zzkanaritext", "zzkanarifile", "zzkanariname"] {
        assert_eq!(site.ids(&mut ann, &format!("q={word}")).await, [post.as_str()], "{word}");
    }
    let folder = site.folder().join("search");
    assert!(stands_in(&folder, b"zzkanarifile"), "a file's text is kept as it is, to be shown");
    ann.post(&format!("/posts/{post}/erase"), json!({ "request_id": id(), "reason": "" })).await.expect(200);
    assert_eq!(ann.get("/search?q=zzkanari").await.expect(200)["items"], json!([]), "at once");
    let done = async {
        loop {
            let list = ann.get("/admin/erasures").await.expect(200);
            if list[0]["state"] == "done" {
                return;
            }
            // Files are removed by another room, which is not in this world.
            site.app.handle.tell(Input::BlobRemoved(text(&file, "blob").parse().unwrap())).await;
            site.app.handle.tell(Input::Tick).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), done).await.expect("it is erased in time");
    assert!(!stands_in(&folder, b"kanari"));
    assert_eq!(site.ids(&mut ann, "q=reste").await, [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_count_is_not_found() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let group = ann.group("Conseil", "closed").await;
    let body = json!({ "request_id": id(), "people": [ben_id], "role": "member" });
    ann.post(&format!("/groups/{group}/members"), body).await.expect(200);
    let post = ben.write(&group, "une motion").await;
    assert_eq!(site.ids(&mut ann, "q=motion").await, [post.as_str()]);
    // Rights are judged anew for the whole group; what was written before the removal still counts.
    ann.delete(&format!("/groups/{group}/members/{ben_id}")).await.expect(200);
    assert_eq!(site.ids(&mut ann, "q=motion").await, [post.as_str()]);
    let read = |post: &str| site.app.handle.read(|reader| reader.words(post.parse().unwrap()).is_some());
    assert!(read(&post));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_pages_and_orders_do_what_they_say() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let (first, second) = (ann.group("Un", "open").await, ann.group("Deux", "open").await);
    ben.post(&format!("/groups/{second}/join"), json!({})).await.expect(200);
    let mut posts = Vec::new();
    for at in 0..5 {
        posts.push(ann.write(&first, &format!("vélo numéro {at}")).await);
    }
    let theirs = ben.write(&second, "mon vélo").await;
    assert_eq!(site.ids(&mut ann, "q=velo&order=recent&limit=2").await, [theirs.as_str(), &posts[4]]);
    let page = site.find(&mut ann, "q=velo&order=recent&limit=2").await;
    let next = text(&page, "next");
    assert_eq!(
        site.ids(&mut ann, &format!("q=velo&order=recent&limit=2&before={next}")).await,
        [posts[3].as_str(), &posts[2]]
    );
    assert_eq!(site.ids(&mut ann, &format!("q=velo&person={ben_id}")).await, [theirs.as_str()]);
    assert_eq!(site.ids(&mut ann, &format!("q=velo&group={second}")).await, [theirs.as_str()]);
    assert_eq!(site.ids(&mut ben, "q=velo").await, [theirs.as_str()]);
    let own = text(&ann.get("/session").await.expect(200)["site"], "id");
    assert_eq!(site.ids(&mut ann, &format!("q=velo&site={own}")).await.len(), 6);
    assert_eq!(site.ids(&mut ann, "q=velo&to=2020-01-01T00:00:00Z").await, Vec::<String>::new());
    assert_eq!(site.ids(&mut ann, "q=velo&from=2020-01-01T00:00:00Z").await.len(), 6);
    assert_eq!(site.ids(&mut ann, &format!("person={ben_id}")).await, [theirs.as_str()], "without words");
    assert_eq!(site.ids(&mut ann, "q=").await, Vec::<String>::new(), "nothing is asked");
    for bad in ["q=a&from=yesterday", "q=a&kind=x", "q=a&before=x", "q=a&group=x", "q=a&before=99999999"] {
        ann.get(&format!("/search?{bad}")).await.refused("bad_request");
    }
    ann.get(&format!("/search?q={}", "a".repeat(2_000))).await.refused("bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_groups_are_found_by_name() {
    let (site, mut ann) = Site::founded().await;
    let (_, elodie) = ann.invite("Elodie").await;
    ann.patch("/me", json!({ "title": "Responsable élodées" })).await.expect(200);
    let group = ann.group("Projet : Élodie danse", "open").await;
    let found = site.find(&mut ann, "q=%C3%A9lod").await;
    let people: Vec<String> = found["people"].as_array().unwrap().iter().map(|person| text(person, "name")).collect();
    assert_eq!(people, ["Elodie", "Ann"], "a name before a job");
    assert_eq!(found["people"][0]["id"], json!(elodie));
    assert_eq!(found["groups"][0]["id"], json!(group));
    let found = site.find(&mut ann, "q=elod&kind=person").await;
    assert_eq!((found["people"].as_array().unwrap().len(), &found["groups"]), (2, &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_made_again_at_will() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Jardin", "open").await;
    let post = ann.write(&group, "des tulipes").await;
    comment(&mut ann, &post, "et des tulipes jaunes").await;
    assert_eq!(site.ids(&mut ann, "q=tulipe").await.len(), 2);
    ben.post("/admin/search", json!({})).await.refused("forbidden");
    ann.post("/admin/search", json!({})).await.expect(202);
    let ready = async {
        loop {
            let found = ann.get("/search?q=tulipe").await.expect(200);
            if found["items"].as_array().unwrap().len() == 2 && found["filling"].is_null() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), ready).await.expect("it is made in time");
    assert_eq!(ann.get("/admin/search").await.expect(200)["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_questions_are_ones_own() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let saved = json!([{ "name": "Budget", "query": "q=budget&kind=post" }]);
    assert_eq!(ann.get("/me/searches").await.expect(200), json!([]));
    assert_eq!(ann.put("/me/searches", saved.clone()).await.expect(200), saved);
    assert_eq!(ann.get("/me/searches").await.expect(200), saved);
    assert_eq!(ben.get("/me/searches").await.expect(200), json!([]));
    let many: Vec<Value> = (0..51).map(|at| json!({ "name": at.to_string(), "query": "" })).collect();
    ann.put("/me/searches", json!(many)).await.refused("bad_request");
}

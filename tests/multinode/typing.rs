//! What real people typed, played into pages, and what sites show of a page.

use archipel_tests::cluster::{CROSS_WITHIN, Client, Group, PageWindow, request_id, within};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// From change to change: faster than anybody types, so that the sites have to keep up.
const PACE: Duration = Duration::from_millis(15);
/// Keys in one change: an editor gathers for a moment what is typed.
const KEYS_PER_CHANGE: usize = 4;

/// One keystroke: place, letters removed, letters put in.
pub type Key = (usize, usize, String);

/// What real people typed (the file says who).
#[derive(Deserialize)]
struct Typing {
    ann: Vec<Key>,
    ben: Vec<Key>,
    eve: Vec<Key>,
}

/// What ann, ben and eve typed.
pub fn typing() -> [Vec<Key>; 3] {
    let Typing { ann, ben, eve } = serde_json::from_str(include_str!("typing.json")).expect("a recording");
    [ann, ben, eve]
}

/// A page of ann's that others know.
pub async fn make_page(client: &Client, group: &Group) -> String {
    let body = json!({ "request_id": request_id(), "title": "Compte rendu" });
    let page: Value = client.post(&format!("groups/{}/pages", group.id), &body).await.expect("ann may make a page");
    page["id"].as_str().expect("an id").to_owned()
}

/// Waits until a page is known.
pub async fn sees_page(client: &Client, page: &str) {
    let ask = async || client.get::<Value>(&format!("pages/{page}")).await.ok();
    within(CROSS_WITHIN, "the page is known here", ask).await;
}

/// Types what was recorded into whatever stands there by now.
pub async fn replay(window: &mut PageWindow, keys: &[Key]) {
    for keys in keys.chunks(KEYS_PER_CHANGE) {
        for (at, removed, words) in keys {
            window.put(*at, *removed, words);
        }
        window.hand_over().await;
        window.rest(PACE).await;
    }
}

/// What a site shows of a page: newest changes, stored rendering, text.
pub async fn shown(client: &Client, page: &str) -> (Value, Value, Vec<u8>) {
    let shown: Value = client.get(&format!("pages/{page}")).await.expect("the page is here");
    let text = client.download(&format!("/api/v1/pages/{page}/export?as=md")).await;
    assert_eq!(shown["state"], "ok");
    (shown["heads"].clone(), shown["html"].clone(), text.expect("whoever reads it may take it along"))
}

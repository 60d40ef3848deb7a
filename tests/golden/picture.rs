//! What a site shows of its data through its API, without what changes with each start.

use archipel_tests::cluster::{Client, PASSWORD, Site};
use serde_json::{Map, Value};

/// Fields that tell of this moment or this login.
const FLEETING: &[&str] = &[
    "csrf",
    "sudo_until",
    "since",
    "at",
    "reminders",
    "version",
    "build",
    "state",
    "last_seen",
    "up_to_date",
    "reach",
];

/// The administrator's address.
pub const ANN: &str = "ann@archipel.example";
/// Somebody else of the same site.
pub const EVE: &str = "eve@archipel.example";

/// Everything that two people of the site see.
pub async fn of(site: &Site) -> Value {
    let mut all = Map::new();
    for email in [ANN, EVE] {
        let client = site.client();
        client.log_in(email, PASSWORD).await.unwrap_or_else(|refusal| panic!("{email} logs in: {refusal}"));
        let mut seen = Map::new();
        look(&client, &mut seen).await;
        all.insert(email.to_owned(), Value::Object(seen));
    }
    Value::Object(all)
}

async fn look(client: &Client, seen: &mut Map<String, Value>) {
    let first = ["session", "groups", "people?limit=50", "feed?limit=50", "me/not-delivered", "network"];
    let admins = ["network/removals", "admin/constitution", "admin/erasures", "admin/alarms", "admin/site"];
    for path in first.into_iter().chain(admins) {
        note(client, seen, path).await;
    }
    for group in ids(&seen["groups"]["mine"]) {
        for part in ["", "/members", "/removals", "/sources", "/feed?limit=50"] {
            note(client, seen, &format!("groups/{group}{part}")).await;
        }
        for post in ids(&seen[&format!("groups/{group}/feed?limit=50")]["items"]) {
            for part in ["", "/comments", "/delivery"] {
                note(client, seen, &format!("posts/{post}{part}")).await;
            }
            for file in seen[&format!("posts/{post}")]["attachments"].as_array().cloned().unwrap_or_default() {
                let url = file["url"].as_str().unwrap_or_default();
                let bytes = client.download(url).await.unwrap_or_else(|refusal| panic!("{url}: {refusal}"));
                seen.insert(url.to_owned(), data_encoding::HEXLOWER.encode(&bytes).into());
            }
        }
    }
}

async fn note(client: &Client, seen: &mut Map<String, Value>, path: &str) {
    // A refusal is an answer too: eve sees no pages of administrators.
    let mut answer: Value = match client.get(path).await {
        Ok(answer) => answer,
        Err(refusal) => format!("{} {}", refusal.status, refusal.code).into(),
    };
    settle(&mut answer);
    seen.insert(path.to_owned(), answer);
}

fn ids(list: &Value) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect()
}

fn settle(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| !FLEETING.contains(&&**name));
            map.values_mut().for_each(settle);
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

/// Every field that was there is there with its value. A newer version may show more.
///
/// # Panics
/// With the first difference.
pub fn contains(expected: &Value, found: &Value, place: &str) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                let place = format!("{place} > {name}");
                contains(value, found.get(name).unwrap_or_else(|| panic!("{place} is missing")), &place);
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            assert_eq!(expected.len(), found.len(), "{place}: {found:#?}");
            for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                contains(expected, found, &format!("{place} > {at}"));
            }
        }
        _ => assert_eq!(expected, found, "{place}"),
    }
}

//! The directory and the people of the site.

use super::world::{PASSWORD, Site, id, text};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_person_chooses_a_password_once() {
    let (site, mut ann) = Site::founded().await;
    let request = id();
    let body = json!({ "request_id": request, "name": "Élodie", "email": "elodie@example.org", "title": "Juriste" });
    let added = ann.post("/people", body.clone()).await.expect(201);
    assert_eq!(added["person"]["state"], "invited");
    let again = ann.post("/people", body).await.expect(201);
    assert_eq!(added["person"]["id"], again["person"]["id"], "the same request makes the same person");
    let (old, link) = (text(&added, "invitation_link"), text(&again, "invitation_link"));
    let mut elodie = site.browser();
    elodie.get(&old).await.refused("invitation_unknown");
    let shown = elodie.get(&link).await.expect(200);
    assert_eq!(
        (&shown["name"], &shown["site"], &shown["organisation"]),
        (&json!("Élodie"), &json!("Lille"), &json!("Archipel"))
    );
    elodie.log_in("elodie@example.org", PASSWORD).await.refused("bad_login");
    elodie.post(&link, json!({ "password": "elodie@example.org" })).await.refused("password_too_common");
    let me = elodie.post(&link, json!({ "password": PASSWORD, "language": "en" })).await.expect(200);
    assert_eq!((&me["person"]["name"], &me["language"]), (&json!("Élodie"), &json!("en")));
    assert_eq!(me["can"]["administer_site"], false);
    elodie.clone().post(&link, json!({ "password": PASSWORD })).await.refused("invitation_unknown");
    elodie.get("/session").await.expect(200);
    let taken = json!({ "request_id": id(), "name": "X", "email": "ELODIE@example.org" });
    ann.post("/people", taken).await.refused("email_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_found_without_accents_and_keeps_addresses_at_home() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    for name in ["Élodie", "Zoé", "eloi"] {
        let email = format!("{}@example.org", id());
        ann.post("/people", json!({ "request_id": id(), "name": name, "email": email })).await.expect(201);
    }
    let names = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|person| text(person, "name")).collect()
    };
    let all = ben.get("/people").await.expect(200);
    assert_eq!(names(&all), ["Ann", "Ben", "Élodie", "eloi", "Zoé"]);
    assert_eq!(names(&ben.get("/people?query=ELO").await.expect(200)), ["Élodie", "eloi"]);
    let with_email =
        |page: &serde_json::Value| page["items"].as_array().unwrap().iter().filter(|p| p["email"].is_string()).count();
    assert_eq!(with_email(&all), 1, "only one's own");
    assert_eq!(with_email(&ann.get("/people").await.expect(200)), 5);
    let first = ben.get("/people?limit=2").await.expect(200);
    let rest = ben.get(&format!("/people?limit=50&before={}", text(&first, "next"))).await.expect(200);
    assert_eq!([names(&first), names(&rest)].concat(), names(&all));
    assert_eq!(rest["next"], json!(null));
    let one = ben.get(&format!("/people/{ben_id}")).await.expect(200);
    assert_eq!((&one["is_me"], &one["groups"].is_array()), (&json!(true), &true));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_care_for_people() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let ann_id = text(&ann.get("/session").await.expect(200)["person"], "id");
    ben.post("/people", json!({ "request_id": id(), "name": "X", "email": "x@y.z" })).await.refused("forbidden");
    for act in ["suspend", "resume", "invitation"] {
        ben.post(&format!("/people/{ann_id}/{act}"), json!({})).await.refused("forbidden");
    }
    ben.get("/admin/site").await.refused("forbidden");
    ben.get("/pairing").await.refused("forbidden");
    ann.post(&format!("/people/{ben_id}/site-admin"), json!({ "on": true })).await.refused("sudo_required");
    ann.sudo().await;
    ann.post(&format!("/people/{ben_id}/site-admin"), json!({ "on": true })).await.expect(200);
    assert_eq!(ben.get("/session").await.expect(200)["can"]["administer_site"], true);
    ben.post(&format!("/people/{ann_id}/suspend"), json!({})).await.refused("forbidden");
    ben.get("/pairing").await.refused("forbidden");
    ann.post(&format!("/people/{ben_id}/site-admin"), json!({ "on": false })).await.expect(200);
    ann.post(&format!("/people/{ann_id}/site-admin"), json!({ "on": false })).await.refused("last_admin");
    ann.post(&format!("/people/{ann_id}/suspend"), json!({})).await.refused("forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_is_out_at_once_and_may_come_back() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    ann.post(&format!("/people/{ben_id}/suspend"), json!({})).await.refused("sudo_required");
    ann.sudo().await;
    let shown = ann.post(&format!("/people/{ben_id}/suspend"), json!({})).await.expect(200);
    assert_eq!(shown["state"], "suspended");
    ben.get("/feed").await.refused("unauthenticated");
    let mut again = site.browser();
    again.log_in("ben@example.org", PASSWORD).await.refused("bad_login");
    ann.post(&format!("/people/{ben_id}/resume"), json!({})).await.expect(200);
    again.log_in("ben@example.org", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_is_renamed_and_its_exceptions_are_exact() {
    let (_site, mut ann) = Site::founded().await;
    let change = json!({ "name": "Lille Sud", "company": "Nord SA", "feed_origins": ["https://Wiki.example:443/"] });
    ann.patch("/admin/site", change.clone()).await.refused("sudo_required");
    ann.sudo().await;
    let settings = ann.patch("/admin/site", change).await.expect(200);
    assert_eq!(
        settings,
        json!({ "name": "Lille Sud", "company": "Nord SA", "feed_origins": ["https://wiki.example"] })
    );
    ann.patch("/admin/site", json!({ "feed_origins": ["wiki"] })).await.refused("bad_request");
    assert_eq!(ann.get("/session").await.expect(200)["site"]["name"], "Lille Sud");
    let network = ann.get("/network").await.expect(200);
    assert_eq!((&network["self"]["state"], &network["self"]["people"]), (&json!("self"), &json!(1)));
}

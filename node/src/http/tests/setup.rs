//! The first minutes of a site.

use super::world::{Like, PASSWORD, Site, founding};
use crate::local::account::{Account, Language};
use crate::local::audit::Event;
use protocol::ids::UserId;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn founding_makes_an_organisation_a_site_and_a_logged_in_administrator() {
    let site = Site::new(Like::default()).await;
    let mut ann = site.browser();
    let status = ann.get("/status").await.expect(200);
    assert_eq!((&status["state"], &status["setup_code_required"]), (&json!("new"), &json!(false)));
    let founded = ann.post("/setup/organisation", founding()).await.expect(201);
    let keys = founded["recovery_keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key.as_str().unwrap().split(' ').count() == 13));
    let me = &founded["me"];
    assert_eq!(me["organisation"]["name"], "Archipel");
    assert_eq!(me["site"]["name"], "Lille");
    assert_eq!(me["person"]["name"], "Ann");
    assert_eq!(me["can"]["administer_organisation"], true);
    assert_eq!(me["reminders"], json!(["recovery_keys"]));
    assert_eq!(ann.get("/session").await.expect(200)["person"]["email"], "ann@example.org");
    assert_eq!(ann.get("/status").await.expect(200)["state"], "ready");
    ann.post("/setup/organisation", founding()).await.refused("setup_done");
    ann.get("/setup/join").await.refused("setup_done");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_needs_the_code_of_the_console() {
    let site = Site::new(Like::default()).await;
    let mut far = site.distant_browser();
    assert_eq!(far.get("/status").await.expect(200)["setup_code_required"], true);
    far.post("/setup/organisation", founding()).await.refused("setup_code_required");
    far.get("/setup/join").await.refused("setup_code_required");
    let mut body = founding();
    body["code"] = json!("aaaa-aaaa");
    far.post("/setup/organisation", body.clone()).await.refused("setup_code_wrong");
    body["code"] = json!(site.app.setup_code().to_uppercase().replace('-', " "));
    far.post("/setup/organisation", body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_founded_says_why_and_leaves_the_site_new() {
    let site = Site::new(Like::default()).await;
    let mut ann = site.browser();
    for (field, value, code) in [
        ("name", " \u{202E} ", "name_missing"),
        ("email", "ann", "email_invalid"),
        ("password", "short", "password_too_short"),
        ("password", "motdepasse1234", "password_too_common"),
        ("password", "Archipel 2026", "password_too_common"),
    ] {
        let mut body = founding();
        body["admin"][field] = json!(value);
        ann.post("/setup/organisation", body).await.refused(code);
    }
    ann.post("/setup/first-person", json!({ "name": "Ann", "email": "a@b.c", "password": PASSWORD }))
        .await
        .refused("not_set_up");
    assert_eq!(ann.get("/status").await.expect(200)["state"], "new");
    ann.post("/setup/organisation", founding()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_from_before_go_only_once_there_is_an_organisation() {
    let site = Site::new(Like::default()).await;
    let add = |n: u8, email: &str| {
        let account = Account::new(UserId([n; 16]), email.to_owned(), Language::Fr, 0);
        site.app.local.add_account(account, Event::new(0, "test")).unwrap();
    };
    add(1, "ann@example.org");
    add(2, "ben@example.org");
    let mut ann = site.browser();
    let mut body = founding();
    body["admin"]["password"] = json!("short");
    ann.post("/setup/organisation", body).await.refused("password_too_short");
    assert_eq!(site.app.local.accounts(), 2, "what is refused takes nothing away");
    assert!(site.app.waits_for_set_up());
    ann.post("/setup/organisation", founding()).await.expect(201);
    assert_eq!(site.app.local.accounts(), 1, "what an interrupted set-up left is gone");
    assert!(!site.app.waits_for_set_up());
    assert_ne!(site.app.local.account_of("ann@example.org").unwrap().user(), UserId([1; 16]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_founding_that_the_engine_refuses_leaves_the_accounts_as_they_were() {
    let mut site = Site::new(Like::default()).await;
    let account = Account::new(UserId([1; 16]), "ann@example.org".to_owned(), Language::Fr, 0);
    site.app.local.add_account(account, Event::new(0, "test")).unwrap();
    let mut ann = site.browser();
    site.stop_engine().await;
    ann.post("/setup/organisation", founding()).await.refused("busy");
    assert_eq!(site.app.local.accounts(), 1);
    assert_eq!(site.app.local.account_of("ann@example.org").unwrap().user(), UserId([1; 16]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_foundings_at_once_one_is_too_late() {
    let site = Site::new(Like::default()).await;
    let (mut a, mut b) = (site.browser(), site.browser());
    let (first, second) =
        tokio::join!(a.post("/setup/organisation", founding()), b.post("/setup/organisation", founding()));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_keys_are_shown_in_sudo_until_they_are_typed_back() {
    let (_site, mut ann) = Site::founded().await;
    ann.get("/admin/recovery").await.refused("sudo_required");
    ann.post("/session/sudo", json!({ "password": PASSWORD })).await.expect(200);
    let keys = ann.get("/admin/recovery").await.expect(200)["keys"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 3);
    ann.post("/admin/recovery/confirm", json!({ "keys": [keys[0]] })).await.refused("bad_request");
    let typed: Vec<String> =
        keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().replace(' ', "").to_uppercase()).collect();
    ann.post("/admin/recovery/confirm", json!({ "keys": typed })).await.expect(204);
    assert_eq!(ann.get("/admin/recovery").await.expect(200)["keys"], json!([]));
    assert_eq!(ann.get("/session").await.expect(200)["reminders"], json!([]));
}

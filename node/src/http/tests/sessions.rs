//! Logging in, out, and again.

use super::world::{Like, PASSWORD, Site, later, movable_clock};
use crate::config::Limits;
use crate::local::login::{IDLE_MS_MAX, SUDO_MS};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_has_a_fresh_cookie_that_scripts_cannot_read() {
    let (site, ann) = Site::founded().await;
    let mut other = site.browser();
    let answer = other.log_in(" Ann@Example.org ", PASSWORD).await;
    let line = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    answer.expect(200);
    for part in ["archipel=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(line.contains(part), "{line}");
    }
    assert_ne!(ann.cookie, other.cookie);
    let logins = other.get("/sessions").await.expect(200);
    assert_eq!(logins.as_array().unwrap().len(), 2);
    let before = other.cookie.clone();
    other.log_in("ann@example.org", PASSWORD).await.expect(200);
    assert_ne!(before, other.cookie);
    let logins = other.get("/sessions").await.expect(200);
    assert_eq!(logins.as_array().unwrap().len(), 2, "the login before is replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_login_for_good() {
    let (_site, mut ann) = Site::founded().await;
    let stolen = ann.clone();
    ann.delete("/session").await.expect(204);
    assert_eq!(ann.cookie, None);
    ann.get("/session").await.refused("unauthenticated");
    let mut thief = stolen;
    thief.get("/session").await.refused("unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_people_and_wrong_passwords_get_the_same_answer() {
    let (site, _ann) = Site::founded().await;
    let mut eve = site.browser();
    let wrong = eve.log_in("ann@example.org", "le chat dort sur le lit").await;
    let unknown = eve.log_in("nobody@example.org", PASSWORD).await;
    let nonsense = eve.log_in("nobody", "").await;
    for answer in [&wrong, &unknown, &nonsense] {
        answer.refused("bad_login");
        assert_eq!(answer.bytes, wrong.bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_also_for_people_who_do_not_exist() {
    let like = Like { limits: Limits::Normal, ..Like::default() };
    let (site, _ann) = Site::founded_like(like).await;
    for email in ["ann@example.org", "nobody@example.org"] {
        let mut eve = site.browser();
        for _ in 0..5 {
            eve.log_in(email, "wrong wrong wrong").await.refused("bad_login");
        }
        let answer = eve.log_in(email, PASSWORD).await;
        answer.refused("throttled");
        assert!(answer.json()["details"]["retry_seconds"].as_u64().unwrap() >= 1);
        assert!(answer.headers.contains_key("retry-after"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_may_not_try_many_accounts() {
    let like = Like { limits: Limits::Normal, ..Like::default() };
    let (site, _ann) = Site::founded_like(like).await;
    let mut eve = site.distant_browser();
    let mut throttled = 0;
    for n in 0..35 {
        let answer = eve.log_in(&format!("{n}@example.org"), "wrong wrong wrong").await;
        throttled += u32::from(answer.status == 429);
    }
    assert!((1..=5).contains(&throttled), "{throttled}");
    site.browser().log_in("ann@example.org", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sudo_lasts_five_minutes_and_a_login_half_a_day_of_rest() {
    let (_site, mut ann) = Site::founded_like(Like { clock: movable_clock, ..Like::default() }).await;
    ann.post("/session/sudo", json!({ "password": "not the password" })).await.refused("bad_login");
    let (cookie, csrf) = (ann.cookie.clone(), ann.csrf.clone());
    let me = ann.post("/session/sudo", json!({ "password": PASSWORD })).await.expect(200);
    assert!(me["sudo_until"].is_string());
    assert_ne!(ann.cookie, cookie);
    assert_eq!(ann.csrf, csrf, "other windows go on");
    let mut other_window = ann.clone();
    other_window.cookie = cookie;
    assert_eq!(
        other_window.get("/session").await.expect(200)["sudo_until"],
        json!(null),
        "the old token has no more rights"
    );
    later(SUDO_MS);
    assert_eq!(ann.get("/session").await.expect(200)["sudo_until"], json!(null));
    ann.get("/admin/recovery").await.refused("sudo_required");
    other_window.get("/session").await.refused("unauthenticated");
    later(IDLE_MS_MAX - 1_000);
    ann.get("/session").await.expect(200);
    later(IDLE_MS_MAX + 1_000);
    ann.get("/session").await.refused("unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_all_other_logins_and_keeps_the_keys() {
    let (site, mut ann) = Site::founded().await;
    let mut phone = site.browser();
    phone.log_in("ann@example.org", PASSWORD).await.expect(200);
    let new = "une fenêtre sur la cour";
    let wrong = json!({ "current": "not the password", "new": new });
    ann.post("/me/password", wrong).await.refused("bad_login");
    ann.post("/me/password", json!({ "current": PASSWORD, "new": "ann@example.org" }))
        .await
        .refused("password_too_common");
    ann.post("/me/password", json!({ "current": PASSWORD, "new": new })).await.expect(200);
    ann.get("/session").await.expect(200);
    phone.get("/session").await.refused("unauthenticated");
    phone.log_in("ann@example.org", PASSWORD).await.refused("bad_login");
    phone.log_in("ann@example.org", new).await.expect(200);
    phone.post("/session/sudo", json!({ "password": new })).await.expect(200);
    assert_eq!(phone.get("/admin/recovery").await.expect(200)["keys"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_can_be_ended_from_another_but_not_by_somebody_else() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let mut phone = site.browser();
    phone.log_in("ann@example.org", PASSWORD).await.expect(200);
    let logins = ann.get("/sessions").await.expect(200);
    let login = logins.as_array().unwrap().iter().find(|login| login["current"] == false).unwrap();
    let path = format!("/sessions/{}", login["id"].as_str().unwrap());
    ben.delete(&path).await.refused("not_found");
    ann.delete(&path).await.expect(204);
    phone.get("/session").await.refused("unauthenticated");
    ann.get("/session").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn oneself_is_changed_in_parts() {
    let (_site, mut ann) = Site::founded().await;
    let me = ann.patch("/me", json!({ "title": "Directrice", "theme": "dark" })).await.expect(200);
    assert_eq!((&me["person"]["name"], &me["person"]["title"]), (&json!("Ann"), &json!("Directrice")));
    assert_eq!((&me["theme"], &me["language"]), (&json!("dark"), &json!("fr")));
    ann.patch("/me", json!({ "name": "  " })).await.refused("name_missing");
    let me = ann.patch("/me", json!({ "name": "Anne\u{202E}", "language": "en" })).await.expect(200);
    assert_eq!((&me["person"]["name"], &me["language"]), (&json!("Anne"), &json!("en")));
}

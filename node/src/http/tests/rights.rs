//! Rights over HTTP: each route for owner, facilitator, member, stranger and administrators, and what each is answered.

use super::world::{Browser, PASSWORD, Site, id, text};
use protocol::engine::input::Command;
use protocol::ids::{NodeId, RequestId, SiteId, TicketId};
use serde_json::{Value, json};

async fn sudo(browser: &mut Browser) {
    browser.post("/session/sudo", json!({ "password": PASSWORD })).await.expect(200);
}

fn wanted() -> Value {
    json!({ "request_id": id() })
}

/// A closed group of Ann's with Ben as facilitator and Carl as member; Dan is in no group.
struct Scene {
    _site: Site,
    ann: Browser,
    ben: Browser,
    carl: Browser,
    dan: Browser,
    ids: [String; 3],
    group: String,
}

impl Scene {
    async fn new() -> Self {
        let (site, mut ann) = Site::founded().await;
        let (ben, ben_id) = ann.invite("Ben").await;
        let (carl, carl_id) = ann.invite("Carl").await;
        let (dan, dan_id) = ann.invite("Dan").await;
        let group = ann.group("Toitures", "secret").await;
        for (person, role) in [(&ben_id, "facilitator"), (&carl_id, "member")] {
            let body = json!({ "request_id": id(), "people": [person], "role": role });
            ann.post(&format!("/groups/{group}/members"), body).await.expect(200);
        }
        Self { _site: site, ann, ben, carl, dan, ids: [ben_id, carl_id, dan_id], group }
    }

    fn path(&self, rest: &str) -> String {
        format!("/groups/{}{rest}", self.group)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_change_the_policy_and_members_then_may_not_post() {
    let mut scene = Scene::new().await;
    let path = scene.path("");
    let strict = json!({ "policy": { "post": "facilitators", "guests": "read" } });
    let group = scene.carl.get(&path).await.expect(200);
    assert_eq!(group["policy"], json!({ "post": "members", "guests": "comment" }));
    assert_eq!((&group["may"]["change_policy"], &group["may"]["appoint"]), (&json!(false), &json!(false)));
    scene.ben.patch(&path, strict.clone()).await.refused("forbidden");
    scene.carl.patch(&path, strict.clone()).await.refused("forbidden");
    scene.dan.patch(&path, strict.clone()).await.refused("not_found");
    let changed = scene.ann.patch(&path, strict).await.expect(200);
    assert_eq!(changed["policy"], json!({ "post": "facilitators", "guests": "read" }));
    assert_eq!((&changed["may"]["change_policy"], &changed["may"]["post"]), (&json!(true), &json!(true)));
    let group = scene.carl.get(&path).await.expect(200);
    assert_eq!((&group["may"]["post"], &group["may"]["comment"]), (&json!(false), &json!(true)));
    let posts = scene.path("/posts");
    let body = || json!({ "request_id": id(), "text": "hello" });
    scene.carl.post(&posts, body()).await.refused("policy_forbids");
    scene.ben.post(&posts, body()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn removals_are_shown_to_those_who_may_remove_and_owners_keep_what_was_written() {
    let mut scene = Scene::new().await;
    let (group, carl) = (scene.group.clone(), scene.ids[1].clone());
    scene.carl.write(&group, "by Carl").await;
    let removals = scene.path("/removals");
    assert_eq!(scene.ann.get(&removals).await.expect(200), json!([]));
    scene.carl.get(&removals).await.refused("forbidden");
    scene.dan.get(&removals).await.refused("not_found");
    scene.ben.delete(&scene.path(&format!("/members/{carl}"))).await.expect(200);
    let list = scene.ben.get(&removals).await.expect(200);
    let removal = &list[0];
    assert_eq!((&removal["person"]["name"], &removal["by"]["name"]), (&json!("Carl"), &json!("Ben")));
    assert_eq!(
        (&removal["state"], &removal["needed"], &removal["reason"]),
        (&json!("in_force"), &json!(1), &json!(""))
    );
    assert_eq!(removal["sites"][0]["confirmed"], true);
    assert_eq!((&removal["sites"][0]["state"], &removal["not_counted"]), (&json!("self"), &json!(0)));
    let cut = format!("{removals}/{}/cut", text(removal, "id"));
    let all = || json!({ "request_id": id(), "keep": "all" });
    scene.carl.post(&cut, all()).await.refused("not_found");
    scene.dan.post(&cut, all()).await.refused("not_found");
    scene.ann.post(&cut, json!({ "request_id": id(), "keep": "half" })).await.refused("bad_json");
    let kept = scene.ann.post(&cut, all()).await.expect(200);
    assert_eq!(kept["id"], removal["id"]);
    scene.ann.post(&format!("{removals}/{group}/cut"), all()).await.refused("not_found");
    scene.carl.get(&removals).await.refused("not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_appoints_an_owner_with_the_password_given_again() {
    let mut scene = Scene::new().await;
    let appoint = scene.path("/appoint");
    let body = |person: &str| json!({ "request_id": id(), "person": person });
    let dan = scene.ids[2].clone();
    scene.ben.post(&appoint, body(&dan)).await.refused("forbidden");
    scene.dan.post(&appoint, body(&dan)).await.refused("forbidden");
    scene.ann.post(&appoint, body(&dan)).await.refused("sudo_required");
    sudo(&mut scene.ann).await;
    scene.ann.post(&appoint, body(&dan)).await.expect(200);
    let group = scene.dan.get(&scene.path("")).await.expect(200);
    assert_eq!((&group["role"], &group["may"]["change_policy"]), (&json!("owner"), &json!(true)));
    scene.ann.post(&appoint, body(&dan)).await.refused("already_there");
    scene.ann.post(&format!("/groups/{}/appoint", id()), body(&dan)).await.refused("not_found");
}

/// Another site with one node and nobody yet, as the engine takes it after a pairing.
async fn other_site(site: &Site, ann: &mut Browser) -> (String, String) {
    let admin = text(&ann.get("/session").await.expect(200)["person"], "id").parse().unwrap();
    let key = protocol::keys::SecretKey::from_seed(&[77; 32]);
    let (node, other) = (key.node(), SiteId([78; 16]));
    let admit = Command::AdmitNode {
        node,
        sealing: protocol::keys::sealing_public(&[79; 32]),
        site: other,
        site_name: Some("Angers".to_owned()),
        company: String::new(),
        ticket: TicketId([80; 16]),
    };
    site.app.handle.ask(Some(admin), RequestId([81; 16]), admit).await.unwrap();
    (node.to_string(), other.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_suspended_resumed_and_revoked_by_administrators_of_the_organisation_alone() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let mut desk = site.browser();
    desk.log_in("ann@example.org", PASSWORD).await.expect(200);
    desk.sudo().await;
    desk.post(&format!("/people/{ben_id}/site-admin"), json!({ "on": true })).await.expect(200);
    let (node, _) = other_site(&site, &mut ann).await;
    let path = |act: &str| format!("/network/nodes/{node}/{act}");
    sudo(&mut ben).await;
    for act in ["suspend", "resume", "revoke"] {
        ben.post(&path(act), wanted()).await.refused("forbidden");
        ann.post(&path(act), wanted()).await.refused("sudo_required");
    }
    ben.get("/network/removals").await.refused("forbidden");
    sudo(&mut ann).await;
    ann.post(&path("resume"), wanted()).await.refused("already_there");
    let shown = ann.post(&path("suspend"), wanted()).await.expect(200);
    assert_eq!((&shown["suspended"], &shown["nodes"][0]["state"]), (&json!(true), &json!("suspended")));
    ann.post(&path("suspend"), wanted()).await.refused("already_there");
    let shown = ann.post(&path("resume"), wanted()).await.expect(200);
    assert_eq!((&shown["suspended"], &shown["nodes"][0]["state"]), (&json!(false), &json!("member")));
    let own = ann.get("/network").await.expect(200)["self"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    ann.post(&format!("/network/nodes/{own}/revoke"), wanted()).await.refused("bad_request");
    let unknown = NodeId([5; 32]).to_string();
    ann.post(&format!("/network/nodes/{unknown}/suspend"), wanted()).await.refused("not_found");
    let long = json!({ "request_id": id(), "reason": "x".repeat(400) });
    ann.post(&path("revoke"), long).await.refused("text_too_long");
    let removal = ann.post(&path("revoke"), json!({ "request_id": id(), "reason": "Volée" })).await.expect(200);
    assert_eq!(
        (&removal["state"], &removal["reason"], &removal["node"]),
        (&json!("in_force"), &json!("Volée"), &json!(node))
    );
    assert_eq!(removal["site"]["name"], "Angers");
    ann.post(&path("revoke"), wanted()).await.refused("already_there");
    assert_eq!(ann.get("/network/removals").await.expect(200)[0]["id"], removal["id"]);
    let sites = ann.get("/network").await.expect(200);
    assert_eq!((&sites["sites"][0]["removed"], &sites["sites"][0]["suspended"]), (&json!(true), &json!(false)));
    ann.post(&path("resume"), wanted()).await.refused("already_there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_moves_to_another_site_and_is_logged_out_here() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let (_, angers) = other_site(&site, &mut ann).await;
    let path = format!("/people/{ben_id}/rehome");
    let body = |to: &str| json!({ "request_id": id(), "site": to });
    ben.post(&path, body(&angers)).await.refused("forbidden");
    ann.post(&path, body(&angers)).await.refused("sudo_required");
    sudo(&mut ann).await;
    ann.post(&path, body(&SiteId([3; 16]).to_string())).await.refused("not_found");
    let account = json!({ "email": "ben@angers.example" });
    ann.post(&format!("/people/{ben_id}/account"), account.clone()).await.refused("already_there");
    let moved = ann.post(&path, body(&angers)).await.expect(200);
    assert_eq!(moved["site"]["name"], "Angers");
    ben.get("/session").await.refused("unauthenticated");
    ann.post(&path, body(&angers)).await.refused("already_there");
    ann.post(&format!("/people/{ben_id}/account"), account).await.refused("forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_persons_removal_is_shown_to_administrators() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let path = format!("/people/{ben_id}/removals");
    assert_eq!(ann.get(&path).await.expect(200), json!([]));
    ben.get(&path).await.refused("forbidden");
    ann.sudo().await;
    ann.post(&format!("/people/{ben_id}/suspend"), json!({})).await.expect(200);
    let list = ann.get(&path).await.expect(200);
    assert_eq!((&list[0]["person"]["name"], &list[0]["by"]["name"]), (&json!("Ben"), &json!("Ann")));
    assert_eq!(list[0]["sites"][0]["confirmed"], true);
    ann.post(&format!("/people/{ben_id}/resume"), json!({})).await.expect(200);
    assert_eq!(ann.get(&path).await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_are_changed_by_signatures_that_only_passwords_give() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    let ann_id = text(&ann.get("/session").await.expect(200)["person"], "id");
    ben.get("/admin/constitution").await.refused("forbidden");
    let shown = ann.get("/admin/constitution").await.expect(200);
    assert_eq!((&shown["revision"], &shown["threshold"], &shown["recovery"]), (&json!(0), &json!(1), &json!(3)));
    assert_eq!((&shown["proposals"], &shown["equivocation"]), (&json!([]), &Value::Null));
    let propose = |admins: &[&String], threshold: u32, password: &str| json!({ "request_id": id(), "admins": admins, "threshold": threshold, "password": password });
    let both = [&ann_id, &ben_id];
    let path = "/admin/constitution/proposals";
    ben.post(path, propose(&both, 2, PASSWORD)).await.refused("forbidden");
    ann.post(path, propose(&both, 2, PASSWORD)).await.refused("sudo_required");
    sudo(&mut ann).await;
    ann.post(path, propose(&both, 2, "not the password")).await.refused("bad_login");
    ann.post(path, propose(&both, 2, PASSWORD)).await.refused("admin_key_missing");
    ann.post(&format!("/people/{ben_id}/site-admin"), json!({ "on": true })).await.expect(200);
    sudo(&mut ben).await;
    ann.post(path, propose(&both, 3, PASSWORD)).await.refused("bad_request");
    let shown = ann.post(path, propose(&both, 2, PASSWORD)).await.expect(200);
    assert_eq!((&shown["revision"], shown["admins"].as_array().unwrap().len()), (&json!(1), 2));
    ann.post(path, propose(&both, 2, PASSWORD)).await.refused("already_there");
    // Now two must sign.
    let shown = ben.post(path, propose(&[&ben_id], 1, PASSWORD)).await.expect(200);
    let proposal = &shown["proposals"][0];
    assert_eq!(
        (&shown["revision"], &proposal["needed"], &proposal["by"]["name"]),
        (&json!(1), &json!(2), &json!("Ben"))
    );
    assert_eq!(proposal["signed"].as_array().unwrap().len(), 1);
    let sign = format!("{path}/{}/sign", text(proposal, "id"));
    let with = |password: &str| json!({ "request_id": id(), "password": password });
    ben.post(&sign, with(PASSWORD)).await.refused("already_there");
    ann.post(&sign, with("wrong password")).await.refused("bad_login");
    let group = ann.group("Any", "open").await;
    ann.post(&format!("{path}/{group}/sign"), with(PASSWORD)).await.refused("not_found");
    ann.post(&sign, with(PASSWORD)).await.expect(200);
    ann.get("/admin/constitution").await.refused("forbidden");
    let shown = ben.get("/admin/constitution").await.expect(200);
    assert_eq!((&shown["revision"], &shown["admins"][0]["name"]), (&json!(2), &json!("Ben")));
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_keys_make_a_sites_administrator_the_one_of_the_organisation() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    sudo(&mut ann).await;
    let keys = ann.get("/admin/recovery").await.expect(200)["keys"].clone();
    let path = "/admin/recovery/use";
    let with = |keys: Value| json!({ "request_id": id(), "keys": keys });
    ben.post(path, with(json!([keys[0], keys[1]]))).await.refused("forbidden");
    ann.post(&format!("/people/{ben_id}/site-admin"), json!({ "on": true })).await.expect(200);
    ben.post(path, with(json!([keys[0], keys[1]]))).await.refused("sudo_required");
    sudo(&mut ben).await;
    let long = "a".repeat(10_000);
    for wrong in
        [json!([]), json!([keys[0]]), json!([keys[0], keys[0]]), json!([keys[0], "word"]), json!([keys[0], long])]
    {
        ben.post(path, with(wrong)).await.refused("recovery_keys_wrong");
    }
    let typed = keys[2].as_str().unwrap().to_uppercase().replace(' ', "-");
    let shown = ben.post(path, with(json!([keys[1], typed]))).await.expect(200);
    assert_eq!((&shown["revision"], &shown["threshold"], &shown["recovery"]), (&json!(1), &json!(1), &json!(3)));
    assert_eq!((shown["admins"].as_array().unwrap().len(), &shown["admins"][0]["name"]), (1, &json!("Ben")));
    ann.get("/admin/constitution").await.refused("forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_undelivered_at_first_and_what_is_not_listed_is_not_found() {
    let (site, mut ann) = Site::founded().await;
    assert_eq!(ann.get("/session").await.expect(200)["not_delivered"], 0);
    assert_eq!(ann.get("/me/not-delivered").await.expect(200), json!({ "items": [] }));
    let group = ann.group("Any", "open").await;
    let post = ann.write(&group, "counts").await;
    ann.post(&format!("/me/not-delivered/{post}/resend"), wanted()).await.refused("not_found");
    ann.delete(&format!("/me/not-delivered/{post}")).await.refused("not_found");
    site.browser().get("/me/not-delivered").await.refused("unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_for_the_sites_administrators_newest_first() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, ben_id) = ann.invite("Ben").await;
    ben.get("/admin/audit").await.refused("forbidden");
    sudo(&mut ann).await;
    ann.post(&format!("/people/{ben_id}/site-admin"), json!({ "on": true })).await.expect(200);
    let page = ben.get("/admin/audit").await.expect(200);
    let newest = &page["items"][0];
    assert_eq!(
        (&newest["kind"], &newest["by"]["name"], &newest["about"]),
        (&json!("site_admin_named"), &json!("Ann"), &json!("Ben"))
    );
    assert_eq!((&page["next"], &page["intact"]), (&Value::Null, &json!(true)));
    let first = ann.get("/admin/audit?before=1").await.expect(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    assert_eq!(first["items"][0]["kind"], "organisation_founded");
    assert_eq!(ann.get("/admin/audit?before=0").await.expect(200)["items"], json!([]));
    ann.get("/admin/audit?before=word").await.refused("bad_request");
}

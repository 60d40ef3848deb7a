//! Two sites without a line between them: files made at one and taken at the other, over the API.

use super::world::{Answer, Browser, Like, PASSWORD, Site, id, text};
use axum::body::Body;
use protocol::engine::effect;
use protocol::engine::input::Command;
use protocol::ids::{RequestId, SiteId, TicketId, UserId};
use serde_json::{Value, json};

const BREST: SiteId = SiteId([7; 16]);

fn request() -> RequestId {
    RequestId(crate::local::secret::random())
}

/// Ann's site, and Ben's, which was paired with it and never connects again.
async fn two_apart() -> (Site, Browser, Site, Browser) {
    let (lille, mut ann) = Site::founded().await;
    let brest = Site::new(Like::default()).await;
    let admin: UserId = text(&ann.get("/session").await.expect(200)["person"], "id").parse().unwrap();
    let admit = Command::AdmitNode {
        node: brest.app.handle.node(),
        sealing: brest.app.handle.sealing(),
        site: BREST,
        site_name: Some("Brest-même".into()),
        company: String::new(),
        ticket: TicketId([1; 16]),
    };
    let admitted = lille.app.handle.ask(Some(admin), request(), admit).await.unwrap();
    assert!(matches!(admitted, effect::Answer::Done { .. }), "{admitted:?}");
    let welcome = lille.app.handle.welcome().unwrap();
    let joined = brest.app.handle.ask(None, request(), Command::JoinOrganisation { welcome }).await.unwrap();
    assert!(matches!(joined, effect::Answer::Done { .. }), "{joined:?}");
    let mut ben = brest.browser();
    let person = json!({ "name": "Ben", "email": "ben@example.org", "password": PASSWORD, "language": "en" });
    ben.post("/setup/first-person", person).await.expect(201);
    for person in [&mut ann, &mut ben] {
        person.post("/session/sudo", json!({ "password": PASSWORD })).await.expect(200);
    }
    (lille, ann, brest, ben)
}

async fn make(by: &mut Browser, site: &str) -> Vec<u8> {
    let answer = by.post("/network/bundles", json!({ "site": site })).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.bytes));
    answer.bytes
}

async fn take(by: &mut Browser, bytes: &[u8]) -> Answer {
    let request = by.request("POST", "/network/bundles/import").header("content-type", "application/octet-stream");
    by.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
}

async fn upload(by: &mut Browser, bytes: &[u8]) -> Value {
    let request = by.request("POST", "/files?name=plan.txt").header("content-type", "application/octet-stream");
    by.send(request.body(Body::from(bytes.to_vec())).unwrap()).await.expect(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_and_uploaded_crosses_in_a_file_and_the_way_back_confirms_it() {
    let (_lille, mut ann, _brest, mut ben) = two_apart().await;
    let lille = text(&ben.get("/network").await.expect(200)["sites"][0], "id");
    let group = ann.group("Sans ligne", "open").await;
    let plan = upload(&mut ann, &vec![b'x'; 1_500_000]).await;
    let body = json!({ "request_id": id(), "text": "Voici le plan.", "attachments": [{ "blob": plan["blob"], "name": "plan.txt" }] });
    let post = text(&ann.post(&format!("/groups/{group}/posts"), body).await.expect(201), "id");

    // The group is open: its control log comes first, Ben joins, and the content follows with the next file.
    let first = make(&mut ann, &BREST.to_string()).await;
    let taken = take(&mut ben, &first).await.expect(200);
    assert_eq!((&taken["from"]["name"], &taken["files"]), (&json!("Lille"), &json!(0)));
    assert!(taken["new_entries"].as_u64() > Some(0));
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let back = make(&mut ben, &lille).await;
    take(&mut ann, &back).await.expect(200);
    let answer = ann.post("/network/bundles", json!({ "site": BREST.to_string() })).await;
    let name = answer.headers["content-disposition"].to_str().unwrap().to_owned();
    assert!(name.starts_with("attachment; filename=\"archipel-brest-meme-") && name.ends_with(".bundle\""), "{name}");
    let taken = take(&mut ben, &answer.bytes).await.expect(200);
    assert_eq!((&taken["groups"], &taken["files"], &taken["gaps"]), (&json!(1), &json!(1), &json!(0)));
    let seen = ben.get(&format!("/posts/{post}")).await.expect(200);
    assert_eq!(seen["text"], "Voici le plan.");
    let file = ben.get(&format!("/files/{}/plan.txt", text(&plan, "blob"))).await;
    assert_eq!((file.status.as_u16(), file.bytes.len()), (200, 1_500_000));

    // Again: nothing new. And the way back tells Ann that it arrived.
    let again = take(&mut ben, &answer.bytes).await.expect(200);
    assert_eq!((&again["new_entries"], &again["files"]), (&json!(0), &json!(0)));
    let back = make(&mut ben, &lille).await;
    take(&mut ann, &back).await.expect(200);
    let seen = ann.get(&format!("/posts/{post}")).await.expect(200);
    assert_eq!((&seen["delivery"]["received"], &seen["delivery"]["of"]), (&json!(2), &json!(2)));
    let audit = _brest.app.local.audit().0;
    assert!(
        audit.iter().any(|line| line.kind == "bundle_made") && audit.iter().any(|line| line.kind == "bundle_taken")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_changed_or_for_somebody_else_says_what_to_do() {
    let (_lille, mut ann, _brest, mut ben) = two_apart().await;
    let lille = text(&ben.get("/network").await.expect(200)["sites"][0], "id");
    let bytes = make(&mut ann, &BREST.to_string()).await;
    let cut = take(&mut ben, &bytes[..bytes.len() - 40]).await;
    cut.refused("bundle_cut_short");
    assert!(cut.json()["details"]["new_entries"].as_u64() > Some(0), "what came before counts: {:?}", cut.json());
    let mut changed = bytes.clone();
    let last = changed.len() - 5;
    changed[last] ^= 1;
    take(&mut ben, &changed).await.refused("bundle_damaged");
    take(&mut ben, b"PK\x03\x04").await.refused("bundle_none");
    take(&mut ben, b"").await.refused("bundle_none");
    take(&mut ben, b"archipel bundle 9\n....").await.refused("bundle_newer");
    let own = take(&mut ann, &bytes).await;
    own.refused("bundle_other_site");
    assert_eq!(own.json()["details"]["site"], "Brest-même");
    let (_elsewhere, mut eve) = Site::founded().await;
    eve.post("/session/sudo", json!({ "password": PASSWORD })).await.expect(200);
    take(&mut eve, &bytes).await.refused("bundle_other_organisation");
    // The whole file afterwards goes through.
    assert_eq!(take(&mut ben, &bytes).await.expect(200)["gaps"], 0);
    // Only for other sites, which exist.
    for site in [text(&ann.get("/network").await.expect(200)["self"], "id"), SiteId([9; 16]).to_string()] {
        ann.post("/network/bundles", json!({ "site": site })).await.refused("not_found");
    }
    ben.post("/network/bundles", json!({ "site": lille, "everything": true })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_made_and_taken_by_administrators_with_their_password() {
    let (_site, mut ann) = Site::founded().await;
    let (mut cleo, _) = ann.invite("Cleo").await;
    let body = json!({ "site": BREST.to_string() });
    cleo.post("/network/bundles", body.clone()).await.refused("forbidden");
    take(&mut cleo, b"").await.refused("forbidden");
    let mut again = ann.clone();
    again.log_in("ann@example.org", PASSWORD).await.expect(200);
    again.post("/network/bundles", body).await.refused("sudo_required");
    take(&mut again, b"").await.refused("sudo_required");
}

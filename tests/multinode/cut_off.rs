//! A node is suspended, resumed, revoked: what crosses the real sockets then.

use archipel_tests::cluster::{CROSS_WITHIN, Client, PASSWORD, request_id, two_sites, within};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// INV-21: connections of a revoked node end within this, wherever the revocation is known.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

async fn node_of(admin: &Client, site: &str) -> String {
    let network: Value = admin.get("network").await.expect("anybody may look");
    let sites = network["sites"].as_array().expect("a list");
    let found = sites.iter().find(|shown| shown["name"] == site).expect("the site is known");
    found["nodes"][0]["id"].as_str().expect("an id").to_owned()
}

async fn act(admin: &Client, node: &str, act: &str) -> Value {
    admin.sudo(PASSWORD).await.expect("the password is right");
    admin
        .post(&format!("network/nodes/{node}/{act}"), &json!({ "request_id": request_id() }))
        .await
        .expect("an admin may")
}

#[tokio::test]
async fn a_suspended_node_hears_of_it_over_the_lifeline_and_catches_up_once_resumed() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let node = node_of(&ann, "Lyon").await;
    assert_eq!(act(&ann, &node, "suspend").await["suspended"], true);
    within(CROSS_WITHIN, "lyon knows that it is suspended", async || {
        let network: Value = ben.get("network").await.ok()?;
        (network["self"]["suspended"] == true).then_some(())
    })
    .await;
    let post = ann.write(&group.id, "Pas pour Lyon, pas encore.").await.unwrap();
    let own = ben.write(&group.id, "Écrit malgré tout.").await.unwrap();
    // Something of the registry crosses after them: by then they would have crossed, too.
    let body = json!({ "request_id": request_id(), "name": "Fay", "email": "fay@example.org" });
    let _: Value = ann.post("people", &body).await.unwrap();
    within(CROSS_WITHIN, "lyon hears of another person", async || {
        let network: Value = ben.get("network").await.ok()?;
        (network["sites"][0]["people"].as_u64() == Some(2)).then_some(())
    })
    .await;
    assert!(ben.read(&post.id).await.is_err() && ann.read(&own.id).await.is_err());
    assert_eq!(act(&ann, &node, "resume").await["suspended"], false);
    ben.sees_post(&post.id).await;
    ann.sees_post(&own.id).await;
}

#[tokio::test]
async fn a_revoked_node_is_cut_off_within_seconds() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let node = node_of(&ann, "Lyon").await;
    ben.sees_site("Paris", "connected").await;
    let removal = act(&ann, &node, "revoke").await;
    let begun = Instant::now();
    assert_eq!(removal["state"], "in_force");
    ben.sees_site("Paris", "away").await;
    assert!(begun.elapsed() < CLOSED_WITHIN, "it took {:?}", begun.elapsed());
    let post = ann.write(&group.id, "Entre nous.").await.unwrap();
    let network: Value = ann.get("network").await.unwrap();
    assert_eq!(network["sites"][0]["removed"], true);
    assert!(ben.read(&post.id).await.is_err());
}

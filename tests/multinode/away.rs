//! A site stops and returns: everybody goes on at home, and in the end all hold the same.

use archipel_tests::cluster::{CROSS_WITHIN, Client, two_sites, within};
use std::collections::BTreeSet;

const POSTS: usize = 60;

async fn texts(client: &Client, group: &str) -> BTreeSet<String> {
    let posts = client.whole_feed(group).await.unwrap_or_default();
    posts.into_iter().map(|post| post.text).collect()
}

#[tokio::test]
async fn a_site_that_was_away_catches_up_by_itself() {
    let (_paris, ann, mut lyon, ben, group) = two_sites().await;
    ann.sees_site("Lyon", "connected").await;
    lyon.stop().await;
    let away = ann.sees_site("Lyon", "away").await;
    assert!(away.since.is_some(), "it is said since when");

    let mut last = None;
    for number in 0..POSTS {
        last = Some(ann.write(&group.id, &format!("Pendant l'absence, {number}.")).await.unwrap());
    }
    let last = last.expect("posts were written");
    assert_eq!(ann.read(&last.id).await.unwrap().delivery.received, 1, "nothing is said that is not proved");
    assert!(ann.sees_site("Lyon", "away").await.waiting > 0, "it is said that something waits");

    lyon.restart().await;
    within(CROSS_WITHIN, "lyon holds everything", async || (texts(&ben, &group.id).await.len() == POSTS).then_some(()))
        .await;
    ann.sees_received(&last.id, 2).await;
    within(CROSS_WITHIN, "paris says when both compared equal", async || {
        ann.sees_site("Lyon", "connected").await.up_to_date
    })
    .await;
}

#[tokio::test]
async fn sites_that_were_apart_both_write_and_become_equal() {
    let (mut paris, ann, mut lyon, ben, group) = two_sites().await;
    for round in 0..3 {
        lyon.stop().await;
        ann.write(&group.id, &format!("paris {round}")).await.unwrap();
        paris.stop().await;
        lyon.restart().await;
        ben.write(&group.id, &format!("lyon {round}")).await.unwrap();
        paris.restart().await;
    }
    let wanted: BTreeSet<String> =
        (0..3).flat_map(|round| [format!("paris {round}"), format!("lyon {round}")]).collect();
    within(CROSS_WITHIN, "both hold all six", async || {
        let both = [texts(&ann, &group.id).await, texts(&ben, &group.id).await];
        both.iter().all(|texts| *texts == wanted).then_some(())
    })
    .await;
    let order = async |client: &Client| -> Vec<String> {
        client.whole_feed(&group.id).await.unwrap().into_iter().map(|post| post.id).collect()
    };
    assert_eq!(order(&ann).await, order(&ben).await, "and in the same order");
}

#[tokio::test]
async fn a_login_and_a_lone_site_survive_a_restart() {
    let (mut paris, ann, mut lyon, _ben, group) = two_sites().await;
    lyon.stop().await;
    paris.stop().await;
    paris.restart().await;
    assert_eq!(ann.me().await.unwrap().person.name, "ann");
    let post = ann.write(&group.id, "Seuls, mais ouverts.").await.unwrap();
    assert!(post.delivery.kept, "a site cut off is never blocked from working");
}

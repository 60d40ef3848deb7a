//! What one site writes is found at the other, also when the other was killed, or its search index is lost, meanwhile.

use archipel_tests::cluster::{CROSS_WITHIN, Client, two_sites, within};
use serde_json::Value;
use std::time::{Duration, Instant};

/// What is promised on the site where it is written. A debug program on a shared machine is slower than a real one, so that
/// only the order of it is looked at.
const HERE_WITHIN: Duration = Duration::from_secs(5);

/// The ids of what a person finds, in their order; nothing while the index is being made.
async fn hits(client: &Client, words: &str) -> Option<Vec<String>> {
    let found: Value = client.get(&format!("search?q={words}")).await.ok()?;
    let ids = found["items"].as_array()?.iter().filter_map(|hit| Some(hit["id"].as_str()?.to_owned()));
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    found["filling"].is_null().then_some(ids)
}

async fn finds(client: &Client, words: &str, wanted: &[&str]) {
    let mut wanted: Vec<String> = wanted.iter().map(|id| (*id).to_owned()).collect();
    wanted.sort();
    let what = format!("{words} finds {}", wanted.len());
    within(CROSS_WITHIN, &what, async || (hits(client, words).await? == wanted).then_some(())).await;
}

#[tokio::test]
async fn what_is_written_at_one_site_is_found_at_the_other_whatever_befalls_it() {
    let (_paris, ann, mut lyon, ben, group) = two_sites().await;
    let first = ann.write(&group.id, "Les hortensias de l'allée").await.unwrap();
    let begun = Instant::now();
    finds(&ann, "hortensia", &[&first.id]).await;
    assert!(begun.elapsed() < HERE_WITHIN, "it is found soon where it was written");
    finds(&ben, "allee", &[&first.id]).await;

    // Killed while more arrives: what the index has not heard of is in the journal.
    let second = ann.write(&group.id, "D'autres hortensias, bleus").await.unwrap();
    ben.sees_post(&second.id).await;
    lyon.kill().await;
    let third = ann.write(&group.id, "Un hortensia blanc").await.unwrap();
    lyon.restart().await;
    finds(&ben, "hortensias", &[&first.id, &second.id, &third.id]).await;

    // Lost: it is made again, and the rest of the site does not mind.
    lyon.stop().await;
    std::fs::remove_dir_all(lyon.data().join("search")).expect("the index can be lost");
    lyon.restart().await;
    ben.sees_post(&first.id).await;
    finds(&ben, "hortensias", &[&first.id, &second.id, &third.id]).await;
    let _: Value = ann.delete(&format!("posts/{}", second.id)).await.expect("ann may delete her own");
    finds(&ben, "hortensias", &[&first.id, &third.id]).await;
}

//! A third site carries entries between two that never meet.

use archipel_tests::cluster::{CROSS_WITHIN, Group, Site, join, two_sites, within};

#[tokio::test]
async fn a_third_site_carries_between_two_that_never_meet() {
    let (_paris, ann, mut lyon, ben, group) = two_sites().await;
    let mut nice = Site::start("Nice").await;
    let eve = join(&ann, &nice, "eve").await;
    eve.sees_group(&group.id).await;
    eve.join_group(&group.id).await.unwrap();
    for client in [&ann, &ben] {
        within(CROSS_WITHIN, "everybody knows the three sites", async || {
            let seen: Group = client.get(&format!("groups/{}", group.id)).await.ok()?;
            (seen.sites.len() == 3).then_some(())
        })
        .await;
    }

    // Lyon writes while Nice is away, and leaves before Nice returns.
    nice.stop().await;
    let from_lyon = ben.write(&group.id, "De Lyon.").await.unwrap();
    ann.sees_post(&from_lyon.id).await;
    lyon.stop().await;
    nice.restart().await;
    assert_eq!(eve.sees_post(&from_lyon.id).await.text, "De Lyon.");

    // And the other way.
    let from_nice = eve.write(&group.id, "De Nice.").await.unwrap();
    ann.sees_post(&from_nice.id).await;
    ann.sees_received(&from_lyon.id, 3).await;
    nice.stop().await;
    lyon.restart().await;
    assert_eq!(ben.sees_post(&from_nice.id).await.text, "De Nice.");

    // Lyon learns from Paris what Nice has confirmed, without having met it since.
    ben.sees_received(&from_lyon.id, 3).await;
}

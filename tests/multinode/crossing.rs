//! What is written at one site is read at the other, live, and known to be there.

use archipel_tests::cluster::{Attachment, CROSS_WITHIN, DeliveryLine, Post, Refusal, request_id, two_sites, within};
use serde_json::json;
use std::io::Cursor;

#[tokio::test]
async fn a_post_crosses_live_and_is_proved_to_be_received() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let mut seen_by_ben = ben.live().await;
    let mut seen_by_ann = ann.live().await;

    let post = ann.write(&group.id, "Les **tomates** sont mûres.").await.unwrap();
    assert!(post.delivery.kept, "an answer means that it is on the disk");
    assert_eq!(post.delivery.of, 2);

    seen_by_ben.until(CROSS_WITHIN, "post", |notice| notice.field("post") == post.id).await;
    let arrived = ben.read(&post.id).await.unwrap();
    assert_eq!(arrived.text, post.text);
    assert!(arrived.html.contains("<strong>tomates</strong>"));
    assert_eq!(arrived.author.as_ref().map(|author| &*author.name), Some("ann"));
    assert_eq!(arrived.author.map(|author| author.site.name), Some("Paris".to_owned()));

    seen_by_ann.until(CROSS_WITHIN, "delivery", |notice| notice.field("scope") == group.id).await;
    ann.sees_received(&post.id, 2).await;
    let lines: Vec<DeliveryLine> = ann.get(&format!("posts/{}/delivery", post.id)).await.unwrap();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.received), "{lines:?}");
}

#[tokio::test]
async fn comments_reactions_edits_and_deletion_cross_both_ways() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let post = ann.write(&group.id, "Qui arrose samedi ?").await.unwrap();
    ben.sees_post(&post.id).await;

    ben.comment(&post.id, "Moi, avant midi.").await.unwrap();
    let reaction = json!({ "emoji": "👍", "on": true });
    let _: Post = ben.put(&format!("posts/{}/reactions", post.id), &reaction).await.unwrap();
    within(CROSS_WITHIN, "ann sees ben's comment and reaction", async || {
        let post = ann.read(&post.id).await.ok()?;
        (post.comments == 1 && post.reactions.iter().any(|one| one.emoji == "👍" && one.count == 1)).then_some(())
    })
    .await;

    let change = json!({ "request_id": request_id(), "text": "Qui arrose dimanche ?" });
    let _: Post = ann.patch(&format!("posts/{}", post.id), &change).await.unwrap();
    within(CROSS_WITHIN, "ben sees the new text", async || {
        let post = ben.read(&post.id).await.ok()?;
        (post.text == "Qui arrose dimanche ?" && post.edited.is_some()).then_some(())
    })
    .await;

    let refused: Result<Post, Refusal> = ben.delete(&format!("posts/{}", post.id)).await;
    assert!(refused.is_err(), "ben cannot delete ann's post");
    let _: Post = ann.delete(&format!("posts/{}", post.id)).await.unwrap();
    within(CROSS_WITHIN, "the text is gone at lyon", async || match ben.read(&post.id).await {
        Ok(post) => (post.deleted && post.text.is_empty()).then_some(()),
        Err(_) => Some(()),
    })
    .await;
}

#[tokio::test]
async fn a_picture_crosses_whole_and_bears_no_metadata() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let sent = ann.upload("jardin.png", picture(900, 600)).await.unwrap();
    assert_eq!(sent.media_type, "image/png");
    assert_eq!(sent.picture.as_ref().map(|picture| (picture.width, picture.height)), Some((900, 600)));
    let post = ann.write_with(&group.id, "La parcelle.", &[&sent]).await.unwrap();

    let arrived: Attachment = within(CROSS_WITHIN, "the picture lies at lyon", async || {
        let post = ben.read(&post.id).await.ok()?;
        post.attachments.into_iter().find(|file| file.state == "here")
    })
    .await;
    assert_eq!(arrived.blob, sent.blob);
    let bytes = ben.download(&arrived.url).await.unwrap();
    assert_eq!(bytes, ann.download(&sent.url).await.unwrap());
    assert_eq!(bytes.len() as u64, sent.size);
    let thumb = ben.download(arrived.thumb_url.as_deref().expect("a picture has a preview")).await.unwrap();
    let thumb = image::load_from_memory(&thumb).unwrap();
    assert!(thumb.width() <= 720 && thumb.height() <= 720);
}

#[tokio::test]
async fn a_large_file_crosses() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let bytes: Vec<u8> = (0_u32..6_000_000).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let sent = ann.upload("plan.bin", bytes.clone()).await.unwrap();
    let post = ann.write_with(&group.id, "Le plan.", &[&sent]).await.unwrap();
    let arrived: Attachment = within(CROSS_WITHIN, "the file lies at lyon", async || {
        let post = ben.read(&post.id).await.ok()?;
        post.attachments.into_iter().find(|file| file.state == "here")
    })
    .await;
    assert_eq!(ben.download(&arrived.url).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_repeated_request_writes_once_over_both_sites() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let body = json!({ "request_id": request_id(), "text": "Une seule fois.", "attachments": [] });
    let path = format!("groups/{}/posts", group.id);
    let first: Post = ann.post(&path, &body).await.unwrap();
    let second: Post = ann.post(&path, &body).await.unwrap();
    assert_eq!(first.id, second.id);
    ben.sees_post(&first.id).await;
    assert_eq!(ben.whole_feed(&group.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_group_does_not_exist_for_others() {
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let secret = ann.create_group("Rachat", "secret").await.unwrap();
    let post = ann.write(&secret.id, "Entre nous.").await.unwrap();
    // What comes after it has arrived, so it would have too.
    let later = ann.write(&group.id, "Pour tous.").await.unwrap();
    ben.sees_post(&later.id).await;
    for path in [format!("groups/{}", secret.id), format!("groups/{}/feed", secret.id), format!("posts/{}", post.id)] {
        let refused: Result<serde_json::Value, Refusal> = ben.get(&path).await;
        assert_eq!(refused.unwrap_err().code, "not_found", "{path}");
    }
    let seen = ben.groups().await.unwrap();
    assert!(seen.mine.iter().chain(&seen.others).all(|group| group.id != secret.id));
}

/// A gradient as PNG.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let shade = |at: u32| u8::try_from(at % 256).expect("below 256");
    let picture =
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([shade(x), shade(y), shade(x / 3 + y / 2)]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("memory takes it");
    bytes.into_inner()
}

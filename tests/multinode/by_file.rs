//! Two real programs that never connect after their pairing, and a file carried between them by the command line.

use archipel_tests::cluster::{CROSS_WITHIN, Client, PASSWORD, Site, run_to_end, two_sites, within};
use std::path::{Path, PathBuf};

/// The command beside the running node; its output.
async fn command(site: &Site, person: &str, words: &[&str]) -> Result<String, String> {
    let email = format!("{person}@archipel.example");
    let data = site.data();
    let at = ["--email", &email, "--data", data.to_str().expect("temporary folders have plain names")];
    let ended = run_to_end(&[words, &at].concat(), &[("ARCHIPEL_PASSWORD", PASSWORD)]).await;
    if ended.status.success() { Ok(ended.text) } else { Err(ended.text) }
}

async fn carry(from: (&Site, &str), to: (&Site, &str), file: &Path) -> String {
    let path = file.to_str().expect("a plain name");
    let made = command(from.0, from.1, &["export-bundle", "--since", &to.0.name, "--out", path]).await;
    assert!(made.as_ref().is_ok_and(|text| text.contains(path)), "{made:?}");
    command(to.0, to.1, &["import-bundle", path]).await.expect("a good file is taken")
}

/// Both are stopped, and come back where the other does not look for them.
async fn part(sites: [&mut Site; 2]) {
    let [paris, lyon] = sites;
    paris.stop().await;
    lyon.stop().await;
    paris.move_away();
    lyon.move_away();
    paris.restart().await;
    lyon.restart().await;
}

async fn are_apart(ann: &Client, ben: &Client) {
    ann.sees_site("Lyon", "away").await;
    ben.sees_site("Paris", "away").await;
}

#[tokio::test]
async fn sites_that_never_connect_come_to_hold_the_same_by_files() {
    let (mut paris, ann, mut lyon, ben, group) = two_sites().await;
    part([&mut paris, &mut lyon]).await;
    are_apart(&ann, &ben).await;
    let folder = tempfile::tempdir().expect("room for files");
    let file = |name: &str| -> PathBuf { folder.path().join(name) };

    let picture = ann.upload("plan.bin", vec![7; 3_000_000]).await.expect("a file may be uploaded");
    let from_paris = ann.write_with(&group.id, "De Paris.", &[&picture]).await.expect("ann may write");
    let from_lyon = ben.write(&group.id, "De Lyon.").await.expect("ben may write");

    let out = carry((&paris, "ann"), (&lyon, "ben"), &file("1.bundle")).await;
    assert!(out.contains("from Paris") && out.contains("1 files"), "{out}");
    assert_eq!(ben.read(&from_paris.id).await.expect("it came by file").text, "De Paris.");
    let bytes = ben.download(&picture.url).await.expect("its file came too");
    assert_eq!(bytes.len(), 3_000_000);
    carry((&lyon, "ben"), (&paris, "ann"), &file("2.bundle")).await;
    assert_eq!(ann.read(&from_lyon.id).await.expect("it came by file").text, "De Lyon.");
    // Lyon's statement came along: Ann's post is received by both. Ben's is known to be with the next file.
    assert_eq!(ann.read(&from_paris.id).await.expect("own").delivery.received, 2);
    carry((&paris, "ann"), (&lyon, "ben"), &file("3.bundle")).await;
    within(CROSS_WITHIN, "Lyon knows that Paris holds its post", async || {
        ben.read(&from_lyon.id).await.ok().filter(|post| post.delivery.received == 2)
    })
    .await;
    let (here, there) = (ann.whole_feed(&group.id).await.unwrap(), ben.whole_feed(&group.id).await.unwrap());
    let ids = |posts: &[archipel_tests::cluster::Post]| posts.iter().map(|post| post.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&here), ids(&there));
    are_apart(&ann, &ben).await;

    // What goes wrong is told, and nothing is left behind or lost.
    let whole = std::fs::read(file("1.bundle")).unwrap();
    assert!(whole.len() < 300_000, "three million equal bytes are packed: {}", whole.len());
    std::fs::write(file("cut.bundle"), &whole[..whole.len() / 2]).unwrap();
    let cut = command(&lyon, "ben", &["import-bundle", file("cut.bundle").to_str().unwrap()]).await.unwrap_err();
    assert!(cut.contains("end of the file is missing"), "{cut}");
    let own = command(&paris, "ann", &["import-bundle", file("1.bundle").to_str().unwrap()]).await.unwrap_err();
    assert!(own.contains("for another site"), "{own}");
    let again = command(&lyon, "ben", &["import-bundle", file("1.bundle").to_str().unwrap()]).await.unwrap();
    assert!(again.contains("0 of them new"), "{again}");
    let nobody = command(&paris, "ann", &["export-bundle", "--since", "Nice"]).await.unwrap_err();
    assert!(nobody.contains("no other site of that name"), "{nobody}");
    let there = file("1.bundle");
    let twice = command(&paris, "ann", &["export-bundle", "--since", "Lyon", "--out", there.to_str().unwrap()]).await;
    assert!(twice.unwrap_err().contains("is there already"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no unfinished file stays");
}

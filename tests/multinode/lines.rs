//! Real machines on a real network, as far as one kernel can be several: each site in a namespace of its own, lines that
//! are cut silently and mended. Needs root: `tests/run namespaces`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod hostile;
mod reach;
mod typing;

use archipel_tests::cluster::{CROSS_WITHIN, Client, Group, Lines, PageWindow, Post, Site, found, join, within};
use std::time::Instant;
use typing::{make_page, replay, sees_page, shown, typing};

async fn share(owner: &Client, others: &[&Client]) -> Group {
    let group = owner.create_group("Jardin", "open").await.unwrap();
    for other in others {
        other.sees_group(&group.id).await;
        other.join_group(&group.id).await.unwrap();
    }
    for client in others.iter().chain([&owner]) {
        within(CROSS_WITHIN, "everybody knows who shares the group", async || {
            let seen: Group = client.get(&format!("groups/{}", group.id)).await.ok()?;
            (seen.sites.len() == others.len() + 1).then_some(())
        })
        .await;
    }
    group
}

async fn texts(client: &Client, group: &str) -> Vec<String> {
    client.whole_feed(group).await.unwrap().into_iter().map(|post: Post| post.text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_both_ends_of_a_cut_line_work_goes_on_and_both_become_equal() {
    let lines = Lines::new(2);
    let paris = Site::start_in(lines.place(1), "Paris").await;
    let lyon = Site::start_in(lines.place(2), "Lyon").await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let group = share(&ann, &[&ben]).await;
    let before = ann.write(&group.id, "avant").await.unwrap();
    ben.sees_post(&before.id).await;

    lines.cut(1, 2);
    for number in 0..5 {
        ann.write(&group.id, &format!("paris {number}")).await.unwrap();
        ben.write(&group.id, &format!("lyon {number}")).await.unwrap();
    }
    // Nothing says that a line is cut but silence.
    ann.sees_site("Lyon", "away").await;
    ben.sees_site("Paris", "away").await;
    assert_eq!(texts(&ann, &group.id).await.len(), 6);
    assert_eq!(texts(&ben, &group.id).await.len(), 6);

    lines.mend(1, 2);
    let mended = Instant::now();
    ann.sees_site("Lyon", "connected").await;
    let connected = Instant::now();
    within(CROSS_WITHIN, "both hold all", async || {
        let (here, there) = (texts(&ann, &group.id).await, texts(&ben, &group.id).await);
        (here.len() == 11 && here == there).then_some(())
    })
    .await;
    let (again, equal) = (connected - mended, connected.elapsed());
    println!("connected {again:?} after the line was mended, equal {equal:?} after that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_go_straight_goes_by_a_third_site() {
    let lines = Lines::new(3);
    let paris = Site::start_in(lines.place(1), "Paris").await;
    let lyon = Site::start_in(lines.place(2), "Lyon").await;
    let nice = Site::start_in(lines.place(3), "Nice").await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let eve = join(&ann, &nice, "eve").await;
    let group = share(&ann, &[&ben, &eve]).await;

    lines.cut(2, 3);
    let there = ben.write(&group.id, "De Lyon, par Paris.").await.unwrap();
    let sent = Instant::now();
    eve.sees_post(&there.id).await;
    println!("carried in {:?}", sent.elapsed());
    let back = eve.write(&group.id, "De Nice, par Paris.").await.unwrap();
    ben.sees_post(&back.id).await;
    // The proof that Nice has it goes the same way.
    ben.sees_received(&there.id, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_typed_in_at_both_ends_of_a_cut_line_is_one_in_the_end() {
    let [by_ann, by_ben, _] = typing();
    let lines = Lines::new(2);
    let paris = Site::start_in(lines.place(1), "Paris").await;
    let lyon = Site::start_in(lines.place(2), "Lyon").await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let group = share(&ann, &[&ben]).await;
    let page = make_page(&ann, &group).await;
    sees_page(&ben, &page).await;
    let (mut anns, mut bens) = (ann.open_page(&page).await, ben.open_page(&page).await);

    lines.cut(1, 2);
    tokio::join!(replay(&mut anns, &by_ann), replay(&mut bens, &by_ben));
    anns.begin_with("Fin de Paris. ").await;
    bens.begin_with("Fin de Lyon. ").await;
    anns.until("ann's words are kept", PageWindow::is_kept).await;
    bens.until("ben's words are kept", PageWindow::is_kept).await;
    ann.sees_site("Lyon", "away").await;
    assert!(!anns.text().contains("Lyon") && !bens.text().contains("Paris"));

    lines.mend(1, 2);
    anns.until("ann reads ben", |window| window.text().contains("Fin de Lyon.")).await;
    bens.until("ben reads ann", |window| window.text().contains("Fin de Paris.")).await;
    let here = within(CROSS_WITHIN, "the sites show the same", async || {
        let here = shown(&ann, &page).await;
        (shown(&ben, &page).await == here).then_some(here)
    });
    here.await;
    assert_eq!(anns.text(), bens.text());
}

//! A page that three sites write in at once, one of them cut off, and what all three have in the end.

use crate::typing::{make_page, replay, sees_page, shown, typing};
use archipel_tests::cluster::{CROSS_WITHIN, PageWindow, Site, join, two_sites, within};

/// Who else is at a page, in order.
fn names(window: &PageWindow) -> Vec<&str> {
    let mut names: Vec<&str> = window.others.values().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn what_three_sites_type_at_once_one_of_them_cut_off_is_one_page_in_the_end() {
    let [by_ann, by_ben, by_eve] = typing();
    let (_paris, ann, _lyon, ben, group) = two_sites().await;
    let mut nice = Site::start("Nice").await;
    let eve = join(&ann, &nice, "eve").await;
    eve.sees_group(&group.id).await;
    eve.join_group(&group.id).await.unwrap();
    let page = make_page(&ann, &group).await;
    sees_page(&ben, &page).await;
    sees_page(&eve, &page).await;

    let (mut anns, mut bens) = (ann.open_page(&page).await, ben.open_page(&page).await);
    let mut eves = eve.open_page(&page).await;
    eves.begin_with("De Nice. ").await;
    eves.until("eve's words are kept", PageWindow::is_kept).await;
    anns.until("ann reads eve", |window| window.text() == "De Nice. ").await;
    bens.until("ben reads eve", |window| window.text() == "De Nice. ").await;

    // Everybody sees who is here, at other sites too, and where their cursors are.
    for (window, others) in [(&mut anns, ["ben", "eve"]), (&mut bens, ["ann", "eve"]), (&mut eves, ["ann", "ben"])] {
        window.until("the people of the other sites are here", |window| names(window) == others).await;
    }
    eves.point(3).await;
    let placed = |window: &PageWindow| window.others.values().any(|(name, place)| name == "eve" && place.is_some());
    anns.until("ann sees eve's cursor", placed).await;
    bens.until("ben sees eve's cursor", placed).await;

    // Nice is cut off: its site stands still, its person types on.
    eves.cut();
    nice.stop().await;
    tokio::join!(replay(&mut anns, &by_ann), replay(&mut bens, &by_ben), replay(&mut eves, &by_eve));
    anns.begin_with("Fin de Paris. ").await;
    bens.begin_with("Fin de Lyon. ").await;
    eves.begin_with("Fin de Nice. ").await;
    assert!(!eves.is_kept());
    anns.until("ann's words are kept", PageWindow::is_kept).await;
    bens.until("ben's words are kept", PageWindow::is_kept).await;

    // Nothing is heard of eve: after a while she is shown no more.
    anns.until("eve is not here", |window| names(window) == ["ben"]).await;
    bens.until("eve is not here", |window| names(window) == ["ann"]).await;

    nice.restart().await;
    eves.come_back(&eve).await;
    anns.until("eve is here again", |window| names(window) == ["ben", "eve"]).await;
    eves.until("eve's words are kept", PageWindow::is_kept).await;
    let everything = |window: &PageWindow| {
        let text = window.text();
        ["Fin de Paris.", "Fin de Lyon.", "Fin de Nice."].iter().all(|words| text.contains(words))
    };
    anns.until("ann reads everybody", everything).await;
    bens.until("ben reads everybody", everything).await;
    eves.until("eve reads everybody", everything).await;
    let text = anns.text();
    assert_eq!(bens.text(), text);
    assert_eq!(eves.text(), text);
    let here = within(CROSS_WITHIN, "the sites show the same", async || {
        let here = shown(&ann, &page).await;
        (shown(&ben, &page).await == here && shown(&eve, &page).await == here).then_some(here)
    });
    let (heads, html, _) = here.await;
    assert!(heads.as_array().is_some_and(|heads| !heads.is_empty()));
    assert!(html.as_str().is_some_and(|html| html.contains("Fin de Nice.")), "{html}");

    // What was made of it as it came is what is made of it anew.
    nice.stop().await;
    nice.restart().await;
    assert_eq!(shown(&eve, &page).await, shown(&ann, &page).await);
}

mod loopback;
mod world;

use super::*;
use crate::feeds::shelf::Shelf;
use loopback::{Server, rss};
use world::{MINUTE_MS, SITE, World};

#[tokio::test]
async fn items_of_a_feed_become_posts_once_each() {
    let server = Server::start().await;
    server.put("/feed", &rss([2, 1]));
    let world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    assert_eq!(world.titles(), ["Item 2", "Item 1"]);
    let post = &world.posts()[0];
    assert_eq!(post.text, "Text 2");
    let automatic = post.automatic.as_ref().unwrap();
    assert_eq!((automatic.source, automatic.url.as_deref()), (source, Some("https://a.example/2")));
    // Nothing changed: the server says so in a few bytes.
    world.pass(17).await;
    assert_eq!(server.asked(), ["/feed", "/feed known"]);
    let state = world.state(source);
    assert_eq!((state.poller, state.polled_here, state.error), (Some(SITE), true, None));
    assert_eq!(state.last_success, Some(world.now()));
    assert_eq!(state.last_item, Some(world.now() - 17 * MINUTE_MS));
    // One more.
    server.put("/feed", &rss([3, 2, 1]));
    world.pass(17).await;
    assert_eq!(world.titles(), ["Item 3", "Item 2", "Item 1"]);
    assert_eq!(world.state(source).last_item, Some(world.now()));
    world.close().await;
}

#[tokio::test]
async fn a_new_feed_does_not_flood_the_group() {
    let server = Server::start().await;
    server.put("/feed", &rss((1..=60).rev()));
    let world = World::open(&server).await;
    world.add(&server.url("/feed")).await;
    let titles = world.titles();
    assert_eq!(titles.len(), FIRST_ITEMS_MAX);
    assert_eq!((titles[0].as_str(), titles[19].as_str()), ("Item 60", "Item 41"));
    server.put("/feed", &rss((1..=61).rev()));
    world.pass(17).await;
    assert_eq!(world.titles().len(), FIRST_ITEMS_MAX + 1, "the rest stays history");
    world.close().await;
}

#[tokio::test]
async fn trouble_is_shown_with_its_beginning_and_the_next_attempt_until_it_ends() {
    let server = Server::start().await;
    server.set("/feed", "500 Oops", "", "");
    let world = World::open(&server).await;
    let begun = world.now();
    let source = world.add(&server.url("/feed")).await;
    let error = world.state(source).error.unwrap();
    assert_eq!((error.code, error.since), ("feed_http_status", begun));
    assert!(error.message.contains("500"), "{}", error.message);
    let retry = error.retry.unwrap();
    assert!((begun + 15 * MINUTE_MS..=begun + 17 * MINUTE_MS).contains(&retry));
    world.pass(17).await;
    assert_eq!(world.state(source).error.map(|error| error.since), Some(begun));
    world.pass(17).await;
    assert_eq!(server.asked().len(), 2, "the second wait is longer");
    // Mended, and somebody asks at once.
    server.put("/feed", &rss([1]));
    world.service.poll(source).await;
    assert_eq!((world.state(source).error, world.titles().len()), (None, 1));
    world.close().await;
}

#[tokio::test]
async fn what_is_no_feed_is_told_so() {
    let server = Server::start().await;
    server.put("/feed", "<!doctype html><html><body>Hello</body></html>");
    let world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    assert_eq!(world.state(source).error.map(|error| error.code), Some("feed_not_a_feed"));
    world.close().await;
}

#[tokio::test]
async fn a_feed_that_has_ended_is_asked_again_only_by_a_person() {
    let server = Server::start().await;
    server.set("/feed", "410 Gone", "", "");
    let world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    world.pass(3 * 24 * 60).await;
    assert_eq!(server.asked().len(), 1);
    assert_eq!(world.state(source).error.and_then(|error| error.retry), None);
    world.service.poll(source).await;
    assert_eq!(server.asked().len(), 2);
    world.close().await;
}

#[tokio::test]
async fn a_removed_feed_is_not_polled_and_not_remembered() {
    let server = Server::start().await;
    server.put("/feed", &rss([1]));
    let world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    assert!(!Shelf(Arc::clone(&world.rows)).record(source).is_new());
    world.remove(source).await;
    world.pass(60).await;
    world.service.poll(source).await;
    assert_eq!(server.asked().len(), 1);
    assert_eq!(world.state(source), FeedState::default());
    assert!(Shelf(Arc::clone(&world.rows)).record(source).is_new());
    assert_eq!(world.titles(), ["Item 1"], "its posts stay");
    // Added again it is another source, but the same items.
    world.add(&server.url("/feed")).await;
    assert_eq!((server.asked().len(), world.titles().len()), (2, 1));
    world.close().await;
}

#[tokio::test]
async fn an_internal_address_is_read_from_the_moment_it_is_opened() {
    let server = Server::start().await;
    server.put("/feed", &rss([1]));
    let world = World::closed().await;
    let source = world.add(&server.url("/feed")).await;
    let error = world.state(source).error.unwrap();
    assert_eq!((error.code, server.asked().len()), ("feed_refused_address", 0));
    world.allow(&[server.origin()]);
    world.idle().await;
    assert_eq!((world.state(source).error, world.titles().len()), (None, 1));
    world.allow(&[]);
    world.pass(17).await;
    assert_eq!(world.state(source).error.map(|error| error.code), Some("feed_refused_address"));
    assert_eq!(server.asked().len(), 1);
    world.close().await;
}

#[tokio::test]
async fn a_feed_that_moved_is_read_at_its_new_place_with_the_same_items() {
    let server = Server::start().await;
    server.set("/old", "301 Moved", "Location: /new\r\n", "");
    server.put("/new", &rss([1]));
    let world = World::open(&server).await;
    world.add(&server.url("/old")).await;
    assert_eq!(server.asked(), ["/old", "/new"]);
    server.put("/new", &rss([2, 1]));
    world.pass(17).await;
    assert_eq!(server.asked()[2..], ["/new known"]);
    assert_eq!(world.titles(), ["Item 2", "Item 1"]);
    world.close().await;
}

#[tokio::test]
async fn a_restart_neither_polls_early_nor_posts_again() {
    let server = Server::start().await;
    server.put("/feed", &rss((1..=30).rev()));
    let mut world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    let before = world.state(source);
    world.restart().await;
    assert_eq!((world.state(source), server.asked().len()), (before, 1));
    server.put("/feed", &rss((1..=31).rev()));
    world.pass(17).await;
    assert_eq!(server.asked(), ["/feed", "/feed known"]);
    assert_eq!(world.titles().len(), FIRST_ITEMS_MAX + 1);
    world.close().await;
}

#[tokio::test]
async fn two_groups_may_read_one_feed() {
    let server = Server::start().await;
    server.put("/feed", &rss([1]));
    let mut world = World::open(&server).await;
    world.add(&server.url("/feed")).await;
    let first = world.group;
    world.another_group().await;
    world.add(&server.url("/feed")).await;
    assert_ne!(first, world.group);
    assert_eq!(world.titles(), ["Item 1"]);
    world.close().await;
}

#[tokio::test]
async fn listeners_are_told_of_each_poll() {
    let server = Server::start().await;
    server.put("/feed", &rss([1]));
    let world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    let mut notices = world.handle.notices();
    world.service.poll(source).await;
    let told = protocol::engine::effect::Notice::Source { group: world.group, source };
    // The engine tells of the item's post after it has answered, so that word may come first.
    while notices.recv().await.unwrap() != told {}
    world.close().await;
}

#[tokio::test]
async fn a_preview_shows_the_feed_or_the_one_that_its_page_names() {
    let server = Server::start().await;
    server.put("/feed", &rss([2, 1]));
    let link = |path: &str| format!("<link rel=alternate type='application/rss+xml' href='{path}'>");
    let page = |links: &str| format!("<!doctype html><html><head>{links}</head><body>x</body></html>");
    server.put("/page", &page(&(link("/gone") + &link("/feed"))));
    server.put("/bare", &page(""));
    server.put("/lost", &page(&link("/gone")));
    server.set("/moved", "308 Moved", "Location: /feed\r\n", "");
    let world = World::open(&server).await;
    for path in ["/feed", "/page", "/moved"] {
        let feed = world.service.preview(server.url(path)).await.unwrap();
        assert_eq!((feed.url, feed.title.as_str()), (server.url("/feed"), "News"), "{path}");
        assert_eq!(feed.site_url.as_deref(), Some("https://a.example/"));
        assert_eq!(feed.items[0].title, "Item 2");
    }
    let failed = async |path| world.service.preview(server.url(path)).await.unwrap_err();
    assert_eq!(failed("/bare").await.code, "feed_not_a_feed");
    assert_eq!(failed("/lost").await.code, "feed_missing");
    assert!(failed("/gone").await.message.contains("404"));
    let other = Server::start().await;
    other.put("/feed", &rss([1]));
    assert_eq!(world.service.preview(other.url("/feed")).await.unwrap_err().code, "feed_refused_address");
    assert_eq!(world.service.preview("javascript:1".into()).await.unwrap_err().code, "feed_refused_address");
    assert!(other.asked().is_empty());
    world.close().await;
}

#[tokio::test]
async fn what_cannot_be_posted_now_is_fetched_again_soon() {
    let server = Server::start().await;
    server.put("/feed", &rss([1]));
    let mut world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    world.stop_engine().await;
    server.put("/feed", &rss([2, 1]));
    world.service.poll(source).await;
    assert_eq!(world.state(source).error, None, "it is not the feed's fault");
    let shelf = Shelf(Arc::clone(&world.rows));
    let record = shelf.record(source);
    assert_eq!((record.etag.as_deref(), record.due(world.now())), (None, Some(world.now() + MINUTE_MS)));
    // The engine is back: the item comes, though the document has not changed since.
    let world = world.reopen().await;
    world.pass(1).await;
    assert_eq!(server.asked(), ["/feed", "/feed known", "/feed"]);
    assert_eq!(world.titles(), ["Item 2", "Item 1"]);
    world.close().await;
}

#[tokio::test]
async fn nothing_is_polled_after_the_stop() {
    let server = Server::start().await;
    server.put("/feed", &rss([1]));
    let world = World::open(&server).await;
    let source = world.add(&server.url("/feed")).await;
    world.service.stop().await;
    world.service.poll(source).await;
    world.service.stop().await;
    assert_eq!(server.asked().len(), 1);
    world.close().await;
}

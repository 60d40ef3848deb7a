//! Pages of a feed: read one after the other they show every post once, also posts of the very same moment.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulator uses the rest")]
mod world;

use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::input::Command;
use protocol::ids::{EntryId, GroupId};
use std::collections::BTreeSet;
use world::World;

const SITES: usize = 5;

#[test]
fn posts_that_several_sites_wrote_at_the_very_same_moment_are_shown_once_whatever_the_pages() {
    let mut world = World::new(29);
    for _ in 0..SITES {
        world.add_site();
    }
    let ann = world.found(0);
    let mut people = vec![ann];
    for at in 1..SITES {
        people.push(world.admit(0, ann, at, "Somebody"));
        world.connect_all();
        world.pass(3);
    }
    let (kind, access) = (GroupKind::Trade, Access::Closed);
    let new = Command::CreateGroup { name: "Relève".into(), purpose: String::new(), kind, access };
    let group = GroupId::from(world.done(0, ann, new));
    world.done(0, ann, Command::Grant { group, users: people[1..].to_vec(), role: Role::Member });
    world.connect_all();
    world.pass(10);
    // Nothing is delivered between these, so that no site's clock is moved by another's post.
    let mut written = BTreeSet::new();
    for (at, person) in people.iter().enumerate() {
        let text = format!("Site {at}");
        let post = Command::CreatePost { group, title: String::new(), text, attachments: Vec::new() };
        written.insert(world.done(at, *person, post));
    }
    world.connect_all();
    world.pass(20);

    let times: BTreeSet<u64> =
        written.iter().map(|id| world.read(0, |view| view.post(ann, *id)).expect("it is here").created.0).collect();
    assert_eq!(times.len(), 1, "the scene is one moment");
    for limit in 1..=SITES + 1 {
        let mut shown: Vec<EntryId> = Vec::new();
        let mut before = None;
        loop {
            let page = world.read(0, |view| view.feed(ann, Some(group), Default::default(), before, limit));
            let page = page.expect("she may read");
            shown.extend(page.items.iter().map(|post| post.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(shown.len(), SITES, "pages of {limit}");
        assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), written, "pages of {limit}");
    }
}

//! The engine at its door: people, groups, posts; two and three sites; cuts, restarts, lost rows.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::{Answer, Refusal};
use protocol::engine::input::{Activity, Attachment, Command, Input, OutsideItem, Reaction};
use protocol::engine::query::{Before, FeedKind};
use protocol::ids::{BlobId, EntryId, GroupId, RequestId, UserId};
use world::World;

fn group_command(name: &str, kind: GroupKind, access: Access) -> Command {
    Command::CreateGroup { name: name.into(), purpose: "Share what works".into(), kind, access }
}

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

fn make_group(world: &mut World, at: usize, by: UserId, kind: GroupKind, access: Access) -> GroupId {
    GroupId::from(world.done(at, by, group_command("Conduite de travaux", kind, access)))
}

/// Ann founds site 0; Ben is of site 1; a group of both.
fn two_sites() -> (World, UserId, UserId, GroupId) {
    let mut world = World::new(1);
    let (a, b) = (world.add_site(), world.add_site());
    let ann = world.found(a);
    let ben = world.admit(a, ann, b, "Ben");
    let group = make_group(&mut world, a, ann, GroupKind::Trade, Access::Closed);
    world.connect_all();
    world.deliver();
    world.pass(2);
    world.done(a, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
    world.deliver();
    world.pass(3);
    (world, ann, ben, group)
}

#[test]
fn a_site_alone_works() {
    let mut world = World::new(3);
    let a = world.add_site();
    let ann = world.found(a);
    let group = make_group(&mut world, a, ann, GroupKind::General, Access::Open);
    let first = world.done(a, ann, post(group, "one"));
    world.done(a, ann, post(group, "two"));
    assert_eq!(world.feed(a, ann, group), ["two", "one"]);
    let view = world.read(a, |reader| reader.post(ann, first)).expect("Ann sees her post");
    assert_eq!((view.delivery.received, view.delivery.of), (1, 1));
    assert!(view.mine && view.may.edit && view.may.delete);
    let person = world.read(a, |reader| reader.person(ann)).expect("Ann is registered");
    assert_eq!((person.name.as_str(), person.admin), ("Ann", true));
}

#[test]
fn a_repeated_request_writes_nothing() {
    let mut world = World::new(4);
    let a = world.add_site();
    let ann = world.found(a);
    let group = make_group(&mut world, a, ann, GroupKind::Trade, Access::Open);
    let request = RequestId([5; 16]);
    let first = world.ask_as(a, Some(ann), request, post(group, "once"));
    assert_eq!(world.ask_as(a, Some(ann), request, post(group, "once")), first);
    world.restart(a);
    assert_eq!(world.ask_as(a, Some(ann), request, post(group, "once")), first);
    // Not even a lost index forgets: the answer is found by the salt of the entry that it made.
    world.rebuild(a);
    assert_eq!(world.ask_as(a, Some(ann), request, post(group, "once")), first);
    assert_eq!(world.feed(a, ann, group), ["once"]);
    let other = world.ask_as(a, Some(ann), RequestId([6; 16]), group_command("G", GroupKind::Trade, Access::Open));
    let again = world.ask_as(a, Some(ann), RequestId([6; 16]), group_command("G", GroupKind::Trade, Access::Open));
    assert_eq!(other, again);
}

#[test]
fn a_post_crosses_and_both_sites_say_where_it_got_to() {
    let (mut world, ann, ben, group) = two_sites();
    let id = world.done(0, ann, post(group, "Réception du lot étanchéité"));
    world.deliver();
    assert_eq!(world.feed(1, ben, group), ["Réception du lot étanchéité"]);
    let seen = world.read(0, |reader| reader.post(ann, id)).expect("there");
    assert_eq!((seen.delivery.received, seen.delivery.of), (2, 2));
    let lines = world.read(0, |reader| reader.delivery(ann, id)).expect("Ann may ask");
    assert!(lines.iter().all(|line| line.received && line.at.is_some()));
    let there = world.read(1, |reader| reader.post(ben, id)).expect("there");
    assert_eq!(there.author, Some(ann));
    assert!(!there.may.edit && there.may.comment);
    // The other site learns that the first holds it too.
    world.pass(2);
    let there = world.read(1, |reader| reader.post(ben, id)).expect("there");
    assert_eq!(there.delivery.received, 2);
}

#[test]
fn comments_reactions_edits_and_deletions_cross() {
    let (mut world, ann, ben, group) = two_sites();
    let id = world.done(0, ann, post(group, "draft"));
    world.deliver();
    let comment = world.done(1, ben, Command::CreateComment { post: id, text: "Merci".into() });
    world.done(1, ben, Command::React { target: id, emoji: "👍".into(), on: Reaction::On });
    world.done(0, ann, Command::Edit { target: id, title: "T".into(), text: "final".into() });
    world.deliver();
    world.done(0, ann, Command::React { target: comment, emoji: "👏".into(), on: Reaction::On });
    world.deliver();
    for (at, who) in [(0, ann), (1, ben)] {
        let view = world.read(at, |reader| reader.post(who, id)).expect("there");
        assert_eq!((view.text.as_str(), view.title.as_str(), view.comments), ("final", "T", 1));
        assert!(view.edited.is_some());
        assert_eq!(view.reactions.len(), 1);
        assert_eq!(view.reactions[0].mine, who == ben);
        assert_eq!(view.last_comments[0].text, "Merci");
        assert_eq!(view.last_comments[0].reactions[0].emoji, "👏");
    }
    let foreign = world.ask(1, Some(ben), Command::Edit { target: id, title: String::new(), text: "x".into() });
    assert_eq!(foreign, Answer::Refused(Refusal::Forbidden));
    // The owner of the group may delete anybody's comment.
    world.done(0, ann, Command::Delete { target: comment });
    world.done(1, ben, Command::React { target: id, emoji: "👍".into(), on: Reaction::Off });
    world.deliver();
    let view = world.read(1, |reader| reader.post(ben, id)).expect("there");
    assert_eq!((view.comments, view.reactions.len(), view.last_comments.len()), (0, 0, 0));
    world.done(0, ann, Command::Delete { target: id });
    world.deliver();
    let view = world.read(1, |reader| reader.post(ben, id)).expect("a placeholder");
    assert!(view.deleted && view.text.is_empty());
}

#[test]
fn what_a_group_is_not_shared_with_does_not_exist_there() {
    let (mut world, ann, ben, _) = two_sites();
    let secret = make_group(&mut world, 0, ann, GroupKind::Project, Access::Secret);
    let id = world.done(0, ann, post(secret, "between us"));
    world.deliver();
    world.pass(70);
    assert!(world.read(1, |reader| reader.group(ben, secret)).is_none());
    assert!(world.read(1, |reader| reader.post(ben, id)).is_none());
    let key = EntryId(secret.0);
    assert!(world.sites[1].store.rows().keys().all(|row| !row.windows(32).any(|part| part == key.0)));
    assert_eq!(world.ask(1, Some(ben), post(secret, "let me in")), Answer::Refused(Refusal::NotFound));
}

#[test]
fn a_closed_group_is_listed_but_not_open() {
    let (mut world, ann, ben, _) = two_sites();
    let closed = make_group(&mut world, 0, ann, GroupKind::Project, Access::Closed);
    world.deliver();
    world.pass(2);
    let listed = world.read(1, |reader| reader.group(ben, closed)).expect("its card is known");
    assert_eq!((listed.role, listed.may.join, listed.members), (None, false, None));
}

#[test]
fn anybody_joins_an_open_group_and_reads_what_was_there() {
    let (mut world, ann, ben, _) = two_sites();
    let open = make_group(&mut world, 0, ann, GroupKind::Theme, Access::Open);
    world.done(0, ann, post(open, "before you came"));
    world.deliver();
    world.pass(3);
    let seen = world.read(1, |reader| reader.group(ben, open)).expect("listed");
    assert!(seen.may.join && seen.role.is_none());
    assert!(world.feed(1, ben, open).is_empty());
    world.done(1, ben, Command::JoinGroup(open));
    world.deliver();
    world.pass(3);
    assert_eq!(world.feed(1, ben, open), ["before you came"]);
    world.done(1, ben, post(open, "thanks"));
    world.deliver();
    assert_eq!(world.feed(0, ann, open), ["thanks", "before you came"]);
    world.done(1, ben, Command::LeaveGroup(open));
    assert_eq!(world.ask(1, Some(ben), post(open, "still here")), Answer::Refused(Refusal::NotAMember));
}

#[test]
fn everybody_is_in_the_general_group() {
    let (mut world, ann, ben, _) = two_sites();
    let all = make_group(&mut world, 0, ann, GroupKind::General, Access::Open);
    world.deliver();
    world.pass(3);
    world.done(1, ben, post(all, "hello from the other site"));
    world.deliver();
    assert_eq!(world.feed(0, ann, all), ["hello from the other site"]);
    assert_eq!(world.read(0, |reader| reader.members(ann, all)).expect("a member").len(), 2);
}

#[test]
fn a_cut_line_stops_nobody_and_heals_by_itself() {
    let (mut world, ann, ben, group) = two_sites();
    world.cut(0, 1);
    for n in 0..30 {
        world.done(0, ann, post(group, &format!("a{n}")));
        world.done(1, ben, post(group, &format!("b{n}")));
        world.now.0 += 60_000;
    }
    assert_eq!(world.feed(0, ann, group).len(), 30);
    let waiting = world.read(0, |reader| reader.sites())[1].waiting;
    assert_eq!(waiting, 30);
    world.connect(0, 1);
    world.deliver();
    world.pass(3);
    assert_eq!(world.feed(0, ann, group).len(), 50);
    assert_eq!(world.feed(0, ann, group), world.feed(1, ben, group));
    let site = &world.read(0, |reader| reader.sites())[1];
    assert_eq!(site.waiting, 0);
    assert!(site.nodes[0].up_to_date.is_some_and(|at| at.0 + 3_000 >= world.now.0));
}

#[test]
fn a_greeting_that_was_lost_is_said_again() {
    let (mut world, ann, ben, group) = two_sites();
    world.cut(0, 1);
    world.done(0, ann, post(group, "while nobody answered"));
    world.weather.loss_percent = 100;
    world.connect(0, 1);
    world.deliver();
    world.weather.loss_percent = 0;
    world.pass(5);
    assert_eq!(world.feed(1, ben, group), ["while nobody answered"]);
    assert_eq!(world.read(0, |reader| reader.sites())[1].waiting, 0);
}

#[test]
fn addresses_are_stated_at_once_and_then_once_a_minute() {
    let (mut world, ..) = two_sites();
    let node = world.node(0);
    let known = |world: &World| -> Vec<Vec<String>> {
        let told = world.sites[1].addresses.iter().filter(|(of, _)| *of == node);
        told.map(|(_, addresses)| addresses.clone()).collect()
    };
    for number in 0..20 {
        world.input(0, Input::Listening(vec![format!("/ip4/10.0.0.1/tcp/{number}")]));
        world.deliver();
        world.pass(6);
    }
    // Two minutes: a few at once, then one a minute, and never one that is older than the last.
    assert!((3..=6).contains(&known(&world).len()), "{:?}", known(&world));
    world.pass(180);
    assert_eq!(known(&world).last().map(Vec::as_slice), Some(&["/ip4/10.0.0.1/tcp/19".to_owned()][..]));
}

#[test]
fn a_third_site_carries_between_two_that_never_meet() {
    let mut world = World::new(8);
    let (a, b, c) = (world.add_site(), world.add_site(), world.add_site());
    let ann = world.found(a);
    let ben = world.admit(a, ann, b, "Ben");
    world.connect(a, b);
    world.pass(2);
    let cid = world.admit(a, ann, c, "Cid");
    world.pass(3);
    let all = make_group(&mut world, a, ann, GroupKind::General, Access::Open);
    world.cut(a, b);
    world.connect(a, c);
    world.pass(3);
    world.connect(b, c);
    world.pass(5);
    let id = world.done(a, ann, post(all, "over the third"));
    world.deliver();
    world.pass(5);
    assert_eq!(world.feed(b, ben, all), ["over the third"]);
    // The statement of the far site comes back the same way.
    let view = world.read(a, |reader| reader.post(ann, id)).expect("there");
    assert_eq!((view.delivery.received, view.delivery.of), (3, 3));
    world.done(c, cid, post(all, "from the middle"));
    world.done(b, ben, post(all, "and back"));
    world.pass(5);
    assert_eq!(world.feed(a, ann, all), world.feed(b, ben, all));
    assert_eq!(world.feed(a, ann, all).len(), 3);
}

#[test]
fn a_restart_and_a_lost_index_change_nothing() {
    let (mut world, ann, ben, group) = two_sites();
    for n in 0..10 {
        let id = world.done(0, ann, post(group, &format!("a{n}")));
        world.deliver();
        world.done(1, ben, Command::CreateComment { post: id, text: format!("c{n}") });
        world.deliver();
    }
    let before = world.read(1, |reader| reader.feed(ben, Some(group), FeedKind::All, None, 50));
    world.restart(1);
    let restarted = world.read(1, |reader| reader.feed(ben, Some(group), FeedKind::All, None, 50));
    assert_eq!(before, restarted);
    world.rebuild(1);
    let mut rebuilt = world.read(1, |reader| reader.feed(ben, Some(group), FeedKind::All, None, 50)).expect("a feed");
    // Statements of other nodes are not in the journal: they come back with the next comparison.
    let mut before = before.expect("a feed");
    for post in before.items.iter_mut().chain(&mut rebuilt.items) {
        post.delivery = Default::default();
        post.last_comments.iter_mut().for_each(|comment| comment.delivery = Default::default());
    }
    assert_eq!(before, rebuilt);
    world.connect_all();
    world.pass(3);
    world.done(1, ben, post(group, "after the loss"));
    world.deliver();
    assert_eq!(world.feed(0, ann, group)[0], "after the loss");
}

#[test]
fn a_removed_member_cannot_post_and_what_was_seen_stays() {
    let (mut world, ann, ben, group) = two_sites();
    world.done(1, ben, post(group, "seen"));
    world.deliver();
    world.cut(0, 1);
    world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    world.done(1, ben, post(group, "not seen"));
    world.connect(0, 1);
    world.pass(3);
    assert_eq!(world.feed(0, ann, group), ["seen"]);
    assert_eq!(world.ask(1, Some(ben), post(group, "again")), Answer::Refused(Refusal::NotAMember));
    assert!(world.feed(1, ben, group).is_empty());
}

#[test]
fn a_disabled_person_can_do_nothing_and_comes_back() {
    let (mut world, ann, ben, group) = two_sites();
    world.done(1, ben, post(group, "kept"));
    world.deliver();
    world.done(0, ann, Command::SetUserActive { user: ben, active: Activity::Disabled });
    world.deliver();
    world.pass(2);
    assert_eq!(world.ask(1, Some(ben), post(group, "no")), Answer::Refused(Refusal::Forbidden));
    assert_eq!(world.feed(0, ann, group), ["kept"]);
    world.done(0, ann, Command::SetUserActive { user: ben, active: Activity::Active });
    world.deliver();
    world.pass(2);
    world.done(1, ben, post(group, "back"));
    world.deliver();
    assert_eq!(world.feed(0, ann, group), ["back", "kept"]);
}

#[test]
fn a_file_is_fetched_and_served_only_inside_its_group() {
    let (mut world, ann, ben, group) = two_sites();
    let blob = BlobId([9; 32]);
    let attachment = Attachment {
        blob,
        name: "plan.png".into(),
        size: 1_000,
        media_type: "image/png".into(),
        picture: Some((10, 10)),
    };
    let command =
        Command::CreatePost { group, title: String::new(), text: String::new(), attachments: vec![attachment] };
    world.done(0, ann, command);
    world.deliver();
    assert_eq!(world.sites[1].fetches, [blob]);
    assert!(world.sites[0].fetches.is_empty());
    let (node_b, stranger) = (world.node(1), protocol::ids::NodeId([1; 32]));
    assert!(world.read(0, |reader| reader.may_serve_blob(&node_b, &group, &blob)));
    assert!(!world.read(0, |reader| reader.may_serve_blob(&stranger, &group, &blob)));
    assert!(world.read(1, |reader| reader.blob(ben, blob)).is_some());
    assert!(world.read(1, |reader| reader.blob(UserId([0; 16]), blob)).is_none());
    assert_eq!(world.read(1, |reader| reader.wanted(10)).len(), 1);
}

#[test]
fn twins_of_one_item_from_outside_are_shown_once_everywhere() {
    let (mut world, ann, ben, group) = two_sites();
    let set =
        Command::SetSource {
            group, url: "https://example.org/feed".into(), title: "Ministère".into(), site_url: None
        };
    let source = world.done(0, ann, set);
    world.deliver();
    let item = || OutsideItem {
        origin_key: [3; 32],
        title: "Décret".into(),
        text: "Publication".into(),
        url: Some("https://example.org/1".into()),
        published: None,
        author: None,
    };
    world.cut(0, 1);
    let command = || Command::PostOutside { source, item: item() };
    assert!(matches!(world.ask(1, None, command()), Answer::Done { .. }));
    world.now.0 += 5_000;
    let Answer::Done { id: at_home } = world.ask(0, None, command()) else { panic!("posted") };
    world.connect(0, 1);
    world.pass(3);
    for (at, who) in [(0, ann), (1, ben)] {
        let page =
            world.read(at, |reader| reader.feed(who, Some(group), FeedKind::Automatic, None, 10)).expect("a feed");
        assert_eq!(page.items.iter().map(|post| post.id).collect::<Vec<_>>(), [at_home], "the first site's twin wins");
        assert_eq!(page.items[0].automatic.as_ref().expect("automatic").source_title, "Ministère");
        assert_eq!(world.read(at, |reader| reader.sources(who, group)).expect("a member")[0].items, 1);
    }
    assert_eq!(world.ask(1, None, command()), Answer::Nothing);
}

#[test]
fn an_item_that_changed_at_its_source_reads_so_everywhere_whatever_came_first() {
    let (mut world, ann, ben, group) = two_sites();
    let url = "https://example.org/feed".into();
    let source = world.done(0, ann, Command::SetSource { group, url, title: "Ministère".into(), site_url: None });
    world.deliver();
    let item = |text: &str| OutsideItem {
        origin_key: [3; 32],
        title: "Décret".into(),
        text: text.into(),
        url: None,
        published: None,
        author: Some("Service des actes".into()),
    };
    let edit = |text: &str| Command::EditOutside { source, item: item(text) };
    assert_eq!(world.ask(0, None, edit("avant")), Answer::Nothing, "what was never posted is not edited");
    let Answer::Done { id } = world.ask(0, None, Command::PostOutside { source, item: item("avant") }) else {
        panic!("posted")
    };
    assert_eq!(world.ask(0, None, edit("avant")), Answer::Nothing, "it says the same");
    assert!(matches!(world.ask(0, None, edit("milieu")), Answer::Done { .. }));
    world.cut(0, 1);
    world.now.0 += 1_000;
    assert!(matches!(world.ask(0, None, edit("après")), Answer::Done { .. }));
    world.connect(0, 1);
    world.pass(3);
    world.rebuild(1);
    for (at, who) in [(0, ann), (1, ben)] {
        let page = world.read(at, |reader| reader.feed(who, Some(group), FeedKind::Automatic, None, 10));
        let shown = page.expect("a feed").items;
        assert_eq!(shown.iter().map(|post| (post.id, post.text.as_str())).collect::<Vec<_>>(), [(id, "après")]);
        assert!(shown[0].edited.is_some());
        let author = shown[0].automatic.as_ref().and_then(|automatic| automatic.author.as_deref());
        assert_eq!(author, Some("Service des actes"));
    }
}

#[test]
fn feeds_are_paged_without_gaps_or_repeats() {
    let mut world = World::new(11);
    let a = world.add_site();
    let ann = world.found(a);
    let groups: Vec<GroupId> = (0..3).map(|_| make_group(&mut world, a, ann, GroupKind::Trade, Access::Open)).collect();
    for n in 0..60 {
        world.done(a, ann, post(groups[n % 3], &format!("{n}")));
    }
    let mut texts = Vec::new();
    let mut before: Option<Before> = None;
    loop {
        let page = world.read(a, |reader| reader.feed(ann, None, FeedKind::All, before, 7)).expect("home");
        texts.extend(page.items.into_iter().map(|post| post.text));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(texts, (0..60).rev().map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn bad_bytes_from_a_peer_are_refused_and_change_nothing() {
    let (mut world, ann, _, group) = two_sites();
    world.done(0, ann, post(group, "safe"));
    world.deliver();
    let peer = world.node(1);
    let before = world.sites[0].store.records().count();
    for length in [0, 1, 7, 100, 5_000] {
        let mut bytes = vec![0; length];
        rand_core::Rng::fill_bytes(&mut world.rng, &mut bytes);
        world.input(0, Input::PeerRequest { peer, token: 1, bytes: bytes.clone() });
        world.input(0, Input::PeerResponse { peer, call: 1, bytes: Some(bytes) });
    }
    assert_eq!(world.sites[0].store.records().count(), before);
}

#[test]
fn where_many_share_a_group_live_messages_carry_posts_and_the_removed_hear_nothing() {
    let mut world = World::new(21);
    world.tuning.push_peers_max = 0;
    let (a, b) = (world.add_site(), world.add_site());
    let ann = world.found(a);
    let ben = world.admit(a, ann, b, "Ben");
    let group = make_group(&mut world, a, ann, GroupKind::Trade, Access::Closed);
    world.connect_all();
    world.pass(2);
    world.done(a, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
    world.pass(12);
    let before = world.sites[b].accepted;
    let id = world.done(a, ann, post(group, "over gossip"));
    world.deliver();
    assert_eq!(world.feed(b, ben, group), ["over gossip"]);
    assert_eq!(world.sites[b].accepted, before + 1, "it came by a live message");
    // Where many share a scope, a site says what it holds once in ten seconds.
    world.pass(12);
    let seen = world.read(a, |reader| reader.post(ann, id)).expect("there");
    assert_eq!((seen.delivery.received, seen.delivery.of), (2, 2));
    // After a restart the keys are known again.
    world.restart(b);
    world.connect_all();
    world.pass(3);
    let before = world.sites[b].accepted;
    world.done(a, ann, post(group, "again"));
    world.deliver();
    assert_eq!(world.sites[b].accepted, before + 1);
    // The removed site is on no new topic and is sent nothing.
    world.done(a, ann, Command::Revoke { group, users: vec![ben] });
    world.pass(12);
    let before = world.sites[b].accepted;
    world.done(a, ann, post(group, "not for Ben"));
    world.deliver();
    world.pass(70);
    assert_eq!(world.sites[b].accepted, before);
    assert_eq!(world.feed(b, ben, group), Vec::<String>::new());
}

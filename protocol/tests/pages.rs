//! Pages through engines: written at two sites at once and offline, by people who come and go.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use protocol::control::op::{Access, GroupKind, Role};
use protocol::document::{Document, Kind, Line, actor};
use protocol::engine::alarms::AlarmKind;
use protocol::engine::effect::{Answer, Effect, FarHere, Refusal};
use protocol::engine::input::{
    Anchor, Audience, Command, Input, PageChange, PageComment, PageName, PageSettle, PageTrash, Words,
};
use protocol::engine::query::PagesOf;
use protocol::ids::{EntryId, GroupId, UserId};
use protocol::sync::here::{HERE_PER_SECOND_MAX, Here, PLACE_BYTES_MAX, Place, WINDOWS_MAX, Window};
use protocol::sync::message::Request;
use std::collections::BTreeSet;
use world::World;

const CANARY: &str = "un canari jaune";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Ann of site 0 and Ben of site 1, a group of both, a page of Ann's.
struct Stage {
    world: World,
    ann: UserId,
    ben: UserId,
    group: GroupId,
    page: EntryId,
}

fn name(title: &str) -> PageName {
    PageName { title: title.into(), icon: String::new() }
}

fn stage(seed: u64) -> Stage {
    let mut world = World::new(seed);
    let (a, b) = (world.add_site(), world.add_site());
    let ann = world.found(a);
    let ben = world.admit(a, ann, b, "Ben");
    let (kind, access) = (GroupKind::Trade, Access::Closed);
    let create = Command::CreateGroup { name: "Chantiers".into(), purpose: String::new(), kind, access };
    let group = GroupId::from(world.done(a, ann, create));
    world.connect_all();
    world.deliver();
    world.pass(2);
    world.done(a, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
    let page = world.done(a, ann, Command::CreatePage { group, name: name("Plan") });
    world.deliver();
    world.pass(3);
    Stage { world, ann, ben, group, page }
}

/// The page's document as a site has it.
fn document(world: &World, at: usize, page: EntryId) -> Document {
    world.read(at, |reader| {
        let entries = reader.page_entries(page);
        let carried = entries.into_iter().filter_map(|entry| reader.page_change(entry)).collect();
        Document::build(reader.document_of(page), carried)
    })
}

fn draft(world: &World, at: usize, page: EntryId, session: u64, words: &str) -> Command {
    let name = actor(&world.node(at), &page, session);
    let changes = document(world, at, page).write(name, 1, &[Line::plain(Kind::Paragraph, words)]).expect("written");
    let changes = changes.into_iter().map(Into::into).collect();
    Command::ChangePage { page, change: PageChange { session, changes, ..PageChange::default() } }
}

fn write(world: &mut World, at: usize, who: UserId, page: EntryId, words: &str) -> EntryId {
    let command = draft(world, at, page, u64::from(who.0[0]) + 1, words);
    world.done(at, who, command)
}

fn titles(world: &World, at: usize, who: UserId, group: GroupId, of: PagesOf) -> Vec<String> {
    let pages = world.read(at, |reader| reader.pages(who, group, of, None, 50)).expect("the group is theirs");
    pages.items.into_iter().map(|page| page.title).collect()
}

fn holds(world: &World, at: usize, needle: &[u8]) -> bool {
    let within = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let store = &world.sites[at].store;
    store.records().any(|(_, record)| within(record))
        || store.rows().iter().any(|(key, row)| within(key) || within(row))
}

#[test]
fn a_page_written_at_two_sites_that_do_not_see_each_other_is_one_in_the_end() {
    let Stage { mut world, ann, ben, group, page } = stage(1);
    world.cut(0, 1);
    for round in 0..5 {
        write(&mut world, 0, ann, page, &format!("paris {round}"));
        write(&mut world, 1, ben, page, &format!("lyon {round}"));
    }
    world.done(0, ann, Command::NamePage { page, name: name("Plan of Paris") });
    world.done(1, ben, Command::NamePage { page, name: name("Plan of Lyon") });
    assert_ne!(document(&world, 0, page).heads(), document(&world, 1, page).heads());
    world.connect_all();
    world.deliver();
    world.pass(10);
    let (here, there) = (document(&world, 0, page), document(&world, 1, page));
    assert_eq!(here.heads(), there.heads());
    assert_eq!(here.html(), there.html());
    for round in 0..5 {
        assert!(here.plain().contains(&format!("paris {round}")) && here.plain().contains(&format!("lyon {round}")));
    }
    assert_eq!(titles(&world, 0, ann, group, PagesOf::Shelf), titles(&world, 1, ben, group, PagesOf::Shelf));
    assert_eq!(here.writers().len(), 2);
    // Lost rows, and all of it is made again.
    let before = here.html();
    world.restart(0);
    assert_eq!(document(&world, 0, page).html(), before);
}

#[test]
fn what_somebody_who_was_removed_writes_later_does_not_count() {
    let Stage { mut world, ann, ben, group, page } = stage(2);
    write(&mut world, 1, ben, page, "before");
    world.deliver();
    world.pass(3);
    world.cut(0, 1);
    world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    write(&mut world, 1, ben, page, "after");
    world.connect_all();
    world.deliver();
    world.pass(10);
    let plain = document(&world, 0, page).plain();
    assert!(plain.contains("before") && !plain.contains("after"), "{plain}");
    let command = draft(&world, 1, page, 9, "again");
    assert!(matches!(world.ask(1, Some(ben), command), Answer::Refused(_)));
}

#[test]
fn readers_read_pages_and_do_not_write_them() {
    let Stage { mut world, ann, ben, group, page } = stage(3);
    world.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Reader });
    world.deliver();
    world.pass(3);
    let view = world.read(1, |reader| reader.page(ben, page)).expect("readers see it");
    assert!(!view.may.edit && !view.may.trash);
    let command = draft(&world, 1, page, 9, "x");
    for command in
        [command, Command::NamePage { page, name: name("x") }, Command::CreatePage { group, name: name("x") }]
    {
        assert_eq!(world.ask(1, Some(ben), command), Answer::Refused(Refusal::Forbidden));
    }
}

#[test]
fn the_newest_word_of_who_may_decides_whether_a_page_is_in_the_trash() {
    let Stage { mut world, ann, ben, group, page } = stage(4);
    let trash = |on| Command::TrashPage { page, trash: PageTrash { on } };
    assert_eq!(world.ask(1, Some(ben), trash(true)), Answer::Refused(Refusal::Forbidden));
    world.done(0, ann, trash(true));
    world.deliver();
    world.pass(3);
    assert_eq!(titles(&world, 1, ben, group, PagesOf::Shelf), Vec::<String>::new());
    assert_eq!(titles(&world, 1, ben, group, PagesOf::Trash), ["Plan"]);
    let command = draft(&world, 1, page, 9, "x");
    assert_eq!(world.ask(1, Some(ben), command), Answer::Refused(Refusal::NotFound), "nobody writes into the trash");
    world.done(0, ann, trash(false));
    world.deliver();
    world.pass(3);
    assert_eq!(titles(&world, 1, ben, group, PagesOf::Shelf), ["Plan"]);
}

#[test]
fn pages_that_were_written_in_last_come_first() {
    let Stage { mut world, ann, group, page, .. } = stage(5);
    world.pass(1);
    world.done(0, ann, Command::CreatePage { group, name: name("Other") });
    assert_eq!(titles(&world, 0, ann, group, PagesOf::Shelf), ["Other", "Plan"]);
    world.pass(1);
    write(&mut world, 0, ann, page, "x");
    assert_eq!(titles(&world, 0, ann, group, PagesOf::Shelf), ["Plan", "Other"]);
}

#[test]
fn a_person_who_goes_leaves_what_they_wrote_in_pages() {
    let Stage { mut world, ann, ben, page, .. } = stage(6);
    write(&mut world, 1, ben, page, "by Ben");
    world.deliver();
    world.pass(3);
    world.done(0, ann, Command::ErasePerson { user: ben, words: Words::Go, reason: "asked for".into() });
    world.deliver();
    world.pass(30);
    assert_eq!(document(&world, 0, page).plain(), "by Ben");
    assert!(world.read(0, |reader| reader.person(ben)).is_some_and(|person| person.former));
}

#[test]
fn a_page_lives_as_long_as_somebody_writes_in_it_and_goes_as_a_whole() {
    let Stage { mut world, ann, group, page, .. } = stage(7);
    write(&mut world, 0, ann, page, CANARY);
    world.done(0, ann, Command::SetRetention { group, days: Some(30) });
    for _ in 0..4 {
        world.now.0 += 20 * DAY_MS;
        world.pass(10);
        write(&mut world, 0, ann, page, "still written in");
    }
    assert!(document(&world, 0, page).plain().contains(CANARY));
    world.now.0 += 40 * DAY_MS;
    world.pass(60);
    assert!(!holds(&world, 0, CANARY.as_bytes()), "nothing of it stands");
    assert_eq!(titles(&world, 0, ann, group, PagesOf::Shelf), Vec::<String>::new());
}

#[test]
fn nothing_of_a_page_stays_at_a_site_that_left_its_group() {
    let Stage { mut world, ann, ben, group, page } = stage(8);
    write(&mut world, 0, ann, page, CANARY);
    world.deliver();
    world.pass(5);
    assert!(holds(&world, 1, CANARY.as_bytes()));
    world.done(1, ben, Command::LeaveGroup(group));
    world.deliver();
    world.pass(60);
    world.now.0 += 2 * 60 * 60 * 1_000;
    world.pass(60);
    assert!(!holds(&world, 1, CANARY.as_bytes()));
    let of_page = |key: &[u8]| b"pinzcgT".contains(&key[0]);
    assert!(!world.sites[1].store.rows().iter().any(|(key, _)| of_page(key)), "no row of it either");
    assert!(document(&world, 0, page).plain().contains(CANARY));
}

fn comment(page: EntryId, words: &str) -> Command {
    let anchor = Anchor { start: "2@ab".into(), end: "5@ab".into(), quote: CANARY.into() };
    Command::CommentPage { page, answers: None, comment: PageComment { text: words.into(), anchor: Some(anchor) } }
}

fn answer(page: EntryId, to: EntryId, words: &str) -> Command {
    let comment = PageComment { text: words.into(), anchor: None };
    Command::CommentPage { page, answers: Some(to), comment }
}

/// Each comment with whether it is settled, and its answers.
fn said(world: &World, at: usize, who: UserId, page: EntryId) -> Vec<(String, bool, Vec<String>)> {
    let threads = world.read(at, |reader| reader.page_comments(who, page)).expect("the page is theirs");
    let of = |thread: protocol::engine::query::PageThreadView| {
        let answers = thread.answers.into_iter().map(|answer| answer.text).collect();
        (thread.said.text, thread.settled.is_some(), answers)
    };
    threads.into_iter().map(of).collect()
}

fn meet(world: &mut World) {
    world.connect_all();
    world.deliver();
    world.pass(10);
}

#[test]
fn what_is_said_on_a_page_at_two_sites_apart_is_the_same_at_both_in_the_end() {
    let Stage { mut world, ann, ben, page, .. } = stage(9);
    let first = world.done(0, ann, comment(page, "why yellow?"));
    meet(&mut world);
    world.cut(0, 1);
    world.done(1, ben, answer(page, first, "it was there"));
    world.done(0, ann, Command::SettleComment { comment: first, settle: PageSettle { on: true } });
    world.done(0, ann, Command::Edit { target: first, title: String::new(), text: "why so yellow?".into() });
    let other = world.done(1, ben, comment(page, "second"));
    meet(&mut world);
    let expected = [
        ("why so yellow?".to_owned(), true, vec!["it was there".to_owned()]),
        ("second".to_owned(), false, Vec::new()),
    ];
    assert_eq!(said(&world, 0, ann, page), expected);
    assert_eq!(said(&world, 1, ben, page), expected);
    world.done(1, ben, Command::SettleComment { comment: first, settle: PageSettle { on: false } });
    world.done(1, ben, Command::Delete { target: other });
    meet(&mut world);
    assert_eq!(said(&world, 0, ann, page), [("why so yellow?".to_owned(), false, vec!["it was there".to_owned()])]);
    // Answers go with what they answer.
    world.done(0, ann, Command::Delete { target: first });
    meet(&mut world);
    assert_eq!(said(&world, 1, ben, page), []);
    world.restart(1);
    assert_eq!(said(&world, 1, ben, page), []);
}

#[test]
fn who_may_not_comment_does_not_and_nothing_is_said_where_nothing_is() {
    let Stage { mut world, ann, ben, group, page } = stage(10);
    let first = world.done(0, ann, comment(page, "one"));
    let reply = world.done(0, ann, answer(page, first, "two"));
    let refused = |world: &mut World, command| world.ask(0, Some(ann), command);
    assert_eq!(refused(&mut world, answer(page, reply, "three")), Answer::Refused(Refusal::Invalid));
    assert_eq!(refused(&mut world, answer(page, page, "three")), Answer::Refused(Refusal::NotFound));
    assert_eq!(refused(&mut world, comment(first, "on a comment")), Answer::Refused(Refusal::NotFound));
    assert_eq!(refused(&mut world, comment(page, " ")), Answer::Refused(Refusal::Empty));
    world.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Reader });
    meet(&mut world);
    assert_eq!(said(&world, 1, ben, page).len(), 1, "readers read");
    for command in [comment(page, "x"), answer(page, first, "x")] {
        assert_eq!(world.ask(1, Some(ben), command), Answer::Refused(Refusal::Forbidden));
    }
    let settle = Command::SettleComment { comment: first, settle: PageSettle { on: true } };
    assert_eq!(world.ask(1, Some(ben), settle), Answer::Refused(Refusal::Forbidden));
    world.done(0, ann, Command::TrashPage { page, trash: PageTrash { on: true } });
    assert_eq!(refused(&mut world, comment(page, "x")), Answer::Refused(Refusal::NotFound));
}

#[test]
fn comments_of_who_is_removed_meanwhile_do_not_count() {
    let Stage { mut world, ann, ben, group, page } = stage(11);
    world.done(1, ben, comment(page, "in time"));
    meet(&mut world);
    world.cut(0, 1);
    world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    world.done(1, ben, comment(page, "late"));
    meet(&mut world);
    assert_eq!(said(&world, 0, ann, page), [("in time".to_owned(), false, Vec::new())]);
}

#[test]
fn a_person_who_is_erased_with_their_words_leaves_no_comment() {
    let Stage { mut world, ann, ben, page, .. } = stage(12);
    let first = world.done(1, ben, comment(page, "by Ben"));
    meet(&mut world);
    world.done(0, ann, answer(page, first, "by Ann"));
    world.done(0, ann, Command::ErasePerson { user: ben, words: Words::Go, reason: "asked for".into() });
    meet(&mut world);
    world.pass(30);
    assert_eq!(said(&world, 0, ann, page), []);
    assert!(!holds(&world, 0, b"by Ben") && !holds(&world, 0, CANARY.as_bytes()));
}

#[test]
fn an_erased_page_is_gone_everywhere_with_what_was_said_on_it() {
    let Stage { mut world, ann, ben, group, page } = stage(13);
    write(&mut world, 0, ann, page, CANARY);
    world.done(0, ann, comment(page, "look"));
    meet(&mut world);
    assert!(holds(&world, 1, CANARY.as_bytes()));
    let erase = || Command::Erase { target: page, reason: String::new() };
    assert_eq!(world.ask(1, Some(ben), erase()), Answer::Refused(Refusal::Forbidden), "a page is nobody's own words");
    world.done(0, ann, erase());
    meet(&mut world);
    world.pass(60);
    for at in [0, 1] {
        assert!(!holds(&world, at, CANARY.as_bytes()), "nothing of it stands at site {at}");
    }
    assert_eq!(titles(&world, 1, ben, group, PagesOf::Shelf), Vec::<String>::new());
    assert!(world.read(1, |reader| reader.page(ben, page)).is_none());
    assert_eq!(document(&world, 1, page).plain(), "");
}

fn window(session: u64, user: UserId) -> Window {
    Window { session, user, place: Some(Place { anchor: "4@ab".into(), head: "7@ab".into() }) }
}

/// What a site takes of a peer's word.
fn taken(world: &mut World, at: usize, by: usize, here: Here) -> Vec<FarHere> {
    let (peer, bytes) = (world.node(by), Request::Here { here }.encode());
    let effects = world.input(at, Input::PeerRequest { peer, token: 9, bytes });
    let heres = effects.into_iter().filter_map(|effect| match effect {
        Effect::Here(here) => Some(here),
        _ => None,
    });
    heres.collect()
}

#[test]
fn who_is_at_a_page_is_told_to_the_sites_of_its_group_and_kept_nowhere() {
    let Stage { mut world, ann, ben, page, .. } = stage(41);
    let elsewhere = world.add_site();
    world.admit(0, ann, elsewhere, "Eve");
    world.connect_all();
    world.deliver();
    world.pass(3);
    let here = Here { page, windows: vec![window(1, ann), window(2, ben)] };
    world.input(0, Input::Here { here: here.clone(), to: Audience::Everybody });
    world.deliver();
    let told = FarHere { page, node: world.node(0), windows: vec![window(1, ann)] };
    assert_eq!(world.sites[1].heres, [told], "ben is at home at the other site, which speaks for him");
    assert!(world.sites[elsewhere].heres.is_empty(), "who does not hold the group hears nothing");
    let nobody = Audience::Nodes(BTreeSet::from([world.node(elsewhere)]));
    world.input(0, Input::Here { here: here.clone(), to: nobody });
    world.cut(0, 1);
    world.input(0, Input::Here { here, to: Audience::Everybody });
    world.connect_all();
    world.deliver();
    assert_eq!(world.sites[1].heres.len(), 1, "what is lost is not said again");
    assert!(world.sites[elsewhere].heres.is_empty());
    assert!((0..3).all(|at| !holds(&world, at, b"4@ab")));
}

#[test]
fn a_site_speaks_for_its_own_people_alone_and_only_where_they_may_read() {
    let Stage { mut world, ann, ben, group, page } = stage(42);
    let lie = Here { page, windows: vec![window(1, ann), window(2, ben), window(3, UserId([9; 16]))] };
    let heard = taken(&mut world, 0, 1, lie.clone());
    assert_eq!(heard[0].windows, [window(2, ben)]);
    let nowhere = Here { page: EntryId([3; 32]), windows: vec![window(2, ben)] };
    assert!(taken(&mut world, 0, 1, nowhere).is_empty());
    world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    assert!(taken(&mut world, 0, 1, lie).is_empty(), "the site holds nothing of the group any more");
}

#[test]
fn words_about_who_is_where_are_bounded_in_size_and_number() {
    let Stage { mut world, ben, page, .. } = stage(43);
    let long = Place { anchor: "4@ab".into(), head: "7".repeat(PLACE_BYTES_MAX + 1) };
    let odd = Place { anchor: "<4@ab>\n".into(), head: "7@ab".into() };
    for place in [long, odd] {
        let windows = vec![Window { place: Some(place), ..window(2, ben) }];
        assert!(taken(&mut world, 0, 1, Here { page, windows }).is_empty());
    }
    let crowd = (0..=WINDOWS_MAX as u64).map(|session| window(session, ben)).collect();
    assert!(taken(&mut world, 0, 1, Here { page, windows: crowd }).is_empty());
    world.pass(2);
    let one = Here { page, windows: vec![window(2, ben)] };
    let heard: usize = (0..2 * HERE_PER_SECOND_MAX).map(|_| taken(&mut world, 0, 1, one.clone()).len()).sum();
    assert_eq!(heard, HERE_PER_SECOND_MAX as usize);
    world.pass(2);
    assert_eq!(taken(&mut world, 0, 1, one).len(), 1, "the next second is another");
}

#[test]
fn a_page_in_quarantine_is_an_alarm_until_it_can_be_shown_again() {
    let Stage { mut world, page, group, .. } = stage(44);
    let alarms = |world: &World| world.read(0, |reader| reader.view.alarms());
    world.input(0, Input::PageQuarantined(EntryId([3; 32])));
    assert!(alarms(&world).is_empty(), "there is no such page");
    world.input(0, Input::PageQuarantined(page));
    world.input(0, Input::PageQuarantined(page));
    world.restart(0);
    let [(_, alarm)] = &alarms(&world)[..] else { panic!("one alarm: {:?}", alarms(&world)) };
    assert_eq!((alarm.kind, alarm.page, alarm.scope), (AlarmKind::Page, Some(page), Some(group.into())));
    world.input(0, Input::PageSound(page));
    assert!(alarms(&world).is_empty());
}

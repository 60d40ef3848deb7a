//! The file space through engines: folders and files named, moved, renewed and thrown away at several sites at once.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::{Answer, Refusal};
use protocol::engine::input::{Attachment, Command, SpaceTrash, SpaceWish, Words};
use protocol::engine::query::{SpaceItemView, SpaceKind, WordsOf};
use protocol::ids::{BlobId, EntryId, GroupId, UserId};
use protocol::limits::{FOLDER_DEPTH_MAX, KEPT_EVERYWHERE_BYTES_MAX};
use world::World;

const CANARY: &str = "un canari jaune.txt";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Ann of site 0, Ben of site 1, Eve of site 2, a group of all.
struct Stage {
    world: World,
    people: [UserId; 3],
    group: GroupId,
}

fn stage(seed: u64) -> Stage {
    let mut world = World::new(seed);
    let (a, b, c) = (world.add_site(), world.add_site(), world.add_site());
    let ann = world.found(a);
    let ben = world.admit(a, ann, b, "Ben");
    let eve = world.admit(a, ann, c, "Eve");
    let (kind, access) = (GroupKind::Trade, Access::Closed);
    let create = Command::CreateGroup { name: "Chantiers".into(), purpose: String::new(), kind, access };
    let group = GroupId::from(world.done(a, ann, create));
    meet(&mut world);
    world.done(a, ann, Command::Grant { group, users: vec![ben, eve], role: Role::Member });
    meet(&mut world);
    Stage { world, people: [ann, ben, eve], group }
}

fn meet(world: &mut World) {
    world.connect_all();
    world.deliver();
    world.pass(10);
}

fn apart(world: &mut World) {
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        world.cut(a, b);
    }
}

fn content(name: &str, size: u64) -> Attachment {
    let mut blob = [7; 32];
    blob[..8].copy_from_slice(&size.to_be_bytes());
    blob[8] = name.len() as u8;
    Attachment { blob: BlobId(blob), name: name.into(), size, media_type: "text/plain".into(), picture: None }
}

fn folder(group: GroupId, within: Option<EntryId>, name: &str) -> Command {
    Command::Space(SpaceWish::Folder { group, within, name: name.into() })
}

fn file(group: GroupId, within: Option<EntryId>, name: &str) -> Command {
    Command::Space(SpaceWish::File { group, within, content: content(name, 10) })
}

fn put(item: EntryId, within: Option<EntryId>) -> Command {
    Command::Space(SpaceWish::Place { item, within })
}

fn called(item: EntryId, name: &str) -> Command {
    Command::Space(SpaceWish::Name { item, name: name.into() })
}

fn trash(item: EntryId, on: bool) -> Command {
    Command::Space(SpaceWish::Trash { item, trash: SpaceTrash { on } })
}

fn listed(world: &World, at: usize, who: UserId, group: GroupId, within: Option<EntryId>) -> Vec<SpaceItemView> {
    world.read(at, |reader| reader.space(who, group, within)).expect("the folder is there").items
}

fn names(world: &World, at: usize, who: UserId, group: GroupId, within: Option<EntryId>) -> Vec<String> {
    let shown = |item: SpaceItemView| protocol::engine::read::space::numbered(&item.name, item.number);
    listed(world, at, who, group, within).into_iter().map(shown).collect()
}

/// Everything that stands somewhere, with its path.
fn whole(world: &World, at: usize, who: UserId, group: GroupId) -> Vec<String> {
    let mut left = vec![(None, String::new())];
    let mut found = Vec::new();
    while let Some((within, path)) = left.pop() {
        for item in listed(world, at, who, group, within) {
            let path = format!("{path}/{}", protocol::engine::read::space::numbered(&item.name, item.number));
            if item.kind() == SpaceKind::Folder {
                left.push((Some(item.id), path.clone()));
            }
            found.push(path);
            assert!(found.len() < 1_000, "no cycle");
        }
    }
    found.sort();
    found
}

#[test]
fn folders_and_files_are_listed_by_name_at_every_site() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(1);
    let plans = world.done(0, ann, folder(group, None, "Plans"));
    world.done(0, ann, file(group, None, "b.txt"));
    world.done(0, ann, file(group, None, "A.txt"));
    meet(&mut world);
    world.done(1, ben, file(group, Some(plans), "toit.pdf"));
    meet(&mut world);
    assert_eq!(names(&world, 1, ben, group, None), ["Plans", "A.txt", "b.txt"]);
    assert_eq!(names(&world, 0, ann, group, Some(plans)), ["toit.pdf"]);
    let listing = world.read(1, |reader| reader.space(ben, group, Some(plans))).unwrap();
    assert_eq!(listing.path, [(plans, "Plans".to_owned())]);
    world.rebuild(0);
    assert_eq!(whole(&world, 0, ann, group), ["/A.txt", "/Plans", "/Plans/toit.pdf", "/b.txt"]);
}

#[test]
fn of_two_names_the_newest_counts_and_of_two_places_too() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(2);
    let one = world.done(0, ann, folder(group, None, "Un"));
    let two = world.done(0, ann, folder(group, None, "Deux"));
    let plan = world.done(0, ann, file(group, None, "plan.txt"));
    meet(&mut world);
    apart(&mut world);
    world.done(0, ann, called(plan, "plan de Paris.txt"));
    world.done(0, ann, put(plan, Some(one)));
    world.pass(2);
    world.done(1, ben, called(plan, "plan de Lyon.txt"));
    world.done(1, ben, put(plan, Some(two)));
    meet(&mut world);
    for (at, who) in [(0, ann), (1, ben)] {
        assert_eq!(whole(&world, at, who, group), ["/Deux", "/Deux/plan de Lyon.txt", "/Un"]);
    }
}

#[test]
fn two_folders_put_into_each_other_at_two_sites_make_no_cycle() {
    let Stage { mut world, people: [ann, ben, eve], group } = stage(3);
    let one = world.done(0, ann, folder(group, None, "Un"));
    let two = world.done(0, ann, folder(group, None, "Deux"));
    let inner = world.done(0, ann, folder(group, Some(two), "Dedans"));
    world.done(0, ann, file(group, Some(inner), "plan.txt"));
    meet(&mut world);
    assert_eq!(world.ask(0, Some(ann), put(two, Some(inner))), Answer::Refused(Refusal::Invalid));
    assert_eq!(world.ask(0, Some(ann), put(two, Some(two))), Answer::Refused(Refusal::Invalid));
    apart(&mut world);
    world.done(0, ann, put(one, Some(inner)));
    world.pass(2);
    world.done(1, ben, put(two, Some(one)));
    world.done(2, eve, put(inner, Some(one)));
    meet(&mut world);
    let here = whole(&world, 0, ann, group);
    assert_eq!(here, ["/Deux", "/Deux/Dedans", "/Deux/Dedans/Un", "/Deux/Dedans/plan.txt"]);
    assert_eq!(whole(&world, 1, ben, group), here);
    assert_eq!(whole(&world, 2, eve, group), here);
}

/// Three people move five folders and two files at random while apart, meet in an order of their own, and see the same;
/// again after their rows were made anew.
#[test]
fn whatever_is_moved_where_and_in_whatever_order_it_arrives_all_see_the_same_tree() {
    for seed in 100..130 {
        let Stage { mut world, people, group } = stage(seed);
        let ann = people[0];
        let mut items: Vec<EntryId> =
            (0..5).map(|n| world.done(0, ann, folder(group, None, &format!("d{n}")))).collect();
        items.extend((0..2).map(|n| world.done(0, ann, file(group, None, &format!("f{n}")))).collect::<Vec<_>>());
        meet(&mut world);
        for _ in 0..2 {
            apart(&mut world);
            for _ in 0..12 {
                let at = world.below(3) as usize;
                let item = items[world.below(7) as usize];
                let within = items.get(world.below(6) as usize).copied().filter(|within| *within != item);
                let within = within.filter(|within| items[..5].contains(within));
                // Some are refused: what would make a cycle here is one at once.
                world.ask(at, Some(people[at]), put(item, within));
                if world.below(3) == 0 {
                    world.pass(1);
                }
            }
            // Pairs meet one after the other, so that each hears of the others in another order.
            let mut pairs = vec![(0, 1), (1, 2), (0, 2)];
            let first = world.below(3) as usize;
            pairs.rotate_left(first);
            for (a, b) in pairs {
                world.connect(a, b);
                world.deliver();
                world.pass(3);
            }
            meet(&mut world);
            let here = whole(&world, 0, ann, group);
            assert_eq!(here.len(), 7, "seed {seed}: each is reached once: {here:?}");
            for (at, who) in people.iter().enumerate() {
                assert_eq!(whole(&world, at, *who, group), here, "seed {seed}, site {at}");
            }
            world.rebuild(1);
            assert_eq!(whole(&world, 1, people[1], group), here, "seed {seed}, made anew");
        }
    }
}

#[test]
fn what_stands_in_a_folder_is_hidden_with_it_and_comes_back_with_it() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(4);
    let plans = world.done(0, ann, folder(group, None, "Plans"));
    let plan = world.done(0, ann, file(group, Some(plans), "plan.txt"));
    meet(&mut world);
    assert_eq!(world.ask(1, Some(ben), trash(plans, true)), Answer::Refused(Refusal::Forbidden), "it is Ann's");
    world.done(0, ann, trash(plans, true));
    meet(&mut world);
    assert_eq!(names(&world, 1, ben, group, None), Vec::<String>::new());
    let thrown = world.read(1, |reader| reader.space_trash(ben, group)).unwrap().items;
    assert_eq!(thrown.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["Plans"]);
    assert!(world.read(1, |reader| reader.words(plan)).is_none(), "it is not found either");
    assert!(world.read(1, |reader| reader.space_item(ben, plan)).is_some_and(|item| item.hidden && !item.may.edit));
    let refused = Answer::Refused(Refusal::NotFound);
    assert_eq!(world.ask(1, Some(ben), file(group, Some(plans), "x.txt")), refused);
    // Moved out while the folder is in the trash, it shows again.
    world.done(1, ben, put(plan, None));
    meet(&mut world);
    assert_eq!(names(&world, 0, ann, group, None), ["plan.txt"]);
    let words = world.read(0, |reader| reader.words(plan)).expect("found");
    assert_eq!((words.of, words.title.as_str(), words.attachments.len()), (WordsOf::File, "plan.txt", 1));
    world.done(0, ann, trash(plans, false));
    meet(&mut world);
    assert_eq!(names(&world, 1, ben, group, None), ["Plans", "plan.txt"]);
}

#[test]
fn a_file_has_versions_and_the_newest_is_shown() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(5);
    let plan = world.done(0, ann, file(group, None, "plan.txt"));
    meet(&mut world);
    let renew = |size| Command::Space(SpaceWish::Version { file: plan, content: content("plan (2).txt", size) });
    apart(&mut world);
    world.done(0, ann, renew(20));
    world.pass(2);
    world.done(1, ben, renew(30));
    meet(&mut world);
    for (at, who) in [(0, ann), (1, ben)] {
        let versions = world.read(at, |reader| reader.file_versions(who, plan)).unwrap();
        assert_eq!(versions.iter().map(|version| version.content.size).collect::<Vec<_>>(), [30, 20, 10]);
        let shown = listed(&world, at, who, group, None);
        let view = shown[0].file.as_ref().unwrap();
        assert_eq!((view.content.name.as_str(), view.content.size, view.versions), ("plan.txt", 30, 3));
        assert!(world.read(at, |reader| reader.blob(who, content("plan.txt", 10).blob)).is_some(), "the old too");
    }
}

#[test]
fn files_of_one_name_are_told_apart_by_age() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(6);
    apart(&mut world);
    world.done(0, ann, file(group, None, "plan.txt"));
    world.pass(2);
    world.done(1, ben, file(group, None, "Plan.txt"));
    world.done(1, ben, folder(group, None, "Plan.txt"));
    meet(&mut world);
    for (at, who) in [(0, ann), (1, ben)] {
        assert_eq!(names(&world, at, who, group, None), ["Plan (3).txt", "plan.txt", "Plan (2).txt"]);
    }
}

#[test]
fn readers_read_and_put_nothing_in() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(7);
    let plan = world.done(0, ann, file(group, None, "plan.txt"));
    world.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Reader });
    meet(&mut world);
    assert_eq!(names(&world, 1, ben, group, None), ["plan.txt"]);
    assert!(!listed(&world, 1, ben, group, None)[0].may.edit);
    for command in [folder(group, None, "x"), file(group, None, "x"), called(plan, "x"), put(plan, None)] {
        assert_eq!(world.ask(1, Some(ben), command), Answer::Refused(Refusal::Forbidden));
    }
}

#[test]
fn names_are_no_paths_and_depth_has_an_end() {
    let Stage { mut world, people: [ann, ..], group } = stage(8);
    for (name, refusal) in [
        ("a/b", Refusal::Invalid),
        ("..", Refusal::Invalid),
        ("a\nb", Refusal::Invalid),
        (" ", Refusal::Empty),
        (&"x".repeat(201), Refusal::TooLong),
    ] {
        assert_eq!(world.ask(0, Some(ann), folder(group, None, name)), Answer::Refused(refusal), "{name}");
    }
    let mut within = None;
    for _ in 0..FOLDER_DEPTH_MAX {
        within = Some(world.done(0, ann, folder(group, within, "d")));
    }
    assert_eq!(world.ask(0, Some(ann), folder(group, within, "d")), Answer::Refused(Refusal::LimitReached));
}

#[test]
fn what_a_removed_person_moves_later_does_not_count() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(9);
    let plans = world.done(0, ann, folder(group, None, "Plans"));
    let plan = world.done(0, ann, file(group, None, "plan.txt"));
    meet(&mut world);
    apart(&mut world);
    world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    world.done(1, ben, put(plan, Some(plans)));
    world.done(1, ben, called(plans, "Mine"));
    meet(&mut world);
    assert_eq!(whole(&world, 0, ann, group), ["/Plans", "/plan.txt"]);
}

fn holds(world: &World, at: usize, needle: &str) -> bool {
    let within = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    let store = &world.sites[at].store;
    store.records().any(|(_, record)| within(record))
        || store.rows().iter().any(|(key, row)| within(key) || within(row))
}

#[test]
fn an_erased_file_is_gone_everywhere_with_its_names_and_its_bytes() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(10);
    let plan = world.done(0, ann, file(group, None, CANARY));
    world.done(0, ann, called(plan, &format!("encore {CANARY}")));
    meet(&mut world);
    assert!(holds(&world, 1, CANARY));
    let erase = || Command::Erase { target: plan, reason: String::new() };
    assert_eq!(world.ask(1, Some(ben), erase()), Answer::Refused(Refusal::Forbidden), "a file is the group's");
    world.done(0, ann, erase());
    meet(&mut world);
    world.pass(60);
    for (at, who) in [(0, ann), (1, ben)] {
        assert!(!holds(&world, at, CANARY), "nothing of it stands at site {at}");
        assert_eq!(names(&world, at, who, group, None), Vec::<String>::new());
        assert!(world.sites[at].removed.contains(&content(CANARY, 10).blob), "its bytes are freed at site {at}");
    }
}

#[test]
fn files_stay_when_who_put_them_in_goes_and_go_by_age_when_nobody_uses_them() {
    let Stage { mut world, people: [ann, ben, _], group } = stage(11);
    let plan = world.done(1, ben, file(group, None, CANARY));
    meet(&mut world);
    world.done(0, ann, Command::ErasePerson { user: ben, words: Words::Go, reason: "asked for".into() });
    meet(&mut world);
    world.pass(30);
    assert_eq!(names(&world, 0, ann, group, None), [CANARY]);
    assert!(world.read(0, |reader| reader.blob(ann, content(CANARY, 10).blob)).is_some());
    world.done(0, ann, Command::SetRetention { group, days: Some(30) });
    world.now.0 += 20 * DAY_MS;
    world.pass(10);
    world.done(0, ann, called(plan, &format!("encore {CANARY}")));
    world.now.0 += 20 * DAY_MS;
    world.pass(10);
    assert_eq!(names(&world, 0, ann, group, None), [format!("encore {CANARY}")], "somebody named it meanwhile");
    world.now.0 += 20 * DAY_MS;
    world.pass(60);
    assert_eq!(names(&world, 0, ann, group, None), Vec::<String>::new());
    assert!(!holds(&world, 0, CANARY));
}

#[test]
fn large_files_are_fetched_by_their_custodians_alone() {
    let mut world = World::new(12);
    let a = world.add_site();
    let ann = world.found(a);
    let others: Vec<UserId> = (1..6)
        .map(|n| {
            let at = world.add_site();
            world.admit(a, ann, at, &format!("P{n}"))
        })
        .collect();
    let (kind, access) = (GroupKind::Trade, Access::Closed);
    let create = Command::CreateGroup { name: "G".into(), purpose: String::new(), kind, access };
    let group = GroupId::from(world.done(a, ann, create));
    meet(&mut world);
    world.done(a, ann, Command::Grant { group, users: others.clone(), role: Role::Member });
    meet(&mut world);
    let (small, large) = (content("small", KEPT_EVERYWHERE_BYTES_MAX), content("large", KEPT_EVERYWHERE_BYTES_MAX + 1));
    for content in [small.clone(), large.clone()] {
        world.done(a, ann, Command::Space(SpaceWish::File { group, within: None, content }));
    }
    meet(&mut world);
    let fetched = |blob| world.sites.iter().filter(|site| site.fetches.contains(&blob)).count();
    assert_eq!((fetched(small.blob), fetched(large.blob)), (5, 2));
    for (at, who) in others.iter().enumerate() {
        let wanted = world.read(at + 1, |reader| reader.wanted(10));
        let keeps = world.sites[at + 1].fetches.contains(&large.blob);
        assert_eq!(wanted.iter().any(|(blob, ..)| *blob == large.blob), keeps);
        let item = listed(&world, at + 1, *who, group, None).into_iter().find(|item| item.name == "large").unwrap();
        assert!(item.file.unwrap().reachable_at.is_some());
    }
}

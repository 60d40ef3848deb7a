//! Bundles at the engine's door: sites that never connect and come to hold the same by files; what a bundle may carry;
//! what was cut, changed or forged.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use protocol::bundle::{BundleError, Frames, Item, Opener, Sealer};
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::{Begun, BundleAnswer, BundleRefusal, Effect, Taken};
use protocol::engine::input::{Attachment, BundleAsk, Command, Input, Reach, Rights};
use protocol::ids::{BlobId, GroupId, SiteId, UserId};
use protocol::store::Store;
use protocol::store::keys::{Key, table};
use std::collections::BTreeSet;
use world::World;

fn ask(world: &mut World, at: usize, ask: BundleAsk) -> BundleAnswer {
    let effects = world.input(at, Input::Bundle { token: 3, ask });
    let mut answers = effects.into_iter().filter_map(|effect| match effect {
        Effect::Bundle { token: 3, answer } => Some(answer),
        _ => None,
    });
    answers.next().expect("every question is answered at once")
}

fn begin(world: &mut World, from: usize, to: usize, reach: Reach) -> Result<Begun, BundleRefusal> {
    let site = world.sites[to].site;
    match ask(world, from, BundleAsk::Begin { site, reach }) {
        BundleAnswer::Begun(begun) => Ok(*begun),
        BundleAnswer::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

/// The frames of a bundle, the opening first, made as the program makes it. Files are their names alone.
fn made(world: &mut World, from: usize, to: usize, reach: Reach) -> Vec<Vec<u8>> {
    let begun = begin(world, from, to, reach).expect("it may be made");
    let (reader, mut sealer) = (begun.reader, Sealer::new(begun.key));
    let mut frames = vec![begun.opening];
    let mut parts = begun.parts.clone();
    while !parts.is_empty() {
        let BundleAnswer::Batches { batches, left, .. } = ask(world, from, BundleAsk::Batches { reader, parts }) else {
            panic!("batches are given")
        };
        frames.extend((!batches.is_empty()).then(|| sealer.seal(&Item::Entries { batches })));
        parts = left;
    }
    let mut after = None;
    loop {
        let BundleAnswer::Helds { helds, next } = ask(world, from, BundleAsk::Helds { reader, after }) else {
            panic!("statements are given")
        };
        frames.extend((!helds.is_empty()).then(|| sealer.seal(&Item::Helds { helds })));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let files = world.read(from, |view| view.bundle_files(&reader, &begun.parts, None)).files;
    frames.extend(files.into_iter().map(|blob| sealer.seal(&Item::File { blob, size: 0 })));
    frames.push(sealer.seal(&Item::End));
    frames
}

#[derive(Debug, PartialEq)]
enum Stopped {
    Format(BundleError),
    Refused(BundleRefusal),
}

/// What a site took of a file, and the files named in it.
fn take(world: &mut World, at: usize, bytes: &[u8]) -> (Taken, Vec<BlobId>, Result<(), Stopped>) {
    let (mut sum, mut files) = (Taken::default(), Vec::new());
    let outcome = take_into(world, at, bytes, &mut sum, &mut files);
    (sum, files, outcome)
}

fn take_into(
    world: &mut World,
    at: usize,
    bytes: &[u8],
    sum: &mut Taken,
    files: &mut Vec<BlobId>,
) -> Result<(), Stopped> {
    let mut frames = Frames::default();
    frames.push(bytes);
    let Some(opened) = frames.opening().map_err(Stopped::Format)? else { return Err(Stopped::Format(frames.ended())) };
    let (key, from) = match ask(world, at, BundleAsk::Open(opened)) {
        BundleAnswer::Opened { key, from, .. } => (key, from),
        BundleAnswer::Refused(refusal) => return Err(Stopped::Refused(refusal)),
        other => panic!("{other:?}"),
    };
    let mut opener = Opener::new(key);
    while let Some(record) = frames.record().map_err(Stopped::Format)? {
        let question = match opener.open(&record).map_err(Stopped::Format)? {
            Item::Entries { batches } => BundleAsk::TakeBatches { from, batches },
            Item::Helds { helds } => BundleAsk::TakeHelds { from, helds },
            Item::File { blob, .. } => {
                files.push(blob);
                continue;
            }
            Item::Piece { .. } | Item::End | Item::Packed { .. } => continue,
        };
        let BundleAnswer::Taken(taken) = ask(world, at, question) else { panic!("it is taken") };
        sum.entries += taken.entries;
        sum.new += taken.new;
        sum.left_out += taken.left_out;
        sum.groups.extend(taken.groups);
        sum.gaps.extend(taken.gaps);
        sum.fault |= taken.fault;
    }
    if opener.is_over() { Ok(()) } else { Err(Stopped::Format(frames.ended())) }
}

/// A file from one site to another; everything in it is good.
fn carry(world: &mut World, from: usize, to: usize) -> (Taken, Vec<BlobId>) {
    let bytes = made(world, from, to, Reach::Since).concat();
    let (taken, files, outcome) = take(world, to, &bytes);
    assert_eq!(outcome, Ok(()));
    assert!(!taken.fault && taken.left_out == 0 && taken.gaps.is_empty(), "{taken:?}");
    world.pass(2);
    (taken, files)
}

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

fn make_group(world: &mut World, at: usize, by: UserId, access: Access) -> GroupId {
    let command =
        Command::CreateGroup { name: "Îles".into(), purpose: "Sans ligne".into(), kind: GroupKind::Trade, access };
    GroupId::from(world.done(at, by, command))
}

/// Ann founds site 0, Ben is of site 1; the two never connect. They share a group: Ben's registration came by file, and
/// so did what admits him.
fn two_apart() -> (World, UserId, UserId, GroupId) {
    let mut world = World::new(1);
    let (a, b) = (world.add_site(), world.add_site());
    let ann = world.found(a);
    let ben = world.admit(a, ann, b, "Ben");
    carry(&mut world, b, a);
    let group = make_group(&mut world, a, ann, Access::Closed);
    world.done(a, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
    carry(&mut world, a, b);
    (world, ann, ben, group)
}

fn entries(world: &World, at: usize) -> BTreeSet<Vec<u8>> {
    let (from, to) = Key::of(table::ENTRY).prefix();
    let rows = world.sites[at].store.range(&from, &to, usize::MAX, protocol::store::Direction::Forward);
    rows.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn two_sites_that_never_meet_exchange_everything_by_file_and_know_it() {
    let (mut world, ann, ben, group) = two_apart();
    let blob = BlobId([8; 32]);
    let picture = Attachment { blob, name: "plan.png".into(), size: 9, media_type: "image/png".into(), picture: None };
    let attachments = vec![picture];
    let command = Command::CreatePost { group, title: String::new(), text: "Un plan".into(), attachments };
    let id = world.done(0, ann, command);
    let (_, files) = carry(&mut world, 0, 1);
    assert_eq!(files, [blob]);
    assert!(world.sites[1].fetches.contains(&blob), "the file is wanted there, whether by line or by file");
    assert_eq!(world.feed(1, ben, group), ["Un plan"]);
    world.done(1, ben, Command::CreateComment { post: id, text: "Merci".into() });
    world.done(1, ben, post(group, "De l'autre rive"));
    let seen = world.read(0, |reader| reader.post(ann, id)).expect("Ann's own");
    assert_eq!((seen.delivery.received, seen.delivery.of), (1, 2), "nobody has told yet");
    carry(&mut world, 1, 0);
    let seen = world.read(0, |reader| reader.post(ann, id)).expect("Ann's own");
    assert_eq!(
        (seen.delivery.received, seen.delivery.of, seen.comments),
        (2, 2, 1),
        "the way back brings the statement"
    );
    assert_eq!(world.feed(0, ann, group), ["De l'autre rive", "Un plan"]);
    assert_eq!(entries(&world, 0), entries(&world, 1));
    // What one site holds of the other's words is known to both, and a file with nothing new has no entries.
    carry(&mut world, 0, 1);
    carry(&mut world, 1, 0);
    assert_eq!(carry(&mut world, 0, 1).0.entries, 0);
    // Meeting after all, they find at once that they are equal.
    world.connect_all();
    world.deliver();
    assert!(world.read(0, |reader| reader.sites())[1].nodes[0].up_to_date.is_some());
}

#[test]
fn a_file_taken_twice_or_late_changes_nothing() {
    let (mut world, ann, ben, group) = two_apart();
    world.done(0, ann, post(group, "one"));
    let first = made(&mut world, 0, 1, Reach::Since).concat();
    world.done(0, ann, post(group, "two"));
    let second = made(&mut world, 0, 1, Reach::Since).concat();
    let (taken, ..) = take(&mut world, 1, &second);
    assert!(taken.new > 0);
    let before = entries(&world, 1);
    for bytes in [&second, &first] {
        let (taken, _, outcome) = take(&mut world, 1, bytes);
        assert_eq!((taken.new, outcome), (0, Ok(())));
    }
    assert_eq!(entries(&world, 1), before);
    assert_eq!(world.feed(1, ben, group), ["two", "one"]);
}

#[test]
fn a_site_that_lost_its_disk_is_told_what_is_missing_and_gets_everything_on_request() {
    let (mut world, ann, ben, group) = two_apart();
    world.copy(1);
    world.done(0, ann, post(group, "one"));
    carry(&mut world, 0, 1);
    carry(&mut world, 1, 0);
    world.done(0, ann, post(group, "two"));
    // An old copy of its disk comes back: it has stated to hold more than it does.
    assert!(world.restore(1));
    let since = made(&mut world, 0, 1, Reach::Since).concat();
    let (taken, _, outcome) = take(&mut world, 1, &since);
    assert_eq!((taken.gaps.len(), taken.left_out, outcome), (1, 1, Ok(())));
    assert!(world.feed(1, ben, group).is_empty());
    let everything = made(&mut world, 0, 1, Reach::Everything).concat();
    assert!(take(&mut world, 1, &everything).0.gaps.is_empty());
    assert_eq!(world.feed(1, ben, group), ["two", "one"]);
}

#[test]
fn a_bundle_opens_at_its_site_alone() {
    let (mut world, ann, ..) = two_apart();
    let c = world.add_site();
    world.admit(0, ann, c, "Cléo");
    let bytes = made(&mut world, 0, 1, Reach::Since).concat();
    let other = world.sites[1].site;
    assert_eq!(take(&mut world, c, &bytes).2, Err(Stopped::Refused(BundleRefusal::OtherSite(other))));
    assert_eq!(take(&mut world, 0, &bytes).2, Err(Stopped::Refused(BundleRefusal::OtherSite(other))));
    let stranger = world.add_site();
    assert_eq!(take(&mut world, stranger, &bytes).2, Err(Stopped::Refused(BundleRefusal::NotSetUp)));
    world.found(stranger);
    assert_eq!(take(&mut world, stranger, &bytes).2, Err(Stopped::Refused(BundleRefusal::OtherOrganisation)));
    for (site, refusal) in
        [(SiteId([9; 16]), BundleRefusal::NoSuchSite), (world.sites[0].site, BundleRefusal::NoSuchSite)]
    {
        let answer = ask(&mut world, 0, BundleAsk::Begin { site, reach: Reach::Since });
        assert_eq!(answer, BundleAnswer::Refused(refusal));
    }
}

#[test]
fn a_bundle_carries_what_its_site_may_have_and_no_more() {
    let (mut world, ann, _, group) = two_apart();
    let secret = make_group(&mut world, 0, ann, Access::Secret);
    world.done(0, ann, post(secret, "between us"));
    let attachments = vec![Attachment {
        blob: BlobId([7; 32]),
        name: "s".into(),
        size: 1,
        media_type: "text/plain".into(),
        picture: None,
    }];
    world.done(0, ann, Command::CreatePost { group: secret, title: String::new(), text: "x".into(), attachments });
    world.done(0, ann, post(group, "for both"));
    let (_, files) = carry(&mut world, 0, 1);
    assert!(files.is_empty());
    assert!(world.sites[1].store.rows().keys().all(|row| !row.windows(32).any(|part| part == secret.0)));
    assert!(entries(&world, 1).is_subset(&entries(&world, 0)) && entries(&world, 1) != entries(&world, 0));
}

#[test]
fn what_is_erased_goes_into_no_bundle() {
    let (mut world, ann, ben, group) = two_apart();
    let id = world.done(0, ann, post(group, "a word too many"));
    let erase = Command::Erase { target: id, reason: "haste".into() };
    world.done(0, ann, erase);
    carry(&mut world, 0, 1);
    let words = b"a word too many";
    assert!(world.sites[1].store.records().all(|(_, record)| !record.windows(words.len()).any(|part| part == words)));
    assert!(world.feed(1, ben, group).iter().all(|text| text.is_empty()));
}

#[test]
fn a_third_sites_words_are_carried_along() {
    let (mut world, ann, ben, group) = two_apart();
    let c = world.add_site();
    let cleo = world.admit(0, ann, c, "Cléo");
    carry(&mut world, c, 0);
    world.done(0, ann, Command::Grant { group, users: vec![cleo], role: Role::Member });
    carry(&mut world, 0, c);
    world.done(c, cleo, post(group, "De Nice"));
    carry(&mut world, c, 0);
    // Ben's site has never heard of Cléo's: one file introduces her site and brings her words.
    carry(&mut world, 0, 1);
    assert_eq!(world.feed(1, ben, group), ["De Nice"]);
}

#[test]
fn a_maker_that_nobody_knows_yet_is_introduced_by_its_own_file() {
    let (mut world, ann, ben, _) = two_apart();
    let c = world.add_site();
    world.admit(0, ann, c, "Cléo");
    carry(&mut world, c, 1);
    assert_eq!(world.read(1, |reader| reader.sites()).len(), 3);
    assert!(world.read(1, |reader| reader.people()).iter().any(|person| person.name == "Cléo"));
    let _ = ben;
}

#[test]
fn making_a_bundle_publishes_and_taking_one_is_an_answer() {
    let (mut world, ann, ben, group) = two_apart();
    world.done(0, ann, post(group, "before the restart"));
    world.restart(0);
    // Nobody can be asked what they hold of Ann's log: it would wait; the administrator decides that it goes.
    assert_eq!(carry(&mut world, 0, 1).0.groups.len(), 1);
    assert_eq!(world.feed(1, ben, group), ["before the restart"]);
    // An older copy of site 0's disk: what Ben's file says of Ann's log is heard before anything leaves by line.
    world.restart(1);
    world.done(1, ben, post(group, "answer"));
    carry(&mut world, 1, 0);
    world.connect_all();
    world.deliver();
    world.pass(2);
    assert_eq!(world.feed(0, ann, group), world.feed(1, ben, group));
}

#[test]
fn a_removed_site_can_neither_read_nor_bring_a_bundle() {
    let (mut world, ann, ben, group) = two_apart();
    world.done(1, ben, post(group, "too late"));
    let theirs = made(&mut world, 1, 0, Reach::Since).concat();
    let node = world.node(1);
    world.done(0, ann, Command::Rights(Rights::RevokeNode { node, reason: String::new() }));
    assert_eq!(take(&mut world, 0, &theirs).2, Err(Stopped::Refused(BundleRefusal::MakerRemoved)));
    assert_eq!(begin(&mut world, 0, 1, Reach::Since), Err(BundleRefusal::NobodyToRead));
}

#[test]
fn a_suspended_site_gets_and_gives_the_lifeline_alone() {
    let (mut world, ann, ben, group) = two_apart();
    world.done(1, ben, post(group, "written while suspended"));
    let node = world.node(1);
    world.done(0, ann, Command::Rights(Rights::SuspendNode(node)));
    world.done(0, ann, post(group, "not for now"));
    let there = made(&mut world, 0, 1, Reach::Since).concat();
    assert_eq!(take(&mut world, 1, &there).2, Ok(()));
    assert_eq!(world.feed(1, ben, group), ["written while suspended"]);
    assert!(world.read(1, |reader| reader.sites()).iter().any(|site| site.suspended), "it hears that it is suspended");
    let back = made(&mut world, 1, 0, Reach::Since).concat();
    assert_eq!(take(&mut world, 0, &back).2, Ok(()));
    assert_eq!(world.feed(0, ann, group), ["not for now"], "nothing but the organisation's control is taken of it");
    world.done(0, ann, Command::Rights(Rights::ResumeNode(node)));
    carry(&mut world, 0, 1);
    carry(&mut world, 1, 0);
    assert_eq!(world.feed(0, ann, group).len(), 2);
    assert_eq!(world.feed(0, ann, group), world.feed(1, ben, group));
}

/// How many frames of a good bundle were read, given changed bytes; each of them is as it was made.
fn good_frames(world: &mut World, at: usize, good: &[Vec<u8>], bytes: &[u8]) -> usize {
    let mut frames = Frames::default();
    frames.push(bytes);
    let Ok(Some(opened)) = frames.opening() else { return 0 };
    let BundleAnswer::Opened { key, .. } = ask(world, at, BundleAsk::Open(opened)) else { return 0 };
    let mut opener = Opener::new(key);
    let mut count = 1;
    while let Ok(Some(record)) = frames.record() {
        if opener.open(&record).is_err() {
            break;
        }
        assert_eq!(record, good[count][4..], "a record that opens is the one that was made");
        count += 1;
    }
    count
}

#[test]
fn every_cut_and_flipped_bit_ends_at_a_good_beginning_and_each_beginning_imports_nothing_wrong() {
    let (mut world, ann, ben, group) = two_apart();
    world.done(0, ann, post(group, "one"));
    let good = made(&mut world, 0, 1, Reach::Since);
    let bytes = good.concat();
    for cut in 0..bytes.len() {
        assert!(good_frames(&mut world, 1, &good, &bytes[..cut]) < good.len(), "cut at {cut}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(good_frames(&mut world, 1, &good, &changed) < good.len(), "byte {at}");
    }
    // Every beginning, taken by a site as it was before.
    let theirs = entries(&world, 0);
    for count in 0..good.len() {
        world.copy(1);
        let (.., outcome) = take(&mut world, 1, &good[..count].concat());
        assert!(matches!(outcome, Err(Stopped::Format(BundleError::CutShort | BundleError::NotABundle))), "{count}");
        assert!(entries(&world, 1).is_subset(&theirs));
        // And the whole file afterwards mends it.
        assert_eq!(take(&mut world, 1, &bytes).2, Ok(()));
        assert_eq!(world.feed(1, ben, group), ["one"]);
        assert!(world.restore(1));
        assert!(world.feed(1, ben, group).is_empty());
    }
}

#[test]
fn the_seal_proves_nothing_of_what_is_inside() {
    let (mut world, ann, ben, group) = two_apart();
    world.done(0, ann, post(group, "as Ann wrote it"));
    let begun = begin(&mut world, 0, 1, Reach::Since).expect("it may be made");
    let question = BundleAsk::Batches { reader: begun.reader, parts: begun.parts };
    let BundleAnswer::Batches { batches, .. } = ask(&mut world, 0, question) else { panic!("batches are given") };
    let (from, theirs) = (world.node(0), entries(&world, 0));
    let before = entries(&world, 1);
    for (which, batch) in batches.iter().enumerate() {
        for at in 0..batch.len() {
            let mut changed = batches.clone();
            changed[which][at] ^= 1 << (at % 8);
            let BundleAnswer::Taken(taken) = ask(&mut world, 1, BundleAsk::TakeBatches { from, batches: changed })
            else {
                panic!("it is looked at")
            };
            if taken.new > 0 {
                assert!(entries(&world, 1).is_subset(&theirs), "batch {which}, byte {at}");
            }
        }
    }
    assert!(before.is_subset(&entries(&world, 1)));
    let good = made(&mut world, 0, 1, Reach::Everything).concat();
    assert_eq!(take(&mut world, 1, &good).2, Ok(()));
    assert_eq!(world.feed(1, ben, group), ["as Ann wrote it"]);
}

//! Erasing, holding, keeping for some days: whatever the order, whoever comes late, whatever is lost and rebuilt.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::{Answer, Effect, Refusal};
use protocol::engine::input::{Ask, Attachment, Command, Input, LegalHold, SiteKeeps, Words};
use protocol::engine::query::ErasureState;
use protocol::ids::{BlobId, EntryId, GroupId, RequestId, UserId};
use protocol::store::Location;
use world::World;

const CANARY: &str = "un canari jaune";
const DAY: u64 = 24 * 60 * 60;

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

fn erase(target: EntryId) -> Command {
    Command::Erase { target, reason: "demande".into() }
}

/// Ann, admin and owner, at site 0; Ben, a member, at site 1; Eve, a facilitator, at site 2; one group.
struct Three {
    world: World,
    ann: UserId,
    ben: UserId,
    eve: UserId,
    group: GroupId,
}

fn three(seed: u64) -> Three {
    let mut world = World::new(seed);
    let (a, b, c) = (world.add_site(), world.add_site(), world.add_site());
    let ann = world.found(a);
    let ben = world.admit(a, ann, b, "Ben");
    let eve = world.admit(a, ann, c, "Eve");
    let group = GroupId::from(world.done(
        a,
        ann,
        Command::CreateGroup {
            name: "Chantiers".into(),
            purpose: String::new(),
            kind: GroupKind::Trade,
            access: Access::Closed,
        },
    ));
    world.connect_all();
    world.deliver();
    world.pass(2);
    world.done(a, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
    world.done(a, ann, Command::Grant { group, users: vec![eve], role: Role::Facilitator });
    world.deliver();
    world.pass(3);
    Three { world, ann, ben, eve, group }
}

/// Whether these bytes stand in a site's records or rows.
fn holds(world: &World, at: usize, needle: &[u8]) -> bool {
    let within = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let store = &world.sites[at].store;
    store.records().any(|(_, record)| within(record))
        || store.rows().iter().any(|(key, row)| within(key) || within(row))
}

fn assert_gone(world: &World, sites: std::ops::Range<usize>) {
    for at in sites {
        assert!(!holds(world, at, CANARY.as_bytes()), "site {at} still holds the text");
    }
}

fn state(world: &World, at: usize) -> Option<ErasureState> {
    world.read(at, |reader| reader.erasures(10).first().map(|erasure| erasure.state))
}

/// Rows that every node must have alike: all but what is known of peers and of the own disk.
fn shared_rows(world: &World, at: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let of = b"FTXDdROSsVBtojxb";
    let rows = world.sites[at].store.rows().iter();
    let rows = rows.filter(|(key, _)| of.contains(&key[0])).map(|(key, row)| (key.clone(), row.clone()));
    // Whether an erasure is done is each node's own matter; here all are.
    rows.collect()
}

#[test]
fn what_its_author_erases_is_gone_at_every_site_with_its_edits_and_files() {
    let Three { mut world, ann, ben, group, .. } = three(1);
    let file = Attachment {
        blob: BlobId([7; 32]),
        name: format!("{CANARY}.pdf"),
        size: 9,
        media_type: "application/pdf".into(),
        picture: None,
    };
    let attachments = vec![file];
    let id = world.done(1, ben, Command::CreatePost { group, title: "T".into(), text: CANARY.into(), attachments });
    world.done(1, ben, Command::Edit { target: id, title: "T".into(), text: format!("mieux: {CANARY}") });
    let comment = world.done(1, ben, Command::CreateComment { post: id, text: "mon avis".into() });
    world.deliver();
    let answer = world.done(0, ann, Command::CreateComment { post: id, text: "bien vu".into() });
    world.pass(3);
    assert!((0..3).all(|at| holds(&world, at, CANARY.as_bytes())));
    world.done(1, ben, erase(id));
    assert_gone(&world, 1..2);
    world.pass(4);
    assert_gone(&world, 0..3);
    for at in 0..3 {
        assert_eq!(world.sites[at].removed, [BlobId([7; 32])], "site {at} removed the file once");
        let view = world.read(at, |reader| reader.post(ann, id)).expect("its place stays");
        assert!(view.erased && view.deleted && view.text.is_empty() && view.attachments.is_empty());
        assert_eq!(view.comments, 2, "comments are other people's");
        let said = world.read(at, |reader| reader.comment(ann, answer)).expect("it stays");
        assert_eq!(said.text, "bien vu");
        assert_eq!(state(&world, at), Some(ErasureState::Done), "all sites have said so at {at}");
        assert_eq!(shared_rows(&world, at), shared_rows(&world, 0));
    }
    assert_eq!(world.ask(1, Some(ben), erase(id)), Answer::Nothing);
    let refused = world.ask(1, Some(ben), Command::Edit { target: id, title: String::new(), text: "x".into() });
    assert_eq!(refused, Answer::Refused(Refusal::NotFound));
    world.done(1, ben, erase(comment));
    world.pass(3);
    assert!((0..3).all(|at| !holds(&world, at, b"mon avis")));
}

#[test]
fn an_erasure_that_comes_before_the_post_leaves_the_same_as_one_after() {
    let Three { mut world, ann, ben, eve, group } = three(2);
    // Eve's site hears of nothing until both are there; site 0 hears step by step.
    world.isolate(2);
    let id = world.done(1, ben, post(group, CANARY));
    world.pass(2);
    let law = world.done(0, ann, erase(id));
    world.pass(2);
    world.connect_all();
    world.pass(6);
    assert_gone(&world, 0..3);
    for at in 1..3 {
        assert_eq!(shared_rows(&world, at), shared_rows(&world, 0), "site {at}");
    }
    assert_eq!(world.feed(2, eve, group), [""]);
    assert_eq!(state(&world, 2), Some(ErasureState::Done));
    // A rebuilt index gives the same, and so does asking twice.
    let before = shared_rows(&world, 0);
    world.rebuild(0);
    assert_eq!(shared_rows(&world, 0), before);
    assert_eq!(world.ask(0, Some(ann), erase(id)), Answer::Nothing);
    assert!(world.read(0, |reader| reader.erasure(law)).is_some());
}

#[test]
fn a_rebuilt_index_reads_around_what_was_written_anew() {
    let Three { mut world, ben, group, .. } = three(3);
    let ids: Vec<EntryId> =
        (0..12).map(|at| world.done(1, ben, post(group, &format!("billet {at}, {CANARY}")))).collect();
    world.pass(3);
    for id in &ids[2..5] {
        world.done(1, ben, erase(*id));
    }
    world.pass(3);
    let gone = |world: &World, at: usize, number: usize| !holds(world, at, format!("billet {number},").as_bytes());
    for at in 0..3 {
        assert!((2..5).all(|number| gone(&world, at, number)));
        assert!((5..12).all(|number| !gone(&world, at, number)));
        let (rows, texts) = (shared_rows(&world, at), world.feed(at, ben, group));
        world.rebuild(at);
        assert_eq!(shared_rows(&world, at), rows, "site {at}");
        assert_eq!(world.feed(at, ben, group), texts);
    }
    // The logs go on where they were.
    world.connect_all();
    world.pass(3);
    let next = world.done(1, ben, post(group, "suite"));
    world.pass(3);
    assert!((0..3).all(|at| world.read(at, |reader| reader.post(ben, next)).is_some()));
}

#[test]
fn somebody_without_the_right_erases_nothing() {
    let Three { mut world, ann, ben, group, .. } = three(4);
    let id = world.done(0, ann, post(group, CANARY));
    world.pass(2);
    assert_eq!(world.ask(1, Some(ben), erase(id)), Answer::Refused(Refusal::Forbidden));
    let hold = Command::SetHold { group, hold: LegalHold::On, reason: String::new() };
    assert_eq!(world.ask(1, Some(ben), hold), Answer::Refused(Refusal::Forbidden));
    let retention = Command::SetRetention { group, days: Some(1) };
    assert_eq!(world.ask(1, Some(ben), retention), Answer::Refused(Refusal::Forbidden));
    let person = Command::ErasePerson { user: ann, words: Words::Go, reason: String::new() };
    assert_eq!(world.ask(1, Some(ben), person), Answer::Refused(Refusal::NotFound));
    world.pass(2);
    assert!((0..3).all(|at| holds(&world, at, CANARY.as_bytes())));
}

#[test]
fn a_facilitators_erasure_hides_at_once_and_wipes_after_three_days_unless_somebody_objects() {
    let Three { mut world, ann, ben, eve, group } = three(5);
    let (first, second) = (world.done(1, ben, post(group, CANARY)), world.done(1, ben, post(group, "un pinson vert")));
    world.pass(3);
    let (one, two) = (world.done(2, eve, erase(first)), world.done(2, eve, erase(second)));
    world.pass(3);
    assert!((0..3).all(|at| world.feed(at, ann, group) == ["", ""]), "hidden at once");
    assert!((0..3).all(|at| holds(&world, at, CANARY.as_bytes())), "but not gone");
    assert_eq!(state(&world, 0), Some(ErasureState::Waiting));
    let object = |erasure| Command::ObjectToErasure { erasure };
    assert_eq!(world.ask(1, Some(ben), object(two)), Answer::Refused(Refusal::Forbidden));
    world.done(0, ann, object(two));
    world.pass(3);
    assert!((0..3).all(|at| world.feed(at, ann, group) == ["un pinson vert", ""]), "shown again");
    world.now.0 += 3 * DAY * 1_000;
    world.pass(5);
    assert_gone(&world, 0..3);
    assert!((0..3).all(|at| holds(&world, at, b"un pinson vert")));
    assert!((0..3).all(|at| {
        let state = |id| world.read(at, |reader| reader.erasure(id)).expect("listed").state;
        (state(one), state(two)) == (ErasureState::Done, ErasureState::Objected)
    }));
    assert_eq!(world.ask(0, Some(ann), object(one)), Answer::Refused(Refusal::Forbidden), "too late");
}

#[test]
fn a_legal_hold_wins_until_it_ends() {
    let Three { mut world, ann, ben, group, .. } = three(6);
    let id = world.done(1, ben, post(group, CANARY));
    world.pass(2);
    world.done(0, ann, Command::SetHold { group, hold: LegalHold::On, reason: "litige".into() });
    world.pass(2);
    world.done(1, ben, erase(id));
    world.done(0, ann, Command::SetRetention { group, days: Some(1) });
    world.now.0 += 2 * DAY * 1_000;
    world.pass(3);
    assert!((0..3).all(|at| world.feed(at, ann, group) == [""]), "hidden");
    assert!((0..3).all(|at| holds(&world, at, CANARY.as_bytes())), "held");
    assert_eq!(state(&world, 0), Some(ErasureState::Held));
    world.restart(0);
    world.connect_all();
    world.done(0, ann, Command::SetHold { group, hold: LegalHold::Off, reason: String::new() });
    world.pass(5);
    assert_gone(&world, 0..3);
}

#[test]
fn a_site_that_was_away_or_brought_back_from_an_old_copy_erases_too() {
    let Three { mut world, ben, group, .. } = three(7);
    let id = world.done(1, ben, post(group, CANARY));
    world.pass(3);
    world.isolate(2);
    let copy = world.sites[0].store.clone();
    world.done(1, ben, erase(id));
    world.pass(3);
    assert!(holds(&world, 2, CANARY.as_bytes()));
    assert_eq!(state(&world, 1), Some(ErasureState::Working), "site 2 has not said that it did");
    // The old copy of site 0 comes back, and site 2 with it, which still offers the text.
    world.sites[0].store = copy;
    world.restart(0);
    assert!(holds(&world, 0, CANARY.as_bytes()));
    world.connect(0, 2);
    world.pass(2);
    world.connect_all();
    world.pass(70);
    assert_gone(&world, 0..3);
    assert_eq!(state(&world, 1), Some(ErasureState::Done));
}

#[test]
fn a_crash_between_the_steps_ends_with_the_body_gone() {
    let Three { mut world, ben, group, .. } = three(8);
    let id = world.done(1, ben, post(group, CANARY));
    world.pass(3);
    let before = world.sites[1].store.clone();
    world.done(1, ben, erase(id));
    let after = world.sites[1].store.clone();
    // The commit stands, the wipe does not: old record and new one side by side, with or without the rows.
    let mut torn = before.clone();
    let mut pending = world::disk::Pending::over(&before);
    for (_, record) in after.records_from(before.len()) {
        protocol::store::Transaction::append(&mut pending, record);
    }
    torn.commit(pending.done());
    world.sites[1].store = torn;
    assert!(holds(&world, 1, CANARY.as_bytes()));
    world.rebuild(1);
    world.input(1, Input::Tick);
    assert_gone(&world, 1..2);
}

#[test]
fn an_erased_person_is_a_former_user_everywhere_and_the_words_go_if_asked() {
    let Three { mut world, ann, ben, eve, group } = three(9);
    let id = world.done(1, ben, post(group, CANARY));
    let kept = world.done(2, eve, post(group, "reste"));
    world.done(1, ben, Command::SetProfile { user: ben, name: "Benoît le Canari".into(), title: String::new() });
    world.pass(3);
    world.done(0, ann, Command::ErasePerson { user: ben, words: Words::Go, reason: "demande".into() });
    world.pass(4);
    assert_gone(&world, 0..3);
    for at in 0..3 {
        assert!(!holds(&world, at, "Benoît le Canari".as_bytes()), "site {at}");
        let person = world.read(at, |reader| reader.person(ben)).expect("the id stays");
        assert!(person.former && person.name.is_empty());
        assert!(world.read(at, |reader| reader.post(ann, id)).expect("its place stays").erased);
        assert_eq!(world.read(at, |reader| reader.post(ann, kept)).expect("it stays").text, "reste");
        assert_eq!(state(&world, at), Some(ErasureState::Done));
        world.rebuild(at);
        assert!(world.read(at, |reader| reader.person(ben)).expect("the id stays").former);
    }
}

#[test]
fn a_name_that_was_changed_does_not_stay_on_any_disk() {
    let Three { mut world, ben, .. } = three(10);
    world.done(1, ben, Command::SetProfile { user: ben, name: CANARY.into(), title: String::new() });
    world.pass(3);
    assert!((0..3).all(|at| holds(&world, at, CANARY.as_bytes())));
    world.done(1, ben, Command::SetProfile { user: ben, name: "Ben".into(), title: String::new() });
    world.pass(4);
    assert_gone(&world, 0..3);
}

#[test]
fn old_words_are_dropped_where_a_group_or_a_site_keeps_only_some_days() {
    let Three { mut world, ann, ben, group, .. } = three(11);
    let id = world.done(1, ben, post(group, CANARY));
    world.pass(3);
    world.now.0 += 3 * DAY * 1_000;
    world.done(1, ben, post(group, "frais"));
    world.pass(3);
    // One site keeps two days: only there.
    world.input(2, Input::SiteKeeps(SiteKeeps { everywhere: Some(2), ..SiteKeeps::default() }));
    world.pass(3);
    assert!(!holds(&world, 2, CANARY.as_bytes()) && holds(&world, 2, b"frais"));
    // Where the words were written they stay, whatever that site's own rule.
    world.input(1, Input::SiteKeeps(SiteKeeps { everywhere: Some(2), ..SiteKeeps::default() }));
    world.pass(3);
    assert!(holds(&world, 1, CANARY.as_bytes()));
    assert!(holds(&world, 0, CANARY.as_bytes()));
    // The group keeps two days: everywhere.
    world.done(0, ann, Command::SetRetention { group, days: Some(2) });
    world.pass(3);
    assert_gone(&world, 0..3);
    assert!((0..3).all(|at| world.feed(at, ann, group) == ["frais", ""]));
    assert!(world.read(0, |reader| reader.post(ann, id)).expect("its place stays").deleted);
}

/// Ben's site is out of the group, in one way or the other, and has heard of it.
fn without_ben(seed: u64, act: impl FnOnce(&mut Three)) -> Three {
    let mut three = three(seed);
    three.world.done(1, three.ben, post(three.group, CANARY));
    three.world.pass(1);
    three.world.done(2, three.eve, post(three.group, "la réponse"));
    three.world.pass(4);
    act(&mut three);
    // Groups are looked through every ten seconds.
    three.world.pass(12);
    let (ben, group) = (three.ben, three.group);
    assert!(three.world.feed(1, ben, group).is_empty(), "hidden at once");
    assert!(holds(&three.world, 1, CANARY.as_bytes()), "but kept for a while");
    three
}

fn rows_of(world: &World, at: usize, group: GroupId) -> usize {
    let content = b"FVPSOjeKr";
    let rows = world.sites[at].store.rows();
    rows.keys().filter(|key| content.contains(&key[0]) && key.get(1..33) == Some(&group.0[..])).count()
}

#[test]
fn a_group_that_its_last_member_left_leaves_the_disk_and_comes_back_when_they_return() {
    let three = without_ben(12, |three| {
        three.world.done(1, three.ben, Command::LeaveGroup(three.group));
    });
    let Three { mut world, ann, ben, group, .. } = three;
    world.now.0 += 2 * 60 * 60 * 1_000;
    world.pass(25);
    assert!(!holds(&world, 1, CANARY.as_bytes()) && !holds(&world, 1, "la réponse".as_bytes()));
    assert_eq!(rows_of(&world, 1, group), 0);
    assert!(holds(&world, 0, CANARY.as_bytes()) && holds(&world, 2, CANARY.as_bytes()));
    world.restart(1);
    world.rebuild(1);
    assert_eq!(rows_of(&world, 1, group), 0, "a rebuilt index does not bring it back");
    world.connect_all();
    world.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
    world.pass(15);
    assert_eq!(world.feed(1, ben, group), ["la réponse", CANARY]);
    assert!(world.sites[1].engine.view().alarms().is_empty(), "what was dropped and came back is no restored copy");
    world.done(1, ben, post(group, "de retour"));
    world.pass(5);
    for at in 0..3 {
        assert_eq!(world.feed(at, ann, group), ["de retour", "la réponse", CANARY], "site {at}");
    }
}

#[test]
fn a_removed_sites_copy_goes_after_ninety_days_when_two_others_hold_it() {
    let three = without_ben(13, |three| {
        three.world.done(0, three.ann, Command::Revoke { group: three.group, users: vec![three.ben] });
    });
    let Three { mut world, group, .. } = three;
    world.now.0 += 89 * DAY * 1_000;
    world.pass(25);
    assert!(holds(&world, 1, CANARY.as_bytes()));
    world.now.0 += 2 * DAY * 1_000;
    world.pass(25);
    assert!(!holds(&world, 1, CANARY.as_bytes()));
    assert_eq!(rows_of(&world, 1, group), 0);
}

#[test]
fn what_a_removed_site_never_delivered_stays_there() {
    let three = without_ben(14, |three| {
        three.world.isolate(1);
        three.world.done(1, three.ben, post(three.group, "jamais parti"));
        three.world.done(0, three.ann, Command::Revoke { group: three.group, users: vec![three.ben] });
        three.world.connect_all();
    });
    let Three { mut world, .. } = three;
    world.now.0 += 200 * DAY * 1_000;
    world.pass(25);
    assert!(holds(&world, 1, b"jamais parti"));
}

#[test]
fn a_wipe_of_which_nobody_told_that_it_was_done_is_asked_for_until_it_is() {
    let Three { mut world, ann, group, .. } = three(31);
    let target = world.done(0, ann, post(group, CANARY));
    // The disk does not do what it is asked for.
    let wiped = |effects: &[Effect]| -> Vec<Location> {
        let places = effects.iter().filter_map(|effect| match effect {
            Effect::Wipe(places) => Some(places.clone()),
            _ => None,
        });
        places.flatten().collect()
    };
    let ask = Ask { token: 7, actor: Some(ann), request: RequestId([5; 16]), command: erase(target) };
    let mut asked = wiped(&world.voice(0, Input::Ask(ask)));
    for _ in 0..3 {
        asked.extend(wiped(&world.voice(0, Input::Tick)));
    }
    let place = *asked.first().expect("the record is to be wiped");
    assert!(wiped(&world.voice(0, Input::Tick)).contains(&place), "asked for again");
    world.voice(0, Input::Wiped(asked));
    assert!(!wiped(&world.voice(0, Input::Tick)).contains(&place), "done");
    // Found half wiped after the rows were lost: as long as it is not told done either.
    assert_eq!(wiped(&world.voice(0, Input::WipesUnfinished(vec![place]))), [place]);
    assert!(wiped(&world.voice(0, Input::Tick)).contains(&place), "asked for again");
    world.voice(0, Input::Wiped(vec![place]));
    assert!(!wiped(&world.voice(0, Input::Tick)).contains(&place), "done");
}

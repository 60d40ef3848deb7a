//! Restored and cloned machines, forked logs: nothing acknowledged is lost, nothing is shown twice, everybody agrees.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::alarms::AlarmKind;
use protocol::engine::effect::{Answer, Refusal};
use protocol::engine::input::Command;
use protocol::ids::{EntryId, GroupId, UserId};
use protocol::store::keys::table;
use std::collections::BTreeMap;
use world::{Disk, World};

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

/// Three sites with a person each, and a group of all.
fn three_sites(seed: u64) -> (World, Vec<UserId>, GroupId) {
    let mut world = World::new(seed);
    for _ in 0..3 {
        world.add_site();
    }
    let ann = world.found(0);
    let ben = world.admit(0, ann, 1, "Ben");
    world.connect_all();
    world.pass(2);
    let eve = world.admit(0, ann, 2, "Eve");
    let create = Command::CreateGroup {
        name: "Conduite de travaux".into(),
        purpose: "Share what works".into(),
        kind: GroupKind::Trade,
        access: Access::Closed,
    };
    let group = GroupId::from(world.done(0, ann, create));
    world.connect_all();
    world.pass(3);
    world.done(0, ann, Command::Grant { group, users: vec![ben, eve], role: Role::Member });
    world.pass(4);
    world.connect_all();
    world.pass(2);
    (world, vec![ann, ben, eve], group)
}

/// A copy of a site's data folder.
fn copy(world: &World, at: usize) -> Disk {
    world.sites[at].store.clone()
}

fn settle(world: &mut World) {
    world.connect_all();
    world.deliver();
    world.pass(70);
}

/// What all see, which must be one thing; each text once.
fn agreed(world: &World, people: &[UserId], group: GroupId) -> Vec<String> {
    let feeds: Vec<Vec<String>> = people.iter().enumerate().map(|(at, who)| world.feed(at, *who, group)).collect();
    for (at, feed) in feeds.iter().enumerate() {
        assert_eq!(feed, &feeds[0], "site {at} sees what site 0 sees");
        let mut sorted = feed.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), feed.len(), "nothing is shown twice: {feed:?}");
    }
    let mut feed = feeds[0].clone();
    feed.sort();
    feed
}

fn alarms(world: &World, at: usize) -> BTreeMap<AlarmKind, usize> {
    let mut count = BTreeMap::new();
    for (_, alarm) in world.sites[at].engine.view().alarms() {
        *count.entry(alarm.kind).or_default() += 1;
    }
    count
}

fn no_forks(world: &World) {
    for at in 0..world.sites.len() {
        assert_eq!(alarms(world, at).get(&AlarmKind::Fork), None, "no fork is known at site {at}");
    }
}

#[test]
fn inv_09_a_restored_backup_ends_without_a_fork() {
    let (mut world, people, group) = three_sites(1);
    let eve = people[2];
    world.done(2, eve, post(group, "before the backup"));
    world.pass(3);
    let backup = copy(&world, 2);
    world.done(2, eve, post(group, "after the backup 1"));
    world.done(2, eve, post(group, "after the backup 2"));
    world.pass(3);
    world.put_back(2, &backup);
    // The site is cut off and works on: what it writes now stands at positions that others know otherwise.
    let first = world.done(2, eve, post(group, "restored and cut off 1"));
    world.done(2, eve, Command::CreateComment { post: first, text: "a comment there".into() });
    world.done(2, eve, post(group, "restored and cut off 2"));
    settle(&mut world);
    let expected = [
        "after the backup 1",
        "after the backup 2",
        "before the backup",
        "restored and cut off 1",
        "restored and cut off 2",
    ];
    assert_eq!(agreed(&world, &people, group), expected);
    no_forks(&world);
    assert_eq!(alarms(&world, 2).get(&AlarmKind::Restored), Some(&1), "the site says so to its admins");
    // The comment went with its post.
    for (at, who) in people.iter().enumerate() {
        let comments = world.read(at, |reader| {
            let page = reader.feed(*who, Some(group), Default::default(), None, 50).expect("a member reads");
            page.items.iter().find(|post| post.text == "restored and cut off 1").map(|post| post.comments)
        });
        assert_eq!(comments, Some(1), "at site {at}");
    }
    // Work goes on, over starts and lost rows.
    world.done(2, eve, post(group, "later"));
    settle(&mut world);
    world.rebuild(2);
    settle(&mut world);
    world.restart(2);
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group).len(), 6);
    no_forks(&world);
}

#[test]
fn a_log_that_the_backup_did_not_have_yet_is_noticed_too() {
    let (mut world, people, group) = three_sites(19);
    let backup = copy(&world, 2);
    world.done(2, people[2], post(group, "the first one here"));
    world.pass(3);
    world.put_back(2, &backup);
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), ["the first one here"]);
    assert_eq!(alarms(&world, 2).get(&AlarmKind::Restored), Some(&1), "the site says so to its admins");
    no_forks(&world);
}

#[test]
fn inv_09_a_backup_restored_twice_ends_without_a_fork() {
    let (mut world, people, group) = three_sites(2);
    let eve = people[2];
    world.done(2, eve, post(group, "one"));
    world.pass(3);
    let backup = copy(&world, 2);
    for round in 0..3 {
        world.done(2, eve, post(group, &format!("connected {round}")));
        world.pass(3);
        world.put_back(2, &backup);
        world.done(2, eve, post(group, &format!("cut off {round}")));
        settle(&mut world);
    }
    assert_eq!(agreed(&world, &people, group).len(), 7);
    no_forks(&world);
}

#[test]
fn inv_24_rights_given_after_a_restore_are_given_again_with_all_that_rests_on_them() {
    let (mut world, people, group) = three_sites(18);
    let (ann, eve) = (people[0], people[2]);
    let bring = |world: &mut World, name: &str| {
        let user = UserId(world.random());
        world.done(2, eve, Command::RegisterUser { user, name: name.into(), title: String::new() });
        world.done(2, eve, Command::Grant { group, users: vec![user], role: Role::Member });
        user
    };
    world.done(0, ann, Command::Grant { group, users: vec![eve], role: Role::Owner });
    world.pass(3);
    let backup = copy(&world, 2);
    let pia = bring(&mut world, "Pia");
    world.done(2, pia, post(group, "by who came after the backup"));
    world.pass(3);
    world.put_back(2, &backup);
    let zoe = bring(&mut world, "Zoe");
    world.done(2, zoe, post(group, "by who came after the restore"));
    settle(&mut world);
    let expected = ["by who came after the backup", "by who came after the restore"];
    assert_eq!(agreed(&world, &people, group), expected);
    world.rebuild(2);
    settle(&mut world);
    for user in [pia, zoe] {
        world.done(2, user, post(group, &format!("by {user:?}")));
    }
    world.pass(5);
    assert_eq!(agreed(&world, &people, group).len(), 4);
    no_forks(&world);
}

#[test]
fn inv_09_a_clone_that_was_stopped_again_ends_without_a_fork() {
    let (mut world, people, group) = three_sites(3);
    let eve = people[2];
    world.done(2, eve, post(group, "one"));
    world.pass(3);
    // The machine is copied while stopped; the clone runs for a while and writes, the original meanwhile is off.
    let original = copy(&world, 2);
    world.done(2, eve, post(group, "by the clone"));
    world.pass(3);
    world.put_back(2, &original);
    settle(&mut world);
    world.done(2, eve, post(group, "by the original"));
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), ["by the clone", "by the original", "one"]);
    no_forks(&world);
}

#[test]
fn an_own_log_that_a_relayed_statement_names_further_is_closed() {
    let (mut world, people, group) = three_sites(4);
    let eve = people[2];
    world.done(2, eve, post(group, "one"));
    world.pass(3);
    let (backup, mut heard) = (copy(&world, 2), copy(&world, 0));
    world.done(2, eve, post(group, "seen by one"));
    world.pass(3);
    // Site 0 has what it had, and has heard from site 1 only what that holds.
    let later = copy(&world, 0);
    for (key, row) in later.rows().iter().filter(|(key, _)| key[0] == table::HELD) {
        heard.put(key, row);
    }
    world.put_back(0, &heard);
    world.put_back(2, &backup);
    world.isolate(1);
    world.connect(0, 2);
    world.pass(5);
    world.done(2, eve, post(group, "written meanwhile"));
    world.pass(5);
    assert_eq!(world.feed(0, people[0], group), ["written meanwhile", "one"], "nobody is kept from working");
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), ["one", "seen by one", "written meanwhile"]);
    no_forks(&world);
}

#[test]
fn with_nobody_to_ask_for_ten_minutes_work_goes_on_in_new_logs() {
    let (mut world, people, group) = three_sites(5);
    let eve = people[2];
    world.done(2, eve, post(group, "one"));
    world.pass(3);
    let backup = copy(&world, 2);
    world.done(2, eve, post(group, "two"));
    world.pass(3);
    world.put_back(2, &backup);
    world.done(2, eve, post(group, "in the first minutes"));
    world.pass(11 * 60);
    world.done(2, eve, post(group, "later"));
    assert_eq!(world.feed(2, eve, group), ["later", "in the first minutes", "one"]);
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), ["in the first minutes", "later", "one", "two"]);
    no_forks(&world);
}

/// The data folder is copied and both machines run: the clone is a fourth site under the name of the third.
fn two_machines(world: &mut World, people: &[UserId], group: GroupId) {
    let eve = people[2];
    world.done(2, eve, post(group, "one"));
    world.pass(3);
    let copied = copy(world, 2);
    // One machine talks to site 0 only, the other to site 1 only; neither pair hears of the other.
    world.cut(0, 1);
    world.cut(1, 2);
    world.done(2, eve, post(group, "by the original"));
    world.pass(3);
    world.put_back(2, &copied);
    world.connect(1, 2);
    world.pass(3);
    world.done(2, eve, post(group, "by the clone"));
    world.pass(3);
}

#[test]
fn inv_12_a_clone_that_runs_beside_the_original_is_proved_to_all() {
    let (mut world, people, group) = three_sites(6);
    two_machines(&mut world, &people, group);
    // The clone is switched off; the two who heard different things meet.
    world.isolate(2);
    world.connect(0, 1);
    world.pass(70);
    for at in [0, 1] {
        assert_eq!(alarms(&world, at).get(&AlarmKind::Fork), Some(&1), "site {at} knows");
        assert!(world.sites[at].engine.view().is_forked(&world.node(2)));
    }
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), ["by the clone", "by the original", "one"], "both count (S21)");
    for at in 0..3 {
        assert_eq!(alarms(&world, at).get(&AlarmKind::Fork), Some(&1), "site {at} knows");
    }
    // The node goes on in a new log; nothing is proved twice.
    world.done(2, people[2], post(group, "afterwards"));
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group).len(), 4);
    for at in 0..3 {
        world.rebuild(at);
    }
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group).len(), 4, "a rebuilt index holds both branches");
    for at in 0..3 {
        assert!(world.sites[at].engine.view().is_forked(&world.node(2)), "and the proof");
    }
}

// --- clocks -------------------------------------------------------------------------------------------------------

const HOUR: u64 = 3_600_000;

/// Sets a site's clock; all sites notice within a tick.
fn set_clock(world: &mut World, at: usize, skew_hours: i64) {
    world.sites[at].skew = skew_hours * HOUR as i64;
    world.pass(3);
}

/// Four sites, so that each has three peers to ask.
fn four_sites(seed: u64) -> (World, Vec<UserId>, GroupId) {
    let (mut world, mut people, group) = three_sites(seed);
    world.add_site();
    let zoe = world.admit(0, people[0], 3, "Zoe");
    people.push(zoe);
    for _ in 0..2 {
        world.connect_all();
        world.pass(3);
    }
    world.done(0, people[0], Command::Grant { group, users: vec![zoe], role: Role::Member });
    world.pass(4);
    (world, people, group)
}

#[test]
fn inv_15_what_comes_from_the_future_is_taken_when_its_time_has_come_and_not_before() {
    let (mut world, people, group) = three_sites(11);
    let eve = people[2];
    // Two peers are too few to be believed rather than one's own clock.
    set_clock(&mut world, 2, 2);
    world.done(2, eve, post(group, "two hours ahead"));
    world.pass(70);
    assert!(world.feed(0, people[0], group).is_empty());
    assert!(world.feed(1, people[1], group).is_empty());
    world.now.0 += HOUR;
    world.pass(70);
    assert!(world.feed(0, people[0], group).is_empty(), "not yet");
    world.now.0 += HOUR;
    world.pass(70);
    assert_eq!(agreed(&world, &people, group), ["two hours ahead"]);
    no_forks(&world);
}

#[test]
fn after_its_clock_was_set_right_a_site_writes_again_what_it_wrote_ahead() {
    let (mut world, people, group) = three_sites(12);
    let eve = people[2];
    world.done(2, eve, post(group, "in time"));
    world.pass(2);
    set_clock(&mut world, 2, 24);
    let ahead = world.done(2, eve, post(group, "a day ahead"));
    world.done(2, eve, Command::CreateComment { post: ahead, text: "its comment".into() });
    world.pass(70);
    assert_eq!(world.feed(0, people[0], group), ["in time"]);
    set_clock(&mut world, 2, 0);
    world.pass(70);
    assert_eq!(agreed(&world, &people, group), ["a day ahead", "in time"]);
    // A day later the first version has its time too: it is still shown once.
    world.now.0 += 25 * HOUR;
    world.pass(140);
    assert_eq!(agreed(&world, &people, group), ["a day ahead", "in time"]);
    for (at, who) in people.iter().enumerate() {
        let page =
            world.read(at, |reader| reader.feed(*who, Some(group), Default::default(), None, 50)).expect("reads");
        let item = page.items.iter().find(|post| post.text == "a day ahead").expect("shown");
        assert_eq!(item.comments, 1, "at site {at}");
    }
    no_forks(&world);
    world.done(2, eve, post(group, "later"));
    world.pass(70);
    assert_eq!(agreed(&world, &people, group).len(), 3);
}

#[test]
fn rights_given_ahead_of_the_time_are_given_again_with_all_that_rests_on_them() {
    let (mut world, people, group) = three_sites(15);
    let (ann, eve) = (people[0], people[2]);
    world.done(0, ann, Command::Grant { group, users: vec![eve], role: Role::Owner });
    world.pass(3);
    set_clock(&mut world, 2, 24);
    let pia = UserId(world.random());
    world.done(2, eve, Command::RegisterUser { user: pia, name: "Pia".into(), title: String::new() });
    world.done(2, eve, Command::Grant { group, users: vec![pia], role: Role::Member });
    world.done(2, pia, post(group, "by who came ahead of the time"));
    world.pass(70);
    assert!(world.feed(0, ann, group).is_empty());
    set_clock(&mut world, 2, 0);
    world.pass(70);
    assert_eq!(agreed(&world, &people, group), ["by who came ahead of the time"]);
    world.done(2, pia, post(group, "and goes on"));
    world.pass(5);
    assert_eq!(agreed(&world, &people, group).len(), 2, "nothing that she writes waits for another day");
    // It holds over starts, a lost index, and when the time of the first version has come.
    for hours in [0, 25] {
        world.now.0 += hours * HOUR;
        world.rebuild(2);
        settle(&mut world);
        world.restart(2);
        settle(&mut world);
        assert_eq!(agreed(&world, &people, group).len(), 2);
    }
    no_forks(&world);
}

#[test]
fn inv_15_what_comes_from_the_future_waits_on_a_branch_too() {
    let (mut world, people, group) = three_sites(16);
    let eve = people[2];
    world.done(2, eve, post(group, "one"));
    world.pass(3);
    let copied = copy(&world, 2);
    world.cut(0, 1);
    world.cut(1, 2);
    world.done(2, eve, post(group, "by the original"));
    world.pass(3);
    // The clone runs with a clock that is wrong, and so does the one site that it reaches.
    world.put_back(2, &copied);
    for at in [1, 2] {
        world.sites[at].skew = 2 * HOUR as i64;
    }
    world.connect(1, 2);
    world.pass(5);
    world.done(2, eve, post(group, "by the clone"));
    world.pass(5);
    assert_eq!(world.feed(1, people[1], group)[0], "by the clone");
    world.isolate(2);
    world.connect(0, 1);
    world.pass(70);
    assert_eq!(world.feed(0, people[0], group), ["by the original", "one"], "its time has not come");
    for at in [1, 2] {
        world.sites[at].skew = 0;
    }
    world.now.0 += 2 * HOUR;
    world.pass(70);
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), ["by the clone", "by the original", "one"]);
}

#[test]
fn a_clock_that_is_set_is_no_longer_corrected_by_what_the_peers_said_before() {
    let (mut world, people, group) = four_sites(17);
    set_clock(&mut world, 3, -5);
    assert_eq!(world.sites[3].engine.clock_difference_ms(), Some(5 * HOUR as i64));
    // From one moment to the next its clock is right; what the peers said was said of another clock.
    world.sites[3].skew = 0;
    let ahead = post(group, "by a site that is four hours ahead");
    world.sites[1].skew = 4 * HOUR as i64;
    world.done(1, people[1], ahead);
    world.deliver();
    assert_eq!(world.sites[3].engine.clock_difference_ms(), None);
    assert!(world.feed(3, people[3], group).is_empty());
}

#[test]
fn three_peers_are_believed_rather_than_ones_own_clock() {
    let (mut world, people, group) = four_sites(13);
    for hours in [3, -3] {
        set_clock(&mut world, 3, hours);
        assert_eq!(alarms(&world, 3).get(&AlarmKind::Clock), Some(&1), "the admins are told");
        world.done(3, people[3], post(group, &format!("off by {hours}")));
        world.pass(3);
        assert!(world.feed(0, people[0], group).contains(&format!("off by {hours}")), "stamped by the median");
    }
    set_clock(&mut world, 3, 0);
    assert_eq!(alarms(&world, 3).get(&AlarmKind::Clock), None, "the alarm goes by itself");
    world.pass(70);
    assert_eq!(agreed(&world, &people, group).len(), 2);
}

#[test]
fn a_site_whose_clock_is_more_than_a_day_off_writes_nothing() {
    let (mut world, people, group) = four_sites(14);
    for hours in [25, -25] {
        set_clock(&mut world, 3, hours);
        let answer = world.ask(3, Some(people[3]), post(group, "when?"));
        assert_eq!(answer, Answer::Refused(Refusal::ClockWrong));
        // The others are not disturbed.
        world.done(0, people[0], post(group, &format!("at {hours}")));
        world.pass(3);
        assert_eq!(world.feed(1, people[1], group)[0], format!("at {hours}"));
    }
    set_clock(&mut world, 3, 0);
    world.done(3, people[3], post(group, "now"));
    world.pass(70);
    assert_eq!(agreed(&world, &people, group).len(), 3);
}

// --- seals --------------------------------------------------------------------------------------------------------

fn fork_alarm(world: &World, at: usize) -> EntryId {
    let alarms = world.sites[at].engine.view().alarms();
    alarms.into_iter().find(|(_, alarm)| alarm.kind == AlarmKind::Fork).expect("a fork is known").0
}

#[test]
fn s21_a_forked_data_log_counts_whole_until_it_is_sealed_and_then_one_chain() {
    let (mut world, people, group) = three_sites(21);
    let (ann, ben, eve) = (people[0], people[1], people[2]);
    two_machines(&mut world, &people, group);
    // Ben answers what the clone wrote: that may never be cut.
    let clones = world.read(1, |reader| {
        let page = reader.feed(ben, Some(group), Default::default(), None, 50).expect("reads");
        page.items.iter().find(|post| post.text == "by the clone").map(|post| post.id)
    });
    world.done(1, ben, Command::CreateComment { post: clones.expect("arrived"), text: "an answer".into() });
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), ["by the clone", "by the original", "one"]);
    // Ann is the only admin: one voice is enough (the forked node is of another site).
    let alarm = fork_alarm(&world, 0);
    let answer = world.ask(0, Some(ann), Command::SealLog { alarm });
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
    settle(&mut world);
    let after = agreed(&world, &people, group);
    assert!(after.contains(&"by the clone".to_owned()), "another's valid entry names it: {after:?}");
    assert!(after.contains(&"one".to_owned()));
    for at in 0..3 {
        assert!(!world.sites[at].engine.view().is_forked(&world.node(2)), "the matter is closed at site {at}");
    }
    // Again, and by other ways of coming to it.
    for at in 0..3 {
        world.rebuild(at);
    }
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group), after);
    world.done(2, eve, post(group, "in a new log"));
    settle(&mut world);
    assert_eq!(agreed(&world, &people, group).len(), after.len() + 1, "what is written afterwards counts");
    let again = world.ask(0, Some(ann), Command::SealLog { alarm });
    assert_eq!(again, Answer::Refused(Refusal::AlreadyThere));
}

#[test]
fn s22_a_fork_at_the_first_entry_destroys_nothing() {
    // The founder's machine, whose control log holds the admissions, is put back to an earlier hour while cut off, and
    // admits somebody else there: each of the two hears of the world by another version of that log.
    let mut world = World::new(22);
    for _ in 0..4 {
        world.add_site();
    }
    let ann = world.found(0);
    let zoe = world.admit(0, ann, 3, "Zoe");
    world.connect(0, 3);
    world.pass(3);
    let first = copy(&world, 0);
    let ben = world.admit(0, ann, 1, "Ben");
    world.connect_all();
    world.pass(3);
    world.put_back(0, &first);
    let eve = world.admit(0, ann, 2, "Eve");
    // Both versions come together at the founder, who knows the second.
    settle(&mut world);
    settle(&mut world);
    for at in 0..4 {
        for who in [ann, ben, eve, zoe] {
            assert!(world.read(at, |reader| reader.person(who)).is_some_and(|person| person.active), "site {at}");
        }
        let nodes = world.read(at, |reader| reader.sites().iter().map(|site| site.nodes.len()).sum::<usize>());
        assert_eq!(nodes, 4, "site {at} knows all nodes");
        assert_eq!(alarms(&world, at).get(&AlarmKind::Fork), Some(&1), "site {at}");
    }
    // The node goes on in another log, and all who were admitted by either version work.
    let create = Command::CreateGroup {
        name: "Tous".into(),
        purpose: String::new(),
        kind: GroupKind::General,
        access: Access::Open,
    };
    let group = GroupId::from(world.done(0, ann, create));
    settle(&mut world);
    for (at, who) in [(0, ann), (1, ben), (2, eve), (3, zoe)] {
        world.done(at, who, post(group, &format!("from site {at}")));
    }
    settle(&mut world);
    assert_eq!(agreed(&world, &[ann, ben, eve, zoe], group).len(), 4);
}

//! Own logs of which others may hold another version, and forked ones of which only a branch is missing: nothing waits for
//! ever, and nothing that a group rests on goes.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use protocol::clock::Hlc;
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::Effect;
use protocol::engine::input::{Command, Input};
use protocol::ids::{EntryId, GroupId, LogId, NodeId, ScopeId, UserId};
use protocol::log::Height;
use protocol::store::keys::table;
use protocol::sync::held::Held;
use protocol::sync::message::Request;
use world::World;

const HOUR: i64 = 3_600_000;

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

fn new_group(name: &str) -> Command {
    let (kind, access) = (GroupKind::Trade, Access::Closed);
    Command::CreateGroup { name: name.into(), purpose: String::new(), kind, access }
}

/// Connected sites with a person each, and a group of all that the first one owns.
fn sites(seed: u64, count: usize) -> (World, Vec<UserId>, GroupId) {
    let mut world = World::new(seed);
    for _ in 0..count {
        world.add_site();
    }
    let ann = world.found(0);
    let mut people = vec![ann];
    for at in 1..count {
        let user = world.admit(0, ann, at, "Somebody");
        people.push(user);
        world.connect_all();
        world.pass(3);
    }
    let group = GroupId::from(world.done(0, ann, new_group("Conduite de travaux")));
    world.done(0, ann, Command::Grant { group, users: people[1..].to_vec(), role: Role::Member });
    world.pass(5);
    world.connect_all();
    world.pass(5);
    (world, people, group)
}

fn settle(world: &mut World) {
    world.connect_all();
    world.pass(70);
}

fn log_of(world: &World, at: usize, id: &EntryId) -> LogId {
    let row = &world.sites[at].store.rows()[&[&[table::ENTRY], &id.0[..]].concat()];
    LogId(row[..32].try_into().expect("a row says the log"))
}

fn shows(world: &World, at: usize, who: UserId, group: GroupId, text: &str) -> bool {
    world.feed(at, who, group).contains(&text.to_owned())
}

#[test]
fn an_answer_to_what_was_asked_before_a_commit_failed_passes_for_no_other() {
    let (mut world, ..) = sites(51, 2);
    let calls = |effects: Vec<Effect>| -> Vec<u64> {
        let call = |effect| if let Effect::Request { call, .. } = effect { Some(call) } else { None };
        effects.into_iter().filter_map(call).collect()
    };
    let peer = world.node(1);
    let before = calls(world.input(0, Input::PeerConnected(peer)));
    let site = &mut world.sites[0];
    site.engine = site.engine.reopened(&site.store);
    let after = calls(world.input(0, Input::Tick));
    assert!(before.iter().max() < after.iter().min(), "{before:?} {after:?}");
}

#[test]
fn an_own_log_that_was_closed_stays_closed_when_the_index_is_lost() {
    for seed in 60..66 {
        let (mut world, people, group) = sites(seed, 3);
        let ben = people[1];
        let first = world.done(1, ben, post(group, "one"));
        world.pass(3);
        let backup = world.sites[1].store.clone();
        world.done(1, ben, post(group, "two"));
        world.pass(3);
        world.put_back(1, &backup);
        settle(&mut world);
        let later = world.done(1, ben, post(group, "three"));
        let (closed, used) = (log_of(&world, 1, &first), log_of(&world, 1, &later));
        assert_ne!(closed, used);
        world.pass(3);
        world.rebuild(1);
        let last = world.done(1, ben, post(group, "four"));
        assert_eq!(log_of(&world, 1, &last), used, "seed {seed}");
    }
}

#[test]
fn what_nobody_can_give_any_more_keeps_nothing_from_leaving() {
    // Stated by this node before it went back in time, or by one whose machine is gone.
    for stater in [0, 2] {
        let (mut world, people, group) = sites(52, 3);
        world.done(0, people[0], post(group, "all hold this"));
        world.pass(3);
        world.isolate(0);
        world.isolate(2);
        let newest = world.done(0, people[0], post(group, "written alone"));
        world.restart(0);
        world.pass(2);
        let made_up = Height { log: log_of(&world, 0, &newest), next: 1_000, head: EntryId([7; 32]) };
        let org = world.sites[0].engine.org().expect("founded");
        let (key, at) = (&world.sites[stater].identity.key, Hlc::at(world.clock(stater)));
        let lost = Held::sign(ScopeId::from(group), at, vec![made_up], Vec::new(), &org, key);
        let peer = world.node(1);
        world.input(0, Input::PeerRequest { peer, token: 7, bytes: Request::Helds { helds: vec![lost] }.encode() });
        world.connect(0, 1);
        world.pass(60);
        assert!(!shows(&world, 1, people[1], group, "written alone"), "it is asked for");
        world.pass(130);
        assert!(shows(&world, 1, people[1], group, "written alone"), "stated by the node of site {stater}");
        assert_eq!(world.feed(0, people[0], group), world.feed(1, people[1], group), "once");
    }
}

#[test]
fn a_branch_is_fetched_that_is_longer_than_the_log_that_it_leaves() {
    let (mut world, people, group) = sites(53, 4);
    let eve = people[2];
    world.done(2, eve, post(group, "one"));
    world.pass(3);
    let copied = world.sites[2].store.clone();
    // The machine runs twice: the one reaches the first two sites, the other the last.
    world.isolate(3);
    world.done(2, eve, post(group, "by the original"));
    world.pass(3);
    world.put_back(2, &copied);
    world.connect(2, 3);
    world.pass(3);
    for n in 0..3 {
        world.done(2, eve, post(group, &format!("by the clone {n}")));
    }
    world.pass(3);
    world.isolate(2);
    world.isolate(0);
    world.connect(1, 3);
    world.pass(70);
    assert!(shows(&world, 1, people[1], group, "by the clone 2"), "the second has both");
    // The first knows one, as long as with the second, and hears of the other.
    world.isolate(1);
    world.connect(0, 1);
    world.pass(70);
    assert_eq!(world.feed(0, people[0], group), world.feed(1, people[1], group));
    assert!(shows(&world, 0, people[0], group, "by the clone 2"));
}

#[test]
fn a_group_created_after_a_restore_rests_on_nothing_that_is_withdrawn() {
    let (mut world, people, group) = sites(54, 3);
    let (ben, register) = (people[1], |user| Command::RegisterUser { user, name: "N.".into(), title: String::new() });
    let backup = world.sites[1].store.clone();
    let (pia, zoe) = (UserId(world.random()), UserId(world.random()));
    world.done(1, ben, register(pia));
    world.pass(3);
    world.put_back(1, &backup);
    world.done(1, ben, register(zoe));
    let created = GroupId::from(world.done(1, zoe, new_group("Nouveau")));
    world.done(1, zoe, post(created, "the first"));
    settle(&mut world);
    world.rebuild(1);
    settle(&mut world);
    world.done(1, zoe, Command::Grant { group: created, users: vec![people[0]], role: Role::Member });
    world.pass(5);
    for (at, who) in [(0, people[0]), (1, zoe)] {
        assert_eq!(world.feed(at, who, created), ["the first"], "at site {at}");
    }
    assert!(world.read(0, |reader| reader.person(pia)).is_some());
    world.done(1, ben, post(group, "work goes on"));
    world.pass(3);
    assert!(shows(&world, 2, people[2], group, "work goes on"));
}

#[test]
fn a_clock_set_back_takes_nothing_from_under_what_others_or_a_group_built_on_it() {
    let (mut world, people, group) = sites(55, 3);
    world.done(1, people[1], post(group, "from the second"));
    world.pass(3);
    let nodes = |world: &World| -> Vec<NodeId> {
        let sites = world.read(0, |reader| reader.sites());
        sites.iter().flat_map(|site| site.nodes.iter().map(|node| node.id)).collect()
    };
    let before = nodes(&world);
    world.isolate(0);
    // All that the founder wrote lies ahead of this time.
    world.sites[0].skew = -20 * HOUR;
    world.pass(3);
    world.restart(0);
    world.pass(3);
    assert_eq!(nodes(&world), before, "all are admitted as before");
    assert_eq!(world.feed(0, people[0], group), ["from the second"]);
}

#[test]
fn what_a_clock_set_back_dates_before_its_ground_goes_with_it_and_is_written_again() {
    let (mut world, people, group) = sites(56, 2);
    let (ann, pia) = (people[0], UserId(world.random()));
    let register = Command::RegisterUser { user: pia, name: "Pia".into(), title: String::new() };
    world.isolate(0);
    world.sites[0].skew = 2 * HOUR;
    world.done(0, ann, register);
    // Set right, and before that is noticed something is written: it is earlier than what it rests on.
    world.sites[0].skew = 0;
    world.done(0, ann, Command::Grant { group, users: vec![pia], role: Role::Member });
    world.pass(2);
    let role = |world: &World, at: usize| {
        let view = world.sites[at].engine.view();
        view.group_state(&group).and_then(|state| state.role(&pia))
    };
    assert_eq!(role(&world, 0), Some(Role::Member), "where it was written");
    settle(&mut world);
    assert_eq!(role(&world, 1), Some(Role::Member), "at the other site");
}

#[test]
fn a_removal_that_waited_for_what_it_names_ends_what_was_written_meanwhile() {
    let (mut world, people, _) = sites(59, 3);
    let (ann, ben, eve) = (people[0], people[1], people[2]);
    let (kind, access) = (GroupKind::Trade, Access::Open);
    let open = Command::CreateGroup { name: "Ouvert".into(), purpose: String::new(), kind, access };
    let group = GroupId::from(world.done(0, ann, open));
    world.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
    world.pass(5);
    world.done(1, ben, post(group, "before"));
    world.pass(5);
    world.isolate(1);
    let known = world.sites[0].store.records().count();
    world.done(1, ben, post(group, "meanwhile"));
    world.done(2, eve, Command::JoinGroup(group));
    world.pass(5);
    world.isolate(2);
    let joined = world.sites[0].store.records().count();
    world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    let records: Vec<Vec<u8>> = world.sites[0].store.records().map(|(_, record)| record.to_vec()).collect();
    // The removal comes first, and waits for the joining that it had seen.
    let peer = world.node(0);
    for record in records[joined..].iter().chain(&records[known..joined]) {
        let bytes = Request::Push { batches: vec![record.clone().into()] }.encode();
        world.input(1, Input::PeerRequest { peer, token: 8, bytes });
    }
    let rows = world.sites[1].store.rows();
    let count = |of: u8| rows.keys().filter(|key| key[0] == of && key[1..33] == group.0).count();
    assert_eq!((count(table::FEED), count(table::VOID)), (1, 1), "what the removal had seen, and what it had not");
}

#[test]
fn what_was_written_before_leaving_arrives_though_the_line_broke_after_the_leaving() {
    let (mut world, people, group) = sites(58, 2);
    let (ann, ben) = (people[0], people[1]);
    world.isolate(1);
    world.done(1, ben, post(group, "last words"));
    world.done(1, ben, Command::LeaveGroup(group));
    let is_in = |world: &World| {
        let view = world.sites[0].engine.view();
        view.group_state(&group).is_some_and(|state| state.role(&ben).is_some())
    };
    world.connect(0, 1);
    while is_in(&world) {
        world.deliver_some(1);
    }
    assert!(!shows(&world, 0, ann, group, "last words"), "the leaving came first");
    world.cut(0, 1);
    settle(&mut world);
    assert!(shows(&world, 0, ann, group, "last words"));
}

//! Catching up at the engine's door: from the newest entry down, from several sites at once, after cuts, and from
//! members that claim, withhold, repeat or flood.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod world;

use protocol::clock::Hlc;
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::Effect;
use protocol::engine::input::{Command, Input};
use protocol::ids::{EntryId, GroupId, LogId, NodeId, ScopeId, UserId};
use protocol::limits::{GROUPS_PER_REQUEST_MAX, RANGES_PER_PEER_MAX, WANTED_LOGS_PER_PEER_MAX};
use protocol::log::Height;
use protocol::store::keys::table;
use protocol::sync::held::Held;
use protocol::sync::message::{LEVEL, Request, Response, ScopeDigest, ScopeFrontier};
use protocol::sync::plan::Sizes;
use std::collections::{BTreeMap, BTreeSet};
use world::World;

/// Small pieces, so that a history of a moment has many.
const SMALL: Sizes = Sizes { piece: 256, backfill_min: 256, first: 256 };

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

/// Sites of which each has a person in one group, all equal and connected.
fn sites(world: &mut World, count: usize) -> (Vec<UserId>, GroupId) {
    (0..count).for_each(|_| {
        world.add_site();
    });
    let ann = world.found(0);
    let mut people = vec![ann];
    for at in 1..count {
        people.push(world.admit(0, ann, at, "Ben"));
    }
    let group = Command::CreateGroup {
        name: "Chantier".into(),
        purpose: String::new(),
        kind: GroupKind::Trade,
        access: Access::Closed,
    };
    let group = GroupId::from(world.done(0, ann, group));
    world.connect_all();
    world.pass(3);
    world.done(0, ann, Command::Grant { group, users: people[1..].to_vec(), role: Role::Member });
    world.pass(4);
    (people, group)
}

fn write(world: &mut World, by: UserId, group: GroupId, count: usize) -> Vec<EntryId> {
    (0..count).map(|n| world.done(0, by, post(group, &format!("post {n}")))).collect()
}

/// What a site shows of a group and holds of its logs, without the places on its disk.
fn shown(world: &World, at: usize) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let tables = [
        table::ENTRY,
        table::FEED,
        table::THREAD,
        table::EDIT,
        table::DELETE,
        table::THREAD_DELETE,
        table::REACT,
        table::VOID,
        table::PENDING,
        table::LOG,
    ];
    let rows = world.sites[at].store.rows().iter();
    rows.filter(|(key, _)| tables.contains(&key[0])).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[test]
fn a_newcomer_reads_today_while_the_rest_still_comes_and_claims_nothing_too_early() {
    let mut world = World::new(11);
    world.tuning.fetch = SMALL;
    let (people, group) = sites(&mut world, 2);
    world.isolate(1);
    let posts = write(&mut world, people[0], group, 1_500);
    world.connect(0, 1);
    let newest = posts[1_499];
    let mut steps = 0;
    while world.read(1, |reader| reader.post(people[1], newest)).is_none() {
        world.deliver_some(1);
        steps += 1;
        assert!(steps < 200, "the newest post is here soon");
    }
    // The lowest are not here yet, so nothing is stated of any of them, and the two are not equal.
    assert!(world.read(1, |reader| reader.post(people[1], posts[700])).is_none());
    world.input(1, Input::Tick);
    let filling = world.sites[1].engine.view();
    let progress = *filling.filling().values().next().expect("something is missing");
    assert!(progress.have > 200 && progress.have < progress.of && progress.of >= 1_500, "{progress:?}");
    let stated =
        |world: &World, id| world.read(0, |reader| reader.post(people[0], id)).expect("there").delivery.received;
    assert_eq!(stated(&world, newest), 1);
    // A restart in the middle loses nothing of it, and what is written meanwhile comes on top.
    world.restart(1);
    assert!(world.read(1, |reader| reader.post(people[1], newest)).is_some());
    world.done(0, people[0], post(group, "on top"));
    world.connect(0, 1);
    world.pass(5);
    for id in [posts[0], posts[700], newest] {
        assert!(world.read(1, |reader| reader.post(people[1], id)).is_some());
        assert_eq!(stated(&world, id), 2);
    }
    assert_eq!(world.feed(1, people[1], group), world.feed(0, people[0], group));
    assert!(world.sites[1].engine.view().filling().is_empty());
}

#[test]
fn any_mix_of_ways_cuts_restarts_and_lost_indexes_ends_the_same() {
    for seed in 0..12 {
        let mut world = World::new(seed);
        let (people, group) = sites(&mut world, 4);
        world.isolate(1);
        world.isolate(2);
        world.isolate(3);
        let count = 600 + world.below(900) as usize;
        let posts = write(&mut world, people[0], group, count);
        for _ in 0..40 {
            let target = posts[world.below(count as u64) as usize];
            let command = match world.below(3) {
                0 => Command::Edit { target, title: String::new(), text: "edited".into() },
                1 => Command::CreateComment { post: target, text: "answer".into() },
                _ => Command::Delete { target },
            };
            world.ask(0, Some(people[0]), command);
        }
        // Site 2 is filled from below in one go.
        world.connect(0, 2);
        world.pass(3);
        // Site 1 from above, from two sites, through everything.
        world.tuning.fetch = SMALL;
        world.restart(1);
        for _ in 0..30 {
            match world.below(8) {
                0 => world.isolate(1),
                1 => world.restart(1),
                2 if world.below(3) == 0 => world.rebuild(1),
                3 => {
                    world.ask(0, Some(people[0]), post(group, "meanwhile"));
                }
                4 => world.connect(1, 2),
                5 => world.pass(1),
                _ => world.connect(0, 1),
            }
            let some = world.below(30) as usize;
            world.deliver_some(some);
        }
        world.connect_all();
        world.pass(120);
        let (above, below) = (shown(&world, 1), shown(&world, 2));
        let differ: Vec<_> = above
            .iter()
            .filter(|(key, value)| below.get(*key) != Some(value))
            .map(|(key, _)| char::from(key[0]))
            .collect();
        assert!(differ.is_empty() && above.len() == below.len(), "seed {seed}: {differ:?}");
        let before = shown(&world, 1);
        world.rebuild(1);
        let after = shown(&world, 1);
        let tables: BTreeSet<char> = before
            .iter()
            .filter(|(key, value)| after.get(*key) != Some(value))
            .map(|(key, _)| char::from(key[0]))
            .collect();
        assert!(before == after, "seed {seed}: the rebuilt index differs in the tables {tables:?}");
    }
}

#[test]
fn nothing_durable_is_fetched_again_after_cuts() {
    let mut world = World::new(12);
    world.tuning.fetch = SMALL;
    let (people, group) = sites(&mut world, 2);
    world.isolate(1);
    world.pass(5);
    write(&mut world, people[0], group, 2_000);
    world.watch_ranges();
    let mut cuts = 0;
    while world.feed(1, people[1], group).len() < 50 || !world.sites[1].engine.view().filling().is_empty() {
        cuts += 1;
        assert!(cuts < 100, "each line brings something: {:?}", world.ranges);
        world.connect(0, 1);
        world.deliver_some(60);
        world.input(1, Input::Tick);
        world.cut(0, 1);
    }
    let brought: usize = world.ranges.take().expect("watched").values().sum();
    // 2,000 posts and the entry that opens their log; nothing twice.
    assert_eq!(brought, 2_001);
}

#[test]
fn several_sites_bring_disjoint_pieces() {
    let mut world = World::new(13);
    world.tuning.fetch = SMALL;
    let (people, group) = sites(&mut world, 4);
    world.isolate(3);
    write(&mut world, people[0], group, 3_000);
    world.pass(30);
    world.watch_ranges();
    (0..3).for_each(|other| world.connect(other, 3));
    world.pass(5);
    assert_eq!(world.feed(3, people[3], group), world.feed(0, people[0], group));
    let ranges = world.ranges.take().expect("watched");
    let to_three: BTreeMap<usize, usize> =
        ranges.iter().filter(|((_, to), _)| *to == 3).map(|((from, _), count)| (*from, *count)).collect();
    assert_eq!(to_three.values().sum::<usize>(), 3_001, "{to_three:?}");
    assert_eq!(to_three.len(), 3, "every site brought a part: {to_three:?}");
}

/// A member at the other end of a line, played by hand.
struct Hostile<'a> {
    world: &'a mut World,
    at: usize,
    peer: NodeId,
    calls: Vec<(u64, Request)>,
}

impl Hostile<'_> {
    fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Request { peer, call, bytes } = effect
                && *peer == self.peer
            {
                self.calls.push((*call, Request::decode(bytes).expect("own requests are well formed")));
            }
        }
    }

    fn answer(&mut self, call: u64, response: &Response) {
        let input = Input::PeerResponse { peer: self.peer, call, bytes: Some(response.encode()) };
        let effects = self.world.input(self.at, input);
        self.note(&effects);
    }

    /// Answers everything that is asked: all scopes differ, and each has many logs of great height.
    fn claim_much(&mut self, logs: usize) {
        let scopes: Vec<_> = self.world.sites[self.at].engine.view().scopes().collect();
        let org = self.world.sites[self.at].engine.org().expect("founded");
        let mut height = 0u64;
        while let Some(at) = self.calls.iter().position(|(_, request)| !matches!(request, Request::Range { .. })) {
            let (call, request) = self.calls.remove(at);
            let response = match request {
                Request::Hello { .. } => {
                    let now = self.world.now.0;
                    Response::Hello { level: LEVEL, tag: protocol::engine::org_tag(&org), now }
                }
                Request::Compare { .. } => Response::Compared { same: false },
                Request::Digests => Response::Digests {
                    digests: scopes
                        .iter()
                        .take(GROUPS_PER_REQUEST_MAX)
                        .map(|scope| ScopeDigest { scope: *scope, digest: [9; 32], data: true })
                        .collect(),
                },
                Request::Frontier { scopes } => {
                    let mut claims = || {
                        height += 1;
                        let mut log = [7; 32];
                        log[..8].copy_from_slice(&height.to_be_bytes());
                        Height { log: LogId(log), next: 1_000_000, head: EntryId([1; 32]) }
                    };
                    let frontier = |scope| ScopeFrontier {
                        scope,
                        control: (0..logs).map(|_| claims()).collect(),
                        data: Vec::new(),
                        helds: Vec::new(),
                    };
                    Response::Frontier { scopes: scopes.into_iter().map(frontier).collect(), left: Vec::new() }
                }
                _ => Response::Noted { helds: Vec::new() },
            };
            self.answer(call, &response);
        }
    }
}

fn hostile(world: &mut World, at: usize, from: usize) -> Hostile<'_> {
    let peer = world.node(from);
    world.isolate(from);
    let effects = world.input(at, Input::PeerConnected(peer));
    let mut hostile = Hostile { world, at, peer, calls: Vec::new() };
    hostile.note(&effects);
    hostile
}

#[test]
fn a_withholder_is_asked_little_and_stops_nobody() {
    let mut world = World::new(14);
    let (people, group) = sites(&mut world, 3);
    world.cut(0, 1);
    let id = world.done(0, people[0], post(group, "from an honest site"));
    world.cut(0, 1);
    let mut member = hostile(&mut world, 1, 2);
    member.claim_much(WANTED_LOGS_PER_PEER_MAX);
    let asked = member.calls.clone();
    assert!(!asked.is_empty() && asked.len() <= RANGES_PER_PEER_MAX, "{}", asked.len());
    for (call, _) in asked {
        member.answer(call, &Response::Range { batches: Vec::new() });
    }
    assert!(member.calls.len() <= 2 * RANGES_PER_PEER_MAX);
    world.connect(0, 1);
    world.pass(2);
    assert!(world.read(1, |reader| reader.post(people[1], id)).is_some(), "the honest site is heard meanwhile");
    let view = world.sites[1].engine.view();
    let counts = view.peer_counts().find(|(node, _)| *node == world.node(2)).expect("connected").1;
    assert_eq!(counts.broken as usize, RANGES_PER_PEER_MAX);
}

#[test]
fn a_member_that_announces_for_ever_is_compared_with_once_a_second() {
    let mut world = World::new(15);
    let (_, _) = sites(&mut world, 2);
    let scopes: Vec<_> = world.sites[0].engine.view().scopes().collect();
    let mut member = hostile(&mut world, 0, 1);
    let mut compared = 0;
    for token in 0..2_000 {
        let bytes = Request::Announce { scopes: scopes.clone() }.encode();
        let input = Input::PeerRequest { peer: member.peer, token, bytes };
        let effects = member.world.input(0, input);
        member.note(&effects);
        while let Some((call, request)) = member.calls.pop() {
            compared += usize::from(matches!(request, Request::Compare { .. }));
            let org = member.world.sites[0].engine.org().expect("founded");
            let response = match request {
                Request::Hello { .. } => {
                    let tag = protocol::engine::org_tag(&org);
                    Response::Hello { level: LEVEL, tag, now: member.world.now.0 }
                }
                Request::Compare { .. } => Response::Compared { same: false },
                Request::Digests => Response::Digests { digests: Vec::new() },
                _ => Response::Noted { helds: Vec::new() },
            };
            member.answer(call, &response);
        }
    }
    assert!(compared <= 10, "{compared} comparisons within one second");
}

#[test]
fn a_member_that_repeats_what_is_old_changes_nothing() {
    let mut world = World::new(16);
    let (people, group) = sites(&mut world, 2);
    write(&mut world, people[0], group, 20);
    world.pass(3);
    let old: Vec<_> = {
        let bytes = Request::Digests.encode();
        let peer = world.node(1);
        world.input(0, Input::PeerRequest { peer, token: 1, bytes })
    };
    assert!(!old.is_empty());
    let before = (shown(&world, 1), world.sites[1].store.records().count());
    let peer = world.node(0);
    let logs: Vec<LogId> =
        before.0.keys().filter(|key| key[0] == table::LOG).filter_map(|key| LogId::from_slice(&key[1..])).collect();
    for round in 0..50u64 {
        for log in &logs {
            let bytes = Request::Range { log: *log, from: 0, to: 1_000 }.encode();
            let asker = world.node(1);
            for effect in world.input(0, Input::PeerRequest { peer: asker, token: 9, bytes }) {
                if let Effect::Respond { bytes, .. } = effect
                    && let Ok(Response::Range { batches }) = Response::decode(&bytes)
                {
                    let bytes = Request::Push { batches }.encode();
                    world.input(1, Input::PeerRequest { peer, token: round, bytes });
                }
            }
        }
    }
    assert_eq!((shown(&world, 1), world.sites[1].store.records().count()), before);
}

#[test]
fn equal_sites_prove_a_thousand_shared_groups_in_one_round_trip_of_a_kilobyte() {
    let mut world = World::new(17);
    let (people, _) = sites(&mut world, 2);
    for n in 0..1_000 {
        let command = Command::CreateGroup {
            name: format!("Groupe {n}"),
            purpose: String::new(),
            kind: GroupKind::Trade,
            access: Access::Closed,
        };
        let group = GroupId::from(world.done(0, people[0], command));
        world.done(0, people[0], Command::Grant { group, users: vec![people[1]], role: Role::Member });
    }
    world.pass(30);
    let (a, b) = (world.node(0), world.node(1));
    let proved = |world: &World| world.read(0, |reader| reader.sites())[1].nodes[0].up_to_date;
    assert!(proved(&world).is_some(), "they are equal");
    world.cut(0, 1);
    // The root of one side, as it is sent.
    world.input(0, Input::PeerConnected(b));
    let org = world.sites[0].engine.org().expect("founded");
    let hello = Response::Hello { level: LEVEL, tag: protocol::engine::org_tag(&org), now: world.now.0 };
    let made = world.sites[0].engine.digests_made();
    let mut compare = None;
    for call in 0..200_000 {
        let bytes = Some(hello.encode());
        let effects = world.input(0, Input::PeerResponse { peer: b, call, bytes });
        compare = effects.into_iter().find_map(|effect| match effect {
            Effect::Request { bytes, .. } if matches!(Request::decode(&bytes), Ok(Request::Compare { .. })) => {
                Some(bytes)
            }
            _ => None,
        });
        if compare.is_some() {
            break;
        }
    }
    let request = compare.expect("after the greeting roots are compared");
    let answer = world.input(1, Input::PeerRequest { peer: a, token: 5, bytes: request.clone() });
    let response = answer
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Respond { bytes, .. } => Some(bytes),
            _ => None,
        })
        .expect("answered");
    assert_eq!(Response::decode(&response), Ok(Response::Compared { same: true }));
    assert!(request.len() + response.len() <= 1_024, "{} bytes", request.len() + response.len());
    // Nothing changed since the last comparison: nothing was hashed anew.
    assert_eq!(world.sites[0].engine.digests_made(), made);
}

#[test]
fn a_member_that_lies_about_our_own_log_does_not_keep_it_from_leaving() {
    let mut world = World::new(31);
    let (people, group) = sites(&mut world, 3);
    world.done(0, people[0], post(group, "all hold this"));
    world.pass(3);
    (1..3).for_each(|other| world.cut(0, other));
    let newest = world.done(0, people[0], post(group, "written alone"));
    world.restart(0);
    let row = world.sites[0].store.rows()[&[&[table::ENTRY], &newest.0[..]].concat()].clone();
    let log = LogId(row[..32].try_into().expect("a row says the log"));
    // The second site signs that it holds an entry of the first one's log that was never written.
    let org = world.sites[0].engine.org().expect("founded");
    let made_up = Height { log, next: 1_000, head: EntryId([7; 32]) };
    world.pass(2);
    let key = &world.sites[1].identity.key;
    let lie = Held::sign(ScopeId::from(group), Hlc::at(world.clock(1)), vec![made_up], Vec::new(), &org, key);
    let peer = world.node(1);
    // The lie is heard before anything can go, as when a line comes back.
    world.input(0, Input::PeerRequest { peer, token: 7, bytes: Request::Helds { helds: vec![lie] }.encode() });
    world.connect(0, 1);
    world.pass(60);
    let shows = |world: &World, text: &str| world.feed(1, people[1], group).contains(&text.to_owned());
    assert!(!shows(&world, "written alone"), "it could be true: it is asked for");
    // What is written from now on stands in another log, and goes at once.
    world.done(0, people[0], post(group, "in a new log"));
    world.pass(3);
    assert!(shows(&world, "in a new log"));
    world.pass(120);
    world.connect_all();
    world.pass(70);
    assert!(shows(&world, "written alone"));
    for other in 1..3 {
        assert_eq!(world.feed(other, people[other], group), world.feed(0, people[0], group));
    }
}

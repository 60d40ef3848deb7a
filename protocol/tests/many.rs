//! What grows with the number of sites: statements of what each holds, passed on so that they reach everybody and do not
//! drown everybody.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulator uses the rest")]
mod world;

use protocol::clock::{Hlc, Millis};
use protocol::control::op::{Class, ControlOp, LogOpen};
use protocol::engine::input::{Command, Input};
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::ids::{ScopeId, UserId};
use protocol::limits::{PUSH_ENTRIES_MAX, REQUEST_BYTES_MAX};
use protocol::store::Store as _;
use protocol::store::keys::held;
use protocol::sync::message::Request;
use std::cell::RefCell;
use std::rc::Rc;
use world::{Message, Watch, World};

const SITES: usize = 11;

/// Counts statements on the wires.
#[derive(Default)]
struct Counted(usize);

impl Watch for Counted {
    fn committed(&mut self, _: &World, _: usize, _: &[Vec<u8>]) {}
    fn reopened(&mut self, _: &World, _: usize) {}
    fn sent(&mut self, _: &World, _: usize, _: usize, message: &Message) {
        if let Message::Request { bytes, .. } = message
            && let Ok(Request::Helds { helds }) = Request::decode(bytes)
        {
            self.0 += helds.len();
        }
    }
}

/// Notes when whom a site meets is told to whom, and how often statements are asked for.
#[derive(Default)]
struct Noted {
    links: Vec<(Millis, usize, usize)>,
    questions: usize,
}

impl Watch for Noted {
    fn committed(&mut self, _: &World, _: usize, _: &[Vec<u8>]) {}
    fn reopened(&mut self, _: &World, _: usize) {}
    fn sent(&mut self, world: &World, from: usize, to: usize, message: &Message) {
        let Message::Request { bytes, .. } = message else { return };
        match Request::decode(bytes) {
            Ok(Request::Links { .. }) => self.links.push((world.now, from, to)),
            Ok(Request::Stated { .. }) => self.questions += 1,
            _ => {}
        }
    }
}

/// Sites of one organisation that have told each other who they are.
fn organisation(seed: u64) -> (World, UserId) {
    let mut world = World::new(seed);
    for _ in 0..SITES {
        world.add_site();
    }
    let ann = world.found(0);
    for at in 1..SITES {
        world.admit(0, ann, at, "somebody");
    }
    // At first all but the founder's know nobody but the founder's.
    world.connect_all();
    world.pass(5);
    world.connect_all();
    world.pass(90);
    (world, ann)
}

/// Registers a person, which every site hears and states to hold.
fn register(world: &mut World, ann: UserId) {
    let user = UserId(world.random());
    world.done(0, ann, Command::RegisterUser { user, name: "Zoé".into(), title: String::new() });
}

/// What each site holds, in its own words, is known at each other.
fn assert_all_stated(world: &World) {
    let scope = world.read(0, |reader| ScopeId::from(reader.organisation().expect("founded").id));
    let stated = |at: usize, of: usize| {
        let node = world.node(of);
        world.sites[at].store.get(&held(&scope, &node))
    };
    for of in 0..SITES {
        for at in 0..SITES {
            assert_eq!(stated(at, of), stated(of, of), "what site {of} holds is known at site {at}");
        }
    }
}

#[test]
fn a_statement_reaches_all_of_many_sites_and_is_not_passed_on_by_everybody_to_everybody() {
    let (mut world, ann) = organisation(14);
    let counted = Rc::new(RefCell::new(Counted::default()));
    world.watch = Some(counted.clone());
    register(&mut world, ann);
    world.pass(60);
    assert_all_stated(&world);
    // An entry or two (the person, the profile) change what each holds; each says so at most twice, to all others.
    let most = 2 * SITES * (SITES - 1);
    let counted = counted.borrow().0;
    assert!(counted <= most, "{counted} statements on the wires");
}

#[test]
fn a_statement_reaches_everybody_around_a_site_in_the_middle_and_along_a_chain() {
    let (mut world, ann) = organisation(15);
    let star = |a: usize, _: usize| a == 0;
    let chain = |a: usize, b: usize| b == a + 1;
    for stays in [&star as &dyn Fn(usize, usize) -> bool, &chain] {
        world.connect_all();
        for a in 0..SITES {
            for b in a + 1..SITES {
                if !stays(a, b) {
                    world.cut(a, b);
                }
            }
        }
        register(&mut world, ann);
        world.pass(120);
        assert_all_stated(&world);
    }
}

#[test]
fn what_was_stated_while_no_way_led_to_a_site_is_asked_for_when_it_is_back() {
    let (mut world, ann) = organisation(16);
    register(&mut world, ann);
    world.deliver();
    // The last site has the entries and hears nobody's word about them.
    let last = SITES - 1;
    for at in 0..last {
        world.cut(at, last);
    }
    world.pass(60);
    world.connect(3, last);
    world.pass(60);
    assert_all_stated(&world);
}

#[test]
fn whom_a_site_meets_is_told_to_who_comes_at_once_and_to_others_at_most_every_ten_seconds() {
    let (mut world, _) = organisation(17);
    world.pass(30);
    let noted = Rc::new(RefCell::new(Noted::default()));
    world.watch = Some(noted.clone());
    // One line comes and goes.
    let mut came: Vec<Millis> = Vec::new();
    for _ in 0..12 {
        world.cut(0, 1);
        world.connect(0, 1);
        came.push(world.now);
        world.deliver();
        world.pass(1);
    }
    world.pass(15);
    let noted = noted.borrow();
    let told = |to: usize| -> Vec<u64> {
        noted.links.iter().filter(|(_, from, at)| (*from, *at) == (0, to)).map(|(when, ..)| when.0).collect()
    };
    let newcomer = told(1);
    for at in came {
        assert!(newcomer.contains(&at.0), "who comes is told at once: {newcomer:?}");
    }
    for other in 2..SITES {
        let times = told(other);
        assert!(!times.is_empty(), "site {other} learns of it");
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 10_000), "site {other}: {times:?}");
    }
}

#[test]
fn a_question_about_statements_that_was_lost_is_asked_again() {
    let (mut world, ann) = organisation(18);
    register(&mut world, ann);
    world.deliver();
    let last = SITES - 1;
    for at in 0..last {
        world.cut(at, last);
    }
    world.pass(60);
    let noted = Rc::new(RefCell::new(Noted::default()));
    world.watch = Some(noted.clone());
    world.connect(3, last);
    // The first two questions are lost, with what is under way at that moment.
    let mut lost = 0;
    for _ in 0..120 {
        world.now.0 += 1_000;
        (0..SITES).for_each(|at| drop(world.input(at, Input::Tick)));
        for _ in 0..200 {
            let asked = noted.borrow().questions;
            world.weather.loss_percent = if lost < 2 && asked > lost { 100 } else { 0 };
            lost += usize::from(world.weather.loss_percent > 0);
            world.deliver_some(if world.weather.loss_percent > 0 { 30 } else { 1 });
        }
        world.weather.loss_percent = 0;
        world.deliver();
    }
    assert_eq!(lost, 2);
    assert!(noted.borrow().questions > lost, "asked again");
    assert_all_stated(&world);
}

/// Content logs that a site's node opens in a scope, whatever its engine would say to that.
fn many_logs(world: &World, at: usize, scope: ScopeId, count: u32) -> Vec<Vec<u8>> {
    let org = world.sites[at].engine.org().expect("admitted");
    let open = |n: u32| {
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&n.to_be_bytes());
        let open = LogOpen { node: world.node(at), class: Class::Data, nonce, previous: Vec::new() };
        let (kind, bytes) = ControlOp::LogOpen(open).encode();
        let body = Body { salt: nonce, bytes };
        let header = Header {
            scope,
            log: None,
            seq: 0,
            prev: None,
            hlc: Hlc::at(world.now),
            ctl: Some(Vec::new()),
            kind,
            actor: None,
            body_len: body.bytes.len() as u32,
            body_commit: body.commitment(),
            refs: Vec::new(),
            auth_proof: None,
            extra: Vec::new(),
        };
        batch::encode(&[Entry::sign(header, body, &org, &world.sites[at].identity.key)], Signatures::All)
    };
    (0..count).map(open).collect()
}

/// Three sites of one organisation that know and have met each other.
fn three_that_met(seed: u64) -> (World, UserId, [usize; 3]) {
    let mut world = World::new(seed);
    let sites = [world.add_site(), world.add_site(), world.add_site()];
    let ann = world.found(0);
    for at in &sites[1..] {
        world.admit(0, ann, *at, "somebody");
    }
    world.connect_all();
    world.pass(5);
    world.connect_all();
    world.pass(90);
    (world, ann, sites)
}

#[test]
fn a_statement_that_no_request_holds_reaches_everybody_too() {
    let (mut world, _, sites) = three_that_met(19);
    // A chain, so that what the first states comes to the last over the second.
    world.cut(0, 2);
    let scope = world.read(0, |reader| ScopeId::from(reader.organisation().expect("founded").id));
    let logs = many_logs(&world, 2, scope, 2_000);
    for to in [0, 1] {
        for some in logs.chunks(PUSH_ENTRIES_MAX) {
            let batches = some.iter().cloned().map(Into::into).collect();
            let peer = world.node(2);
            let bytes = Request::Push { batches }.encode();
            world.input(to, Input::PeerRequest { peer, token: 99, bytes });
        }
    }
    world.deliver();
    world.pass(120);
    let stated = |at: usize, of: usize| world.sites[at].store.get(&held(&scope, &world.node(of)));
    for of in [0, 1] {
        assert!(stated(of, of).is_some_and(|row| row.len() > REQUEST_BYTES_MAX), "it is long");
        for at in sites {
            assert!(stated(at, of) == stated(of, of), "what site {of} holds is known at site {at}");
        }
    }
}

#[test]
fn what_is_stated_before_a_lost_line_was_told_of_comes_all_the_same() {
    let (mut world, ann, _) = three_that_met(20);
    // The line was lost and came back a moment ago, so it is not told at once that it is lost again. The second site
    // thinks that the third has from the first what the first states.
    world.cut(0, 2);
    world.connect(0, 2);
    world.deliver();
    world.pass(2);
    world.cut(0, 2);
    world.pass(2);
    register(&mut world, ann);
    world.pass(60);
    let scope = world.read(0, |reader| ScopeId::from(reader.organisation().expect("founded").id));
    let stated = |at: usize| world.sites[at].store.get(&held(&scope, &world.node(0)));
    assert!(stated(1) == stated(0), "the second site has it from the first");
    assert!(stated(2) == stated(0), "and the third from the second");
}

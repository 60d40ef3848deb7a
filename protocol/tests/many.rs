//! What grows with the number of sites: statements of what each holds, passed on so that they reach everybody and do not
//! drown everybody.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulator uses the rest")]
mod world;

use protocol::engine::input::Command;
use protocol::ids::{ScopeId, UserId};
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

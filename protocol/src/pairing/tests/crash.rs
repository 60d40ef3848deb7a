//! INV-40: after a crash of either side at any point, the two end both paired or both not.

use super::world::*;
use crate::pairing::*;

/// How many wishes a side carries out when nothing goes wrong.
fn wishes(at: At) -> usize {
    let mut world = World::new();
    world.run();
    world.wishes[at as usize]
}

#[test]
fn a_crash_at_any_step_ends_paired_on_both_sides_after_the_restart() {
    for at in [At::Inviter, At::Joiner] {
        for n in 0..wishes(at) {
            let mut world = World::new();
            world.crash = Some((at, n));
            while world.wishes[at as usize] <= n {
                assert!(world.advance(), "{at:?} never came to wish {n}");
            }
            world.heal();
            assert_eq!(world.admitted, [JOINER], "{at:?} down before wish {n}");
            assert_eq!(world.joined, Some(ORG), "{at:?} down before wish {n}");
            assert!(world.inviter_is_paired(), "{at:?} down before wish {n}: {:?}", world.failed);
            let digits: Vec<_> = world.shown.iter().map(|(_, digits)| *digits).collect();
            assert!(digits.windows(2).all(|pair| pair[0] == pair[1]), "{digits:?}");
        }
    }
}

#[test]
fn a_line_cut_after_any_frame_ends_paired_on_both_sides() {
    let mut world = World::new();
    world.run();
    for n in 0..=world.frames {
        let mut world = World::new();
        while world.frames < n {
            assert!(world.advance());
        }
        world.cut();
        world.run();
        assert!(world.inviter_is_paired() && world.joined == Some(ORG), "cut after {n} frames: {:?}", world.failed);
    }
}

#[test]
fn a_side_that_is_lost_for_ever_before_both_agreed_leaves_the_other_unpaired() {
    for at in [At::Inviter, At::Joiner] {
        let mut world = World::new();
        match at {
            At::Inviter => world.person_inviter = None,
            At::Joiner => world.person_joiner = None,
        }
        world.run();
        match at {
            At::Inviter => world.crash_inviter(),
            At::Joiner => world.crash_joiner(),
        }
        world.run();
        world.pass(HANDOVER_MS_MAX + TICKET_MS_MAX);
        world.run();
        assert!(world.admitted.is_empty() && world.joined.is_none());
        assert_eq!(world.failed.len(), 1, "the side that is left says so");
    }
}

#[test]
fn a_joiner_that_gave_up_after_agreeing_may_enter_the_same_invitation_again() {
    let mut world = World::new();
    // The welcome is lost, and then the joiner's person loses patience.
    world.tamper = Some(Box::new(|_, _, frame| match Frame::from_bytes(&frame) {
        Ok(Frame::Part { .. }) => Vec::new(),
        _ => vec![frame],
    }));
    world.run();
    world.joiner_event(JoinerEvent::Cancel);
    world.run();
    assert_eq!((world.admitted.len(), world.joined), (1, None));
    let record = world.joiner.take().expect("it runs").record().clone();
    world.joiner = Some(Joiner::again(record));
    world.tamper = None;
    world.joiner_event(JoinerEvent::Start);
    world.run();
    assert!(world.inviter_is_paired() && world.joined == Some(ORG));
}

#[test]
fn the_welcome_is_served_again_to_the_same_node_only() {
    let mut world = World::new();
    world.tamper = Some(Box::new(|_, _, frame| match Frame::from_bytes(&frame) {
        Ok(Frame::Part { .. }) => Vec::new(),
        _ => vec![frame],
    }));
    world.run();
    let mut inviter = world.inviter.expect("it runs");
    let other = crate::ids::NodeId([0x99; 32]);
    let more = Frame::More { ticket: ticket().id, index: 0 }.to_bytes();
    let to_other = inviter.handle(START, InviterEvent::Frame { peer: other, bytes: more.clone() });
    assert_eq!(answers(&to_other), [Frame::Refuse { code: PairingCode::Used }]);
    let to_same = inviter.handle(START, InviterEvent::Frame { peer: JOINER, bytes: more });
    assert!(matches!(answers(&to_same)[..], [Frame::Part { index: 0, count: 1, .. }]));
}

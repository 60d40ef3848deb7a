//! What happens when everybody is honest, late, wrong or elsewhere.

use super::world::*;
use crate::clock::Millis;
use crate::ids::{NodeId, OrgId};
use crate::pairing::*;

#[test]
fn two_sites_pair_and_show_the_same_digits() {
    let mut world = World::new();
    world.run();
    assert_eq!(world.admitted, [JOINER]);
    assert_eq!(world.joined, Some(ORG));
    assert_eq!(world.done, [At::Joiner, At::Inviter]);
    assert!(world.failed.is_empty() && world.inviter_is_paired());
    let [(At::Joiner, there), (At::Inviter, here)] = world.shown[..] else { panic!("{:?}", world.shown) };
    assert_eq!(here, there);
    assert_eq!(here.to_string().len(), 6);
    let of = |at| world.steps.iter().filter(|(who, _)| *who == at).map(|(_, step)| *step).collect::<Vec<_>>();
    assert_eq!(of(At::Inviter), Step::INVITER[1..]);
    assert_eq!(of(At::Joiner), Step::JOINER[1..]);
    let joiner = world.joiner.as_ref().expect("it runs");
    assert_eq!(joiner.record().state, JoinerState::Paired);
    let shown = joiner.record().inviter.as_ref().expect("it was shown");
    assert_eq!((&shown.site[..], &shown.admin[..]), ("Lyon", ADMIN));
    // Each knows where to find the other from now on.
    assert_eq!(shown.addresses, ["/ip4/192.168.1.20/tcp/7301"]);
    let claim = world.inviter.as_ref().and_then(Inviter::claim).expect("it was claimed");
    assert_eq!(claim.addresses, ["/ip4/10.0.0.7/tcp/7301"]);
}

#[test]
fn a_large_welcome_travels_in_pieces() {
    let mut world = World::new();
    world.welcome = (0..3 * PART_BYTES_MAX + 17).map(|n| (n % 251) as u8).collect();
    world.run();
    assert_eq!(world.joined, Some(ORG));
    assert!(world.inviter_is_paired());
}

#[test]
fn the_order_in_which_people_agree_does_not_matter() {
    for first in [At::Inviter, At::Joiner] {
        let mut world = World::new();
        (world.person_inviter, world.person_joiner) = (None, None);
        world.run();
        assert!(world.admitted.is_empty());
        for at in [first, if first == At::Inviter { At::Joiner } else { At::Inviter }] {
            assert!(world.admitted.is_empty(), "one person alone admits nobody");
            match at {
                At::Inviter => world.inviter_event(InviterEvent::Confirm(Match::Same)),
                At::Joiner => world.joiner_event(JoinerEvent::Confirm(Match::Same)),
            }
            world.run();
        }
        assert!(world.inviter_is_paired() && world.joined == Some(ORG));
    }
}

#[test]
fn digits_said_to_differ_burn_the_invitation_on_both_sides() {
    for at in [At::Inviter, At::Joiner] {
        let mut world = World::new();
        match at {
            At::Inviter => world.person_inviter = Some(Match::Differ),
            At::Joiner => world.person_joiner = Some(Match::Differ),
        }
        world.run();
        assert!(world.admitted.is_empty() && world.joined.is_none());
        assert_eq!(world.burned, 1);
        let codes: Vec<_> = world.failed.iter().map(|(at, failure)| (*at, failure.code)).collect();
        assert!(codes.contains(&(At::Inviter, PairingCode::DigitsDiffer)), "{codes:?}");
        assert!(codes.contains(&(At::Joiner, PairingCode::DigitsDiffer)), "{codes:?}");
    }
}

#[test]
fn clocks_ten_minutes_apart_pair_and_further_apart_do_not() {
    for (skew, pairs) in [(-600_000, true), (600_000, true), (-600_001, false), (600_001, false), (86_400_000, false)] {
        let mut world = World::new();
        world.clock_joiner = Millis(START.0.saturating_add_signed(skew));
        world.run();
        assert_eq!(world.inviter_is_paired(), pairs, "{skew}");
        assert_eq!(world.joined.is_some(), pairs, "{skew}");
        if !pairs {
            let [(At::Joiner, Failure { code: PairingCode::Clock, step: Step::Prove })] = world.failed[..] else {
                panic!("{:?}", world.failed)
            };
            assert!(world.inviter.as_ref().is_some_and(|inviter| inviter.record().state == TicketState::Open));
        }
    }
}

#[test]
fn an_invitation_whose_time_is_over_says_so() {
    let mut world = World::new();
    world.clock_inviter.0 += TICKET_MS_DEFAULT + 1;
    world.inviter_event(InviterEvent::Tick);
    world.clock_joiner = world.clock_inviter;
    world.run();
    assert_eq!(world.failed[0].1, Failure { code: PairingCode::Expired, step: Step::Wait });
    assert_eq!(world.failed[1], (At::Joiner, Failure { code: PairingCode::Expired, step: Step::Reach }));
}

#[test]
fn an_invitation_that_ends_during_the_handshake_admits_nobody() {
    // Each n: time is over after n frames; only the proof binds an invitation, and people get time after it.
    for n in 0..3 {
        let mut world = World::new();
        (world.person_inviter, world.person_joiner) = (None, None);
        while world.frames < n {
            world.advance();
        }
        world.pass(TICKET_MS_DEFAULT + 1);
        world.run();
        let claimed = world.inviter.as_ref().is_some_and(|inviter| inviter.claim().is_some());
        assert!(!claimed && world.admitted.is_empty(), "after {n} frames");
        assert_eq!(world.failed[0].1.code, PairingCode::Expired);
    }
}

#[test]
fn people_have_time_to_compare_after_a_late_proof_but_not_for_ever() {
    for (wait, pairs) in [(COMPARE_MS_MIN - 1_000, true), (COMPARE_MS_MIN + 1_000, false)] {
        let mut world = World::new();
        (world.person_inviter, world.person_joiner) = (None, None);
        world.clock_inviter.0 += TICKET_MS_DEFAULT - 1;
        world.clock_joiner = world.clock_inviter;
        world.run();
        world.pass(wait);
        (world.person_inviter, world.person_joiner) = (Some(Match::Same), Some(Match::Same));
        world.run();
        assert_eq!((world.inviter_is_paired(), world.joined.is_some()), (pairs, pairs));
    }
}

#[test]
fn a_site_that_cannot_be_reached_says_so() {
    let mut world = World::new();
    world.crash_inviter();
    world.run();
    assert_eq!(world.failed, [(At::Joiner, Failure { code: PairingCode::Unreachable, step: Step::Reach })]);
}

#[test]
fn a_refused_admission_leaves_neither_side_paired() {
    let mut world = World::new();
    world.admits = Err(PairingCode::Refused);
    world.run();
    assert!(world.joined.is_none() && !world.inviter_is_paired());
    assert_eq!(world.failed.len(), 2);
    assert!(
        world.failed.iter().all(|(_, failure)| failure.code == PairingCode::Refused && failure.step == Step::Admit)
    );
}

#[test]
fn an_invitation_taken_back_ends_the_joiner_too() {
    let mut world = World::new();
    (world.person_inviter, world.person_joiner) = (None, None);
    world.run();
    world.inviter_event(InviterEvent::Cancel);
    world.run();
    assert_eq!(world.failed, [(At::Joiner, Failure { code: PairingCode::Refused, step: Step::Compare })]);
    assert!(world.inviter.as_ref().is_some_and(|inviter| inviter.record().state == TicketState::Cancelled(None)));
}

#[test]
fn a_joiner_that_gives_up_ends_the_invitation_too() {
    let mut world = World::new();
    (world.person_inviter, world.person_joiner) = (None, None);
    world.run();
    world.joiner_event(JoinerEvent::Cancel);
    world.run();
    assert_eq!(world.failed, [(At::Inviter, Failure { code: PairingCode::Refused, step: Step::Compare })]);
    assert!(world.joiner.as_ref().is_some_and(|joiner| joiner.record().state == JoinerState::Cancelled));
}

#[test]
fn another_organisation_in_the_welcome_is_refused() {
    let mut world = World::new();
    world.crash = Some((At::Joiner, usize::MAX));
    let mut joiner = None;
    while joiner.is_none() {
        assert!(world.advance());
        joiner = world.joined.take().and_then(|_| world.joiner.take());
    }
    let mut joiner = joiner.expect("the loop found it");
    let wishes = joiner.handle(START, JoinerEvent::Joined { org: OrgId([9; 32]) });
    let failure = Failure { code: PairingCode::OtherOrganisation, step: Step::Receive };
    assert!(wishes.contains(&JoinerWish::Failed(failure)), "{wishes:?}");
}

#[test]
fn a_used_invitation_admits_no_second_node() {
    let mut world = World::new();
    world.run();
    let mut inviter = world.inviter.expect("it runs");
    let second = NodeId([0x99; 32]);
    let mut joiner = joiner_at(second, [1; 32]);
    joiner.handle(START, JoinerEvent::Start);
    let hello = says(&joiner.handle(START, JoinerEvent::Connected { peer: INVITER })).remove(0);
    let wishes = inviter.handle(START, InviterEvent::Frame { peer: second, bytes: hello });
    assert_eq!(answers(&wishes), [Frame::Refuse { code: PairingCode::Used }]);
    let wishes = joiner.handle(START, JoinerEvent::Frame(refusal(PairingCode::Used)));
    assert!(wishes.contains(&JoinerWish::Failed(Failure { code: PairingCode::Used, step: Step::Reach })));
}

#[test]
fn of_two_joiners_with_one_invitation_the_first_that_proves_it_gets_it() {
    let nodes = [NodeId([0x91; 32]), NodeId([0x92; 32])];
    let mut inviter = inviter();
    let mut joiners = nodes.map(|node| joiner_at(node, node.0));
    let mut proofs = Vec::new();
    for (joiner, node) in joiners.iter_mut().zip(nodes) {
        joiner.handle(START, JoinerEvent::Start);
        let hello = says(&joiner.handle(START, JoinerEvent::Connected { peer: INVITER })).remove(0);
        let offer = answers(&inviter.handle(START, InviterEvent::Frame { peer: node, bytes: hello })).remove(0);
        proofs.push(says(&joiner.handle(START, JoinerEvent::Frame(offer.to_bytes()))).remove(0));
    }
    let first = inviter.handle(START, InviterEvent::Frame { peer: nodes[1], bytes: proofs[1].clone() });
    let second = inviter.handle(START, InviterEvent::Frame { peer: nodes[0], bytes: proofs[0].clone() });
    assert!(matches!(first[0], InviterWish::Keep(_)), "the claim is kept before it is answered");
    assert!(matches!(answers(&first)[..], [Frame::Accept { .. }]));
    assert_eq!(answers(&second), [Frame::Refuse { code: PairingCode::Used }]);
    assert_eq!(inviter.claim().map(|claim| claim.node), Some(nodes[1]));
}

#[test]
fn a_joiner_met_on_the_network_has_joined() {
    let mut world = World::new();
    world.tamper = Some(Box::new(|_, at, frame| {
        // The line swallows the last word.
        match (at, Frame::from_bytes(&frame)) {
            (At::Joiner, Ok(Frame::Joined { .. })) => Vec::new(),
            _ => vec![frame],
        }
    }));
    world.run();
    assert!(world.joined.is_some() && !world.inviter_is_paired());
    world.inviter_event(InviterEvent::Met(NodeId([7; 32])));
    assert!(!world.inviter_is_paired());
    world.inviter_event(InviterEvent::Met(JOINER));
    assert!(world.inviter_is_paired());
}

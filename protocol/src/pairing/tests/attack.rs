//! Eve: with a changed line, without the secret, and with it.

use super::world::*;
use crate::ids::NodeId;
use crate::pairing::*;
use std::cell::Cell;
use std::rc::Rc;
use zeroize::Zeroizing;

const EVE: NodeId = NodeId([0xee; 32]);

/// Runs with one frame changed and no second connection; whether the site joined in that run.
fn joins_with(tamper: Tamper) -> bool {
    let mut world = World::new();
    world.dials_max = 1;
    world.tamper = Some(tamper);
    world.run();
    assert!(world.admitted.len() <= 1);
    assert!(world.joined.is_none() || world.admitted == [JOINER], "joined without being admitted");
    let joined = world.joined.is_some();
    // Whatever happened: undisturbed, both sides come to the same end.
    world.heal();
    assert_eq!(world.joined.is_some(), world.inviter_is_paired(), "{:?}", world.failed);
    joined
}

/// The frames of an undisturbed pairing.
fn frames() -> Vec<Vec<u8>> {
    let seen = Rc::new(std::cell::RefCell::new(Vec::new()));
    let copy = seen.clone();
    let mut world = World::new();
    world.tamper = Some(Box::new(move |_, _, frame| {
        copy.borrow_mut().push(frame.clone());
        vec![frame]
    }));
    world.run();
    world.tamper = None;
    Rc::try_unwrap(seen).expect("the world let go of it").into_inner()
}

/// The joiner has joined before these.
fn is_epilogue(frame: &[u8]) -> bool {
    matches!(Frame::from_bytes(frame), Ok(Frame::Joined { .. } | Frame::Bye))
}

#[test]
fn a_frame_with_any_byte_changed_or_cut_off_pairs_nobody() {
    for (n, frame) in frames().into_iter().enumerate() {
        for at in 0..frame.len() {
            for change in [0x01, 0x80] {
                let tamper = move |number, _, mut frame: Vec<u8>| {
                    if number == n {
                        frame[at] ^= change;
                    }
                    vec![frame]
                };
                assert!(!joins_with(Box::new(tamper)) || is_epilogue(&frame), "byte {at} of frame {n}");
            }
            let cut = move |number, _, mut frame: Vec<u8>| {
                frame.truncate(if number == n { at } else { usize::MAX });
                vec![frame]
            };
            assert!(!joins_with(Box::new(cut)) || is_epilogue(&frame), "frame {n} cut at {at}");
        }
    }
}

#[test]
fn a_frame_that_comes_twice_or_late_does_no_harm() {
    for n in 0..frames().len() {
        let twice = move |number, _, frame: Vec<u8>| if number == n { vec![frame.clone(), frame] } else { vec![frame] };
        assert!(joins_with(Box::new(twice)), "frame {n} twice");
        let mut held: Option<Vec<u8>> = None;
        let late = move |number, _, frame: Vec<u8>| {
            if number == n {
                held = Some(frame);
                return Vec::new();
            }
            [frame].into_iter().chain(held.take()).collect()
        };
        joins_with(Box::new(late));
    }
}

#[test]
fn any_frame_instead_of_any_other_does_no_harm() {
    let frames = frames();
    for n in 0..frames.len() {
        for other in frames.clone() {
            let tamper = move |number, _, frame: Vec<u8>| if number == n { vec![other.clone()] } else { vec![frame] };
            joins_with(Box::new(tamper));
        }
    }
}

#[test]
fn a_wrong_secret_burns_the_invitation() {
    let mut inviter = inviter();
    let guessed = Ticket { secret: Zeroizing::new([0; 32]), ..ticket() };
    let mut eve = Joiner::new(guessed, newcomer(EVE), [0x77; 32]);
    eve.handle(START, JoinerEvent::Start);
    let hello = says(&eve.handle(START, JoinerEvent::Connected { peer: INVITER })).remove(0);
    let offer = answers(&inviter.handle(START, InviterEvent::Frame { peer: EVE, bytes: hello })).remove(0);
    let proof = says(&eve.handle(START, JoinerEvent::Frame(offer.to_bytes()))).remove(0);
    let wishes = inviter.handle(START, InviterEvent::Frame { peer: EVE, bytes: proof });
    assert_eq!(answers(&wishes), [Frame::Refuse { code: PairingCode::WrongCode }]);
    assert!(matches!(wishes[..2], [InviterWish::Keep(_), InviterWish::Burned]), "{wishes:?}");
    let failure = Failure { code: PairingCode::WrongCode, step: Step::Prove };
    assert_eq!(inviter.record().state, TicketState::Burned(failure));
    // The rightful joiner now hears that it is used.
    let hello = Frame::Hello { ticket: ticket().id }.to_bytes();
    let wishes = inviter.handle(START, InviterEvent::Frame { peer: JOINER, bytes: hello });
    assert_eq!(answers(&wishes), [Frame::Refuse { code: PairingCode::Used }]);
}

#[test]
fn a_proof_sent_on_under_another_identity_is_wrong() {
    let mut inviter = inviter();
    let mut ben = joiner();
    ben.handle(START, JoinerEvent::Start);
    let hello = says(&ben.handle(START, JoinerEvent::Connected { peer: INVITER })).remove(0);
    let offer = answers(&inviter.handle(START, InviterEvent::Frame { peer: EVE, bytes: hello })).remove(0);
    let proof = says(&ben.handle(START, JoinerEvent::Frame(offer.to_bytes()))).remove(0);
    let wishes = inviter.handle(START, InviterEvent::Frame { peer: EVE, bytes: proof });
    assert_eq!(answers(&wishes), [Frame::Refuse { code: PairingCode::WrongCode }]);
}

#[test]
fn the_joiner_says_nothing_to_a_node_that_the_invitation_does_not_name() {
    let mut ben = joiner();
    ben.handle(START, JoinerEvent::Start);
    let wishes = ben.handle(START, JoinerEvent::Connected { peer: EVE });
    assert!(says(&wishes).is_empty());
    assert_eq!(wishes[0], JoinerWish::Close);
    assert!(says(&ben.handle(START, JoinerEvent::Frame(frames()[1].clone()))).is_empty());
}

#[test]
fn a_stranger_who_knows_only_the_invitations_number_spoils_nothing_once_it_is_claimed() {
    let mut world = World::new();
    (world.person_inviter, world.person_joiner) = (None, None);
    world.run();
    let before = world.kept_inviter.clone();
    for frame in frames() {
        world.inviter_event(InviterEvent::Frame { peer: EVE, bytes: frame });
    }
    for bytes in [vec![], vec![0xff; 100], Frame::Bye.to_bytes()] {
        world.inviter_event(InviterEvent::Frame { peer: EVE, bytes });
    }
    assert_eq!(world.kept_inviter, before);
    (world.person_inviter, world.person_joiner) = (Some(Match::Same), Some(Match::Same));
    world.run();
    assert_eq!(world.admitted, [JOINER]);
    assert!(world.inviter_is_paired());
}

/// Eve stole the invitation and gave Ben one that names her node: she speaks to both sides with the right secret.
fn digits_around_eve(seed: u8) -> (Digits, Digits) {
    let mut ann = Inviter::open(ticket(), shown(ADMIN, [seed; 32]));
    let forged = Ticket { inviter: EVE, ..ticket() };
    let mut eve_as_ann = Inviter::open(forged.clone(), shown(ADMIN, [seed ^ 0x5a; 32]));
    let mut eve_as_ben = joiner_at(EVE, [seed ^ 0xa5; 32]);
    let mut ben = Joiner::new(forged, newcomer(JOINER), [!seed; 32]);
    shake(&mut eve_as_ann, INVITER_OF_BEN, &mut ben, JOINER);
    shake(&mut ann, INVITER, &mut eve_as_ben, EVE);
    (ann.digits().expect("Ann's screen shows them"), ben.digits().expect("Ben's screen shows them"))
}

const INVITER_OF_BEN: NodeId = EVE;

fn shake(inviter: &mut Inviter, inviter_node: NodeId, joiner: &mut Joiner, joiner_node: NodeId) {
    joiner.handle(START, JoinerEvent::Start);
    let mut words = says(&joiner.handle(START, JoinerEvent::Connected { peer: inviter_node }));
    while !words.is_empty() {
        let bytes = words.remove(0);
        for answer in answers(&inviter.handle(START, InviterEvent::Frame { peer: joiner_node, bytes })) {
            words.extend(says(&joiner.handle(START, JoinerEvent::Frame(answer.to_bytes()))));
        }
    }
}

#[test]
fn eve_in_the_middle_with_the_secret_shows_different_digits() {
    let equal = (0..=255).filter(|seed| {
        let (ann, ben) = digits_around_eve(*seed);
        ann == ben
    });
    assert_eq!(equal.count(), 0);
}

#[test]
fn eve_cannot_draw_the_digits_a_second_time() {
    let mut ann = inviter();
    let mut eve = joiner_at(EVE, [1; 32]);
    shake(&mut ann, INVITER, &mut eve, EVE);
    let digits = ann.digits();
    assert!(digits.is_some());
    // A new nonce would give new digits, so the same node is refused with one, however often it tries.
    for nonce in 2..20 {
        let mut again = joiner_at(EVE, [nonce; 32]);
        shake(&mut ann, INVITER, &mut again, EVE);
        assert_eq!(ann.digits(), digits);
        assert!(matches!(again.record().state, JoinerState::Failed(Failure { code: PairingCode::Used, .. })));
    }
}

#[test]
fn an_inviter_that_changes_its_commitment_is_left() {
    let mut ben = joiner();
    ben.handle(START, JoinerEvent::Start);
    ben.handle(START, JoinerEvent::Connected { peer: INVITER });
    ben.handle(START, JoinerEvent::Frame(Frame::Offer { commitment: [1; 32] }.to_bytes()));
    ben.handle(START, JoinerEvent::Disconnected);
    ben.handle(START, JoinerEvent::Connected { peer: INVITER });
    let wishes = ben.handle(START, JoinerEvent::Frame(Frame::Offer { commitment: [2; 32] }.to_bytes()));
    assert!(wishes.iter().any(|wish| matches!(wish, JoinerWish::Failed(_))));
}

/// The door was closing when the joiner came: the invitation had been taken back, and nobody said so.
#[test]
fn a_door_that_opens_and_says_nothing_is_given_up() {
    let mut ben = joiner();
    ben.handle(START, JoinerEvent::Start);
    ben.handle(START, JoinerEvent::Connected { peer: INVITER });
    assert_eq!(ben.handle(START, JoinerEvent::Disconnected), [JoinerWish::Dial]);
    let mut gone = joiner();
    gone.handle(START, JoinerEvent::Start);
    for _ in 1..3 {
        gone.handle(START, JoinerEvent::Connected { peer: INVITER });
        gone.handle(START, JoinerEvent::Disconnected);
    }
    gone.handle(START, JoinerEvent::Connected { peer: INVITER });
    gone.handle(START, JoinerEvent::Disconnected);
    ben.handle(START, JoinerEvent::Unreachable);
    for side in [ben, gone] {
        assert!(matches!(side.record().state, JoinerState::Failed(Failure { code: PairingCode::Unreachable, .. })));
    }
}

#[test]
fn a_line_lost_after_the_inviters_word_is_sought_again() {
    let mut ben = joiner();
    ben.handle(START, JoinerEvent::Start);
    ben.handle(START, JoinerEvent::Connected { peer: INVITER });
    ben.handle(START, JoinerEvent::Frame(Frame::Offer { commitment: [1; 32] }.to_bytes()));
    for _ in 0..20 {
        assert_eq!(ben.handle(START, JoinerEvent::Disconnected), [JoinerWish::Dial]);
        assert_eq!(ben.handle(START, JoinerEvent::Unreachable), [JoinerWish::Dial]);
        ben.handle(START, JoinerEvent::Connected { peer: INVITER });
    }
}

#[test]
fn an_admins_name_that_the_invitation_does_not_mark_is_refused() {
    let mut ann = Inviter::open(ticket(), shown("Eve Evans", [0x66; 32]));
    let mut ben = joiner();
    shake(&mut ann, INVITER, &mut ben, JOINER);
    assert!(matches!(ben.record().state, JoinerState::Failed(Failure { code: PairingCode::WrongCode, .. })));
}

#[test]
fn a_site_without_a_fit_name_is_refused() {
    for name in ["", " ", "two\nlines", &"x".repeat(121)] {
        let site = SiteProposal { name: name.into(), ..proposal() };
        let mut ann = inviter();
        let mut ben = Joiner::new(ticket(), Newcomer { site, ..newcomer(JOINER) }, [0x77; 32]);
        shake(&mut ann, INVITER, &mut ben, JOINER);
        assert!(ann.claim().is_none());
        assert!(matches!(ben.record().state, JoinerState::Failed(Failure { code: PairingCode::Refused, .. })));
    }
}

#[test]
fn the_inviting_node_cannot_join_itself() {
    let mut ann = inviter();
    let hello = Frame::Hello { ticket: ticket().id }.to_bytes();
    let wishes = ann.handle(START, InviterEvent::Frame { peer: INVITER, bytes: hello });
    assert_eq!(answers(&wishes), [Frame::Refuse { code: PairingCode::Already }]);
}

#[test]
fn the_line_is_counted_as_the_tests_assume() {
    let count = Rc::new(Cell::new(0));
    let seen = count.clone();
    let mut world = World::new();
    world.tamper = Some(Box::new(move |number, _, frame| {
        seen.set(number + 1);
        vec![frame]
    }));
    world.run();
    assert_eq!(count.get(), 9, "hello, offer, prove, accept, reveal, agree, part, joined, bye");
}

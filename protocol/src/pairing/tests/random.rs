//! Random orders of everything that can go wrong, then an undisturbed end.

use super::world::*;
use crate::ids::NodeId;
use crate::pairing::*;
use proptest::prelude::*;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Turn {
    Advance,
    Cut,
    CrashInviter,
    CrashJoiner,
    Restart,
    Pass(u64),
    Stranger(Vec<u8>),
    Person(At, Match),
    CancelInviter,
    CancelJoiner,
}

fn turn() -> impl Strategy<Value = Turn> {
    let at = prop_oneof![Just(At::Inviter), Just(At::Joiner)];
    let said = prop_oneof![9 => Just(Match::Same), 1 => Just(Match::Differ)];
    prop_oneof![
        20 => Just(Turn::Advance),
        2 => Just(Turn::Cut),
        1 => Just(Turn::CrashInviter),
        1 => Just(Turn::CrashJoiner),
        3 => Just(Turn::Restart),
        2 => (0u64..20 * 60_000).prop_map(Turn::Pass),
        2 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Turn::Stranger),
        4 => (at, said).prop_map(|(at, said)| Turn::Person(at, said)),
        1 => Just(Turn::CancelInviter),
        1 => Just(Turn::CancelJoiner),
    ]
}

fn play(world: &mut World, turn: Turn) {
    match turn {
        Turn::Advance => {
            world.advance();
        }
        Turn::Cut => world.cut(),
        Turn::CrashInviter => world.crash_inviter(),
        Turn::CrashJoiner => world.crash_joiner(),
        Turn::Restart => {
            if world.inviter.is_none() {
                world.start_inviter();
            }
            if world.joiner.is_none() {
                world.start_joiner();
            }
        }
        Turn::Pass(ms) => world.pass(ms),
        Turn::Stranger(bytes) => {
            world.inviter_event(InviterEvent::Frame { peer: NodeId([0xee; 32]), bytes: bytes.clone() });
            world.joiner_event(JoinerEvent::Frame(bytes));
        }
        Turn::Person(At::Inviter, said) => world.inviter_event(InviterEvent::Confirm(said)),
        Turn::Person(At::Joiner, said) => world.joiner_event(JoinerEvent::Confirm(said)),
        Turn::CancelInviter => world.inviter_event(InviterEvent::Cancel),
        Turn::CancelJoiner => world.joiner_event(JoinerEvent::Cancel),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_both_are_paired_or_neither(turns in proptest::collection::vec(turn(), 0..60)) {
        let mut world = World::new();
        (world.person_inviter, world.person_joiner) = (None, None);
        for turn in turns {
            play(&mut world, turn);
            prop_assert!(world.joined.is_none() || world.admitted == [JOINER]);
            let digits: Vec<_> = [
                world.inviter.as_ref().and_then(Inviter::digits),
                world.joiner.as_ref().and_then(Joiner::digits),
            ].into_iter().flatten().collect();
            prop_assert!(digits.windows(2).all(|pair| pair[0] == pair[1]));
        }
        world.heal();
        if !world.admitted.is_empty() && world.joined.is_none() {
            // A person gave up, or a day went by, after both agreed: the same invitation entered again heals it.
            let record = world.joiner.take().expect("healed").record().clone();
            prop_assert!(matches!(record.state, JoinerState::Cancelled | JoinerState::Failed(_)), "{record:?}");
            world.joiner = Some(Joiner::again(record));
            world.person_joiner = Some(Match::Same);
            world.joiner_event(JoinerEvent::Start);
            world.run();
        }
        if world.joined.is_some() && !world.inviter_is_paired() {
            // The last word was never heard, but the two meet as members.
            world.inviter_event(InviterEvent::Met(JOINER));
        }
        prop_assert_eq!(world.joined.is_some(), world.inviter_is_paired(), "{:?}", world.failed);
        prop_assert_eq!(world.joined.is_some(), world.admitted == [JOINER]);
    }
}

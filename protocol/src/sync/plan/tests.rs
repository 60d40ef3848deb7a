//! The plan alone: who is asked for what, and what happens when it does not come.

use super::*;

fn node(n: u8) -> NodeId {
    NodeId([n; 32])
}

fn claim(log: u8, priority: u8, height: u64) -> Claim {
    let extent = Extent { next: 1, above: None };
    let (scope, log, head) = (ScopeId([log; 32]), LogId([log; 32]), EntryId([log; 32]));
    Claim { scope, priority, log, height, head, extent, ways: Ways::Upwards }
}

/// Asks as the engine does and answers what was asked, with its call.
fn ask_all(plan: &mut Plan, peers: &[NodeId], call: &mut u64, now: u64) -> Vec<(u64, NodeId, Piece)> {
    let mut asked = Vec::new();
    for peer in peers {
        while let Some(piece) = plan.choose(peer) {
            *call += 1;
            plan.asked(*peer, *call, piece, Millis(now));
            asked.push((*call, *peer, piece));
        }
    }
    asked
}

fn some() -> Vec<ByteVec> {
    vec![ByteVec::from(vec![1])]
}

#[test]
fn pieces_asked_of_several_peers_are_disjoint_and_bounded() {
    let mut plan = Plan::default();
    let peers: Vec<NodeId> = (1..=6).map(node).collect();
    for peer in &peers {
        plan.claim(*peer, &claim(9, 3, 100_000));
    }
    let asked = ask_all(&mut plan, &peers, &mut 0, 0);
    assert_eq!(asked.len(), RANGES_MAX);
    for peer in &peers {
        assert!(asked.iter().filter(|(_, asked, _)| asked == peer).count() <= RANGES_PER_PEER_MAX);
    }
    let mut pieces: Vec<(u64, u64)> = asked.iter().map(|(_, _, piece)| (piece.from, piece.to)).collect();
    pieces.sort_unstable();
    assert_eq!(pieces[0].0, 1);
    assert!(pieces.windows(2).all(|pair| pair[0].1 == pair[1].0), "{pieces:?}");
}

#[test]
fn control_is_fetched_before_data_though_there_is_room() {
    let mut plan = Plan::default();
    plan.claim(node(1), &claim(7, 3, 50));
    plan.claim(node(1), &claim(8, 0, 50));
    let mut call = 0;
    let asked = ask_all(&mut plan, &[node(1)], &mut call, 0);
    assert_eq!(asked.iter().map(|(_, _, piece)| piece.log).collect::<Vec<_>>(), [LogId([8; 32])]);
    plan.arrived(1, some());
    assert!(plan.take(&LogId([8; 32])).is_some());
    plan.moved(&LogId([8; 32]), Extent { next: 50, above: None });
    assert_eq!(ask_all(&mut plan, &[node(1)], &mut call, 0)[0].2.log, LogId([7; 32]));
}

#[test]
fn what_a_lost_peer_was_asked_for_is_asked_of_another() {
    let mut plan = Plan::default();
    let log = LogId([9; 32]);
    plan.claim(node(1), &claim(9, 3, 3_000));
    plan.claim(node(2), &claim(9, 3, 3_000));
    let mut call = 0;
    let first = ask_all(&mut plan, &[node(1)], &mut call, 0);
    assert_eq!(first.len(), 3);
    assert!(ask_all(&mut plan, &[node(2)], &mut call, 0).is_empty());
    plan.forget(&node(1));
    let second = ask_all(&mut plan, &[node(2)], &mut call, 0);
    let pieces = |asked: &[(u64, NodeId, Piece)]| asked.iter().map(|(_, _, piece)| *piece).collect::<Vec<_>>();
    assert_eq!(pieces(&first), pieces(&second));
    // Answers of the one that is gone are of no account.
    assert!(plan.arrived(first[0].0, some()).is_none());
    assert!(plan.take(&log).is_none());
}

#[test]
fn a_slow_peer_is_overtaken_and_its_late_answer_still_counts_once() {
    let mut plan = Plan::default();
    let log = LogId([9; 32]);
    plan.claim(node(1), &claim(9, 3, 900));
    let mut call = 0;
    let slow = ask_all(&mut plan, &[node(1)], &mut call, 0);
    plan.claim(node(2), &claim(9, 3, 900));
    plan.hurry(Millis(RANGE_SLOW_MS / 2));
    assert!(ask_all(&mut plan, &[node(2)], &mut call, 0).is_empty());
    plan.hurry(Millis(RANGE_SLOW_MS + 1));
    let quick = ask_all(&mut plan, &[node(1), node(2)], &mut call, RANGE_SLOW_MS);
    assert_eq!(quick.iter().map(|(_, peer, _)| *peer).collect::<Vec<_>>(), [node(2)]);
    plan.arrived(slow[0].0, some());
    assert!(plan.take(&log).is_some_and(|arrived| arrived.peer == node(1)));
    plan.moved(&log, Extent { next: 900, above: None });
    plan.arrived(quick[0].0, some());
    assert!(plan.take(&log).is_none());
    assert_eq!(plan.load(), (0, 0));
}

#[test]
fn a_peer_that_does_not_deliver_is_not_asked_again_and_stops_nobody() {
    let mut plan = Plan::default();
    plan.claim(node(1), &claim(9, 0, 900));
    plan.claim(node(1), &claim(8, 3, 20));
    let mut call = 0;
    let asked = ask_all(&mut plan, &[node(1)], &mut call, 0);
    plan.arrived(asked[0].0, Vec::new());
    let rest = ask_all(&mut plan, &[node(1)], &mut call, 0);
    assert_eq!(rest.iter().map(|(_, _, piece)| piece.log).collect::<Vec<_>>(), [LogId([8; 32])]);
    plan.arrived(rest[0].0, Vec::new());
    assert!(!plan.has_work(&node(1)));
    assert!(plan.progress().is_empty());
}

#[test]
fn a_flood_of_claims_is_bounded() {
    let mut plan = Plan::default();
    for n in 0..WANTED_LOGS_PER_PEER_MAX as u64 + 500 {
        let mut log = [0; 32];
        log[..8].copy_from_slice(&n.to_be_bytes());
        plan.claim(node(1), &Claim { log: LogId(log), ..claim(0, 3, 10) });
    }
    assert_eq!(plan.wanted_of(&node(1)), WANTED_LOGS_PER_PEER_MAX);
    plan.forget(&node(1));
    assert_eq!((plan.fills.len(), plan.queues.len(), plan.logs.len()), (0, 0, 0));
}

#[test]
fn pieces_that_come_early_wait_for_their_turn_and_are_few() {
    let mut plan = Plan::default();
    let (log, peers) = (LogId([9; 32]), [node(1), node(2), node(3), node(4), node(5)]);
    for peer in &peers {
        plan.claim(*peer, &claim(9, 3, 1_000_000));
    }
    let mut call = 0;
    let mut most = 0;
    let mut under_way = ask_all(&mut plan, &peers, &mut call, 0);
    // The lowest piece never comes; all the others do.
    for _ in 0..100 {
        for (asked, _, piece) in std::mem::take(&mut under_way) {
            if piece.from > 1 {
                plan.arrived(asked, some());
            }
        }
        under_way = ask_all(&mut plan, &peers, &mut call, 0);
        most = most.max(plan.load().1);
    }
    assert!(plan.take(&log).is_none());
    assert!(most <= 2 * RANGES_MAX, "{most} pieces waited");
}

#[test]
fn a_log_that_lacks_much_is_filled_from_its_newest_entry_down() {
    let mut plan = Plan::default();
    let log = LogId([9; 32]);
    let height = 50 * PIECE_ENTRIES + 10;
    plan.claim(node(1), &Claim { ways: Ways::Both, extent: Extent::default(), ..claim(9, 3, height) });
    let mut call = 0;
    let first = ask_all(&mut plan, &[node(1)], &mut call, 0);
    assert_eq!(first[0].2, Piece { log, way: Way::Forward, from: 0, to: FIRST_PIECE_ENTRIES });
    assert_eq!(first.len(), 1);
    plan.arrived(first[0].0, some());
    assert!(plan.take(&log).is_some());
    let next = FIRST_PIECE_ENTRIES;
    plan.moved(&log, Extent { next, above: None });
    let top = ask_all(&mut plan, &[node(1)], &mut call, 0);
    assert_eq!(top[0].2, Piece { log, way: Way::Forward, from: 50 * PIECE_ENTRIES, to: height });
    plan.arrived(top[0].0, some());
    assert!(plan.take(&log).is_some());
    let mut low = 50 * PIECE_ENTRIES;
    plan.moved(&log, Extent { next, above: Some((low, height)) });
    while low > next {
        let asked = ask_all(&mut plan, &[node(1)], &mut call, 0);
        for (asked, _, piece) in asked.iter().rev() {
            assert_eq!(piece.way, Way::Back);
            plan.arrived(*asked, some());
        }
        while let Some(arrived) = plan.take(&log) {
            assert_eq!(arrived.piece.to, low);
            low = arrived.piece.from;
            let above = (low > next).then_some((low, height));
            plan.moved(&log, Extent { next: if low > next { next } else { height }, above });
        }
    }
    assert!(!plan.has_work(&node(1)));
}

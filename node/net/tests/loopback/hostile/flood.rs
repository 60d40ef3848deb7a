//! Oversized frames, bombs and floods of requests from a peer that is on the list.

use archipel_net::{Lane, NetEvent, RequestError, limits};
use bytes::Bytes;
use libp2p::PeerId;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::SwarmEvent;
use tokio::time::timeout;

use super::eve::{BehaviourEvent, Eve, bomb, connect, eve, frame, until};
use crate::support::{Node, PATIENCE, QUIC, TCP, key};

/// Far above what the tests of this program need, far below what the bombs would take.
const MEMORY_BYTES_MAX: usize = 400 << 20;

async fn listed(listen: &str) -> (Node, Eve, PeerId) {
    let mut ann = Node::on(1, &[listen]).await;
    ann.allow(&[key(66)]).await;
    let mut eve = eve(66, b"the organisation");
    connect(&mut eve, &ann.addresses[0]).await;
    ann.connected(key(66)).await;
    let ann_id = *eve.connected_peers().next().unwrap();
    (ann, eve, ann_id)
}

/// The most memory that this process ever had.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Sends raw requests; returns what came back, `None` for those that failed.
async fn ask(eve: &mut Eve, peer: PeerId, requests: Vec<Vec<u8>>) -> Vec<Option<Vec<u8>>> {
    let count = requests.len();
    for request in requests {
        eve.behaviour_mut().sync.send_request(&peer, request);
    }
    let mut answers = Vec::new();
    while answers.len() < count {
        let answer = until(eve, |event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Sync(Event::Message {
                message: Message::Response { response, .. },
                ..
            })) => Some(Some(response)),
            SwarmEvent::Behaviour(BehaviourEvent::Sync(Event::OutboundFailure { .. })) => Some(None),
            _ => None,
        });
        answers.push(timeout(PATIENCE, answer).await.unwrap());
    }
    answers
}

#[tokio::test]
async fn oversized_requests_and_bombs_reach_nobody() {
    for listen in [QUIC, TCP] {
        let (mut ann, mut eve, ann_id) = listed(listen).await;
        let bombs = vec![
            frame(usize::try_from(u32::MAX).unwrap(), 0, b"x"),
            frame(limits::REQUEST_BYTES_MAX + 2, 0, &vec![0; limits::REQUEST_BYTES_MAX + 1]),
            frame(0, 0, b""),
            frame(2, 7, b"x"),
            frame(6, 1, b"\x28\xb5\x2f\xfd\0"),
            bomb(limits::REQUEST_BYTES_MAX as u64 + 1),
            bomb(3 << 30),
        ];
        for answer in ask(&mut eve, ann_id, bombs).await {
            assert!(answer.is_none_or(|bytes| bytes.is_empty()), "no answer to nonsense");
        }
        // The connection still works, and the first thing that Ann hears is the honest request.
        let asking = ask(&mut eve, ann_id, vec![frame(2, 0, b"?")]);
        let answering = async {
            loop {
                match ann.events.recv().await.unwrap() {
                    NetEvent::Request { token, bytes, .. } => {
                        assert_eq!(&bytes[..], b"?");
                        return ann.net.respond(token, Bytes::from_static(b"!")).await.unwrap();
                    }
                    other => assert!(!matches!(other, NetEvent::Disconnected { .. })),
                }
            }
        };
        let (answers, ()) = tokio::join!(asking, answering);
        assert_eq!(answers, [Some(frame(2, 0, b"!"))]);
    }
    assert!(peak_bytes() < MEMORY_BYTES_MAX, "{} bytes", peak_bytes());
}

/// INV-38.
#[tokio::test]
async fn oversized_answers_and_bombs_are_stopped() {
    let too_large = RequestError::TooLarge { max: limits::RESPONSE_BYTES_MAX };
    let too_long = RequestError::TooLarge { max: limits::RESPONSE_WIRE_BYTES_MAX };
    let answers = [
        (bomb(limits::RESPONSE_BYTES_MAX as u64), Ok(Bytes::from(vec![0; limits::RESPONSE_BYTES_MAX]))),
        (bomb(limits::RESPONSE_BYTES_MAX as u64 + 1), Err(too_large.clone())),
        (bomb(30 << 30), Err(too_large)),
        (
            frame(limits::RESPONSE_WIRE_BYTES_MAX + 1, 0, &vec![0; limits::RESPONSE_WIRE_BYTES_MAX]),
            Err(too_long.clone()),
        ),
        (frame(usize::try_from(u32::MAX).unwrap(), 0, b"x"), Err(too_long)),
        (frame(2, 9, b"x"), Err(RequestError::Malformed)),
        (frame(0, 0, b""), Err(RequestError::Malformed)),
        (Vec::new(), Err(RequestError::Refused)),
    ];
    let (ann, mut eve, _) = listed(QUIC).await;
    for (raw, expected) in answers {
        let asking = ann.net.request(key(66), Lane::Sync, Bytes::from_static(b"?"));
        tokio::pin!(asking);
        let mut raw = Some(raw);
        let answer = loop {
            tokio::select! {
                answer = &mut asking => break answer,
                channel = until(&mut eve, |event| match event {
                    SwarmEvent::Behaviour(BehaviourEvent::Sync(Event::Message {
                        message: Message::Request { channel, .. }, ..
                    })) => Some(channel),
                    _ => None,
                }) => {
                    eve.behaviour_mut().sync.send_response(channel, raw.take().unwrap()).unwrap();
                }
            }
        };
        assert_eq!(answer, expected);
    }
    assert!(peak_bytes() < MEMORY_BYTES_MAX, "{} bytes", peak_bytes());
}

#[tokio::test]
async fn a_flood_of_requests_is_refused_beyond_thirty_two() {
    let (mut ann, mut eve, ann_id) = listed(QUIC).await;
    // A connection carries at most as many streams; over two of them the count of the peer decides.
    connect(&mut eve, &ann.addresses[0]).await;
    let flood = 40;
    let asking = ask(&mut eve, ann_id, (0..flood).map(|_| frame(2, 0, b"?")).collect());
    let counting = async {
        let mut tokens = Vec::new();
        while tokens.len() < limits::INBOUND_REQUESTS_PER_PEER_MAX {
            if let NetEvent::Request { token, .. } = ann.events.recv().await.unwrap() {
                tokens.push(token);
            }
        }
        while ann.net.status().await.unwrap().requests_refused < flood - 32 {
            tokio::task::yield_now().await;
        }
        while let Ok(event) = ann.events.try_recv() {
            assert!(!matches!(event, NetEvent::Request { .. }), "a thirty-third at once");
        }
        for token in tokens {
            ann.net.respond(token, Bytes::from_static(b"!")).await.unwrap();
        }
    };
    let (answers, ()) = timeout(PATIENCE, async { tokio::join!(asking, counting) }).await.unwrap();
    assert_eq!(answers.iter().filter(|answer| **answer == Some(frame(2, 0, b"!"))).count(), 32);
    let again = ask(&mut eve, ann_id, vec![frame(2, 0, b"?")]);
    let answering = async {
        loop {
            if let NetEvent::Request { token, .. } = ann.events.recv().await.unwrap() {
                return ann.net.respond(token, Bytes::from_static(b"!")).await.unwrap();
            }
        }
    };
    let (answers, ()) = tokio::join!(again, answering);
    assert_eq!(answers, [Some(frame(2, 0, b"!"))], "answered ones free their slots");
}

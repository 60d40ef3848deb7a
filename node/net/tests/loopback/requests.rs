//! Requests and answers, up to the limits and beyond.

use std::collections::VecDeque;

use archipel_net::{Lane, NetEvent, RequestError, RequestToken, limits};
use bytes::Bytes;

use crate::support::{Node, PATIENCE, QUIC, TCP, pair};

async fn request(node: &mut Node) -> (RequestToken, Bytes) {
    node.until("a request", |event| match event {
        NetEvent::Request { token, bytes, .. } => Some((token, bytes)),
        _ => None,
    })
    .await
}

/// Bytes that do not compress.
fn noise(count: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[tokio::test]
async fn requests_and_answers_travel_on_every_lane_and_transport() {
    for listen in [QUIC, TCP] {
        let (mut ann, ben) = pair([1, 2], &[listen]).await;
        for lane in Lane::ALL {
            let asking = ben.net.request(ann.key(), lane, Bytes::from_static(b"how are you?"));
            let answering = async {
                let (token, bytes) = request(&mut ann).await;
                assert_eq!(&bytes[..], b"how are you?");
                ann.net.respond(token, Bytes::from_static(b"well")).await.unwrap();
            };
            let (answer, ()) = tokio::join!(asking, answering);
            assert_eq!(answer.as_deref(), Ok(&b"well"[..]));
        }
    }
}

#[tokio::test]
async fn the_largest_messages_pass_and_larger_ones_do_not_leave() {
    let (mut ann, ben) = pair([1, 2], &[QUIC]).await;
    let sizes = [
        (Lane::Sync, limits::REQUEST_BYTES_MAX, limits::RESPONSE_WIRE_BYTES_MAX - 1),
        (Lane::Blob, limits::BLOB_REQUEST_BYTES_MAX, limits::BLOB_RESPONSE_BYTES_MAX),
        (Lane::Lifeline, limits::LIFELINE_REQUEST_BYTES_MAX, limits::RESPONSE_WIRE_BYTES_MAX - 1),
    ];
    for (lane, request_bytes, response_bytes) in sizes {
        let asking = ben.net.request(ann.key(), lane, noise(request_bytes));
        let answering = async {
            let (token, bytes) = request(&mut ann).await;
            assert_eq!(bytes.len(), request_bytes);
            ann.net.respond(token, noise(response_bytes)).await.unwrap();
        };
        let (answer, ()) = tokio::join!(asking, answering);
        assert_eq!(answer.unwrap(), noise(response_bytes));

        let too_much = ben.net.request(ann.key(), lane, noise(request_bytes + 1)).await;
        assert_eq!(too_much, Err(RequestError::TooLarge { max: request_bytes }));
        let asking = ben.net.request(ann.key(), lane, Bytes::new());
        let answering = async {
            let (token, _) = request(&mut ann).await;
            ann.net.respond(token, noise(response_bytes + 1)).await
        };
        let (answer, responded) = tokio::join!(asking, answering);
        assert!(matches!(responded, Err(RequestError::TooLarge { .. })));
        assert_eq!(answer, Err(RequestError::Refused), "an answer that cannot be given is a refusal");
    }
}

#[tokio::test]
async fn all_that_an_honest_peer_asks_at_once_is_answered_in_full() {
    let (mut ann, ben) = pair([1, 2], &[QUIC]).await;
    let lanes = [
        (Lane::Sync, limits::SYNC_REQUESTS_PER_PEER_MAX, limits::RESPONSE_WIRE_BYTES_MAX - 1),
        (Lane::Blob, limits::BLOB_REQUESTS_PER_PEER_MAX, limits::BLOB_RESPONSE_BYTES_MAX),
        (Lane::Lifeline, limits::LIFELINE_REQUESTS_PER_PEER_MAX, limits::RESPONSE_WIRE_BYTES_MAX - 1),
    ];
    let asked: Vec<_> = lanes
        .iter()
        .flat_map(|(lane, count, bytes)| std::iter::repeat_n((*lane, *bytes), *count))
        .map(|(lane, bytes)| {
            let (net, peer) = (ben.net.clone(), ann.key());
            let question = Bytes::from(bytes.to_string());
            tokio::spawn(async move { (net.request(peer, lane, question).await.map(|bytes| bytes.len()), bytes) })
        })
        .collect();
    let mut held = Vec::new();
    for _ in 0..asked.len() {
        held.push(request(&mut ann).await);
    }
    let answer = noise(limits::BLOB_RESPONSE_BYTES_MAX);
    for (token, question) in held {
        let bytes: usize = std::str::from_utf8(&question).unwrap().parse().unwrap();
        ann.net.respond(token, answer.slice(..bytes)).await.unwrap();
    }
    for asked in asked {
        let (answer, bytes) = asked.await.unwrap();
        assert_eq!(answer, Ok(bytes));
    }
}

#[tokio::test]
async fn text_of_four_mebibytes_is_one_answer() {
    let (mut ann, ben) = pair([1, 2], &[TCP]).await;
    let text: Bytes = "all the same ".bytes().cycle().take(limits::RESPONSE_BYTES_MAX).collect();
    let asking = ben.net.request(ann.key(), Lane::Sync, Bytes::new());
    let answering = async {
        let (token, _) = request(&mut ann).await;
        ann.net.respond(token, text.clone()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer.unwrap(), text);
}

#[tokio::test]
async fn a_refusal_is_told_at_once() {
    let (mut ann, ben) = pair([1, 2], &[TCP]).await;
    let asking = ben.net.request(ann.key(), Lane::Sync, Bytes::new());
    let refusing = async {
        let (token, _) = request(&mut ann).await;
        ann.net.refuse(token);
    };
    let (answer, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(asking, refusing) }).await.unwrap();
    assert_eq!(answer, Err(RequestError::Refused));
}

#[tokio::test]
async fn a_lost_peer_ends_the_waiting() {
    let (mut ann, ben) = pair([1, 2], &[QUIC]).await;
    let asking = ben.net.request(ann.key(), Lane::Sync, Bytes::new());
    let leaving = async {
        let kept = request(&mut ann).await;
        ann.net.close().await;
        kept
    };
    let (answer, _) = tokio::join!(asking, leaving);
    assert_eq!(answer, Err(RequestError::Unreachable));
    assert_eq!(ben.net.request(ann.key(), Lane::Sync, Bytes::new()).await, Err(RequestError::Unreachable));
}

#[tokio::test]
async fn requests_queue_up_to_a_bound_and_are_all_answered() {
    let (mut ann, ben) = pair([1, 2], &[QUIC]).await;
    let count = limits::WAITING_REQUESTS_PER_PEER_MAX;
    let asked: Vec<_> = (0..count)
        .map(|n| {
            let (net, peer) = (ben.net.clone(), ann.key());
            tokio::spawn(async move { net.request(peer, Lane::Sync, Bytes::from(n.to_string())).await })
        })
        .collect();
    let mut held = VecDeque::new();
    for _ in 0..count {
        held.push_back(request(&mut ann).await);
        assert!(held.len() <= limits::SYNC_REQUESTS_PER_PEER_MAX, "no more than that at once");
        if held.len() == limits::SYNC_REQUESTS_PER_PEER_MAX {
            let (token, bytes) = held.pop_front().unwrap();
            ann.net.respond(token, bytes).await.unwrap();
        }
    }
    for (token, bytes) in held {
        ann.net.respond(token, bytes).await.unwrap();
    }
    for (n, asked) in asked.into_iter().enumerate() {
        assert_eq!(asked.await.unwrap(), Ok(Bytes::from(n.to_string())));
    }
}

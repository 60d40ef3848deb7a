//! A suspended peer has the lifeline and nothing else (INV-33).

use archipel_net::{Lane, NetEvent, PublishError, RequestError, Verdict};
use bytes::Bytes;
use libp2p::request_response::{Event, OutboundFailure};
use libp2p::swarm::SwarmEvent;
use tokio::time::timeout;

use super::eve::{BehaviourEvent, connect, eve, frame, until};
use crate::support::{Node, PATIENCE, QUIC, TCP, key, pair};

async fn answer(node: &mut Node) {
    let token = node.until("a request", |event| match event {
        NetEvent::Request { token, lane, .. } => {
            assert_eq!(lane, Lane::Lifeline);
            Some(token)
        }
        _ => None,
    });
    let token = token.await;
    node.net.respond(token, Bytes::from_static(b"you are suspended")).await.unwrap();
}

#[tokio::test]
async fn a_suspended_peer_can_use_the_lifeline_alone_until_it_is_taken_back() {
    for listen in [QUIC, TCP] {
        let (mut ann, mut ben) = pair([1, 2], &[listen]).await;
        let topic = "0".repeat(32);
        for node in [&ann, &ben] {
            node.net.subscribe([topic.clone()].into()).await.unwrap();
        }
        ann.net.confine([ben.key()].into()).await.unwrap();
        ann.disconnected(ben.key()).await;
        ben.disconnected(ann.key()).await;
        ann.connected(ben.key()).await;
        ben.connected(ann.key()).await;

        let asked = ben.net.request(ann.key(), Lane::Lifeline, Bytes::new());
        let (asked, ()) = tokio::join!(asked, answer(&mut ann));
        assert_eq!(asked.as_deref(), Ok(&b"you are suspended"[..]));
        for lane in [Lane::Sync, Lane::Blob] {
            assert_eq!(ben.net.request(ann.key(), lane, Bytes::new()).await, Err(RequestError::Refused));
            assert_eq!(ann.net.request(ben.key(), lane, Bytes::new()).await, Err(RequestError::Refused));
        }
        for node in [&ann, &ben] {
            assert_eq!(node.net.publish(&topic, Bytes::from_static(b"?")).await, Err(PublishError::NoPeers));
        }

        ann.net.confine([].into()).await.unwrap();
        ann.disconnected(ben.key()).await;
        ann.connected(ben.key()).await;
        for (from, to) in [(0, 1), (1, 0)] {
            let nodes = [&mut ann, &mut ben];
            let bytes = Bytes::from(format!("from {from}"));
            let published = async {
                while nodes[from].net.publish(&topic, bytes.clone()).await == Err(PublishError::NoPeers) {
                    tokio::task::yield_now().await;
                }
            };
            timeout(PATIENCE, published).await.unwrap();
            let token = nodes[to].until("a message", |event| match event {
                NetEvent::Gossip { token, .. } => Some(token),
                _ => None,
            });
            let token = token.await;
            nodes[to].net.accept(token, Verdict::Accept).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_suspended_peer_finds_no_protocol_to_attack() {
    let mut ann = Node::on(1, &[QUIC]).await;
    // Suspended and not listed otherwise: the suspension admits to the lifeline.
    ann.net.confine([key(66)].into()).await.unwrap();
    ann.net.subscribe(["0".repeat(32)].into()).await.unwrap();
    let mut eve = eve(66, b"the organisation");
    connect(&mut eve, &ann.addresses[0]).await;
    ann.connected(key(66)).await;
    let ann_id = *eve.connected_peers().next().unwrap();
    eve.behaviour_mut().sync.send_request(&ann_id, frame(2, 0, b"?"));
    let (mut request_failed, mut gossip_failed) = (false, false);
    let attack = async {
        while !(request_failed && gossip_failed) {
            until(&mut eve, |event| {
                match event {
                    SwarmEvent::Behaviour(BehaviourEvent::Sync(Event::OutboundFailure { error, .. })) => {
                        assert!(matches!(error, OutboundFailure::UnsupportedProtocols), "{error}");
                        request_failed = true;
                    }
                    SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => {
                        assert!(matches!(event, libp2p::gossipsub::Event::GossipsubNotSupported { .. }), "{event:?}");
                        gossip_failed = true;
                    }
                    _ => {}
                }
                Some(())
            })
            .await;
        }
    };
    timeout(PATIENCE, attack).await.unwrap();
}

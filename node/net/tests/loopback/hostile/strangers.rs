//! Who is not on the list gets nothing (INV-33).

use archipel_net::{NetEvent, peer_id_text};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, identify};
use tokio::time::timeout;

use super::eve::{BehaviourEvent, eve, frame, until};
use crate::support::{Node, PATIENCE, QUIC, TCP, key};

#[tokio::test]
async fn a_stranger_can_open_no_stream_over_any_transport() {
    for listen in [QUIC, TCP] {
        let mut ann = Node::on(1, &[listen]).await;
        ann.allow(&[key(2)]).await;
        ann.net.subscribe(["0".repeat(32)].into()).await.unwrap();
        let mut eve = eve(66, b"the organisation");
        let ann_id = peer_id_text(ann.key()).parse().unwrap();
        let address: Multiaddr = ann.addresses[0].parse().unwrap();
        eve.dial(DialOpts::peer_id(ann_id).addresses(vec![address]).build()).unwrap();
        // Queued before the connection exists, so that it goes out in its first moment.
        eve.behaviour_mut().sync.send_request(&ann_id, frame(2, 0, b"?"));
        let mut failed = false;
        let mut closed = false;
        let attack = async {
            while !(failed && closed) {
                until(&mut eve, |event| {
                    match event {
                        SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => {
                            closed = true
                        }
                        SwarmEvent::Behaviour(BehaviourEvent::Sync(event)) => match event {
                            libp2p::request_response::Event::OutboundFailure { .. } => failed = true,
                            other => panic!("a stranger got {other:?}"),
                        },
                        SwarmEvent::Behaviour(BehaviourEvent::Identify(
                            event @ (identify::Event::Received { .. } | identify::Event::Sent { .. }),
                        )) => panic!("a stranger got {event:?}"),
                        SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => panic!("a stranger got {event:?}"),
                        _ => {}
                    }
                    Some(())
                })
                .await;
            }
        };
        timeout(PATIENCE, attack).await.expect("a stranger's connection ends");
        let status = ann.net.status().await.unwrap();
        assert_eq!((status.strangers_refused, status.peers.len()), (1, 0));
        while let Ok(event) = ann.events.try_recv() {
            assert!(matches!(event, NetEvent::Listening { .. }), "{event:?}");
        }
    }
}

#[tokio::test]
async fn another_organisations_node_fails_in_the_tcp_handshake() {
    let ann = Node::on(1, &[TCP]).await;
    // Even a listed key does not help: who does not know the tag does not get as far as showing it.
    ann.allow(&[key(66)]).await;
    let mut eve = eve(66, b"another one.....");
    eve.dial(ann.addresses[0].parse::<Multiaddr>().unwrap()).unwrap();
    let refused = until(&mut eve, |event| match event {
        SwarmEvent::OutgoingConnectionError { .. } => Some(true),
        SwarmEvent::ConnectionEstablished { .. } => Some(false),
        _ => None,
    });
    assert!(timeout(PATIENCE, refused).await.unwrap());
    assert_eq!(ann.net.status().await.unwrap().strangers_refused, 0);
}

#[tokio::test]
async fn a_node_does_not_dial_strangers_either() {
    let (ann, ben) = (Node::on(1, &[QUIC]).await, Node::on(2, &[QUIC]).await);
    ann.allow(&[ben.key()]).await;
    ben.net.dial(ann.key(), ann.addresses.clone()).await.unwrap();
    // A second command is answered after the first was acted on.
    assert!(ben.net.status().await.unwrap().peers.is_empty());
    assert_eq!(ann.net.status().await.unwrap().strangers_refused, 0);
}

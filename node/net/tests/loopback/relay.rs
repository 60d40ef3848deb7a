//! Members in between: who is reached over one, who is not, and that the straight way wins.

use archipel_net::{AddressKind, Lane, Nat, NetEvent, Reach, RequestError, Via};
use bytes::Bytes;

use crate::support::{Node, TCP, config, key};

/// A port on which nothing listens now.
fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A member that is reached from outside, as its administrator says, and lists these.
async fn relay(lists: &[u8]) -> Node {
    let address = format!("/ip4/127.0.0.1/tcp/{}", free_port());
    let reach = Reach { announce: vec![address.clone()], ..Reach::default() };
    let node = Node::start(archipel_net::NetConfig { reach, ..config(1, &[&address]) }).await;
    node.allow(&lists.iter().map(|seed| key(*seed)).collect::<Vec<_>>()).await;
    assert_eq!(node.net.status().await.unwrap().nat, Nat::Public);
    node
}

/// A member that nobody can dial, connected with the relay, and where it is found over it.
async fn hidden(seed: u8, relay: &Node, lists: &[u8]) -> (Node, String) {
    let mut node = Node::on(seed, &[]).await;
    let listed: Vec<_> = lists.iter().map(|seed| key(*seed)).chain([relay.key()]).collect();
    node.allow(&listed).await;
    node.net.dial(relay.key(), relay.addresses.clone()).await.unwrap();
    let found = node.until("a reservation", |event| match event {
        NetEvent::Listening { address } if address.contains("p2p-circuit") => Some(address),
        _ => None,
    });
    let found = found.await;
    let status = node.net.status().await.unwrap();
    assert_eq!((status.nat, status.relays), (Nat::Unknown, vec![relay.key()]));
    assert!(status.addresses.iter().any(|own| own.kind == AddressKind::Relay && own.address == found));
    (node, found)
}

async fn asks(from: &Node, to: &mut Node) {
    let asked = from.net.request(to.key(), Lane::Sync, Bytes::from_static(b"?"));
    let answer = async {
        let token = to.until("a request", |event| match event {
            NetEvent::Request { token, .. } => Some(token),
            _ => None,
        });
        let token = token.await;
        to.net.respond(token, Bytes::from(vec![7; 500_000])).await.unwrap();
    };
    let (asked, ()) = tokio::join!(asked, answer);
    assert_eq!(asked.map(|bytes| bytes.len()), Ok(500_000));
}

#[tokio::test]
async fn two_that_nobody_can_dial_meet_over_a_third_and_move_to_the_straight_way() {
    let ann = relay(&[2, 3]).await;
    let (mut ben, at_ben) = hidden(2, &ann, &[3]).await;
    let (mut cid, _) = hidden(3, &ann, &[2]).await;
    cid.net.dial(ben.key(), vec![at_ben]).await.unwrap();
    cid.connected(ben.key()).await;
    ben.connected(cid.key()).await;
    let via = |status: archipel_net::NetStatus, peer| {
        status.peers.iter().find(|status| status.peer == peer).map(|status| (status.via, status.connections))
    };
    assert_eq!(via(cid.net.status().await.unwrap(), ben.key()), Some((Via::Relay, 1)));
    assert_eq!(ann.net.status().await.unwrap().circuits, 1);
    asks(&cid, &mut ben).await;
    asks(&ben, &mut cid).await;

    // A straight way appears: it is taken, and the one over the relay ends, while both go on asking.
    let door = Node::on(9, &[TCP]).await;
    let address = door.addresses[0].clone();
    door.net.close().await;
    let (ben_key, cid_key) = (ben.key(), cid.key());
    ben.net.close().await;
    cid.disconnected(ben_key).await;
    let mut ben = Node::on(2, &[&address]).await;
    ben.allow(&[ann.key(), cid_key]).await;
    ben.net.dial(ann.key(), ann.addresses.clone()).await.unwrap();
    cid.connected(ben_key).await;
    cid.net.known_addresses(ben_key, vec![address]).await.unwrap();
    crate::support::eventually("one straight connection", async || {
        via(cid.net.status().await.unwrap(), ben_key) == Some((Via::Direct, 1))
    })
    .await;
    asks(&cid, &mut ben).await;
    assert_eq!(ann.net.status().await.unwrap().circuits, 0);
}

#[tokio::test]
async fn a_stranger_gets_no_further_over_a_relay() {
    let ann = relay(&[2, 66]).await;
    let (mut ben, at_ben) = hidden(2, &ann, &[]).await;
    // Eve is a member in the eyes of the relay, and removed in those of Ben.
    let (eve, _) = hidden(66, &ann, &[2]).await;
    eve.net.dial(ben.key(), vec![at_ben]).await.unwrap();
    crate::support::eventually("eve is refused", async || ben.net.status().await.unwrap().strangers_refused > 0).await;
    let asked = eve.net.request(ben.key(), Lane::Sync, Bytes::from_static(b"?")).await;
    assert!(matches!(asked, Err(RequestError::Unreachable | RequestError::Refused)), "{asked:?}");
    while let Ok(event) = ben.events.try_recv() {
        assert!(matches!(event, NetEvent::Listening { .. } | NetEvent::ListenEnded { .. }), "{event:?}");
    }
    assert!(ben.net.status().await.unwrap().peers.iter().all(|peer| peer.peer == ann.key()));
}

#[tokio::test]
async fn a_suspended_peer_gets_no_reservation() {
    let ann = relay(&[]).await;
    ann.net.confine([key(2)].into()).await.unwrap();
    let mut ben = Node::on(2, &[]).await;
    ben.allow(&[ann.key()]).await;
    ben.net.dial(ann.key(), ann.addresses.clone()).await.unwrap();
    ben.connected(ann.key()).await;
    // An answer on the lifeline shows that everything else was negotiated before.
    ben.net.sound(ann.key()).await.unwrap().unwrap();
    assert_eq!(ben.net.status().await.unwrap().relays, []);
}

//! Pairing connections.

use archipel_net::{PairConnection, PairError, PairEvent, PairListener, limits, pair_dial};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{Node, PATIENCE, QUIC, TCP, key};

const INVITER: [u8; 32] = [1; 32];
const JOINER: [u8; 32] = [2; 32];

async fn open(listen: &[&str]) -> (PairListener, mpsc::Receiver<PairEvent>) {
    let listen: Vec<String> = listen.iter().map(|text| text.to_string()).collect();
    PairListener::open(&INVITER, &listen).await.unwrap()
}

async fn arrival(events: &mut mpsc::Receiver<PairEvent>) -> PairConnection {
    let PairEvent::Connected(connection) = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    connection
}

#[tokio::test]
async fn frames_travel_both_ways_in_order() {
    for transport in [QUIC, TCP] {
        let (door, mut events) = open(&[transport]).await;
        let mut ben = pair_dial(&JOINER, key(1), door.addresses()).await.unwrap();
        let mut ann = arrival(&mut events).await;
        assert_eq!((ann.peer(), ben.peer()), (key(2), key(1)));
        exchange(&mut ben, &mut ann).await;
        exchange(&mut ann, &mut ben).await;
    }
}

/// More frames than the queues hold, so that the writer waits for the reader, and the largest one.
async fn exchange(from: &mut PairConnection, to: &mut PairConnection) {
    let mut frames: Vec<Bytes> = (0..50u8).map(|n| Bytes::from(vec![n])).collect();
    frames.push(Bytes::from(vec![7; limits::PAIR_FRAME_BYTES_MAX]));
    let writing = async {
        for frame in &frames {
            from.send(frame.clone()).await.unwrap();
        }
    };
    let reading = async {
        for frame in &frames {
            assert_eq!(to.recv().await.as_ref(), Some(frame));
        }
    };
    timeout(PATIENCE, async { tokio::join!(writing, reading) }).await.unwrap();
}

#[tokio::test]
async fn a_frame_has_a_size() {
    let (door, mut events) = open(&[TCP]).await;
    let mut ben = pair_dial(&JOINER, key(1), door.addresses()).await.unwrap();
    let _ann = arrival(&mut events).await;
    let size = Err(PairError::Size { max: limits::PAIR_FRAME_BYTES_MAX });
    assert_eq!(ben.send(Bytes::new()).await, size);
    assert_eq!(ben.send(Bytes::from(vec![0; limits::PAIR_FRAME_BYTES_MAX + 1])).await, size);
}

#[tokio::test]
async fn another_key_than_the_tickets_is_refused() {
    for transport in [QUIC, TCP] {
        let (door, _events) = open(&[transport]).await;
        let dialled = pair_dial(&JOINER, key(3), door.addresses()).await;
        assert_eq!(dialled.unwrap_err(), PairError::WrongPeer);
    }
    let nobody = ["/ip4/127.0.0.1/tcp/1".to_owned()];
    assert_eq!(pair_dial(&JOINER, key(1), &nobody).await.unwrap_err(), PairError::Unreachable);
    assert!(matches!(pair_dial(&JOINER, key(1), &[]).await.unwrap_err(), PairError::Setup { .. }));
}

#[tokio::test]
async fn leaving_is_noticed_at_the_other_end() {
    let (door, mut events) = open(&[QUIC]).await;
    let mut ben = pair_dial(&JOINER, key(1), door.addresses()).await.unwrap();
    let ann = arrival(&mut events).await;
    ann.close();
    assert_eq!(timeout(PATIENCE, ben.recv()).await.unwrap(), None);
    assert_eq!(ben.send(Bytes::from_static(b"?")).await, Err(PairError::Closed));
    let mut ben = pair_dial(&JOINER, key(1), door.addresses()).await.unwrap();
    let _ann = arrival(&mut events).await;
    door.close().await;
    assert_eq!(timeout(PATIENCE, ben.recv()).await.unwrap(), None);
}

#[tokio::test]
async fn a_door_that_is_dropped_shuts_although_somebody_is_inside() {
    let (door, mut events) = open(&[TCP]).await;
    let addresses = door.addresses().to_vec();
    let mut ben = pair_dial(&JOINER, key(1), &addresses).await.unwrap();
    let mut ann = arrival(&mut events).await;
    drop(door);
    assert_eq!(timeout(PATIENCE, ben.recv()).await.unwrap(), None);
    assert_eq!(timeout(PATIENCE, ann.recv()).await.unwrap(), None);
    assert_eq!(timeout(PATIENCE, events.recv()).await.unwrap().map(drop), None);
    assert_eq!(pair_dial(&JOINER, key(1), &addresses).await.unwrap_err(), PairError::Unreachable);
}

#[tokio::test]
async fn only_four_may_wait_at_the_door() {
    let (door, mut events) = open(&[TCP]).await;
    let mut inside = Vec::new();
    for n in 10..14 {
        inside.push((pair_dial(&[n; 32], key(1), door.addresses()).await.unwrap(), arrival(&mut events).await));
    }
    let fifth = pair_dial(&[14; 32], key(1), door.addresses()).await;
    let ended = match fifth {
        Err(error) => error == PairError::Unreachable || error == PairError::Closed,
        // The listener closes it right after the handshake.
        Ok(mut connection) => timeout(PATIENCE, connection.recv()).await.unwrap().is_none(),
    };
    assert!(ended);
    let (mut first, mut at_the_door) = inside.remove(0);
    first.send(Bytes::from_static(b"still here")).await.unwrap();
    assert_eq!(at_the_door.recv().await.as_deref(), Some(&b"still here"[..]));
}

#[tokio::test]
async fn main_and_pairing_swarms_share_no_protocol() {
    let (door, mut events) = open(&[QUIC]).await;
    let mut node = Node::on(2, &[]).await;
    node.allow(&[key(1)]).await;
    node.net.dial(key(1), door.addresses().to_vec()).await.unwrap();
    node.connected(key(1)).await;
    arrival(&mut events).await;
    let asked = node.net.request(key(1), archipel_net::Lane::Sync, Bytes::new()).await;
    assert!(asked.is_err(), "{asked:?}");
}

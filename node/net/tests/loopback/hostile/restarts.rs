//! A peer that was killed again and again: its old connections are dead and say nothing of it.

use archipel_net::Lane;
use bytes::Bytes;
use libp2p::request_response::{Event, Message};
use libp2p::swarm::SwarmEvent;
use tokio::time::timeout;

use super::eve::{BehaviourEvent, connect, eve, frame, until};
use crate::support::{Node, PATIENCE, QUIC, key};

/// Connects as a process of its own would, and says no goodbye.
fn connect_and_die(address: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let killed = runtime.block_on(async {
        let mut killed = eve(66, b"the organisation");
        connect(&mut killed, address).await;
        killed
    });
    // What a swarm says when it is dropped must not be said.
    std::mem::forget(killed);
    runtime.shutdown_background();
}

#[tokio::test]
async fn a_peer_killed_many_times_is_let_in_and_asked_where_it_lives() {
    let mut ann = Node::on(1, &[QUIC]).await;
    ann.allow(&[key(66)]).await;
    for _ in 0..8 {
        let address = ann.addresses[0].clone();
        tokio::task::spawn_blocking(move || connect_and_die(&address)).await.unwrap();
    }
    ann.connected(key(66)).await;
    let mut alive = eve(66, b"the organisation");
    connect(&mut alive, &ann.addresses[0]).await;
    let serve = async {
        loop {
            let channel = until(&mut alive, |event| match event {
                SwarmEvent::Behaviour(BehaviourEvent::Sync(Event::Message {
                    message: Message::Request { channel, .. },
                    ..
                })) => Some(channel),
                SwarmEvent::ConnectionClosed { .. } => panic!("the living one is closed"),
                _ => None,
            });
            let channel = channel.await;
            alive.behaviour_mut().sync.send_response(channel, frame(3, 0, b"42")).unwrap();
        }
    };
    let ask = async {
        for _ in 0..4 {
            let asked = timeout(PATIENCE, ann.net.request(key(66), Lane::Sync, Bytes::from_static(b"?"))).await;
            assert_eq!(asked.expect("in time").as_deref(), Ok(&b"42"[..]));
        }
    };
    tokio::select! {
        () = serve => {}
        () = ask => {}
    }
}

//! Connecting, being refused, being taken off the list, coming back.

use std::time::{Duration, Instant};

use archipel_net::{Knock, Lane, NetEvent, RequestError, peer_id_text};
use bytes::Bytes;

use crate::support::{Node, QUIC, TCP, config, eventually, key, pair};

#[tokio::test]
async fn nodes_connect_by_quic_alone_or_by_what_is_first() {
    for listen in [&[QUIC][..], &[QUIC, TCP]] {
        let (ann, mut ben) = (Node::on(1, listen).await, Node::on(2, listen).await);
        ann.allow(&[ben.key()]).await;
        ben.allow(&[ann.key()]).await;
        ben.net.dial(ann.key(), ann.addresses.clone()).await.unwrap();
        let address = ben.connected(ann.key()).await;
        assert!(ann.addresses.contains(&address), "{address}");
        // QUIC has a head start of 30 ms, which a busy machine can use up.
        assert!(address.contains("quic-v1") || listen.len() > 1);
    }
}

#[tokio::test]
async fn nodes_connect_by_tcp_alone() {
    let (mut ann, mut ben) = (Node::on(1, &[TCP]).await, Node::on(2, &[TCP]).await);
    ann.allow(&[ben.key()]).await;
    ben.allow(&[ann.key()]).await;
    let named: Vec<String> =
        ann.addresses.iter().map(|text| format!("{text}/p2p/{}", peer_id_text(ann.key()))).collect();
    ben.net.dial(ann.key(), named).await.unwrap();
    assert!(ben.connected(ann.key()).await.contains("/tcp/"));
    ann.connected(ben.key()).await;
    let status = ben.net.status().await.unwrap();
    assert_eq!(status.peers.len(), 1);
    assert_eq!(status.peers[0].peer, ann.key());
}

#[tokio::test]
async fn many_connections_from_loopback_are_no_attack() {
    let mut ann = Node::on(1, &[TCP]).await;
    let seeds: Vec<u8> = (10..40).collect();
    ann.allow(&seeds.iter().map(|seed| key(*seed)).collect::<Vec<_>>()).await;
    for seed in seeds {
        let ben = Node::on(seed, &[]).await;
        ben.allow(&[ann.key()]).await;
        ben.net.dial(ann.key(), ann.addresses.clone()).await.unwrap();
        ann.connected(key(seed)).await;
        ben.net.close().await;
        ann.disconnected(key(seed)).await;
    }
}

#[tokio::test]
async fn who_is_taken_off_the_list_is_gone_within_five_seconds() {
    for listen in [QUIC, TCP] {
        let (mut ann, mut ben) = pair([1, 2], &[listen]).await;
        let start = Instant::now();
        ann.allow(&[]).await;
        ann.disconnected(ben.key()).await;
        ben.disconnected(ann.key()).await;
        assert!(start.elapsed() < Duration::from_secs(5));
        let asked = ann.net.request(ben.key(), Lane::Sync, Bytes::new()).await;
        assert_eq!(asked, Err(RequestError::Unreachable));
    }
}

#[tokio::test]
async fn who_is_put_on_the_list_again_is_dialled_again() {
    let (ann, mut ben) = pair([1, 2], &[QUIC]).await;
    ben.allow(&[]).await;
    ben.disconnected(ann.key()).await;
    ben.allow(&[ann.key()]).await;
    ben.connected(ann.key()).await;
}

#[tokio::test]
async fn a_peer_that_restarts_is_found_again() {
    for listen in [QUIC, TCP] {
        let (ann, mut ben) = pair([1, 2], &[listen]).await;
        let addresses = ann.addresses.clone();
        ann.net.close().await;
        ben.disconnected(key(1)).await;
        let again: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let ann = Node::start(config(1, &again)).await;
        assert_eq!(ann.addresses, addresses);
        ann.allow(&[ben.key()]).await;
        ben.connected(key(1)).await;
    }
}

#[tokio::test]
async fn who_leaves_is_gone_at_once_also_while_dialling_somebody_silent() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("/ip4/127.0.0.1/udp/{}/quic-v1", silent.local_addr().unwrap().port());
    let (ann, mut ben) = pair([1, 2], &[QUIC]).await;
    ann.allow(&[ben.key(), key(3)]).await;
    ann.net.dial(key(3), vec![nowhere]).await.unwrap();
    // The first packet of the handshake has come: the attempt is under way.
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let silent =
        tokio::task::spawn_blocking(move || silent.recv(&mut [0; 2048]).map(|_| silent)).await.unwrap().unwrap();
    let start = Instant::now();
    ann.net.leave().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    ben.disconnected(key(1)).await;
    assert!(start.elapsed() < Duration::from_secs(5), "the goodbye was not heard");
    drop(silent);
}

#[tokio::test]
async fn nodes_that_dial_each_other_at_the_same_time_connect() {
    for listen in [QUIC, TCP] {
        let (mut ann, mut ben) = (Node::on(1, &[listen]).await, Node::on(2, &[listen]).await);
        ann.allow(&[ben.key()]).await;
        ben.allow(&[ann.key()]).await;
        let (there, back) = tokio::join!(
            ben.net.dial(ann.key(), ann.addresses.clone()),
            ann.net.dial(ben.key(), ben.addresses.clone())
        );
        there.and(back).unwrap();
        let (to_ben, to_ann) = (ben.key(), ann.key());
        tokio::join!(ann.connected(to_ben), ben.connected(to_ann));
        let asked = ben.net.request(ann.key(), Lane::Lifeline, Bytes::new());
        let refused = ann.until("a request", |event| matches!(event, NetEvent::Request { .. }).then_some(()));
        assert_eq!(tokio::join!(asked, refused).0, Err(RequestError::Refused));
    }
}

#[tokio::test]
async fn a_new_address_ends_the_waiting() {
    let (ann, mut ben) = (Node::on(1, &[TCP]).await, Node::on(2, &[]).await);
    ann.allow(&[ben.key()]).await;
    ben.allow(&[ann.key()]).await;
    ben.net.dial(ann.key(), vec!["/ip4/127.0.0.1/tcp/1".to_owned()]).await.unwrap();
    ben.net.known_addresses(ann.key(), ann.addresses.clone()).await.unwrap();
    ben.connected(ann.key()).await;
}

#[tokio::test]
async fn an_address_where_somebody_else_listens_does_not_hide_the_right_one() {
    let (ann, mut ben, eve) = (Node::on(1, &[TCP]).await, Node::on(2, &[]).await, Node::on(3, &[QUIC]).await);
    ann.allow(&[ben.key()]).await;
    eve.allow(&[ben.key()]).await;
    ben.allow(&[ann.key(), eve.key()]).await;
    let both = [eve.addresses.clone(), ann.addresses.clone()].concat();
    ben.net.dial(ann.key(), both).await.unwrap();
    ben.connected(ann.key()).await;
}

#[tokio::test]
async fn closing_frees_the_ports_and_says_goodbye() {
    let (ann, mut ben) = pair([1, 2], &[QUIC, TCP]).await;
    let addresses = ann.addresses.clone();
    ann.net.close().await;
    ann.net.close().await;
    ben.disconnected(key(1)).await;
    assert!(ann.net.status().await.is_err());
    let again: Vec<&str> = addresses.iter().map(String::as_str).collect();
    assert_eq!(Node::start(config(9, &again)).await.addresses.len(), addresses.len());
}

#[tokio::test]
async fn the_start_says_where_the_node_listens() {
    let mut ann = Node::on(1, &["/ip4/0.0.0.0/tcp/0", QUIC]).await;
    assert!(ann.addresses.iter().any(|address| address.starts_with("/ip4/127.0.0.1/tcp/")));
    assert!(ann.addresses.iter().any(|address| address.ends_with("/quic-v1")));
    assert!(ann.addresses.iter().all(|address| !address.contains("/0.0.0.0/")));
    let told = ann.until("an address", |event| match event {
        NetEvent::Listening { address } => Some(address),
        _ => None,
    });
    let told = told.await;
    assert!(ann.addresses.contains(&told));
    let taken: Vec<&str> = ann.addresses.iter().map(String::as_str).collect();
    assert!(archipel_net::start(config(2, &taken)).await.is_err(), "a taken port is an error");
}

#[tokio::test]
async fn two_that_dial_each_other_at_once_end_with_one_connection() {
    for listen in [QUIC, TCP] {
        let (mut ann, mut ben) = (Node::on(1, &[listen]).await, Node::on(2, &[listen]).await);
        ann.allow(&[ben.key()]).await;
        ben.allow(&[ann.key()]).await;
        let (first, second) = tokio::join!(
            ann.net.dial(ben.key(), ben.addresses.clone()),
            ben.net.dial(ann.key(), ann.addresses.clone())
        );
        first.and(second).unwrap();
        ann.connected(ben.key()).await;
        ben.connected(ann.key()).await;
        for node in [&ann, &ben] {
            eventually("one connection", async || {
                let status = node.net.status().await.unwrap();
                status.peers.first().is_some_and(|peer| peer.connections == 1)
            })
            .await;
        }
        while let Ok(event) = ann.events.try_recv() {
            assert!(!matches!(event, NetEvent::Disconnected { .. }));
        }
    }
}

#[tokio::test]
async fn who_knocks_learns_how_far_one_gets() {
    let ann = Node::on(1, &[QUIC, TCP]).await;
    ann.allow(&[key(2)]).await;
    let tag = *b"the organisation";
    for address in &ann.addresses {
        let knock =
            async |seed: u8, tag, at: &str, peer| archipel_net::knock(&[seed; 32], &tag, at, peer).await.unwrap().0;
        assert_eq!(knock(2, tag, address, ann.key()).await, Knock::Admitted);
        assert_eq!(knock(66, tag, address, ann.key()).await, Knock::NotAdmitted);
        assert_eq!(knock(2, tag, address, key(9)).await, Knock::OtherNode);
        if address.contains("/tcp/") {
            assert_eq!(knock(2, *b"another one.....", address, ann.key()).await, Knock::Foreign);
        }
    }
    let tcp = ann.addresses.iter().find(|address| address.contains("/tcp/")).unwrap();
    ann.net.close().await;
    assert_eq!(archipel_net::knock(&[2; 32], &tag, tcp, ann.key()).await.unwrap().0, Knock::Refused);
}

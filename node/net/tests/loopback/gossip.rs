//! Live messages.

use std::collections::BTreeSet;

use archipel_net::{Gossip, GossipToken, Lane, NetError, NetEvent, PublishError, Verdict, limits};
use bytes::Bytes;
use tokio::time::timeout;

use crate::support::{Node, PATIENCE, QUIC, TCP, config, pair};

fn topics(count: usize) -> BTreeSet<String> {
    (0..count).map(|n| format!("{n:032x}")).collect()
}

/// Publishes as soon as somebody is known to listen: announcements take a moment to arrive.
async fn publish(node: &Node, topic: &str, bytes: Bytes) {
    let published = async {
        while let Err(error) = node.net.publish(topic, bytes.clone()).await {
            assert_eq!(error, PublishError::NoPeers);
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, published).await.expect("somebody listens");
}

async fn message(node: &mut Node) -> (String, GossipToken, Bytes) {
    node.until("a message", |event| match event {
        NetEvent::Gossip { topic, token, bytes, .. } => Some((topic, token, bytes)),
        _ => None,
    })
    .await
}

/// Sends a message on every topic from one to the other.
async fn all_arrive(from: &Node, to: &mut Node, topics: &BTreeSet<String>) {
    let list: Vec<&String> = topics.iter().collect();
    for some in list.chunks(100) {
        for topic in some {
            publish(from, topic, Bytes::from(format!("from {} on {topic}", from.key()))).await;
        }
        let mut missing: BTreeSet<&String> = some.iter().copied().collect();
        while !missing.is_empty() {
            let (topic, token, bytes) = message(to).await;
            assert_eq!(bytes, format!("from {} on {topic}", from.key()));
            to.net.accept(token, Verdict::Accept).await.unwrap();
            assert!(missing.remove(&topic), "once is enough");
        }
    }
}

/// INV-37.
#[tokio::test]
async fn fifteen_hundred_topics_work_with_the_shipped_settings() {
    let (mut ann, mut ben) = (Node::on(1, &[QUIC]).await, Node::on(2, &[QUIC]).await);
    let topics = topics(1500);
    ann.net.subscribe(topics.clone()).await.unwrap();
    ben.net.subscribe(topics.clone()).await.unwrap();
    ann.allow(&[ben.key()]).await;
    ben.allow(&[ann.key()]).await;
    ben.net.dial(ann.key(), ann.addresses.clone()).await.unwrap();
    ben.connected(ann.key()).await;
    all_arrive(&ann, &mut ben, &topics).await;
    let some = topics.into_iter().step_by(15).collect();
    all_arrive(&ben, &mut ann, &some).await;
}

#[tokio::test]
async fn who_joins_late_hears_and_is_heard() {
    let (mut ann, mut ben) = pair([1, 2], &[QUIC]).await;
    let topics = topics(100);
    ann.net.subscribe(topics.clone()).await.unwrap();
    // Ann's announcement is processed before Ben joins: he asks her something that she can only answer afterwards.
    let asking = ben.net.request(ann.key(), Lane::Sync, Bytes::new());
    let answering = async {
        let refused = ann.until("a request", |event| match event {
            NetEvent::Request { token, .. } => Some(token),
            _ => None,
        });
        drop(refused.await);
    };
    let _ = tokio::join!(asking, answering);
    ben.net.subscribe(topics.clone()).await.unwrap();
    all_arrive(&ben, &mut ann, &topics).await;
    all_arrive(&ann, &mut ben, &topics).await;
}

#[tokio::test]
async fn only_accepted_messages_are_passed_on() {
    let (ann, mut ben) = pair([1, 2], &[TCP]).await;
    let mut cat = Node::on(3, &[]).await;
    ben.allow(&[ann.key(), cat.key()]).await;
    cat.allow(&[ben.key()]).await;
    cat.net.dial(ben.key(), ben.addresses.clone()).await.unwrap();
    cat.connected(ben.key()).await;
    let topics = topics(1);
    let topic = topics.first().unwrap();
    for node in [&ann, &ben, &cat] {
        node.net.subscribe(topics.clone()).await.unwrap();
    }
    // What a peer announces travels before what it publishes: from now on Ben knows that Cat listens.
    publish(&cat, topic, Bytes::from_static(b"hello")).await;
    message(&mut ben).await;
    for (text, verdict) in [("dull", Verdict::Ignore), ("false", Verdict::Reject), ("news", Verdict::Accept)] {
        publish(&ann, topic, Bytes::from(text)).await;
        let (_, token, bytes) = message(&mut ben).await;
        assert_eq!(bytes, text);
        ben.net.accept(token, verdict).await.unwrap();
    }
    assert_eq!(message(&mut cat).await.2, "news");
}

#[tokio::test]
async fn many_invalid_messages_silence_a_peer_but_not_its_requests() {
    let (mut ann, mut ben) = pair([1, 2], &[QUIC]).await;
    let topics = topics(1);
    let topic = topics.first().unwrap();
    ann.net.subscribe(topics.clone()).await.unwrap();
    ben.net.subscribe(topics.clone()).await.unwrap();
    for n in 0..7u8 {
        publish(&ann, topic, Bytes::from(vec![n])).await;
        let (_, token, _) = message(&mut ben).await;
        ben.net.accept(token, Verdict::Reject).await.unwrap();
    }
    let peer = ben
        .until("a warning", |event| match event {
            NetEvent::Graylisted { peer } => Some(peer),
            _ => None,
        })
        .await;
    assert_eq!(peer, ann.key());
    let asking = ann.net.request(ben.key(), Lane::Sync, Bytes::new());
    let answering = async {
        let token = ben.until("a request", |event| match event {
            NetEvent::Request { token, .. } => Some(token),
            NetEvent::Gossip { .. } => panic!("its gossip is ignored"),
            _ => None,
        });
        let token = token.await;
        ben.net.respond(token, Bytes::from_static(b"yes")).await.unwrap();
    };
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer.as_deref(), Ok(&b"yes"[..]));
    ann.events.close();
}

#[tokio::test]
async fn what_cannot_be_published_says_why() {
    let (ann, _ben) = pair([1, 2], &[QUIC]).await;
    let large = Bytes::from(vec![0; limits::GOSSIP_BYTES_MAX + 1]);
    let topic = topics(1).pop_first().unwrap();
    assert_eq!(ann.net.publish(&topic, large).await, Err(PublishError::TooLarge { max: limits::GOSSIP_BYTES_MAX }));
    assert_eq!(ann.net.publish(&topic, Bytes::from_static(b"?")).await, Err(PublishError::NoPeers));
    let many = ann.net.subscribe(topics(limits::TOPICS_MAX + 1)).await;
    assert!(matches!(many, Err(NetError::TooManyTopics { .. })));
    assert!(matches!(ann.net.subscribe(["a topic".to_owned()].into()).await, Err(NetError::Topic { .. })));
    let silent = Node::start(archipel_net::NetConfig { gossip: Gossip::Off, ..config(3, &[]) }).await;
    assert_eq!(silent.net.publish(&topic, Bytes::new()).await, Err(PublishError::Off));
}

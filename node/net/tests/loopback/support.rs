//! A node with its queue of events, for tests.

use std::collections::BTreeSet;
use std::time::Duration;

use archipel_net::{Gossip, Mdns, Net, NetConfig, NetEvent, PeerKey, Reach, start};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";

pub struct Node {
    pub net: Net,
    pub events: mpsc::Receiver<NetEvent>,
    pub addresses: Vec<String>,
}

/// Settings for a test node.
pub fn config(seed: u8, listen: &[&str]) -> NetConfig {
    NetConfig {
        secret: [seed; 32],
        listen: listen.iter().map(|text| text.to_string()).collect(),
        org_tag: *b"the organisation",
        mdns: Mdns::Off,
        gossip: Gossip::On,
        reach: Reach::default(),
    }
}

pub fn key(seed: u8) -> PeerKey {
    PeerKey::of_secret(&[seed; 32])
}

impl Node {
    pub async fn start(config: NetConfig) -> Node {
        let (net, events) = start(config).await.unwrap();
        let addresses = net.listen_addresses().await.unwrap();
        Node { net, events, addresses }
    }

    pub async fn on(seed: u8, listen: &[&str]) -> Node {
        Node::start(config(seed, listen)).await
    }

    pub fn key(&self) -> PeerKey {
        self.net.peer()
    }

    pub async fn allow(&self, peers: &[PeerKey]) {
        self.net.allow(peers.iter().copied().collect::<BTreeSet<_>>()).await.unwrap();
    }

    /// Waits for the first event that `pick` takes; others are thrown away.
    pub async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(NetEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// Waits for a connection and returns the address.
    pub async fn connected(&mut self, to: PeerKey) -> String {
        self.until("a connection", |event| match event {
            NetEvent::Connected { peer, address } if peer == to => Some(address),
            _ => None,
        })
        .await
    }

    pub async fn disconnected(&mut self, from: PeerKey) {
        self.until("a disconnection", |event| {
            matches!(event, NetEvent::Disconnected { peer } if peer == from).then_some(())
        })
        .await;
    }
}

/// Two nodes, each on the other's list, connected because the second dialled the first.
pub async fn pair(seeds: [u8; 2], listen: &[&str]) -> (Node, Node) {
    let (mut ann, mut ben) = (Node::on(seeds[0], listen).await, Node::on(seeds[1], listen).await);
    ann.allow(&[ben.key()]).await;
    ben.allow(&[ann.key()]).await;
    ben.net.dial(ann.key(), ann.addresses.clone()).await.unwrap();
    ann.connected(ben.key()).await;
    ben.connected(ann.key()).await;
    (ann, ben)
}

/// Asks until it is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

//! Keeps the network running: a swarm that panics is replaced by a new one with the same key, ports, list, topics and
//! wanted peers. Panics that a peer can cause have been found in every such library; three in ten minutes look like an
//! attack, and then networking stays off while the rest of the node works on.

use std::collections::{BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use tokio::sync::mpsc;

use crate::address::{self, PeerKey};
use crate::dial::Dialer;
use crate::error::NetError;
use crate::event::NetEvent;
use crate::limits;
use crate::net::{Command, Gossip, Mdns, NetConfig, Reach};
use crate::outbox::Outbox;
use crate::service::{Closing, Ended, Service};

/// What outlives a swarm.
pub(crate) struct Lasting {
    pub keypair: Keypair,
    pub org_tag: [u8; 16],
    pub mdns: Mdns,
    pub gossip: Gossip,
    pub reach: Reach,
    /// Addresses that an administrator announces.
    pub announced: Vec<Multiaddr>,
    /// Where to listen; a port of 0 is replaced by the one that the system gave.
    pub listen: Vec<Multiaddr>,
    pub lists: Lists,
    pub dialer: Dialer,
    pub topics: BTreeSet<String>,
    pub commands: mpsc::Receiver<Command>,
    pub outbox: Outbox,
    /// Panics survived in all.
    pub panics: usize,
}

impl Lasting {
    /// What a network starts with.
    pub fn new(
        config: NetConfig,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<NetEvent>,
    ) -> Result<Lasting, NetError> {
        let parse = |texts: &[String]| texts.iter().map(|text| address::parse(text, None)).collect::<Result<_, _>>();
        let (listen, announced) = (parse(&config.listen)?, parse(&config.reach.announce)?);
        Ok(Lasting {
            keypair: address::keypair(&config.secret),
            org_tag: config.org_tag,
            mdns: config.mdns,
            gossip: config.gossip,
            reach: config.reach,
            announced,
            listen,
            lists: Lists::default(),
            dialer: Dialer::default(),
            topics: BTreeSet::new(),
            commands,
            outbox: Outbox::new(events),
            panics: 0,
        })
    }
}

/// Who may connect.
#[derive(Default)]
pub(crate) struct Lists {
    /// These may use everything, unless they are confined.
    pub allowed: BTreeSet<PeerKey>,
    /// These may use the lifeline alone.
    pub confined: BTreeSet<PeerKey>,
}

impl Lists {
    /// May this peer connect?
    pub fn admit(&self, peer: &PeerKey) -> bool {
        self.allowed.contains(peer) || self.confined.contains(peer)
    }
}

/// How often a restart is tried while the ports are not free yet.
const RESTARTS_MAX: usize = 10;
/// The pause between those tries.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// Opens the first swarm and leaves it to a task of its own.
pub(crate) async fn start(
    config: NetConfig,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetEvent>,
) -> Result<(), NetError> {
    let mut lasting = Lasting::new(config, commands, events)?;
    let service = Service::open(&mut lasting).await?;
    tokio::spawn(supervise(lasting, service));
    Ok(())
}

async fn supervise(mut lasting: Lasting, mut service: Service) {
    let mut recent = VecDeque::new();
    loop {
        match AssertUnwindSafe(service.run(&mut lasting)).catch_unwind().await {
            Ok(Ended::Closed(None)) => return service.close(limits::CLOSE_TIMEOUT).await,
            Ok(Ended::Closed(Some(Closing { patience, done }))) => {
                service.close(patience).await;
                // Nobody may be waiting any more.
                let _ = done.send(());
                return;
            }
            Ok(Ended::TaskPanicked) | Err(_) => {}
        }
        let connected = service.connected();
        service.cut(limits::CLOSE_TIMEOUT).await;
        lasting.panics += 1;
        let now = Instant::now();
        recent.push_back(now);
        recent.retain(|at| now.saturating_duration_since(*at) < limits::PANIC_WINDOW);
        tracing::error!(count = recent.len(), "the network code panicked");
        connected.into_iter().for_each(|peer| lasting.outbox.tell(NetEvent::Disconnected { peer }));
        lasting.outbox.tell(NetEvent::Panicked { count: recent.len() });
        let next = if recent.len() < limits::PANICS_MAX { reopen(&mut lasting).await } else { None };
        match next {
            Some(next) => service = next,
            None => return stop(lasting).await,
        }
    }
}

async fn reopen(lasting: &mut Lasting) -> Option<Service> {
    lasting.dialer.restarted(Instant::now());
    for _ in 0..RESTARTS_MAX {
        // What panicked once may panic again while the new swarm comes up.
        match AssertUnwindSafe(Service::open(lasting)).catch_unwind().await {
            Ok(Ok(service)) => return Some(service),
            Ok(Err(error)) => tracing::warn!(%error, "the network is not back yet"),
            Err(_) => tracing::error!("the network code panicked while it came back"),
        }
        tokio::time::sleep(RESTART_PAUSE).await;
    }
    None
}

/// Says so and ends; dropping the command queue makes every later call fail.
async fn stop(mut lasting: Lasting) {
    tracing::error!("networking stays off");
    lasting.outbox.tell(NetEvent::Stopped);
    drop(lasting.commands);
    while lasting.outbox.is_waiting() {
        // An error means that nobody reads any more; flushing then empties the outbox.
        let _ = lasting.outbox.sender().reserve().await;
        lasting.outbox.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Net, start};

    fn config(seed: u8) -> NetConfig {
        NetConfig {
            secret: [seed; 32],
            listen: vec!["/ip4/127.0.0.1/udp/0/quic-v1".to_owned(), "/ip4/127.0.0.1/tcp/0".to_owned()],
            org_tag: [0; 16],
            mdns: Mdns::Off,
            gossip: Gossip::On,
            reach: Reach::default(),
        }
    }

    async fn until(events: &mut mpsc::Receiver<NetEvent>, pick: impl Fn(&NetEvent) -> bool) {
        let found = async { while !pick(&events.recv().await.expect("there are more events")) {} };
        tokio::time::timeout(Duration::from_secs(20), found).await.expect("it happens");
    }

    async fn connected(events: &mut mpsc::Receiver<NetEvent>, to: &Net) {
        let peer = to.peer();
        until(events, |event| matches!(event, NetEvent::Connected { peer: who, .. } if *who == peer)).await;
    }

    #[tokio::test]
    async fn a_panic_is_survived_twice_and_the_third_stops_the_network() {
        let (ann, mut ann_events) = start(config(1)).await.unwrap();
        let (ben, mut ben_events) = start(config(2)).await.unwrap();
        ann.allow([ben.peer()].into()).await.unwrap();
        ben.allow([ann.peer()].into()).await.unwrap();
        let mut addresses = ann.listen_addresses().await.unwrap();
        addresses.sort();
        ben.dial(ann.peer(), addresses.clone()).await.unwrap();
        connected(&mut ann_events, &ben).await;
        connected(&mut ben_events, &ann).await;
        for count in 1..=2 {
            ann.panic().await;
            until(&mut ann_events, |event| matches!(event, NetEvent::Disconnected { .. })).await;
            until(&mut ann_events, |event| matches!(event, NetEvent::Panicked { count: n } if *n == count)).await;
            until(&mut ben_events, |event| matches!(event, NetEvent::Disconnected { .. })).await;
            ben.known_addresses(ann.peer(), addresses.clone()).await.unwrap();
            connected(&mut ann_events, &ben).await;
            // Which listener is heard of first is chance.
            let mut again = ann.listen_addresses().await.unwrap();
            again.sort();
            assert_eq!(again, addresses);
            assert_eq!(ann.status().await.unwrap().panics, count);
        }
        ann.panic().await;
        until(&mut ann_events, |event| matches!(event, NetEvent::Stopped)).await;
        assert!(matches!(ann.status().await, Err(NetError::Closed)));
        assert!(ann_events.recv().await.is_none());
        ben.close().await;
    }
}

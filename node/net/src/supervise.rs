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
use crate::event::NetEvent;
use crate::limits;
use crate::net::{Command, Gossip, Mdns, NetConfig, NetError};
use crate::outbox::Outbox;
use crate::service::{Ended, Service};

/// What outlives a swarm.
pub(crate) struct Lasting {
    pub keypair: Keypair,
    pub org_tag: [u8; 16],
    pub mdns: Mdns,
    pub gossip: Gossip,
    /// Where to listen; a port of 0 is replaced by the one that the system gave.
    pub listen: Vec<Multiaddr>,
    pub allowed: BTreeSet<PeerKey>,
    pub dialer: Dialer,
    pub topics: BTreeSet<String>,
    pub commands: mpsc::Receiver<Command>,
    pub outbox: Outbox,
    /// Panics survived in all.
    pub panics: usize,
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
    let listen = config.listen.iter().map(|text| address::parse(text, None)).collect::<Result<_, _>>()?;
    let mut lasting = Lasting {
        keypair: address::keypair(&config.secret),
        org_tag: config.org_tag,
        mdns: config.mdns,
        gossip: config.gossip,
        listen,
        allowed: BTreeSet::new(),
        dialer: Dialer::default(),
        topics: BTreeSet::new(),
        commands,
        outbox: Outbox::new(events),
        panics: 0,
    };
    let service = Service::open(&mut lasting).await?;
    tokio::spawn(supervise(lasting, service));
    Ok(())
}

async fn supervise(mut lasting: Lasting, mut service: Service) {
    let mut recent = VecDeque::new();
    loop {
        match AssertUnwindSafe(service.run(&mut lasting)).catch_unwind().await {
            Ok(Ended::Closed(done)) => {
                service.close().await;
                // Nobody may be waiting any more.
                let _ = done.map(|done| done.send(()));
                return;
            }
            Ok(Ended::TaskPanicked) | Err(_) => {}
        }
        let connected = service.connected();
        service.cut().await;
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
        match Service::open(lasting).await {
            Ok(service) => return Some(service),
            Err(error) => tracing::warn!(%error, "the network is not back yet"),
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

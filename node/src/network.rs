//! Carries the engine's wishes to the network and the network's events to the engine. Decides nothing.
//!
//! The task that carries wishes never waits for the engine, so that the two queues cannot block each other.

mod book;
mod known;
mod ports;
mod trial;

use book::Book;
pub use known::Known;
pub use ports::{PortTaken, free_ports};

use crate::runtime::handle::Handle;
use crate::transfer::Transfer;
use archipel_net::{
    Gossip, GossipToken, Lane, Mdns, Net, NetConfig, NetError, NetEvent, PeerKey, Reach, RequestError, RequestToken,
    Verdict,
};
use archipel_storage::kvlog::KvLog;
use bytes::Bytes;
use protocol::engine::effect::{Effect, Judgement, Notice};
use protocol::engine::input::Input;
use protocol::engine::org_tag;

use protocol::ids::{NodeId, OrgId};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The addresses of this machine's interfaces, at any of which this node may listen; none where they cannot be read.
pub fn own_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().inspect_err(|error| tracing::warn!(%error, "cannot read own addresses"));
    interfaces.unwrap_or_default().iter().map(if_addrs::Interface::ip).collect()
}

/// How often the engine is told that time passes.
const TICK: Duration = Duration::from_secs(1);

/// What the network needs to start.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// The node's ed25519 seed.
    pub secret: [u8; 32],
    /// Where to listen, as multiaddrs.
    pub listen: Vec<String>,
    /// How others come to reach this node.
    pub reach: Reach,
    /// Addresses of nodes kept at this site, by node id.
    pub kept: BTreeMap<String, Vec<String>>,
    /// Local discovery.
    pub mdns: Mdns,
    /// This site's own rows, where the whereabouts of the others are kept.
    pub rows: Arc<KvLog>,
}

/// What waits for the engine's answer. Bounded by what the network lets through per peer.
#[derive(Default)]
struct Tokens {
    requests: BTreeMap<u64, RequestToken>,
    messages: BTreeMap<u64, GossipToken>,
}

type Waiting = Arc<Mutex<Tokens>>;

/// The network of one node, from the moment when it has an organisation.
pub struct Network {
    net: watch::Receiver<Option<Net>>,
    known: Known,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Network {
    /// Starts carrying. The network itself starts once the engine belongs to an organisation.
    pub fn start(config: NetworkConfig, handle: Handle, wishes: mpsc::Receiver<Effect>, transfer: Transfer) -> Self {
        let (ready, net) = watch::channel(None);
        let known = Known::new(&config, handle.organisation(), net.clone(), transfer);
        let carry = tokio::spawn(carry(config, handle.clone(), wishes, known.clone(), ready));
        let ticks = tokio::spawn(tick(handle));
        Self { net, known, tasks: vec![carry, ticks] }
    }

    /// What is known of addresses.
    pub fn known(&self) -> Known {
        self.known.clone()
    }

    /// The running network; `None` before there is an organisation.
    pub fn net(&self) -> watch::Receiver<Option<Net>> {
        self.net.clone()
    }

    /// Takes leave of all peers.
    pub async fn stop(self) {
        let net = self.net.borrow().clone();
        if let Some(net) = net {
            net.leave().await;
        }
        for task in self.tasks {
            task.abort();
        }
    }
}

async fn tick(handle: Handle) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        handle.tell(Input::Tick).await;
    }
}

async fn carry(
    config: NetworkConfig,
    handle: Handle,
    mut wishes: mpsc::Receiver<Effect>,
    known: Known,
    ready: watch::Sender<Option<Net>>,
) {
    let transfer = known.transfer();
    let mut org = handle.organisation();
    let mut early = Vec::new();
    // Wishes made before there is a network are few: a list of peers, addresses, files.
    let found: OrgId = loop {
        let now = *org.borrow_and_update();
        if let Some(found) = now {
            break found;
        }
        tokio::select! {
            changed = org.changed() => if changed.is_err() { return },
            wish = wishes.recv() => match wish {
                Some(wish) => early.push(wish),
                None => return,
            },
        }
    };
    let (net, events) = match open(&config, &found).await {
        Ok(started) => started,
        Err(error) => {
            tracing::error!(%error, "the site cannot listen for other sites; it works alone until it is started again");
            return;
        }
    };
    let (waiting, book) = (Waiting::default(), Book(Arc::clone(&config.rows)));
    remind(&handle, &book).await;
    let received = tokio::spawn(receive(net.clone(), events, handle.clone(), Arc::clone(&waiting), known.clone()));
    transfer.connect(net.clone());
    announce(&net, &handle, &known).await;
    known.dial_kept(&net).await;
    let _ = ready.send(Some(net.clone()));
    for wish in early {
        note(&book, &wish).await;
        fulfil(&net, &handle, &waiting, &known, wish).await;
    }
    while let Some(wish) = wishes.recv().await {
        note(&book, &wish).await;
        fulfil(&net, &handle, &waiting, &known, wish).await;
    }
    received.abort();
}

/// Tells the engine where others were, in case its rows were lost.
async fn remind(handle: &Handle, book: &Book) {
    for (node, addresses) in book.all() {
        let member =
            handle.read(|reader| reader.view.org_state().is_some_and(|org| org.connectable().any(|one| one == node)));
        if member {
            handle.tell(Input::AddressHint { node, addresses }).await;
        } else if let Err(error) = book.forget(&node) {
            tracing::warn!(%error, "a former node stands in the address book still");
        }
    }
}

/// Keeps where a node is by now. This is rare: nodes may not move oftener than every few seconds.
async fn note(book: &Book, wish: &Effect) {
    let Effect::Addresses { node, addresses } = wish else { return };
    if book.says(node, addresses) {
        return;
    }
    let (book, node, addresses) = (book.clone(), *node, addresses.clone());
    let noted = tokio::task::spawn_blocking(move || book.note(&node, &addresses)).await;
    if let Ok(Err(error)) = noted {
        tracing::warn!(%error, "where another site is may be forgotten in a crash");
    }
}

async fn open(config: &NetworkConfig, org: &OrgId) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    archipel_net::start(NetConfig {
        secret: config.secret,
        listen: config.listen.clone(),
        org_tag: org_tag(org),
        mdns: config.mdns,
        gossip: Gossip::On,
        reach: config.reach.clone(),
    })
    .await
}

/// Tells the engine where this node can be reached.
async fn announce(net: &Net, handle: &Handle, known: &Known) {
    let Ok(status) = net.status().await else { return };
    let told = status.addresses.into_iter().filter(|own| own.confirmed);
    let addresses: Vec<String> = told.map(|own| own.address).collect();
    known.set_own(&addresses);
    handle.tell(Input::Listening(addresses)).await;
}

async fn fulfil(net: &Net, handle: &Handle, waiting: &Waiting, known: &Known, wish: Effect) {
    match wish {
        Effect::Request { peer, call, bytes } => {
            let (net, handle) = (net.clone(), handle.clone());
            // Bounded by what the engine keeps in flight per peer.
            tokio::spawn(async move {
                let bytes = request(&net, PeerKey(peer.0), Bytes::from(bytes)).await;
                handle.tell(Input::PeerResponse { peer, call, bytes }).await;
            });
        }
        Effect::Respond { token, bytes } => {
            let token = waiting.lock().expect("nothing panics under this lock").requests.remove(&token);
            if let Some(token) = token {
                // A peer that went away needs no answer.
                let _ = net.respond(token, Bytes::from(bytes)).await;
            }
        }
        Effect::Allow(nodes) => {
            let peers = nodes.into_iter().map(|node| PeerKey(node.0)).collect();
            let _ = net.allow(peers).await;
        }
        Effect::Confine(nodes) => {
            let peers = nodes.into_iter().map(|node| PeerKey(node.0)).collect();
            let _ = net.confine(peers).await;
        }
        Effect::Addresses { node, addresses } => {
            known.stated(node, &addresses);
            if let Err(error) = net.known_addresses(PeerKey(node.0), known.all(node)).await {
                tracing::warn!(%error, "addresses of a node cannot be used");
            }
        }
        Effect::FetchBlob { blob, size, group } => known.transfer().want(blob, size, group),
        Effect::Subscribe(topics) => {
            if let Err(error) = net.subscribe(topics).await {
                tracing::warn!(%error, "live topics cannot be followed; comparing goes on");
            }
        }
        Effect::Publish { topic, bytes } => {
            let net = net.clone();
            // What gossip loses is found by comparing, so a failure is only counted by the network.
            tokio::spawn(async move { net.publish(&topic, Bytes::from(bytes)).await });
        }
        Effect::Judge { token, judgement } => {
            let token = waiting.lock().expect("nothing panics under this lock").messages.remove(&token);
            if let Some(token) = token {
                let verdict = match judgement {
                    Judgement::Accept => Verdict::Accept,
                    Judgement::Ignore => Verdict::Ignore,
                    Judgement::Reject => Verdict::Reject,
                };
                let _ = net.accept(token, verdict).await;
            }
        }
        // The runtime keeps these for itself.
        Effect::Answer { .. }
        | Effect::Bundle { .. }
        | Effect::Notify(_)
        | Effect::Here(_)
        | Effect::Wipe(_)
        | Effect::RemoveBlob(_) => {}
    }
}

/// Asks on the usual lane; where that does not exist, because one of the two is suspended, on the lifeline. A suspended
/// node learns of it in no other way.
async fn request(net: &Net, peer: PeerKey, bytes: Bytes) -> Option<Vec<u8>> {
    let answer = match net.request(peer, Lane::Sync, bytes.clone()).await {
        Err(RequestError::Refused) => net.request(peer, Lane::Lifeline, bytes).await,
        answer => answer,
    };
    answer.map(|bytes| bytes.to_vec()).ok()
}

async fn receive(net: Net, mut events: mpsc::Receiver<NetEvent>, handle: Handle, waiting: Waiting, known: Known) {
    let transfer = known.transfer();
    let mut tokens = 0_u64;
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Connected { peer, .. } => {
                handle.tell(Input::PeerConnected(NodeId(peer.0))).await;
                transfer.retry();
            }
            NetEvent::Disconnected { peer } => handle.tell(Input::PeerGone(NodeId(peer.0))).await,
            // What may be answered depends on who asks, not on the lane: the engine gives suspended nodes the
            // organisation's control alone.
            NetEvent::Request { peer, lane: Lane::Sync | Lane::Lifeline, token, bytes } => {
                tokens += 1;
                waiting.lock().expect("nothing panics under this lock").requests.insert(tokens, token);
                let input = Input::PeerRequest { peer: NodeId(peer.0), token: tokens, bytes: bytes.to_vec() };
                handle.tell(input).await;
            }
            NetEvent::Request { peer, lane: Lane::Blob, token, bytes } => {
                let (net, transfer) = (net.clone(), transfer.clone());
                // The network lets through a bounded number of requests per peer.
                tokio::spawn(async move {
                    if let Some(chunk) = transfer.serve(NodeId(peer.0), &bytes).await {
                        let _ = net.respond(token, chunk).await;
                    }
                });
            }
            NetEvent::Gossip { topic, token, bytes, .. } => {
                tokens += 1;
                waiting.lock().expect("nothing panics under this lock").messages.insert(tokens, token);
                handle.tell(Input::Live { topic, token: tokens, bytes: bytes.to_vec() }).await;
            }
            NetEvent::Listening { .. } | NetEvent::ListenEnded { .. } => announce(&net, &handle, &known).await,
            NetEvent::Graylisted { peer } => tracing::warn!(peer = %NodeId(peer.0), "a node sends invalid messages"),
            NetEvent::Panicked { count } => {
                tracing::error!(count, "the network code panicked and was started again");
                handle.notify(Notice::Network);
            }
            NetEvent::Stopped => {
                tracing::error!("the network stays off after repeated panics; everything else goes on");
                handle.notify(Notice::Network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_found() {
        assert!(own_addresses().iter().any(IpAddr::is_loopback), "every machine has a loopback interface");
    }
}

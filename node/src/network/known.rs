//! What is known of where nodes are, for screens and for pairing, and the addresses that this site keeps. Cheap to clone.

use super::{NetworkConfig, trial};
use crate::http::ports::{self, OwnAddress, Reach, Test, Via};
use crate::transfer::Transfer;
use archipel_net::{AddressKind, Nat, Net, PeerKey, UpnpState};
use futures::future::BoxFuture;
use protocol::engine::org_tag;
use protocol::ids::{BlobId, NodeId, OrgId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// What is known of addresses.
#[derive(Clone)]
pub struct Known {
    addresses: Arc<Mutex<Addresses>>,
    own: Arc<Mutex<Vec<String>>>,
    secret: Arc<Zeroizing<[u8; 32]>>,
    org: watch::Receiver<Option<OrgId>>,
    net: watch::Receiver<Option<Net>>,
    transfer: Transfer,
}

#[derive(Default)]
struct Addresses {
    /// As the nodes state them.
    stated: BTreeMap<NodeId, Vec<String>>,
    /// As an administrator of this site keeps them.
    kept: BTreeMap<NodeId, Vec<String>>,
}

impl Addresses {
    /// Kept ones first: a person knew better.
    fn all(&self, node: NodeId) -> Vec<String> {
        let mut all = self.kept.get(&node).cloned().unwrap_or_default();
        let stated = self.stated.get(&node).into_iter().flatten();
        let new: Vec<String> = stated.filter(|address| !all.contains(address)).cloned().collect();
        all.extend(new);
        all
    }
}

impl Known {
    pub(super) fn new(
        config: &NetworkConfig,
        org: watch::Receiver<Option<OrgId>>,
        net: watch::Receiver<Option<Net>>,
        transfer: Transfer,
    ) -> Self {
        let kept = config.kept.iter().filter_map(|(node, addresses)| Some((node.parse().ok()?, addresses.clone())));
        let addresses = Addresses { kept: kept.collect(), ..Addresses::default() };
        let secret = Arc::new(Zeroizing::new(config.secret));
        Self { addresses: Arc::new(Mutex::new(addresses)), own: Arc::default(), secret, org, net, transfer }
    }

    pub(super) fn transfer(&self) -> Transfer {
        self.transfer.clone()
    }

    /// Where this node can be reached straight: as found, or as configured while the network does not run yet.
    pub fn own_or(&self, configured: &[String]) -> Vec<String> {
        let own = self.own.lock().expect("nothing panics under this lock").clone();
        // Addresses over relays do not go into invitations (ruling D16).
        let straight: Vec<String> = own.into_iter().filter(|address| trial::is_straight(address)).collect();
        if straight.is_empty() { archipel_net::reachable(configured) } else { straight }
    }

    pub(super) fn set_own(&self, addresses: &[String]) {
        *self.own.lock().expect("nothing panics under this lock") = addresses.to_vec();
    }

    /// A node states where it is.
    pub(super) fn stated(&self, node: NodeId, addresses: &[String]) {
        self.with(|known| known.stated.insert(node, addresses.to_vec()));
    }

    /// All addresses of a node.
    pub(super) fn all(&self, node: NodeId) -> Vec<String> {
        self.with(|known| known.all(node))
    }

    /// Nodes of which only this site knows where they are are dialled too.
    pub(super) async fn dial_kept(&self, net: &Net) {
        let kept = self.with(|known| known.kept.clone());
        for (node, addresses) in kept {
            if let Err(error) = net.known_addresses(PeerKey(node.0), addresses).await {
                tracing::warn!(%error, "addresses kept here cannot be used");
            }
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Addresses) -> T) -> T {
        act(&mut self.addresses.lock().expect("nothing panics under this lock"))
    }

    fn running(&self) -> Option<Net> {
        self.net.borrow().clone()
    }
}

impl ports::Network for Known {
    fn addresses(&self, node: NodeId) -> Vec<String> {
        self.all(node)
    }

    fn is_fetching(&self, blob: BlobId) -> bool {
        self.transfer.is_wanted(&blob)
    }

    fn connections(&self) -> BoxFuture<'_, BTreeMap<NodeId, Via>> {
        Box::pin(async {
            let Some(net) = self.running() else { return BTreeMap::new() };
            let peers = net.status().await.map(|status| status.peers).unwrap_or_default();
            peers.into_iter().map(|peer| (NodeId(peer.peer.0), via(peer.via))).collect()
        })
    }

    fn reach(&self) -> BoxFuture<'_, Option<Reach>> {
        Box::pin(async {
            let status = self.running()?.status().await.ok()?;
            let address = |own: archipel_net::OwnAddress| OwnAddress {
                address: own.address,
                kind: kind(own.kind),
                confirmed: own.confirmed,
            };
            Some(Reach {
                nat: match status.nat {
                    Nat::Public => "public",
                    Nat::Private => "private",
                    Nat::Unknown => "unknown",
                },
                addresses: status.addresses.into_iter().map(address).collect(),
                relays: status.relays.iter().map(|peer| NodeId(peer.0)).collect(),
                serving: status.circuits,
                upnp: match status.upnp {
                    UpnpState::Off => "off",
                    UpnpState::Trying => "trying",
                    UpnpState::Mapped => "mapped",
                    UpnpState::Failed => "failed",
                },
            })
        })
    }

    fn test(&self, node: NodeId) -> BoxFuture<'_, Test> {
        Box::pin(async move {
            let org = *self.org.borrow();
            let (Some(net), Some(org)) = (self.running(), org) else {
                return Test { steps: Vec::new(), advice: "not_set_up", via: None };
            };
            let keys = trial::Keys { secret: &self.secret, org_tag: org_tag(&org) };
            trial::run(&net, keys, PeerKey(node.0), self.all(node)).await
        })
    }

    fn canonical(&self, address: &str) -> Option<String> {
        archipel_net::validate_multiaddr(address).ok()
    }

    fn keep(&self, node: NodeId, addresses: Vec<String>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let all = self.with(|known| {
                if addresses.is_empty() {
                    known.kept.remove(&node);
                } else {
                    known.kept.insert(node, addresses);
                }
                known.all(node)
            });
            if let Some(net) = self.running()
                && let Err(error) = net.dial(PeerKey(node.0), all).await
            {
                tracing::warn!(%error, "addresses kept here cannot be used");
            }
        })
    }
}

pub(super) fn via(via: archipel_net::Via) -> Via {
    match via {
        archipel_net::Via::Direct => Via::Direct,
        archipel_net::Via::Relay => Via::Relay,
    }
}

fn kind(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Listen => "listen",
        AddressKind::Announced => "announced",
        AddressKind::Observed => "observed",
        AddressKind::Relay => "relay",
        AddressKind::Mapped => "mapped",
    }
}

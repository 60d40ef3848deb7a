//! Being reached: what others say of our addresses, and the members that relay for this node while nobody gets through.
//!
//! 1. Only a node that others reach relays; a node that is not reached asks up to two such members for a reservation.
//! 2. A relay is a listed member that is connected straight. It learns who speaks with whom and how much, no more:
//!    connections through it are authenticated and sealed between their ends, and pass the gate of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, autonat, identify, relay, upnp};

use super::Service;
use super::peer::Opened;
use crate::address::{self, PeerKey};
use crate::event::NetEvent;
use crate::limits;
use crate::net::{AddressKind, OwnAddress, UpnpState, Via};
use crate::supervise::Lasting;
use crate::witness::Nat;

/// Members that relay.
#[derive(Default)]
pub(crate) struct Relays {
    /// Those that say they do.
    offers: BTreeSet<PeerId>,
    /// Those asked, and where this node is then found.
    asked: BTreeMap<PeerId, (ListenerId, Option<Multiaddr>)>,
    /// When to ask again.
    pub retry: Option<Instant>,
    /// Connections between others that pass through this node.
    pub circuits: usize,
}

impl Relays {
    /// The members at which this node has a reservation.
    pub fn used(&self) -> impl Iterator<Item = PeerKey> {
        let granted = self.asked.iter().filter(|(_, (_, address))| address.is_some());
        granted.filter_map(|(peer, _)| PeerKey::of_peer_id(peer))
    }

    /// A reservation was granted. False if the listener is none of ours.
    pub fn listening(&mut self, listener: ListenerId, address: &Multiaddr) -> bool {
        let Some((_, found)) = self.asked.values_mut().find(|(id, _)| *id == listener) else { return false };
        *found = Some(address::without_peer(address.clone()));
        true
    }

    /// A reservation ended. False if the listener is none of ours.
    pub fn ended(&mut self, listener: ListenerId) -> bool {
        let before = self.asked.len();
        self.asked.retain(|_, (id, _)| *id != listener);
        let ours = self.asked.len() < before;
        if ours {
            self.retry = Some(Instant::now() + limits::RELAY_PAUSE);
        }
        ours
    }

    /// A member is no longer connected.
    pub fn gone(&mut self, peer: &PeerId) {
        self.offers.remove(peer);
    }

    fn addresses(&self) -> impl Iterator<Item = &Multiaddr> {
        self.asked.values().filter_map(|(_, address)| address.as_ref())
    }
}

impl Service {
    /// Where this node can be reached, the likeliest first.
    pub(super) fn own_addresses(&self) -> Vec<OwnAddress> {
        let own = |address: &Multiaddr, kind, confirmed| OwnAddress { address: address.to_string(), kind, confirmed };
        let announced = self.witnesses.announced().iter().map(|address| own(address, AddressKind::Announced, true));
        let seen = self.witnesses.confirmed();
        let seen = seen.iter().filter(|address| !self.witnesses.announced().contains(address));
        let seen = seen.map(|address| own(address, AddressKind::Observed, true));
        let mapped = self.mapped.iter().map(|address| own(address, AddressKind::Mapped, true));
        let relayed = self.relays.addresses().map(|address| own(address, AddressKind::Relay, true));
        let told = address::reachable(&self.listen);
        let listen = self.listen.iter().map(|text| OwnAddress {
            address: text.clone(),
            kind: AddressKind::Listen,
            confirmed: told.contains(text),
        });
        let claimed = self.witnesses.observed();
        let claimed = claimed.iter().map(|address| own(address, AddressKind::Observed, false));
        let all = announced.chain(seen).chain(mapped).chain(relayed).chain(listen).chain(claimed);
        let mut told = BTreeSet::new();
        all.filter(|own| told.insert(own.address.clone())).collect()
    }

    pub(super) fn on_identify(&mut self, event: identify::Event, lasting: &mut Lasting) {
        let identify::Event::Received { connection_id, peer_id, info } = event else { return };
        let Some(key) = PeerKey::of_peer_id(&peer_id) else { return };
        let Some(line) = self.peers.line(&peer_id, connection_id) else { return };
        let straight = line.via == Via::Direct;
        // Who opened the connection says at which address it got through.
        let seen = address::without_peer(info.observed_addr);
        if straight && line.opened == Opened::There && address::is_public(&seen, lasting.reach.ranges) {
            self.witnesses.reached(seen, key);
        }
        if straight {
            if info.protocols.contains(&relay::HOP_PROTOCOL_NAME) {
                self.relays.offers.insert(peer_id);
            } else {
                self.relays.offers.remove(&peer_id);
            }
        }
        self.reach_changed(lasting);
    }

    pub(super) fn on_tested(&mut self, event: autonat::v2::client::Event, lasting: &mut Lasting) {
        let Some(key) = PeerKey::of_peer_id(&event.server) else { return };
        tracing::debug!(address = %event.tested_addr, by = ?key, ok = event.result.is_ok(), "an own address was tested");
        match event.result {
            Ok(()) => {
                let address = address::without_peer(event.tested_addr);
                self.swarm.behaviour_mut().asking.inner().again(&address);
                self.witnesses.reached(address, key);
            }
            Err(_) => self.witnesses.failed(key),
        }
        self.reach_changed(lasting);
    }

    pub(super) fn on_relay(&mut self, event: relay::Event) {
        match event {
            relay::Event::CircuitReqAccepted { .. } => self.relays.circuits += 1,
            relay::Event::CircuitClosed { .. } => self.relays.circuits = self.relays.circuits.saturating_sub(1),
            relay::Event::CircuitReqDenied { status, .. } => tracing::debug!(?status, "not relayed"),
            relay::Event::ReservationReqDenied { status, .. } => tracing::debug!(?status, "no reservation"),
            _ => {}
        }
    }

    pub(super) fn on_upnp(&mut self, event: upnp::Event, lasting: &mut Lasting) {
        match event {
            upnp::Event::NewExternalAddr { external_addr, .. } => {
                self.status.upnp = UpnpState::Mapped;
                if !self.mapped.contains(&external_addr) && self.mapped.len() < limits::CANDIDATES_MAX {
                    self.mapped.push(external_addr.clone());
                }
                lasting.outbox.tell(NetEvent::Listening { address: external_addr.to_string() });
            }
            upnp::Event::ExpiredExternalAddr { external_addr, .. } => {
                self.mapped.retain(|mapped| *mapped != external_addr);
                lasting.outbox.tell(NetEvent::ListenEnded { address: external_addr.to_string() });
            }
            upnp::Event::GatewayNotFound | upnp::Event::NonRoutableGateway => self.status.upnp = UpnpState::Failed,
        }
    }

    /// Draws the conclusions from all that is known of our reachability (rule 1).
    pub(super) fn reach_changed(&mut self, lasting: &mut Lasting) {
        let reached = self.witnesses.nat() == Nat::Public;
        let status = if reached { relay::Status::Enable } else { relay::Status::Disable };
        self.swarm.behaviour_mut().relay.inner().set_status(Some(status));
        let confirmed = self.witnesses.confirmed();
        // A relay tells those who ask it for a reservation where it is itself.
        for gone in self.reached_at.iter().filter(|address| !confirmed.contains(address)) {
            self.swarm.remove_external_address(gone);
        }
        for new in confirmed.iter().filter(|address| !self.reached_at.contains(address)) {
            self.swarm.add_external_address(new.clone());
        }
        let carried: Vec<Multiaddr> = self.relays.addresses().cloned().collect();
        let now: Vec<Multiaddr> = confirmed.iter().chain(&carried).cloned().collect();
        let before = std::mem::replace(&mut self.told, now.clone());
        for address in before.iter().filter(|address| !now.contains(address)) {
            lasting.outbox.tell(NetEvent::ListenEnded { address: address.to_string() });
        }
        for address in now.iter().filter(|address| !before.contains(address)) {
            lasting.outbox.tell(NetEvent::Listening { address: address.to_string() });
        }
        self.reached_at = confirmed;
        if reached { self.leave_relays() } else { self.ask_relays(lasting) }
    }

    fn leave_relays(&mut self) {
        for (listener, _) in self.relays.asked.values() {
            self.swarm.remove_listener(*listener);
        }
    }

    fn ask_relays(&mut self, lasting: &Lasting) {
        // Who has just ended a reservation is left alone for a while.
        if self.relays.retry.is_some() {
            return;
        }
        let mut free = Vec::new();
        for (id, peer) in self.peers.straight() {
            let willing = self.relays.offers.contains(id) && !lasting.lists.confined.contains(&peer.key);
            if !willing || self.relays.asked.contains_key(id) {
                continue;
            }
            // Where a third party finds the relay: best a public address, else where we found it.
            let known = peer.dialled_at().into_iter().chain(lasting.dialer.direct_addresses(&peer.key));
            let mut known: Vec<&Multiaddr> = known.collect();
            known.sort_by_key(|address| !address::is_public(address, lasting.reach.ranges));
            if let Some(address) = known.first() {
                free.push((*id, (*address).clone()));
            }
        }
        let room = limits::RELAYS_USED_MAX.saturating_sub(self.relays.asked.len());
        for (relay, at) in free.into_iter().take(room) {
            match self.swarm.listen_on(at.with(Protocol::P2p(relay)).with(Protocol::P2pCircuit)) {
                Ok(listener) => drop(self.relays.asked.insert(relay, (listener, None))),
                Err(error) => tracing::debug!(%error, "a relay cannot be asked"),
            }
        }
    }
}

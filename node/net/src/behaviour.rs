//! All behaviours of the swarm in their order, which matters: the gate first, then the limits, then the rest.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, dcutr, identify, mdns, relay, upnp};

use crate::address::Ranges;
use crate::alive::Alive;
use crate::confine::Confine;
use crate::crowd::Crowd;
use crate::error::NetError;
use crate::gate::Gate;
use crate::gossip::{self, GossipBehaviour};
use crate::lane::{self, Lane, LaneBehaviour};
use crate::limits;
use crate::nat::{Asking, Testing};
use crate::net::{Gossip, Mdns, Upnp};

/// What identify says about the protocol: nothing about whose network this is.
const PROTOCOL_TEXT: &str = "p2p/1";
/// What identify says about the program.
const AGENT_TEXT: &str = concat!("archipel/", env!("CARGO_PKG_VERSION"));

/// The behaviours. Nothing after `limits` may deny a connection that stands.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// Strangers get nothing.
    pub gate: Gate,
    /// No peer has too many connections.
    pub crowd: Crowd,
    /// Counts.
    pub limits: connection_limits::Behaviour,
    /// Version and agent; addresses are neither told nor believed.
    pub identify: identify::Behaviour,
    /// Finds dead connections.
    pub alive: Alive,
    /// Is found over members that relay.
    pub carried: Confine<relay::client::Behaviour>,
    /// Relays for members, if this node can be reached from outside.
    pub relay: Confine<relay::Behaviour>,
    /// Turns relayed connections into direct ones where routers allow it.
    pub punch: Confine<dcutr::Behaviour>,
    /// Asks members whether they reach this node.
    pub asking: Confine<Asking>,
    /// Tries for members whether this node reaches them.
    pub testing: Confine<Testing>,
    /// Neighbours in the local network.
    pub mdns: Toggle<mdns::tokio::Behaviour>,
    /// Asks the router to forward the port.
    pub upnp: Toggle<upnp::tokio::Behaviour>,
    /// Live messages.
    pub gossip: Confine<Toggle<GossipBehaviour>>,
    /// Requests about logs.
    pub sync: Confine<LaneBehaviour>,
    /// Requests for file pieces.
    pub blob: Confine<LaneBehaviour>,
    /// Requests that even a suspended peer may make.
    pub lifeline: LaneBehaviour,
}

/// What the behaviours are made from.
pub(crate) struct Wishes {
    pub mdns: Mdns,
    pub gossip: Gossip,
    pub upnp: Upnp,
    pub ranges: Ranges,
    pub carried: relay::client::Behaviour,
}

impl Behaviour {
    /// Builds them all.
    pub fn new(keypair: &Keypair, wishes: Wishes) -> Result<Behaviour, NetError> {
        let Wishes { mdns, gossip, upnp, ranges, carried } = wishes;
        let own = keypair.public().to_peer_id();
        let setup = |reason: String| NetError::Setup { reason };
        let mdns = match mdns {
            Mdns::Off => None,
            Mdns::On => Some(
                mdns::tokio::Behaviour::new(mdns::Config::default(), own).map_err(|error| setup(error.to_string()))?,
            ),
        };
        let gossip = match gossip {
            Gossip::Off => None,
            Gossip::On => Some(gossip::behaviour().map_err(setup)?),
        };
        let identify = identify::Config::new(PROTOCOL_TEXT.to_owned(), keypair.public())
            .with_agent_version(AGENT_TEXT.to_owned())
            .with_hide_listen_addrs(true)
            .with_cache_size(0);
        let mut relay = relay::Behaviour::new(own, relay_config());
        relay.set_status(Some(relay::Status::Disable));
        Ok(Behaviour {
            gate: Gate::default(),
            crowd: Crowd::default(),
            limits: connection_limits::Behaviour::new(connection_limits()),
            identify: identify::Behaviour::new(identify),
            alive: Alive::default(),
            carried: Confine::new(carried),
            relay: Confine::new(relay),
            punch: Confine::new(dcutr::Behaviour::new(own)),
            asking: Confine::new(Asking::new(own, ranges)),
            testing: Confine::new(Testing::new(ranges)),
            mdns: mdns.into(),
            upnp: (upnp == Upnp::On).then(upnp::tokio::Behaviour::default).into(),
            gossip: Confine::new(gossip.into()),
            sync: Confine::new(lane::behaviour(Lane::Sync)),
            blob: Confine::new(lane::behaviour(Lane::Blob)),
            lifeline: lane::behaviour(Lane::Lifeline),
        })
    }

    /// The behaviour of a lane.
    pub fn lane(&mut self, lane: Lane) -> &mut LaneBehaviour {
        match lane {
            Lane::Sync => self.sync.inner(),
            Lane::Blob => self.blob.inner(),
            Lane::Lifeline => &mut self.lifeline,
        }
    }

    /// The gossip behaviour, if it is on.
    pub fn gossip(&mut self) -> Option<&mut GossipBehaviour> {
        self.gossip.inner().as_mut()
    }

    /// Who may connect at all, and who of them may use the lifeline alone. Connections of peers whose standing changed
    /// are closed.
    pub fn admit(&mut self, allowed: BTreeSet<PeerId>, confined: &BTreeSet<PeerId>) {
        let changed: Vec<PeerId> = self.sync.confined().symmetric_difference(confined).copied().collect();
        self.gate.allow(allowed);
        self.sync.confine(confined.clone());
        self.blob.confine(confined.clone());
        self.gossip.confine(confined.clone());
        self.carried.confine(confined.clone());
        self.relay.confine(confined.clone());
        self.punch.confine(confined.clone());
        self.asking.confine(confined.clone());
        self.testing.confine(confined.clone());
        changed.into_iter().for_each(|peer| self.gate.close(peer));
    }
}

fn connection_limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits::PENDING_INBOUND_MAX))
        .with_max_pending_outgoing(Some(limits::PENDING_OUTBOUND_MAX))
        .with_max_established(Some(limits::ESTABLISHED_MAX))
}

fn relay_config() -> relay::Config {
    let tries = NonZeroU32::new(limits::CIRCUIT_TRIES_MAX).expect("more than none");
    let config = relay::Config {
        max_reservations: limits::RESERVATIONS_MAX,
        max_reservations_per_peer: limits::RESERVATIONS_PER_PEER_MAX,
        reservation_duration: limits::RESERVATION_FOR,
        max_circuits: limits::CIRCUITS_MAX,
        // The library allows one more than it is told.
        max_circuits_per_peer: limits::CIRCUITS_PER_PEER_MAX - 1,
        max_circuit_duration: limits::CIRCUIT_FOR,
        max_circuit_bytes: limits::CIRCUIT_BYTES_MAX,
        // By peer alone: behind one address there may be a whole site, and all of them are members.
        reservation_rate_limiters: Vec::new(),
        circuit_src_rate_limiters: Vec::new(),
    };
    config
        .reservation_rate_per_peer(tries, limits::CIRCUIT_TRY_EVERY)
        .circuit_src_per_peer(tries, limits::CIRCUIT_TRY_EVERY)
}

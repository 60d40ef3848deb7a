//! All behaviours of the swarm in their order, which matters: the gate first, then the limits, then the rest.

use std::collections::BTreeSet;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, identify, mdns, ping};

use crate::confine::Confine;
use crate::error::NetError;
use crate::gate::Gate;
use crate::gossip::{self, GossipBehaviour};
use crate::lane::{self, Lane, LaneBehaviour};
use crate::limits;
use crate::net::{Gossip, Mdns};

/// What identify says about the protocol: nothing about whose network this is.
const PROTOCOL_TEXT: &str = "p2p/1";
/// What identify says about the program.
const AGENT_TEXT: &str = concat!("archipel/", env!("CARGO_PKG_VERSION"));

/// The behaviours. Nothing after `limits` may deny a connection.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// Strangers get nothing.
    pub gate: Gate,
    /// Counts.
    pub limits: connection_limits::Behaviour,
    /// Version and agent; addresses are neither told nor believed.
    pub identify: identify::Behaviour,
    /// Finds dead connections.
    pub ping: ping::Behaviour,
    /// Neighbours in the local network.
    pub mdns: Toggle<mdns::tokio::Behaviour>,
    /// Live messages.
    pub gossip: Confine<Toggle<GossipBehaviour>>,
    /// Requests about logs.
    pub sync: Confine<LaneBehaviour>,
    /// Requests for file pieces.
    pub blob: Confine<LaneBehaviour>,
    /// Requests that even a suspended peer may make.
    pub lifeline: LaneBehaviour,
}

impl Behaviour {
    /// Builds them all.
    pub fn new(keypair: &Keypair, mdns: Mdns, gossip: Gossip) -> Result<Behaviour, NetError> {
        let setup = |reason: String| NetError::Setup { reason };
        let mdns = match mdns {
            Mdns::Off => None,
            Mdns::On => Some(
                mdns::tokio::Behaviour::new(mdns::Config::default(), keypair.public().to_peer_id())
                    .map_err(|error| setup(error.to_string()))?,
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
        let ping = ping::Config::new().with_interval(limits::PING_INTERVAL).with_timeout(limits::PING_TIMEOUT);
        Ok(Behaviour {
            gate: Gate::default(),
            limits: connection_limits::Behaviour::new(connection_limits()),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
            mdns: mdns.into(),
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
        changed.into_iter().for_each(|peer| self.gate.close(peer));
    }
}

fn connection_limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits::PENDING_INBOUND_MAX))
        .with_max_pending_outgoing(Some(limits::PENDING_OUTBOUND_MAX))
        .with_max_established(Some(limits::ESTABLISHED_MAX))
        .with_max_established_per_peer(Some(limits::ESTABLISHED_PER_PEER_MAX))
}

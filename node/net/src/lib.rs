//! The network room: the only one that names libp2p. It knows frames, addresses and peers as public keys, and decides
//! nothing about groups, people or permissions. `docs/network.md` tells what runs on the wire and why.
//!
//! A crate of its own so that editing the node does not compile libp2p's generics again.

mod address;
mod behaviour;
mod confine;
mod dial;
mod error;
mod event;
mod frame;
mod gate;
mod gossip;
mod lane;
pub mod limits;
mod net;
mod outbox;
pub mod pairing;
mod service;
mod supervise;
mod tasks;
mod transport;

pub use address::{
    AddressError, PeerKey, Transport, address_parts, multiaddr, parse_peer_id, peer_id_text, reachable,
    validate_multiaddr,
};
pub use error::{NetError, PublishError, RequestError};
pub use event::{GossipToken, NetEvent, RequestToken, Verdict};
pub use lane::Lane;
pub use net::{Gossip, Mdns, Net, NetConfig, NetStatus, PeerStatus, start};
pub use pairing::{PairConnection, PairError, PairEvent, PairListener, pair_dial};

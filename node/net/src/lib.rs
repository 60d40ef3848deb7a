//! The network room: the only one that names libp2p. It knows frames, addresses and peers as public keys, and decides
//! nothing about groups, people or permissions. `docs/network.md` tells what runs on the wire and why.
//!
//! A crate of its own so that editing the node does not compile libp2p's generics again.

mod address;
mod alive;
mod behaviour;
mod confine;
mod crowd;
mod dial;
mod error;
mod event;
mod frame;
mod gate;
mod gossip;
mod knock;
mod lane;
pub mod limits;
mod linger;
mod nat;
mod net;
mod outbox;
pub mod pairing;
mod service;
mod supervise;
mod tasks;
mod transport;
mod witness;

pub use address::{
    AddressError, PeerKey, Ranges, Transport, address_parts, multiaddr, parse_peer_id, peer_id_text, reachable,
    validate_multiaddr,
};
pub use error::{NetError, PublishError, RequestError};
pub use event::{GossipToken, NetEvent, RequestToken, Verdict};
pub use knock::{Knock, knock};
pub use lane::Lane;
pub use net::{
    AddressKind, Gossip, Mdns, Net, NetConfig, NetStatus, OwnAddress, PeerStatus, Reach, Upnp, UpnpState, Via, start,
};
pub use pairing::{PairConnection, PairError, PairEvent, PairListener, pair_dial};
pub use witness::Nat;

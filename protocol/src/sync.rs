//! How two nodes come to hold the same entries: what they say to each other, and what a node states to hold.
//!
//! Gossip and pushes announce; comparing proves. Correctness never depends on a message arriving: each side compares
//! with each peer regularly and pulls what it lacks (`docs/protocol.md` §1.10).

pub mod address;
pub mod held;
pub mod here;
pub mod links;
pub mod message;
pub mod plan;
pub mod session;

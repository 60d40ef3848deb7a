//! The rules of Archipel: what an entry is, who may do what, how sites come to hold the same.
//!
//! This crate is pure. It has no clock, no randomness of its own, no threads, no disk and no network: time and random
//! bytes are handed in, wishes come out as values. The same code runs in the product and in the simulator.

pub mod bundle;
pub mod clock;
pub mod codec;
pub mod control;
pub mod document;
pub mod engine;
pub mod entry;
pub mod gossip;
pub mod group;
pub mod ids;
pub mod keys;
pub mod limits;
pub mod log;
pub mod pairing;
pub mod store;
pub mod sync;

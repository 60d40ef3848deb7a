//! The node: everything that touches the world.

pub mod local;
pub mod network;
pub mod runtime;
pub mod transfer;

//! The node: everything that touches the world.

pub mod runtime;

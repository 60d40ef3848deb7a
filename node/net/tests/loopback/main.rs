//! Nodes talking over real sockets on loopback. Everything is awaited; nothing sleeps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod connect;
mod gossip;
mod hostile;
mod pairing;
mod relay;
mod requests;
mod support;

//! Nodes talking over real sockets on loopback. Everything is awaited; nothing sleeps.

mod connect;
mod gossip;
mod requests;
mod support;

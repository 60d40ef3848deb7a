//! Nodes talking over real sockets on loopback. Everything is awaited; nothing sleeps.

mod connect;
mod gossip;
mod hostile;
mod pairing;
mod requests;
mod support;

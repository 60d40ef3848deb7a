//! Pairing at its door: events in, wishes out, with a small world of two sites between.

mod attack;
mod crash;
mod flow;
mod lock;
mod random;
mod ticket;
mod vectors;
mod world;

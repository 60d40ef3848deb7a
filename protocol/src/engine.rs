//! The one door: `handle(store, now, rng, input) -> effects`.

pub mod effect;
pub mod input;
pub mod query;
pub mod read;
pub mod view;

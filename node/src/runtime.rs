//! One thread owns the engine: take all inputs waiting, handle, one durable commit, then act.

pub mod handle;

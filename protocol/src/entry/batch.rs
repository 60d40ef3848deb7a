//! A range proved by one signature.

//! What the tests of the whole house share. Nothing depends on this package.

pub mod cluster;

//! The storage room tested at its door: what it promises of the disk, on a real disk and on a faulty one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blobs;
mod crash;
mod index;
mod journal;
mod journal_crash;
mod journal_damage;
mod journal_small;
mod kvlog;

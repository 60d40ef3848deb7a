//! The storage room tested at its door: what it promises of the disk, on a real disk and on a faulty one.

mod blobs;
mod crash;
mod index;
mod journal;
mod journal_crash;
mod journal_damage;
mod kvlog;

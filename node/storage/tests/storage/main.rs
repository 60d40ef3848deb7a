//! The storage room tested at its door: what it promises of the disk, on a real disk and on a faulty one.

mod journal;

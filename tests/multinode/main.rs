//! Two and three real nodes over real sockets, asked through the public API only.
//!
//! ```text
//!   ann @ Paris ──────── ben @ Lyon
//!        └───────────── eve @ Nice     (where a third is needed)
//! ```

mod away;
mod by_file;
mod carried;
mod crossing;
mod cut_off;
mod demo;
mod door;
mod forgotten;
mod found;
mod mended;
mod pages;
mod program;
mod restored;
mod start;
mod typing;

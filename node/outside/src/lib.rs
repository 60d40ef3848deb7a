//! Everything that comes from foreign web addresses: the one guarded fetcher, and the formats found there.
//!
//! This room knows HTTP, RSS, Atom, JSON Feed, OPML and foreign HTML. It knows nothing of groups, people,
//! entries or posts: the node asks for an address and gets plain values back. Nothing foreign may panic, hang or
//! grow without bound here; every limit is a named constant beside the code that keeps it.

pub mod date;
pub mod feed;
pub mod fetch;
pub mod html;
pub mod opml;
pub mod schedule;
pub mod source;

mod charset;
mod xml;

//! What a node keeps on disk: the journal (truth), the index (derived), small local state, files by hash.
//! This room knows bytes, files and sled; it does not know what the bytes mean, who may read them, or what time it is.

pub mod blobs;
pub mod faults;
pub mod files;
pub mod index;
pub mod journal;
pub mod kvlog;
pub mod lock;
pub mod space;

mod record;
mod segment;

pub use record::RECORD_BYTES_MAX;
pub use segment::FORMAT_VERSION;

//! The derived index: an ordered map that can be thrown away and rebuilt from the journal at any time. It does not know
//! what keys and values mean; the key scheme is the caller's.
//!
//! sled holds it, but not row by row: changes gather in memory in order, and are written as runs of blocks, each block
//! one value of sled's (`store.rs`). Nothing here is durable on its own. Each batch carries the journal position it
//! brings the index up to, so that after a crash the caller applies what comes behind [`Index::watermark`].
//! sled panics on much of the damage it meets; every call catches that, and from then on the index is `Broken` until
//! [`Index::clear`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, RwLock};

use crate::journal::Position;

mod batch;
mod block;
mod filter;
mod folder;
mod merge;
mod plan;
mod probe;
mod run;
mod store;
mod table;
mod worker;

pub use batch::Batch;
pub use probe::{CHECK_TIME, CheckReport, Checked, Reason, check, open_checked};
use store::{Shared, Store};

/// Default page cache: a part of the 40 MiB a fresh node may use.
pub const CACHE_BYTES: u64 = 16 << 20;
/// Default size of the table in memory. Two may stand in memory at once, and a crash costs the time to apply them again
/// from the journal: some ten thousand entries.
pub const TABLE_BYTES: usize = 4 << 20;
/// Keys beginning with this byte are the index's own.
pub const RESERVED_PREFIX: u8 = 0;

/// A row: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// How an index is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// sled's page cache in bytes.
    pub cache_bytes: u64,
    /// About how many bytes of changes gather in memory before they are written out.
    pub table_bytes: usize,
    /// A range of keys that all share so many first bytes is read without looking into runs that have no such key; 0
    /// for no such help.
    pub prefix_bytes: usize,
    /// Version of the caller's key scheme: an index of another one is thrown away when opened.
    pub layout: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: CACHE_BYTES, table_bytes: TABLE_BYTES, prefix_bytes: 0, layout: 1 }
    }
}

/// Which way a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Ascending,
    /// From the largest key down.
    Descending,
}

/// The index cannot be used; nothing is lost by that.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// sled reported an error.
    #[error("the index failed: {reason}")]
    Failed {
        /// What sled said.
        reason: String,
    },
    /// sled panicked, now or in an earlier call: clear and rebuild.
    #[error("the index is broken: {reason}")]
    Broken {
        /// What sled said.
        reason: String,
    },
    /// A batch names a key that begins with `RESERVED_PREFIX`.
    #[error("keys beginning with {RESERVED_PREFIX} are reserved")]
    ReservedKey,
    /// The folder of the index cannot be worked with.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The index. Share it in an `Arc`; all methods take `&self`.
#[derive(Debug)]
pub struct Index {
    dir: PathBuf,
    options: Options,
    /// `None` once closed.
    store: RwLock<Option<Store>>,
}

impl From<sled::Error> for IndexError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Corruption { .. } => Self::Broken { reason: error.to_string() },
            error => Self::Failed { reason: error.to_string() },
        }
    }
}

impl Index {
    /// Opens the index in `dir`, or begins an empty one. Panics of sled come back as errors, but a hang does not come
    /// back at all: after an unclean stop use [`open_checked`].
    pub fn open(dir: &Path, options: Options) -> Result<Self, IndexError> {
        let newest = folder::newest(dir)?.unwrap_or(1);
        Self::open_generation(dir, options, newest)
    }

    fn open_generation(dir: &Path, options: Options, generation: u32) -> Result<Self, IndexError> {
        folder::prepare(dir)?;
        let folder = folder::generation(dir, generation);
        let (mut store, is_other) = Store::open(&folder, options)?;
        if is_other {
            tracing::info!(layout = options.layout, "the index has another layout and is rebuilt");
            let (next, _) = Store::open(&folder::generation(dir, generation + 1), options)?;
            std::mem::replace(&mut store, next).discard();
        }
        folder::remove_older(dir, &store.folder)?;
        Ok(Self { dir: dir.to_path_buf(), options, store: RwLock::new(Some(store)) })
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        self.with(|store| store.get(key))
    }

    /// Whether a key is there.
    pub fn contains(&self, key: &[u8]) -> Result<bool, IndexError> {
        Ok(self.get(key)?.is_some())
    }

    /// Up to `limit` rows with `from <= key < to`, in the given direction.
    pub fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Result<Vec<Row>, IndexError> {
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        self.with(|store| store.range(from, to, limit, direction))
    }

    /// As [`Index::range`], over all keys beginning with `prefix`.
    pub fn prefix(&self, prefix: &[u8], limit: usize, direction: Direction) -> Result<Vec<Row>, IndexError> {
        match batch::behind_prefix(prefix) {
            Some(to) => self.range(prefix, &to, limit, direction),
            None => self.range(prefix, &[0xff; 256], limit, direction),
        }
    }

    /// Makes all changes of a batch, its watermark included, or none. Readers see them at once; durable they are later, in
    /// the order of batches. Waits while the table before is still being written out.
    pub fn apply(&self, batch: Batch) -> Result<(), IndexError> {
        let batch = batch.checked()?;
        self.with(|store| store.apply(batch))
    }

    /// The journal position up to which the index is complete; `None` when it is empty and wants a rebuild.
    pub fn watermark(&self) -> Result<Option<Position>, IndexError> {
        self.with(|store| Ok(store.watermark()))
    }

    /// Throws everything away and begins empty, also when the index is broken. The caller then rebuilds.
    pub fn clear(&self) -> Result<(), IndexError> {
        let mut slot = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let next = folder::newest(&self.dir)?.map_or(1, |newest| newest + 1);
        let (store, _) = Store::open(&folder::generation(&self.dir, next), self.options)?;
        let folder = store.folder.clone();
        match slot.replace(store) {
            Some(old) if old.shared.is_broken() => old.abandon(),
            Some(old) => old.discard(),
            None => {}
        }
        folder::remove_older(&self.dir, &folder)
    }

    /// Writes back what is in memory. For a clean stop, and before records are wiped to which rows may still lead.
    pub fn flush(&self) -> Result<(), IndexError> {
        self.with(Shared::flush)
    }

    /// Flushes and closes; the next [`open_checked`] then trusts the files without a check. Whoever still holds the index
    /// reads nothing from it any more.
    pub fn close(&self) -> Result<(), IndexError> {
        self.flush()?;
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut store) = store {
            store.stop();
            catching(|| {
                drop(store);
                Ok(())
            })?;
        }
        folder::mark_clean(&self.dir)
    }

    /// Bytes on disk.
    pub fn size_on_disk(&self) -> Result<u64, IndexError> {
        self.with(Shared::size_on_disk)
    }

    /// Reads all that is written out; how many rows that is, removals and replaced ones included.
    fn check(&self) -> Result<u64, IndexError> {
        self.with(Shared::check)
    }

    fn with<T>(&self, work: impl FnOnce(&Shared) -> Result<T, IndexError>) -> Result<T, IndexError> {
        let slot = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let usable = slot.as_ref().filter(|store| !store.shared.is_broken());
        let store = usable.ok_or_else(|| IndexError::Broken { reason: "an earlier call failed".into() })?;
        let result = catching(|| work(&store.shared));
        if matches!(result, Err(IndexError::Broken { .. })) {
            store.shared.broken.store(true, Ordering::Release);
        }
        result
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        match self.store.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            Some(store) if store.shared.is_broken() => store.abandon_in_place(),
            // A panic while closing costs nothing but the next check.
            Some(mut store) => {
                store.stop();
                drop(catching(|| {
                    drop(store);
                    Ok(())
                }));
            }
            None => {}
        }
    }
}

/// Runs something of sled's and turns panics into errors.
fn catching<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let reason = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panic").to_owned();
            tracing::error!(reason, "the index panicked");
            Err(IndexError::Broken { reason })
        }
    }
}

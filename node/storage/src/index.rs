//! The derived index: an ordered map over sled that can be thrown away and rebuilt from the journal at any time.
//! It does not know what keys and values mean; the key scheme is the caller's.
//!
//! Nothing here is durable on its own: sled flushes in the background. Each batch carries the journal position it
//! brings the index up to, so that after a crash the caller applies what comes behind [`Index::watermark`].
//! sled panics on much of the damage it meets; every call catches that, and from then on the index is `Broken` until
//! [`Index::clear`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::journal::Position;

mod batch;
mod folder;
mod probe;

pub use batch::Batch;
pub use probe::{CHECK_TIME, CheckReport, Checked, Reason, check, open_checked};

/// Default page cache: with 4 KiB rows enough for the hot end of every log, and a part of the 40 MiB a fresh node may
/// use.
pub const CACHE_BYTES: u64 = 16 << 20;
/// sled writes back this often on its own.
const FLUSH_EVERY_MS: u64 = 500;
/// Keys beginning with this byte are the index's own.
pub const RESERVED_PREFIX: u8 = 0;

const WATERMARK_KEY: &[u8] = &[RESERVED_PREFIX, b'w'];
const LAYOUT_KEY: &[u8] = &[RESERVED_PREFIX, b'l'];

/// A row: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// How an index is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Page cache in bytes.
    pub cache_bytes: u64,
    /// Version of the caller's key scheme: an index of another one is thrown away when opened.
    pub layout: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: CACHE_BYTES, layout: 1 }
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
    /// `None` once sled has failed beyond use.
    store: RwLock<Option<Store>>,
    broken: AtomicBool,
}

#[derive(Debug)]
struct Store {
    folder: PathBuf,
    db: sled::Db,
    tree: sled::Tree,
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
        let mut store = Store::open(&folder, options)?;
        let layout = catching(|| store.tree.get(LAYOUT_KEY))?;
        let empty = catching(|| Ok(store.tree.is_empty()))?;
        if layout.as_deref() != Some(&options.layout.to_be_bytes()[..]) {
            if !empty {
                tracing::info!(layout = options.layout, "the index has another layout and is rebuilt");
                let next = Store::open(&folder::generation(dir, generation + 1), options)?;
                std::mem::replace(&mut store, next).discard();
            }
            catching(|| store.tree.insert(LAYOUT_KEY, &options.layout.to_be_bytes()))?;
        }
        folder::remove_older(dir, &store.folder)?;
        Ok(Self { dir: dir.to_path_buf(), options, store: RwLock::new(Some(store)), broken: AtomicBool::new(false) })
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        self.with(|store| Ok(store.tree.get(key)?.map(|value| value.to_vec())))
    }

    /// Whether a key is there.
    pub fn contains(&self, key: &[u8]) -> Result<bool, IndexError> {
        self.with(|store| store.tree.contains_key(key))
    }

    /// Up to `limit` rows with `from <= key < to`, in the given direction. The index's own rows are left out.
    pub fn range(&self, from: &[u8], to: &[u8], limit: usize, direction: Direction) -> Result<Vec<Row>, IndexError> {
        let from = from.max(&[RESERVED_PREFIX + 1]);
        if from >= to {
            return Ok(Vec::new());
        }
        self.with(|store| {
            let rows = store.tree.range(from..to);
            let owned =
                |row: sled::Result<(sled::IVec, sled::IVec)>| row.map(|(key, value)| (key.to_vec(), value.to_vec()));
            match direction {
                Direction::Ascending => rows.take(limit).map(owned).collect(),
                Direction::Descending => rows.rev().take(limit).map(owned).collect(),
            }
        })
    }

    /// As [`Index::range`], over all keys beginning with `prefix`.
    pub fn prefix(&self, prefix: &[u8], limit: usize, direction: Direction) -> Result<Vec<Row>, IndexError> {
        match batch::behind_prefix(prefix) {
            Some(to) => self.range(prefix, &to, limit, direction),
            None => self.range(prefix, &[0xff; 256], limit, direction),
        }
    }

    /// Makes all changes of a batch, its watermark included, or none. Not durable on its own.
    pub fn apply(&self, batch: Batch) -> Result<(), IndexError> {
        let batch = batch.into_sled()?;
        self.with(|store| store.tree.apply_batch(batch))
    }

    /// The journal position up to which the index is complete; `None` when it is empty and wants a rebuild.
    pub fn watermark(&self) -> Result<Option<Position>, IndexError> {
        let bytes = self.with(|store| store.tree.get(WATERMARK_KEY))?;
        Ok(bytes.and_then(|bytes| Some(Position::from_bytes(*bytes.first_chunk()?))))
    }

    /// Throws everything away and begins empty, also when the index is broken. The caller then rebuilds.
    pub fn clear(&self) -> Result<(), IndexError> {
        let mut slot = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let next = folder::newest(&self.dir)?.map_or(1, |newest| newest + 1);
        let store = Store::open(&folder::generation(&self.dir, next), self.options)?;
        catching(|| store.tree.insert(LAYOUT_KEY, &self.options.layout.to_be_bytes()))?;
        let folder = store.folder.clone();
        let was_broken = self.broken.swap(false, Ordering::AcqRel);
        if let Some(old) = slot.replace(store) {
            if was_broken {
                old.abandon();
            } else {
                old.discard();
            }
        }
        folder::remove_older(&self.dir, &folder)
    }

    /// Writes back what is in memory. For a clean stop; never needed for safety.
    pub fn flush(&self) -> Result<(), IndexError> {
        self.with(|store| store.db.flush().map(|_| ()))
    }

    /// Flushes and closes; the next [`open_checked`] then trusts the files without a check. Whoever still holds the index
    /// reads nothing from it any more.
    pub fn close(&self) -> Result<(), IndexError> {
        self.flush()?;
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        catching(|| {
            drop(store);
            Ok(())
        })?;
        folder::mark_clean(&self.dir)
    }

    /// Bytes on disk.
    pub fn size_on_disk(&self) -> Result<u64, IndexError> {
        self.with(|store| store.db.size_on_disk())
    }

    fn with<T>(&self, work: impl FnOnce(&Store) -> sled::Result<T>) -> Result<T, IndexError> {
        let slot = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let usable = slot.as_ref().filter(|_| !self.broken.load(Ordering::Acquire));
        let store = usable.ok_or_else(|| IndexError::Broken { reason: "an earlier call failed".into() })?;
        let result = catching(|| work(store));
        if matches!(result, Err(IndexError::Broken { .. })) {
            self.broken.store(true, Ordering::Release);
        }
        result
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let store = self.store.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        match store {
            Some(store) if self.broken.load(Ordering::Acquire) => std::mem::forget(store),
            // A panic while closing costs nothing but the next check.
            other => drop(catching(|| {
                drop(other);
                Ok(())
            })),
        }
    }
}

impl Store {
    fn open(folder: &Path, options: Options) -> Result<Self, IndexError> {
        let opened = catching(|| {
            let db = sled::Config::new()
                .path(folder)
                .cache_capacity(options.cache_bytes)
                .flush_every_ms(Some(FLUSH_EVERY_MS))
                .open()?;
            let tree = db.open_tree("core")?;
            Ok((db, tree))
        });
        opened.map(|(db, tree)| Self { folder: folder.to_path_buf(), db, tree })
    }

    /// Closes and removes a store in good order.
    fn discard(self) {
        let folder = self.folder.clone();
        // A panic here concerns files that are about to go.
        let _ = catching(|| {
            drop(self);
            Ok(())
        });
        folder::remove(&folder);
    }

    /// Lets go of a store that has panicked: its own closing might panic or hang, so it is never closed. Its threads
    /// and its memory stay until the process ends.
    fn abandon(self) {
        folder::remove(&self.folder.clone());
        std::mem::forget(self);
    }
}

/// Runs something of sled's and turns panics into errors.
fn catching<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error @ sled::Error::Corruption { .. })) => Err(IndexError::Broken { reason: error.to_string() }),
        Ok(Err(error)) => Err(IndexError::Failed { reason: error.to_string() }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let reason = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panic").to_owned();
            tracing::error!(reason, "the index panicked");
            Err(IndexError::Broken { reason })
        }
    }
}

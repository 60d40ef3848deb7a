//! Small durable state of this site alone: accounts, sessions, tickets, settings. All of it is in memory; every change
//! is on disk before the call returns. It does not know what tables, keys and values mean.
//!
//! On disk it is one file, `state-<generation>.kv`, of the same form as a journal segment: a snapshot, then one record
//! a batch. When that has grown far beyond what is alive, a new generation is written beside it and renamed into place.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::files::{FileHandle, Files};
use crate::record;

mod batch;
mod generation;

pub use batch::Batch;

/// The file is rewritten when it is this many times larger than what is alive in it …
pub const COMPACT_RATIO: u64 = 4;
/// … and at least this large: below, rewriting would cost more than it frees.
pub const COMPACT_BYTES_MIN: u64 = 4 << 20;

/// Rows of a table: key without the table byte, and value.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;
type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A broken promise of the disk, or a batch that is too large.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An earlier write failed; see [`KvLog::recover`].
    #[error("local state only reads since an earlier failure: {reason}")]
    Poisoned {
        /// The earlier failure.
        reason: String,
    },
    /// One batch must fit into one record.
    #[error("a batch of {bytes} bytes is too large")]
    BatchTooLarge {
        /// Its encoded length.
        bytes: usize,
    },
    /// The file was written by a newer version of the program.
    #[error("{} has format {version}, newer than this program", path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvOpened {
    /// Nothing was there.
    pub created: bool,
    /// Bytes of an interrupted, never acknowledged write that were cut off.
    pub torn_bytes: u64,
    /// Byte ranges that could not be read: the changes in them are lost, and rows may have fallen back to earlier
    /// values. The damaged file is kept with the ending `.bad`; the caller should alarm and end all logins.
    pub damaged: Vec<(u32, u32)>,
}

/// The store. Share it in an `Arc`; reads never wait for the disk.
#[derive(Debug)]
pub struct KvLog {
    dir: PathBuf,
    files: Arc<dyn Files>,
    writer: Mutex<Writer>,
    map: RwLock<Map>,
}

#[derive(Debug)]
struct Writer {
    generation: u32,
    file: Arc<dyn FileHandle>,
    seed: u32,
    len: u64,
    next_seq: u64,
    /// Bytes a snapshot of the map would take, about.
    live: u64,
    /// No compaction below this length: set when one failed.
    compact_from: u64,
    poisoned: Option<String>,
}

impl KvLog {
    /// Opens the state in `dir`, or begins an empty one. Fails on disk errors and newer files, never on damage.
    pub fn open(dir: &Path, files: Arc<dyn Files>) -> Result<(Self, KvOpened), KvError> {
        let (writer, map, opened) = generation::open(dir, &*files)?;
        let log = Self { dir: dir.to_path_buf(), files, writer: Mutex::new(writer), map: RwLock::new(map) };
        Ok((log, opened))
    }

    /// The value of a key.
    pub fn get(&self, table: u8, key: &[u8]) -> Option<Vec<u8>> {
        self.read().get(&full_key(table, key)).cloned()
    }

    /// Whether a key is there.
    pub fn contains(&self, table: u8, key: &[u8]) -> bool {
        self.read().contains_key(&full_key(table, key))
    }

    /// Up to `limit` rows of a table whose keys start with `prefix`, in the order of their keys, beginning behind
    /// `after` when given.
    pub fn prefix(&self, table: u8, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Rows {
        let first = full_key(table, prefix);
        let from = match after.map(|key| full_key(table, key)) {
            Some(key) if key >= first => Bound::Excluded(key),
            _ => Bound::Included(first.clone()),
        };
        let map = self.read();
        let rows = map.range((from, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(&first)).take(limit);
        rows.map(|(key, value)| (key.get(1..).unwrap_or_default().to_vec(), value.clone())).collect()
    }

    /// Number of rows of all tables.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Sets a value; durable when it returns.
    pub fn put(&self, table: u8, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        self.apply(Batch::new().put(table, key, value))
    }

    /// Removes a key; durable when it returns. The bytes leave the disk with the next compaction.
    pub fn delete(&self, table: u8, key: &[u8]) -> Result<(), KvError> {
        self.apply(Batch::new().delete(table, key))
    }

    /// Makes all changes of a batch or none; durable when it returns, visible to readers from then on.
    pub fn apply(&self, batch: Batch) -> Result<(), KvError> {
        let mut writer = self.lock();
        self.apply_locked(&mut writer, batch)
    }

    /// Reads and then changes while no other change can come between: for single-use tickets and counters. `decide`
    /// sees the state through `get` and fills the batch; it must not call this store's writing methods.
    pub fn change<T>(&self, decide: impl FnOnce(&View<'_>, &mut Batch) -> T) -> Result<T, KvError> {
        let mut writer = self.lock();
        let mut batch = Batch::new();
        let answer = decide(&View { log: self }, &mut batch);
        self.apply_locked(&mut writer, batch)?;
        Ok(answer)
    }

    /// Writes a new file with nothing but what is alive and removes the old one: deleted values are then gone from the
    /// disk. Also mends a poisoned store.
    pub fn compact(&self) -> Result<(), KvError> {
        let mut writer = self.lock();
        self.compact_locked(&mut writer)
    }

    /// Makes a store usable again whose last write failed, by writing everything to a new file.
    pub fn recover(&self) -> Result<(), KvError> {
        let mut writer = self.lock();
        match writer.poisoned {
            Some(_) => self.compact_locked(&mut writer),
            None => Ok(()),
        }
    }

    /// Whether an earlier write failed, so that the store only reads.
    pub fn is_poisoned(&self) -> bool {
        self.lock().poisoned.is_some()
    }

    fn apply_locked(&self, writer: &mut Writer, batch: Batch) -> Result<(), KvError> {
        if let Some(reason) = &writer.poisoned {
            return Err(KvError::Poisoned { reason: reason.clone() });
        }
        let payload = batch.encode();
        if payload.is_empty() {
            return Ok(());
        }
        if payload.len() > record::RECORD_BYTES_MAX {
            return Err(KvError::BatchTooLarge { bytes: payload.len() });
        }
        let path = generation::path(&self.dir, writer.generation);
        if let Err(error) = writer.append(&payload, &path) {
            writer.poisoned = Some(error.to_string());
            tracing::error!(%error, "local state cannot be written");
            return Err(error);
        }
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        writer.live = batch::apply(&mut map, writer.live, batch);
        drop(map);
        if writer.len > COMPACT_BYTES_MIN.max(COMPACT_RATIO * writer.live).max(writer.compact_from)
            && let Err(error) = self.compact_locked(writer)
        {
            // The batch itself is durable; try again when as much has been added once more.
            writer.compact_from = writer.len + COMPACT_BYTES_MIN;
            tracing::warn!(%error, "local state could not be compacted");
        }
        Ok(())
    }

    fn compact_locked(&self, writer: &mut Writer) -> Result<(), KvError> {
        let map = self.read();
        let next = writer.generation + 1;
        match generation::write(&self.dir, &*self.files, next, writer.next_seq, &map) {
            Ok(begun) => {
                // Left over, it would be removed at the next opening.
                let _ = self.files.remove(&generation::path(&self.dir, writer.generation));
                let _ = self.files.sync_dir(&self.dir);
                *writer = begun;
                Ok(())
            }
            Err(error) => {
                if !generation::undo_write(&self.dir, &*self.files, next) {
                    writer.poisoned.get_or_insert_with(|| error.to_string());
                }
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `decide` in [`KvLog::change`] may read.
#[derive(Debug)]
pub struct View<'a> {
    log: &'a KvLog,
}

impl View<'_> {
    /// The value of a key.
    pub fn get(&self, table: u8, key: &[u8]) -> Option<Vec<u8>> {
        self.log.get(table, key)
    }

    /// As [`KvLog::prefix`].
    pub fn prefix(&self, table: u8, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Rows {
        self.log.prefix(table, prefix, after, limit)
    }
}

impl Writer {
    fn append(&mut self, payload: &[u8], path: &Path) -> Result<(), KvError> {
        let mut bytes = Vec::new();
        record::encode(&mut bytes, self.seed, generation::KIND, record::BEGIN | record::END, self.next_seq, payload);
        let io = |action| move |source| KvError::Io { action, path: path.to_path_buf(), source };
        self.file.write_at(&bytes, self.len).map_err(io("write"))?;
        self.file.sync_data().map_err(io("sync"))?;
        self.len += bytes.len() as u64;
        self.next_seq += 1;
        Ok(())
    }
}

fn full_key(table: u8, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(1 + key.len());
    full.push(table);
    full.extend_from_slice(key);
    full
}

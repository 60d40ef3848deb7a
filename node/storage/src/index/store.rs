//! The index in one folder: a table in memory over runs in sled. Readers see the newest table, the one being written
//! out, then the runs, newest first.
//!
//! 1. What is in sled is always the state after one certain batch, and carries the watermark of that batch: runs are
//!    written and synced first, then the list of runs together with the watermark, in one change of sled's.
//! 2. Rows of a run that the list does not name do not exist; the next opening removes them.
//! 3. Only the worker writes to sled (`worker.rs`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::batch::{Batch, Change};
use super::block::{damaged, seal, unseal};
use super::merge::{Merge, Source};
use super::run::{self, Run};
use super::table::{self, Table};
use super::{Direction, IndexError, Options, Row, catching, worker};
use crate::journal::Position;

const WATERMARK_KEY: &[u8] = b"\0w";
const LAYOUT_KEY: &[u8] = b"\0l";
const RUNS_KEY: &[u8] = b"\0r";
/// Number, rows and bytes of a run.
const LISTED_BYTES: usize = 20;

/// How long a sled that was closed may take to let go of its folder.
const CLOSING_TIME: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The runs, newest first.
pub(super) type Runs = Arc<Vec<Arc<Run>>>;

#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
    pub(super) shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

/// What readers, the writer and the worker share.
#[derive(Debug)]
pub(super) struct Shared {
    db: sled::Db,
    pub(super) tree: sled::Tree,
    pub(super) options: Options,
    state: RwLock<State>,
    gate: Mutex<Gate>,
    /// Something in the gate changed.
    pub(super) changed: Condvar,
    /// sled has panicked or what it gave was damaged: nothing is read any more.
    pub(super) broken: AtomicBool,
}

#[derive(Debug)]
pub(super) struct State {
    active: Table,
    /// Being written out by the worker.
    pub(super) frozen: Option<Arc<Table>>,
    pub(super) runs: Runs,
    /// The watermark in sled.
    pub(super) written: Option<Position>,
}

/// How writer and worker wait for each other.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// A table is frozen.
    pub(super) writing: bool,
    pub(super) stop: bool,
    /// Why the worker gave up.
    pub(super) failed: Option<String>,
}

impl Store {
    /// Opens what is in a folder. An index of another layout reads as empty, and `is_other` says so.
    pub(super) fn open(folder: &Path, options: Options) -> Result<(Self, bool), IndexError> {
        let (shared, is_other) = catching(|| Shared::open(folder, options))?;
        let shared = Arc::new(shared);
        let worker = match is_other {
            true => None,
            false => Some(worker::start(&shared).map_err(|source| super::folder::io_error("work on", folder, source))?),
        };
        Ok((Self { folder: folder.to_path_buf(), shared, worker }, is_other))
    }

    /// Ends the worker in good order. What is not written out is lost, as in a crash.
    pub(super) fn stop(&mut self) {
        self.shared.gate().stop = true;
        self.shared.changed.notify_all();
        if let Some(worker) = self.worker.take() {
            // A panic of the worker was told when it happened.
            let _ = worker.join();
        }
    }

    /// Closes and removes a store in good order.
    pub(super) fn discard(mut self) {
        self.stop();
        let folder = self.folder.clone();
        // A panic here concerns files that are about to go.
        let _ = catching(|| {
            drop(self);
            Ok(())
        });
        super::folder::remove(&folder);
    }

    /// Lets go of a store that has panicked: its own closing might panic or hang, so it is never closed. Its threads
    /// and its memory stay until the process ends.
    pub(super) fn abandon(self) {
        self.shared.gate().stop = true;
        self.shared.changed.notify_all();
        super::folder::remove(&self.folder);
        std::mem::forget(self);
    }

    /// As [`Store::abandon`], but leaves the files for the next opening to look at.
    pub(super) fn abandon_in_place(self) {
        self.shared.gate().stop = true;
        self.shared.changed.notify_all();
        std::mem::forget(self);
    }
}

impl Shared {
    fn open(folder: &Path, options: Options) -> Result<(Self, bool), IndexError> {
        // The worker syncs what has to be: sled's own timer would only wake the machine.
        let config = sled::Config::new().path(folder).cache_capacity(options.cache_bytes).flush_every_ms(None);
        let db = open_sled(&config)?;
        let tree = db.open_tree("core")?;
        let layout = tree.get(LAYOUT_KEY)?;
        let is_known = layout.as_deref() == Some(&options.layout.to_be_bytes()[..]);
        let is_other = !is_known && !tree.is_empty();
        if !is_known && !is_other {
            tree.insert(LAYOUT_KEY, &options.layout.to_be_bytes())?;
        }
        let (runs, written) = if is_known { Self::load(&tree)? } else { (Vec::new(), None) };
        let state = State { active: Table::default(), frozen: None, runs: Arc::new(runs), written };
        let shared = Self {
            db,
            tree,
            options,
            state: RwLock::new(state),
            gate: Mutex::default(),
            changed: Condvar::new(),
            broken: AtomicBool::new(false),
        };
        Ok((shared, is_other))
    }

    /// Reads the list of runs and what stands in memory of each, and removes what the list does not name.
    fn load(tree: &sled::Tree) -> Result<(Vec<Arc<Run>>, Option<Position>), IndexError> {
        let mut runs = Vec::new();
        if let Some(list) = tree.get(RUNS_KEY)? {
            let list = unseal(&list).ok_or_else(|| damaged("the list of runs"))?;
            let (listed, rest) = list.as_chunks::<LISTED_BYTES>();
            if !rest.is_empty() {
                return Err(damaged("the list of runs"));
            }
            for entry in listed {
                let [number, rows, bytes] = parse_listed(entry);
                runs.push(Arc::new(Run::open(tree, number as u32, rows, bytes)?));
            }
        }
        let mut numbers: Vec<u32> = runs.iter().map(|run| run.number).collect();
        numbers.sort_unstable();
        let mut from = 0;
        for number in numbers.into_iter().chain([u32::MAX]) {
            run::remove_between(tree, from, number)?;
            from = number.saturating_add(1);
        }
        let written = tree.get(WATERMARK_KEY)?;
        let written = written.and_then(|bytes| Some(Position::from_bytes(*bytes.first_chunk()?)));
        Ok((runs, written))
    }

    /// Names the runs that exist from now on, and what they hold.
    pub(super) fn publish(&self, runs: &[Arc<Run>], watermark: Option<Position>) -> Result<(), IndexError> {
        self.tree.flush()?;
        let mut list = vec![0; 4];
        for run in runs {
            list.extend_from_slice(&run.number.to_be_bytes());
            list.extend_from_slice(&run.rows.to_be_bytes());
            list.extend_from_slice(&run.bytes.to_be_bytes());
        }
        seal(&mut list);
        let mut batch = sled::Batch::default();
        batch.insert(RUNS_KEY, list);
        if let Some(watermark) = watermark {
            batch.insert(WATERMARK_KEY, &watermark.to_bytes());
        }
        self.tree.apply_batch(batch)?;
        self.tree.flush()?;
        Ok(())
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let (frozen, runs) = {
            let state = self.state();
            if let Some(found) = state.active.get(key) {
                return Ok(found.map(<[u8]>::to_vec));
            }
            (state.frozen.clone(), Arc::clone(&state.runs))
        };
        if let Some(found) = frozen.as_ref().and_then(|table| table.get(key)) {
            return Ok(found.map(<[u8]>::to_vec));
        }
        for run in runs.iter() {
            if let Some(found) = run.get(&self.tree, key)? {
                return Ok(found);
            }
        }
        Ok(None)
    }

    pub(super) fn range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<Row>, IndexError> {
        let (newest, frozen, runs) = {
            let state = self.state();
            let newest = state.active.enough(from, to, limit, direction);
            (newest, state.frozen.clone(), Arc::clone(&state.runs))
        };
        let written = runs.iter().filter_map(|run| run.range(&self.tree, from, to, direction));
        let mut sources: Vec<Source<'_>> = Vec::new();
        if !newest.is_empty() {
            sources.push(Box::new(newest.into_iter().map(Ok)));
        }
        if let Some(table) = &frozen {
            let owned = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| -> Result<Change, IndexError> {
                Ok((key.clone(), value.clone()))
            };
            sources.push(Box::new(table.range(from, to, direction).map(owned)));
        }
        sources.extend(written);
        let changes = Merge::new(sources, direction)?;
        changes.filter_map(|change| change.map(table::row).transpose()).take(limit).collect()
    }

    /// Takes a batch into memory, where readers see it at once.
    pub(super) fn apply(&self, batch: Batch) -> Result<(), IndexError> {
        let bytes = {
            let mut state = self.state_mut();
            state.active.apply(batch);
            state.active.bytes()
        };
        if bytes >= self.options.table_bytes { self.freeze() } else { Ok(()) }
    }

    pub(super) fn watermark(&self) -> Option<Position> {
        let state = self.state();
        let frozen = state.frozen.as_ref().and_then(|table| table.watermark);
        state.active.watermark.or(frozen).or(state.written)
    }

    /// Gives the newest table to the worker, once it has written out the one before.
    pub(super) fn freeze(&self) -> Result<(), IndexError> {
        let gate = self.gate();
        let mut gate = self.wait_while(gate, |gate| gate.writing)?;
        let mut state = self.state_mut();
        if !state.active.is_empty() {
            state.frozen = Some(Arc::new(std::mem::take(&mut state.active)));
            gate.writing = true;
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Writes out everything there is.
    pub(super) fn flush(&self) -> Result<(), IndexError> {
        self.freeze()?;
        self.wait_while(self.gate(), |gate| gate.writing).map(drop)
    }

    fn wait_while<'a>(
        &self,
        gate: MutexGuard<'a, Gate>,
        busy: impl Fn(&Gate) -> bool,
    ) -> Result<MutexGuard<'a, Gate>, IndexError> {
        let waiting = |gate: &mut Gate| busy(gate) && gate.failed.is_none() && !gate.stop;
        let gate = self.changed.wait_while(gate, waiting).unwrap_or_else(PoisonError::into_inner);
        match &gate.failed {
            Some(reason) => Err(IndexError::Broken { reason: reason.clone() }),
            None => Ok(gate),
        }
    }

    pub(super) fn size_on_disk(&self) -> Result<u64, IndexError> {
        Ok(self.db.size_on_disk()?)
    }

    /// Reads every run wholly; how many rows there are, removals and replaced ones included.
    pub(super) fn check(&self) -> Result<u64, IndexError> {
        let runs = Arc::clone(&self.state().runs);
        runs.iter().try_for_each(|run| run.check(&self.tree))?;
        Ok(runs.iter().map(|run| run.rows).sum())
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

/// Opens sled. One that this process just closed may hold the folder's lock a moment longer, until its threads have ended.
fn open_sled(config: &sled::Config) -> Result<sled::Db, IndexError> {
    let begun = Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock") && begun.elapsed() < CLOSING_TIME =>
            {
                std::thread::sleep(LOOK_EVERY);
            }
            other => return Ok(other?),
        }
    }
}

fn parse_listed(entry: &[u8; LISTED_BYTES]) -> [u64; 3] {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    [number(&entry[..4]), number(&entry[4..12]), number(&entry[12..])]
}

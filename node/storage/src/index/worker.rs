//! The one thread that writes to sled: it writes tables out as runs and merges runs, in small steps so that a table
//! never waits long.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::merge::Merge;
use super::run::{Run, Writer};
use super::store::{Runs, Shared};
use super::{Direction, IndexError, catching, plan};

/// A table is written out at least this often, however small: after a crash rows that do not come from the journal
/// (statements of peers, addresses) are lost back to here.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// Rows merged between two looks for a table that waits.
const STEP_ROWS: usize = 2_048;

/// Starts the thread.
pub(super) fn start(shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name("index".into()).spawn(move || {
        let next = shared.state().runs.iter().map(|run| run.number + 1).max().unwrap_or(1);
        let mut worker = Worker { shared: &shared, next, retired: Vec::new() };
        let ended = catching(|| worker.work());
        let mut gate = shared.gate();
        // Nobody waits for a worker that has ended.
        gate.stop = true;
        if let Err(error) = ended {
            tracing::error!(%error, "the index cannot be written");
            shared.broken.store(true, Ordering::Release);
            gate.failed = Some(error.to_string());
        }
        shared.changed.notify_all();
    })
}

struct Worker<'a> {
    shared: &'a Shared,
    /// Number of the next run.
    next: u32,
    /// Merged runs that some reader may still read.
    retired: Vec<Arc<Run>>,
}

impl Worker<'_> {
    fn work(&mut self) -> Result<(), IndexError> {
        loop {
            let gate = self.shared.gate();
            let idle = self.shared.changed.wait_timeout_while(gate, WRITE_EVERY, |gate| !gate.writing && !gate.stop);
            let (gate, waited) = idle.unwrap_or_else(PoisonError::into_inner);
            if gate.stop || self.shared.is_broken() {
                return Ok(());
            }
            drop(gate);
            if waited.timed_out() {
                self.shared.freeze()?;
            }
            self.write_out()?;
            self.merge()?;
            self.bury()?;
        }
    }

    /// Writes a waiting table out as a run.
    fn write_out(&mut self) -> Result<(), IndexError> {
        let (table, runs) = {
            let state = self.shared.state();
            let Some(table) = state.frozen.clone() else { return Ok(()) };
            (table, Arc::clone(&state.runs))
        };
        let rows = table.all().count();
        let mut writer = self.writer(rows * 2);
        for (key, value) in table.all() {
            // Under the oldest run there is nothing to remove.
            if value.is_some() || !runs.is_empty() {
                writer.push(key, value)?;
            }
        }
        let run = writer.finish()?.map(Arc::new);
        let runs: Runs = Arc::new(run.into_iter().chain(runs.iter().cloned()).collect());
        let written = table.watermark.or(self.shared.state().written);
        self.shared.publish(&runs, written)?;
        {
            let mut state = self.shared.state_mut();
            (state.runs, state.written, state.frozen) = (runs, written, None);
        }
        self.shared.gate().writing = false;
        self.shared.changed.notify_all();
        Ok(())
    }

    fn writer(&mut self, filtered: usize) -> Writer {
        self.next += 1;
        Writer::new(self.shared.tree.clone(), self.next - 1, filtered, self.shared.options.prefix_bytes)
    }

    /// Merges runs while there are too many.
    fn merge(&mut self) -> Result<(), IndexError> {
        loop {
            let runs = Arc::clone(&self.shared.state().runs);
            let sizes: Vec<u64> = runs.iter().map(|run| run.bytes).collect();
            let Some(range) = plan::next(&sizes) else { return Ok(()) };
            let old = runs.get(range.clone()).unwrap_or_default();
            if !self.merge_into_one(old, range.end == runs.len())? {
                return Ok(());
            }
        }
    }

    /// Puts one run in the place of neighbours; false when the index is being closed.
    fn merge_into_one(&mut self, old: &[Arc<Run>], with_oldest: bool) -> Result<bool, IndexError> {
        let tree = self.shared.tree.clone();
        let sources = old.iter().map(|run| run.all(&tree)).collect();
        let mut writer = self.writer(old.iter().map(|run| run.filtered()).sum());
        for (at, change) in Merge::new(sources, Direction::Ascending)?.enumerate() {
            let (key, value) = change?;
            if value.is_some() || !with_oldest {
                writer.push(&key, value.as_deref())?;
            }
            if at % STEP_ROWS == 0 {
                let (writing, stop) = {
                    let gate = self.shared.gate();
                    (gate.writing, gate.stop)
                };
                if stop || self.shared.is_broken() {
                    return Ok(false);
                }
                if writing {
                    self.write_out()?;
                }
            }
        }
        let new = writer.finish()?.map(Arc::new);
        let now = Arc::clone(&self.shared.state().runs);
        let is_old = |run: &Arc<Run>| old.iter().any(|old| old.number == run.number);
        let newer = now.iter().take_while(|run| !is_old(run)).cloned();
        let older = now.iter().skip_while(|run| !is_old(run)).filter(|run| !is_old(run)).cloned();
        let runs: Runs = Arc::new(newer.chain(new).chain(older).collect());
        self.shared.publish(&runs, None)?;
        self.shared.state_mut().runs = runs;
        self.retired.extend(old.iter().cloned());
        Ok(true)
    }

    /// Removes merged runs that nobody reads any more.
    fn bury(&mut self) -> Result<(), IndexError> {
        for run in std::mem::take(&mut self.retired) {
            if Arc::strong_count(&run) > 1 {
                self.retired.push(run);
            } else {
                run.remove(&self.shared.tree)?;
            }
        }
        Ok(())
    }
}

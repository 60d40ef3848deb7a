//! What can happen to a site's process and disk: it dies before or after a commit, a sync fails, rows are lost, bits rot,
//! somebody restores an old copy.

use super::disk::{Disk, Pending};
use super::{Engine, Input, World};

/// How often disks and processes fail, of ten thousand commits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Perils {
    /// The disk is full, or the sync fails: nothing is kept and nothing answered.
    pub sync_fails: u64,
    /// The process dies before the commit: nothing is kept.
    pub dies_before: u64,
    /// The process dies after the commit: everything is kept, nothing was sent or answered.
    pub dies_after: u64,
}

/// What becomes of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Kept,
    SyncFails,
    DiesBefore,
    DiesAfter,
}

impl World {
    pub(super) fn fate(&mut self) -> Fate {
        let Perils { sync_fails, dies_before, dies_after } = self.perils;
        if sync_fails + dies_before + dies_after == 0 {
            return Fate::Kept;
        }
        match self.below(10_000) {
            chance if chance < sync_fails => Fate::SyncFails,
            chance if chance < sync_fails + dies_before => Fate::DiesBefore,
            chance if chance < sync_fails + dies_before + dies_after => Fate::DiesAfter,
            _ => Fate::Kept,
        }
    }

    /// The disk is put back, and the site started on it without lines.
    pub fn put_back(&mut self, at: usize, copy: &Disk) {
        self.isolate(at);
        self.sites[at].store = copy.clone();
        self.restart(at);
    }

    /// Stops a site's process in good order and starts it again on its disk.
    pub fn restart(&mut self, at: usize) {
        self.isolate(at);
        self.open(at, usize::MAX);
    }

    /// The process dies and is started again: the newest rows may be lost, the lines are silent.
    pub fn crash(&mut self, at: usize) {
        let lost = self.below(self.sites[at].store.unflushed() as u64 + 1) as usize;
        let first = self.sites[at].store.lose_rows(lost);
        self.silence(at);
        self.open(at, first);
    }

    /// Loses a site's index and rebuilds it from its records.
    pub fn rebuild(&mut self, at: usize) {
        self.isolate(at);
        self.sites[at].store.lose_index();
        self.open(at, 0);
    }

    /// Keeps a copy of a site's disk.
    pub fn copy(&mut self, at: usize) {
        self.sites[at].copy = Some(self.sites[at].store.clone());
    }

    /// Somebody restores the copy of a site's disk, if there is one.
    pub fn restore(&mut self, at: usize) -> bool {
        let Some(copy) = self.sites[at].copy.take() else { return false };
        self.silence(at);
        self.sites[at].store = copy;
        self.open(at, usize::MAX);
        true
    }

    /// Bits of a record rot; it is found out with the index lost, when the journal is read through.
    pub fn rot(&mut self, at: usize, record: usize) {
        self.silence(at);
        let store = &mut self.sites[at].store;
        store.rot(record);
        store.lose_index();
        self.open(at, 0);
    }

    /// Starts the process: what the index lacks is replayed from a record on.
    fn open(&mut self, at: usize, first: usize) {
        let now = self.clock(at);
        let site = &mut self.sites[at];
        let mut engine = Engine::open(site.identity.clone(), &site.store);
        if first < site.store.len() {
            replay(&mut engine, &mut site.store, now, &mut self.rng, first);
            engine = engine.reopened(&site.store);
        }
        site.engine = engine.tuned(self.tuning);
        site.allowed.clear();
        if let Some(watch) = self.watch.clone() {
            watch.borrow_mut().reopened(self, at);
        }
        self.input(at, Input::Tick);
    }
}

fn replay(
    engine: &mut Engine,
    store: &mut Disk,
    now: protocol::clock::Millis,
    rng: &mut rand_chacha::ChaCha12Rng,
    first: usize,
) {
    let records: Vec<_> = store.records_from(first).map(|(at, record)| (at, record.to_vec())).collect();
    let mut pending = Pending::over(store);
    for (location, record) in records {
        engine.replay(&mut pending, now, rng, &record, location);
    }
    engine.end_replay(&mut pending, now, rng);
    let written = pending.done();
    assert!(written.records.is_empty(), "taking a record in again writes none");
    store.commit_from(written, first);
}

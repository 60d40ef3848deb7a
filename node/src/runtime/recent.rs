//! Records read or written a moment ago, unpacked: the posts of a page stand in few records, and each is asked for by
//! itself. Knows places and bytes.

use protocol::store::Location;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs kept in bytes: the first pages of some groups.
const KEPT_BYTES_MAX: usize = 2 << 20;
/// Runs kept in number: each look goes through them.
const KEPT_MAX: usize = 64;

/// The runs, those asked for last in front.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    runs: VecDeque<(Location, Arc<[u8]>)>,
    bytes: usize,
}

impl Recent {
    /// A run, if it is here.
    pub fn get(&self, at: Location) -> Option<Arc<[u8]>> {
        let mut kept = self.lock();
        let found = kept.runs.iter().position(|(location, _)| *location == at)?;
        // The front quarter moves no more: most looks are for it.
        if found > KEPT_MAX / 4 {
            let run = kept.runs.remove(found)?;
            kept.runs.push_front(run);
            return kept.runs.front().map(|(_, run)| Arc::clone(run));
        }
        kept.runs.get(found).map(|(_, run)| Arc::clone(run))
    }

    /// Keeps a run for a while.
    pub fn put(&self, at: Location, run: &Arc<[u8]>) {
        let mut kept = self.lock();
        kept.bytes += run.len();
        kept.runs.push_front((at, Arc::clone(run)));
        while kept.bytes > KEPT_BYTES_MAX || kept.runs.len() > KEPT_MAX {
            let Some((_, run)) = kept.runs.pop_back() else { return };
            kept.bytes -= run.len();
        }
    }

    /// Lets go of everything: some of it was erased.
    pub fn forget(&self) {
        *self.lock() = Kept::default();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u32) -> Location {
        Location { segment: 1, offset, len: 1 }
    }

    #[test]
    fn what_is_asked_for_stays_and_memory_is_bounded() {
        let recent = Recent::default();
        for n in 0..200 {
            recent.put(at(n), &vec![n as u8; 40_000].into());
            assert!(recent.get(at(0)).is_some(), "asked for each time");
        }
        assert!(recent.get(at(100)).is_none());
        assert!(recent.lock().bytes <= KEPT_BYTES_MAX);
        recent.forget();
        assert!(recent.get(at(199)).is_none());
    }
}

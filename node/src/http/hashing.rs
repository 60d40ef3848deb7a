//! The one place that runs the slow password function: two at once, a short queue, and then "busy", so that a flood of
//! logins takes neither memory nor the processor from everybody else (`docs/protocol.md` §7.2).

use super::error::{ApiError, BUSY};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Each takes 64 MiB and a core.
const AT_ONCE_MAX: usize = 2;
/// Three seconds of waiting at the normal cost.
const WAITING_MAX: usize = 16;

/// The gate.
#[derive(Debug, Clone)]
pub struct Hashing {
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Hashing {
    /// An open gate.
    pub fn new() -> Self {
        Self { slots: Arc::new(Semaphore::new(AT_ONCE_MAX)), waiting: Arc::default() }
    }

    /// Runs slow work on a thread that may block.
    ///
    /// # Errors
    /// `busy` when the queue is full.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let place = Place::take(&self.waiting).ok_or_else(|| ApiError::later(BUSY, 2))?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(ApiError::internal)?;
        drop(place);
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        done.await.map_err(ApiError::internal)
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new()
    }
}

/// A place in the queue, given back when dropped, also when the request is.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::AcqRel) < WAITING_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::mpsc::sync_channel;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_run_sixteen_wait_and_the_rest_is_sent_away() {
        let hashing = Hashing::new();
        let (open, gate) = sync_channel::<()>(32);
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let works = (0..30).map(|_| {
            let gate = Arc::clone(&gate);
            hashing.run(move || gate.lock().unwrap().recv().unwrap())
        });
        let all = join_all(works);
        let opener = async {
            while hashing.waiting.load(Ordering::Acquire) < WAITING_MAX {
                tokio::task::yield_now().await;
            }
            for _ in 0..30 {
                open.send(()).unwrap();
            }
        };
        let (results, ()) = tokio::join!(all, opener);
        let ran = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(ran, AT_ONCE_MAX + WAITING_MAX);
        assert_eq!(hashing.waiting.load(Ordering::Acquire), 0);
    }
}

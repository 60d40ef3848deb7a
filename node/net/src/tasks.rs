//! Where libp2p's connection tasks run. Left alone, a task that panics leaves a connection that looks alive for ever;
//! here it is reported, and all tasks of a swarm can be ended together.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use libp2p::swarm::Executor;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one swarm.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    end: CancellationToken,
    panicked: Arc<Notify>,
}

impl Tasks {
    /// Returns when a task has panicked.
    pub async fn panicked(&self) {
        self.panicked.notified().await;
    }

    /// Lets the tasks finish for a while, then cuts those left.
    pub async fn end(&self, patience: Duration) {
        self.tracker.close();
        if tokio::time::timeout(patience, self.tracker.wait()).await.is_err() {
            self.end.cancel();
            self.tracker.wait().await;
        }
    }
}

impl Executor for Tasks {
    fn exec(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let panicked = Arc::clone(&self.panicked);
        let guarded = async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                panicked.notify_one();
            }
        };
        self.tracker.spawn(self.end.clone().run_until_cancelled_owned(guarded));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_reported_and_the_others_can_be_ended() {
        let tasks = Tasks::default();
        tasks.exec(Box::pin(std::future::pending()));
        tasks.exec(Box::pin(async { panic!("as a broken connection would") }));
        tasks.panicked().await;
        tasks.end(Duration::from_millis(10)).await;
    }
}

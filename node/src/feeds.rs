//! Polls the feeds of groups and posts what is new in them.
//!
//! Each site does it alone, by the order written in the source and by what it sees of the others: no message says whose
//! turn it is. What is fetched goes through the one guarded fetcher; what is posted goes through the engine, which takes
//! each item once. This room knows neither browsers nor peers, and no format of feeds.

mod board;
mod lease;
mod news;
mod preview;
mod record;
mod shelf;
mod trouble;
mod visit;
mod watch;
mod web;

use crate::http::ports::{FeedError, FeedPreview, FeedState, Feeds, OpmlFeed};
use crate::local::Local;
use crate::runtime::handle::{Handle, now};
use archipel_storage::kvlog::KvLog;
use board::Board;
use futures::future::BoxFuture;
use protocol::ids::EntryId;
use shelf::Shelf;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use visit::Tools;
use watch::{Watch, Wish};
use web::Web;

pub use archipel_outside::fetch::{ConfigError, FetcherConfig};
pub use board::AT_ONCE_MAX;
pub use lease::GRACE_MS;
pub use news::FIRST_ITEMS_MAX;

/// Wishes that may wait; more people than that do not ask at once.
const WISHES_MAX: usize = 64;
/// How long a person waits for a poll: the fetch, two others of the same host before it, and the posting.
const POLL_WAIT_MAX: Duration = Duration::from_secs(30);

/// The time in milliseconds since 1970.
type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The running room.
pub struct Service {
    board: Arc<Mutex<Board>>,
    web: Arc<Web>,
    wishes: mpsc::Sender<Wish>,
    clock: Clock,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Starts polling. `rows` are the site's own rows, in which this room has tables of its own; origins that `config` opens
/// stay open beside those of the settings. To be called inside a runtime.
///
/// # Errors
/// When the fetcher's configuration cannot be used.
pub fn start(
    handle: Handle,
    local: Arc<Local>,
    rows: Arc<KvLog>,
    config: FetcherConfig,
) -> Result<Arc<Service>, ConfigError> {
    start_at(handle, local, rows, config, Arc::new(|| now().0))
}

fn start_at(
    handle: Handle,
    local: Arc<Local>,
    rows: Arc<KvLog>,
    config: FetcherConfig,
    clock: Clock,
) -> Result<Arc<Service>, ConfigError> {
    let web = Arc::new(Web::new(config, local)?);
    let board = Arc::new(Mutex::new(Board::new(clock())));
    let (wishes, wished) = mpsc::channel(WISHES_MAX);
    let tools = Tools { handle, web: Arc::clone(&web), clock: Arc::clone(&clock) };
    let stop = CancellationToken::new();
    let watch = Watch::new(tools, Shelf(rows), Arc::clone(&board), wished);
    let task = tokio::spawn(watch.run(stop.clone()));
    Ok(Arc::new(Service { board, web, wishes, clock, stop, task: Mutex::new(Some(task)) }))
}

impl Service {
    /// Replaces the addresses of this very node, from which nothing is fetched; holds from the next fetch on.
    pub fn set_own_addresses(&self, addresses: Vec<IpAddr>) {
        self.web.set_own_addresses(addresses);
    }

    /// Stops polling and waits until nothing is under way. A poll that is cut off is done again after the next start.
    pub async fn stop(&self) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task that polls feeds broke");
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Feeds for Service {
    fn preview(&self, url: String) -> BoxFuture<'_, Result<FeedPreview, FeedError>> {
        Box::pin(async move { preview::preview(&self.web, &url).await })
    }

    fn canonical(&self, url: &str) -> Result<String, FeedError> {
        web::canonical(url)
    }

    fn opml(&self, text: &str) -> Result<Vec<OpmlFeed>, FeedError> {
        preview::list(text)
    }

    fn state(&self, source: EntryId) -> FeedState {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).state(source, (self.clock)())
    }

    fn poll(&self, source: EntryId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (done, wait) = oneshot::channel();
            // A full queue or a stopped task: the state says how it stands without this poll.
            if self.wishes.try_send(Wish::Poll(source, done)).is_ok() {
                let _ = tokio::time::timeout(POLL_WAIT_MAX, wait).await;
            }
        })
    }
}

#[cfg(test)]
mod tests;

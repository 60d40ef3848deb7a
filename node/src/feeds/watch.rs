//! The one task that polls: hears what changes, begins what is due, keeps what came of it. It decides nothing itself; the
//! board does.

use super::board::{Board, Listed};
use super::news::Seen;
use super::shelf::Shelf;
use super::visit::{Done, Tools, visit};
use archipel_storage::kvlog::KvError;
use protocol::engine::effect::Notice;
use protocol::ids::{EntryId, GroupId};
use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Reading the list of sources counts their items: after a change, not before so long after the last reading.
const LIST_PAUSE: Duration = Duration::from_millis(500);
/// Longest sleep while there is anything to poll: changed settings and clocks tell nobody.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// People who may wait for the same poll.
const WAITING_MAX: usize = 32;

/// What others want of the task.
pub enum Wish {
    /// Poll this source now; told when it is done.
    Poll(EntryId, oneshot::Sender<()>),
    /// Say when nothing is due or under way.
    #[cfg(test)]
    Idle(oneshot::Sender<()>),
}

/// Something to be read anew.
#[derive(Debug, Default)]
struct Stale {
    is: bool,
    last: Option<Instant>,
}

impl Stale {
    /// How long to wait before reading; `None` when there is nothing to read.
    fn wait(&self) -> Option<Duration> {
        let since = self.last.map_or(LIST_PAUSE, |last| last.elapsed());
        self.is.then(|| LIST_PAUSE.saturating_sub(since))
    }

    fn is_due(&self) -> bool {
        self.wait().is_some_and(|wait| wait.is_zero())
    }

    fn was_read(&mut self) {
        *self = Self { is: false, last: Some(Instant::now()) };
    }
}

/// The task.
pub struct Watch {
    tools: Tools,
    shelf: Shelf,
    board: Arc<Mutex<Board>>,
    wishes: mpsc::Receiver<Wish>,
    notices: broadcast::Receiver<Notice>,
    jobs: JoinSet<Done>,
    /// Which source a job is for, should it break.
    names: HashMap<Id, EntryId>,
    waiting: BTreeMap<EntryId, Vec<oneshot::Sender<()>>>,
    /// Own notices that will come back.
    echoes: BTreeMap<EntryId, u32>,
    sources: Stale,
    sites: Stale,
    origins: u64,
    #[cfg(test)]
    idle: Vec<oneshot::Sender<()>>,
}

impl Watch {
    /// A task that begins with what the engine knows now.
    pub fn new(tools: Tools, shelf: Shelf, board: Arc<Mutex<Board>>, wishes: mpsc::Receiver<Wish>) -> Self {
        let notices = tools.handle.notices();
        let origins = tools.web.renew_origins();
        let stale = || Stale { is: true, last: None };
        Self {
            tools,
            shelf,
            board,
            wishes,
            notices,
            jobs: JoinSet::new(),
            names: HashMap::new(),
            waiting: BTreeMap::new(),
            echoes: BTreeMap::new(),
            sources: stale(),
            sites: stale(),
            origins,
            #[cfg(test)]
            idle: Vec::new(),
        }
    }

    /// Polls until told to stop. A poll that is cut off is done again after the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let wake = self.settle().await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.event(wake) => {}
            }
        }
        self.jobs.shutdown().await;
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // A panic under the lock leaves plain maps behind.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        (self.tools.clock)()
    }

    /// Brings everything up to the present; gives how long nothing needs to be done.
    async fn settle(&mut self) -> Option<Duration> {
        if self.sources.is_due() {
            self.list().await;
        }
        if self.sites.is_due() {
            let sites = self.tools.handle.read(|reader| reader.sites());
            self.board().see(&sites);
            self.sites.was_read();
        }
        let now = self.now();
        let origins = self.tools.web.renew_origins();
        if std::mem::replace(&mut self.origins, origins) != origins {
            self.board().retry_refused(now);
        }
        let passed = self.board().pass_turns(now);
        for (group, source) in passed {
            self.notify(group, source);
        }
        self.begin(now);
        let (wake, empty) = {
            let board = self.board();
            (board.wake(now).map(|at| Duration::from_millis(at.saturating_sub(now))), board.is_empty())
        };
        #[cfg(test)]
        self.tell_idle();
        let sleep = if empty { None } else { Some(wake.unwrap_or(SLEEP_MAX).min(SLEEP_MAX)) };
        [sleep, self.sources.wait(), self.sites.wait()].into_iter().flatten().min()
    }

    /// Reads the list of sources anew.
    async fn list(&mut self) {
        self.sources.was_read();
        let handle = self.tools.handle.clone();
        let reading = move || handle.read(|reader| reader.organisation().map(|_| reader.sources_here()));
        // Without an organisation nothing is known, which is not to say that all sources were removed.
        let Ok(Some(sources)) = tokio::task::spawn_blocking(reading).await else { return };
        let shelf = self.shelf.clone();
        let first = self.board().is_empty();
        let listed = self.board().list(sources, |source| shelf.record(source));
        if first || listed == Listed::Fewer {
            let board = Arc::clone(&self.board);
            let live = move |source: &EntryId| board.lock().unwrap_or_else(PoisonError::into_inner).has(source);
            self.on_disk(move |shelf| shelf.forget_all_but(live)).await;
        }
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.retain(|source, _| board.has(source));
    }

    fn begin(&mut self, now: u64) {
        loop {
            let Some(job) = self.board().begin(now) else { return };
            let (tools, source, seen) = (self.tools.clone(), job.source, self.shelf.seen(job.source));
            let task = self.jobs.spawn(async move { visit(&tools, job, seen).await });
            self.names.insert(task.id(), source);
        }
    }

    /// Waits for one thing that makes a difference.
    async fn event(&mut self, wake: Option<Duration>) {
        let sleep = async {
            match wake {
                Some(wake) => tokio::time::sleep(wake).await,
                None => pending().await,
            }
        };
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => return,
                notice = self.notices.recv() => if self.heard(notice) { return },
                Some(wish) = self.wishes.recv() => return self.wished(wish).await,
                Some(done) = self.jobs.join_next_with_id() => return self.done(done).await,
                else => return pending().await,
            }
        }
    }

    /// Whether a notice makes a difference here.
    fn heard(&mut self, notice: Result<Notice, RecvError>) -> bool {
        match notice {
            Ok(Notice::Source { source, .. }) => {
                if let Some(left) = self.echoes.get_mut(&source) {
                    *left -= 1;
                    if *left == 0 {
                        self.echoes.remove(&source);
                    }
                    return false;
                }
                self.sources.is = true;
            }
            Ok(Notice::GroupsChanged) => self.sources.is = true,
            Ok(Notice::Network) => self.sites.is = true,
            Ok(_) => return false,
            Err(RecvError::Lagged(_)) => {
                self.echoes.clear();
                self.sources.is = true;
                self.sites.is = true;
            }
            // The task holds a door to the engine, and with it a sender: this does not happen.
            Err(RecvError::Closed) => return false,
        }
        true
    }

    async fn wished(&mut self, wish: Wish) {
        match wish {
            Wish::Poll(source, done) => {
                if !self.board().has(&source) {
                    // It may have been added a moment ago.
                    self.list().await;
                }
                let known = self.board().want(source);
                let waiting = self.waiting.entry(source).or_default();
                waiting.retain(|other| !other.is_closed());
                if known && waiting.len() < WAITING_MAX {
                    waiting.push(done);
                } else if waiting.is_empty() {
                    self.waiting.remove(&source);
                }
            }
            #[cfg(test)]
            Wish::Idle(done) => {
                while let Ok(notice) = self.notices.try_recv() {
                    self.heard(Ok(notice));
                }
                if self.sources.is {
                    self.list().await;
                }
                self.idle.push(done);
            }
        }
    }

    /// Keeps what came of a poll, then tells of it.
    async fn done(&mut self, done: Result<(Id, Done), JoinError>) {
        let now = self.now();
        let (source, record, seen) = match done {
            Ok((id, Done { source, record, seen })) => {
                self.names.remove(&id);
                (source, Some(record), seen)
            }
            Err(error) => {
                let Some(source) = self.names.remove(&error.id()) else { return };
                tracing::error!(%source, %error, "a poll broke");
                (source, None, None)
            }
        };
        let group = self.board().end(source, record.clone(), now);
        if let Some(group) = group {
            if let Some(record) = record {
                self.keep(source, record, seen).await;
            }
            self.notify(group, source);
        }
        for waiting in self.waiting.remove(&source).unwrap_or_default() {
            // Whoever gave up waiting needs no word.
            let _ = waiting.send(());
        }
    }

    async fn keep(&self, source: EntryId, record: super::record::Record, seen: Option<Seen>) {
        self.on_disk(move |shelf| shelf.keep(source, &record, seen.as_ref())).await;
    }

    /// Writes on a thread that may wait for the disk. What is not written is still on the board; after a restart the feed
    /// is polled a little early.
    async fn on_disk(&self, write: impl FnOnce(&Shelf) -> Result<(), KvError> + Send + 'static) {
        let shelf = self.shelf.clone();
        match tokio::task::spawn_blocking(move || write(&shelf)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what is known of a feed cannot be kept"),
            Err(error) => tracing::warn!(%error, "what is known of a feed cannot be kept: its thread broke"),
        }
    }

    fn notify(&mut self, group: GroupId, source: EntryId) {
        *self.echoes.entry(source).or_default() += 1;
        self.tools.handle.notify(Notice::Source { group, source });
    }

    #[cfg(test)]
    fn tell_idle(&mut self) {
        if self.jobs.is_empty() && !self.sources.is {
            for done in self.idle.drain(..) {
                let _ = done.send(());
            }
        }
    }
}

//! Words of what counts at this site, to search in: an index that follows the engine after each commit and can be thrown
//! away at any time. It knows what is written, not who asks: the caller says in which groups to look, and asks the engine
//! again before it shows anything.
//!
//! 1. The writer never waits for it. What it has taken in is a place in the journal, kept with the index; whatever it
//!    misses, by a crash or because too much came at once, it reads again from there.
//! 2. What was wiped is told to the engine as wiped when no word of it is left here either (INV-48).
//! 3. Without it the node works; only nothing is found.

mod document;
mod due;
mod keeper;
mod tail;

use crate::files::Files;
use crate::pages::Pages;
use crate::runtime::handle::Handle;
use archipel_search::Index;
use archipel_storage::journal::Position;
use protocol::store::Location;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

pub use archipel_search::{Found, Hit, Kind, Lookup, Marked, Order, Wanted};

/// Questions answered at once; others wait.
const QUESTIONS_AT_ONCE_MAX: usize = 4;
/// How long a question may wait and be answered. Questions are bounded in words, so that this is met only when the machine
/// has other things to do.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(5);

/// How often whoever waits for what was written has it looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What it reads.
#[derive(Clone)]
pub struct Rooms {
    /// The engine.
    pub handle: Handle,
    /// What pages come to.
    pub pages: Pages,
    /// Text in files.
    pub files: Files,
    /// The folder, which is its own.
    pub folder: PathBuf,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All that is here can be found.
    Ready,
    /// It is being filled: so many of what is here can be found.
    Filling {
        /// Taken in.
        done: u64,
        /// Of so many.
        of: u64,
    },
    /// The disk refuses; it is tried again.
    Off,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Too many ask at once.
    Busy,
    /// There is no index now.
    Off,
}

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Search(Arc<Inner>);

struct Inner {
    index: RwLock<Option<Arc<Index>>>,
    state: RwLock<State>,
    places: Semaphore,
    /// A reader found the index damaged, or somebody wants it made again.
    anew: Notify,
    /// Somebody waits for what was written.
    look: Notify,
    /// Up to where of the journal all can be found.
    taken: watch::Sender<Position>,
}

impl Search {
    /// Opens the index and follows the engine, on a task of its own.
    pub fn start(rooms: Rooms, forgotten: mpsc::Receiver<Vec<Location>>) -> (Self, JoinHandle<()>) {
        let search = Self::closed();
        let task = tokio::spawn(keeper::run(search.clone(), rooms, forgotten));
        (search, task)
    }

    /// One without an index.
    fn closed() -> Self {
        Self(Arc::new(Inner {
            index: RwLock::new(None),
            state: RwLock::new(State::Filling { done: 0, of: 0 }),
            places: Semaphore::new(QUESTIONS_AT_ONCE_MAX),
            anew: Notify::new(),
            look: Notify::new(),
            taken: watch::Sender::new(Position::START),
        }))
    }

    /// How far it is.
    pub fn state(&self) -> State {
        *self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until what stands in the journal up to a place can be found.
    pub async fn taken_in(&self, to: Position) {
        let mut taken = self.0.taken.subscribe();
        // Not every entry is told of: the keeper is asked to look how far it is.
        while tokio::time::timeout(LOOK_EVERY, taken.wait_for(|at| *at >= to)).await.is_err() {
            self.0.look.notify_one();
        }
    }

    /// Throws the index away and makes it again.
    pub fn make_anew(&self) {
        self.0.anew.notify_one();
    }

    /// Looks for what is wanted.
    ///
    /// # Errors
    /// When too many ask, or there is no index.
    pub async fn find(&self, wanted: Wanted) -> Result<Found, NoAnswer> {
        let asking = async {
            let _place = self.0.places.acquire().await.map_err(|_| NoAnswer::Off)?;
            let index = self.index().ok_or(NoAnswer::Off)?;
            let asked = tokio::task::spawn_blocking(move || index.search(&wanted)).await;
            match asked {
                Ok(Ok(found)) => Ok(found),
                // What reads a damaged list may give an error or give up.
                Ok(Err(error)) => Err(self.damaged(&error)),
                Err(error) => Err(self.damaged(&error)),
            }
        };
        tokio::time::timeout(QUESTION_TIME_MAX, asking).await.unwrap_or(Err(NoAnswer::Busy))
    }

    fn damaged(&self, error: &dyn std::fmt::Display) -> NoAnswer {
        tracing::error!(%error, "the search index cannot be read; it is made again");
        self.make_anew();
        NoAnswer::Off
    }

    fn index(&self) -> Option<Arc<Index>> {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_index(&self, index: Option<Arc<Index>>) {
        *self.0.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    fn set_state(&self, state: State) {
        *self.0.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

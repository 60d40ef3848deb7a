//! Bundles: what a line would carry, in a file. Drives the engine step by step, moves bytes, and holds one record at a
//! time, however long the file is. What goes in and what is taken is decided by the engine; how it is sealed by
//! `protocol::bundle`.

mod export;
mod import;
mod packing;

pub use export::Made;

use crate::files::{FileError, Files};
use crate::runtime::handle::{Busy, Handle};
use protocol::bundle::BundleError;
use protocol::engine::effect::{BundleAnswer, BundleRefusal};
use protocol::engine::input::BundleAsk;
use protocol::ids::{GroupId, LogId, NodeId, SiteId};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bundles made or taken at once: each keeps the disk and a core busy.
const AT_ONCE_MAX: usize = 2;

/// A cheap, cloneable door to the room.
#[derive(Clone)]
pub struct Bundles {
    handle: Handle,
    files: Files,
    places: Arc<Semaphore>,
}

/// What came of taking a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Who made it.
    pub from: Option<NodeId>,
    /// The maker's site, once it is known here.
    pub site: Option<SiteId>,
    /// Entries in it.
    pub entries: u64,
    /// Of these, new here.
    pub new_entries: u64,
    /// Groups that something new is of.
    pub groups: BTreeSet<GroupId>,
    /// Files that were not here.
    pub files: u64,
    /// Logs that did not go on from what is here: the maker thought this site had more than it has.
    pub gaps: BTreeSet<LogId>,
    /// Entries that were not taken, those after gaps among them.
    pub left_out: u64,
}

/// Why a bundle is not made, or not taken further.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Enough of them at once, or the engine is busy, stopping, or its disk failing.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The engine says no.
    #[error("refused: {0:?}")]
    Refused(BundleRefusal),
    /// The bytes are not what they should be.
    #[error(transparent)]
    Format(#[from] BundleError),
    /// A file could not be kept.
    #[error(transparent)]
    File(#[from] FileError),
    /// Whoever sent it stopped.
    #[error("the sender stopped")]
    Interrupted,
}

/// Why taking a bundle ended early, and what had been taken: it counts.
#[derive(Debug)]
pub struct Stopped {
    /// Why.
    pub trouble: Trouble,
    /// So far.
    pub received: Received,
}

impl Bundles {
    /// The room, over the runtime's handle and the files.
    pub fn new(handle: Handle, files: Files) -> Self {
        Self { handle, files, places: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Trouble> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Trouble::Busy(Busy::Full))
    }

    /// The site of that id or, where only one is called so, of that name.
    pub fn site(&self, called: &str) -> Option<SiteId> {
        let sites = self.handle.read(|reader| reader.site_names());
        let folded = called.trim().to_lowercase();
        let mut found = sites.iter().filter(|(id, name)| id.to_string() == folded || name.to_lowercase() == folded);
        match (found.next(), found.next()) {
            (Some((id, _)), None) => Some(*id),
            _ => None,
        }
    }

    /// What a site is called here.
    pub fn site_name(&self, site: SiteId) -> Option<String> {
        self.handle.read(|reader| reader.site_names().remove(&site))
    }

    async fn ask(&self, ask: BundleAsk) -> Result<BundleAnswer, Trouble> {
        match self.handle.bundle(ask).await? {
            BundleAnswer::Refused(refusal) => Err(Trouble::Refused(refusal)),
            answer => Ok(answer),
        }
    }
}

/// The engine answers each question in its own kind; anything else is this program's fault.
fn strange() -> Trouble {
    tracing::error!("the engine answered another question about a bundle");
    Trouble::Busy(Busy::Stopping)
}

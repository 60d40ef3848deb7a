//! What other rooms hold of the runtime: ask, read, listen.

use super::Wake;
use super::disk::Disk;
use archipel_storage::journal::{Position, Reader as JournalReader};
use protocol::clock::Millis;
use protocol::engine::effect::{Answer, BundleAnswer, FarHere, Notice};
use protocol::engine::input::{Ask, BundleAsk, Command, Input};
use protocol::engine::read::Reader;
use protocol::engine::view::View;
use protocol::ids::{BlobId, NodeId, OrgId, RequestId, UserId};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Why an ask got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Too much waits already: try again in a second.
    #[error("the site is busy")]
    Full,
    /// The disk takes nothing: the site only reads until that is mended.
    #[error("the site's disk is full or failing")]
    ReadOnly,
    /// The site is stopping.
    #[error("the site is stopping")]
    Stopping,
}

/// A cheap, cloneable door to the engine's thread.
#[derive(Clone)]
pub struct Handle {
    pub(super) wake: mpsc::Sender<Wake>,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) heres: broadcast::Sender<FarHere>,
    pub(super) view: Arc<RwLock<Arc<View>>>,
    pub(super) disk: Disk,
    pub(super) org: watch::Receiver<Option<OrgId>>,
    pub(super) told: Arc<AtomicU64>,
    pub(super) node: NodeId,
    pub(super) sealing: [u8; 32],
}

impl Handle {
    /// Asks for a command and waits until it is durable or refused.
    ///
    /// # Errors
    /// At once when too many inputs wait already; later when the disk fails or the site stops.
    pub async fn ask(&self, actor: Option<UserId>, request: RequestId, command: Command) -> Result<Answer, Busy> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { token: 0, actor, request, command };
        self.wake.try_send(Wake::Ask(ask, reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Busy::Full,
            mpsc::error::TrySendError::Closed(_) => Busy::Stopping,
        })?;
        answer.await.unwrap_or(Err(Busy::Stopping))
    }

    /// Answers once the engine's thread has come to this question, past everything that waited before it.
    ///
    /// # Errors
    /// When the site stops.
    pub async fn alive(&self) -> Result<(), Busy> {
        let (reply, answer) = oneshot::channel();
        self.wake.send(Wake::Alive(reply)).await.map_err(|_| Busy::Stopping)?;
        answer.await.map_err(|_| Busy::Stopping)
    }

    /// Takes a step of a bundle, waiting for room: whoever makes or takes one has time.
    ///
    /// # Errors
    /// When the disk fails or the site stops.
    pub async fn bundle(&self, ask: BundleAsk) -> Result<BundleAnswer, Busy> {
        let (reply, answer) = oneshot::channel();
        self.wake.send(Wake::Bundle(ask, reply)).await.map_err(|_| Busy::Stopping)?;
        answer.await.unwrap_or(Err(Busy::Stopping))
    }

    /// Reads on the calling thread from the state of the last commit.
    pub fn read<T>(&self, read: impl FnOnce(&Reader<'_>) -> T) -> T {
        let view = Arc::clone(&self.view.read().expect("the picture is replaced in one step, which cannot panic"));
        read(&Reader { view: &view, store: &self.disk, now: now() })
    }

    /// What changes from now on. A slow listener misses the oldest and is told so.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Who of other sites is at pages from now on.
    pub fn heres(&self) -> broadcast::Receiver<FarHere> {
        self.heres.subscribe()
    }

    /// The place in the journal up to which listeners have been told of everything. Who reads it and then takes what was told
    /// has missed nothing before it.
    pub fn told(&self) -> Position {
        Position::from_bytes(self.told.load(Ordering::Acquire).to_be_bytes())
    }

    /// Tells listeners of something that did not come from the engine.
    pub fn notify(&self, notice: Notice) {
        // Nobody listening is no error.
        let _ = self.notices.send(notice);
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The X25519 key that others seal to.
    pub fn sealing(&self) -> [u8; 32] {
        self.sealing
    }

    /// The organisation, now and when it comes to be.
    pub fn organisation(&self) -> watch::Receiver<Option<OrgId>> {
        self.org.clone()
    }

    /// A file was uploaded, or arrived whole and verified.
    pub async fn blob_here(&self, blob: BlobId) {
        self.tell(Input::BlobHere(blob)).await;
    }

    /// Where a pairing says that a node can be reached.
    pub async fn address_hint(&self, node: NodeId, addresses: Vec<String>) {
        self.tell(Input::AddressHint { node, addresses }).await;
    }

    /// Hands an input to the engine, waiting for room.
    pub async fn tell(&self, input: Input) {
        // A stopped engine needs no inputs.
        let _ = self.wake.send(Wake::Input(input)).await;
    }

    /// So many places of the journal were found damaged; done when the rows stand without them.
    pub async fn mend(&self, places: u64) {
        let (done, wait) = oneshot::channel();
        if self.wake.send(Wake::Mend(places, done)).await.is_ok() {
            // A runtime that stopped mends at its next start.
            let _ = wait.await;
        }
    }

    /// Reading the journal through, at leisure.
    pub(crate) fn journal(&self) -> JournalReader {
        self.disk.journal.clone()
    }

    /// What a newly admitted node is given; `None` before set-up.
    pub fn welcome(&self) -> Option<Vec<u8>> {
        self.read(|reader| reader.welcome())
    }
}

/// The wall clock.
pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(since.as_millis() as u64)
}

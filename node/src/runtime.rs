//! One thread owns the engine: take all inputs waiting, handle, one durable commit, then act.
//!
//! There is no timer in front of a commit (ruling B5): what waits when the last sync returned goes into the next one.

pub mod disk;
pub mod handle;
pub mod recent;
pub mod record;
mod start;

use archipel_storage::journal::Journal;
use disk::{Batching, CommitError, Disk};
use handle::{Busy, Handle, now};
use protocol::engine::Engine;
use protocol::engine::effect::{Answer, BundleAnswer, Effect, FarHere, Judgement, Notice};
use protocol::engine::input::{Ask, BundleAsk, Input};
use protocol::engine::view::View;
use protocol::ids::{BlobId, OrgId};
use protocol::store::Location;
use protocol::sync::message::Response;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

pub use start::{Opened, StartError, WORDS_FOLDER, check_index, ensure_keys, node_seed};

/// Inputs that may wait: more is answered with "busy" rather than made to wait longer.
pub const INPUTS_MAX: usize = 1_024;
/// Inputs handled in one commit.
const BATCH_INPUTS_MAX: usize = 256;
/// Bytes in one commit, well under what the journal takes.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Notices a slow listener may lag behind.
const NOTICES_MAX: usize = 4_096;
/// Words of other sites about who is at pages that wait to be shown.
const HERES_MAX: usize = 256;
/// Files that wait to be removed; more are asked for again.
const UNUSED_MAX: usize = 256;
/// Lists of wiped records that wait to be forgotten elsewhere; more are asked for again.
const FORGOTTEN_MAX: usize = 64;
/// Wishes that wait for the network.
const WISHES_MAX: usize = 4_096;

/// What wakes the engine's thread.
pub(crate) enum Wake {
    /// An input without an answer.
    Input(Input),
    /// A command with where its answer goes.
    Ask(Ask, oneshot::Sender<Result<Answer, Busy>>),
    /// A step of a bundle with where its answer goes.
    Bundle(BundleAsk, oneshot::Sender<Result<BundleAnswer, Busy>>),
    /// So many places of the journal are damaged: the rows are made anew without them.
    Mend(u64, oneshot::Sender<()>),
    /// Does the thread still take inputs?
    Alive(oneshot::Sender<()>),
    /// End after what waits before this.
    Stop(oneshot::Sender<()>),
}

/// The engine's thread and what it needs.
pub struct Runtime {
    engine: Engine,
    journal: Journal,
    disk: Disk,
    inputs: mpsc::Receiver<Wake>,
    wishes: mpsc::Sender<Effect>,
    notices: broadcast::Sender<Notice>,
    heres: broadcast::Sender<FarHere>,
    view: Arc<RwLock<Arc<View>>>,
    org: watch::Sender<Option<OrgId>>,
    answers: BTreeMap<u64, oneshot::Sender<Result<Answer, Busy>>>,
    bundles: BTreeMap<u64, oneshot::Sender<Result<BundleAnswer, Busy>>>,
    tokens: u64,
    /// Files that nothing refers to any more.
    unused: mpsc::Sender<BlobId>,
    /// Records just wiped, to be told to the engine.
    wiped: Vec<Location>,
    /// Who must have forgotten what stood in them before the engine is told.
    forgetting: Arc<OnceLock<mpsc::Sender<Vec<Location>>>>,
    /// The end of what listeners have been told of.
    told: Arc<AtomicU64>,
}

/// A running engine: the door to it, its wishes for the network, and how to stop it.
pub struct Running {
    /// The door.
    pub handle: Handle,
    wishes: Option<mpsc::Receiver<Effect>>,
    unused: Option<mpsc::Receiver<BlobId>>,
    forgetting: Arc<OnceLock<mpsc::Sender<Vec<Location>>>>,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    /// What the engine wants of the network, in order. To be taken once.
    pub fn take_wishes(&mut self) -> mpsc::Receiver<Effect> {
        self.wishes.take().expect("the wiring takes the wishes once")
    }

    /// Files that are to be removed. To be taken once.
    pub fn take_unused(&mut self) -> mpsc::Receiver<BlobId> {
        self.unused.take().expect("the wiring takes them once")
    }

    /// Records that were wiped go through whoever takes this, who says `Input::Wiped` when nothing made from them is left:
    /// until then the engine tells nobody that it is erased, and asks again. To be taken once.
    pub fn take_forgotten(&mut self) -> mpsc::Receiver<Vec<Location>> {
        let (forgetting, forgotten) = mpsc::channel(FORGOTTEN_MAX);
        self.forgetting.set(forgetting).expect("the wiring takes them once");
        forgotten
    }

    /// Handles what waits, closes the store, ends the thread.
    pub async fn stop(self) {
        let (done, wait) = oneshot::channel();
        if self.handle.wake.send(Wake::Stop(done)).await.is_ok() {
            // The thread answers, or is gone already.
            let _ = wait.await;
        }
        let thread = self.thread;
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}

/// Starts the engine's thread on an opened data folder.
pub fn start(opened: Opened) -> Running {
    let (runtime, handle, wishes, unused) = assemble(opened);
    let forgetting = Arc::clone(&runtime.forgetting);
    let thread = std::thread::Builder::new()
        .name("engine".into())
        .spawn(move || runtime.run())
        .expect("the system gives one thread at the start");
    Running { handle, wishes: Some(wishes), unused: Some(unused), forgetting, thread }
}

/// Puts together what the thread owns and what others hold of it.
fn assemble(opened: Opened) -> (Runtime, Handle, mpsc::Receiver<Effect>, mpsc::Receiver<BlobId>) {
    let Opened { engine, journal, disk, sealing, damaged: _ } = opened;
    let (wake, inputs) = mpsc::channel(INPUTS_MAX);
    let (wishes, wished) = mpsc::channel(WISHES_MAX);
    let (unused, to_remove) = mpsc::channel(UNUSED_MAX);
    let (notices, _) = broadcast::channel(NOTICES_MAX);
    let (heres, _) = broadcast::channel(HERES_MAX);
    let (org, org_seen) = watch::channel(engine.org());
    let view = Arc::new(RwLock::new(engine.view()));
    let told = Arc::new(AtomicU64::new(u64::from_be_bytes(journal.position().to_bytes())));
    let handle = Handle {
        wake,
        notices: notices.clone(),
        heres: heres.clone(),
        view: Arc::clone(&view),
        disk: disk.clone(),
        org: org_seen,
        told: Arc::clone(&told),
        node: engine.node(),
        sealing,
    };
    let runtime = Runtime {
        engine,
        journal,
        disk,
        inputs,
        wishes,
        notices,
        heres,
        view,
        org,
        answers: BTreeMap::new(),
        bundles: BTreeMap::new(),
        tokens: 0,
        unused,
        wiped: Vec::new(),
        forgetting: Arc::default(),
        told,
    };
    (runtime, handle, wished, to_remove)
}

/// What whoever waits for the network is told when the commit over this input fails: nothing of it happened. Without it
/// they would wait until their time is over, and what they wait with would be kept that long.
fn undone(input: &Input) -> Option<Effect> {
    match input {
        Input::PeerRequest { token, .. } => Some(Effect::Respond { token: *token, bytes: Response::Refused.encode() }),
        Input::Live { token, .. } => Some(Effect::Judge { token: *token, judgement: Judgement::Ignore }),
        _ => None,
    }
}

impl Runtime {
    fn run(mut self) {
        while let Some(first) = self.inputs.blocking_recv() {
            let first = match first {
                Wake::Mend(places, done) => {
                    self.mend(places);
                    let _ = done.send(());
                    continue;
                }
                other => other,
            };
            if let Some(stopped) = self.round(first) {
                // The doors are closed before the engine: nobody reads any more, and the next start need not check.
                if let Err(error) = self.disk.index.close() {
                    tracing::warn!(%error, "the index is checked at the next start");
                }
                let _ = stopped.send(());
                return;
            }
            // Until the engine has heard of a wipe it does not say that anything is erased.
            while !self.wiped.is_empty() {
                let wiped = std::mem::take(&mut self.wiped);
                if let Some(wiped) = self.hand_on(wiped) {
                    self.round(Wake::Input(Input::Wiped(wiped)));
                }
            }
        }
    }

    /// Gives wiped records to whoever must forget what was made from them; back when there is nobody.
    fn hand_on(&self, wiped: Vec<Location>) -> Option<Vec<Location>> {
        let Some(forgetting) = self.forgetting.get() else { return Some(wiped) };
        match forgetting.try_send(wiped) {
            // Too many wait: the engine asks for these again.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => None,
            Err(mpsc::error::TrySendError::Closed(wiped)) => Some(wiped),
        }
    }

    /// One commit over everything that waits.
    fn round(&mut self, first: Wake) -> Option<oneshot::Sender<()>> {
        let now = now();
        let mut rng = Randomness;
        let mut stop = None;
        let mut effects = Vec::new();
        let (mut asked, mut refusals) = (Vec::new(), Vec::new());
        let mut batch = Batching::new(&self.disk, &mut self.journal);
        let mut next = Some(first);
        let mut count = 0;
        let mut mend = None;
        let mut curious = Vec::new();
        while let Some(wake) = next {
            let input = match wake {
                // Between two commits, since it reads the journal through.
                Wake::Mend(places, done) => {
                    mend = Some((places, done));
                    break;
                }
                Wake::Stop(done) => {
                    stop = Some(done);
                    break;
                }
                Wake::Alive(reply) => {
                    curious.push(reply);
                    next = if curious.len() < BATCH_INPUTS_MAX { self.inputs.try_recv().ok() } else { None };
                    continue;
                }
                Wake::Input(input) => input,
                Wake::Ask(ask, reply) => {
                    self.tokens += 1;
                    self.answers.insert(self.tokens, reply);
                    asked.push(self.tokens);
                    Input::Ask(Ask { token: self.tokens, ..ask })
                }
                Wake::Bundle(ask, reply) => {
                    self.tokens += 1;
                    self.bundles.insert(self.tokens, reply);
                    asked.push(self.tokens);
                    Input::Bundle { token: self.tokens, ask }
                }
            };
            refusals.extend(undone(&input));
            effects.extend(self.engine.handle(&mut batch, now, &mut rng, input));
            count += 1;
            let full = count >= BATCH_INPUTS_MAX || batch.waiting_bytes() >= BATCH_BYTES_MAX;
            next = if full { None } else { self.inputs.try_recv().ok() };
        }
        match batch.commit() {
            Ok(()) => self.act(effects),
            Err(error) => self.fail(&error, &asked, refusals),
        }
        for reply in curious {
            // Whoever asked may have given up.
            let _ = reply.send(());
        }
        if let Some((places, done)) = mend {
            self.mend(places);
            let _ = done.send(());
        }
        stop
    }

    /// Carries out what was wished, after the commit.
    fn act(&mut self, effects: Vec<Effect>) {
        let view = self.engine.view();
        *self.view.write().expect("readers only clone under this lock") = view;
        self.org.send_if_modified(|org| {
            let now = self.engine.org();
            std::mem::replace(org, now) != now
        });
        for effect in effects {
            match effect {
                Effect::Answer { token, answer } => {
                    if let Some(reply) = self.answers.remove(&token) {
                        // A caller that went away needs no answer.
                        let _ = reply.send(Ok(answer));
                    }
                }
                Effect::Bundle { token, answer } => {
                    if let Some(reply) = self.bundles.remove(&token) {
                        let _ = reply.send(Ok(answer));
                    }
                }
                Effect::Notify(notice) => {
                    let _ = self.notices.send(notice);
                }
                Effect::Here(here) => {
                    let _ = self.heres.send(here);
                }
                Effect::Wipe(places) => self.wipe(places),
                Effect::RemoveBlob(blob) => {
                    // A full queue: the engine asks again at the next tick.
                    let _ = self.unused.try_send(blob);
                }
                // The network's own task never waits for this thread, so this cannot stand still for ever.
                other => {
                    let _ = self.wishes.blocking_send(other);
                }
            }
        }
        self.told.store(u64::from_be_bytes(self.journal.position().to_bytes()), Ordering::Release);
    }

    /// Overwrites records whose entries stand elsewhere by now, or nowhere. What fails is asked for again.
    fn wipe(&mut self, places: Vec<Location>) {
        // Rows that still led there, brought back by a power cut, would say that it is all held.
        if let Err(error) = self.disk.index.flush() {
            tracing::error!(%error, "what is to be erased still stands on the disk; tried again");
            return;
        }
        match disk::wipe(&mut self.journal, &places) {
            Ok(()) => {
                // What was read a moment ago must not outlive what was wiped.
                self.disk.recent.forget();
                self.wiped.extend(places);
            }
            Err(error) => tracing::error!(%error, "what was erased still stands on the disk; tried again"),
        }
    }

    /// Makes the rows anew from what the journal still holds, as after the loss of the index: what the damage hit is then
    /// missing, and asked of the other sites like anything else that is missing. Nobody is served meanwhile; a million
    /// entries take some ten seconds.
    fn mend(&mut self, places: u64) {
        tracing::error!(places, "the journal is damaged; what was there is fetched again from the other sites");
        let alarms = self.engine.view().alarms().into_iter().map(|(_, alarm)| alarm).collect();
        self.disk.recent.forget();
        let cleared = self.disk.index.clear().map_err(StartError::from);
        let blank = self.engine.reopened(&self.disk);
        match cleared.and_then(|()| start::catch_up(blank, &self.disk, &mut self.journal)) {
            Ok(engine) => self.engine = engine,
            Err(error) => {
                tracing::error!(%error, "the index cannot be rebuilt; it is at the next start");
                self.engine = self.engine.reopened(&self.disk);
            }
        }
        self.round(Wake::Input(Input::RecordsLost { places, alarms }));
    }

    /// Nothing of a batch that did not become durable is answered or sent. The engine is opened anew on what is, since it
    /// had gone ahead of the disk.
    fn fail(&mut self, error: &CommitError, asked: &[u64], refusals: Vec<Effect>) {
        tracing::error!(%error, "what was just written is not kept; the site only reads until the disk is mended");
        for token in asked {
            if let Some(reply) = self.answers.remove(token) {
                let _ = reply.send(Err(Busy::ReadOnly));
            }
            if let Some(reply) = self.bundles.remove(token) {
                let _ = reply.send(Err(Busy::ReadOnly));
            }
        }
        for refusal in refusals {
            let _ = self.wishes.blocking_send(refusal);
        }
        if let Err(error) = self.journal.recover() {
            tracing::error!(%error, "the journal cannot be written yet");
        }
        self.engine = self.engine.reopened(&self.disk);
        *self.view.write().expect("readers only clone under this lock") = self.engine.view();
    }
}

/// The operating system's random source.
pub(crate) struct Randomness;

impl rand_core::TryRng for Randomness {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        getrandom::fill(bytes).expect("the random source was tested at the start and does not fail later");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use archipel_storage::faults::FaultyDisk;
    use protocol::engine::input::Command;
    use protocol::ids::{NodeId, RequestId, SiteId, UserId};

    #[test]
    fn peers_whose_request_went_down_with_a_commit_are_answered_at_once() {
        let folder = tempfile::tempdir().expect("the machine has room for a folder");
        let disk = FaultyDisk::new();
        let opened = Opened::open_on(folder.path(), disk.files()).expect("an empty folder can be opened");
        let (mut runtime, handle, mut wishes, _unused) = assemble(opened);
        disk.set_capacity(Some(0));
        let command = Command::CreateOrganisation {
            name: "Habitat Ouest".into(),
            site: SiteId([1; 16]),
            site_name: "Angers".into(),
            company: String::new(),
            admin: UserId([2; 16]),
            admin_name: "Ann".into(),
            admin_key: [3; 32],
            admin_secret: [3; 32],
            recovery: Vec::new(),
        };
        let (reply, mut answer) = oneshot::channel();
        let ask = Ask { token: 0, actor: None, request: RequestId([4; 16]), command };
        let peer = NodeId([5; 32]);
        let request = Wake::Input(Input::PeerRequest { peer, token: 6, bytes: Vec::new() });
        let message = Wake::Input(Input::Live { topic: "t".into(), token: 7, bytes: Vec::new() });
        for wake in [request, message] {
            handle.wake.try_send(wake).map_err(drop).expect("there is room");
        }
        assert!(runtime.round(Wake::Ask(ask, reply)).is_none());
        assert_eq!(answer.try_recv().expect("answered"), Err(Busy::ReadOnly));
        let told: Vec<Effect> = std::iter::from_fn(|| wishes.try_recv().ok()).collect();
        let refused = Response::Refused.encode();
        assert!(told.contains(&Effect::Respond { token: 6, bytes: refused }), "{told:?}");
        assert!(told.contains(&Effect::Judge { token: 7, judgement: Judgement::Ignore }), "{told:?}");
        assert_eq!(told.len(), 2, "nothing of what was not kept leaves: {told:?}");
    }
}

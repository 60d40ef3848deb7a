//! Reads everything that is kept again at leisure, so that damage is found while other sites still hold what it hit. It
//! decides nothing: the runtime makes its rows anew without the damaged records, the engine asks for what is missing.

use crate::files::Files;
use crate::local::Local;
use crate::local::scrubbed::Scrubbed;
use crate::runtime::disk;
use crate::runtime::handle::{Handle, now};
use archipel_storage::journal::{Damage, DamageCause};
use protocol::engine::input::Input;
use protocol::ids::BlobId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// From a start to the first pass: people come first.
const FIRST_AFTER: Duration = Duration::from_secs(10 * 60);
/// Between two passes, as storage systems do whose users are many: damage must be found before a second disk fails.
const PAUSE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Bytes read in a second, on the average: a tenth of what a slow disk gives.
const BYTES_A_SECOND: u64 = 8 << 20;
/// Files asked of the engine at once.
const FILES_AT_ONCE: usize = 256;

/// How checking stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pass {
    /// Under way.
    pub running: bool,
    /// When the last whole pass ended, in milliseconds.
    pub finished: Option<u64>,
    /// Damaged places of the journal so far.
    pub places: u64,
    /// Damaged or lost files so far.
    pub files: u64,
}

/// The door to the room. Cheap to clone.
#[derive(Clone)]
pub struct Scrub(Arc<Shared>);

struct Shared {
    pass: watch::Sender<Pass>,
    wanted: Notify,
}

/// What the room reaches.
pub struct Rooms {
    /// The engine.
    pub handle: Handle,
    /// Where it is remembered.
    pub local: Arc<Local>,
    /// The files.
    pub files: Files,
}

impl Scrub {
    /// A door before which nobody waits yet.
    pub fn new(local: &Local) -> Self {
        let pass = watch::Sender::new(shown(&local.scrubbed(), Activity::Resting));
        Self(Arc::new(Shared { pass, wanted: Notify::new() }))
    }

    /// How it stands.
    pub fn pass(&self) -> Pass {
        *self.0.pass.borrow()
    }

    /// Begins a pass now, at full speed since somebody waits for it. One under way goes on.
    pub fn begin(&self) {
        self.0.pass.send_modify(|pass| pass.running = true);
        self.0.wanted.notify_one();
    }

    /// Checks again and again until it is aborted. `opening` is what opening the journal found.
    pub async fn run(self, rooms: Rooms, opening: Vec<Damage>) {
        let mut known = rooms.local.scrubbed();
        self.mend(&rooms, &mut known, &opening).await;
        self.0.pass.send_replace(shown(&known, Activity::Resting));
        let mut pause = due(&known);
        loop {
            let speed = tokio::select! {
                () = tokio::time::sleep(pause) => Speed::Leisure,
                () = self.0.wanted.notified() => Speed::Full,
            };
            self.0.pass.send_replace(shown(&known, Activity::Running));
            // Files first: what refers to them may wait behind a mended record until other sites have given it again.
            self.files(&rooms, &mut known, speed).await;
            let places = known.places.len();
            self.journal(&rooms, &mut known, speed).await;
            known.finished = Some(now().0);
            remember(&rooms.local, &known).await;
            self.0.pass.send_replace(shown(&known, Activity::Resting));
            pause = if known.places.len() > places { FIRST_AFTER } else { PAUSE };
        }
    }

    async fn journal(&self, rooms: &Rooms, known: &mut Scrubbed, speed: Speed) {
        let journal = rooms.handle.journal();
        let segments = match journal.segments() {
            Ok(segments) => segments,
            Err(error) => return tracing::error!(%error, "the journal cannot be listed"),
        };
        let mut before = None;
        for segment in segments {
            let (reader, previous) = (journal.clone(), before.take());
            let read = tokio::task::spawn_blocking(move || reader.scrub(segment.number, previous.as_ref())).await;
            match read {
                Ok(Ok(report)) => {
                    self.mend(rooms, known, &report.damaged).await;
                    if !report.wipes_unfinished.is_empty() {
                        let places = report.wipes_unfinished.iter().copied().map(disk::location).collect();
                        rooms.handle.tell(Input::WipesUnfinished(places)).await;
                    }
                    before = Some(report);
                }
                Ok(Err(error)) => {
                    tracing::error!(segment = segment.number, %error, "a part of the journal cannot be read")
                }
                Err(_) => return,
            }
            speed.rest(segment.bytes).await;
        }
    }

    /// What is damaged and not known to be is left out of the rows from now on.
    async fn mend(&self, rooms: &Rooms, known: &mut Scrubbed, found: &[Damage]) {
        // One copy of a header is enough; opening mends the other.
        let lost = found.iter().filter(|damage| damage.cause != DamageCause::HeaderCopy);
        let places: BTreeSet<_> = lost.map(|damage| (damage.segment, damage.from, damage.to)).collect();
        let new: Vec<_> = places.difference(&known.places).copied().collect();
        if new.is_empty() {
            return;
        }
        rooms.handle.mend(new.len() as u64).await;
        known.places.extend(new);
        remember(&rooms.local, known).await;
        self.0.pass.send_replace(shown(known, Activity::Running));
    }

    async fn files(&self, rooms: &Rooms, known: &mut Scrubbed, speed: Speed) {
        let mut after = None;
        loop {
            let some = rooms.handle.read(|reader| reader.blobs_here(after, FILES_AT_ONCE));
            let Some(last) = some.last() else { return };
            after = Some(*last);
            let mut lost = Vec::new();
            for blob in some {
                match check(&rooms.files, blob).await {
                    Ok(Found::Sound) => {}
                    Ok(Found::Lost) => lost.push(blob),
                    Err(error) => tracing::error!(%blob, %error, "a file cannot be checked"),
                }
                speed.rest(rooms.files.len_here(blob)).await;
            }
            if !lost.is_empty() {
                known.files += lost.len() as u64;
                remember(&rooms.local, known).await;
                self.0.pass.send_replace(shown(known, Activity::Running));
                rooms.handle.tell(Input::BlobsLost(lost)).await;
            }
        }
    }
}

enum Found {
    Sound,
    Lost,
}

/// A damaged file goes at once: nobody is to be served from it, and what is fetched takes its place.
async fn check(files: &Files, blob: BlobId) -> Result<Found, crate::files::FileError> {
    if !files.is_here(blob) {
        return Ok(Found::Lost);
    }
    if files.is_sound(blob).await? {
        return Ok(Found::Sound);
    }
    files.remove(blob).await?;
    Ok(Found::Lost)
}

#[derive(Clone, Copy)]
enum Speed {
    Leisure,
    Full,
}

impl Speed {
    async fn rest(self, bytes: u64) {
        if let Self::Leisure = self {
            tokio::time::sleep(Duration::from_millis(bytes * 1_000 / BYTES_A_SECOND)).await;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    Running,
    Resting,
}

fn shown(known: &Scrubbed, activity: Activity) -> Pass {
    let running = activity == Activity::Running;
    Pass { running, finished: known.finished, places: known.places.len() as u64, files: known.files }
}

/// A node that is started every day must come to it too.
fn due(known: &Scrubbed) -> Duration {
    let passed = known.finished.map_or(PAUSE, |at| Duration::from_millis(now().0.saturating_sub(at)));
    PAUSE.saturating_sub(passed).max(FIRST_AFTER)
}

async fn remember(local: &Arc<Local>, known: &Scrubbed) {
    let (local, known) = (Arc::clone(local), known.clone());
    let kept = tokio::task::spawn_blocking(move || local.set_scrubbed(known)).await;
    if let Ok(Err(error)) = kept {
        tracing::warn!(%error, "what the check of the disk found is not remembered");
    }
}

//! Opening a data folder: journal, index, engine. What the index lost is rebuilt from the journal.

use super::Randomness;
use super::disk::{self, Batching, CommitError, Disk, ENTRIES};
use super::handle::now;
use super::record;
use archipel_storage::files::{self, Files};
use archipel_storage::index::{self, Checked, IndexError};
use archipel_storage::journal::{Damage, Journal, JournalError, Options, Position, Scanned};
use protocol::engine::effect::Effect;
use protocol::engine::{Engine, Identity};
use protocol::keys::SecretKey;
use protocol::store::Location;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Version of the key scheme in `protocol::store::keys`: an index of another one is rebuilt.
const INDEX_LAYOUT: u32 = 3;
/// Page cache of the index in bytes. Small beside a node's 80 MB (goal P7); the system caches the files anyhow.
const INDEX_CACHE_BYTES: u64 = 12 << 20;
/// Most ranges read the rows of one id: a table's byte and 32 more.
const INDEX_PREFIX_BYTES: usize = 33;
/// Where words to search for are kept, in the data folder. It can be made again.
pub const WORDS_FOLDER: &str = "search";
/// How long the check of the index may take after an unclean stop.
const CHECK_TIME: Duration = Duration::from_secs(60);
/// Records replayed in one batch of rows.
const REPLAY_RECORDS: usize = 512;

/// An opened data folder.
pub struct Opened {
    pub(super) engine: Engine,
    pub(super) journal: Journal,
    pub(super) disk: Disk,
    pub(super) sealing: [u8; 32],
    /// What opening found damaged.
    pub damaged: Vec<Damage>,
}

/// Why a data folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal's folder cannot be read or written, or was written by a newer version.
    #[error("the journal cannot be opened: {0}")]
    Journal(#[from] JournalError),
    /// No index can be made at all.
    #[error("the index cannot be made: {0}")]
    Index(#[from] IndexError),
    /// The rebuilt index cannot be written.
    #[error("the index cannot be rebuilt: {0}")]
    Rebuild(#[from] CommitError),
    /// A key file cannot be read or written.
    #[error("the key file {path} cannot be used: {error}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A folder that has been written to, without the keys it was written with.
    #[error(
        "{path} is missing, but {written} holds what this node wrote: copy the whole folder `keys` from the backup. Nothing \
         here can be used without it; to begin anew, give an empty folder with --data"
    )]
    KeysLost {
        /// The missing file.
        path: PathBuf,
        /// Where something stands.
        written: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("the system's random source does not work")]
    Random,
}

fn index_options() -> index::Options {
    index::Options {
        cache_bytes: INDEX_CACHE_BYTES,
        prefix_bytes: INDEX_PREFIX_BYTES,
        layout: INDEX_LAYOUT,
        ..index::Options::default()
    }
}

/// The check that runs in a process of its own after an unclean stop (`archipel --check-index DIR`).
///
/// # Errors
/// When the index is damaged.
pub fn check_index(dir: &Path) -> Result<(), IndexError> {
    index::check(dir, index_options()).map(|_| ())
}

impl Opened {
    /// Opens the data folder, making what is missing. The caller holds its lock.
    ///
    /// # Errors
    /// See [`StartError`]; damage alone is no error.
    pub fn open(data: &Path) -> Result<Self, StartError> {
        Self::open_on(data, files::disk())
    }

    /// The same, with the journal on these files.
    pub(super) fn open_on(data: &Path, files: Arc<dyn Files>) -> Result<Self, StartError> {
        let identity = identity(data)?;
        let sealing = identity.sealing_public();
        let (mut journal, opened) = Journal::open(&data.join("journal"), files, Options::default())?;
        if let Some(torn) = opened.torn {
            tracing::warn!(?torn, "the last stop left a record half written; nothing of it had been acknowledged");
        }
        for damage in &opened.damaged {
            tracing::error!(?damage, "the journal is damaged; what was there is fetched again from the other sites");
        }
        let check = |dir: &Path| {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap_or_else(|_| "archipel".into()));
            command.arg("check-index").arg(dir);
            command
        };
        let (index, checked) = index::open_checked(&data.join("index"), index_options(), CHECK_TIME, check)?;
        if let Checked::Replaced { reason, .. } = &checked {
            tracing::warn!(?reason, "the index was damaged and is rebuilt from the journal");
        }
        let disk = Disk { index: Arc::new(index), journal: journal.reader(), recent: Arc::default() };
        if disk.index.watermark()?.is_none_or(|watermark| watermark > journal.position()) {
            disk.index.clear()?;
        }
        let mut engine = catch_up(Engine::open(identity, &disk), &disk, &mut journal)?;
        forget(&mut engine, &disk, &mut journal, &data.join(WORDS_FOLDER))?;
        Ok(Self { engine, journal, disk, sealing, damaged: opened.damaged })
    }
}

/// Takes in what the journal holds beyond the index, into an engine that was opened on the index.
pub(super) fn catch_up(mut engine: Engine, disk: &Disk, journal: &mut Journal) -> Result<Engine, StartError> {
    let end = journal.position();
    let from = disk.index.watermark()?;
    if from == Some(end) {
        return Ok(engine);
    }
    let from = from.unwrap_or(Position { segment: 0, offset: 0 });
    let begun = std::time::Instant::now();
    let mut records = 0_usize;
    let mut scan = disk.journal.scan(from);
    loop {
        let mut batch = Batching::new(disk, journal);
        let mut more = false;
        for found in scan.by_ref().take(REPLAY_RECORDS) {
            more = true;
            match found? {
                Scanned::Record { at, kind: ENTRIES, payload } => {
                    let at = Location { segment: at.segment, offset: at.offset, len: at.len };
                    match record::unpack(&payload) {
                        Some(run) => engine.replay(&mut batch, now(), &mut Randomness, &run, at),
                        None => tracing::error!(?at, "a record is in no known form"),
                    }
                    records += 1;
                }
                Scanned::Record { .. } | Scanned::Erased { .. } => {}
                Scanned::Damaged(damage) => tracing::error!(?damage, "a part of the journal cannot be read"),
            }
        }
        if !more {
            batch.abandon();
            break;
        }
        batch.commit_rows(scan.position())?;
    }
    let mut batch = Batching::new(disk, journal);
    engine.end_replay(&mut batch, now(), &mut Randomness);
    batch.commit_rows(end)?;
    tracing::info!(records, seconds = begun.elapsed().as_secs_f32(), "the index was brought up to the journal");
    Ok(engine.reopened(disk))
}

/// Goes on with erasing where the last process stopped, before anything is served. A disk that refuses to wipe does not
/// keep the node from starting: it is tried again at each tick, and nobody is told that it is done.
fn forget(engine: &mut Engine, disk: &Disk, journal: &mut Journal, words: &Path) -> Result<(), StartError> {
    while engine.is_erasing() {
        let mut batch = Batching::new(disk, journal);
        let effects = engine.resume_erasing(&mut batch, now(), &mut Randomness);
        batch.commit()?;
        let places: Vec<Location> = effects
            .into_iter()
            .flat_map(|effect| if let Effect::Wipe(places) = effect { places } else { Vec::new() })
            .collect();
        if places.is_empty() {
            continue;
        }
        if let Err(error) = disk::wipe(journal, &places) {
            tracing::error!(%error, "what was erased still stands on the disk; tried again");
            break;
        }
        // What can be made again goes whole, since nobody is there yet to take these words out of it.
        if let Err(error) = std::fs::remove_dir_all(words)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%error, "what was erased still stands in the search index; tried again");
            break;
        }
        let mut batch = Batching::new(disk, journal);
        engine.tell_wiped(&mut batch, now(), &mut Randomness, &places);
        batch.commit()?;
    }
    Ok(())
}

/// The seed of the node's key, for the networks that speak as the node.
///
/// # Errors
/// A key file that cannot be used.
pub fn node_seed(data: &Path) -> Result<[u8; 32], StartError> {
    key_file(&data.join("keys").join("node.key"))
}

/// Makes the node's keys at the first start, before anything else is written; a folder that was written to and has none
/// is half a copy. With new keys nobody would know this node, and what was sealed for it could not be opened.
///
/// # Errors
/// [`StartError::KeysLost`], or a key file that cannot be used.
pub fn ensure_keys(data: &Path) -> Result<(), StartError> {
    let files = ["node.key", "sealing.key"].map(|name| data.join("keys").join(name));
    if let Some(path) = files.iter().find(|path| !path.exists()) {
        let holds = |folder: &PathBuf| std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
        if let Some(written) = ["journal", "local"].map(|name| data.join(name)).into_iter().find(holds) {
            return Err(StartError::KeysLost { path: path.clone(), written });
        }
    }
    files.iter().try_for_each(|path| key_file(path).map(drop))
}

/// Reads the node's keys, making them at the first start.
fn identity(data: &Path) -> Result<Identity, StartError> {
    let seed = node_seed(data)?;
    let sealing = key_file(&data.join("keys").join("sealing.key"))?;
    Ok(Identity { key: SecretKey::from_seed(&seed), sealing })
}

/// A file of 32 random bytes that only its owner reads.
pub(crate) fn key_file(path: &Path) -> Result<[u8; 32], StartError> {
    let fail = |error: io::Error| StartError::Key { path: path.into(), error };
    match std::fs::read(path) {
        Ok(bytes) => {
            return bytes.try_into().map_err(|_| fail(io::Error::other("it should hold 32 bytes; restore it")));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| StartError::Random)?;
    if bytes == [0; 32] {
        return Err(StartError::Random);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail)?;
    write_private(path, &bytes).map_err(fail)?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)?;
    Ok(bytes)
}

/// Writes a file that only its owner reads, durable before its name stands.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_written_to_is_not_given_new_keys() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        ensure_keys(data).unwrap();
        let seed = node_seed(data).unwrap();
        ensure_keys(data).unwrap();
        assert_eq!(node_seed(data).unwrap(), seed);
        drop(Opened::open(data).unwrap());
        for lost in ["node.key", "sealing.key"] {
            let path = data.join("keys").join(lost);
            let kept = std::fs::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            let error = ensure_keys(data).unwrap_err();
            assert!(error.to_string().contains("from the backup"), "{error}");
            assert!(!path.exists(), "nothing is made in its place");
            std::fs::write(&path, kept).unwrap();
        }
        ensure_keys(data).unwrap();
    }

    #[test]
    fn a_first_start_that_was_cut_short_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        key_file(&data.join("keys").join("node.key")).unwrap();
        ensure_keys(data).unwrap();
        assert!(data.join("keys").join("sealing.key").exists());
    }
}

//! The durable truth of a node: records appended to numbered files, durable once `commit` has returned.
//! It knows bytes, segments and the order of writes and syncs; it does not know what a record means.
//!
//! 1. What [`Journal::commit`] acknowledged is there after any crash (INV-41).
//! 2. The records of one commit are there together or not at all (INV-44).
//! 3. After a failed write or sync nothing more is acknowledged on that file (INV-46): the journal is poisoned,
//!    reads go on, and [`Journal::recover`] starts a new file once the cause is gone.
//! 4. Damage is reported, never returned as data and never cut away together with good records (INV-42).
//!
//! The file format is in `docs/storage.md`; `record` and `segment` hold it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::{FileHandle, Files, Mode};
use crate::record::{self, HEAD_BYTES, RECORD_BYTES_MAX};
use crate::segment::{Header, RECORDS_AT};

mod error;
mod opening;
mod place;
mod reader;
mod scan;
mod scrub;
mod tail;
mod wipe;

pub use error::JournalError;
pub use opening::{Damage, DamageCause, Opened, Torn};
pub use place::{Location, Position};
pub use reader::{Reader, SegmentInfo};
pub use scan::{Scan, Scanned};
pub use scrub::{Chain, SegmentReport};

use reader::Shared;

/// Length at which a segment is sealed (§5.2): small enough to rewrite, copy and re-verify one at a time.
pub const SEGMENT_BYTES: u32 = 64 << 20;
/// Largest commit: bounds what waits in memory and what one crash can leave half written.
pub const GROUP_BYTES_MAX: usize = 16 << 20;

/// Memory kept for the next commit after a large one.
const GROUP_KEEP_BYTES: usize = 256 << 10;

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Length at which a segment is sealed, in bytes; the commit that crosses it still ends up in it.
    pub segment_bytes: u32,
    /// Secret start value for the checks of new segments: it keeps strangers from placing bytes in a payload that
    /// pass for a record. Simulations set it; otherwise it is drawn at random.
    pub salt: [u8; 16],
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: SEGMENT_BYTES, salt: random_salt() }
    }
}

/// 16 bytes from the random keys that the standard library asks of the system.
pub(crate) fn random_salt() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(0).to_le_bytes();
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&half());
    salt[8..].copy_from_slice(&half());
    salt
}

/// The writer. There is one; readers are handed out by [`Journal::reader`].
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    files: Arc<dyn Files>,
    options: Options,
    active: Active,
    /// The next commit begins a new segment.
    seal_next: bool,
    group: Group,
    poisoned: Option<String>,
    shared: Arc<Shared>,
}

/// The segment being appended to.
#[derive(Debug)]
struct Active {
    number: u32,
    file: Arc<dyn FileHandle>,
    seed: u32,
    /// Committed length in bytes.
    len: u32,
    /// Number of the next record.
    next_seq: u64,
    /// Runs over the heads of committed records; its value is sealed into the next segment's header.
    chain: blake3::Hasher,
}

/// Records appended and not yet committed.
#[derive(Debug, Default)]
struct Group {
    bytes: Vec<u8>,
    chained: Vec<u8>,
    count: u64,
    last_at: usize,
    /// Set when the group goes to a new segment.
    opens: Option<Header>,
}

impl Journal {
    /// Opens the journal in `dir`, making folder and first segment if there are none.
    ///
    /// Reads only the last segment (≤ 64 MiB and one commit). What a crash left half written is cut off, and told;
    /// damage elsewhere in that segment is told and left alone. Fails when the folder cannot be read or written, or
    /// when a segment was written by a newer version; never because of damage.
    pub fn open(dir: &Path, files: Arc<dyn Files>, options: Options) -> Result<(Self, Opened), JournalError> {
        opening::open(dir, files, options)
    }

    /// Adds a record to the group that the next [`Journal::commit`] writes. Nothing is written yet, and the location
    /// is void if that commit fails.
    ///
    /// Fails without effect when the payload is larger than [`RECORD_BYTES_MAX`], when the group would exceed
    /// [`GROUP_BYTES_MAX`] (commit, then append again), or when the journal is poisoned.
    pub fn append(&mut self, kind: u8, payload: &[u8]) -> Result<Location, JournalError> {
        self.check_usable()?;
        if payload.len() > RECORD_BYTES_MAX {
            return Err(JournalError::RecordTooLarge { bytes: payload.len() });
        }
        if self.group.bytes.len() + record::footprint(payload.len()) > GROUP_BYTES_MAX {
            return Err(JournalError::GroupFull { bytes: self.group.bytes.len() });
        }
        if self.group.count == 0 && (self.seal_next || self.active.len >= self.options.segment_bytes) {
            self.group.opens = Some(self.next_header());
        }
        let (segment, seed, base) = match &self.group.opens {
            Some(header) => (header.number, header.seed(), RECORDS_AT),
            None => (self.active.number, self.active.seed, self.active.len),
        };
        let at = self.group.bytes.len();
        let seq = self.active.next_seq + self.group.count;
        let flags = if self.group.count == 0 { record::BEGIN } else { 0 };
        record::encode(&mut self.group.bytes, seed, kind, flags, seq, payload);
        let len = payload.len() as u32;
        let head = record::Head { kind, flags, len, seq, crc: 0 };
        self.group.chained.extend_from_slice(&record::chain_bytes(&head));
        self.group.count += 1;
        self.group.last_at = at;
        Ok(Location { segment, offset: base + at as u32, len })
    }

    /// Writes and syncs what was appended, and returns the position behind it: everything before is durable.
    ///
    /// One write and one `fdatasync`; a commit that begins a new segment also makes and syncs that file. Without
    /// appended records it does nothing. After an error the group is dropped and the journal poisoned.
    pub fn commit(&mut self) -> Result<Position, JournalError> {
        self.check_usable()?;
        if self.group.count == 0 {
            return Ok(self.position());
        }
        let mut group = std::mem::take(&mut self.group);
        match self.write(&mut group) {
            Ok(()) => {
                self.active.len += group.bytes.len() as u32;
                self.active.next_seq += group.count;
                self.active.chain.update(&group.chained);
                self.shared.publish(self.position());
                group.bytes.clear();
                group.chained.clear();
                group.bytes.shrink_to(GROUP_KEEP_BYTES);
                group.chained.shrink_to(GROUP_KEEP_BYTES);
                self.group = Group { bytes: group.bytes, chained: group.chained, ..Group::default() };
                Ok(self.position())
            }
            Err(error) => {
                self.poisoned = Some(error.to_string());
                tracing::error!(%error, "journal commit failed; nothing more is acknowledged");
                Err(error)
            }
        }
    }

    /// Drops what was appended and not committed; its locations are void.
    pub fn abandon(&mut self) {
        self.group = Group::default();
    }

    /// Behind the last durable record: what an index stores as its watermark and [`Journal::scan`] takes.
    pub fn position(&self) -> Position {
        Position { segment: self.active.number, offset: self.active.len }
    }

    /// Bytes waiting for [`Journal::commit`].
    pub fn waiting_bytes(&self) -> usize {
        self.group.bytes.len()
    }

    /// Whether an earlier write or sync failed, so that the journal only reads.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.is_some()
    }

    /// Begins a new segment with the next commit, for instance so that a backup can copy sealed files.
    pub fn seal(&mut self) {
        // A group already under way has its place.
        self.seal_next = self.group.count > 0 || self.active.len > RECORDS_AT;
    }

    /// Makes a poisoned journal usable again: with a new descriptor, cuts off what was never acknowledged and lets the
    /// next commit begin a new segment. Stays poisoned when that fails (the disk is still full or failing).
    pub fn recover(&mut self) -> Result<(), JournalError> {
        if self.poisoned.is_none() {
            return Ok(());
        }
        self.group = Group::default();
        let path = segment_path(&self.dir, self.active.number);
        let file = self.files.open(&path, Mode::Write).map_err(|e| JournalError::io("open", &path, e))?;
        file.set_len(u64::from(self.active.len)).map_err(|e| JournalError::io("cut", &path, e))?;
        file.sync_all().map_err(|e| JournalError::io("sync", &path, e))?;
        self.shared.forget(self.active.number);
        self.active.file = file;
        self.seal_next = true;
        self.poisoned = None;
        Ok(())
    }

    /// A handle for reading from other threads.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// Reads one record; see [`Reader::read`].
    pub fn read(&self, at: Location) -> Result<Vec<u8>, JournalError> {
        self.reader().read(at)
    }

    /// Goes through the durable records from a position on; see [`Reader::scan`].
    pub fn scan(&self, from: Position) -> Scan {
        self.reader().scan(from)
    }

    fn check_usable(&self) -> Result<(), JournalError> {
        match &self.poisoned {
            Some(reason) => Err(JournalError::Poisoned { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    fn next_header(&self) -> Header {
        let number = self.active.number + 1;
        Header {
            number,
            first_seq: self.active.next_seq,
            salt: segment_salt(&self.options.salt, number),
            previous: *self.active.chain.finalize().as_bytes(),
        }
    }

    fn write(&mut self, group: &mut Group) -> Result<(), JournalError> {
        if let Some(header) = group.opens.take() {
            self.begin_segment(header)?;
        }
        let path = segment_path(&self.dir, self.active.number);
        record::add_flag(&mut group.bytes[group.last_at..], self.active.seed, record::END);
        let active = &self.active;
        active.file.write_at(&group.bytes, u64::from(active.len)).map_err(|e| JournalError::io("write", &path, e))?;
        active.file.sync_data().map_err(|e| JournalError::io("sync", &path, e))
    }

    fn begin_segment(&mut self, header: Header) -> Result<(), JournalError> {
        let file = create_segment(&self.dir, &*self.files, &header)?;
        self.shared.add(header.number);
        self.active = Active::begin(&header, file);
        self.seal_next = false;
        Ok(())
    }
}

impl Active {
    fn begin(header: &Header, file: Arc<dyn FileHandle>) -> Self {
        let mut chain = blake3::Hasher::new();
        chain.update(&header.encode());
        let (number, seed, next_seq) = (header.number, header.seed(), header.first_seq);
        Self { number, file, seed, len: RECORDS_AT, next_seq, chain }
    }
}

/// Makes a segment with nothing but its header, durable under its name before it is used (rule 5.3.6).
fn create_segment(dir: &Path, files: &dyn Files, header: &Header) -> Result<Arc<dyn FileHandle>, JournalError> {
    let path = segment_path(dir, header.number);
    let temporary = path.with_extension("tmp");
    let io = |what: &'static str| move |e: io::Error| (what, e);
    let attempt = || -> Result<Arc<dyn FileHandle>, (&'static str, io::Error)> {
        if let Err(error) = files.remove(&temporary)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(("remove", error));
        }
        let file = files.open(&temporary, Mode::CreateNew).map_err(io("create"))?;
        file.write_at(&header.encode(), 0).map_err(io("write"))?;
        file.sync_all().map_err(io("sync"))?;
        files.rename(&temporary, &path).map_err(io("rename"))?;
        files.sync_dir(dir).map_err(io("sync folder of"))?;
        Ok(file)
    };
    attempt().map_err(|(what, error)| JournalError::io(what, &path, error))
}

fn segment_salt(salt: &[u8; 16], number: u32) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt).update(&number.to_le_bytes());
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}

fn segment_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("seg-{number:08}.log"))
}

fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("seg-")?.strip_suffix(".log")?;
    (digits.len() >= 8).then(|| digits.parse().ok()).flatten()
}

/// Bytes of a record's head, which [`Location::offset`] points at.
const _: () = assert!(HEAD_BYTES.is_multiple_of(8) && RECORDS_AT.is_multiple_of(8));

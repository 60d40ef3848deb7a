//! Reading committed records from many threads beside the one writer. Checks every record before handing it out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::scan::Scan;
use super::{JournalError, Location, Position, segment_path};
use crate::files::{FileHandle, Files, Mode};
use crate::record::{self, HEAD_BYTES, RECORD_BYTES_MAX, Verdict};
use crate::segment::{Header, HeaderFound};

/// Open segments kept at hand: far below any limit on descriptors, and 6 GiB of journal.
const OPEN_SEGMENTS_MAX: usize = 96;

/// What writer, readers and scans share.
#[derive(Debug)]
pub(super) struct Shared {
    pub dir: PathBuf,
    pub files: Arc<dyn Files>,
    /// The committed end as `Position::to_bytes` in one word.
    end: AtomicU64,
    segments: RwLock<BTreeSet<u32>>,
    open: Mutex<BTreeMap<u32, Arc<Sheet>>>,
    /// Held exclusively while a record is being wiped, so that no reader sees it half done.
    pub wiping: RwLock<()>,
    /// Counts wipes: a scan that read ahead before one reads again.
    pub wipes: AtomicU64,
}

/// An open segment. Without a readable header there is no seed, and all of it counts as damaged.
#[derive(Debug)]
pub(super) struct Sheet {
    pub file: Arc<dyn FileHandle>,
    pub header: Option<Header>,
    /// Both copies of the header are as written.
    pub whole: bool,
}

impl Shared {
    pub(super) fn new(dir: PathBuf, files: Arc<dyn Files>, segments: BTreeSet<u32>, end: Position) -> Self {
        Self {
            dir,
            files,
            end: AtomicU64::new(u64::from_be_bytes(end.to_bytes())),
            segments: RwLock::new(segments),
            open: Mutex::default(),
            wiping: RwLock::default(),
            wipes: AtomicU64::new(0),
        }
    }

    pub(super) fn publish(&self, end: Position) {
        self.end.store(u64::from_be_bytes(end.to_bytes()), Ordering::Release);
    }

    pub(super) fn end(&self) -> Position {
        Position::from_bytes(self.end.load(Ordering::Acquire).to_be_bytes())
    }

    pub(super) fn add(&self, segment: u32) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).insert(segment);
    }

    /// Closes a segment, so that the next use opens it anew.
    pub(super) fn forget(&self, segment: u32) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&segment);
    }

    /// The first existing segment from `number` on.
    pub(super) fn segment_from(&self, number: u32) -> Option<u32> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).range(number..).next().copied()
    }

    pub(super) fn sheet(&self, number: u32) -> Result<Arc<Sheet>, JournalError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sheet) = open.get(&number) {
            return Ok(Arc::clone(sheet));
        }
        let path = segment_path(&self.dir, number);
        let file = self.files.open(&path, Mode::Read).map_err(|e| JournalError::io("open", &path, e))?;
        let (header, whole) = match Header::read(&*file).map_err(|e| JournalError::io("read", &path, e))? {
            HeaderFound::Known { header, whole } if header.number == number => (Some(header), whole),
            HeaderFound::Known { .. } | HeaderFound::Damaged => (None, false),
            HeaderFound::Newer { version } => {
                return Err(JournalError::NewerVersion { path, version, known: crate::segment::FORMAT_VERSION });
            }
        };
        if open.len() >= OPEN_SEGMENTS_MAX {
            open.pop_first();
        }
        let sheet = Arc::new(Sheet { file, header, whole });
        open.insert(number, Arc::clone(&sheet));
        Ok(sheet)
    }
}

/// A handle for reading; cheap to clone, usable from any thread.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// One file of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number.
    pub number: u32,
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes; of the last one, what is committed.
    pub bytes: u64,
    /// Nothing is appended to it any more. Wiping may still change it.
    pub sealed: bool,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Reads the payload of one record, checked.
    ///
    /// Fails with `NotCommitted`, `Erased` or `Damaged`; other errors come from the disk.
    pub fn read(&self, at: Location) -> Result<Vec<u8>, JournalError> {
        self.read_with_kind(at).map(|(_, payload)| payload)
    }

    /// As [`Reader::read`], with the record's kind.
    pub fn read_with_kind(&self, at: Location) -> Result<(u8, Vec<u8>), JournalError> {
        if at.len as usize > RECORD_BYTES_MAX || !self.is_committed(at) {
            return Err(JournalError::NotCommitted { at });
        }
        let sheet = self.shared.sheet(at.segment)?;
        let Some(seed) = sheet.header.as_ref().map(Header::seed) else {
            return Err(JournalError::Damaged { at });
        };
        let mut bytes = vec![0; record::footprint(at.len as usize)];
        {
            let _quiet = self.shared.wiping.read().unwrap_or_else(PoisonError::into_inner);
            match sheet.file.read_exact_at(&mut bytes, u64::from(at.offset)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(JournalError::Damaged { at }),
                Err(error) => {
                    return Err(JournalError::io("read", &segment_path(&self.shared.dir, at.segment), error));
                }
            }
        }
        let Some(head) = record::parse_head(&bytes, seed).filter(|head| head.len == at.len) else {
            return Err(JournalError::Damaged { at });
        };
        match record::check(&head, seed, &bytes[HEAD_BYTES..]) {
            Verdict::Good => {
                bytes.truncate(HEAD_BYTES + head.len as usize);
                bytes.drain(..HEAD_BYTES);
                Ok((head.kind, bytes))
            }
            Verdict::Erased { .. } => Err(JournalError::Erased { at }),
            Verdict::Damaged => Err(JournalError::Damaged { at }),
        }
    }

    /// Goes through the durable records from a position on, to the end as it is when the scan gets there.
    pub fn scan(&self, from: Position) -> Scan {
        Scan::new(Arc::clone(&self.shared), from)
    }

    /// Behind the last durable record.
    pub fn position(&self) -> Position {
        self.shared.end()
    }

    /// The files of the journal in order, for backup and scrubbing.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>, JournalError> {
        let end = self.shared.end();
        let mut out = Vec::new();
        let mut next = self.shared.segment_from(0);
        while let Some(number) = next {
            let path = segment_path(&self.shared.dir, number);
            let sealed = number != end.segment;
            let bytes = match sealed {
                true => self.shared.sheet(number)?.file.len().map_err(|e| JournalError::io("read", &path, e))?,
                false => u64::from(end.offset),
            };
            out.push(SegmentInfo { number, path, bytes, sealed });
            next = self.shared.segment_from(number.saturating_add(1));
        }
        Ok(out)
    }

    pub(super) fn is_committed(&self, at: Location) -> bool {
        let behind = u64::from(at.offset) + record::footprint(at.len as usize) as u64;
        let end = self.shared.end();
        at.segment < end.segment || (at.segment == end.segment && behind <= u64::from(end.offset))
    }
}

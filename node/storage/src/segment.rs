//! One file of records: its header, kept twice, and the walk over its records that finds its way past damage.
//! Shared by journal and kvlog. It does not know which file comes before or after, nor what is to be done about damage.

use std::io;
use std::sync::Arc;

use crate::files::FileHandle;
use crate::record::{self, HEAD_BYTES, Head, Verdict};

/// Version of the bytes of segments and records. A file with a larger one is refused (INV-47).
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"arch-seg";
const HEADER_BYTES: usize = 80;
/// The second copy of the header stands in another page, so that no single lost page takes the salt of all checks.
const COPY_AT: usize = 4096;
/// Where records begin.
pub(crate) const RECORDS_AT: u32 = (COPY_AT + HEADER_BYTES) as u32;
/// Bytes read at once when walking.
const WINDOW_BYTES: usize = 1 << 20;
/// The unit a disk writes whole or not at all, as far as the judgement of torn writes goes.
const SECTOR_BYTES: u32 = 512;

/// The length of a file as an offset; what lies beyond 4 GiB was not written by us.
pub(crate) fn clip(len: u64) -> u32 {
    u32::try_from(len).unwrap_or(!7)
}

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub number: u32,
    pub first_seq: u64,
    pub salt: [u8; 16],
    /// Chain hash of the segment before; zeros for the first.
    pub previous: [u8; 32],
}

/// What stands where a header should.
#[derive(Debug)]
pub(crate) enum HeaderFound {
    /// Readable; `whole` is false when one copy or the space between is damaged.
    Known { header: Header, whole: bool },
    /// Written by a newer version.
    Newer { version: u32 },
    /// Neither copy is readable.
    Damaged,
}

impl Header {
    /// The start value of every check in this segment.
    pub(crate) fn seed(&self) -> u32 {
        crc32c::crc32c(&self.salt)
    }

    /// The first bytes of a segment, up to where records begin.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(HEADER_BYTES);
        copy.extend_from_slice(&MAGIC);
        copy.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        copy.extend_from_slice(&self.number.to_le_bytes());
        copy.extend_from_slice(&self.first_seq.to_le_bytes());
        copy.extend_from_slice(&self.salt);
        copy.extend_from_slice(&self.previous);
        copy.extend_from_slice(&[0; 4]);
        let check = crc32c::crc32c(&copy);
        copy.extend_from_slice(&check.to_le_bytes());
        let mut out = copy.clone();
        out.resize(COPY_AT, 0);
        out.extend_from_slice(&copy);
        out
    }

    /// Reads the header of a segment.
    pub(crate) fn read(file: &dyn FileHandle) -> io::Result<HeaderFound> {
        let mut bytes = vec![0; RECORDS_AT as usize];
        let got = read_available(file, &mut bytes, 0)?;
        bytes.truncate(got);
        let mut known = None;
        let mut versions = Vec::new();
        for at in [0, COPY_AT] {
            let Some(copy) = bytes.get(at..at + HEADER_BYTES) else { continue };
            versions.push(version_of(copy));
            if let Some((version, header)) = parse(copy) {
                if version > FORMAT_VERSION {
                    return Ok(HeaderFound::Newer { version });
                }
                known = known.or(Some(header));
            }
        }
        if let Some(header) = known {
            let whole = header.encode() == bytes;
            return Ok(HeaderFound::Known { header, whole });
        }
        // A newer version may lay out its header otherwise; that both copies name the same one is no accident.
        if let [Some(first), Some(second)] = versions[..]
            && first == second
            && first > FORMAT_VERSION
        {
            return Ok(HeaderFound::Newer { version: first });
        }
        Ok(HeaderFound::Damaged)
    }
}

fn version_of(copy: &[u8]) -> Option<u32> {
    if !copy.starts_with(&MAGIC) {
        return None;
    }
    Some(u32::from_le_bytes(*copy.get(8..)?.first_chunk()?))
}

fn parse(copy: &[u8]) -> Option<(u32, Header)> {
    let version = version_of(copy)?;
    let (content, check) = copy.split_at_checked(HEADER_BYTES - 4)?;
    if crc32c::crc32c(content).to_le_bytes() != check {
        return None;
    }
    let header = Header {
        number: u32::from_le_bytes(*content.get(12..)?.first_chunk()?),
        first_seq: u64::from_le_bytes(*content.get(16..)?.first_chunk()?),
        salt: *content.get(24..)?.first_chunk()?,
        previous: *content.get(40..)?.first_chunk()?,
    };
    Some((version, header))
}

/// Reads until the buffer is full or the file ends.
fn read_available(file: &dyn FileHandle, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64)? {
            0 => break,
            n => got += n,
        }
    }
    Ok(got)
}

/// One finding of a walk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A record as it was written.
    Record { offset: u32, head: Head, payload: Vec<u8> },
    /// A wiped record; not `finished` when a crash came in the middle of the wiping.
    Erased { offset: u32, head: Head, finished: bool },
    /// Bytes that are no record.
    Damaged(Hole),
}

/// A range of bytes that are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub from: u32,
    pub to: u32,
    /// It looks like a write that did not wholly happen (a sector of zeros, or the file ends inside a record)
    /// rather than like changed bytes.
    pub unwritten: bool,
    /// The head is good and only what follows is not: exactly one record is lost.
    pub head: Option<Head>,
}

/// Walks the records of a file from `offset` to `end`, in order, once.
#[derive(Debug)]
pub(crate) struct Walk {
    file: Arc<dyn FileHandle>,
    seed: u32,
    offset: u32,
    end: u32,
    next_seq: u64,
    base: u32,
    window: Vec<u8>,
}

impl Walk {
    /// `next_seq` is the number of the record at `offset`; when it is not known (`None`), the first head found decides.
    pub(crate) fn new(file: Arc<dyn FileHandle>, seed: u32, offset: u32, end: u32, next_seq: Option<u64>) -> Self {
        Self { file, seed, offset, end, next_seq: next_seq.unwrap_or(u64::MAX), base: 0, window: Vec::new() }
    }

    /// Where the next step begins.
    pub(crate) fn offset(&self) -> u32 {
        self.offset
    }

    /// The number that the next record must have.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Reads anew from the file: bytes read before may have been wiped since.
    pub(crate) fn forget_window(&mut self) {
        self.window.clear();
    }

    /// The next finding, or `None` at the end.
    pub(crate) fn step(&mut self) -> io::Result<Option<Step>> {
        let offset = self.offset;
        if offset >= self.end {
            return Ok(None);
        }
        let Some(head) = self.head_at(offset)?.filter(|head| self.may_follow(head, 0)) else {
            return self.skip(offset).map(Some);
        };
        let Some(to) = offset.checked_add(record::footprint(head.len as usize) as u32).filter(|to| *to <= self.end)
        else {
            self.offset = self.end;
            return Ok(Some(Step::Damaged(Hole { from: offset, to: self.end, unwritten: true, head: None })));
        };
        let seed = self.seed;
        let rest = self.bytes(offset + HEAD_BYTES as u32, to)?;
        let verdict = record::check(&head, seed, rest);
        let payload = match verdict {
            Verdict::Good => rest.get(..head.len as usize).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        };
        self.next_seq = head.seq + 1;
        self.offset = to;
        Ok(Some(match verdict {
            Verdict::Good => Step::Record { offset, head, payload },
            Verdict::Erased { finished } => Step::Erased { offset, head, finished },
            Verdict::Damaged => {
                let unwritten = self.looks_unwritten(offset, to)?;
                Step::Damaged(Hole { from: offset, to, unwritten, head: Some(head) })
            }
        }))
    }

    /// Searches the next good head behind bad bytes at `from`. The heads' own check makes this one pass.
    fn skip(&mut self, from: u32) -> io::Result<Step> {
        let mut to = from.saturating_add(8);
        let mut found = None;
        while to < self.end {
            if let Some(head) = self.head_at(to)?
                && self.may_follow(&head, to - from)
            {
                found = Some(head);
                break;
            }
            to = to.saturating_add(8);
        }
        let to = to.min(self.end);
        if let Some(head) = found {
            self.next_seq = head.seq;
        }
        self.offset = to;
        let unwritten = (to - from) < HEAD_BYTES as u32 || self.looks_unwritten(from, to)?;
        Ok(Step::Damaged(Hole { from, to, unwritten, head: None }))
    }

    /// Numbers run without gap; damage of n bytes hides at most n / HEAD_BYTES records.
    fn may_follow(&self, head: &Head, damaged: u32) -> bool {
        let hidden = u64::from(damaged) / HEAD_BYTES as u64;
        self.next_seq == u64::MAX || (self.next_seq..=self.next_seq.saturating_add(hidden)).contains(&head.seq)
    }

    fn head_at(&mut self, offset: u32) -> io::Result<Option<Head>> {
        let seed = self.seed;
        let to = offset.saturating_add(HEAD_BYTES as u32).min(self.end);
        Ok(record::parse_head(self.bytes(offset, to)?, seed))
    }

    fn looks_unwritten(&mut self, from: u32, to: u32) -> io::Result<bool> {
        let mut at = from;
        while at < to {
            let sector_end = (at / SECTOR_BYTES + 1).saturating_mul(SECTOR_BYTES).min(to);
            if record::is_zero(self.bytes(at, sector_end)?) {
                return Ok(true);
            }
            at = sector_end;
        }
        Ok(false)
    }

    /// The bytes `from..to` of the file, through the window.
    fn bytes(&mut self, from: u32, to: u32) -> io::Result<&[u8]> {
        let held = self.base as usize + self.window.len();
        if from < self.base || to as usize > held {
            let wanted = ((to - from) as usize).max(WINDOW_BYTES).min((self.end.max(to) - from) as usize);
            self.window.resize(wanted, 0);
            self.base = from;
            let got = read_available(&*self.file, &mut self.window, u64::from(from));
            self.window.truncate(*got.as_ref().unwrap_or(&0));
            got?;
        }
        let start = (from - self.base) as usize;
        self.window.get(start..start + (to - from) as usize).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

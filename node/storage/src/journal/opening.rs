//! Opening a journal after whatever happened to it: tells a write that a crash interrupted from damage.
//!
//! Only the last segment is read; `tail` judges its last commit.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::reader::Shared;
use super::tail::Tail;
use super::{
    Active, Group, Journal, JournalError, Options, Position, create_segment, segment_number, segment_path, wipe,
};
use crate::files::{FileHandle, Files, Mode};
use crate::record::HEAD_BYTES;
use crate::segment::{self, FORMAT_VERSION, Header, HeaderFound, Hole, RECORDS_AT, Step, Walk};

/// What [`Journal::open`] found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The journal is new.
    pub created: bool,
    /// What a crash left half written, cut off. Nothing of it had been acknowledged, unless the disk lost it.
    pub torn: Option<Torn>,
    /// Damage in the last segment, and segments that are missing. Older segments are judged when read, scanned or
    /// scrubbed.
    pub damaged: Vec<Damage>,
    /// Wipes that a crash had interrupted, now finished.
    pub wipes_finished: u32,
}

/// A cut-off end of the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub segment: u32,
    /// Its length now.
    pub from: u32,
    /// Its length before.
    pub to: u32,
}

/// A place where the journal cannot be read; what was there must be fetched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub segment: u32,
    /// First damaged byte.
    pub from: u32,
    /// Behind the last damaged byte; `u32::MAX` for a whole segment.
    pub to: u32,
    /// What kind of damage.
    pub cause: DamageCause,
}

/// Kinds of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageCause {
    /// Records in this range are not as written.
    Records,
    /// The header of the segment is damaged in one place; nothing is lost. Mended at opening.
    HeaderCopy,
    /// The header is unreadable, and with it the segment.
    HeaderLost,
    /// The file is not there.
    SegmentMissing,
}

impl Damage {
    pub(super) fn segment(segment: u32, cause: DamageCause) -> Self {
        Self { segment, from: 0, to: u32::MAX, cause }
    }

    pub(super) fn range(segment: u32, hole: Hole) -> Self {
        Self { segment, from: hole.from, to: hole.to, cause: DamageCause::Records }
    }
}

pub(super) fn open(dir: &Path, files: Arc<dyn Files>, options: Options) -> Result<(Journal, Opened), JournalError> {
    let mut opened = Opened::default();
    files.create_dir(dir).map_err(|e| JournalError::io("make", dir, e))?;
    let segments = list_segments(dir, &*files)?;
    let (Some(first), Some(last)) = (segments.first().copied(), segments.last().copied()) else {
        opened.created = true;
        let active = create_first(dir, &*files, &options)?;
        return Ok((assemble(dir, files, options, active, BTreeSet::from([1])), opened));
    };
    let missing = (first..last).filter(|number| !segments.contains(number));
    opened.damaged.extend(missing.map(|number| Damage::segment(number, DamageCause::SegmentMissing)));

    let path = segment_path(dir, last);
    let io = |action| {
        let path = path.clone();
        move |e| JournalError::io(action, &path, e)
    };
    let file = files.open(&path, Mode::Write).map_err(io("open"))?;
    let (active, intact) = match Header::read(&*file).map_err(io("read"))? {
        HeaderFound::Newer { version } => {
            return Err(JournalError::NewerVersion { path, version, known: FORMAT_VERSION });
        }
        HeaderFound::Known { header, whole } if header.number == last => {
            if !whole {
                opened.damaged.push(Damage { from: 0, to: RECORDS_AT, cause: DamageCause::HeaderCopy, segment: last });
                file.write_at(&header.encode(), 0).map_err(io("mend"))?;
                file.sync_all().map_err(io("sync"))?;
            }
            let damage_before = opened.damaged.len();
            let active = read_last(file, &header, &mut opened).map_err(io("read"))?;
            (active, opened.damaged.len() == damage_before)
        }
        HeaderFound::Known { .. } | HeaderFound::Damaged => {
            opened.damaged.push(Damage::segment(last, DamageCause::HeaderLost));
            let len = file.len().map_err(io("read"))?.next_multiple_of(8);
            let next_seq = seq_bound(dir, &*files, &segments)?;
            let len = segment::clip(len);
            (Active { number: last, file, seed: 0, len, next_seq, chain: blake3::Hasher::new() }, false)
        }
    };
    if let Some(torn) = opened.torn {
        tracing::info!(segment = torn.segment, bytes = torn.to - torn.from, "cut off an interrupted write");
    }
    for damage in &opened.damaged {
        tracing::warn!(?damage, "the journal is damaged");
    }
    let mut journal = assemble(dir, files, options, active, segments);
    // Nothing is added to a damaged file.
    journal.seal_next = !intact;
    Ok((journal, opened))
}

fn assemble(dir: &Path, files: Arc<dyn Files>, options: Options, active: Active, segments: BTreeSet<u32>) -> Journal {
    let end = Position { segment: active.number, offset: active.len };
    let shared = Arc::new(Shared::new(dir.to_path_buf(), Arc::clone(&files), segments, end));
    let dir = dir.to_path_buf();
    Journal { dir, files, options, active, seal_next: false, group: Group::default(), poisoned: None, shared }
}

fn create_first(dir: &Path, files: &dyn Files, options: &Options) -> Result<Active, JournalError> {
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        files.sync_dir(parent).map_err(|e| JournalError::io("sync", parent, e))?;
    }
    let salt = super::segment_salt(&options.salt, 1);
    let header = Header { number: 1, first_seq: 1, salt, previous: [0; 32] };
    Ok(Active::begin(&header, create_segment(dir, files, &header)?))
}

/// The numbers of the segments there are; removes what an interrupted creation left.
fn list_segments(dir: &Path, files: &dyn Files) -> Result<BTreeSet<u32>, JournalError> {
    let names = files.list(dir).map_err(|e| JournalError::io("list", dir, e))?;
    for name in names.iter().filter(|name| name.starts_with("seg-") && name.ends_with(".tmp")) {
        let path = dir.join(name);
        files.remove(&path).map_err(|e| JournalError::io("remove", &path, e))?;
    }
    Ok(names.iter().filter_map(|name| segment_number(name)).collect())
}

/// A number above that of every record there can be, from the last readable header on.
fn seq_bound(dir: &Path, files: &dyn Files, segments: &BTreeSet<u32>) -> Result<u64, JournalError> {
    let mut bound = 1;
    for number in segments.iter().rev() {
        let path = segment_path(dir, *number);
        let io = |e| JournalError::io("read", &path, e);
        let file = files.open(&path, Mode::Read).map_err(io)?;
        bound += file.len().map_err(io)? / HEAD_BYTES as u64 + 1;
        if let HeaderFound::Known { header, .. } = Header::read(&*file).map_err(io)? {
            return Ok(header.first_seq + bound);
        }
    }
    // No header at all: far above what any journal without a readable header can hold.
    Ok(bound + (1 << 40))
}

/// Reads the last segment, cuts off an interrupted commit, and makes sure that what is left is on the disk.
fn read_last(file: Arc<dyn FileHandle>, header: &Header, opened: &mut Opened) -> io::Result<Active> {
    let mut active = Active::begin(header, Arc::clone(&file));
    let len = file.len()?;
    // Far above what the writer makes, and far enough below the end of 32 bits to count on.
    let end = u32::try_from(len).ok().filter(|len| *len <= u32::MAX / 2).ok_or(io::ErrorKind::FileTooLarge)?;
    let mut walk = Walk::new(Arc::clone(&file), active.seed, RECORDS_AT, end, Some(header.first_seq));
    let mut tail = Tail::new(header.first_seq);
    loop {
        let expected_seq = walk.next_seq();
        let Some(step) = walk.step()? else { break };
        match step {
            Step::Record { offset, head, .. } => tail.record(offset, walk.offset(), &head, &mut active.chain),
            Step::Erased { offset, head, finished } => {
                if !finished {
                    wipe::finish(&*file, u64::from(offset), &head)?;
                    opened.wipes_finished += 1;
                }
                tail.record(offset, walk.offset(), &head, &mut active.chain);
            }
            Step::Damaged(hole) => tail.damaged(hole, expected_seq),
        }
    }
    if opened.wipes_finished > 0 {
        file.sync_data()?;
    }
    let torn = tail.is_torn(end);
    if torn {
        active.len = tail.group_from;
        active.next_seq = tail.group_seq;
        file.set_len(u64::from(active.len))?;
        file.sync_all()?;
        opened.torn = Some(Torn { segment: header.number, from: active.len, to: end });
    } else {
        active.chain.update(&tail.chained);
        active.len = end.max(RECORDS_AT).next_multiple_of(8);
        active.next_seq = walk.next_seq();
        tail.confirmed.append(&mut tail.suspects);
        if tail.confirmed.is_empty() {
            rewrite(&*file, tail.group_from, end)?;
        } else {
            // Damage at the very end may hide records; their numbers are not given again.
            active.next_seq += u64::from(end.saturating_sub(tail.good_to)) / HEAD_BYTES as u64;
        }
    }
    opened.damaged.extend(tail.confirmed.iter().map(|hole| Damage::range(header.number, *hole)));
    Ok(active)
}

/// Writes the last commit once more over itself and syncs. After a failed sync the system may show bytes that never
/// reached the disk and call them clean; a process that starts then must not build on them.
fn rewrite(file: &dyn FileHandle, from: u32, to: u32) -> io::Result<()> {
    if from < to {
        let mut bytes = vec![0; (to - from) as usize];
        file.read_exact_at(&mut bytes, u64::from(from))?;
        file.write_at(&bytes, u64::from(from))?;
    }
    file.sync_data()
}

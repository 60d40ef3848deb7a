//! Going through the journal in order, streaming: what an index is rebuilt from.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::opening::{Damage, DamageCause};
use super::reader::Shared;
use super::{JournalError, Location, Position, segment_path};
use crate::segment::{self, Header, RECORDS_AT, Step, Walk};

/// One finding of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A record as it was written.
    Record {
        /// Where it stands.
        at: Location,
        /// Its kind.
        kind: u8,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// A record whose payload was wiped.
    Erased {
        /// Where it stands.
        at: Location,
        /// Its kind.
        kind: u8,
    },
    /// Bytes that cannot be read; what was there must be fetched again. The scan goes on behind.
    Damaged(Damage),
}

/// Iterator over the durable records; see [`Reader::scan`](super::Reader::scan). After an error it ends.
#[derive(Debug)]
pub struct Scan {
    shared: Arc<Shared>,
    at: Position,
    walk: Option<Walk>,
    wipes: u64,
    failed: bool,
}

impl Scan {
    pub(super) fn new(shared: Arc<Shared>, from: Position) -> Self {
        Self { shared, at: from, walk: None, wipes: 0, failed: false }
    }

    /// Behind the last finding: where another scan would go on.
    pub fn position(&self) -> Position {
        self.at
    }

    fn advance(&mut self) -> Result<Option<Scanned>, JournalError> {
        loop {
            let end = self.shared.end();
            if self.at >= end {
                return Ok(None);
            }
            // A walk made when this segment was still growing ends where it ended then.
            if let Some(mut walk) = self.walk.take() {
                if let Some(found) = self.step(&mut walk)? {
                    self.walk = Some(walk);
                    return Ok(Some(found));
                }
                if self.at.segment == end.segment || self.at.offset < self.segment_end(end)? {
                    let resumed = self.begin(end, Some(walk.next_seq()))?;
                    self.walk = Some(resumed);
                } else {
                    self.at = Position { segment: self.at.segment + 1, offset: 0 };
                }
                continue;
            }
            let Some(segment) = self.shared.segment_from(self.at.segment) else { return Ok(None) };
            if segment > self.at.segment {
                let absent = self.at.segment;
                let was_there = self.shared.segment_from(0).is_some_and(|first| first < absent);
                self.at = Position { segment: if was_there { absent + 1 } else { segment }, offset: 0 };
                if was_there {
                    return Ok(Some(Scanned::Damaged(Damage::segment(absent, DamageCause::SegmentMissing))));
                }
                continue;
            }
            if self.shared.sheet(segment)?.header.is_none() {
                self.at = Position { segment: segment + 1, offset: 0 };
                return Ok(Some(Scanned::Damaged(Damage::segment(segment, DamageCause::HeaderLost))));
            }
            let walk = self.begin(end, None)?;
            self.walk = Some(walk);
        }
    }

    /// A walk from the current position to the committed end of its segment.
    fn begin(&mut self, end: Position, next_seq: Option<u64>) -> Result<Walk, JournalError> {
        let sheet = self.shared.sheet(self.at.segment)?;
        let first = self.at.offset <= RECORDS_AT;
        self.at.offset = self.at.offset.max(RECORDS_AT);
        let to = self.segment_end(end)?;
        let known = next_seq.or(sheet.header.as_ref().filter(|_| first).map(|header| header.first_seq));
        let seed = sheet.header.as_ref().map_or(0, Header::seed);
        self.wipes = self.shared.wipes.load(Ordering::Acquire);
        Ok(Walk::new(Arc::clone(&sheet.file), seed, self.at.offset, to, known))
    }

    fn segment_end(&self, end: Position) -> Result<u32, JournalError> {
        if self.at.segment == end.segment {
            return Ok(end.offset);
        }
        let sheet = self.shared.sheet(self.at.segment)?;
        let len = sheet.file.len().map_err(|e| self.io(e))?;
        Ok(segment::clip(len))
    }

    fn step(&mut self, walk: &mut Walk) -> Result<Option<Scanned>, JournalError> {
        let shared = Arc::clone(&self.shared);
        let _quiet = shared.wiping.read().unwrap_or_else(PoisonError::into_inner);
        let wipes = shared.wipes.load(Ordering::Acquire);
        if wipes != self.wipes {
            self.wipes = wipes;
            walk.forget_window();
        }
        let Some(step) = walk.step().map_err(|e| self.io(e))? else { return Ok(None) };
        let segment = self.at.segment;
        self.at.offset = walk.offset();
        Ok(Some(match step {
            Step::Record { offset, head, payload } => {
                Scanned::Record { at: Location { segment, offset, len: head.len }, kind: head.kind, payload }
            }
            Step::Erased { offset, head, .. } => {
                Scanned::Erased { at: Location { segment, offset, len: head.len }, kind: head.kind }
            }
            Step::Damaged(hole) => Scanned::Damaged(Damage::range(segment, hole)),
        }))
    }

    fn io(&self, error: std::io::Error) -> JournalError {
        JournalError::io("read", &segment_path(&self.shared.dir, self.at.segment), error)
    }
}

impl Iterator for Scan {
    type Item = Result<Scanned, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.advance().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

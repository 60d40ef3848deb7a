//! Re-reading whole segments at leisure: finds damage before anyone needs the bytes.

use std::sync::{Arc, PoisonError};

use super::opening::{Damage, DamageCause};
use super::{JournalError, Location, Reader, segment_path};
use crate::record;
use crate::segment::{self, RECORDS_AT, Step, Walk};

/// Whether a segment's header names the segment before it as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// There is no earlier segment.
    First,
    /// The hashes agree.
    Holds,
    /// The earlier segment is missing, damaged or another one, or was damaged when this one was begun.
    Broken,
}

/// What a scrub of one segment found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentReport {
    /// Good records.
    pub records: u64,
    /// Wiped records.
    pub erased: u64,
    /// Records whose wiping was interrupted: wipe them again.
    pub wipes_unfinished: Vec<Location>,
    /// What cannot be read.
    pub damaged: Vec<Damage>,
    /// How it hangs together with the segment before; known when that one is scrubbed first (see `chain_hash`).
    pub chain: Chain,
    /// Hash over header and record heads (kind, length, number): what the next segment's header must hold.
    pub chain_hash: [u8; 32],
}

impl Reader {
    /// Reads the committed part of a segment and checks everything in it. `previous` is the report of the segment
    /// before, if one was made. Costs one sequential read; wipes wait for each MiB of it.
    pub fn scrub(&self, segment: u32, previous: Option<&SegmentReport>) -> Result<SegmentReport, JournalError> {
        let shared = self.shared();
        let path = segment_path(&shared.dir, segment);
        // Anew, so that damage to the header since it was first read is seen.
        shared.forget(segment);
        let sheet = shared.sheet(segment)?;
        let end = shared.end();
        let mut report = SegmentReport {
            records: 0,
            erased: 0,
            wipes_unfinished: Vec::new(),
            damaged: Vec::new(),
            chain: Chain::Broken,
            chain_hash: [0; 32],
        };
        let Some(header) = &sheet.header else {
            report.damaged.push(Damage::segment(segment, DamageCause::HeaderLost));
            return Ok(report);
        };
        if !sheet.whole {
            let cause = DamageCause::HeaderCopy;
            report.damaged.push(Damage { segment, from: 0, to: RECORDS_AT, cause });
        }
        if header.previous == [0; 32] && shared.segment_from(0) == Some(segment) {
            report.chain = Chain::First;
        } else if previous.is_some_and(|before| before.chain_hash == header.previous) {
            report.chain = Chain::Holds;
        }
        let len = match segment == end.segment {
            true => end.offset,
            false => {
                let len = sheet.file.len().map_err(|e| JournalError::io("read", &path, e))?;
                segment::clip(len)
            }
        };
        let mut chain = blake3::Hasher::new();
        chain.update(&header.encode());
        let mut walk = Walk::new(Arc::clone(&sheet.file), header.seed(), RECORDS_AT, len, Some(header.first_seq));
        let mut wipes = 0;
        loop {
            let _quiet = shared.wiping.read().unwrap_or_else(PoisonError::into_inner);
            let now = shared.wipes.load(std::sync::atomic::Ordering::Acquire);
            if now != wipes {
                wipes = now;
                walk.forget_window();
            }
            match walk.step().map_err(|e| JournalError::io("read", &path, e))? {
                None => break,
                Some(Step::Record { head, .. }) => {
                    report.records += 1;
                    chain.update(&record::chain_bytes(&head));
                }
                Some(Step::Erased { offset, head, finished }) => {
                    report.erased += 1;
                    chain.update(&record::chain_bytes(&head));
                    if !finished {
                        report.wipes_unfinished.push(Location { segment, offset, len: head.len });
                    }
                }
                Some(Step::Damaged(hole)) => {
                    if let Some(head) = hole.head {
                        chain.update(&record::chain_bytes(&head));
                    }
                    report.damaged.push(Damage::range(segment, hole));
                }
            }
        }
        report.chain_hash = *chain.finalize().as_bytes();
        Ok(report)
    }
}

//! Wiping payloads in place, for erasure (§7.9). It does not know why, nor who asked.
//!
//! The order makes it safe against a crash: first the check value of the wiped form (four bytes inside one sector),
//! synced; from then on the record is wiped whatever else it says. Then zeros over the payload and the flag, synced.
//! Length, kind and number stay, and the chain hash covers only those.

use std::collections::BTreeMap;
use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::{Journal, JournalError, Location, segment_path};
use crate::files::{FileHandle, Mode};
use crate::record::{self, CRC_AT, FLAGS_AT, HEAD_BYTES, Head};
use crate::segment::Header;

/// Zeros written at once.
const ZEROS: &[u8] = &[0; 64 << 10];
/// What file systems give out at once.
const BLOCK_BYTES: u64 = 4096;

impl Journal {
    /// Wipes the payload of one committed record; see [`Journal::wipe_all`].
    pub fn wipe(&mut self, at: Location) -> Result<(), JournalError> {
        self.wipe_all(&[at])
    }

    /// Overwrites the payloads of committed records with zeros, durable when it returns: two syncs a segment.
    ///
    /// Reading such a record fails with `Erased` from then on. Wiping twice does no harm; after an error or a crash
    /// the caller wipes again. A record already damaged is overwritten as far as its place is known and stays damaged.
    /// Fails without effect with `NotCommitted` when one of the places is beyond the last commit.
    pub fn wipe_all(&mut self, places: &[Location]) -> Result<(), JournalError> {
        let reader = self.reader();
        let mut by_segment = BTreeMap::<u32, Vec<Location>>::new();
        for at in places {
            if at.len as usize > record::RECORD_BYTES_MAX || !reader.is_committed(*at) {
                return Err(JournalError::NotCommitted { at: *at });
            }
            by_segment.entry(at.segment).or_default().push(*at);
        }
        for (segment, places) in by_segment {
            let path = segment_path(&self.dir, segment);
            // Its own descriptor: a failed sync here says nothing about the one that commits use.
            let file = self.files.open(&path, Mode::Write).map_err(|e| JournalError::io("open", &path, e))?;
            let sheet = self.shared.sheet(segment)?;
            let seed = sheet.header.as_ref().map(Header::seed);
            let _alone = self.shared.wiping.write().unwrap_or_else(PoisonError::into_inner);
            self.shared.wipes.fetch_add(1, Ordering::AcqRel);
            wipe_in(&*file, seed, &places).map_err(|e| JournalError::io("wipe", &path, e))?;
        }
        Ok(())
    }
}

fn wipe_in(file: &dyn FileHandle, seed: Option<u32>, places: &[Location]) -> io::Result<()> {
    let mut heads = Vec::with_capacity(places.len());
    for at in places {
        let head = read_head(file, seed, *at)?;
        if let (Some(head), Some(seed)) = (head, seed) {
            let check = record::erased_crc(seed, &head).to_le_bytes();
            file.write_at(&check, u64::from(at.offset) + CRC_AT as u64)?;
        }
        heads.push(head);
    }
    file.sync_data()?;
    for (at, head) in places.iter().zip(heads) {
        match head {
            Some(head) => finish(file, u64::from(at.offset), &head)?,
            None => zero(file, u64::from(at.offset) + HEAD_BYTES as u64, at.len as usize)?,
        }
    }
    file.sync_data()
}

/// The second half of wiping a record whose check value is already that of the wiped form. Does not sync.
pub(super) fn finish(file: &dyn FileHandle, offset: u64, head: &Head) -> io::Result<()> {
    file.write_at(&[head.flags | record::ERASED], offset + FLAGS_AT as u64)?;
    zero(file, offset + HEAD_BYTES as u64, record::footprint(head.len as usize) - HEAD_BYTES)
}

/// The head at a place, if it is one for a payload of that length.
fn read_head(file: &dyn FileHandle, seed: Option<u32>, at: Location) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD_BYTES];
    match file.read_exact_at(&mut bytes, u64::from(at.offset)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let head = seed.and_then(|seed| record::parse_head(&bytes, seed));
    Ok(head.filter(|head| head.len == at.len))
}

/// Writes zeros, but never beyond the end of the file, and gives whole blocks of them back.
fn zero(file: &dyn FileHandle, mut offset: u64, len: usize) -> io::Result<()> {
    let end = file.len()?.min(offset + len as u64);
    let (first, behind) = (offset.next_multiple_of(BLOCK_BYTES), end / BLOCK_BYTES * BLOCK_BYTES);
    while offset < end {
        let part = ZEROS.get(..(end - offset) as usize).unwrap_or(ZEROS);
        file.write_at(part, offset)?;
        offset += part.len() as u64;
    }
    if first < behind {
        file.give_back(first, behind - first);
    }
    Ok(())
}

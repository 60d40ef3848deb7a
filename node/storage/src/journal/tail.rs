//! The judgement of a segment's last commit: whole, interrupted by a crash, or damaged. It sees the findings of a walk
//! in order; it reads and writes nothing.
//!
//! A commit is written only after the sync of the one before has returned, so whatever has a later commit behind it was
//! synced, and damage there is damage. Damage inside the last commit is ambiguous: bytes that were never written read as
//! zeros or are missing, bytes that changed do not. The first is cut off with its whole commit, the second is left in
//! place and reported.

use crate::record::{self, Head};
use crate::segment::{Hole, RECORDS_AT};

/// Follows the commits of a segment to judge the last one.
pub(super) struct Tail {
    /// Where the last commit begins, and the number of its first record.
    pub group_from: u32,
    pub group_seq: u64,
    /// Its last record has been seen, or there is no commit at all.
    complete: bool,
    /// Where the last good record ends.
    pub good_to: u32,
    /// Heads of the last commit.
    pub chained: Vec<u8>,
    /// Damage inside the last commit.
    pub suspects: Vec<Hole>,
    /// Damage before it.
    pub confirmed: Vec<Hole>,
}

impl Tail {
    pub(super) fn new(first_seq: u64) -> Self {
        Self {
            group_from: RECORDS_AT,
            group_seq: first_seq,
            complete: true,
            good_to: RECORDS_AT,
            chained: Vec::new(),
            suspects: Vec::new(),
            confirmed: Vec::new(),
        }
    }

    pub(super) fn record(&mut self, offset: u32, to: u32, head: &Head, chain: &mut blake3::Hasher) {
        if head.flags & record::BEGIN != 0 {
            self.confirmed.append(&mut self.suspects);
            self.group_from = offset;
            self.group_seq = head.seq;
            self.complete = false;
            chain.update(&self.chained);
            self.chained.clear();
        } else if self.complete && self.suspects.is_empty() {
            // The writer never does this; keep the record and judge it as a commit of its own.
            self.group_from = offset;
            self.group_seq = head.seq;
            self.complete = false;
        }
        if head.flags & record::END != 0 {
            self.complete = true;
        }
        self.chained.extend_from_slice(&record::chain_bytes(head));
        self.good_to = to;
    }

    pub(super) fn damaged(&mut self, hole: Hole, expected_seq: u64) {
        if self.complete {
            // Something was written after a complete commit, so that one had been synced.
            self.confirmed.append(&mut self.suspects);
            self.group_from = hole.from;
            self.group_seq = expected_seq;
            self.complete = false;
        }
        if let Some(head) = hole.head {
            self.chained.extend_from_slice(&record::chain_bytes(&head));
        }
        self.suspects.push(hole);
    }

    /// Whether the last commit is one that a crash interrupted.
    pub(super) fn is_torn(&self, end: u32) -> bool {
        let looks_unwritten = self.suspects.iter().any(|hole| hole.unwritten);
        let last_is_damaged = self.suspects.last().is_some_and(|hole| hole.to == end);
        match (self.complete, self.suspects.is_empty()) {
            (true, true) => false,
            (true, false) => looks_unwritten,
            // All records are good, but the one that ends the commit was never written.
            (false, true) => true,
            // The record that ends the commit is either what is damaged or was never written.
            (false, false) => looks_unwritten || !last_is_damaged,
        }
    }
}

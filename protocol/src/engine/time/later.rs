//! Proved entries whose time has not come: in memory only, so much of each writer; after a start they are fetched again.

use crate::clock::{Hlc, Millis, is_ahead};
use crate::entry::Entry;
use crate::ids::{EntryId, NodeId};
use crate::limits::{HELD_BYTES_PER_PEER_MAX, HELD_PER_PEER_MAX};
use std::collections::{BTreeMap, BTreeSet};

/// What an entry costs beside its body.
const HEADER_BYTES: usize = 256;

/// Entries of one chain that wait.
struct Run {
    writer: NodeId,
    due: Hlc,
    entries: Vec<Entry>,
}

impl Run {
    /// What it continues; an opening entry continues itself.
    fn after(&self) -> EntryId {
        let first = &self.entries[0];
        first.header.prev.unwrap_or(first.id)
    }

    fn size(&self) -> Room {
        let bytes = self.entries.iter().map(|entry| HEADER_BYTES + entry.header.body_len as usize).sum();
        Room { entries: self.entries.len(), bytes }
    }
}

#[derive(Clone, Copy, Default)]
struct Room {
    entries: usize,
    bytes: usize,
}

/// All that waits.
#[derive(Default)]
pub(crate) struct Later {
    /// By the first entry of each.
    runs: BTreeMap<EntryId, Run>,
    /// When the next is to be taken.
    due: BTreeSet<(Hlc, EntryId)>,
    /// What they continue, and how many do.
    after: BTreeMap<EntryId, usize>,
    taken: BTreeMap<NodeId, Room>,
}

impl Later {
    /// Whether something waits that continues this entry, or is this opening entry.
    pub(crate) fn waits(&self, after: &EntryId) -> bool {
        self.after.contains_key(after)
    }

    /// Whether this entry waits as the last of what is known of its chain.
    pub(crate) fn ends_with(&self, id: &EntryId) -> bool {
        self.runs.values().any(|run| run.entries.last().is_some_and(|last| last.id == *id))
    }

    /// Keeps a run until its time has come, if its writer has room left.
    pub(super) fn keep(&mut self, writer: NodeId, due: Hlc, entries: Vec<Entry>) {
        let Some(first) = entries.first().map(|entry| entry.id) else { return };
        self.take(&first);
        let run = Run { writer, due, entries };
        let (size, taken) = (run.size(), self.taken.get(&writer).copied().unwrap_or_default());
        let room = Room { entries: taken.entries + size.entries, bytes: taken.bytes + size.bytes };
        if room.entries > HELD_PER_PEER_MAX || room.bytes > HELD_BYTES_PER_PEER_MAX {
            return;
        }
        self.taken.insert(writer, room);
        self.due.insert((due, first));
        *self.after.entry(run.after()).or_default() += 1;
        self.runs.insert(first, run);
    }

    fn take(&mut self, first: &EntryId) -> Option<Run> {
        let run = self.runs.remove(first)?;
        self.due.remove(&(run.due, *first));
        if let Some(count) = self.after.get_mut(&run.after()) {
            *count -= 1;
            if *count == 0 {
                self.after.remove(&run.after());
            }
        }
        let size = run.size();
        if let Some(taken) = self.taken.get_mut(&run.writer) {
            taken.entries -= size.entries;
            taken.bytes -= size.bytes;
            if taken.entries == 0 {
                self.taken.remove(&run.writer);
            }
        }
        Some(run)
    }

    /// Takes out what is not ahead of the time any more.
    pub(super) fn take_due(&mut self, now: Millis) -> Vec<Vec<Entry>> {
        let mut due = Vec::new();
        while let Some((_, first)) = self.due.first().copied().filter(|(due, _)| !is_ahead(now, *due)) {
            let Some(run) = self.take(&first) else { break };
            due.push(run.entries);
        }
        due
    }
}

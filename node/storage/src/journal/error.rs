//! What can go wrong in the journal.

use std::io;
use std::path::{Path, PathBuf};

use super::Location;

/// A broken promise of the journal or of the disk under it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An earlier write or sync failed; see [`Journal::recover`](super::Journal::recover).
    #[error("the journal only reads since an earlier failure: {reason}")]
    Poisoned {
        /// The earlier failure.
        reason: String,
    },
    /// The payload exceeds `RECORD_BYTES_MAX`.
    #[error("a record of {bytes} bytes is too large")]
    RecordTooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The group exceeds `GROUP_BYTES_MAX`: commit first.
    #[error("{bytes} bytes wait for a commit already")]
    GroupFull {
        /// What waits.
        bytes: usize,
    },
    /// A file was written by a newer version of the program (INV-47).
    #[error("{} has format {version}, this program knows up to {known}: start the newer program", path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
        /// Ours.
        known: u32,
    },
    /// No durable record was ever at this place.
    #[error("nothing is committed at {at:?}")]
    NotCommitted {
        /// The place asked for.
        at: Location,
    },
    /// The bytes at this place are not what was written; fetch them again from a peer.
    #[error("the record at {at:?} is damaged")]
    Damaged {
        /// The place asked for.
        at: Location,
    },
    /// The payload was wiped.
    #[error("the record at {at:?} was wiped")]
    Erased {
        /// The place asked for.
        at: Location,
    },
}

impl JournalError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }

    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

//! How much of the disk the data folder takes, part by part.

use super::{FileError, Files};
use archipel_storage::space::{Level, Space};
use std::path::Path;

/// What the disk has and what is on it, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct DiskUse {
    /// Left to this program.
    pub free: u64,
    /// The whole disk.
    pub total: u64,
    /// What that allows.
    pub level: DiskLevel,
    /// Entries and bodies.
    pub journal: u64,
    /// What is derived from them.
    pub index: u64,
    /// Files and pictures.
    pub files: u64,
    /// Previews.
    pub thumbs: u64,
}

/// What the room on the disk allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskLevel {
    /// Everything.
    Ok,
    /// No files and no bodies from other sites.
    Low,
    /// Only reading.
    Critical,
}

impl Files {
    /// Measures the data folder: a walk over the names in it.
    ///
    /// # Errors
    /// When the disk cannot be asked.
    pub async fn measure(&self) -> Result<DiskUse, FileError> {
        self.blocking(|inner| {
            let data = inner.spool.parent().unwrap_or(Path::new("."));
            let space = Space::of(data)?;
            Ok(DiskUse {
                free: space.free_bytes,
                total: space.total_bytes,
                level: match space.level() {
                    Level::Ample => DiskLevel::Ok,
                    Level::Low => DiskLevel::Low,
                    Level::Critical => DiskLevel::Critical,
                },
                journal: bytes_under(&data.join("journal")),
                index: bytes_under(&data.join("index")),
                files: bytes_under(&data.join("blobs")),
                thumbs: bytes_under(&data.join("thumbs")),
            })
        })
        .await
    }

    /// Bytes left on the disk of the data folder.
    ///
    /// # Errors
    /// When the disk cannot be asked.
    pub async fn free(&self) -> Result<u64, FileError> {
        self.blocking(|inner| Ok(Space::of(inner.spool.parent().unwrap_or(Path::new(".")))?.free_bytes)).await
    }

    /// The length of a file that lies here; 0 when it does not.
    pub fn len_here(&self, blob: protocol::ids::BlobId) -> u64 {
        self.0.blobs.len(&blob.0).unwrap_or(0)
    }
}

/// Lengths of all files below a folder. What goes meanwhile is not counted.
fn bytes_under(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_under(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |found| found.len()),
        _ => 0,
    });
    sizes.sum()
}

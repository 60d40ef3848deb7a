//! Room on the disk (rule 5.3.7): how much is left, what that allows, and a reserve to give up in need.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Below this, or below [`LOW_PERCENT`], nothing large is accepted any more.
pub const LOW_BYTES: u64 = 512 << 20;
/// See [`LOW_BYTES`].
pub const LOW_PERCENT: u64 = 2;
/// Below this the node only reads: a commit and an index must still fit.
pub const CRITICAL_BYTES: u64 = 128 << 20;
/// Size of the reserve: room for what an administrator must do to get out of a full disk.
pub const BALLAST_BYTES: u64 = 64 << 20;

/// Room on the file system of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes this process may still write.
    pub free_bytes: u64,
    /// Bytes of the whole file system.
    pub total_bytes: u64,
}

/// What the room allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything.
    Ample,
    /// No bodies from peers and no uploads.
    Low,
    /// Only reading.
    Critical,
}

impl Space {
    /// Asks the file system.
    pub fn of(dir: &Path) -> io::Result<Self> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(Self {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    /// What this room allows.
    pub fn level(self) -> Level {
        let low_share = self.total_bytes / 100 * LOW_PERCENT;
        if self.free_bytes < CRITICAL_BYTES {
            Level::Critical
        } else if self.free_bytes < LOW_BYTES.max(low_share) {
            Level::Low
        } else {
            Level::Ample
        }
    }
}

/// Whether a folder is on a file system that other machines write to.
#[cfg(target_os = "linux")]
pub(crate) fn is_network(dir: &Path) -> io::Result<bool> {
    // NFS, SMB, CIFS, SMB2, AFS, Ceph, 9P: the numbers of statfs(2).
    const NETWORK: [u32; 7] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f, 0x00c3_6400, 0x0102_1997];
    Ok(NETWORK.contains(&(rustix::fs::statfs(dir)?.f_type as u32)))
}

/// Whether a folder is on a file system that other machines write to; not known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_network(_dir: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The reserve, a file of zeros.
#[derive(Clone, Debug)]
pub struct Ballast {
    path: PathBuf,
}

impl Ballast {
    /// The reserve of a data folder.
    pub fn of(data: &Path) -> Self {
        Self { path: data.join("ballast") }
    }

    /// Lays the reserve in if it is not whole. Call it when there is ample room; a full disk is an error and leaves
    /// nothing behind.
    pub fn lay_in(&self) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|found| found.len() == BALLAST_BYTES) {
            return Ok(());
        }
        let result = self.write();
        if result.is_err() {
            self.give_up()?;
        }
        result
    }

    /// Gives the reserve up, which frees its room. Whether there was one.
    pub fn give_up(&self) -> io::Result<bool> {
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&self) -> io::Result<()> {
        // Written, not just reserved: on every file system that takes the room.
        let block = vec![0x5a; 1 << 20];
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&self.path)?;
        for _ in 0..BALLAST_BYTES / block.len() as u64 {
            file.write_all(&block)?;
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_rule() {
        let level = |free_bytes, total_bytes| Space { free_bytes, total_bytes }.level();
        let gib = 1 << 30;
        assert_eq!(level(100 * gib, 500 * gib), Level::Ample);
        assert_eq!(level(9 * gib, 500 * gib), Level::Low);
        assert_eq!(level(LOW_BYTES - 1, 5 * gib), Level::Low);
        assert_eq!(level(CRITICAL_BYTES - 1, 500 * gib), Level::Critical);
        assert_eq!(level(LOW_BYTES, 5 * gib), Level::Ample);
    }

    #[test]
    fn the_reserve_is_laid_in_and_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast::of(dir.path());
        ballast.lay_in().unwrap();
        assert_eq!(fs::metadata(dir.path().join("ballast")).unwrap().len(), BALLAST_BYTES);
        assert!(ballast.give_up().unwrap());
        assert!(!ballast.give_up().unwrap());
        assert!(Space::of(dir.path()).unwrap().total_bytes > 0);
    }
}

//! One process a data folder, and no older program on newer data. It does not know what else is in the folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Version of the layout of the whole data folder, in its file VERSION. Raised with every change an older program
/// could not read.
pub const FOLDER_VERSION: u32 = 1;

/// A data folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by another process{}: stop that one first, or give another folder with --data", dir.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// What that process wrote into LOCK.
        pid: Option<u32>,
    },
    /// A newer program has written it (INV-47).
    #[error("{} has version {found}, this program knows up to {FOLDER_VERSION}: start the newer program", dir.display())]
    Newer {
        /// The folder.
        dir: PathBuf,
        /// Its version.
        found: u32,
    },
    /// VERSION holds something else than a number.
    #[error("the file VERSION in {} holds no number: restore it from the backup, or write 1 into it if this program made the folder", dir.display())]
    UnreadableVersion {
        /// The folder.
        dir: PathBuf,
    },
    /// It is on a network file system, whose locks and syncs cannot be relied on (rule 5.3.8).
    #[error("{} is on a network file system, on which written data is not safe: give a folder on a disk of this machine with --data, \
         or insist with --network-folder", dir.display())]
    Network {
        /// The folder.
        dir: PathBuf,
    },
    /// The disk refused.
    #[error("cannot use {} as the data folder: {source}; it must be a folder that this user may write", dir.display())]
    Io {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Whether a network file system is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFolders {
    /// The usual case.
    Refuse,
    /// The administrator insists.
    Accept,
}

/// The right to use a data folder, until dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
    dir: PathBuf,
}

impl FolderLock {
    /// Takes the lock of a data folder (made if need be, for the owner only) and checks its version.
    pub fn take(dir: &Path, network: NetworkFolders) -> Result<Self, LockError> {
        let io = |source| LockError::Io { dir: dir.to_path_buf(), source };
        crate::files::Files::create_dir(&crate::files::Disk, dir).map_err(io)?;
        if network == NetworkFolders::Refuse && crate::space::is_network(dir).map_err(io)? {
            return Err(LockError::Network { dir: dir.to_path_buf() });
        }
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(dir.join("LOCK")).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The number is a courtesy; without it the message still names the folder.
                let _ = (&mut file).take(16).read_to_string(&mut text);
                return Err(LockError::InUse { dir: dir.to_path_buf(), pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        check_version(dir)?;
        file.set_len(0).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file, dir: dir.to_path_buf() })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn check_version(dir: &Path) -> Result<(), LockError> {
    let io = |source| LockError::Io { dir: dir.to_path_buf(), source };
    let path = dir.join("VERSION");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let temporary = dir.join("VERSION.tmp");
            let mut file = File::create(&temporary).map_err(io)?;
            writeln!(file, "{FOLDER_VERSION}").and_then(|()| file.sync_all()).map_err(io)?;
            fs::rename(&temporary, &path).and_then(|()| File::open(dir)?.sync_all()).map_err(io)?;
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(LockError::UnreadableVersion { dir: dir.to_path_buf() });
        }
        other => other.map_err(io)?,
    };
    match text.trim().parse::<u32>() {
        Ok(found) if found > FOLDER_VERSION => Err(LockError::Newer { dir: dir.to_path_buf(), found }),
        Ok(_) => Ok(()),
        Err(_) => Err(LockError::UnreadableVersion { dir: dir.to_path_buf() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_told_who_has_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = FolderLock::take(dir.path(), NetworkFolders::Refuse).unwrap();
        let error = FolderLock::take(dir.path(), NetworkFolders::Refuse).unwrap_err();
        assert!(matches!(&error, LockError::InUse { pid: Some(pid), .. } if *pid == std::process::id()));
        assert!(error.to_string().contains(&dir.path().display().to_string()));
        drop(first);
        FolderLock::take(dir.path(), NetworkFolders::Refuse).unwrap();
    }

    #[test]
    fn an_older_program_refuses_a_newer_folder() {
        let dir = tempfile::tempdir().unwrap();
        drop(FolderLock::take(dir.path(), NetworkFolders::Refuse).unwrap());
        fs::write(dir.path().join("VERSION"), "2\n").unwrap();
        let error = FolderLock::take(dir.path(), NetworkFolders::Refuse).unwrap_err();
        assert!(matches!(error, LockError::Newer { found: 2, .. }));
        fs::write(dir.path().join("VERSION"), "soup").unwrap();
        let error = FolderLock::take(dir.path(), NetworkFolders::Refuse).unwrap_err();
        assert!(matches!(error, LockError::UnreadableVersion { .. }));
    }
}

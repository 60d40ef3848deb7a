//! A disk in memory that forgets, tears and refuses, for tests and simulations. It is built on what file systems
//! promise, not on what they usually do:
//!
//! - Bytes written survive a crash only once synced; before, any of their sectors may be there or not, and the file may
//!   be as long as if they all were (a hole reads as zeros). A write inside one sector happens wholly or not at all.
//! - Names made, changed or removed survive only once their folder is synced; before, each of them may or may not.
//! - A failed sync may lose what it should have kept, although it still reads back until the crash.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{FileHandle, Files, Mode};

mod state;

use state::{NameChange, State};

/// What of the unsynced is on the disk after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// Nothing: the kindest crash.
    Nothing,
    /// Everything, as after the end of a process alone.
    Everything,
    /// The first `changes` in the order they were made, and of the next one, if it is a write, `bytes`.
    Prefix {
        /// How many unsynced changes.
        changes: usize,
        /// How many bytes of the one behind them.
        bytes: usize,
    },
    /// Each 512-byte sector, length and name by a throw of the dice.
    Random {
        /// Start value of the dice.
        seed: u64,
    },
}

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The step fails with this kind of error; a write happens by half, a sync loses what it should have kept.
    Error(io::ErrorKind),
    /// This step and all later ones fail: the machine has stopped. [`FaultyDisk::crash`] tells what is left.
    Stop,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

impl FaultyDisk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// As the form the rooms above take it.
    pub fn files(&self) -> Arc<dyn Files> {
        Arc::new(self.clone())
    }

    /// Changing calls so far: creations, writes, cuts, syncs, renames and removals.
    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Makes the changing call number `step` (the first is 1) go wrong.
    pub fn fail_at(&self, step: u64, fault: Fault) {
        self.lock().faults.insert(step, fault);
    }

    /// Bytes that all files together may have; `None` for no limit. A write beyond it fails as on a full disk.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes;
    }

    /// Number of changes that a crash could undo.
    pub fn unsynced(&self) -> usize {
        self.lock().unsynced()
    }

    /// The disk as a new process finds it after a crash at this moment. The old one is left as it is.
    pub fn crash(&self, survives: Survives) -> Self {
        Self { state: Arc::new(Mutex::new(self.lock().crash(survives))) }
    }

    /// The content of a file, as it reads now.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        state.names.get(path).map(|inode| state.inode(*inode).now.clone())
    }

    /// Replaces the content of a file durably, past all faults: for tests that damage it.
    pub fn set_content(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.lock();
        if let Some(inode) = state.names.get(path).copied() {
            let inode = state.inode_mut(inode);
            inode.pending.clear();
            inode.durable = bytes.clone();
            inode.now = bytes;
        }
    }

    /// The names of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.lock().names.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for FaultyDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let above: Vec<PathBuf> = path.ancestors().map(Path::to_path_buf).collect();
        for dir in above.into_iter().rev().filter(|dir| !dir.as_os_str().is_empty()) {
            if !state.dirs.contains(&dir) && dir.parent().is_some_and(|parent| !parent.as_os_str().is_empty()) {
                state.step()?;
                state.change_name(NameChange::MakeDir(dir));
            } else {
                // What has no folder above it here is there from the start.
                state.dirs.insert(dir.clone());
                state.durable_dirs.insert(dir);
            }
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.lock();
        state.check_running()?;
        state.check_dir(dir)?;
        let inside = state.names.keys().chain(state.dirs.iter()).filter(|path| path.parent() == Some(dir));
        let mut names: Vec<String> =
            inside.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
        names.sort();
        Ok(names)
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn FileHandle>> {
        let mut state = self.lock();
        state.check_running()?;
        let found = state.names.get(path).copied();
        let inode = match (mode, found) {
            (Mode::CreateNew, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Mode::CreateNew, None) => {
                state.check_dir(path.parent().unwrap_or(Path::new("")))?;
                state.step()?;
                let inode = state.new_inode();
                state.change_name(NameChange::Link(path.to_path_buf(), inode));
                inode
            }
            (_, Some(inode)) => inode,
            (_, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(FaultyFile { disk: self.clone(), inode, writable: mode != Mode::Read }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        let Some(inode) = state.names.get(from).copied() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        state.check_dir(to.parent().unwrap_or(Path::new("")))?;
        state.change_name(NameChange::Rename(from.to_path_buf(), to.to_path_buf(), inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.check_running()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.step()?;
        state.change_name(NameChange::Unlink(path.to_path_buf()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        state.check_dir(dir)?;
        state.sync_dir(dir);
        Ok(())
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    inode: u64,
    writable: bool,
}

impl FaultyFile {
    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        let result = state.step();
        let keep = result.is_ok();
        if keep || !state.stopped {
            state.inode_mut(self.inode).sync(keep);
        }
        result
    }
}

impl FileHandle for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        state.check_running()?;
        let content = &state.inode(self.inode).now;
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.lock();
        let result = state.step();
        if state.stopped {
            return result;
        }
        let possible = if result.is_err() { bytes.len() / 2 } else { state.room(self.inode, offset, bytes.len()) };
        state.write(self.inode, offset, &bytes[..possible]);
        result?;
        if possible < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.lock();
        state.step()?;
        state.set_len(self.inode, len);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.lock();
        state.check_running()?;
        Ok(state.inode(self.inode).now.len() as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}

//! What the faulty disk holds: for each file the content as it reads now, the content that is durable, and the changes
//! between the two; for names the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::{Fault, Survives};

const SECTOR_BYTES: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub names: BTreeMap<PathBuf, u64>,
    pub dirs: BTreeSet<PathBuf>,
    pub durable_names: BTreeMap<PathBuf, u64>,
    pub durable_dirs: BTreeSet<PathBuf>,
    name_changes: Vec<(u64, NameChange)>,
    inodes: Vec<Inode>,
    pub steps: u64,
    pub faults: BTreeMap<u64, Fault>,
    pub capacity: Option<u64>,
    pub stopped: bool,
    /// Orders changes of all files and names.
    clock: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub now: Vec<u8>,
    pub durable: Vec<u8>,
    pub pending: Vec<(u64, Change)>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

#[derive(Clone, Debug)]
pub(super) enum NameChange {
    MakeDir(PathBuf),
    Link(PathBuf, u64),
    Unlink(PathBuf),
    /// With the file itself: a durable target does not depend on the source ever having been.
    Rename(PathBuf, PathBuf, u64),
}

impl State {
    /// Counts a changing call and lets it fail if that was asked for.
    pub(super) fn step(&mut self) -> io::Result<()> {
        self.check_running()?;
        self.steps += 1;
        match self.faults.get(&self.steps) {
            None => Ok(()),
            Some(Fault::Error(kind)) => Err((*kind).into()),
            Some(Fault::Stop) => {
                self.stopped = true;
                self.check_running()
            }
        }
    }

    pub(super) fn check_running(&self) -> io::Result<()> {
        if self.stopped { Err(io::Error::other("the machine has stopped")) } else { Ok(()) }
    }

    pub(super) fn check_dir(&self, dir: &Path) -> io::Result<()> {
        let known = dir.as_os_str().is_empty() || self.dirs.contains(dir);
        if known { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    pub(super) fn inode(&self, number: u64) -> &Inode {
        &self.inodes[number as usize]
    }

    pub(super) fn inode_mut(&mut self, number: u64) -> &mut Inode {
        &mut self.inodes[number as usize]
    }

    pub(super) fn new_inode(&mut self) -> u64 {
        self.inodes.push(Inode::default());
        self.inodes.len() as u64 - 1
    }

    pub(super) fn change_name(&mut self, change: NameChange) {
        apply_name(&mut self.names, &mut self.dirs, &change);
        self.clock += 1;
        self.name_changes.push((self.clock, change));
    }

    pub(super) fn write(&mut self, inode: u64, offset: u64, bytes: &[u8]) {
        self.change(inode, Change::Write(offset as usize, bytes.to_vec()));
    }

    pub(super) fn set_len(&mut self, inode: u64, len: u64) {
        self.change(inode, Change::SetLen(len as usize));
    }

    fn change(&mut self, inode: u64, change: Change) {
        self.clock += 1;
        let clock = self.clock;
        let inode = self.inode_mut(inode);
        apply(&mut inode.now, &change);
        inode.pending.push((clock, change));
    }

    /// How many of `len` bytes at `offset` still fit on the disk.
    pub(super) fn room(&self, inode: u64, offset: u64, len: usize) -> usize {
        let Some(capacity) = self.capacity else { return len };
        let used: u64 = self.names.values().map(|number| self.inode(*number).now.len() as u64).sum();
        let end = self.inode(inode).now.len() as u64;
        let most = (end + capacity.saturating_sub(used)).saturating_sub(offset);
        len.min(most as usize)
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) {
        let (names, dirs) = (&mut self.durable_names, &mut self.durable_dirs);
        self.name_changes.retain(|(_, change)| {
            let inside = change.paths().into_iter().any(|path| path.parent() == Some(dir));
            if inside {
                apply_name(names, dirs, change);
            }
            !inside
        });
    }

    pub(super) fn unsynced(&self) -> usize {
        self.name_changes.len() + self.inodes.iter().map(|inode| inode.pending.len()).sum::<usize>()
    }

    pub(super) fn crash(&self, survives: Survives) -> State {
        let mut dice = Dice(match survives {
            Survives::Random { seed } => seed,
            _ => 0,
        });
        let mut clocks: Vec<u64> =
            self.inodes.iter().flat_map(|inode| &inode.pending).map(|(clock, _)| *clock).collect();
        clocks.extend(self.name_changes.iter().map(|(clock, _)| *clock));
        clocks.sort_unstable();
        let whole = |clock: u64, dice: &mut Dice| match survives {
            Survives::Nothing => false,
            Survives::Everything => true,
            Survives::Prefix { changes, .. } => clocks.iter().position(|c| *c == clock).is_some_and(|at| at < changes),
            Survives::Random { .. } => dice.throw(2) == 0,
        };
        let torn = match survives {
            Survives::Prefix { changes, bytes } => clocks.get(changes).map(|clock| (*clock, bytes)),
            _ => None,
        };

        let (mut names, mut dirs) = (self.durable_names.clone(), self.durable_dirs.clone());
        for (clock, change) in &self.name_changes {
            if whole(*clock, &mut dice) {
                apply_name(&mut names, &mut dirs, change);
            }
        }
        names.retain(|path, _| path.parent().is_none_or(|dir| dir.as_os_str().is_empty() || dirs.contains(dir)));
        let inodes = self.inodes.iter().map(|inode| {
            let mut content = inode.durable.clone();
            let mut reach = content.len();
            for (clock, change) in &inode.pending {
                if let (Change::Write(offset, bytes), Survives::Random { .. }) = (change, survives) {
                    reach = reach.max(offset + bytes.len());
                    scatter(&mut content, *offset, bytes, &mut dice);
                } else if whole(*clock, &mut dice) {
                    apply(&mut content, change);
                } else if let (Change::Write(offset, bytes), Some((at, kept))) = (change, torn)
                    && at == *clock
                    && offset / SECTOR_BYTES != (offset + bytes.len()).saturating_sub(1) / SECTOR_BYTES
                {
                    apply(&mut content, &Change::Write(*offset, bytes[..kept.min(bytes.len())].to_vec()));
                }
            }
            if matches!(survives, Survives::Random { .. }) && dice.throw(2) == 0 {
                content.resize(reach.min(inode.now.len()).max(content.len()), 0);
            }
            Inode { now: content.clone(), durable: content, pending: Vec::new() }
        });
        let inodes = inodes.collect();
        State { durable_names: names.clone(), durable_dirs: dirs.clone(), names, dirs, inodes, ..State::default() }
    }
}

impl Inode {
    /// Makes pending changes durable, or loses them: what is lost still reads back, until a crash.
    pub(super) fn sync(&mut self, keep: bool) {
        for (_, change) in std::mem::take(&mut self.pending) {
            if keep {
                apply(&mut self.durable, &change);
            }
        }
    }
}

impl NameChange {
    fn paths(&self) -> Vec<&Path> {
        match self {
            Self::MakeDir(path) | Self::Link(path, _) | Self::Unlink(path) => vec![path],
            Self::Rename(from, to, _) => vec![from, to],
        }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::SetLen(len) => content.resize(*len, 0),
        Change::Write(_, bytes) if bytes.is_empty() => {}
        Change::Write(offset, bytes) => {
            let end = offset + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(bytes);
        }
    }
}

/// Writes each sector of `bytes` or not.
fn scatter(content: &mut Vec<u8>, offset: usize, bytes: &[u8], dice: &mut Dice) {
    let mut at = offset;
    while at < offset + bytes.len() {
        let end = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(offset + bytes.len());
        if dice.throw(2) == 0 {
            apply(content, &Change::Write(at, bytes[at - offset..end - offset].to_vec()));
        }
        at = end;
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, u64>, dirs: &mut BTreeSet<PathBuf>, change: &NameChange) {
    match change {
        NameChange::MakeDir(path) => {
            dirs.insert(path.clone());
        }
        NameChange::Link(path, inode) => {
            names.insert(path.clone(), *inode);
        }
        NameChange::Unlink(path) => {
            names.remove(path);
        }
        NameChange::Rename(from, to, inode) => {
            names.remove(from);
            names.insert(to.clone(), *inode);
        }
    }
}

/// Dice that fall the same way for the same start value.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

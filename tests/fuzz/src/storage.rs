//! What the storage room reads from a disk that may hold anything: journal segments, key-value logs, hash trees.

use crate::Target;
use archipel_storage::blobs::tree::Tree;
use archipel_storage::faults::FaultyDisk;
use archipel_storage::files::{Files, Mode};
use archipel_storage::journal::{Journal, Options, Position, Scanned};
use archipel_storage::kvlog::KvLog;
use std::path::Path;

/// The decoders.
pub const TARGETS: &[Target] = &[("journal", journal), ("kvlog", kvlog), ("tree", tree)];

const OPTIONS: Options = Options { segment_bytes: 4096, salt: [7; 16] };

/// A disk whose newest file of this folder was overwritten from some place on: what a program wrote, and then damage.
fn damaged(disk: &FaultyDisk, folder: &Path, bytes: &[u8]) -> Option<()> {
    let (place, bytes) = bytes.split_at_checked(2)?;
    let name = disk.list(folder).ok()?.into_iter().next_back()?;
    let file = disk.open(&folder.join(name), Mode::Write).ok()?;
    let place = u64::from(u16::from_be_bytes(place.try_into().ok()?)) % (file.len().ok()? + 1);
    file.write_at(bytes, place).ok()
}

fn journal(bytes: &[u8]) {
    let (disk, folder) = (FaultyDisk::new(), Path::new("journal"));
    if let Ok((mut journal, _)) = Journal::open(folder, disk.files(), OPTIONS) {
        for at in 0..4u8 {
            let _ = journal.append(1, &[at; 40]);
            let _ = journal.commit();
        }
    }
    if damaged(&disk, folder, bytes).is_none() {
        return;
    }
    let Ok((mut journal, _)) = Journal::open(folder, disk.files(), OPTIONS) else { return };
    for found in journal.scan(Position { segment: 0, offset: 0 }) {
        if let Ok(Scanned::Record { at, payload, .. }) = found {
            assert_eq!(journal.read(at).ok().as_deref(), Some(&payload[..]), "what a scan finds can be read");
        }
    }
    let written = journal.append(1, b"after");
    if let (Ok(at), Ok(_)) = (written, journal.commit()) {
        assert_eq!(journal.read(at).ok().as_deref(), Some(&b"after"[..]), "writing goes on behind the damage");
    }
}

fn kvlog(bytes: &[u8]) {
    let (disk, folder) = (FaultyDisk::new(), Path::new("local"));
    if let Ok((log, _)) = KvLog::open(folder, disk.files()) {
        for at in 0..4u8 {
            let _ = log.put(1, &[at; 8], &[at; 40]);
        }
    }
    if damaged(&disk, folder, bytes).is_none() {
        return;
    }
    if let Ok((log, _)) = KvLog::open(folder, disk.files()) {
        for (key, value) in log.prefix(1, &[], None, 100) {
            assert_eq!((key.len(), value.len()), (8, 40), "what is there is what was written");
        }
    }
}

fn tree(bytes: &[u8]) {
    let Some((len, rest)) = bytes.split_at_checked(4) else { return };
    let len = u64::from(u32::from_be_bytes(len.try_into().expect("four bytes")));
    if let Some(tree) = Tree::parse(len, rest) {
        assert_eq!(tree.to_bytes(), rest, "a tree has one form");
        assert_eq!(tree.len(), len);
        tree.root();
        let _ = tree.group(0);
        tree.verify(0, rest);
    }
}

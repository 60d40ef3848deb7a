//! A file being fetched from peers, in any order, over restarts: `<id>.part` with the bytes, `<id>.map` with what of
//! them is there and durable. It does not know the peers.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::tree::{GROUP_BYTES, Tree, groups};
use super::{BlobError, BlobId, Blobs, to_hex};
use crate::files::{FileHandle, Mode};

/// After this many new bytes the map is saved: what a crash costs at most.
pub const PARTIAL_SAVE_BYTES: u64 = 16 << 20;
/// Ranges a map may have: those of every second group of 512 MiB; writers fill gaps before making more.
const RANGES_MAX: usize = 4096;

/// What a map says: whether all of it was verified, and the ranges.
type Map = (bool, Vec<(u64, u64)>);

/// A download under way.
#[derive(Debug)]
pub struct Partial {
    blobs: Blobs,
    id: BlobId,
    len: u64,
    path: PathBuf,
    file: Arc<dyn FileHandle>,
    /// What is there: sorted, apart from each other, never empty.
    held: Vec<(u64, u64)>,
    unsaved: u64,
    /// All of it was verified by a tree whose root is the id; then it need not be read again at the end.
    verified: bool,
    /// Known from the start for a file of one group.
    tree: Option<Tree>,
}

impl Partial {
    pub(super) fn open(blobs: Blobs, id: BlobId, len: u64) -> Result<Self, BlobError> {
        let path = blobs.dir.join("partial").join(format!("{}.part", to_hex(&id)));
        let file = match blobs.files.open(&path, Mode::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A map left by an earlier download says nothing about the new file.
                blobs.remove_if_there(&path.with_extension("map"))?;
                blobs.files.open(&path, Mode::CreateNew)
            }
            other => other,
        };
        let file = file.map_err(BlobError::io("open", &path))?;
        let tree = (len <= GROUP_BYTES).then(|| Tree::single(id, len));
        let mut partial = Self { blobs, id, len, path, file, held: Vec::new(), unsaved: 0, verified: true, tree };
        match partial.load_map()? {
            Some((verified, held)) => (partial.verified, partial.held) = (verified, held),
            None => partial.file.set_len(0).map_err(BlobError::io("cut", &partial.path))?,
        }
        if partial.tree.is_none() {
            partial.tree = partial.load_tree()?;
        }
        Ok(partial)
    }

    /// The id it will have.
    pub fn id(&self) -> &BlobId {
        &self.id
    }

    /// Bytes that are there.
    pub fn held_bytes(&self) -> u64 {
        self.held.iter().map(|(from, to)| to - from).sum()
    }

    /// The first ranges that are not there yet, `from..to`, at most `limit` of them.
    pub fn missing(&self, limit: usize) -> Vec<(u64, u64)> {
        let mut out = Vec::new();
        let mut at = 0;
        for (from, to) in self.held.iter().copied().chain([(self.len, self.len)]) {
            if at < from && out.len() < limit {
                out.push((at, from));
            }
            at = to;
        }
        out
    }

    /// Writes bytes that cannot be verified on their own; the whole file is hashed at the end. Fails with `OutOfRange`
    /// beyond the end, or when the holes would become too many.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlobError> {
        self.verified &= bytes.is_empty();
        self.write(offset, bytes)
    }

    /// The tree that groups are verified with, once known; kept over restarts.
    pub fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// Takes the tree as a peer sent it. Fails with `Mismatch`, without effect, when it is not that of this file.
    pub fn set_tree(&mut self, tree: Tree) -> Result<(), BlobError> {
        if tree.len() != self.len || tree.root() != self.id {
            return Err(BlobError::Mismatch);
        }
        if self.tree.is_some() {
            return Ok(());
        }
        // Not synced: read back, it is checked against the id.
        let path = self.path.with_extension("tree");
        self.blobs.remove_if_there(&path)?;
        let file = self.blobs.files.open(&path, Mode::CreateNew).map_err(BlobError::io("create", &path))?;
        file.write_at(&tree.to_bytes(), 0).map_err(BlobError::io("write", &path))?;
        self.tree = Some(tree);
        Ok(())
    }

    /// Verifies one group with the tree and writes it. Fails with `Mismatch`, without effect, when the bytes are not that
    /// group: whoever sent them lied or erred. Fails with `OutOfRange` before the tree is known.
    pub fn write_group(&mut self, index: u64, bytes: &[u8]) -> Result<(), BlobError> {
        let tree = self.tree.as_ref().ok_or(BlobError::OutOfRange)?;
        if !tree.verify(index, bytes) {
            return Err(BlobError::Mismatch);
        }
        self.write(index * GROUP_BYTES, bytes)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlobError> {
        let to = offset.checked_add(bytes.len() as u64).filter(|to| *to <= self.len).ok_or(BlobError::OutOfRange)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let touches = self.held.iter().any(|(from, end)| *from <= to && offset <= *end);
        if !touches && self.held.len() >= RANGES_MAX {
            return Err(BlobError::OutOfRange);
        }
        self.file.write_at(bytes, offset).map_err(BlobError::io("write", &self.path))?;
        add(&mut self.held, offset, to);
        self.unsaved += bytes.len() as u64;
        if self.unsaved >= PARTIAL_SAVE_BYTES { self.save() } else { Ok(()) }
    }

    /// Makes what is there durable, so that a restart resumes from here.
    pub fn save(&mut self) -> Result<(), BlobError> {
        self.file.sync_all().map_err(BlobError::io("sync", &self.path))?;
        let mut bytes = vec![u8::from(self.verified)];
        bytes.extend_from_slice(&self.len.to_le_bytes());
        for (from, to) in &self.held {
            bytes.extend_from_slice(&from.to_le_bytes());
            bytes.extend_from_slice(&to.to_le_bytes());
        }
        bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
        let path = self.map_path();
        let temporary = path.with_extension("map-new");
        let files = &self.blobs.files;
        self.blobs.remove_if_there(&temporary)?;
        let map = files.open(&temporary, Mode::CreateNew).map_err(BlobError::io("create", &temporary))?;
        map.write_at(&bytes, 0).map_err(BlobError::io("write", &temporary))?;
        map.sync_all().map_err(BlobError::io("sync", &temporary))?;
        files.rename(&temporary, &path).map_err(BlobError::io("rename", &path))?;
        let folder = self.blobs.dir.join("partial");
        files.sync_dir(&folder).map_err(BlobError::io("sync", &folder))?;
        self.unsaved = 0;
        Ok(())
    }

    /// Verifies the whole and gives it its final name (INV-39). Fails with `Incomplete` while ranges are missing, and
    /// with `Mismatch` when the content is another, which throws all of it away.
    pub fn finish(self) -> Result<(), BlobError> {
        let missing = self.len - self.held_bytes();
        if missing > 0 {
            return Err(BlobError::Incomplete { missing });
        }
        self.file.sync_all().map_err(BlobError::io("sync", &self.path))?;
        let tree = match &self.tree {
            Some(tree) if self.verified => tree.clone(),
            _ => Tree::of_file(&*self.file).map_err(BlobError::io("read", &self.path))?,
        };
        if tree.root() != self.id {
            self.discard()?;
            return Err(BlobError::Mismatch);
        }
        self.blobs.settle(&self.path, &self.id, &tree)?;
        self.blobs.remove_if_there(&self.map_path())?;
        self.blobs.remove_if_there(&self.path.with_extension("tree"))
    }

    /// Throws the download away.
    pub fn discard(self) -> Result<(), BlobError> {
        self.blobs.remove_if_there(&self.map_path())?;
        self.blobs.remove_if_there(&self.path.with_extension("tree"))?;
        self.blobs.remove_if_there(&self.path)
    }

    fn map_path(&self) -> PathBuf {
        self.path.with_extension("map")
    }

    fn load_tree(&self) -> Result<Option<Tree>, BlobError> {
        let path = self.path.with_extension("tree");
        let file = match self.blobs.open_file(&path) {
            Err(BlobError::NotFound) => return Ok(None),
            other => other?,
        };
        let size = file.len().map_err(BlobError::io("read", &path))?;
        if size != groups(self.len) * 32 {
            return Ok(None);
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, 0).map_err(BlobError::io("read", &path))?;
        Ok(Tree::parse(self.len, &bytes).filter(|tree| tree.root() == self.id))
    }

    /// The map as last saved, if it is readable and for a file of this length.
    fn load_map(&self) -> Result<Option<Map>, BlobError> {
        let path = self.map_path();
        let file = match self.blobs.open_file(&path) {
            Err(BlobError::NotFound) => return Ok(None),
            other => other?,
        };
        let size = file.len().map_err(BlobError::io("read", &path))?;
        if size > (RANGES_MAX * 16 + 64) as u64 {
            return Ok(None);
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, 0).map_err(BlobError::io("read", &path))?;
        Ok(parse_map(&bytes, self.len))
    }
}

fn parse_map(bytes: &[u8], len: u64) -> Option<Map> {
    let (content, check) = bytes.split_last_chunk::<32>()?;
    if blake3::hash(content).as_bytes() != check {
        return None;
    }
    let (verified, rest) = content.split_first()?;
    let (stored_len, rest) = rest.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*stored_len) != len {
        return None;
    }
    let (words, _) = rest.as_chunks::<8>();
    let held = words.chunks_exact(2).map(|pair| (u64::from_le_bytes(pair[0]), u64::from_le_bytes(pair[1]))).collect();
    Some((*verified == 1, held))
}

/// Adds a range to a sorted list of ranges that do not touch.
fn add(held: &mut Vec<(u64, u64)>, from: u64, to: u64) {
    let first = held.partition_point(|(_, end)| *end < from);
    let last = held.partition_point(|(start, _)| *start <= to);
    let (mut from, mut to) = (from, to);
    if let Some(touched) = held.get(first..last).filter(|touched| !touched.is_empty()) {
        from = from.min(touched[0].0);
        to = to.max(touched[touched.len() - 1].1);
    }
    held.splice(first..last, [(from, to)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_kept_as_a_set_of_bytes(writes in proptest::collection::vec((0_u64..60, 1_u64..12), 0..20)) {
            let mut held = Vec::new();
            let mut naive = [false; 80];
            for (from, len) in writes {
                add(&mut held, from, from + len);
                naive[from as usize..(from + len) as usize].fill(true);
            }
            let mut seen = [false; 80];
            for (from, to) in &held {
                prop_assert!(from < to);
                seen[*from as usize..*to as usize].fill(true);
            }
            prop_assert_eq!(seen, naive);
            prop_assert!(held.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}

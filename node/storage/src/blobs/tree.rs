//! The hash tree of a file, cut above groups of 64 KiB: with it each group is verified on its own against the file's
//! BLAKE3 id, on reading and on arrival from a peer. The tree is content-addressed too: its root is the id.

use std::io;

use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

use super::BlobId;
use crate::files::FileHandle;

/// The unit of verification: 32 bytes of tree for each, 0.05 %.
pub const GROUP_BYTES: u64 = 64 << 10;

/// Number of groups of a file; an empty file has one.
pub fn groups(len: u64) -> u64 {
    len.div_ceil(GROUP_BYTES).max(1)
}

/// The values of all groups of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    len: u64,
    leaves: Vec<[u8; 32]>,
}

impl Tree {
    /// The tree of a file of a single group, which is its id.
    pub(super) fn single(id: BlobId, len: u64) -> Self {
        Self { len, leaves: vec![id] }
    }

    /// Reads what [`Tree::to_bytes`] wrote, for a file of `len` bytes. `None` when the number of values does not fit.
    /// Compare [`Tree::root`] with the id before trusting it.
    pub fn parse(len: u64, bytes: &[u8]) -> Option<Self> {
        let (leaves, rest) = bytes.as_chunks::<32>();
        (rest.is_empty() && leaves.len() as u64 == groups(len)).then(|| Self { len, leaves: leaves.to_vec() })
    }

    /// Reads a whole file.
    pub(super) fn of_file(file: &dyn FileHandle) -> io::Result<Self> {
        let mut builder = Builder::default();
        let mut buffer = vec![0; GROUP_BYTES as usize];
        let mut offset = 0;
        loop {
            match file.read_at(&mut buffer, offset)? {
                0 => return Ok(builder.finish()),
                n => {
                    builder.update(buffer.get(..n).unwrap_or_default());
                    offset += n as u64;
                }
            }
        }
    }

    /// The values one after the other, 32 bytes each.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.leaves.concat()
    }

    /// Length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id of the file that has this tree.
    pub fn root(&self) -> BlobId {
        match &self.leaves[..] {
            [only] => *only,
            leaves => {
                let (left, right) = split(leaves);
                *merge_subtrees_root(&inner(left), &inner(right), Mode::Hash).as_bytes()
            }
        }
    }

    /// First byte and length of a group; `None` when there is no such group.
    pub fn group(&self, index: u64) -> Option<(u64, usize)> {
        if index >= self.leaves.len() as u64 {
            return None;
        }
        let from = index * GROUP_BYTES;
        Some((from, (self.len - from).min(GROUP_BYTES) as usize))
    }

    /// Whether these bytes are that group.
    pub fn verify(&self, index: u64, bytes: &[u8]) -> bool {
        let Some((from, len)) = self.group(index) else { return false };
        bytes.len() == len && self.leaves.get(index as usize) == Some(&leaf(from, bytes, self.leaves.len() == 1))
    }
}

/// Computes tree and id of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Builder {
    done: Vec<[u8; 32]>,
    /// The group under way; hashed when it is known whether another one follows.
    group: Vec<u8>,
}

impl Builder {
    /// Adds the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.group.len() as u64 == GROUP_BYTES {
                let from = self.done.len() as u64 * GROUP_BYTES;
                self.done.push(leaf(from, &self.group, false));
                self.group.clear();
            }
            let room = GROUP_BYTES as usize - self.group.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.group.extend_from_slice(now);
            bytes = later;
        }
    }

    /// The tree of all bytes added.
    pub fn finish(mut self) -> Tree {
        let from = self.done.len() as u64 * GROUP_BYTES;
        let only = self.done.is_empty();
        self.done.push(leaf(from, &self.group, only));
        Tree { len: from + self.group.len() as u64, leaves: self.done }
    }
}

fn leaf(from: u64, bytes: &[u8], only: bool) -> [u8; 32] {
    if only {
        return *blake3::hash(bytes).as_bytes();
    }
    Hasher::new().set_input_offset(from).update(bytes).finalize_non_root()
}

/// BLAKE3 puts the largest power of two that leaves something over to the left.
fn split(leaves: &[[u8; 32]]) -> (&[[u8; 32]], &[[u8; 32]]) {
    leaves.split_at(leaves.len().div_ceil(2).next_power_of_two())
}

fn inner(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [only] => *only,
        [] => [0; 32],
        more => {
            let (left, right) = split(more);
            merge_subtrees_non_root(&inner(left), &inner(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_blake3_of_the_content() {
        let group = GROUP_BYTES as usize;
        for len in [0, 1, group - 1, group, group + 1, 2 * group, 3 * group, 5 * group + 7, 8 * group, 9 * group - 1] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            let mut builder = Builder::default();
            bytes.chunks(10_007).for_each(|chunk| builder.update(chunk));
            let tree = builder.finish();
            assert_eq!(tree.root(), *blake3::hash(&bytes).as_bytes(), "{len}");
            assert_eq!(tree.len(), len as u64);
            assert_eq!(Tree::parse(len as u64, &tree.to_bytes()), Some(tree.clone()));
            for index in 0..groups(len as u64) {
                let (from, part) = tree.group(index).unwrap();
                let mut content = bytes[from as usize..from as usize + part].to_vec();
                assert!(tree.verify(index, &content));
                if let Some(byte) = content.last_mut() {
                    *byte ^= 1;
                    assert!(!tree.verify(index, &content));
                }
            }
            assert!(tree.group(groups(len as u64)).is_none());
        }
    }
}

//! Reading a file, each group checked against the file's id before any of its bytes are handed out.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use super::BlobError;
use super::tree::{GROUP_BYTES, Tree};
use crate::files::FileHandle;

/// An open file. As `Read` and `Seek` it keeps one group at hand; damage shows as an error of kind `InvalidData`.
#[derive(Debug)]
pub struct BlobFile {
    file: Arc<dyn FileHandle>,
    path: PathBuf,
    tree: Tree,
    position: u64,
    /// The group last read, with its number.
    held: Option<(u64, Vec<u8>)>,
}

impl BlobFile {
    pub(super) fn new(file: Arc<dyn FileHandle>, path: PathBuf, tree: Tree) -> Self {
        Self { file, path, tree, position: 0, held: None }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.tree.len()
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// The tree, for sending it to a peer before the groups.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Reads one group of [`GROUP_BYTES`] (the last may be shorter), verified. Fails with `Mismatch` on damage.
    pub fn group(&self, index: u64) -> Result<Vec<u8>, BlobError> {
        let (from, len) = self.tree.group(index).ok_or(BlobError::OutOfRange)?;
        let mut bytes = vec![0; len];
        match self.file.read_exact_at(&mut bytes, from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(BlobError::Mismatch),
            other => other.map_err(BlobError::io("read", &self.path))?,
        }
        if self.tree.verify(index, &bytes) { Ok(bytes) } else { Err(BlobError::Mismatch) }
    }
}

impl Read for BlobFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.len() || buffer.is_empty() {
            return Ok(0);
        }
        let index = self.position / GROUP_BYTES;
        let bytes = match self.held.take() {
            Some((held, bytes)) if held == index => bytes,
            _ => self.group(index).map_err(|error| match error {
                BlobError::Io { source, .. } => source,
                other => io::Error::new(io::ErrorKind::InvalidData, other),
            })?,
        };
        let rest = bytes.get((self.position % GROUP_BYTES) as usize..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.position += n as u64;
        self.held = Some((index, bytes));
        Ok(n)
    }
}

impl Seek for BlobFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.len().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

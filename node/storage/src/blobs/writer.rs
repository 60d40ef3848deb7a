//! A file on its way in from a stream of unknown length: written to a temporary name, hashed on the way.

use std::path::PathBuf;
use std::sync::Arc;

use super::tree::Builder;
use super::{BlobError, BlobId, Blobs};
use crate::files::{FileHandle, Mode};

/// Bytes gathered before a write.
const BUFFER_BYTES: usize = 256 << 10;

/// Takes the bytes of a new file. Dropped before [`Writer::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Writer {
    blobs: Blobs,
    path: PathBuf,
    file: Arc<dyn FileHandle>,
    buffer: Vec<u8>,
    written: u64,
    limit: u64,
    tree: Builder,
    settled: bool,
}

impl Writer {
    pub(super) fn new(blobs: Blobs, path: PathBuf, limit: u64) -> Result<Self, BlobError> {
        let file = blobs.files.open(&path, Mode::CreateNew).map_err(BlobError::io("create", &path))?;
        let tree = Builder::default();
        Ok(Self { blobs, path, file, buffer: Vec::new(), written: 0, limit, tree, settled: false })
    }

    /// Bytes taken so far.
    pub fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Whether nothing has been taken yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next bytes. Fails with `TooLarge` before anything beyond the limit is written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        if self.len() + bytes.len() as u64 > self.limit {
            return Err(BlobError::TooLarge { limit: self.limit });
        }
        self.tree.update(bytes);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Makes the file durable under its id, and returns id and length. The same content stored before is replaced,
    /// which mends it should it have been damaged.
    pub fn finish(self) -> Result<(BlobId, u64), BlobError> {
        self.settle(None)
    }

    /// The same for content that must have this id. Fails with `Mismatch`, leaving nothing, when it has another.
    pub fn finish_as(self, id: &BlobId) -> Result<u64, BlobError> {
        self.settle(Some(id)).map(|(_, len)| len)
    }

    fn settle(mut self, expected: Option<&BlobId>) -> Result<(BlobId, u64), BlobError> {
        self.flush()?;
        self.file.sync_all().map_err(BlobError::io("sync", &self.path))?;
        let tree = std::mem::take(&mut self.tree).finish();
        let id = tree.root();
        if expected.is_some_and(|expected| *expected != id) {
            return Err(BlobError::Mismatch);
        }
        self.blobs.settle(&self.path, &id, &tree)?;
        self.settled = true;
        Ok((id, self.written))
    }

    fn flush(&mut self) -> Result<(), BlobError> {
        self.file.write_at(&self.buffer, self.written).map_err(BlobError::io("write", &self.path))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.settled {
            // Should this fail, the next start removes it.
            let _ = self.blobs.files.remove(&self.path);
        }
    }
}

//! A file of a known hash that comes in one stream: kept only if it is that file.

use super::{FileError, Files};
use archipel_storage::blobs::{BlobError, Writer};
use protocol::ids::BlobId;

/// A file on its way in. Dropped before it is whole, it leaves nothing.
#[derive(Debug)]
pub struct Arriving {
    blob: BlobId,
    size: u64,
    writer: Writer,
}

impl Files {
    /// Begins to take a file whose hash and length are known.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn arriving(&self, blob: BlobId, size: u64) -> Result<Arriving, FileError> {
        Ok(Arriving { blob, size, writer: self.0.blobs.writer(size)? })
    }
}

impl Arriving {
    /// Its hash.
    pub fn blob(&self) -> BlobId {
        self.blob
    }

    /// Whether all of its bytes came.
    pub fn is_whole(&self) -> bool {
        self.writer.len() == self.size
    }

    /// Takes the next bytes, on a thread that may wait for the disk.
    ///
    /// # Errors
    /// More than its length, or the disk's refusal.
    pub async fn write(mut self, bytes: Vec<u8>) -> Result<Self, FileError> {
        blocking(move || {
            self.writer.write(&bytes)?;
            Ok(self)
        })
        .await
    }

    /// Keeps it; false when its bytes are those of another file.
    ///
    /// # Errors
    /// The disk's refusal.
    pub async fn finish(self) -> Result<bool, FileError> {
        let Self { blob, writer, .. } = self;
        blocking(move || match writer.finish_as(&blob.0) {
            Ok(_) => Ok(true),
            Err(BlobError::Mismatch) => Ok(false),
            Err(error) => Err(error.into()),
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(FileError::Disk(error.to_string())))
}

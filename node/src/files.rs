//! Files by hash: taking uploads, giving files out, small pictures of pictures. It does not know who may read a file
//! (the engine is asked first) nor what a post is.

mod arriving;
mod gif;
mod jpeg;
mod kind;
pub mod measure;
mod picture;
mod png;
mod strip;
mod webp;

pub use arriving::Arriving;
pub use kind::Shown;

use archipel_storage::blobs::{BlobError, BlobFile, BlobState, Blobs, Thumbs};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use picture::Picture;
use protocol::ids::BlobId;
use protocol::limits::FILE_BYTES_MAX;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

/// Uploads under way in all.
const UPLOADS_MAX: usize = 16;
/// Megapixels decoded at once: one of the largest pictures, which takes 200 MB, or many small ones.
const MEGAPIXELS_AT_ONCE: u32 = 50;
/// Pictures decoded at once.
const PICTURES_AT_ONCE: usize = 2;
/// Pictures waiting to be decoded; more is "busy".
const PICTURES_WAITING_MAX: usize = 32;
/// An upload that trickles longer holds a place that others need.
const UPLOAD_WITHIN: Duration = Duration::from_secs(15 * 60);
/// The kind under which it is remembered that a file has no small picture.
const NO_THUMB: &str = "none";

/// Why a file is not taken or given.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Over [`FILE_BYTES_MAX`].
    #[error("the file is too large")]
    TooLarge,
    /// A picture that cannot be read, or is too large to be.
    #[error("the picture cannot be read")]
    Refused,
    /// It has not arrived.
    #[error("the file is not here")]
    NotHere,
    /// Too many at once.
    #[error("too many files at once")]
    Busy,
    /// The sender stopped.
    #[error("the upload was interrupted")]
    Interrupted,
    /// The disk refused, or the bytes are damaged.
    #[error("the disk failed: {0}")]
    Disk(String),
}

impl From<BlobError> for FileError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NotFound => Self::NotHere,
            BlobError::TooLarge { .. } => Self::TooLarge,
            other => Self::Disk(other.to_string()),
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

/// A file that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The hash of what is kept: of pictures, after their metadata went.
    pub blob: BlobId,
    /// Bytes kept.
    pub size: u64,
    /// As sniffed.
    pub media_type: String,
    /// Width and height as shown, of pictures.
    pub picture: Option<(u32, u32)>,
}

/// A small picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumb {
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// `image/jpeg` or `image/png`.
    pub media_type: &'static str,
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    blobs: Arc<Blobs>,
    thumbs: Thumbs,
    spool: PathBuf,
    next: AtomicU64,
    uploads: Semaphore,
    megapixels: Arc<Semaphore>,
    decoding: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Files {
    /// Uses the stores, and `<data>/uploads` for uploads under way, which it empties: they did not survive the restart.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data: &Path, blobs: Arc<Blobs>, thumbs: Thumbs) -> Result<Self, FileError> {
        let spool = data.join("uploads");
        match std::fs::remove_dir_all(&spool) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => std::fs::create_dir_all(&spool)?,
        }
        Ok(Self(Arc::new(Inner {
            blobs,
            thumbs,
            spool,
            next: AtomicU64::new(0),
            uploads: Semaphore::new(UPLOADS_MAX),
            megapixels: Arc::new(Semaphore::new(MEGAPIXELS_AT_ONCE as usize)),
            decoding: Arc::new(Semaphore::new(PICTURES_AT_ONCE)),
            waiting: Semaphore::new(PICTURES_WAITING_MAX),
        })))
    }

    /// Whether the whole file lies here.
    pub fn is_here(&self, blob: BlobId) -> bool {
        self.0.blobs.exists(&blob.0).unwrap_or(false)
    }

    /// Removes a file, what was fetched of it and what was made from it. An absent one is no error.
    ///
    /// # Errors
    /// The disk's refusal.
    pub async fn remove(&self, blob: BlobId) -> Result<(), FileError> {
        self.blocking(move |inner| {
            inner.thumbs.remove(&blob.0)?;
            inner.blobs.remove(&blob.0)?;
            Ok(inner.blobs.discard(&blob.0)?)
        })
        .await
    }

    /// Hashes a file again; false when it is damaged. An absent one is none.
    ///
    /// # Errors
    /// The disk's refusal.
    pub async fn is_sound(&self, blob: BlobId) -> Result<bool, FileError> {
        self.blocking(move |inner| Ok(inner.blobs.scrub(&blob.0)? != BlobState::Damaged)).await
    }

    /// Takes an upload: to a temporary file as it comes, then looked at, then kept under its hash.
    ///
    /// # Errors
    /// [`FileError`]; nothing is left behind.
    pub async fn take<E>(&self, body: impl Stream<Item = Result<Bytes, E>>) -> Result<Stored, FileError> {
        let _place = self.0.uploads.try_acquire().map_err(|_| FileError::Busy)?;
        let spooled = Spooled::new(&self.0);
        let received = tokio::time::timeout(UPLOAD_WITHIN, spooled.receive(body)).await;
        let head = received.map_err(|_| FileError::Interrupted)??;
        match Picture::sniff(&head) {
            Some(kind) => {
                let pixels = spooled.pixels(kind).await?;
                self.decode(pixels, move |inner| inner.keep_picture(kind, &spooled)).await
            }
            None => {
                let media_type = kind::sniff(&head).to_owned();
                self.blocking(move |inner| inner.keep(&spooled, media_type)).await
            }
        }
    }

    /// Opens a file. Reading it blocks.
    ///
    /// # Errors
    /// [`FileError::NotHere`], or the disk's refusal.
    pub async fn read(&self, blob: BlobId) -> Result<BlobFile, FileError> {
        self.blocking(move |inner| Ok(inner.blobs.read(&blob.0)?)).await
    }

    /// As [`Files::read`], on a thread that may wait for the disk.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub fn open_now(&self, blob: BlobId) -> Result<BlobFile, FileError> {
        Ok(self.0.blobs.read(&blob.0)?)
    }

    /// A small picture of a picture, made now if it was not before.
    ///
    /// # Errors
    /// [`FileError::Refused`] when the file is no picture that can be read.
    pub async fn thumb(&self, blob: BlobId) -> Result<Thumb, FileError> {
        if let Some(kept) = self.blocking(move |inner| inner.kept_thumb(blob)).await? {
            return kept.ok_or(FileError::Refused);
        }
        let (kind, bytes) = self.blocking(move |inner| inner.picture_bytes(blob)).await?;
        let Some(kind) = kind else { return Err(FileError::Refused) };
        let measured = picture::measure(kind, &bytes);
        let Ok(size) = measured else {
            return self.blocking(move |inner| inner.no_thumb(blob)).await;
        };
        self.decode(size.pixels(), move |inner| inner.make_thumb(blob, kind, &bytes)).await
    }

    /// Runs work that decodes pixels: bounded in number and in pixels.
    async fn decode<T: Send + 'static>(
        &self,
        pixels: u64,
        work: impl FnOnce(&Inner) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let _waiting = self.0.waiting.try_acquire().map_err(|_| FileError::Busy)?;
        let megapixels = u32::try_from(pixels.div_ceil(1_000_000)).unwrap_or(u32::MAX).clamp(1, MEGAPIXELS_AT_ONCE);
        let closed = |_| FileError::Busy;
        let decoding = Arc::clone(&self.0.decoding).acquire_owned().await.map_err(closed)?;
        let room = Arc::clone(&self.0.megapixels).acquire_many_owned(megapixels).await.map_err(closed)?;
        self.blocking(move |inner| {
            let _held = (decoding, room);
            work(inner)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let inner = Arc::clone(&self.0);
        // A decoder that panics on a hostile picture ends its own thread's work only.
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or(Err(FileError::Refused))
    }
}

impl Inner {
    fn keep(&self, spooled: &Spooled, media_type: String) -> Result<Stored, FileError> {
        let mut file = std::fs::File::open(&spooled.path)?;
        let mut writer = self.blobs.writer(FILE_BYTES_MAX)?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            writer.write(buffer.get(..n).unwrap_or_default())?;
        }
        let (id, size) = writer.finish()?;
        Ok(Stored { blob: BlobId(id), size, media_type, picture: None })
    }

    fn keep_picture(&self, kind: Picture, spooled: &Spooled) -> Result<Stored, FileError> {
        let bytes = std::fs::read(&spooled.path)?;
        let measured = picture::measure(kind, &bytes)?;
        let stripped = strip::strip(kind, &bytes, measured.orientation).ok_or(FileError::Refused)?;
        drop(bytes);
        // Whatever is kept as a picture can be shown as one: the thumbnail is the proof.
        let thumb = picture::thumbnail(kind, &stripped)?;
        let id = BlobId(self.blobs.put(&stripped)?);
        self.keep_thumb(id, &thumb);
        Ok(Stored {
            blob: id,
            size: stripped.len() as u64,
            media_type: kind.media_type().to_owned(),
            picture: Some((measured.width, measured.height)),
        })
    }

    /// `Some(None)` when it is known that there is none to be had.
    fn kept_thumb(&self, blob: BlobId) -> Result<Option<Option<Thumb>>, FileError> {
        for media_type in [picture::JPEG, picture::PNG] {
            if let Some(bytes) = self.thumbs.get(&blob.0, thumb_kind(media_type))? {
                return Ok(Some(Some(Thumb { bytes, media_type })));
            }
        }
        Ok(self.thumbs.get(&blob.0, NO_THUMB)?.map(|_| None))
    }

    fn picture_bytes(&self, blob: BlobId) -> Result<(Option<Picture>, Vec<u8>), FileError> {
        let file = self.blobs.read(&blob.0)?;
        if file.len() > FILE_BYTES_MAX {
            return Err(FileError::Refused);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(file.len()).unwrap_or(0));
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok((Picture::sniff(&bytes), bytes))
    }

    fn make_thumb(&self, blob: BlobId, kind: Picture, bytes: &[u8]) -> Result<Thumb, FileError> {
        match picture::thumbnail(kind, bytes) {
            Ok(thumb) => {
                self.keep_thumb(blob, &thumb);
                Ok(thumb)
            }
            Err(_) => self.no_thumb(blob),
        }
    }

    fn no_thumb<T>(&self, blob: BlobId) -> Result<T, FileError> {
        self.thumbs.put(&blob.0, NO_THUMB, &[0])?;
        Err(FileError::Refused)
    }

    fn keep_thumb(&self, blob: BlobId, thumb: &Thumb) {
        // Thumbnails can be made again at any time.
        if let Err(error) = self.thumbs.put(&blob.0, thumb_kind(thumb.media_type), &thumb.bytes) {
            tracing::warn!(%error, "a thumbnail was not kept");
        }
    }
}

fn thumb_kind(media_type: &str) -> &'static str {
    if media_type == picture::PNG { "png" } else { "jpg" }
}

/// An upload's temporary file, gone with this.
struct Spooled {
    path: PathBuf,
}

impl Spooled {
    fn new(inner: &Inner) -> Self {
        let number = inner.next.fetch_add(1, Ordering::Relaxed);
        Self { path: inner.spool.join(number.to_string()) }
    }

    /// Writes what comes, and gives back its beginning.
    async fn receive<E>(&self, body: impl Stream<Item = Result<Bytes, E>>) -> Result<Vec<u8>, FileError> {
        let mut file = tokio::fs::File::create_new(&self.path).await?;
        let mut body = pin!(body);
        let (mut head, mut size) = (Vec::new(), 0);
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| FileError::Interrupted)?;
            size += piece.len() as u64;
            if size > FILE_BYTES_MAX {
                return Err(FileError::TooLarge);
            }
            let wanted = kind::HEAD_BYTES.saturating_sub(head.len()).min(piece.len());
            head.extend_from_slice(piece.get(..wanted).unwrap_or_default());
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        Ok(head)
    }

    /// How many pixels the picture says to have.
    async fn pixels(&self, kind: Picture) -> Result<u64, FileError> {
        let path = self.path.clone();
        let measured = tokio::task::spawn_blocking(move || picture::measure(kind, &std::fs::read(path)?)).await;
        Ok(measured.map_err(|_| FileError::Refused)??.pixels())
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // What stays is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests;

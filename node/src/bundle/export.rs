//! Making a bundle: the engine's batches and statements, then the files, sealed one record after the other, as fast as
//! somebody takes them.

use super::{Bundles, Trouble, packing, strange};
use crate::files::FileError;
use crate::naming::file_name;
use crate::runtime::handle::now;
use bytes::Bytes;
use protocol::bundle::{Item, Sealer};
use protocol::engine::effect::{Begun, BundleAnswer};
use protocol::engine::input::{BundleAsk, Part, Reach};
use protocol::ids::{BlobId, NodeId, SiteId};
use protocol::limits::BLOB_CHUNK_BYTES;
use std::io::Read;
use tokio::sync::mpsc;

/// Records that wait for whoever takes them: one is made while another goes.
const RECORDS_WAITING_MAX: usize = 2;

/// A bundle on its way.
#[derive(Debug)]
pub struct Made {
    /// What it should be called.
    pub name: String,
    /// Its bytes. An error in place of them, or an end without one that [`protocol::bundle::Opener`] takes for the last,
    /// means that it is not whole.
    pub bytes: mpsc::Receiver<Result<Bytes, Trouble>>,
}

/// Nobody takes the bytes any more.
struct Gone;

struct Writing {
    bundles: Bundles,
    out: mpsc::Sender<Result<Bytes, Trouble>>,
    sealer: Sealer,
    reader: NodeId,
    parts: Vec<Part>,
}

impl Bundles {
    /// Begins a bundle for a site.
    ///
    /// # Errors
    /// The engine's refusal, or too many at once.
    pub async fn export(&self, site: SiteId, reach: Reach) -> Result<Made, Trouble> {
        let place = self.place()?;
        let BundleAnswer::Begun(begun) = self.ask(BundleAsk::Begin { site, reach }).await? else {
            return Err(strange());
        };
        let Begun { opening, key, reader, parts } = *begun;
        let name = file_name(&self.site_name(site).unwrap_or_default(), now().0, "bundle");
        let (out, bytes) = mpsc::channel(RECORDS_WAITING_MAX);
        let mut writing = Writing { bundles: self.clone(), out, sealer: Sealer::new(key), reader, parts };
        tokio::spawn(async move {
            // Whoever went away needs no reason.
            let _ = writing.run(opening).await;
            drop(place);
        });
        Ok(Made { name, bytes })
    }
}

impl Writing {
    async fn run(&mut self, opening: Vec<u8>) -> Result<(), Gone> {
        self.give(Ok(opening.into())).await?;
        match self.items().await? {
            Ok(()) => self.put(&Item::End).await,
            Err(trouble) => {
                tracing::error!(%trouble, "a bundle could not be finished");
                self.give(Err(trouble)).await
            }
        }
    }

    async fn give(&self, bytes: Result<Bytes, Trouble>) -> Result<(), Gone> {
        self.out.send(bytes).await.map_err(|_| Gone)
    }

    async fn put(&mut self, item: &Item) -> Result<(), Gone> {
        let record = match packing::packed(item) {
            Some(packed) => self.sealer.seal(&packed),
            None => self.sealer.seal(item),
        };
        self.give(Ok(record.into())).await
    }

    async fn items(&mut self) -> Result<Result<(), Trouble>, Gone> {
        let mut parts = self.parts.clone();
        while !parts.is_empty() {
            match self.bundles.ask(BundleAsk::Batches { reader: self.reader, parts }).await {
                Ok(BundleAnswer::Batches { batches, left, .. }) => {
                    if !batches.is_empty() {
                        self.put(&Item::Entries { batches }).await?;
                    }
                    parts = left;
                }
                Ok(_) => return Ok(Err(strange())),
                Err(trouble) => return Ok(Err(trouble)),
            }
        }
        let mut after = None;
        loop {
            match self.bundles.ask(BundleAsk::Helds { reader: self.reader, after }).await {
                Ok(BundleAnswer::Helds { helds, next }) => {
                    if !helds.is_empty() {
                        self.put(&Item::Helds { helds }).await?;
                    }
                    after = next;
                }
                Ok(_) => return Ok(Err(strange())),
                Err(trouble) => return Ok(Err(trouble)),
            }
            if after.is_none() {
                break;
            }
        }
        self.files().await
    }

    async fn files(&mut self) -> Result<Result<(), Trouble>, Gone> {
        let (mut after, mut last) = (None, None);
        loop {
            let (handle, reader, parts) = (self.bundles.handle.clone(), self.reader, self.parts.clone());
            let row: Option<Vec<u8>> = after.take();
            let look = move || handle.read(|view| view.bundle_files(&reader, &parts, row.as_deref()));
            let Ok(found) = tokio::task::spawn_blocking(look).await else { return Ok(Err(strange())) };
            for blob in found.files {
                // Rows of one file may stand on two pages.
                if last.replace(blob) != Some(blob) {
                    self.file(blob).await?;
                }
            }
            match found.next {
                Some(row) => after = Some(row),
                None => return Ok(Ok(())),
            }
        }
    }

    /// One file. What is not here is left out; what turns out to be damaged stops in the middle, and whoever reads throws
    /// the beginning away.
    async fn file(&mut self, blob: BlobId) -> Result<(), Gone> {
        let mut file = match self.bundles.files.read(blob).await {
            Ok(file) => file,
            Err(FileError::NotHere) => return Ok(()),
            Err(error) => {
                tracing::error!(%blob, %error, "a file is left out of a bundle");
                return Ok(());
            }
        };
        self.put(&Item::File { blob, size: file.len() }).await?;
        let mut left = file.len();
        while left > 0 {
            let wanted = left.min(u64::from(BLOB_CHUNK_BYTES)) as usize;
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; wanted];
                file.read_exact(&mut piece).map(|()| (file, piece))
            });
            match read.await.map_err(std::io::Error::other).flatten() {
                Ok((rest, piece)) => {
                    file = rest;
                    left -= wanted as u64;
                    self.put(&Item::Piece { bytes: piece.into() }).await?;
                }
                Err(error) => {
                    tracing::error!(%blob, %error, "a damaged file is left out of a bundle");
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

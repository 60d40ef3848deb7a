//! Taking a bundle as it comes: record by record to the engine, each durable before the next is read; files to the disk,
//! checked against their hash before they stand. What came before an interruption counts, and taking the same file again
//! goes over it quickly.

use super::{Bundles, Received, Stopped, Trouble, packing, strange};
use crate::files::Arriving;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use protocol::bundle::{BundleError, Frames, Item, Opener};
use protocol::engine::effect::{BundleAnswer, Taken};
use protocol::engine::input::BundleAsk;
use protocol::engine::is_used;
use protocol::ids::{BlobId, NodeId};
use protocol::limits::FILE_BYTES_MAX;
use std::pin::pin;

/// The file whose pieces come now.
enum Now {
    /// None, or one that this site does not want or has.
    Passing,
    /// One that is wanted.
    Keeping(Box<Arriving>),
}

struct Reading<'a> {
    bundles: &'a Bundles,
    frames: Frames,
    opened: Option<(Opener, NodeId)>,
    now: Now,
    received: Received,
}

impl Bundles {
    /// Takes a bundle. Everything up to the end, or up to what is wrong, counts.
    ///
    /// # Errors
    /// Why it went no further.
    pub async fn import<E>(&self, body: impl Stream<Item = Result<Bytes, E>>) -> Result<Received, Stopped> {
        let mut reading = Reading {
            bundles: self,
            frames: Frames::default(),
            opened: None,
            now: Now::Passing,
            received: Received::default(),
        };
        let outcome = match self.place() {
            Ok(_place) => reading.run(body).await,
            Err(trouble) => Err(trouble),
        };
        let mut received = reading.received;
        // What introduced its maker's site came with it.
        if let Some(from) = received.from.filter(|_| received.site.is_none()) {
            received.site = self.handle.read(|reader| reader.view.org_state().and_then(|org| org.site_of_node(&from)));
        }
        match outcome {
            Ok(()) => Ok(received),
            Err(trouble) => Err(Stopped { trouble, received }),
        }
    }
}

impl Reading<'_> {
    async fn run<E>(&mut self, body: impl Stream<Item = Result<Bytes, E>>) -> Result<(), Trouble> {
        let mut body = pin!(body);
        while let Some(piece) = body.next().await {
            self.frames.push(&piece.map_err(|_| Trouble::Interrupted)?);
            if self.opened.is_none() {
                let Some(opened) = self.frames.opening()? else { continue };
                let BundleAnswer::Opened { key, from, site } = self.bundles.ask(BundleAsk::Open(opened)).await? else {
                    return Err(strange());
                };
                self.opened = Some((Opener::new(key), from));
                (self.received.from, self.received.site) = (Some(from), site);
            }
            while let Some(record) = self.frames.record()? {
                let Some((opener, from)) = &mut self.opened else { break };
                let (item, from) = (opener.open(&record)?, *from);
                self.take(from, packing::unpacked(item)?).await?;
            }
        }
        match &self.opened {
            Some((opener, _)) if opener.is_over() && self.frames.is_empty() => Ok(()),
            Some((opener, _)) if opener.is_over() => Err(BundleError::Damaged.into()),
            _ => Err(self.frames.ended().into()),
        }
    }

    async fn take(&mut self, from: NodeId, item: Item) -> Result<(), Trouble> {
        match item {
            Item::Entries { batches } => {
                let answer = self.bundles.ask(BundleAsk::TakeBatches { from, batches }).await?;
                self.count(answer)
            }
            Item::Helds { helds } => {
                let answer = self.bundles.ask(BundleAsk::TakeHelds { from, helds }).await?;
                self.count(answer)
            }
            Item::File { blob, size } => self.begin_file(blob, size).await,
            Item::Piece { bytes } => self.take_piece(bytes.into()).await,
            Item::End => {
                self.now = Now::Passing;
                Ok(())
            }
            // Nothing is packed twice.
            Item::Packed { .. } => Err(BundleError::Damaged.into()),
        }
    }

    fn count(&mut self, answer: BundleAnswer) -> Result<(), Trouble> {
        let BundleAnswer::Taken(Taken { entries, new, groups, gaps, left_out, fault }) = answer else {
            return Err(strange());
        };
        let received = &mut self.received;
        received.entries += entries;
        received.new_entries += new;
        received.left_out += left_out;
        received.groups.extend(groups);
        received.gaps.extend(gaps);
        if fault { Err(BundleError::Damaged.into()) } else { Ok(()) }
    }

    /// A file that nothing here refers to, or that is here, is passed over. One that was begun and not finished is gone.
    async fn begin_file(&mut self, blob: BlobId, size: u64) -> Result<(), Trouble> {
        let files = &self.bundles.files;
        let wanted = self.bundles.handle.read(|reader| is_used(reader.store, &blob));
        self.now = Now::Passing;
        if wanted && size <= FILE_BYTES_MAX && !files.is_here(blob) {
            self.now = Now::Keeping(Box::new(files.arriving(blob, size)?));
            self.finish_file().await?;
        }
        Ok(())
    }

    async fn take_piece(&mut self, bytes: Vec<u8>) -> Result<(), Trouble> {
        if let Now::Keeping(arriving) = std::mem::replace(&mut self.now, Now::Passing) {
            self.now = Now::Keeping(Box::new(arriving.write(bytes).await?));
            self.finish_file().await?;
        }
        Ok(())
    }

    async fn finish_file(&mut self) -> Result<(), Trouble> {
        if !matches!(&self.now, Now::Keeping(arriving) if arriving.is_whole()) {
            return Ok(());
        }
        let Now::Keeping(arriving) = std::mem::replace(&mut self.now, Now::Passing) else { return Ok(()) };
        let blob = arriving.blob();
        if arriving.finish().await? {
            self.received.files += 1;
            self.bundles.handle.blob_here(blob).await;
        } else {
            tracing::warn!(%blob, "a bundle brought other bytes than the file's");
        }
        Ok(())
    }
}

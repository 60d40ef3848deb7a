//! Files between sites: fetched in chunks from any node of the group that answers, verified whole before they stand in
//! their final place (INV-39), resumed after a cut; served only to nodes of a group that refers to them.

use crate::runtime::handle::Handle;
use archipel_net::{Lane, Net, PeerKey};
use archipel_storage::blobs::{BlobError, Blobs};
use bytes::Bytes;
use protocol::codec;
use protocol::ids::{BlobId, GroupId, NodeId};
use protocol::limits::{BLOB_CHUNK_BYTES, FILE_BYTES_MAX};
use protocol::sync::message::BlobRequest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::Notify;

/// Files fetched at the same time.
const FETCHES_MAX: usize = 3;
/// Bytes of an encoded request for a chunk.
const REQUEST_BYTES_MAX: usize = 256;

/// A file that is wanted.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    size: u64,
    group: GroupId,
    /// Not asked for again until something changes.
    tired: bool,
}

struct Inner {
    handle: Handle,
    blobs: Arc<Blobs>,
    net: OnceLock<Net>,
    wanted: Mutex<BTreeMap<BlobId, Wanted>>,
    wake: Notify,
}

/// A cheap, cloneable door to the transfers.
#[derive(Clone)]
pub struct Transfer(Arc<Inner>);

impl Transfer {
    /// Makes the transfers of a node; they run once [`Transfer::connect`] was called.
    pub fn new(handle: Handle, blobs: Arc<Blobs>) -> Self {
        Self(Arc::new(Inner { handle, blobs, net: OnceLock::new(), wanted: Mutex::default(), wake: Notify::new() }))
    }

    /// Begins to fetch over this network.
    pub fn connect(&self, net: Net) {
        if self.0.net.set(net).is_ok() {
            for _ in 0..FETCHES_MAX {
                tokio::spawn(self.clone().work());
            }
        }
    }

    /// Asks for a file.
    pub fn want(&self, blob: BlobId, size: u64, group: GroupId) {
        if size > FILE_BYTES_MAX {
            return tracing::warn!(%blob, size, "a file is over the limit and is not fetched");
        }
        self.lock().entry(blob).or_insert(Wanted { size, group, tired: false });
        self.0.wake.notify_waiters();
    }

    /// Something changed: a peer came back. Ask again for what nobody could give.
    pub fn retry(&self) {
        for wanted in self.lock().values_mut() {
            wanted.tired = false;
        }
        self.0.wake.notify_waiters();
    }

    /// A file is not wanted any more.
    pub fn forget(&self, blob: &BlobId) {
        self.lock().remove(blob);
    }

    /// Whether a file is on its way.
    pub fn is_wanted(&self, blob: &BlobId) -> bool {
        self.lock().contains_key(blob)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<BlobId, Wanted>> {
        self.0.wanted.lock().expect("nothing panics under this lock")
    }

    fn take(&self) -> Option<(BlobId, Wanted)> {
        let mut wanted = self.lock();
        // Small files first: a picture is shown before a video is whole.
        let next = wanted.iter().filter(|(_, wanted)| !wanted.tired).min_by_key(|(_, wanted)| wanted.size)?;
        let (blob, found) = (*next.0, *next.1);
        wanted.get_mut(&blob)?.tired = true;
        Some((blob, found))
    }

    async fn work(self) {
        loop {
            let woken = self.0.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let Some((blob, wanted)) = self.take() else {
                woken.await;
                continue;
            };
            match self.fetch(blob, wanted).await {
                Ok(true) => {
                    self.lock().remove(&blob);
                    self.0.handle.blob_here(blob).await;
                }
                Ok(false) => tracing::debug!(%blob, "no connected site gives this file now"),
                Err(error) => tracing::error!(%blob, %error, "a file cannot be kept"),
            }
        }
    }

    /// Fetches one file from the nodes that may hold it, in turn. False when none gives all of it now.
    async fn fetch(&self, blob: BlobId, wanted: Wanted) -> Result<bool, BlobError> {
        if self.0.blobs.exists(&blob.0)? {
            return Ok(true);
        }
        let Some(net) = self.0.net.get() else { return Ok(false) };
        let holders: Vec<NodeId> = self.0.handle.read(|reader| reader.holders(&wanted.group));
        for holder in holders {
            if self.fetch_from(net, holder, blob, wanted).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn fetch_from(&self, net: &Net, holder: NodeId, blob: BlobId, wanted: Wanted) -> Result<bool, BlobError> {
        loop {
            let missing = {
                let partial = self.0.blobs.partial(&blob.0, wanted.size)?;
                partial.missing(1).first().copied()
            };
            let Some((from, to)) = missing else { break };
            let len = (to - from).min(u64::from(BLOB_CHUNK_BYTES)) as u32;
            let request = codec::encode(&BlobRequest { group: wanted.group, blob, offset: from, len });
            let Ok(bytes) = net.request(PeerKey(holder.0), Lane::Blob, Bytes::from(request)).await else {
                return Ok(false);
            };
            if bytes.is_empty() || bytes.len() > len as usize {
                return Ok(false);
            }
            let this = self.clone();
            tokio::task::spawn_blocking(move || {
                let mut partial = this.0.blobs.partial(&blob.0, wanted.size)?;
                partial.write_at(from, &bytes)?;
                partial.save()
            })
            .await
            .unwrap_or(Ok(()))?;
        }
        let this = self.clone();
        let finished = tokio::task::spawn_blocking(move || this.0.blobs.partial(&blob.0, wanted.size)?.finish());
        match finished.await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) => {
                // What was given is not the file: thrown away by the store, and asked of the next node.
                tracing::warn!(%blob, %holder, %error, "a site gave other bytes than the file's");
                Ok(false)
            }
            Err(_) => Ok(false),
        }
    }

    /// A chunk for a peer; `None` when it may not have it, or it is not here (indistinguishable on purpose).
    pub async fn serve(&self, peer: NodeId, request: &[u8]) -> Option<Bytes> {
        let request: BlobRequest = codec::decode("blob request", request, REQUEST_BYTES_MAX).ok()?;
        let allowed = self.0.handle.read(|reader| reader.may_serve_blob(&peer, &request.group, &request.blob));
        if !allowed {
            return None;
        }
        let blobs = Arc::clone(&self.0.blobs);
        let len = request.len.min(BLOB_CHUNK_BYTES) as usize;
        let read = move || read_chunk(&blobs, &request.blob, request.offset, len);
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }
}

/// Bytes of a file, each group of which is verified as it is read.
fn read_chunk(blobs: &Blobs, blob: &BlobId, offset: u64, len: usize) -> Option<Bytes> {
    let file = blobs.read(&blob.0).ok()?;
    if offset >= file.len() {
        return None;
    }
    let group_bytes = archipel_storage::blobs::tree::GROUP_BYTES;
    let mut out = Vec::with_capacity(len);
    let mut at = offset;
    while out.len() < len && at < file.len() {
        let group = file.group(at / group_bytes).ok()?;
        let skip = (at % group_bytes) as usize;
        let take = (len - out.len()).min(group.len().checked_sub(skip)?);
        out.extend_from_slice(&group[skip..skip + take]);
        at += take as u64;
    }
    Some(Bytes::from(out))
}

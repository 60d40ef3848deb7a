//! What pairing keeps in the site's own rows: invitations, one joining attempt, the lock, the door's last ports.
//!
//! Writing blocks on the disk, so it runs on a thread that may; it is durable when it returns.

use super::address::Ports;
use crate::local::table::FOREIGN_TABLES_FROM;
use archipel_storage::kvlog::{KvError, KvLog};
use minicbor::{Decode, Encode};
use protocol::codec::{self, CodecError};
use protocol::ids::{NodeId, TicketId, UserId};
use protocol::pairing::{InviterRecord, JoinerRecord, PairingLock};
use std::sync::Arc;

/// Ticket id → [`Kept`].
const INVITATION: u8 = FOREIGN_TABLES_FROM;
/// One byte → the rows below.
const SINGLE: u8 = FOREIGN_TABLES_FROM + 1;
const JOIN: &[u8] = &[0];
const LOCK: &[u8] = &[1];
const DOOR: &[u8] = &[2];
/// A record and a few ids.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Pairing's rows cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The disk did not take the write; nothing changed.
    #[error("pairing's records cannot be written: {0}")]
    Write(#[from] KvError),
    /// A row does not read back.
    #[error("pairing's records are damaged: {0}")]
    Damaged(#[from] CodecError),
    /// The thread that writes is gone: the node is shutting down.
    #[error("pairing's records cannot be written any more")]
    Closed,
}

/// An invitation with what its machine does not know.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Kept {
    /// The machine's own.
    #[n(0)]
    pub record: InviterRecord,
    /// The admin who made it, and who admits unless another one agrees.
    #[n(1)]
    pub by: UserId,
    /// When it was made, in milliseconds.
    #[n(2)]
    pub created: u64,
    /// When it came to its end, in milliseconds.
    #[n(3)]
    pub ended: Option<u64>,
    /// The site and node that claimed it, also after it failed.
    #[n(4)]
    pub other: Option<Other>,
}

/// Who claimed an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Other {
    /// The site's name.
    #[n(0)]
    pub site: String,
    /// The node.
    #[n(1)]
    pub node: NodeId,
}

/// The rows.
#[derive(Clone)]
pub struct Shelf {
    rows: Arc<KvLog>,
}

impl Shelf {
    pub fn new(rows: Arc<KvLog>) -> Self {
        Self { rows }
    }

    pub fn invitations(&self) -> Result<Vec<Kept>, ShelfError> {
        let rows = self.rows.prefix(INVITATION, &[], None, usize::MAX);
        let read = |(_, bytes): (_, Vec<u8>)| codec::decode("kept invitation", &bytes, KEPT_BYTES_MAX);
        Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    pub fn invitation(&self, id: &TicketId) -> Result<Option<Kept>, ShelfError> {
        let bytes = self.rows.get(INVITATION, &id.0);
        Ok(bytes.map(|bytes| codec::decode("kept invitation", &bytes, KEPT_BYTES_MAX)).transpose()?)
    }

    pub fn join(&self) -> Result<Option<JoinerRecord>, ShelfError> {
        let bytes = self.rows.get(SINGLE, JOIN);
        Ok(bytes.map(|bytes| JoinerRecord::from_bytes(&bytes)).transpose()?)
    }

    pub fn lock(&self) -> Result<PairingLock, ShelfError> {
        let bytes = self.rows.get(SINGLE, LOCK);
        Ok(bytes.map(|bytes| PairingLock::from_bytes(&bytes)).transpose()?.unwrap_or_default())
    }

    pub fn ports(&self) -> Option<Ports> {
        let bytes: [u8; 4] = self.rows.get(SINGLE, DOOR)?.try_into().ok()?;
        let [a, b, c, d] = bytes;
        Some(Ports { quic: u16::from_be_bytes([a, b]), tcp: u16::from_be_bytes([c, d]) })
    }

    pub async fn keep_invitation(&self, kept: &Kept) -> Result<(), ShelfError> {
        self.put(INVITATION, kept.record.ticket.id.0.to_vec(), codec::encode(kept)).await
    }

    pub async fn forget_invitation(&self, id: TicketId) -> Result<(), ShelfError> {
        self.write(move |rows| rows.delete(INVITATION, &id.0)).await
    }

    pub async fn keep_join(&self, record: Vec<u8>) -> Result<(), ShelfError> {
        self.put(SINGLE, JOIN.to_vec(), record).await
    }

    pub async fn keep_lock(&self, lock: &PairingLock) -> Result<(), ShelfError> {
        self.put(SINGLE, LOCK.to_vec(), lock.to_bytes()).await
    }

    pub async fn keep_ports(&self, ports: Ports) -> Result<(), ShelfError> {
        let bytes = [ports.quic.to_be_bytes(), ports.tcp.to_be_bytes()].concat();
        self.put(SINGLE, DOOR.to_vec(), bytes).await
    }

    async fn put(&self, table: u8, key: Vec<u8>, value: Vec<u8>) -> Result<(), ShelfError> {
        self.write(move |rows| rows.put(table, &key, &value)).await
    }

    async fn write(
        &self,
        change: impl FnOnce(&KvLog) -> Result<(), KvError> + Send + 'static,
    ) -> Result<(), ShelfError> {
        let rows = Arc::clone(&self.rows);
        let written = tokio::task::spawn_blocking(move || change(&rows)).await;
        Ok(written.map_err(|_| ShelfError::Closed)??)
    }
}

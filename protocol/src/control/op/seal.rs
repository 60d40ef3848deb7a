//! The end of a forked log, as it stands in an entry's body.

use crate::ids::{EntryId, LogId, NodeId};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// Body of [`super::kind::LOG_SEAL`]: of a forked log only the chain up to this entry counts (ruling A7).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogSeal {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// Its writer.
    #[n(1)]
    pub node: NodeId,
    /// The last position that counts.
    #[n(2)]
    pub seq: u64,
    /// The entry there: it tells the branch.
    #[n(3)]
    pub id: EntryId,
    /// Shows that the log is forked (`log/fork.rs`): so a seal is judged by itself, whoever reads it.
    #[n(4)]
    pub proof: ByteVec,
}

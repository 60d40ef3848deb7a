//! A writer's chain as this node holds it: who writes, how far it goes, what the next entry must continue.

pub mod fork;

use crate::clock::Hlc;
use crate::codec::{self, CodecError};
use crate::entry::Entry;
use crate::ids::{EntryId, LogId, NodeId, OrgId, ScopeId};
use crate::keys::{PublicKey, Verifier};
use minicbor::{Decode, Encode};

/// Whether a log carries control entries or content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Class {
    /// Who may do what.
    #[n(0)]
    Control,
    /// What people write.
    #[n(1)]
    Data,
}

/// What is kept of each log, in memory and as a row.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Log {
    /// The organisation or group.
    #[n(0)]
    pub scope: ScopeId,
    /// Control or data.
    #[n(1)]
    pub class: Class,
    /// The writer.
    #[n(2)]
    pub node: NodeId,
    /// How many entries are held: the next position.
    #[n(3)]
    pub next: u64,
    /// The newest entry.
    #[n(4)]
    pub head: EntryId,
    /// Its timestamp.
    #[n(5)]
    pub hlc: u64,
    /// The control frontier in force at the newest entry.
    #[n(6)]
    pub ctl: Vec<EntryId>,
    /// A peer was ahead of this own log, or it is forked: nothing more is written here (rulings A6, A7).
    #[n(7)]
    pub closed: bool,
    /// This is a branch of a forked log, kept under the id of its first entry.
    #[n(8)]
    pub branch: Option<Branch>,
    /// From here on nothing counts: the rest was withdrawn before it left this node, or is one branch too many.
    #[n(9)]
    pub end: Option<End>,
}

/// Where a branch leaves its log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Branch {
    /// The log, as headers name it.
    #[n(0)]
    pub log: LogId,
    /// The record that it leaves: the log's own or another branch's.
    #[n(1)]
    pub parent: LogId,
    /// Its first position.
    #[n(2)]
    pub from: u64,
    /// The last entry that both have.
    #[n(3)]
    pub prev: EntryId,
    /// The control frontier in force there.
    #[n(4)]
    pub ctl: Vec<EntryId>,
}

/// Why what follows does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Why {
    /// Own entries that never left this node, written again elsewhere.
    #[n(0)]
    Withdrawn,
    /// More branches than are kept (ruling A7).
    #[n(1)]
    Excess,
}

/// The position from which on a record does not count, and the last entry that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct End {
    /// The first position that does not count.
    #[n(0)]
    pub next: u64,
    /// The entry before it.
    #[n(1)]
    pub head: EntryId,
    /// Why.
    #[n(2)]
    pub why: Why,
}

/// Why entries do not continue a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Entries before these are missing: ask for them.
    #[error("entries before these are missing")]
    Gap,
    /// Another entry stands at this position: the log is forked.
    #[error("another entry stands at this position")]
    Fork,
    /// Time goes backwards, or the entries are of different logs.
    #[error("the entries are not one chain")]
    Broken,
    /// The last entry bears no valid signature of the log's owner.
    #[error("the signature is missing or wrong")]
    Signature,
}

impl Log {
    /// Whether these entries continue this log: position, chain and growing time.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn continues(&self, entries: &[Entry]) -> Result<(), ChainError> {
        let (mut next, mut head, mut hlc) = (self.next, self.head, Hlc(self.hlc));
        for entry in entries {
            let header = &entry.header;
            if header.seq > next {
                return Err(ChainError::Gap);
            }
            if header.seq < next || header.prev != Some(head) {
                return Err(ChainError::Fork);
            }
            if header.hlc <= hlc || header.scope != self.scope {
                return Err(ChainError::Broken);
            }
            (next, head, hlc) = (next + 1, entry.id, header.hlc);
        }
        Ok(())
    }

    /// Takes note of entries that [`Log::continues`] accepted.
    pub fn extend(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.next = entry.header.seq + 1;
            self.head = entry.id;
            self.hlc = entry.header.hlc.0;
            if let Some(ctl) = &entry.header.ctl {
                self.ctl.clone_from(ctl);
            }
        }
    }

    /// The log as headers name it; `key` is what this record is kept under.
    pub fn wire(&self, key: &LogId) -> LogId {
        self.branch.as_ref().map_or(*key, |branch| branch.log)
    }

    /// The first position of this record.
    pub fn from(&self) -> u64 {
        self.branch.as_ref().map_or(0, |branch| branch.from)
    }

    /// How far it counts: the next position and the last entry.
    pub fn end(&self) -> (u64, EntryId) {
        self.end.map_or((self.next, self.head), |end| (end.next, end.head))
    }

    /// The row form.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads the row form.
    ///
    /// # Errors
    /// A damaged row.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode("log row", bytes, 64 * 1024)
    }
}

/// Whether the batch is proved: the last signature for data, every one for control. The bodies fit: reading a batch made
/// their commitments from them.
///
/// # Errors
/// The first thing that is wrong.
pub fn proved(entries: &[Entry], class: Class, owner: NodeId, org: &OrgId) -> Result<(), ChainError> {
    let verifier = Verifier::new(PublicKey::from(owner)).ok_or(ChainError::Signature)?;
    let last = entries.len().saturating_sub(1);
    for (at, entry) in entries.iter().enumerate() {
        let must = at == last || class == Class::Control;
        if must && !entry.is_signed_by(&verifier, org) {
            return Err(ChainError::Signature);
        }
    }
    Ok(())
}

/// The state of a log that this entry opens.
pub fn opened(entry: &Entry, scope: ScopeId, class: Class, node: NodeId) -> Log {
    Log {
        scope,
        class,
        node,
        next: 1,
        head: entry.id,
        hlc: entry.header.hlc.0,
        ctl: entry.header.ctl.clone().unwrap_or_default(),
        closed: false,
        branch: None,
        end: None,
    }
}

/// One line of a frontier: a log and how far it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(array)]
pub struct Height {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// How many entries are held.
    #[n(1)]
    pub next: u64,
    /// The newest of them.
    #[n(2)]
    pub head: EntryId,
}

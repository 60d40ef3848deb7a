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
    /// Entries further up, while the log is filled from its newest entry down (ruling D11).
    #[n(10)]
    pub above: Option<Span>,
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

/// A run of entries above those held from the beginning, gap-free in itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Span {
    /// Its lowest position.
    #[n(0)]
    pub low: u64,
    /// What the entry before must be.
    #[n(1)]
    pub prev: EntryId,
    /// Timestamp of the lowest entry.
    #[n(2)]
    pub low_hlc: u64,
    /// The position behind its highest.
    #[n(3)]
    pub top: u64,
    /// Its newest entry.
    #[n(4)]
    pub head: EntryId,
    /// The timestamp of that.
    #[n(5)]
    pub hlc: u64,
    /// The control frontier in force there.
    #[n(6)]
    pub ctl: Vec<EntryId>,
}

impl Span {
    /// The span that these entries begin, above what a log holds; `None` when they cannot: the frontier in force must
    /// stand in the first of them.
    pub fn begun(log: &Log, entries: &[Entry]) -> Option<Self> {
        let (first, last) = (entries.first()?, entries.last()?);
        let ctl = first.header.ctl.clone()?;
        let later = first.header.seq > log.next && first.header.hlc.0 > log.hlc;
        if !later || !is_chain(&log.scope, entries) {
            return None;
        }
        let mut span = Self {
            low: first.header.seq,
            prev: first.header.prev?,
            low_hlc: first.header.hlc.0,
            top: first.header.seq,
            head: last.id,
            hlc: last.header.hlc.0,
            ctl,
        };
        span.extend(entries);
        Some(span)
    }

    /// Whether these entries follow the span.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn continued(&self, scope: &ScopeId, entries: &[Entry]) -> Result<(), ChainError> {
        follow(scope, (self.top, self.head, Hlc(self.hlc)), entries)
    }

    /// Whether these entries end where the span begins.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn preceded(&self, log: &Log, entries: &[Entry]) -> Result<(), ChainError> {
        let Some(last) = entries.last() else { return Ok(()) };
        if last.header.seq + 1 != self.low {
            return Err(ChainError::Gap);
        }
        if last.id != self.prev {
            return Err(ChainError::Fork);
        }
        if last.header.hlc.0 >= self.low_hlc || !is_chain(&log.scope, entries) {
            return Err(ChainError::Broken);
        }
        Ok(())
    }

    /// Takes note of entries that [`Span::preceded`] accepted, given the first of them.
    pub fn grow_down(&mut self, first: &Entry) {
        self.low = first.header.seq;
        self.low_hlc = first.header.hlc.0;
        self.prev = first.header.prev.unwrap_or(self.prev);
    }

    /// Takes note of entries that [`Span::continued`] accepted.
    pub fn extend(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.top = entry.header.seq + 1;
            self.head = entry.id;
            self.hlc = entry.header.hlc.0;
            if let Some(ctl) = &entry.header.ctl {
                self.ctl.clone_from(ctl);
            }
        }
    }
}

/// Whether entries of one batch, chained by construction, are of one scope and of growing time.
fn is_chain(scope: &ScopeId, entries: &[Entry]) -> bool {
    entries.iter().all(|entry| entry.header.scope == *scope)
        && entries.windows(2).all(|pair| pair[0].header.hlc < pair[1].header.hlc)
}

fn follow(
    scope: &ScopeId,
    (mut next, mut head, mut hlc): (u64, EntryId, Hlc),
    entries: &[Entry],
) -> Result<(), ChainError> {
    for entry in entries {
        let header = &entry.header;
        if header.seq > next {
            return Err(ChainError::Gap);
        }
        if header.seq < next || header.prev != Some(head) {
            return Err(ChainError::Fork);
        }
        if header.hlc <= hlc || header.scope != *scope {
            return Err(ChainError::Broken);
        }
        (next, head, hlc) = (next + 1, entry.id, header.hlc);
    }
    Ok(())
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
        follow(&self.scope, (self.next, self.head, Hlc(self.hlc)), entries)
    }

    /// Whether a position is held, from the beginning or in the span above.
    pub fn holds(&self, seq: u64) -> bool {
        seq < self.next || self.above.as_ref().is_some_and(|span| seq >= span.low && seq < span.top)
    }

    /// Joins the span above once it begins where what is held ends. `None` while it does not; an error when it is of
    /// another branch.
    pub fn join(&mut self) -> Option<Result<(), ChainError>> {
        let span = self.above.take_if(|span| span.low <= self.next)?;
        if span.low != self.next || span.prev != self.head || span.low_hlc <= self.hlc {
            self.above = Some(span);
            return Some(Err(ChainError::Fork));
        }
        (self.next, self.head, self.hlc, self.ctl) = (span.top, span.head, span.hlc, span.ctl);
        Some(Ok(()))
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
        above: None,
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

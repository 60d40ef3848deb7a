//! The messages between two nodes. One request, one response; unknown requests are answered with `Refused`.

use crate::codec::{self, CodecError};
use crate::ids::{EntryId, GroupId, LogId, ScopeId};
use crate::limits::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};
use crate::log::Height;
use crate::sync::address::AddressRecord;
use crate::sync::held::Held;
use crate::sync::here::Here;
use crate::sync::links::{Link, Links};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// This version of the messages; a peer of another major version speaks another protocol name.
pub const LEVEL: u32 = 1;

/// What a node asks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Request {
    /// First of all: are we of one organisation, and what time is it there?
    #[n(0)]
    Hello {
        /// Highest level spoken.
        #[n(0)]
        level: u32,
        /// First half of a hash of the organisation's id.
        #[cbor(n(1), with = "minicbor::bytes")]
        tag: [u8; 16],
        /// The asker's clock, in milliseconds.
        #[n(2)]
        now: u64,
    },
    /// Do we hold the same? The root covers every scope that the asker believes to share.
    #[n(1)]
    Compare {
        /// The asker's root for the peer.
        #[cbor(n(0), with = "minicbor::bytes")]
        root: [u8; 32],
    },
    /// Digests of the organisation's scope and of the groups shared, as the asked sees it.
    #[n(2)]
    Digests,
    /// How far the asked holds the logs of these scopes.
    #[n(3)]
    Frontier {
        /// At most a thousand.
        #[n(0)]
        scopes: Vec<ScopeId>,
    },
    /// Entries of a log from a position on.
    #[n(4)]
    Range {
        /// The log.
        #[n(0)]
        log: LogId,
        /// The first position wanted.
        #[n(1)]
        from: u64,
        /// Behind the last one wanted; more comes only where no signature stands before.
        #[n(2)]
        to: u64,
    },
    /// Entries that the asker thinks the asked lacks; answered by what is held afterwards.
    #[n(5)]
    Push {
        /// Batches (`entry/batch.rs`).
        #[n(0)]
        batches: Vec<ByteVec>,
    },
    /// Something changed in these scopes: compare when convenient.
    #[n(6)]
    Announce {
        /// The scopes.
        #[n(0)]
        scopes: Vec<ScopeId>,
    },
    /// Signed statements of what nodes hold, relayed by anyone.
    #[n(7)]
    Helds {
        /// The statements.
        #[n(0)]
        helds: Vec<Held>,
    },
    /// Signed records of where nodes can be reached, relayed by anyone.
    #[n(8)]
    Addresses {
        /// The records.
        #[n(0)]
        records: Vec<AddressRecord>,
    },
    /// Entries of one branch of a log; answered like `Range`. Asked where positions do not tell what is missing.
    #[n(9)]
    Branch {
        /// The log.
        #[n(0)]
        log: LogId,
        /// The branch's newest entry as its frontier line named it; none = the asked one's first record of the log.
        #[n(1)]
        head: Option<EntryId>,
        /// Entries that the asker holds, densest at the ends of its branches: the asked begins after the last it knows.
        #[n(2)]
        locator: Vec<EntryId>,
    },
    /// Proofs that a node signed two histories, relayed by anyone.
    #[n(10)]
    Forks {
        /// `log/fork.rs`.
        #[n(0)]
        proofs: Vec<ByteVec>,
    },
    /// Entries of a data log that end right before a position, as many of those asked for as fit; the asker proves them
    /// along the chain (ruling D11). Answered like `Range`.
    #[n(11)]
    RangeBack {
        /// The log.
        #[n(0)]
        log: LogId,
        /// The first position wanted.
        #[n(1)]
        from: u64,
        /// Behind the last one.
        #[n(2)]
        to: u64,
    },
    /// Whom the asker is connected to: they need not be given what the asked has from the asker, or of it.
    #[n(12)]
    Links {
        /// All of them.
        #[n(0)]
        links: Links,
    },
    /// Statements at hand; answered by those of the same scopes that are newer at the asked or lack at the asker.
    #[n(13)]
    Stated {
        /// By scope.
        #[n(0)]
        scopes: Vec<StatedScope>,
    },
    /// Who of the asker's site is at a page.
    #[n(14)]
    Here {
        /// All of them.
        #[n(0)]
        here: Here,
    },
    /// Statements at hand that are too long for a request: to be asked for by `Stated`, whose answer has room.
    #[n(15)]
    Longer {
        /// By scope.
        #[n(0)]
        scopes: Vec<StatedScope>,
    },
}

/// The statements that somebody has over one scope.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StatedScope {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// Who stated, and when.
    #[n(1)]
    pub stated: Vec<(Link, u64)>,
}

/// What a node answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Response {
    /// To `Hello`.
    #[n(0)]
    Hello {
        /// Highest level spoken.
        #[n(0)]
        level: u32,
        /// As in the request.
        #[cbor(n(1), with = "minicbor::bytes")]
        tag: [u8; 16],
        /// The answerer's clock, in milliseconds.
        #[n(2)]
        now: u64,
    },
    /// To `Compare`.
    #[n(1)]
    Compared {
        /// Both roots are the same: both hold the same.
        #[n(0)]
        same: bool,
    },
    /// To `Digests`.
    #[n(2)]
    Digests {
        /// Scope and digest of its frontier.
        #[n(0)]
        digests: Vec<ScopeDigest>,
    },
    /// To `Frontier`.
    #[n(3)]
    Frontier {
        /// One per scope that the asker may read.
        #[n(0)]
        scopes: Vec<ScopeFrontier>,
        /// Scopes for which there was no room: to be asked for again.
        #[n(1)]
        left: Vec<ScopeId>,
    },
    /// To `Range`.
    #[n(4)]
    Range {
        /// Batches, in order; none when the asked holds nothing from there.
        #[n(0)]
        batches: Vec<ByteVec>,
    },
    /// To all others: taken note of. After a push: what is now held.
    #[n(5)]
    Noted {
        /// Statements of the answerer over the scopes pushed to; to `Stated`, as many of those asked for as fit.
        #[n(0)]
        helds: Vec<Held>,
    },
    /// The asker may not, or the request is not understood. What may not be seen and what does not exist answer alike.
    #[n(6)]
    Refused,
}

/// The digest of one scope's frontier.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ScopeDigest {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// Over its heights in order.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// Whether the asked would serve its data, or only its control log (open groups, ruling D2).
    #[n(2)]
    pub data: bool,
}

/// How far one scope is held.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ScopeFrontier {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// Control logs.
    #[n(1)]
    pub control: Vec<Height>,
    /// Data logs; empty when the asker may not read them.
    #[n(2)]
    pub data: Vec<Height>,
    /// The newest statements at hand of what other nodes hold.
    #[n(3)]
    pub helds: Vec<Held>,
}

/// A group wanted by id, for requests about files.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BlobRequest {
    /// A group that refers to the file.
    #[n(0)]
    pub group: GroupId,
    /// The file.
    #[n(1)]
    pub blob: crate::ids::BlobId,
    /// First byte wanted.
    #[n(2)]
    pub offset: u64,
    /// How many bytes at most.
    #[n(3)]
    pub len: u32,
}

impl Request {
    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// Over its limit or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode("request", bytes, REQUEST_BYTES_MAX)
    }
}

impl Response {
    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a response.
    ///
    /// # Errors
    /// Over its limit or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode("response", bytes, RESPONSE_BYTES_MAX)
    }
}

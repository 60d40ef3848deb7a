//! A fork proof: two chains of headers that one node signed for the same positions of one log (ruling D10). It needs
//! nothing else to be believed, and shows no word of anybody: headers carry ids and times only.

use crate::codec;
use crate::entry::Entry;
use crate::entry::batch::{self, Signatures};
use crate::ids::{EntryId, LogId, NodeId, OrgId, ScopeId};
use crate::keys::{PublicKey, Verifier};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// One chain: both must fit into a request, and into the body of a seal.
pub const CHAIN_BYTES_MAX: usize = 56 * 1024;

/// The two chains, from where they part to the first signature of each.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ForkProof {
    /// Whose log it is.
    #[n(0)]
    pub node: NodeId,
    /// The chain whose first entry has the lower id, as a batch without bodies.
    #[n(1)]
    pub low: ByteVec,
    /// The other.
    #[n(2)]
    pub high: ByteVec,
}

/// What a proof that holds says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// The scope, as the headers name it.
    pub scope: ScopeId,
    /// The log.
    pub log: LogId,
    /// The first position that was written twice.
    pub seq: u64,
    /// Whose log it is.
    pub node: NodeId,
    /// The lower of the two entries there.
    pub low: EntryId,
    /// The higher.
    pub high: EntryId,
}

/// The headers up to the first signature.
fn chain(entries: &[Entry]) -> Option<Vec<u8>> {
    let signed = entries.iter().position(|entry| entry.signature.is_some())?;
    let headers: Vec<Entry> = entries[..=signed].iter().map(|entry| Entry { body: None, ..entry.clone() }).collect();
    Some(batch::encode(&headers, Signatures::Last)).filter(|bytes| bytes.len() <= CHAIN_BYTES_MAX)
}

fn read(bytes: &[u8], node: &NodeId, org: &OrgId) -> Option<Vec<Entry>> {
    let entries = if bytes.len() <= CHAIN_BYTES_MAX { batch::decode(bytes).ok()? } else { return None };
    let verifier = Verifier::new(PublicKey::from(*node))?;
    let proved = entries.last()?.is_signed_by(&verifier, org) && entries.iter().all(|entry| entry.body.is_none());
    proved.then_some(entries)
}

impl ForkProof {
    /// Makes a proof of two chains that begin at the same position; `None` where a signature is too far to show it.
    pub fn make(node: NodeId, a: &[Entry], b: &[Entry]) -> Option<Self> {
        let (low, high) = if a.first()?.id < b.first()?.id { (a, b) } else { (b, a) };
        Some(Self { node, low: chain(low)?.into(), high: chain(high)?.into() })
    }

    /// What it proves; `None` when it proves nothing.
    pub fn check(&self, org: &OrgId) -> Option<Split> {
        let (low, high) = (read(&self.low, &self.node, org)?, read(&self.high, &self.node, org)?);
        let (low, high) = (low.first()?, high.first()?);
        let same = low.log() == high.log()
            && low.header.seq == high.header.seq
            && low.header.prev == high.header.prev
            && low.header.seq > 0;
        (same && low.id < high.id).then(|| Split {
            scope: low.header.scope,
            log: low.log(),
            seq: low.header.seq,
            node: self.node,
            low: low.id,
            high: high.id,
        })
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a proof, without believing it.
    ///
    /// # Errors
    /// Over its limit or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, codec::CodecError> {
        codec::decode("fork proof", bytes, 2 * CHAIN_BYTES_MAX + 256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Hlc;
    use crate::entry::{Body, Header};
    use crate::keys::SecretKey;

    fn entry(seq: u64, prev: EntryId, text: u8, org: &OrgId, key: &SecretKey) -> Entry {
        let body = Body { salt: [text; 16], bytes: vec![text] };
        let header = Header {
            scope: ScopeId([1; 32]),
            log: Some(LogId([2; 32])),
            seq,
            prev: Some(prev),
            hlc: Hlc(seq + 1),
            ctl: None,
            kind: 0x300,
            actor: None,
            body_len: 1,
            body_commit: body.commitment(),
            refs: Vec::new(),
            auth_proof: None,
            extra: Vec::new(),
        };
        Entry::sign(header, body, org, key)
    }

    #[test]
    fn two_signed_headers_for_one_position_are_a_proof_and_nothing_less_is() {
        let (org, key) = (OrgId([9; 32]), SecretKey::from_seed(&[3; 32]));
        let before = EntryId([7; 32]);
        let (a, b) = (entry(4, before, 1, &org, &key), entry(4, before, 2, &org, &key));
        // The second chain is signed only one entry later: the header between stands in the proof.
        let b2 = entry(5, b.id, 3, &org, &key);
        let unsigned = Entry { signature: None, ..b.clone() };
        let proof = ForkProof::make(key.node(), std::slice::from_ref(&a), &[unsigned, b2]).expect("both are signed");
        let split = proof.check(&org).expect("it holds");
        assert_eq!((split.seq, split.log), (4, LogId([2; 32])));
        assert_eq!(ForkProof::decode(&proof.encode()), Ok(proof.clone()));
        assert!(proof.check(&OrgId([8; 32])).is_none(), "of another organisation");
        let other = ForkProof { node: SecretKey::from_seed(&[4; 32]).node(), ..proof.clone() };
        assert!(other.check(&org).is_none(), "of another node");
        let same = ForkProof { high: proof.low.clone(), ..proof.clone() };
        assert!(same.check(&org).is_none(), "one chain twice");
        let later = entry(6, b.id, 4, &org, &key);
        let apart = ForkProof::make(key.node(), std::slice::from_ref(&a), &[later]).expect("signed");
        assert!(apart.check(&org).is_none(), "two positions");
    }
}

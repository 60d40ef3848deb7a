//! What a node states to hold durably: signed, newest wins, relayed by anyone (ruling D1). The only source of the words
//! "received by".

use crate::clock::Hlc;
use crate::codec;
use crate::ids::{EntryId, LogId, NodeId, OrgId, ScopeId};
use crate::keys::{self, Context, Digest, PublicKey, Purpose, SecretKey, SignatureBytes};
use crate::limits::{FRONTIER_LOGS_MAX, UNERASED_MAX};
use crate::log::Height;
use minicbor::{Decode, Encode};

/// A node's statement over one scope.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Held {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// Who states it.
    #[n(1)]
    pub node: NodeId,
    /// When; the newest statement of a node over a scope counts.
    #[n(2)]
    pub hlc: u64,
    /// All logs of the scope and how far they are held, in the order of log ids; a forked log has a line for each branch.
    #[n(3)]
    pub heights: Vec<Height>,
    /// Over all of it.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub signature: SignatureBytes,
    /// Erasures among the entries held that are not carried out here yet, in the order of their ids. With
    /// `UNERASED_MAX` of them there may be more.
    #[n(5)]
    pub unerased: Vec<EntryId>,
}

fn digest(scope: &ScopeId, node: &NodeId, hlc: u64, heights: &[Height], unerased: &[EntryId]) -> Digest {
    let (heights, unerased) = (codec::encode(&heights.to_vec()), codec::encode(&unerased.to_vec()));
    keys::derive(Purpose::Frontier, &[&scope.0, &node.0, &hlc.to_be_bytes(), &heights, &unerased])
}

impl Held {
    /// Makes a statement of this node.
    pub fn sign(
        scope: ScopeId,
        hlc: Hlc,
        heights: Vec<Height>,
        unerased: Vec<EntryId>,
        org: &OrgId,
        key: &SecretKey,
    ) -> Self {
        let node = key.node();
        let signature = key.sign(Context::Held, org, &digest(&scope, &node, hlc.0, &heights, &unerased));
        Self { scope, node, hlc: hlc.0, heights, signature, unerased }
    }

    /// Whether the node really stated this, in a canonical order and within the limits.
    pub fn is_valid(&self, org: &OrgId) -> bool {
        self.heights.len() <= FRONTIER_LOGS_MAX
            && self.heights.windows(2).all(|pair| pair[0] < pair[1])
            && self.unerased.len() <= UNERASED_MAX
            && self.unerased.windows(2).all(|pair| pair[0] < pair[1])
            && keys::verify(
                PublicKey::from(self.node),
                Context::Held,
                org,
                &digest(&self.scope, &self.node, self.hlc, &self.heights, &self.unerased),
                &self.signature,
            )
    }

    /// Whether this statement counts before another by the same node over the same scope. No honest node makes two at one
    /// moment; of two by another kind of node all keep the same one.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.hlc, &self.signature) > (other.hlc, &other.signature)
    }

    /// Whether the node states to have carried out the erasure at this position of a log.
    pub fn has_erased(&self, log: &LogId, seq: u64, erasure: &EntryId) -> bool {
        self.height(log) > seq && self.unerased.len() < UNERASED_MAX && self.unerased.binary_search(erasure).is_err()
    }

    /// How many entries of a log the node states to hold; of a forked one, on its longest branch.
    pub fn height(&self, log: &LogId) -> u64 {
        let from = self.heights.partition_point(|height| height.log < *log);
        self.heights[from..].iter().take_while(|height| height.log == *log).last().map_or(0, |height| height.next)
    }
}

/// The digest of a frontier: two nodes with equal digests hold the same entries.
pub fn frontier_digest(heights: &[Height]) -> Digest {
    keys::derive(Purpose::Frontier, &[&codec::encode(&heights.to_vec())])
}

/// One root over many scopes' digests, given in the order of scope ids.
pub fn root<'a>(digests: impl Iterator<Item = (&'a ScopeId, &'a Digest)>) -> Digest {
    let bytes: Vec<u8> = digests.flat_map(|(scope, digest)| scope.0.iter().chain(digest).copied()).collect();
    keys::derive(Purpose::Frontier, &[&bytes])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_the_nodes_own_and_only_over_what_it_says() {
        let key = SecretKey::from_seed(&[4; 32]);
        let org = OrgId([1; 32]);
        let height = |n: u8| Height { log: LogId([n; 32]), next: u64::from(n), head: EntryId([n; 32]) };
        let held = Held::sign(ScopeId([2; 32]), Hlc(9), vec![height(1), height(5)], vec![EntryId([8; 32])], &org, &key);
        assert!(held.is_valid(&org));
        assert_eq!((held.height(&LogId([5; 32])), held.height(&LogId([6; 32]))), (5, 0));
        assert!(held.has_erased(&LogId([5; 32]), 4, &EntryId([9; 32])));
        assert!(!held.has_erased(&LogId([5; 32]), 4, &EntryId([8; 32])), "it says itself that this is not done");
        assert!(!held.has_erased(&LogId([5; 32]), 5, &EntryId([9; 32])), "it has not heard of it");
        let mut done = held.clone();
        done.unerased.clear();
        assert!(!done.is_valid(&org));
        let mut more = held.clone();
        more.heights[0].next += 1;
        assert!(!more.is_valid(&org));
        assert!(!held.is_valid(&OrgId([2; 32])));
    }
}

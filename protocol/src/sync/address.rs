//! Where a node can be reached: a signed record outside the logs, newest wins, relayed by anyone (ruling A11). It says
//! where to dial, never who may connect.

use crate::codec;
use crate::ids::{NodeId, OrgId};
use crate::keys::{self, Context, Digest, PublicKey, Purpose, SecretKey, SignatureBytes};
use minicbor::{Decode, Encode};

/// Addresses in one record: a few networks, two transports each.
pub const ADDRESSES_MAX: usize = 16;
/// Length of one address as text.
pub const ADDRESS_BYTES_MAX: usize = 256;

/// A node's own statement of its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AddressRecord {
    /// Whose.
    #[n(0)]
    pub node: NodeId,
    /// When, in milliseconds; the newest record of a node counts.
    #[n(1)]
    pub at: u64,
    /// Text multiaddrs.
    #[n(2)]
    pub addresses: Vec<String>,
    /// Over all of it.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub signature: SignatureBytes,
}

fn digest(node: &NodeId, at: u64, addresses: &[String]) -> Digest {
    keys::derive(Purpose::Scope, &[b"addresses", &node.0, &at.to_be_bytes(), &codec::encode(&addresses.to_vec())])
}

impl AddressRecord {
    /// Makes this node's record.
    pub fn sign(at: u64, mut addresses: Vec<String>, org: &OrgId, key: &SecretKey) -> Self {
        addresses.retain(|address| address.len() <= ADDRESS_BYTES_MAX);
        addresses.truncate(ADDRESSES_MAX);
        let node = key.node();
        let signature = key.sign(Context::Addresses, org, &digest(&node, at, &addresses));
        Self { node, at, addresses, signature }
    }

    /// Whether the node really stated this, within the limits.
    pub fn is_valid(&self, org: &OrgId) -> bool {
        self.addresses.len() <= ADDRESSES_MAX
            && self.addresses.iter().all(|address| address.len() <= ADDRESS_BYTES_MAX)
            && keys::verify(
                PublicKey::from(self.node),
                Context::Addresses,
                org,
                &digest(&self.node, self.at, &self.addresses),
                &self.signature,
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_or_changed_is_refused() {
        let (org, key) = (OrgId([1; 32]), SecretKey::from_seed(&[2; 32]));
        let record = AddressRecord::sign(5, vec!["/ip4/127.0.0.1/tcp/1".into()], &org, &key);
        assert!(record.is_valid(&org));
        let mut other = record.clone();
        other.addresses[0].push('9');
        assert!(!other.is_valid(&org));
        assert!(!AddressRecord { at: 6, ..record }.is_valid(&org));
    }
}

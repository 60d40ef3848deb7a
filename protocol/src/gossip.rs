//! Live messages between the nodes of a scope: sealed under a key that the member nodes share, best effort only.
//!
//! 1. Correctness never rests on a message: what is lost is found by comparing (INV-36).
//! 2. A node outside the scope that learns a topic sees ciphertext, sizes and times, no more.
//! 3. The key is sealed to each member node by HPKE; when a node goes, a new key is made without it (INV-23).
//!
//! This is not end-to-end encryption between people: each node reads what its people may read (`docs/protocol.md` §1.11).

use crate::codec::{self, CodecError};
use crate::ids::{NodeId, ScopeId, to_text};
pub use crate::keys::SealedKey;
use crate::keys::{self, Purpose};
use crate::limits::GOSSIP_BYTES_MAX;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use rand_core::Rng;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
/// Version, epoch id, nonce.
const HEAD_BYTES: usize = 1 + 8 + NONCE_BYTES;
const INFO: &[u8] = b"archipel 2026 epoch key v1";

/// A key that the member nodes of a scope share for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochKey {
    /// Names it in messages.
    pub id: [u8; 8],
    /// The secret.
    pub key: [u8; 32],
}

impl std::fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EpochKey({})", to_text(&self.id))
    }
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Message {
    /// Batches of entries, each ending with its owner's signature.
    #[n(0)]
    Entries {
        /// See `entry/batch.rs`.
        #[n(0)]
        batches: Vec<ByteVec>,
    },
    /// Something is new and too large for a message: compare.
    #[n(1)]
    Announce,
}

/// Why a message cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// Its key is not known (yet): pass it by, nobody is to blame.
    UnknownEpoch,
    /// It is not what it should be: whoever made it is to blame.
    Bad,
}

/// The id and fresh secret of a new epoch.
pub fn new_epoch(rng: &mut dyn Rng) -> EpochKey {
    let mut epoch = EpochKey { id: [0; 8], key: [0; 32] };
    rng.fill_bytes(&mut epoch.id);
    rng.fill_bytes(&mut epoch.key);
    epoch
}

/// The topic of a scope under an epoch: it changes with the key, so that a former member hears nothing.
pub fn topic(scope: &ScopeId, epoch: &[u8; 8]) -> String {
    let digest = keys::derive(Purpose::Topic, &[&scope.0, epoch]);
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seals an epoch key to a node's X25519 key; `None` when that is no usable key.
pub fn seal_key(
    scope: &ScopeId,
    epoch: &EpochKey,
    node: NodeId,
    sealing: &[u8; 32],
    rng: &mut dyn Rng,
) -> Option<SealedKey> {
    keys::seal_to(INFO, &aad(scope, &epoch.id, &node), &epoch.key, node, sealing, rng)
}

/// Opens what was sealed to this node.
pub fn open_key(scope: &ScopeId, id: &[u8; 8], sealed: &SealedKey, secret: &[u8; 32]) -> Option<EpochKey> {
    let key = keys::open_sealed(INFO, &aad(scope, id, &sealed.node), sealed, secret)?;
    Some(EpochKey { id: *id, key })
}

fn aad(scope: &ScopeId, id: &[u8; 8], node: &NodeId) -> Vec<u8> {
    [&scope.0[..], id, &node.0].concat()
}

/// Seals a message; `None` when it is over the limit.
pub fn seal(scope: &ScopeId, message: &Message, epoch: &EpochKey, rng: &mut dyn Rng) -> Option<Vec<u8>> {
    let plain = codec::encode(message);
    if plain.len() + HEAD_BYTES + 16 > GOSSIP_BYTES_MAX {
        return None;
    }
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let cipher = XChaCha20Poly1305::new(&epoch.key.into());
    let payload = Payload { msg: &plain, aad: &scope.0 };
    let ciphertext = cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
    let mut out = Vec::with_capacity(HEAD_BYTES + ciphertext.len());
    out.push(VERSION);
    out.extend_from_slice(&epoch.id);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&ciphertext);
    Some(out)
}

/// Opens a message with one of the keys known for its scope.
///
/// # Errors
/// An unknown key, or bytes that no member made.
pub fn open<'a>(
    scope: &ScopeId,
    bytes: &[u8],
    epochs: impl IntoIterator<Item = &'a EpochKey>,
) -> Result<Message, Unread> {
    if bytes.len() > GOSSIP_BYTES_MAX || bytes.len() < HEAD_BYTES || bytes[0] != VERSION {
        return Err(Unread::Bad);
    }
    let (head, ciphertext) = bytes.split_at(HEAD_BYTES);
    let epoch = epochs.into_iter().find(|epoch| epoch.id == head[1..9]).ok_or(Unread::UnknownEpoch)?;
    let nonce: [u8; NONCE_BYTES] = head[9..].try_into().map_err(|_| Unread::Bad)?;
    let cipher = XChaCha20Poly1305::new(&epoch.key.into());
    let payload = Payload { msg: ciphertext, aad: &scope.0 };
    let plain = cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| Unread::Bad)?;
    codec::decode("gossip", &plain, GOSSIP_BYTES_MAX).map_err(|_: CodecError| Unread::Bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha12Rng;
    use rand_core::SeedableRng;

    const SCOPE: ScopeId = ScopeId([3; 32]);

    #[test]
    fn a_key_opens_only_for_the_node_and_scope_it_was_sealed_to() {
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        let epoch = new_epoch(&mut rng);
        let (ben, eve) = ([7; 32], [9; 32]);
        let node = NodeId([1; 32]);
        let sealed = seal_key(&SCOPE, &epoch, node, &keys::sealing_public(&ben), &mut rng).expect("a good key");
        assert_eq!(open_key(&SCOPE, &epoch.id, &sealed, &ben), Some(epoch.clone()));
        assert_eq!(open_key(&SCOPE, &epoch.id, &sealed, &eve), None);
        assert_eq!(open_key(&ScopeId([4; 32]), &epoch.id, &sealed, &ben), None);
        let other = SealedKey { node: NodeId([2; 32]), ..sealed };
        assert_eq!(open_key(&SCOPE, &epoch.id, &other, &ben), None);
    }

    #[test]
    fn a_message_is_read_by_members_and_every_change_is_noticed() {
        let mut rng = ChaCha12Rng::seed_from_u64(2);
        let (epoch, other) = (new_epoch(&mut rng), new_epoch(&mut rng));
        let message = Message::Entries { batches: vec![vec![1, 2, 3].into()] };
        let bytes = seal(&SCOPE, &message, &epoch, &mut rng).expect("small");
        assert_eq!(open(&SCOPE, &bytes, [&other, &epoch]), Ok(message));
        assert_eq!(open(&SCOPE, &bytes, [&other]), Err(Unread::UnknownEpoch));
        assert_eq!(open(&ScopeId([4; 32]), &bytes, [&epoch]), Err(Unread::Bad));
        for at in 9..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(open(&SCOPE, &changed, [&epoch]), Err(Unread::Bad));
        }
        for cut in 0..bytes.len() {
            assert!(open(&SCOPE, &bytes[..cut], [&epoch]).is_err());
        }
    }

    #[test]
    fn a_topic_is_short_and_changes_with_the_epoch() {
        assert_eq!(topic(&SCOPE, &[1; 8]).len(), 32);
        assert_ne!(topic(&SCOPE, &[1; 8]), topic(&SCOPE, &[2; 8]));
        assert_ne!(topic(&SCOPE, &[1; 8]), topic(&ScopeId([4; 32]), &[1; 8]));
    }
}

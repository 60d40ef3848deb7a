//! Hashing, signing and sealing: the only file that names ed25519-dalek, x25519-dalek, hpke, blake3 and the AEAD.
//!
//! Rules: every hash has a purpose; every signature has a context and an organisation, so that one made for one purpose
//! fails for all others (INV-11); verification is strict and never batched, because batch verification accepts
//! signatures that single verification rejects and replicas would then disagree (`docs/protocol.md` §1.3).

use crate::ids::{NodeId, OrgId};
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::Rng;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// A 32-byte digest.
pub type Digest = [u8; 32];

/// What a hash is for; each gives an unrelated function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An entry's id over its canonical header.
    EntryId,
    /// The salted commitment to a body.
    BodyCommit,
    /// What a person meant, wherever it is logged.
    Intent,
    /// A constitution revision's id, and the short tag of an organisation.
    Scope,
    /// Digests of frontiers that two nodes compare.
    Frontier,
    /// A gossip message's id.
    GossipMessage,
    /// The digits and the proof of a pairing.
    Pairing,
    /// A gossip topic.
    Topic,
    /// The identity of an item from outside.
    Origin,
    /// The row of an answer given before.
    Request,
    /// The opening of a bundle, which its signature and all its records are bound to.
    Bundle,
    /// A writer's name in a page.
    DocumentActor,
    /// What a node keeps of a page to open it quickly.
    PageState,
    /// Which nodes keep a larger file.
    Custody,
}

impl Purpose {
    /// In the order of their declaration.
    const ALL: [Self; 14] = [
        Self::EntryId,
        Self::BodyCommit,
        Self::Intent,
        Self::Scope,
        Self::Frontier,
        Self::GossipMessage,
        Self::Pairing,
        Self::Topic,
        Self::Origin,
        Self::Request,
        Self::Bundle,
        Self::DocumentActor,
        Self::PageState,
        Self::Custody,
    ];

    const fn context(self) -> &'static str {
        match self {
            Self::EntryId => "archipel 2026 entry-id v1",
            Self::BodyCommit => "archipel 2026 body-commit v1",
            Self::Intent => "archipel 2026 intent v1",
            Self::Scope => "archipel 2026 scope v1",
            Self::Frontier => "archipel 2026 frontier v1",
            Self::GossipMessage => "archipel 2026 gossip-msg v1",
            Self::Pairing => "archipel 2026 pairing v1",
            Self::Topic => "archipel 2026 topic v1",
            Self::Origin => "archipel 2026 origin v1",
            Self::Request => "archipel 2026 request v1",
            Self::Bundle => "archipel 2026 bundle v1",
            Self::DocumentActor => "archipel 2026 doc-actor v1",
            Self::PageState => "archipel 2026 page-state v1",
            Self::Custody => "archipel 2026 custody v1",
        }
    }
}

/// Hashes the parts, one after the other, for a purpose. Parts of variable length must be told apart by the caller.
pub fn derive(purpose: Purpose, parts: &[&[u8]]) -> Digest {
    /// The first half of deriving depends on the purpose alone: it is done once.
    static CONTEXTS: LazyLock<[ContextKey; Purpose::ALL.len()]> =
        LazyLock::new(|| Purpose::ALL.map(|purpose| hash_derive_key_context(purpose.context())));
    let mut hasher = blake3::Hasher::new_from_context_key(&CONTEXTS[purpose as usize]);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// A keyed hash: proves knowledge of a shared secret.
pub fn mac(secret: &[u8; 32], parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// Compares two digests in constant time.
pub fn same(a: &Digest, b: &Digest) -> bool {
    blake3::Hash::from_bytes(*a) == blake3::Hash::from_bytes(*b)
}

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// A log owner signs an entry's id.
    Entry,
    /// A node's statement of what it holds.
    Held,
    /// An admin or a recovery key signs a constitution revision.
    Constitution,
    /// Either side signs a pairing transcript.
    Pairing,
    /// A node's signed addresses.
    Addresses,
    /// The maker of a bundle signs its opening.
    Bundle,
}

impl Context {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Entry => b"archipel-entry-1",
            Self::Held => b"archipel-held-1",
            Self::Constitution => b"archipel-const-1",
            Self::Pairing => b"archipel-pair-1",
            Self::Addresses => b"archipel-addrs-1",
            Self::Bundle => b"archipel-bundle-1",
        }
    }

    fn message(self, org: &OrgId, digest: &Digest) -> Vec<u8> {
        [self.label(), &[0], &org.0, digest].concat()
    }
}

/// A signature's bytes.
pub type SignatureBytes = [u8; 64];

/// A signing key of a node, an admin or a recovery sheet. It never prints itself.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({:?})", self.public())
    }
}

impl SecretKey {
    /// The key of a 32-byte seed from the operating system's random source.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, for storing.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The node that this key speaks for.
    pub fn node(&self) -> NodeId {
        NodeId(self.public().0)
    }

    /// Signs a digest for one purpose in one organisation.
    pub fn sign(&self, context: Context, org: &OrgId, digest: &Digest) -> SignatureBytes {
        self.0.sign(&context.message(org, digest)).to_bytes()
    }
}

/// A public key's bytes; not yet known to be a valid point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PublicKey(pub [u8; 32]);

impl<C> minicbor::Encode<C> for PublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for PublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.bytes()?.try_into().map(Self).map_err(|_| minicbor::decode::Error::message("wrong key length"))
    }
}

impl From<NodeId> for PublicKey {
    fn from(node: NodeId) -> Self {
        Self(node.0)
    }
}

/// A public key made ready once, for checking many signatures.
#[derive(Debug, Clone)]
pub struct Verifier(VerifyingKey);

impl Verifier {
    /// Makes the key ready; `None` when the bytes are no point of the curve.
    pub fn new(key: PublicKey) -> Option<Self> {
        VerifyingKey::from_bytes(&key.0).ok().map(Self)
    }

    /// Whether the signature is of this key over the digest, for this purpose and organisation. Costs about 70 µs.
    pub fn verify(&self, context: Context, org: &OrgId, digest: &Digest, signature: &SignatureBytes) -> bool {
        self.0.verify_strict(&context.message(org, digest), &Signature::from_bytes(signature)).is_ok()
    }
}

/// Checks one signature; see [`Verifier`] for many of one key.
pub fn verify(key: PublicKey, context: Context, org: &OrgId, digest: &Digest, signature: &SignatureBytes) -> bool {
    Verifier::new(key).is_some_and(|verifier| verifier.verify(context, org, digest, signature))
}

/// The public X25519 key of a 32-byte secret: what others seal to.
pub fn sealing_public(secret: &[u8; 32]) -> [u8; 32] {
    *x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret)).as_bytes()
}

/// A shared key as one node gets it: sealed to its X25519 key.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct SealedKey {
    /// The node.
    #[n(0)]
    pub node: NodeId,
    /// The encapsulated key and the ciphertext.
    #[n(1)]
    pub sealed: minicbor::bytes::ByteVec,
}

/// Seals a shared key to a node's X25519 key (HPKE, base mode); `None` when that is no usable key.
pub fn seal_to(
    info: &[u8],
    aad: &[u8],
    key: &[u8; 32],
    node: NodeId,
    sealing: &[u8; 32],
    rng: &mut dyn Rng,
) -> Option<SealedKey> {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(sealing).ok()?;
    let (encapsulated, mut sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        info,
        key,
        aad,
        &mut Secure(rng),
    )
    .ok()?;
    let mut out = encapsulated.to_bytes().to_vec();
    out.append(&mut sealed);
    Some(SealedKey { node, sealed: out.into() })
}

/// Opens what was sealed to this secret's public half, for the same purpose.
pub fn open_sealed(info: &[u8], aad: &[u8], sealed: &SealedKey, secret: &[u8; 32]) -> Option<[u8; 32]> {
    let (encapsulated, ciphertext) = sealed.sealed.split_at_checked(32)?;
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret).ok()?;
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        info,
        ciphertext,
        aad,
    );
    opened.ok()?.try_into().ok()
}

/// Lends the caller's randomness to HPKE. The shell hands in the operating system's (`docs/protocol.md` §1.3).
struct Secure<'a>(&'a mut dyn Rng);

impl rand_core::TryRng for Secure<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Secure<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXTS: [Context; 6] =
        [Context::Entry, Context::Held, Context::Constitution, Context::Pairing, Context::Addresses, Context::Bundle];

    #[test]
    fn a_signature_holds_only_in_its_context_and_organisation() {
        let key = SecretKey::from_seed(&[3; 32]);
        let orgs = [OrgId([1; 32]), OrgId([2; 32])];
        let digest = derive(Purpose::EntryId, &[b"x"]);
        for made in CONTEXTS {
            for made_org in orgs {
                let signature = key.sign(made, &made_org, &digest);
                for checked in CONTEXTS {
                    for checked_org in orgs {
                        assert_eq!(
                            verify(key.public(), checked, &checked_org, &digest, &signature),
                            made == checked && made_org == checked_org
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_key_verify_nothing() {
        let digest = [0; 32];
        assert!(!verify(PublicKey([0; 32]), Context::Entry, &OrgId([0; 32]), &digest, &[0; 64]));
        assert!(!verify(PublicKey([255; 32]), Context::Entry, &OrgId([0; 32]), &digest, &[1; 64]));
    }
}

//! Random tokens, of which only a hash is kept, and the text form of bytes in rows.

use protocol::ids::to_text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// Random bytes from the operating system.
///
/// # Panics
/// When the system has no randomness to give; nothing safe can be done then.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system always gives random bytes once it has started");
    bytes
}

/// Bytes that a row keeps as base32 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Text<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_text(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        protocol::ids::from_text(&text)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("expected base32 of another length"))
    }
}

/// The hash of a token.
pub type Hashed = Text<32>;

/// A 256-bit token as its holder carries it: 52 characters of base32. It never prints itself.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// A fresh one.
    pub fn new() -> Self {
        Self(Zeroizing::new(to_text(&random::<32>())))
    }

    /// The text, to be handed to its holder once.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hashed(&self) -> Hashed {
        hash(&self.0)
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The hash of a presented token. Tokens are random, so a fast hash is enough, and looking it up leaks nothing of use.
pub fn hash(token: &str) -> Hashed {
    Text(blake3::derive_key("archipel 2026 local token v1", token.as_bytes()))
}

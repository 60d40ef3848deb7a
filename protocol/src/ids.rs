//! Names of things: one newtype each, so that a group can never be passed where a log is meant.
//!
//! Ids of 32 bytes are hashes or public keys; ids of 16 bytes are random. Their text is lower-case base32 without padding
//! (52 and 26 characters), which is safe in addresses, file names and double-click selection.

use data_encoding::{Encoding, Specification};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().expect("the alphabet has 32 distinct symbols")
});

/// Text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected {length} characters of lower-case base32")]
pub struct IdError {
    /// How many characters the id has.
    pub length: usize,
}

/// Writes bytes as lower-case base32 without padding, the text form of every id.
pub fn to_text(bytes: &[u8]) -> String {
    BASE32.encode(bytes)
}

/// Reads lower-case base32 without padding; `None` when it is anything else.
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    BASE32.decode(text.as_bytes()).ok()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $chars:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Length in bytes.
            pub const BYTES: usize = $bytes;

            /// Reads the id from a slice of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_text(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), &to_text(&self.0)[..8])
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                from_text(text).and_then(|bytes| Self::from_slice(&bytes)).ok_or(IdError { length: $chars })
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::from_slice(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("wrong id length"))
            }
        }
    };
}

id!(
    /// An organisation: the id of revision 0 of its constitution.
    OrgId, 32, 52
);
id!(
    /// What a log belongs to: an organisation or one group, by the bytes of its id.
    ScopeId, 32, 52
);
id!(
    /// A group: the id of its `group.create` entry.
    GroupId, 32, 52
);
id!(
    /// A node: its ed25519 public key.
    NodeId, 32, 52
);
id!(
    /// A writer's log: the id of its first entry.
    LogId, 32, 52
);
id!(
    /// An entry: the hash of its canonical header.
    EntryId, 32, 52
);
id!(
    /// A file: the BLAKE3 hash of its bytes.
    BlobId, 32, 52
);
id!(
    /// A person, random, minted by the home node. Names live in erasable bodies only.
    UserId, 16, 26
);
id!(
    /// A site (an office): one or more nodes serve it.
    SiteId, 16, 26
);
id!(
    /// A pairing invitation.
    TicketId, 16, 26
);
id!(
    /// A browser's request, so that a repeated one gets the first answer.
    RequestId, 16, 26
);

impl From<OrgId> for ScopeId {
    fn from(id: OrgId) -> Self {
        Self(id.0)
    }
}

impl From<GroupId> for ScopeId {
    fn from(id: GroupId) -> Self {
        Self(id.0)
    }
}

impl From<ScopeId> for GroupId {
    fn from(id: ScopeId) -> Self {
        Self(id.0)
    }
}

impl From<EntryId> for GroupId {
    fn from(id: EntryId) -> Self {
        Self(id.0)
    }
}

impl From<EntryId> for LogId {
    fn from(id: EntryId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_an_id_reads_back() {
        let id = UserId([7; 16]);
        assert_eq!(id.to_string().len(), 26);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(EntryId([255; 32]).to_string().len(), 52);
    }

    #[test]
    fn text_of_another_length_or_alphabet_is_refused() {
        assert!("abc".parse::<UserId>().is_err());
        assert!(EntryId([1; 32]).to_string().to_uppercase().parse::<EntryId>().is_err());
    }
}

//! The one canonical encoding for what is hashed, signed or sent: CBOR, core deterministic form (RFC 8949 §4.2).
//!
//! Bodies are CBOR maps with small integer keys: unknown keys are skipped, so that a newer writer does not break an
//! older reader. Headers are stricter (see `entry`).

use minicbor::{Decode, Encode};

/// Bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than its limit.
    #[error("{what} has {bytes} bytes, over its limit of {max}")]
    TooLong {
        /// What was read.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Not the expected structure.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// Why it was refused.
        reason: String,
    },
}

/// Encodes a value whose types cannot fail to encode.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec cannot fail")
}

/// Decodes a whole value, refusing trailing bytes and anything over the limit.
pub fn decode<'b, T: Decode<'b, ()>>(what: &'static str, bytes: &'b [u8], max: usize) -> Result<T, CodecError> {
    if bytes.len() > max {
        return Err(CodecError::TooLong { what, bytes: bytes.len(), max });
    }
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|error| CodecError::Malformed { what, reason: error.to_string() })?;
    if decoder.position() != bytes.len() {
        return Err(CodecError::Malformed { what, reason: "trailing bytes".into() });
    }
    Ok(value)
}

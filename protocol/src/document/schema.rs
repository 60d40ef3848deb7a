//! What a page may consist of ("page/1", `docs/protocol.md` "Pages", steps 8 and 9), operation by operation.
//!
//! The root holds one text, made with the page and by nobody else. In the text stand characters, marks and blocks; a block
//! is a map of small values, with lists, maps and texts below it. Everything else is refused: no counters, no bytes, nothing
//! at the root.

use super::Malformed;
use automerge::{ObjType, ScalarValue};

/// Changes in one entry: what a browser sends in a burst, or an editor that was away in one go.
pub const CHANGES_PER_ENTRY_MAX: usize = 64;
/// One change, encoded (§1.8 step 1).
pub const CHANGE_BYTES_MAX: usize = 64 * 1024;
/// All changes of an entry: less than a body, with room for what surrounds them.
pub const ENTRY_CHANGES_BYTES_MAX: usize = 240 * 1024;
/// Operations in one change (§1.8 step 8); editors split at 8,000 (ruling B7).
pub const OPS_PER_CHANGE_MAX: u64 = 10_000;
/// Operations that those of one change take the place of, in all.
pub const PREDS_PER_CHANGE_MAX: u64 = 20_000;
/// Operations that one of them takes the place of: as many as wrote the same thing at the same time.
pub(crate) const PREDS_PER_OP_MAX: usize = 256;
/// Numbers of operations in a document (§1.8 step 7).
pub(crate) const OP_MAX: u64 = 1 << 31;
/// Root, text, block, its attributes, and two levels below.
pub(crate) const DEPTH_MAX: u8 = 6;
/// The name of a mark, or a key of a block.
const NAME_BYTES_MAX: usize = 128;
/// A value in a block, or of a mark: an address with its title.
const VALUE_BYTES_MAX: usize = 8 * 1024;
/// One character as an editor counts it: a family emoji with its joiners fits several times.
const CHARACTER_BYTES_MAX: usize = 64;

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The document itself.
    Root,
    /// The text of the page.
    Text,
    /// A block, or something below one.
    Block,
}

/// Checks a character that is put into a text, or a value that is put into a list.
pub(crate) fn inserted(within: ObjType, value: &ScalarValue) -> Result<(), Malformed> {
    match (within, value) {
        (ObjType::Text, ScalarValue::Str(text)) if !text.is_empty() && text.len() <= CHARACTER_BYTES_MAX => Ok(()),
        (ObjType::List, value) => small(value),
        _ => Err(Malformed::Schema),
    }
}

/// Checks a value in a block, or of a mark.
pub(crate) fn small(value: &ScalarValue) -> Result<(), Malformed> {
    match value {
        ScalarValue::Str(text) if text.len() <= VALUE_BYTES_MAX => Ok(()),
        ScalarValue::Int(_)
        | ScalarValue::Uint(_)
        | ScalarValue::F64(_)
        | ScalarValue::Boolean(_)
        | ScalarValue::Timestamp(_)
        | ScalarValue::Null => Ok(()),
        _ => Err(Malformed::Schema),
    }
}

/// Checks the name of a mark, or a key.
pub(crate) fn name(name: &str) -> Result<(), Malformed> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX { Err(Malformed::Schema) } else { Ok(()) }
}

/// Checks that something of this type may be made there, and tells where it then stands.
pub(crate) fn made(place: Place, depth: u8, of: ObjType) -> Result<Place, Malformed> {
    match (place, of) {
        _ if depth >= DEPTH_MAX => Err(Malformed::Nesting),
        (Place::Text, ObjType::Map) => Ok(Place::Block),
        (Place::Block, ObjType::Map | ObjType::List | ObjType::Text) => Ok(Place::Block),
        _ => Err(Malformed::Schema),
    }
}

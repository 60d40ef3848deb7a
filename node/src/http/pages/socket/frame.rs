//! The binary frames of a page's socket: a tag, then a document, or a count and changes with their lengths.

use flate2::read::DeflateDecoder;
use protocol::document::{CHANGE_BYTES_MAX, CHANGES_PER_ENTRY_MAX, deflated, plain};
use std::io::Read;

/// A whole document.
const SNAPSHOT: u8 = 1;
/// Changes.
const CHANGES: u8 = 2;

/// A frame with a whole document.
pub(super) fn snapshot(bytes: &[u8]) -> Vec<u8> {
    [&[SNAPSHOT], bytes].concat()
}

/// A frame with changes.
pub(super) fn changes(changes: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![CHANGES];
    out.extend_from_slice(&(changes.len() as u32).to_be_bytes());
    for change in changes {
        out.extend_from_slice(&(change.len() as u32).to_be_bytes());
        out.extend_from_slice(change);
    }
    out
}

/// Reads a browser's frame of changes. Deflated ones are made plain, as they are logged; what would be too long stays
/// deflated, and is refused with the others of its kind.
pub(super) fn parse(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (tag, rest) = bytes.split_first()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_be_bytes(*count) as usize;
    if *tag != CHANGES || count > CHANGES_PER_ENTRY_MAX {
        return None;
    }
    let mut changes = Vec::with_capacity(count);
    for _ in 0..count {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (change, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        changes.push(inflated(change).unwrap_or_else(|| change.to_vec()));
        rest = after;
    }
    rest.is_empty().then_some(changes)
}

/// The plain form of a deflated change, if it is not too long.
fn inflated(change: &[u8]) -> Option<Vec<u8>> {
    let (checksum, data) = deflated(change)?;
    let mut out = Vec::new();
    DeflateDecoder::new(data).take(CHANGE_BYTES_MAX as u64 + 1).read_to_end(&mut out).ok()?;
    (out.len() <= CHANGE_BYTES_MAX).then(|| plain(checksum, &out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_out_of_a_frame_as_they_went_in() {
        let sent = vec![vec![1, 2, 3], Vec::new(), vec![9; 300]];
        assert_eq!(parse(&changes(&sent)), Some(sent));
        for bad in
            [&[][..], &[2], &[1, 0, 0, 0, 0], &[2, 0, 0, 0, 1], &[2, 0, 0, 0, 1, 0, 0, 0, 9, 1], &[2, 0, 0, 0, 0, 7]]
        {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert_eq!(parse(&[2, 255, 255, 255, 255]), None);
    }
}

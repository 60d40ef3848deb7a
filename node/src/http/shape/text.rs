//! The text forms of times, cursors, names and node keys.

pub use crate::http::markdown::name;
use jiff::Timestamp;
use protocol::clock::{Hlc, Millis};
use protocol::engine::query::Before;
use protocol::ids::{EntryId, NodeId, from_text, to_text};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// RFC 3339 in UTC with milliseconds. Times beyond what a calendar holds are shown as its end.
pub fn time(at: Millis) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    format!("{at:.3}")
}

/// As [`time`], of a plain number.
pub fn time_ms(at: u64) -> String {
    time(Millis(at))
}

/// A cursor's opaque form.
pub fn cursor(before: &Before) -> String {
    to_text(&[&before.hlc.0.to_be_bytes()[..], &before.id.0].concat())
}

/// Reads a cursor.
pub fn parse_cursor(text: &str) -> Option<Before> {
    let bytes = from_text(text)?;
    let (hlc, id) = bytes.split_first_chunk::<8>()?;
    Some(Before { hlc: Hlc(u64::from_be_bytes(*hlc)), id: EntryId::from_slice(id)? })
}

/// Lower case without accents: how names are sorted and searched.
pub fn fold(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase()
}

/// Groups of characters that two people read to each other: the first hundred bits of a node's key.
pub fn fingerprint(node: NodeId) -> String {
    in_groups(&to_text(&node.0)[..20])
}

/// Text in groups of four.
pub fn in_groups(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_never_fail() {
        assert_eq!(time(Millis(1_795_340_460_000)), "2026-11-22T09:41:00.000Z");
        assert_eq!(time(Millis(1)), "1970-01-01T00:00:00.001Z");
        assert!(time(Millis(u64::MAX)).starts_with("9999-"));
    }

    #[test]
    fn cursors_read_back_and_anything_else_does_not() {
        let before = Before { hlc: Hlc(77), id: EntryId([3; 32]) };
        assert_eq!(parse_cursor(&cursor(&before)), Some(before));
        assert_eq!(parse_cursor("abc"), None);
        assert_eq!(parse_cursor(""), None);
    }

    #[test]
    fn names_are_found_without_accents() {
        assert_eq!(fold("Élodie Müller-Ça"), "elodie muller-ca");
    }

    #[test]
    fn fingerprints_are_read_aloud_in_fours() {
        assert_eq!(fingerprint(NodeId([0; 32])), "aaaa aaaa aaaa aaaa aaaa");
    }
}

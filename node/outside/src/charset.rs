//! Turns the bytes of a foreign document into text. Knows byte order marks, declarations and what to do when they lie.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into a document a declaration is looked for.
const DECLARATION_BYTES_MAX: usize = 1_024;

/// Decodes a document. In this order: a byte order mark; UTF-16 recognised by its zeros; the charset of the content
/// type; the encoding of the XML declaration (or an HTML `charset=`); UTF-8. Bytes that are valid UTF-8 although one
/// of the declarations says otherwise are UTF-8 when the other says so; bytes that are declared UTF-8 and are not
/// are windows-1252, the usual truth then.
pub(crate) fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    let zeros = |at: usize| bytes.get(at) == Some(&0);
    if zeros(0) && !zeros(1) && bytes.len() > 3 {
        return UTF_16BE.decode_without_bom_handling(bytes).0.into_owned();
    }
    if zeros(1) && !zeros(0) && bytes.len() > 3 {
        return UTF_16LE.decode_without_bom_handling(bytes).0.into_owned();
    }
    let by_header = content_type.and_then(|text| label_after(text.as_bytes(), b"charset"));
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES_MAX)];
    let by_document = label_after(head, b"encoding").or_else(|| label_after(head, b"charset"));
    let valid = std::str::from_utf8(bytes);
    let says_utf8 = by_header == Some(UTF_8) || by_document == Some(UTF_8);
    let declared = by_header.or(by_document).unwrap_or(UTF_8);
    match valid {
        Ok(text) if says_utf8 || declared == UTF_8 => text.to_owned(),
        Err(_) if declared == UTF_8 => {
            let second = by_document.filter(|encoding| *encoding != UTF_8).unwrap_or(WINDOWS_1252);
            second.decode_without_bom_handling(bytes).0.into_owned()
        }
        // A declaration in single bytes proves that the document is not UTF-16, whatever it says.
        _ if declared == UTF_16LE || declared == UTF_16BE => String::from_utf8_lossy(bytes).into_owned(),
        _ => declared.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// The encoding named after `word=` (quotes and spaces allowed), if it is one we know.
fn label_after(text: &[u8], word: &[u8]) -> Option<&'static Encoding> {
    let at = text.windows(word.len()).position(|window| window.eq_ignore_ascii_case(word))?;
    let rest = text[at + word.len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end =
        rest.iter().position(|b| matches!(b, b'"' | b'\'' | b';' | b'?' | b'>' | b',') || b.is_ascii_whitespace());
    Encoding::for_label(&rest[..end.unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn declarations_are_followed() {
        assert_eq!(
            decode(b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>", None),
            "<?xml version='1.0' encoding='iso-8859-1'?><a>é</a>"
        );
        assert_eq!(decode(b"<a>\x93\xe9\x94\x80</a>", Some("text/xml; charset=\"windows-1252\"")), "<a>“é”€</a>");
        assert_eq!(decode(b"<a>\xd0\xd2</a>", Some("text/xml;charset=koi8-r")), "<a>пр</a>");
    }

    #[test]
    fn marks_and_zeros_beat_declarations() {
        assert_eq!(decode(b"\xef\xbb\xbf<a>\xc3\xa9</a>", Some("text/xml; charset=iso-8859-1")), "<a>é</a>");
        let wide = |swap: bool| {
            let units = "<a>é</a>".encode_utf16();
            units.flat_map(|unit| if swap { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect::<Vec<u8>>()
        };
        assert_eq!(decode(&wide(true), None), "<a>é</a>");
        assert_eq!(decode(&wide(false), Some("text/xml; charset=utf-8")), "<a>é</a>");
    }

    #[test]
    fn lies_are_seen_through() {
        let declared = "<?xml version='1.0' encoding='utf-8'?><a>é</a>";
        assert_eq!(decode(declared.as_bytes(), Some("text/xml; charset=iso-8859-1")), declared);
        assert_eq!(
            decode(b"<?xml version='1.0' encoding='utf-8'?>\xe9", None),
            "<?xml version='1.0' encoding='utf-8'?>é"
        );
        assert_eq!(
            decode(b"<?xml version='1.0' encoding='utf-16'?><a/>", None),
            "<?xml version='1.0' encoding='utf-16'?><a/>"
        );
        assert_eq!(decode(b"<a>\xe9</a>", Some("text/xml; charset=nonsense")), "<a>é</a>");
        assert_eq!(decode(b"", None), "");
    }
}

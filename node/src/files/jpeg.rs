//! The parts of a JPEG file.

use super::strip::take;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const COMMENT: u8 = 0xFE;

/// Keeps what decoding needs: frames, tables, scans, JFIF density, colour profile, Adobe's colour transform. Whatever
/// follows the end of the image (second pictures, films) goes.
pub fn strip(bytes: &[u8], exif: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut at = 0;
    if take(bytes, &mut at, 2)? != [0xFF, SOI] {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&[0xFF, SOI]);
    let mut exif = exif;
    loop {
        let Some(marker) = next_marker(bytes, &mut at) else {
            // Cut off: many programs write no end, and decoders forgive it.
            out.extend_from_slice(&[0xFF, EOI]);
            return Some(out);
        };
        match marker {
            EOI => {
                out.extend_from_slice(&[0xFF, EOI]);
                return Some(out);
            }
            0xD0..=0xD7 | 0x01 => continue,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(take(bytes, &mut at, 2)?.try_into().ok()?));
        let content = take(bytes, &mut at, length.checked_sub(2)?)?;
        // JFIF, where there is one, must come first.
        if marker != 0xE0
            && let Some(exif) = exif.take()
        {
            segment(&mut out, 0xE1, &[b"Exif\0\0", exif].concat())?;
        }
        match kept(marker, content) {
            Some(content) => segment(&mut out, marker, content)?,
            None => continue,
        }
        if marker == SOS {
            let scan = scan_length(bytes.get(at..)?);
            out.extend_from_slice(take(bytes, &mut at, scan)?);
        }
    }
}

fn segment(out: &mut Vec<u8>, marker: u8, content: &[u8]) -> Option<()> {
    let length = u16::try_from(content.len() + 2).ok()?;
    out.extend_from_slice(&[0xFF, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
    Some(())
}

/// What stays of a segment.
fn kept(marker: u8, content: &[u8]) -> Option<&[u8]> {
    match marker {
        // The first fourteen bytes without a small copy; with one the header would lie about its length.
        0xE0 => content.get(..14).filter(|head| head.starts_with(b"JFIF\0") && head.ends_with(&[0, 0])),
        0xE2 => Some(content).filter(|content| content.starts_with(b"ICC_PROFILE\0")),
        0xEE => Some(content).filter(|content| content.starts_with(b"Adobe")),
        0xE0..=0xEF | COMMENT => None,
        _ => Some(content),
    }
}

fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        if take(bytes, at, 1)? != [0xFF] {
            continue;
        }
        loop {
            match take(bytes, at, 1)? {
                [0xFF] => {}
                [0x00] => break,
                [marker] => return Some(*marker),
                _ => return None,
            }
        }
    }
}

/// Bytes of compressed data up to the next marker that is not part of them.
fn scan_length(bytes: &[u8]) -> usize {
    let ends = |pair: &[u8]| matches!(pair, [0xFF, next] if !matches!(next, 0x00 | 0xD0..=0xD7 | 0xFF));
    bytes.windows(2).position(ends).unwrap_or(bytes.len())
}

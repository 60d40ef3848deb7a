//! The parts of a WebP file.

use super::strip::take;

/// Pixels, transparency, colour profile, frames of a moving picture.
const KEPT: [&[u8]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// Flags of the extended header that promise metadata.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// Keeps the chunks of the list and makes the header true again.
pub fn strip(bytes: &[u8], exif: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut at = 0;
    if take(bytes, &mut at, 4)? != b"RIFF" {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(take(bytes, &mut at, 4)?.try_into().ok()?)).ok()?;
    let bytes = bytes.get(..length.checked_add(8)?.min(bytes.len()))?;
    if take(bytes, &mut at, 4)? != b"WEBP" {
        return None;
    }
    let mut body = b"WEBP".to_vec();
    let mut extended = false;
    while at < bytes.len() {
        let Some(kind) = take(bytes, &mut at, 4) else { break };
        let length = usize::try_from(u32::from_le_bytes(take(bytes, &mut at, 4)?.try_into().ok()?)).ok()?;
        let content = take(bytes, &mut at, length)?;
        // The byte that makes lengths even may be missing at the end.
        at += length % 2;
        if !KEPT.contains(&kind) {
            continue;
        }
        let from = body.len() + 8;
        chunk(&mut body, kind, content)?;
        if kind == b"VP8X" {
            extended = true;
            let flags = body.get_mut(from)?;
            *flags &= !(HAS_EXIF | HAS_XMP);
            if exif.is_some() {
                *flags |= HAS_EXIF;
            }
        }
    }
    if let Some(exif) = exif.filter(|_| extended) {
        chunk(&mut body, b"EXIF", exif)?;
    }
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&body);
    Some(out)
}

fn chunk(out: &mut Vec<u8>, kind: &[u8], content: &[u8]) -> Option<()> {
    out.extend_from_slice(kind);
    out.extend_from_slice(&u32::try_from(content.len()).ok()?.to_le_bytes());
    out.extend_from_slice(content);
    if content.len() % 2 == 1 {
        out.push(0);
    }
    Some(())
}

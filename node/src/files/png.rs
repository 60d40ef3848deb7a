//! The parts of a PNG file.

use super::strip::take;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";
/// Pixels, palette, transparency, colour, size on paper, frames of a moving picture.
const KEPT: [&[u8]; 18] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI",
];

/// Keeps the chunks of the list; texts, times, EXIF and everything private go, and what follows the end.
pub fn strip(bytes: &[u8], exif: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut at = 0;
    if take(bytes, &mut at, SIGNATURE.len())? != SIGNATURE {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(SIGNATURE);
    loop {
        let begin = at;
        let length = u32::from_be_bytes(take(bytes, &mut at, 4)?.try_into().ok()?);
        let kind = take(bytes, &mut at, 4)?;
        take(bytes, &mut at, usize::try_from(length).ok()?.checked_add(4)?)?;
        if KEPT.contains(&kind) {
            out.extend_from_slice(bytes.get(begin..at)?);
        }
        match kind {
            b"IHDR" => {
                if let Some(exif) = exif {
                    chunk(&mut out, *b"eXIf", exif);
                }
            }
            b"IEND" => return Some(out),
            _ => {}
        }
    }
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    out.extend_from_slice(&(content.len() as u32).to_be_bytes());
    let from = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(content);
    let sum = crc32(out.get(from..).unwrap_or_default());
    out.extend_from_slice(&sum.to_be_bytes());
}

/// The check sum of PNG, bit by bit: it runs over a few bytes only.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_sum_is_the_standards() {
        assert_eq!(super::crc32(b"IEND"), 0xAE42_6082);
    }
}

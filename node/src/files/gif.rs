//! The parts of a GIF file.

use super::strip::take;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;
const GRAPHIC_CONTROL: u8 = 0xF9;
const APPLICATION: u8 = 0xFF;
/// Applications that only say how often a moving picture repeats.
const REPEATS: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];

/// Keeps pictures, their timing and repetition; comments, texts and other applications' blocks go.
pub fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    let head = take(bytes, &mut at, 13)?;
    take(bytes, &mut at, table_length(*head.get(10)?))?;
    let mut out = bytes.get(..at)?.to_vec();
    loop {
        let begin = at;
        let Some([kind]) = take(bytes, &mut at, 1) else {
            out.push(TRAILER);
            return Some(out);
        };
        let keep = match *kind {
            TRAILER => {
                out.push(TRAILER);
                return Some(out);
            }
            EXTENSION => {
                let label = *take(bytes, &mut at, 1)?.first()?;
                let named = bytes.get(at + 1..at + 12);
                skip_blocks(bytes, &mut at)?;
                label == GRAPHIC_CONTROL || (label == APPLICATION && named.is_some_and(|name| REPEATS.contains(&name)))
            }
            IMAGE => {
                let frame = take(bytes, &mut at, 9)?;
                take(bytes, &mut at, table_length(*frame.get(8)?))?;
                take(bytes, &mut at, 1)?;
                skip_blocks(bytes, &mut at)?;
                true
            }
            _ => return None,
        };
        if keep {
            out.extend_from_slice(bytes.get(begin..at)?);
        }
    }
}

/// Bytes of a colour table that flags announce.
fn table_length(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn skip_blocks(bytes: &[u8], at: &mut usize) -> Option<()> {
    loop {
        match *take(bytes, at, 1)?.first()? {
            0 => return Some(()),
            length => {
                take(bytes, at, usize::from(length))?;
            }
        }
    }
}

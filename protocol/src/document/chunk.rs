//! A first look at the bytes of a change, before automerge sees them (`docs/protocol.md` "Pages", steps 1 and 2): that they
//! are one uncompressed chunk, whole, of the known columns, and that they do not stand for more operations than a change
//! may have. Columns are run lengths, so that sixty bytes could stand for billions of operations.

use super::Malformed;
use super::schema::{CHANGE_BYTES_MAX, OPS_PER_CHANGE_MAX, PREDS_PER_CHANGE_MAX};

/// How every chunk begins.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Magic and checksum.
const CHECKED: usize = 8;
/// A chunk that holds one change, not deflated.
const PLAIN_CHANGE: u8 = 1;
/// A chunk that holds one change, deflated.
pub(crate) const DEFLATED_CHANGE: u8 = 2;
/// An honest change names the heads that its writer saw: one or two, after days apart some tens.
const DEPS_MAX: u64 = 256;
/// Writers whose operations a change refers to: all who ever wrote, in a paste over everything.
const ACTORS_MAX: u64 = 4_096;
/// The column of actions: one operation each.
const ACTION: u64 = 0x42;
/// The column of how many operations each operation takes the place of.
const PREDS: u64 = 0x70;
/// Every column that a change may have; none of them deflated.
const COLUMNS: [u64; 14] = [0x01, 0x02, 0x11, 0x13, 0x15, 0x34, ACTION, 0x56, 0x57, PREDS, 0x71, 0x73, 0x94, 0xa5];

/// The type byte of a chunk; `None` for what is no chunk at all.
pub fn chunk_type(bytes: &[u8]) -> Option<u8> {
    if bytes.get(..4)? != MAGIC { None } else { bytes.get(CHECKED).copied() }
}

/// The deflated bytes of a compressed change with the checksum of its plain form; `None` for anything else.
pub fn deflated(bytes: &[u8]) -> Option<([u8; 4], &[u8])> {
    if chunk_type(bytes)? != DEFLATED_CHANGE {
        return None;
    }
    let mut input = Input(bytes.get(CHECKED + 1..)?);
    let len = usize::try_from(input.number().ok()?).ok()?;
    (input.0.len() == len).then_some((bytes.get(4..CHECKED)?.try_into().ok()?, input.0))
}

/// Puts a plain change's chunk together from its data.
pub fn plain(checksum: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&checksum);
    out.push(PLAIN_CHANGE);
    let mut len = data.len();
    while len >= 0x80 {
        out.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(data);
    out
}

/// Checks that automerge can read a change in bounded time and room.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.len() > CHANGE_BYTES_MAX {
        return Err(Malformed::Size);
    }
    if chunk_type(bytes) != Some(PLAIN_CHANGE) {
        return Err(Malformed::Chunk);
    }
    let mut input = Input(bytes.get(CHECKED + 1..).ok_or(Malformed::Chunk)?);
    let len = input.number()?;
    if len != input.0.len() as u64 {
        return Err(Malformed::Chunk);
    }
    let deps = input.number()?;
    if deps > DEPS_MAX {
        return Err(Malformed::Size);
    }
    input.skip(deps * 32)?;
    input.skip_counted()?; // The writer.
    input.number()?; // Its count of changes.
    input.number()?; // The first operation.
    input.number()?; // The time; signed, but as long.
    input.skip_counted()?; // The message.
    let actors = input.number()?;
    if actors > ACTORS_MAX {
        return Err(Malformed::Size);
    }
    for _ in 0..actors {
        input.skip_counted()?;
    }
    columns(input)
}

/// Checks the columns: all known, all there, and not standing for too much.
fn columns(mut input: Input<'_>) -> Result<(), Malformed> {
    let count = input.number()?;
    if count > COLUMNS.len() as u64 {
        return Err(Malformed::Chunk);
    }
    let mut named = Vec::new();
    for _ in 0..count {
        named.push((input.number()?, input.number()?));
    }
    let mut actions = None;
    let mut preds = None;
    for (spec, len) in named {
        if !COLUMNS.contains(&spec) {
            return Err(Malformed::Chunk);
        }
        let data = input.take(len)?;
        match spec {
            ACTION => actions = Some(data),
            PREDS => preds = Some(data),
            _ => {}
        }
    }
    let ops = count_runs(actions.unwrap_or_default(), OPS_PER_CHANGE_MAX, |_, run| run)?;
    if ops > OPS_PER_CHANGE_MAX {
        return Err(Malformed::TooMany);
    }
    let preds = count_runs(preds.unwrap_or_default(), PREDS_PER_CHANGE_MAX, |value, run| value.saturating_mul(run))?;
    if preds > PREDS_PER_CHANGE_MAX {
        return Err(Malformed::TooMany);
    }
    Ok(())
}

/// Adds up what the runs of a column stand for, and stops where it is too much.
fn count_runs(column: &[u8], max: u64, worth: impl Fn(u64, u64) -> u64) -> Result<u64, Malformed> {
    let mut input = Input(column);
    let mut sum: u64 = 0;
    while !input.0.is_empty() && sum <= max {
        let run = input.signed()?;
        if run > 0 {
            sum = sum.saturating_add(worth(input.number()?, run as u64));
        } else if run < 0 {
            // So many values follow, each for itself: they take their bytes.
            for _ in 0..run.unsigned_abs() {
                sum = sum.saturating_add(worth(input.number()?, 1));
            }
        } else {
            // A run of nothing stands for as many rows.
            sum = sum.saturating_add(worth(1, input.number()?));
        }
    }
    Ok(sum)
}

/// Bytes not read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(len).map_err(|_| Malformed::Chunk)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed::Chunk)?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip(&mut self, len: u64) -> Result<(), Malformed> {
        self.take(len).map(drop)
    }

    fn skip_counted(&mut self) -> Result<(), Malformed> {
        let len = self.number()?;
        self.skip(len)
    }

    /// The bits of a number in base 128, with how many they are.
    fn bits(&mut self) -> Result<(u64, u32, u8), Malformed> {
        let (mut bits, mut shift) = (0_u64, 0);
        loop {
            let (byte, rest) = self.0.split_first().ok_or(Malformed::Chunk)?;
            self.0 = rest;
            if shift >= 64 || (shift == 63 && byte & 0x7e != 0 && byte & 0x7f != 0x7f) {
                return Err(Malformed::Chunk);
            }
            bits |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return Ok((bits, shift, *byte));
            }
        }
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        self.bits().map(|(bits, ..)| bits)
    }

    fn signed(&mut self) -> Result<i64, Malformed> {
        let (bits, shift, last) = self.bits()?;
        let minus = last & 0x40 != 0 && shift < 64;
        Ok(if minus { (bits | (u64::MAX << shift)) as i64 } else { bits as i64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for (bytes, unsigned) in [(vec![0x00], 0), (vec![0x7f], 127), (vec![0x80, 0x01], 128)] {
            assert_eq!(Input(&bytes).number(), Ok(unsigned));
        }
        for (bytes, signed) in [(vec![0x7f], -1), (vec![0x40], -64), (vec![0x3f], 63), (vec![0x80, 0x7f], -128)] {
            assert_eq!(Input(&bytes).signed(), Ok(signed));
        }
    }

    #[test]
    fn a_run_that_stands_for_a_billion_is_noticed_without_being_counted_out() {
        let mut column = vec![0x80, 0x80, 0x80, 0x80, 0x04, 0x01];
        assert!(count_runs(&column, 10_000, |_, run| run).unwrap() > 10_000);
        column = vec![0x01, 0x80, 0x80, 0x80, 0x80, 0x04];
        assert!(count_runs(&column, 10_000, |value, run| value * run).unwrap() > 10_000);
    }
}

//! The form of a journal record of entries: a byte that says how, then the run (`protocol::entry::batch`) as it is or
//! compressed. Knows no run's meaning. A record without one of its bodies is made by packing the shorter run anew.

use std::cell::RefCell;

const RAW: u8 = 0;
/// Followed by the run's length, four bytes, little-endian.
const ZSTD: u8 = 1;
/// Below this compression gains little: a post's ids, salt and signature are random.
const PACK_BYTES_MIN: usize = 1_024;
/// The quickest level: a record is written while others wait, and three times the time saves a twentieth.
const PACK_LEVEL: i32 = 1;
/// No run is longer (`archipel_storage::RECORD_BYTES_MAX`).
const RUN_BYTES_MAX: usize = archipel_storage::RECORD_BYTES_MAX;

thread_local! {
    /// Making one costs as much as packing a record.
    static PACKER: RefCell<Option<zstd::bulk::Compressor<'static>>> =
        RefCell::new(zstd::bulk::Compressor::new(PACK_LEVEL).ok());
}

/// Packs a run for the journal; compressed if that makes it smaller.
pub fn pack(run: &[u8]) -> Vec<u8> {
    let packed = match run.len() {
        PACK_BYTES_MIN..=RUN_BYTES_MAX => {
            PACKER.with_borrow_mut(|packer| packer.as_mut().and_then(|packer| packer.compress(run).ok()))
        }
        _ => None,
    };
    match packed.filter(|packed| packed.len() + 4 < run.len()) {
        Some(packed) => [&[ZSTD][..], &(run.len() as u32).to_le_bytes(), &packed].concat(),
        None => [&[RAW][..], run].concat(),
    }
}

/// The run in a record; `None` when it is not in a known form.
pub fn unpack(record: &[u8]) -> Option<Vec<u8>> {
    match record.split_first()? {
        (&RAW, run) => Some(run.to_vec()),
        (&ZSTD, rest) => {
            let (len, packed) = rest.split_first_chunk::<4>()?;
            let len = u32::from_le_bytes(*len) as usize;
            let run = zstd::bulk::decompress(packed, Some(len).filter(|len| *len <= RUN_BYTES_MAX)?).ok()?;
            (run.len() == len).then_some(run)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_back_and_a_long_one_is_smaller() {
        let random: Vec<u8> = (0..64_u8).flat_map(noise).collect();
        let words = "la place de la gare ".repeat(500).into_bytes();
        for run in [&b""[..], b"short", &random, &words] {
            assert_eq!(unpack(&pack(run)).as_deref(), Some(run));
            assert!(pack(run).len() <= run.len() + 1);
        }
        assert!(pack(&words).len() < words.len() / 10);
    }

    /// Bytes that do not compress.
    fn noise(seed: u8) -> Vec<u8> {
        let mut state = u64::from(seed) + 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..32).map(|_| next()).collect()
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let mut record = pack(&[7; 5_000]);
        assert_eq!(record[0], ZSTD);
        assert_eq!(unpack(&[]), None);
        assert_eq!(unpack(&[9, 1, 2]), None);
        for cut in 1..record.len() {
            assert_eq!(unpack(&record[..cut]), None, "cut at {cut}");
        }
        record[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(unpack(&record), None);
    }
}

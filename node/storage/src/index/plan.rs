//! Which runs are merged when. A row is written again about once each time its run grows fourfold, and a look-up meets
//! few runs.

use std::ops::Range;

/// As many neighbours of like size are merged into one.
const MERGED: usize = 4;
/// Runs up to this size are alike.
const SMALL_BYTES: u64 = 16 * 1024;
/// Beyond so many runs the cheapest neighbours are merged, whatever their sizes.
const RUNS_MAX: usize = 20;

/// The runs to merge next, by their places in this list of their sizes from the newest to the oldest.
pub(super) fn next(sizes: &[u64]) -> Option<Range<usize>> {
    let tier = |size: u64| (size.max(1).div_ceil(SMALL_BYTES)).ilog2() / MERGED.ilog2();
    let mut tiers: Vec<u32> = sizes.iter().map(|size| tier(*size)).collect();
    let all = tiers.clone();
    tiers.sort_unstable();
    tiers.dedup();
    for upper in tiers {
        let mut from = 0;
        for part in all.chunk_by(|a, b| (*a <= upper) == (*b <= upper)) {
            let range = from..from + part.len();
            from = range.end;
            let within = sizes.get(range.clone()).unwrap_or_default();
            let (total, largest) = (within.iter().sum::<u64>(), within.iter().max().copied().unwrap_or_default());
            // A run that outweighs all its neighbours waits until they have grown.
            if part.first().is_some_and(|tier| *tier <= upper) && part.len() >= MERGED && total >= 2 * largest {
                return Some(range);
            }
        }
    }
    let cheapest = sizes.windows(MERGED).enumerate().min_by_key(|(_, part)| part.iter().sum::<u64>());
    cheapest.filter(|_| sizes.len() > RUNS_MAX).map(|(at, _)| at..at + MERGED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_is_written_again_once_a_fourfold_growth() {
        let (mut sizes, mut written) = (Vec::<u64>::new(), 0);
        const FLUSH: u64 = 1 << 20;
        for _ in 0..256 {
            sizes.insert(0, FLUSH);
            written += FLUSH;
            while let Some(range) = next(&sizes) {
                let merged = sizes[range.clone()].iter().sum();
                written += merged;
                sizes.splice(range, [merged]);
            }
            assert!(sizes.len() <= 13, "{sizes:?}");
        }
        assert!(written <= 256 * FLUSH * 6, "{written}");
    }

    proptest! {
        #[test]
        fn it_ends_and_leaves_few_runs(flushes in proptest::collection::vec(1..(8_u64 << 20), 1..300)) {
            let mut sizes = Vec::<u64>::new();
            for flush in flushes {
                sizes.insert(0, flush);
                while let Some(range) = next(&sizes) {
                    prop_assert!(range.len() >= 2);
                    let merged = sizes[range.clone()].iter().sum();
                    sizes.splice(range, [merged]);
                }
                prop_assert!(sizes.len() <= RUNS_MAX);
            }
        }
    }
}

//! How long the disk takes to make an append of 1 KiB durable: what every durable write pays at least.

use super::figure::quantile;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// As an entry of the journal with its frame.
const APPEND_BYTES: usize = 1_024;
/// As between two posts at 50 a second: a disk that is never idle answers differently.
const PAUSE: Duration = Duration::from_millis(5);

/// Times of single appends, in milliseconds.
#[derive(Debug, Default)]
pub struct SyncTimes(Vec<f64>);

impl SyncTimes {
    /// Measures so many more, in a folder of the same disk as the sites' data.
    ///
    /// # Panics
    /// If the disk cannot be written: then there is nothing to measure.
    pub fn measure(&mut self, folder: &Path, count: usize) {
        let path = folder.join("sync-time");
        let mut file = File::options().create(true).append(true).open(&path).expect("the disk takes a file");
        for _ in 0..count {
            std::thread::sleep(PAUSE);
            let begun = Instant::now();
            file.write_all(&[0x5a; APPEND_BYTES]).expect("the disk takes 1 KiB");
            file.sync_data().expect("the disk syncs");
            self.0.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        // Left behind it would only lie in a temporary folder.
        let _ = std::fs::remove_file(path);
    }

    /// Median in milliseconds.
    pub fn median(&mut self) -> f64 {
        quantile(&mut self.0, 0.5)
    }

    /// 99th percentile in milliseconds.
    pub fn p99(&mut self) -> f64 {
        quantile(&mut self.0, 0.99)
    }
}

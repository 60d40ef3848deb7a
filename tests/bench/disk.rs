//! `disk` (goal P8): what posts take on disk, index included, per byte of their text.

use super::Wish;
use super::anchor::squeezed;
use super::figure::{Figure, Report};
use super::filled::Filled;
use super::text::{self, TEXT_BYTES};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Instant;

const ENTRIES_DEFAULT: usize = 200_000;
/// Posts written through the API, each a record of its own.
const WRITTEN: usize = 2_000;
/// Texts that are squeezed for comparison.
const SQUEEZED: usize = 4_096;
/// As `stat` counts.
const DISK_BLOCK_BYTES: u64 = 512;

/// Runs the bench.
///
/// # Panics
/// If a site refuses anything or loses a post.
pub async fn run(report: Report, wish: &Wish) {
    let count = wish.entries.unwrap_or(ENTRIES_DEFAULT);
    let mut filled = Filled::empty("Nantes").await;
    filled.fill(1).await;
    filled.site.stop().await;
    let data = filled.site.data().to_path_buf();
    let (journal, index) = (data.join("journal"), data.join("index"));
    let before = (taken(&journal), taken(&index));
    filled.site.restart().await;
    filled.fill(1 + WRITTEN).await;
    filled.site.stop().await;
    let written = taken(&journal) - before.0;

    let before = (taken(&journal), taken(&index));
    let begun = Instant::now();
    filled.site.restart().await;
    filled.generate(count).await;
    report.note(&format!("{count} posts put into the journal and read in {:.1} s", begun.elapsed().as_secs_f64()));
    filled.site.stop().await;
    let after = (taken(&journal), taken(&index));
    let text_bytes = (count * TEXT_BYTES) as f64;
    let texts: Vec<String> = (0..count.min(SQUEEZED)).map(text::post).collect();
    let (journal, index) = ((after.0 - before.0) as f64, after.1 as f64 - before.1 as f64);
    let words = format!(
        "{count} posts in records as they arrive from another site: {journal:.0} bytes of journal, {index:.0} of index; \
         zstd-3 of the texts alone in batches of 256: {:.3}; goal 1.2",
        squeezed(&texts)
    );
    report.figure(&Figure::new("disk_bytes_per_text_byte", (journal + index) / text_bytes, "ratio", words));
    report.figure(&Figure::new("journal_bytes_per_text_byte", journal / text_bytes, "ratio", "of it"));
    report.figure(&Figure::new("index_bytes_per_entry", index / count as f64, "bytes", "after a clean stop"));
    let words = format!("{WRITTEN} posts written at this site, each a record of its own with its signature");
    let ratio = written as f64 / (WRITTEN * TEXT_BYTES) as f64;
    report.figure(&Figure::new("written_journal_bytes_per_text_byte", ratio, "ratio", words));
}

/// Bytes that a folder takes on disk.
fn taken(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
    sizes.map(|(path, data)| if data.is_dir() { taken(&path) } else { data.blocks() * DISK_BLOCK_BYTES }).sum()
}

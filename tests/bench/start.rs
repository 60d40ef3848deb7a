//! `start` (goal P6): how long a site that holds many posts takes to answer after its program was started: with a good
//! index, after an unclean stop, and without an index.

use super::Wish;
use super::anchor::Verify;
use super::catchup::fill;
use super::figure::{Figure, Report, quantile};
use super::filled::{Filled, shown};
use archipel_tests::cluster::Site;
use std::time::Instant;

const ENTRIES_DEFAULT: usize = 20_000;
/// More are put into the journal rather than posted.
const WRITTEN_MAX: usize = 50_000;
/// Starts of one kind.
const STARTS: usize = 5;

/// Runs the bench.
///
/// # Panics
/// If a site does not start or has lost anything.
pub async fn run(report: Report, wish: &Wish) {
    let count = wish.entries.unwrap_or(ENTRIES_DEFAULT);
    let mut empty = Site::start("Vide").await;
    let mut nothing = starts(&mut empty).await;
    drop(empty);
    // Beyond some ten thousand the API would take longest of all.
    let generated = count > WRITTEN_MAX;
    let mut filled = if generated { Filled::empty("Nantes").await } else { fill(report, count).await };
    if generated {
        filled.fill(1).await;
        filled.generate(count - 1).await;
    }
    let mut good = starts(&mut filled.site).await;
    let (nothing, good) = (quantile(&mut nothing, 0.5), quantile(&mut good, 0.5));
    let words = format!(
        "{count} posts, good index, median of {STARTS}; an empty folder: {nothing:.0} ms; goal 1000 (files cached)"
    );
    report.figure(&Figure::new("ready_ms", good, "ms", words));

    filled.site.kill().await;
    let unclean = ready(&mut filled.site).await;
    let words = format!("after kill -9, the index checked; a clean start: {good:.0} ms");
    report.figure(&Figure::new("ready_after_kill_ms", unclean, "ms", words));

    filled.site.stop().await;
    let verify = Verify::measure();
    let index = filled.site.data().join("index");
    assert!(index.is_dir(), "the index is where it is looked for");
    std::fs::remove_dir_all(index).expect("a stopped site's index can be removed");
    let begun = Instant::now();
    ready(&mut filled.site).await;
    let newest = filled.posts.last().expect("there are posts").clone();
    filled.admin.sees_post(&newest).await;
    let seconds = begun.elapsed().as_secs_f64();
    let rate = count as f64 / (seconds - good / 1_000.0).max(0.001);
    let words = format!(
        "without index: all readable after {seconds:.2} s, less a good start; one core verifies {:.0}/s in batches of \
         256; goal 100000",
        verify.batch
    );
    report.figure(&Figure::new("rebuild_entries_per_s", rate, "1/s", words));
    if generated {
        filled.admin.sees_post(filled.posts.first().expect("there are posts")).await;
        return;
    }
    assert_eq!(shown(&filled.admin, &filled.group.id).await.len(), count, "nothing is lost");
}

/// Milliseconds of some starts after clean stops.
async fn starts(site: &mut Site) -> Vec<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        site.stop().await;
        times.push(ready(site).await);
    }
    times
}

/// Milliseconds from the program's start to its first answer.
async fn ready(site: &mut Site) -> f64 {
    let begun = Instant::now();
    site.restart().await;
    site.client().status().await.expect("a started site answers");
    begun.elapsed().as_secs_f64() * 1_000.0
}

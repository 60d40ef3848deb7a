//! `idle` (goals P7, P14): memory of a node that was just started and of one that holds many posts, and what a pair of
//! sites with nothing to say says.

use super::Wish;
use super::catchup::{fill, receive};
use super::figure::{Figure, Report};
use super::filled::Filled;
use super::process::{Usage, is_alone_on_loopback, loopback_bytes, usage};
use archipel_tests::cluster::{Site, found};
use std::time::Duration;

const ENTRIES_DEFAULT: usize = 20_000;
/// For what a start leaves behind to settle.
const REST: Duration = Duration::from_secs(5);
/// For caches, statements and comparisons to come to rest.
const SETTLE: Duration = Duration::from_secs(20);
/// How long an idle pair is watched unless told.
const WINDOW_SECONDS_DEFAULT: u64 = 120;
const DAY_SECONDS: f64 = 86_400.0;

/// Runs the bench.
///
/// # Panics
/// If a site refuses anything.
pub async fn run(report: Report, wish: &Wish) {
    let count = wish.entries.unwrap_or(ENTRIES_DEFAULT);
    let mut site = Site::start("Vide").await;
    drop(found(&site, "ann").await);
    tokio::time::sleep(REST).await;
    let founded = process(&site);
    site.stop().await;
    site.restart().await;
    tokio::time::sleep(REST).await;
    let empty = process(&site);
    let words = format!(
        "a founded site just started; {:.1} of it not mapped from files; running on after its founding: {:.1}; goal 40",
        empty.own_mb, founded.rss_mb
    );
    report.figure(&Figure::new("empty_rss_mb", empty.rss_mb, "MiB", words));
    drop(site);

    let filled = fill(report, count).await;
    let received = receive(report, wish, &filled).await;
    // Its clients' connections end here, and are not counted below.
    let Filled { site: giver, .. } = filled;
    let mut taker = received.site;
    tokio::time::sleep(SETTLE).await;
    let words =
        |own: f64| format!("{count} posts; {own:.1} of it not mapped from files; goal 80 at 8000, 300 at a million");
    let (given, taken) = (process(&giver), process(&taker));
    report.figure(&Figure::new("giver_rss_mb", given.rss_mb, "MiB", words(given.own_mb)));
    report.figure(&Figure::new("receiver_rss_mb", taken.rss_mb, "MiB", words(taken.own_mb)));

    let window = wish.seconds.unwrap_or(WINDOW_SECONDS_DEFAULT);
    report.note(&format!("watching an idle pair for {window} s"));
    let bytes = loopback_bytes();
    tokio::time::sleep(Duration::from_secs(window)).await;
    let used = loopback_bytes() - bytes;
    let a_day = DAY_SECONDS / window as f64;
    let alone = if is_alone_on_loopback() { "only this pair on the interface" } else { "others' loopback traffic too" };
    let said = format!(
        "{used} bytes both ways in {window} s, headers included, {alone}; goal P14: 20000000 a day with 200 peers, \
         counted above the transport"
    );
    report.figure(&Figure::new("bytes_a_day", used as f64 * a_day, "bytes", said));
    let cpu = process(&giver).cpu_s - given.cpu_s + process(&taker).cpu_s - taken.cpu_s;
    let both = "processor time of both sites together";
    report.figure(&Figure::new("cpu_s_a_day", cpu * a_day, "s", both));

    taker.stop().await;
    taker.restart().await;
    tokio::time::sleep(REST).await;
    let taken = process(&taker);
    report.figure(&Figure::new("restarted_rss_mb", taken.rss_mb, "MiB", words(taken.own_mb)));
}

fn process(site: &Site) -> Usage {
    usage(site.process().unwrap_or_default())
}

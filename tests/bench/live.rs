//! `live` (goal P3): from a post sent to one site's API to its notice in the live stream of the other site, both sites
//! having made it durable; 50 posts a second.

use super::Wish;
use super::figure::{Figure, Report, quantile};
use super::process::usage;
use super::sync_time::SyncTimes;
use super::text;
use archipel_tests::cluster::{Client, Live, two_sites};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const POSTS_DEFAULT: usize = 1_000;
const EVERY: Duration = Duration::from_millis(20);
/// Posts before the ones that count.
const WARM_UP: usize = 50;
/// The posts are sent in so many parts; the disk is measured before each and after the last, since its mood changes.
const TURNS: usize = 5;
/// Appends measured each time.
const SYNCS: usize = 100;
/// The last post has surely come by then, or never will.
const LAST_WITHIN: Duration = Duration::from_secs(30);

/// What was seen of a run.
#[derive(Default)]
struct Seen {
    /// Milliseconds from sending a post to the answer.
    accepted: Vec<f64>,
    /// Milliseconds from sending a post to its notice at the other site.
    crossed: Vec<f64>,
}

/// Runs the bench.
///
/// # Panics
/// If a site refuses or a post does not cross.
pub async fn run(report: Report, wish: &Wish) {
    let count = wish.entries.unwrap_or(POSTS_DEFAULT);
    let (paris, ann, lyon, ben, group) = two_sites().await;
    let disk = paris.data();
    let mut syncs = SyncTimes::default();

    report.note("two sites are paired; warming up");
    let mut live = ben.live().await;
    posts(&ann, &mut live, &group.id, 0..WARM_UP).await;
    report.note(&format!("{count} posts, 50 a second"));
    let (here, there) = (paris.process().unwrap_or_default(), lyon.process().unwrap_or_default());
    let before = (usage(here).cpu_s, usage(there).cpu_s);
    let profiles = (wish.profiles.record("live-writer", here), wish.profiles.record("live-reader", there));
    let mut seen = Seen::default();
    for turn in 0..TURNS {
        syncs.measure(&disk, SYNCS);
        let part = |turn: usize| WARM_UP + count * turn / TURNS;
        let part = posts(&ann, &mut live, &group.id, part(turn)..part(turn + 1)).await;
        seen.accepted.extend(part.accepted);
        seen.crossed.extend(part.crossed);
    }
    syncs.measure(&disk, SYNCS);
    drop(profiles);
    let cpu = (usage(here).cpu_s - before.0, usage(there).cpu_s - before.1);

    let slowest = slowest(&seen.crossed);
    report.note(&format!("slowest: {slowest}"));
    let (sync, sync_p99) = (syncs.median(), syncs.p99());
    let (median, p99) = (quantile(&mut seen.crossed, 0.5), quantile(&mut seen.crossed, 0.99));
    let goal = 2.0 * sync + 3.0;
    let words = format!("fdatasync of 1 KiB here: median {sync:.3} ms; goal {goal:.2} ms ({})", held(median <= goal));
    report.figure(&Figure::new("median_ms", median, "ms", words));
    let goal = 2.0 * sync_p99 + 30.0;
    let words = format!("fdatasync of 1 KiB here: p99 {sync_p99:.3} ms; goal {goal:.1} ms ({})", held(p99 <= goal));
    report.figure(&Figure::new("p99_ms", p99, "ms", words));
    let words = format!("{count} posts; median {median:.3} ms over fdatasync's {sync:.3} ms");
    report.figure(&Figure::new("median_per_fdatasync", median / sync, "ratio", words));
    let accepted = quantile(&mut seen.accepted, 0.5);
    report.figure(&Figure::new("accepted_median_ms", accepted, "ms", "of it until the writer's own site has answered"));
    let each = |cpu: f64| cpu * 1_000.0 / count as f64;
    let words = "processor time of the writer's site for each post";
    report.figure(&Figure::new("writer_cpu_ms", each(cpu.0), "ms", words));
    let words = "processor time of the reader's site for each post";
    report.figure(&Figure::new("reader_cpu_ms", each(cpu.1), "ms", words));
}

/// The three slowest posts, with when they were sent: neighbours point to one stall, others to the machine.
fn slowest(crossed: &[f64]) -> String {
    let mut order: Vec<usize> = (0..crossed.len()).collect();
    order.sort_by(|a, b| crossed[*b].total_cmp(&crossed[*a]));
    let one = |at: &usize| format!("{:.0} ms at {:.2} s", crossed[*at], *at as f64 * EVERY.as_secs_f64());
    order.iter().take(3).map(one).collect::<Vec<_>>().join(", ")
}

fn held(held: bool) -> &'static str {
    if held { "held" } else { "missed" }
}

/// Sends posts at their times, whatever became of those before, and waits until the other site has told of all.
async fn posts(writer: &Client, live: &mut Live, group: &str, numbers: std::ops::Range<usize>) -> Seen {
    let count = numbers.len();
    let begun = Instant::now();
    let mut writing = tokio::task::JoinSet::new();
    for (at, number) in numbers.enumerate() {
        let (writer, group) = (writer.clone(), group.to_owned());
        writing.spawn(async move {
            let due = begun + EVERY * u32::try_from(at).expect("fewer posts than that");
            tokio::time::sleep_until(due.into()).await;
            let text = text::post(number);
            let sent = Instant::now();
            let post = writer.write(&group, &text).await.expect("the site takes a post");
            (post.id, sent, sent.elapsed())
        });
    }
    let mut told: BTreeMap<String, Instant> = BTreeMap::new();
    let mut sent: Vec<(String, Instant, Duration)> = Vec::with_capacity(count);
    while told.len() < count || sent.len() < count {
        tokio::select! {
            biased;
            notice = live.next(LAST_WITHIN) => {
                let notice = notice.expect("the posts cross");
                if notice.kind == "post" {
                    told.insert(notice.field("post").to_owned(), Instant::now());
                }
            }
            Some(written) = writing.join_next() => sent.push(written.expect("the writer goes on")),
        }
    }
    sent.sort_by_key(|(_, sent, _)| *sent);
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let crossed = sent.iter().map(|(id, sent, _)| ms(told[id].saturating_duration_since(*sent))).collect();
    Seen { accepted: sent.iter().map(|(_, _, took)| ms(*took)).collect(), crossed }
}

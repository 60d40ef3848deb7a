//! `catchup` (goals P1, P2): a new, empty site is paired with one that holds many posts and receives them all: verified,
//! durable, readable in its feed.

use super::Wish;
use super::anchor::{Verify, squeezed};
use super::figure::{Figure, Report};
use super::filled::{Filled, shown};
use super::process::{is_alone_on_loopback, loopback_bytes, usage};
use super::text::{self, TEXT_BYTES};
use archipel_tests::cluster::{Client, Founded, PASSWORD, Site, pair};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const ENTRIES_DEFAULT: usize = 20_000;
/// Between two looks whether all has come.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// For everything to come, however slow the machine.
const ALL_WITHIN: Duration = Duration::from_secs(1_800);
/// Posts looked for between the first and the last.
const SAMPLES: usize = 20;
/// Texts that are squeezed for comparison.
const SQUEEZED: usize = 4_096;

/// How the second site came to hold everything.
pub struct Received {
    /// The second site.
    pub site: Site,
    /// From the end of pairing until a post could be read.
    pub first: Duration,
    /// From the end of pairing until the last post could be read.
    pub took: Duration,
    /// Bytes on loopback during that time, without those of this program's own questions.
    pub wire_bytes: u64,
    /// Processor seconds of the giving and of the receiving site.
    pub cpu_s: (f64, f64),
}

/// Runs the bench.
///
/// # Panics
/// If a site refuses or anything is missing in the end.
pub async fn run(report: Report, wish: &Wish) {
    let count = wish.entries.unwrap_or(ENTRIES_DEFAULT);
    let filled = fill(report, count).await;
    let verify = Verify::measure();
    let received = receive(report, wish, &filled).await;
    let verify = verify.mean(Verify::measure());

    let seconds = received.took.as_secs_f64();
    let rate = count as f64 / seconds;
    let words = format!(
        "{count} posts in {seconds:.2} s = {rate:.0}/s over {:.0}/s ed25519 batch-256 on one core (strict, one by one: \
         {:.0}/s); first post after {:.2} s; goal 1, then 3",
        verify.batch,
        verify.single,
        received.first.as_secs_f64()
    );
    report.figure(&Figure::new("entries_per_verify", rate / verify.batch, "ratio", words));
    let each = |cpu: f64| cpu * 1e6 / count as f64;
    let one = 1e6 / verify.batch_cpu;
    let words = "as above in processor time of the receiving site: steadier than the clock when others work";
    report.figure(&Figure::new("entries_per_verify_cpu", one / each(received.cpu_s.1), "ratio", words));
    let text_bytes = (count * TEXT_BYTES) as f64;
    let texts: Vec<String> = (0..count.min(SQUEEZED)).map(text::post).collect();
    let alone =
        if is_alone_on_loopback() { "only these sites on the interface" } else { "others' loopback traffic too" };
    let words = format!(
        "{} bytes for {text_bytes:.0} of text, headers included, {alone}; zstd-3 of the texts alone in \
         batches of 256: {:.3}; goal 0.50",
        received.wire_bytes,
        squeezed(&texts)
    );
    report.figure(&Figure::new("wire_bytes_per_text_byte", received.wire_bytes as f64 / text_bytes, "ratio", words));
    let process = |site: &Site| usage(site.process().unwrap_or_default());
    let (giver, taker) = (process(&filled.site), process(&received.site));
    let words = format!("VmHWM of the receiving site; the giving one {:.1}; goal P7 80", giver.peak_mb);
    report.figure(&Figure::new("peak_rss_mb", taker.peak_mb, "MiB", words));
    let words = format!("processor time an entry; one batch-256 verification takes {one:.1} us of it");
    report.figure(&Figure::new("receiver_cpu_us", each(received.cpu_s.1), "us", words));
    report.figure(&Figure::new("giver_cpu_us", each(received.cpu_s.0), "us", "processor time an entry"));
}

/// A site with so many posts.
pub async fn fill(report: Report, count: usize) -> Filled {
    let mut filled = Filled::empty("Nantes").await;
    let begun = Instant::now();
    filled.fill(count).await;
    let seconds = begun.elapsed().as_secs_f64();
    report.note(&format!("{count} posts written through the API in {seconds:.1} s"));
    filled
}

/// Pairs a new site with a full one and waits until it holds everything.
///
/// # Panics
/// If it does not come to.
pub async fn receive(report: Report, wish: &Wish, filled: &Filled) -> Received {
    let site = Site::start("Brest").await;
    let (giver, taker) = (filled.site.process().unwrap_or_default(), site.process().unwrap_or_default());
    let cpu = (usage(giver).cpu_s, usage(taker).cpu_s);
    let profiles = (wish.profiles.record("catchup-giver", giver), wish.profiles.record("catchup-taker", taker));
    pair(&filled.admin, &site).await;
    let (begun, bytes) = (Instant::now(), loopback_bytes());
    let early = journal_bytes(&site);
    let reader = site.client();
    let body = json!({ "name": "ben", "email": "ben@archipel.example", "password": PASSWORD, "language": "fr" });
    let _: Founded = reader.post("setup/first-person", &body).await.expect("a joined site takes its first person");
    reader.log_in("ben@archipel.example", PASSWORD).await.expect("the password just set is right");
    let step = (filled.posts.len() / SAMPLES).max(1);
    let mut looks = look_for(&reader, filled.posts.iter().take(1)).await;
    let first = begun.elapsed();
    looks += look_for(&reader, filled.posts.last().into_iter().chain(filled.posts.iter().step_by(step))).await;
    let took = begun.elapsed();
    drop(profiles);
    let cpu_s = (usage(giver).cpu_s - cpu.0, usage(taker).cpu_s - cpu.1);
    let used = loopback_bytes() - bytes;
    // Nearly all looks found nothing; the group's id is that of no post.
    let own = look_bytes(&reader, &filled.group.id).await * looks;
    report.note(&format!(
        "all readable after {:.2} s, the first after {:.2} s; {early} bytes of {} were there when pairing ended",
        took.as_secs_f64(),
        first.as_secs_f64(),
        journal_bytes(&site)
    ));

    let found = shown(&reader, &filled.group.id).await;
    let (shown, wanted): (BTreeSet<&String>, BTreeSet<&String>) =
        (found.iter().collect(), filled.posts.iter().collect());
    assert!(found.len() == filled.posts.len() && shown == wanted, "the feed shows every post, once");
    Received { site, first, took, wire_bytes: used.saturating_sub(own), cpu_s }
}

/// What a site's journal takes on disk: whether anything came before the clock was started.
fn journal_bytes(site: &Site) -> u64 {
    let files = std::fs::read_dir(site.data().join("journal")).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

/// Looks for posts until each is there; how often it looked.
async fn look_for(reader: &Client, wanted: impl Iterator<Item = &String>) -> u64 {
    let (begun, mut looks) = (Instant::now(), 0);
    for id in wanted {
        loop {
            looks += 1;
            match reader.read(id).await {
                Ok(_) => break,
                Err(refusal) => assert!(begun.elapsed() < ALL_WITHIN, "{id} never came: {refusal}"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    looks
}

/// Bytes on loopback of one look that finds nothing.
async fn look_bytes(reader: &Client, nothing: &str) -> u64 {
    const LOOKS: u64 = 50;
    let before = loopback_bytes();
    for _ in 0..LOOKS {
        assert!(reader.read(nothing).await.is_err(), "there is no such post");
    }
    (loopback_bytes() - before) / LOOKS
}

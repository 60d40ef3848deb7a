//! `feed` (goal P5): how many feed pages of 20 posts a site serves to 100 readers, against axum serialising the same page
//! from memory, and what ten times the history adds.

use super::Wish;
use super::anchor::Served;
use super::figure::{Figure, Report, quantile};
use super::filled::Filled;
use super::process::usage;
use archipel_tests::cluster::Client;
use reqwest::Method;
use reqwest::header::COOKIE;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ENTRIES_DEFAULT: usize = 20_000;
const READERS: usize = 100;
/// The smaller history is this much smaller.
const LESS: usize = 10;
/// One measurement; both servers are measured in turn.
const TIME: Duration = Duration::from_secs(4);
const TURNS: usize = 3;
/// An answer's head is shorter.
const HEAD_BYTES_MAX: usize = 8 * 1_024;

/// What one server did.
#[derive(Debug, Default)]
struct Done {
    requests: usize,
    seconds: f64,
    cpu_s: f64,
    times_ms: Vec<f64>,
}

impl Done {
    fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / self.requests as f64
    }
}

/// Runs the bench.
///
/// # Panics
/// If a server stops answering.
pub async fn run(report: Report, wish: &Wish) {
    let count = wish.entries.unwrap_or(ENTRIES_DEFAULT);
    let mut filled = Filled::empty("Nantes").await;
    filled.fill((count / LESS).max(20)).await;
    let path = "feed?limit=20";
    let node = filled.site.process().unwrap_or_default();
    let address = filled.site.address().trim_start_matches("http://").to_owned();
    let request = asked(&filled.admin, &address, path);
    let mut before = Done::default();
    load(&address, &request, node, &mut before).await;
    report.note(&format!("{} posts: {:.0} pages/s", filled.posts.len(), before.rate()));

    filled.fill(count).await;
    let page: serde_json::Value = filled.admin.get(path).await.expect("the feed can be read");
    let served = Served::start(&page.to_string());
    let plain = format!("GET /page HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    let (mut ours, mut theirs) = (Done::default(), Done::default());
    let profile = wish.profiles.record("feed", node);
    for _ in 0..TURNS {
        load(&served.address, &plain, served.process(), &mut theirs).await;
        load(&address, &request, node, &mut ours).await;
    }
    drop(profile);

    let words = format!(
        "{:.0} pages/s of {} bytes over axum's {:.0}/s from memory; goal 0.40",
        ours.rate(),
        page.to_string().len(),
        theirs.rate()
    );
    report.figure(&Figure::new("requests_per_axum", ours.rate() / theirs.rate(), "ratio", words));
    let words = format!("{READERS} readers at once; axum: {:.1} ms; goal 25", quantile(&mut theirs.times_ms, 0.99));
    report.figure(&Figure::new("p99_ms", quantile(&mut ours.times_ms, 0.99), "ms", words));
    let words = format!("processor time a page; axum: {:.0} us", theirs.cpu_us());
    report.figure(&Figure::new("page_cpu_us", ours.cpu_us(), "us", words));
    let words = format!("processor time a page at {count} posts over that at {}; goal 1.5 at 100 x", count / LESS);
    report.figure(&Figure::new("cost_at_10x_history", ours.cpu_us() / before.cpu_us(), "ratio", words));
}

/// The bytes of a request as the person's browser sends it.
fn asked(client: &Client, address: &str, path: &str) -> String {
    let request = client.request(Method::GET, path).build().expect("the request is one");
    let cookie = request.headers().get(COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    format!("GET /api/v1/{path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n")
}

/// Lets all readers ask for a while.
async fn load(address: &str, request: &str, process: u32, done: &mut Done) {
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    let (begun, cpu) = (Instant::now(), usage(process).cpu_s);
    for _ in 0..READERS {
        readers.spawn(read(address.to_owned(), request.to_owned(), Arc::clone(&over)));
    }
    tokio::time::sleep(TIME).await;
    over.store(true, Ordering::Relaxed);
    done.seconds += begun.elapsed().as_secs_f64();
    done.cpu_s += usage(process).cpu_s - cpu;
    for times in readers.join_all().await {
        done.requests += times.len();
        done.times_ms.extend(times);
    }
}

/// One reader: a connection that asks again when it has its answer. Milliseconds of every request.
async fn read(address: String, request: String, over: Arc<AtomicBool>) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a connected socket takes options");
    let (mut times, mut buffer) = (Vec::new(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        answer(&mut stream, &mut buffer).await;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    times
}

/// Reads one answer whose length its head tells.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("the server answers");
        assert!(read > 0, "the server hung up");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            assert!(buffer.len() < HEAD_BYTES_MAX, "the head has an end");
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let line = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = line.and_then(|length| length.trim().parse().ok()).expect("the head tells the length");
        while buffer.len() < end + 4 + length {
            let read = stream.read_buf(buffer).await.expect("the server answers");
            assert!(read > 0, "the server hung up");
        }
        return;
    }
}

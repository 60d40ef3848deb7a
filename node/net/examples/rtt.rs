//! Measures two nodes of one process over loopback: round trips of small requests, throughput of file pieces, gossip
//! latency, and what many quiet topics cost. Run with `--release`; in a debug build the numbers mean nothing.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::{Duration, Instant};

use archipel_net::{Gossip, Lane, Mdns, Net, NetConfig, NetEvent, PublishError, Reach, Verdict, start};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use tokio::sync::mpsc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ROUND_TRIPS: usize = 2000;
const PIECE_BYTES: usize = 1024 * 1024;
const PIECES: usize = 512;
const MESSAGES: usize = 500;
const QUIET: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Outcome<()> {
    for (name, listen) in [("quic", "/ip4/127.0.0.1/udp/0/quic-v1"), ("tcp", "/ip4/127.0.0.1/tcp/0")] {
        let (ann, ben, messages) = pair(listen).await?;
        println!("{name}");
        round_trips(&ann, &ben).await?;
        for at_once in [1, 4, 8] {
            pieces(&ann, &ben, at_once).await?;
        }
        topics(&ann, &ben, messages).await?;
        ann.close().await;
        ben.close().await;
    }
    Ok(())
}

async fn pair(listen: &str) -> Outcome<(Net, Net, mpsc::Receiver<Instant>)> {
    let config = |seed, listen: Vec<String>| NetConfig {
        secret: [seed; 32],
        listen,
        org_tag: [0; 16],
        mdns: Mdns::Off,
        gossip: Gossip::On,
        reach: Reach::default(),
    };
    let (ann, ann_events) = start(config(1, vec![listen.to_owned()])).await?;
    let (ben, mut ben_events) = start(config(2, Vec::new())).await?;
    ann.allow([ben.peer()].into()).await?;
    ben.allow([ann.peer()].into()).await?;
    ben.dial(ann.peer(), ann.listen_addresses().await?).await?;
    while !matches!(ben_events.recv().await, Some(NetEvent::Connected { .. }) | None) {}
    let (arrivals, messages) = mpsc::channel(MESSAGES);
    tokio::spawn(serve(ann.clone(), ann_events, arrivals));
    Ok((ann, ben, messages))
}

/// Answers small requests with themselves and piece requests with a piece; accepts every message.
async fn serve(net: Net, mut events: mpsc::Receiver<NetEvent>, arrivals: mpsc::Sender<Instant>) {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let piece: Bytes = (0..PIECE_BYTES).map(|_| next()).collect();
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Request { token, lane, bytes, .. } => {
                let answer = if lane == Lane::Blob { piece.clone() } else { bytes };
                // The asking side reports what went wrong.
                let _ = net.respond(token, answer).await;
            }
            NetEvent::Gossip { token, .. } => {
                let _ = arrivals.send(Instant::now()).await;
                let _ = net.accept(token, Verdict::Accept).await;
            }
            _ => {}
        }
    }
}

async fn round_trips(ann: &Net, ben: &Net) -> Outcome<()> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let start = Instant::now();
        ben.request(ann.peer(), Lane::Sync, Bytes::from_static(&[7; 100])).await?;
        times.push(start.elapsed());
    }
    report("request of 100 bytes", times);
    Ok(())
}

async fn pieces(ann: &Net, ben: &Net, at_once: usize) -> Outcome<()> {
    let start = Instant::now();
    let asked = stream::iter(0..PIECES).map(|_| ben.request(ann.peer(), Lane::Blob, Bytes::from_static(b"piece")));
    let answers: Vec<_> = asked.buffer_unordered(at_once).collect().await;
    let bytes: usize = answers.into_iter().map(|answer| answer.map(|bytes| bytes.len())).sum::<Result<_, _>>()?;
    let rate = bytes as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("  pieces of 1 MiB, {at_once} at once: {rate:.0} MB/s");
    Ok(())
}

async fn topics(ann: &Net, ben: &Net, mut messages: mpsc::Receiver<Instant>) -> Outcome<()> {
    for count in [1, 1500] {
        let topics: BTreeSet<String> = (0..count).map(|n| format!("{n:032x}")).collect();
        ann.subscribe(topics.clone()).await?;
        ben.subscribe(topics.clone()).await?;
        let mut times = Vec::new();
        for (n, topic) in topics.iter().cycle().take(MESSAGES).enumerate() {
            let bytes = Bytes::from(format!("{n} of {count}"));
            let mut start = Instant::now();
            while let Err(PublishError::NoPeers) = ben.publish(topic, bytes.clone()).await {
                tokio::task::yield_now().await;
                start = Instant::now();
            }
            let arrival = messages.recv().await.ok_or("no more messages")?;
            times.push(arrival.saturating_duration_since(start));
        }
        report(&format!("message, {count} topics"), times);
        let before = cpu_time()?;
        tokio::time::sleep(QUIET).await;
        let used = (cpu_time()? - before).as_secs_f64() / QUIET.as_secs_f64() / 2.0;
        println!("  quiet with {count} topics: {:.1} % of a core a node", used * 100.0);
    }
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("  {what}: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.95), at(0.99));
}

/// CPU time of this process: fields 14 and 15 of its statistics, in hundredths of a second.
fn cpu_time() -> Outcome<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

//! A member site turned hostile: its true key, its true network code, and no rule kept. The others go on serving their
//! people, keep their memory, and name it to their administrators.

use super::share;
use archipel_net::{Gossip, Lane, Mdns, Net, NetConfig, NetEvent, PeerKey, Reach};
use archipel_tests::cluster::{CROSS_WITHIN, Lines, Site, found, join, within};
use bytes::Bytes;
use protocol::sync::message::Request;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Enough that a fault which costs memory or time with each request is seen, few enough for a shared machine.
const REQUESTS: u64 = 3_000;
/// Callers at once for each victim.
const CALLERS: usize = 8;
/// What a victim may grow by. Two of the largest batches and two of the largest answers wait at most for each peer, and
/// what was given back is not all returned to the system.
const GROWTH_MB_MAX: u64 = 150;

fn resident_mb(site: &Site) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.process().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Bytes that look like nothing, the same in each run.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

/// What no honest node sends, in turns: noise as a request, noise as batches, pieces of logs that are nobody's.
fn evil(number: u64) -> (Lane, Bytes) {
    let junk = |len| noise(number, len);
    let bytes = match number % 5 {
        0 => junk(100_000),
        1 => Request::Push { batches: vec![junk(60_000).into(); 4] }.encode(),
        2 => Request::Push { batches: vec![Vec::new().into(); 2_000] }.encode(),
        3 => Request::Range { log: protocol::ids::LogId([number as u8; 32]), from: 0, to: u64::MAX }.encode(),
        _ => return (Lane::Blob, junk(4_000).into()),
    };
    (Lane::Sync, bytes.into())
}

/// Calls a victim without rest.
async fn call(net: Net, victim: PeerKey, sent: Arc<AtomicU64>, answered: Arc<AtomicU64>) {
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let (lane, bytes) = evil(number);
        if number > REQUESTS {
            return;
        }
        match net.request(victim, lane, bytes).await {
            Ok(_) => {
                answered.fetch_add(1, Ordering::Relaxed);
            }
            // It was hung up on, or has too much under way: it comes again.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_site_turned_hostile_harms_nobody_and_is_named() {
    let lines = Lines::new(3);
    let paris = Site::start_in(lines.place(1), "Paris").await;
    let lyon = Site::start_in(lines.place(2), "Lyon").await;
    let mut nice = Site::start_in(lines.place(3), "Nice").await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let eve = join(&ann, &nice, "eve").await;
    let group = share(&ann, &[&ben, &eve]).await;
    let first = ann.write(&group.id, "before").await.unwrap();
    eve.sees_received(&first.id, 3).await;
    let network = ann.network().await.unwrap();
    let key = |name: &str| {
        let mut sites = network.sites.iter().chain([&network.own]);
        let site = sites.find(|site| site.name == name).unwrap();
        PeerKey(protocol::ids::from_text(&site.nodes[0].id).unwrap().try_into().unwrap())
    };
    let victims = [(key("Paris"), 1), (key("Lyon"), 2)];

    nice.stop().await;
    let secret = std::fs::read(nice.data().join("keys/node.key")).unwrap().try_into().unwrap();
    let (net, mut events) = archipel_net::start(NetConfig {
        secret,
        listen: vec!["/ip4/0.0.0.0/udp/0/quic-v1".into()],
        org_tag: [0; 16],
        mdns: Mdns::Off,
        gossip: Gossip::Off,
        reach: Reach::default(),
    })
    .await
    .unwrap();
    net.allow(victims.iter().map(|(key, _)| *key).collect::<BTreeSet<_>>()).await.unwrap();
    for (victim, place) in victims {
        net.dial(victim, vec![format!("/ip4/10.77.0.{place}/udp/7301/quic-v1")]).await.unwrap();
    }
    // Whoever asks it something gets noise.
    let answering = net.clone();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let NetEvent::Request { token, .. } = event {
                let _gone = answering.respond(token, noise(7, 200_000).into()).await;
            }
        }
    });

    let before = [resident_mb(&paris), resident_mb(&lyon)];
    let (sent, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = victims
        .iter()
        .flat_map(|(victim, _)| std::iter::repeat_n(*victim, CALLERS))
        .map(|victim| tokio::spawn(call(net.clone(), victim, Arc::clone(&sent), Arc::clone(&answered))))
        .collect();
    within(CROSS_WITHIN, "the first requests are answered", async || {
        (answered.load(Ordering::Relaxed) > 10).then_some(())
    })
    .await;
    // People go on, in both directions, all the while.
    let (mut written, mut slowest) = (0, Duration::ZERO);
    while written < 10 || sent.load(Ordering::Relaxed) < REQUESTS {
        let begun = Instant::now();
        let (here, there) = if written % 2 == 0 { (&ann, &ben) } else { (&ben, &ann) };
        let post = here.write(&group.id, &format!("in the midst of it {written}")).await.unwrap();
        there.sees_post(&post.id).await;
        (written, slowest) = (written + 1, slowest.max(begun.elapsed()));
    }
    for caller in callers {
        caller.await.unwrap();
    }
    let after = [resident_mb(&paris), resident_mb(&lyon)];
    println!(
        "{} requests, {} answered; {written} posts crossed meanwhile, the slowest in {slowest:?}; MiB before {before:?}, after {after:?}",
        sent.load(Ordering::Relaxed),
        answered.load(Ordering::Relaxed),
    );
    for (before, after) in before.iter().zip(after) {
        assert!(after < before + GROWTH_MB_MAX, "it grew from {before} to {after} MiB");
    }
    for admin in [&ann, &ben] {
        within(CROSS_WITHIN, "the alarm names it", async || {
            let alarms: Vec<Value> = admin.get("admin/alarms").await.ok()?;
            alarms.iter().find(|alarm| alarm["kind"] == "hostile" && alarm["site"]["name"] == "Nice").map(|_| ())
        })
        .await;
    }
}

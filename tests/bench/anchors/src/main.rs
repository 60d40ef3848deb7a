//! Anchors: what the figures of the benches are compared with, measured on the same machine in the same run.
//! `anchors verify` prints one core's rates of checking signatures, `anchors squeeze` how small zstd makes the lines of
//! its input, `anchors serve` serialises the JSON of its input for every request. `tests/bench/anchor.rs` reads them.

use axum::extract::State;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey, verify_batch};
use serde_json::Value;
use std::io::Read;
use std::time::{Duration, Instant};

/// The batch of the goals.
const BATCH: usize = 256;
/// About the length of what is signed for an entry: a tag, the organisation and a hash.
const MESSAGE_BYTES: usize = 80;
/// For each of the rates.
const TIME: Duration = Duration::from_millis(1_500);

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("verify") => verify(),
        Some("squeeze") => squeeze(),
        Some("serve") => serve(),
        _ => eprintln!("anchors verify | squeeze | serve"),
    }
}

/// Nanoseconds that this thread has run on a core.
fn on_core() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// How often a second of time and a second of the core `work` is done.
fn rate(work: impl Fn() -> usize) -> (f64, f64) {
    let (begun, core) = (Instant::now(), on_core());
    let mut done = 0;
    while begun.elapsed() < TIME {
        done += work();
    }
    (done as f64 / begun.elapsed().as_secs_f64(), done as f64 * 1e9 / (on_core() - core))
}

/// Signatures of one key, as a log has one writer.
fn verify() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let messages: Vec<[u8; MESSAGE_BYTES]> = (0..BATCH).map(|at| [at as u8; MESSAGE_BYTES]).collect();
    let slices: Vec<&[u8]> = messages.iter().map(<[u8; MESSAGE_BYTES]>::as_slice).collect();
    let signatures: Vec<Signature> = slices.iter().map(|message| key.sign(message)).collect();
    let keys: Vec<VerifyingKey> = vec![key.verifying_key(); BATCH];
    let (batch, batch_cpu) = rate(|| {
        verify_batch(&slices, &signatures, &keys).expect("the signatures are good");
        BATCH
    });
    let (single, _) = rate(|| {
        for at in 0..16 {
            keys[at].verify_strict(slices[at], &signatures[at]).expect("the signature is good");
        }
        16
    });
    println!("{batch} {batch_cpu} {single}");
}

fn input() -> String {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("the input is text");
    text
}

fn squeeze() {
    let text = input();
    let lines: Vec<&str> = text.lines().collect();
    let (mut plain, mut small) = (0, 0);
    for batch in lines.chunks(BATCH) {
        let bytes = batch.concat();
        plain += bytes.len();
        small += zstd::bulk::compress(bytes.as_bytes(), 3).expect("memory suffices").len();
    }
    println!("{}", small as f64 / plain as f64);
}

fn serve() {
    let page: &'static Value = Box::leak(Box::new(serde_json::from_str(&input()).expect("the page is JSON")));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        println!("{}", listener.local_addr().expect("a bound socket has an address"));
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let app = Router::new().route("/page", get(|State(page): State<&'static Value>| async move { Json(page) }));
        axum::serve(listener, app.with_state(page)).await.expect("it serves until it is ended");
    });
}

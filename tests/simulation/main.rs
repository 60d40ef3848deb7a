//! Whole sites from one seed. First everything goes wrong that may (`play.rs`, `hostile.rs`), and nothing that must always
//! hold is broken (`checks.rs`); then faults stop, and all honest sites must hold and show the same (`end.rs`).
//!
//! `tests/run simulation --seeds N`; a failure prints its seed, and `ARCHIPEL_SEED=17 tests/run simulation` repeats it (with
//! `--forks`, if it failed so).

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test run is steered by its environment; the rules are not"
)]

mod chain;
mod checks;
mod end;
mod hostile;
mod play;
mod shown;
#[path = "../src/world.rs"]
#[expect(dead_code, reason = "the tests at the engine's door use the rest")]
mod world;

use play::Play;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds of one run; `ARCHIPEL_SEEDS` says otherwise.
const SEEDS: u64 = 1_000;
/// Steps of one history.
const STEPS: u64 = 120;
/// Failing seeds after which a run ends.
const FAILURES_MAX: usize = 50;

fn run(seed: u64) {
    let mut play = Play::new(seed, number("ARCHIPEL_FORKS").is_some());
    let turning = STEPS / 3 + play.world.below(STEPS / 3);
    for step in 0..STEPS {
        if step == turning {
            play.turn();
        }
        match play.world.below(6) {
            0..=1 => play.disturb(),
            2 if play.hostile.is_some() => play.strike(),
            _ => play.act(),
        }
        play.check();
    }
    let healing = play.heal();
    play.check();
    let found = play.verdict(healing);
    assert!(found.is_empty(), "{found:#?}\n{:?}", play.troubles);
    play.check();
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn whole_sites_keep_to_the_invariants_and_become_equal() {
    if let Some(seed) = number("ARCHIPEL_SEED") {
        return run(seed);
    }
    let (first, seeds) = (number("ARCHIPEL_FIRST_SEED").unwrap_or(0), number("ARCHIPEL_SEEDS").unwrap_or(SEEDS));
    let again =
        if number("ARCHIPEL_FORKS").is_some() { "tests/run simulation --forks" } else { "tests/run simulation" };
    let (next, failed, begun) = (AtomicU64::new(first), Mutex::new(Vec::new()), Instant::now());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let enough = failed.lock().is_ok_and(|failed| failed.len() >= FAILURES_MAX);
                    if seed >= first + seeds || enough {
                        return;
                    }
                    if std::panic::catch_unwind(|| run(seed)).is_err() {
                        eprintln!("seed {seed} failed; ARCHIPEL_SEED={seed} {again} repeats it");
                        failed.lock().expect("nobody panics with it").push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics with it");
    assert!(failed.is_empty(), "failing seeds: {failed:?}; run one with ARCHIPEL_SEED=<seed> {again}");
    println!("{seeds} seeds passed in {:.1?}", begun.elapsed());
}

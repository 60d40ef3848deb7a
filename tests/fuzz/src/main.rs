//! Foreign bytes into every decoder: none may panic, hang or grow without bound, and what is read is written as it was.
//!
//! `FUZZ_TARGET` names the decoder. `FUZZ_LIST=1` prints the names; `FUZZ_SEEDS=DIR` writes the first inputs of each, made
//! from the golden vectors and by the encoders themselves.

#![no_main]

mod net;
mod outside;
mod protocol_targets;
mod seeds;
mod storage;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

// The rooms whose other half is a network are taken in file by file, so that no TLS and no transport has to be built with
// coverage. What these files name as their own stands here.
#[path = "../../../node/outside/src"]
#[allow(dead_code, unused_imports, reason = "the whole room uses the rest")]
mod formats {
    pub mod charset;
    pub mod date;
    pub mod feed;
    pub mod html;
    pub mod opml;
    pub mod source;
    pub mod xml;
}
use formats::{charset, date, html, source, xml};

#[path = "../../../node/outside/src/fetch/request.rs"]
#[allow(dead_code, reason = "the formats use two of its limits")]
mod fetch;
#[path = "../../../node/net/src/limits.rs"]
#[allow(dead_code, reason = "the whole room uses the rest")]
mod limits;

/// One decoder: its name and what it is fed with.
pub type Target = (&'static str, fn(&[u8]));

fn targets() -> impl Iterator<Item = Target> {
    protocol_targets::TARGETS.iter().chain(net::TARGETS).chain(storage::TARGETS).chain(outside::TARGETS).copied()
}

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = targets().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET={wanted} names no decoder; FUZZ_LIST=1 prints them")).1
});

fuzz_target!(
    init: {
        if std::env::var_os("FUZZ_LIST").is_some() {
            targets().for_each(|(name, _)| println!("{name}"));
            std::process::exit(0);
        }
        if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
            seeds::write(folder.as_ref(), targets().map(|(name, _)| name));
            std::process::exit(0);
        }
        LazyLock::force(&TARGET);
    },
    |bytes: &[u8]| TARGET(bytes)
);

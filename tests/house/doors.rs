//! One door per dependency: each outside crate is named in the rooms listed here and nowhere else.
//!
//! A new crate, or a crate in a new room, is a decision: it gets its row in the same commit.

use crate::{none, tree};
use std::collections::{BTreeMap, BTreeSet};

/// Plain tools without a subject of their own, open to every package that its Cargo.toml lets name them.
const TOOLS: &[&str] = &[
    "anyhow",
    "blake3",
    "bytes",
    "data-encoding",
    "futures",
    "getrandom",
    "minicbor",
    "rand",
    "rand_core",
    "serde",
    "serde_json",
    "thiserror",
    "tokio",
    "tokio-util",
    "tracing",
    "url",
    "zeroize",
];

/// Named in tests only.
const TEST_TOOLS: &[&str] = &["proptest", "rand_chacha", "tempfile", "tokio-tungstenite"];

/// Crate → the paths (a file, or a folder ending in `/`) where it may be named. Tests and examples of a package may
/// name what the package may, and the tests package may name everything.
const DOORS: &[(&str, &[&str])] = &[
    // Keys and encoding.
    ("ed25519-dalek", &["protocol/src/keys.rs"]),
    ("x25519-dalek", &["protocol/src/keys.rs", "protocol/src/pairing/"]),
    ("hpke", &["protocol/src/keys.rs"]),
    ("chacha20poly1305", &["protocol/src/gossip.rs", "protocol/src/bundle.rs", "node/src/local/vault.rs"]),
    ("argon2", &["node/src/local/password.rs"]),
    // Peers.
    ("libp2p", &["node/net/"]),
    ("libp2p-connection-limits", &["node/net/"]),
    ("if-addrs", &["node/src/network.rs"]),
    ("zip", &["node/src/export.rs", "node/src/export/"]),
    ("zstd", &["node/net/src/frame.rs", "node/src/runtime/record.rs", "node/src/bundle/packing.rs"]),
    // Pages.
    ("automerge", &["protocol/src/document.rs", "protocol/src/document/"]),
    // Search.
    ("tantivy", &["node/search/"]),
    // Disk.
    ("sled", &["node/storage/src/index.rs", "node/storage/src/index/"]),
    ("crc32c", &["node/storage/"]),
    ("rustix", &["node/storage/"]),
    // Memory.
    ("libc", &["node/memory/"]),
    // Browsers.
    ("axum", &["node/src/http.rs", "node/src/http/", "node/src/cli/demo/feed.rs"]),
    ("axum-server", &["node/src/tls/", "node/src/http/server.rs"]),
    ("tower", &["node/src/http.rs", "node/src/http/"]),
    ("tower-http", &["node/src/http.rs", "node/src/http/"]),
    ("hyper-util", &["node/src/http.rs", "node/src/http/"]),
    ("utoipa", &["node/src/http.rs", "node/src/http/", "node/src/local/account.rs"]),
    ("utoipa-axum", &["node/src/http.rs", "node/src/http/"]),
    ("rustls", &["node/src/tls.rs", "node/src/tls/", "node/outside/src/fetch.rs", "node/outside/src/fetch/"]),
    ("rcgen", &["node/src/tls/", "node/outside/tests/"]),
    ("x509-parser", &["node/src/tls/"]),
    ("rust-embed", &["web-ui/lib.rs"]),
    // The one fetcher, and the demo, which is a client of the public API.
    ("reqwest", &["node/outside/src/fetch.rs", "node/outside/src/fetch/", "node/src/cli/demo/"]),
    ("webpki-roots", &["node/outside/src/fetch/"]),
    // Foreign text.
    ("quick-xml", &["node/outside/"]),
    ("encoding_rs", &["node/outside/"]),
    ("html5ever", &["node/outside/"]),
    ("flate2", &["node/outside/", "node/src/http/pages/"]),
    ("pulldown-cmark", &["node/src/http/markdown.rs", "node/src/http/markdown/lines.rs", "node/outside/"]),
    ("ammonia", &["node/src/http/markdown.rs"]),
    ("unicode-normalization", &["node/src/local/", "node/src/http/", "node/src/naming.rs"]),
    // Pictures.
    ("image", &["node/src/files.rs", "node/src/files/", "node/src/cli/demo/picture.rs"]),
    ("infer", &["node/src/files.rs", "node/src/files/"]),
    ("qrcode", &["node/src/http/pairing.rs", "node/src/cli/pair/"]),
    // Running it.
    ("clap", &["node/src/main.rs", "node/src/config.rs", "node/src/cli.rs", "node/src/cli/"]),
    ("toml", &["node/src/config.rs"]),
    ("tracing-subscriber", &["node/src/logs.rs"]),
    ("prometheus-client", &["node/src/metrics.rs", "node/net/"]),
    ("indicatif", &["node/src/cli.rs", "node/src/cli/"]),
    ("jiff", &["node/src/http/", "node/outside/", "node/src/local/", "node/src/naming.rs", "node/src/export/"]),
];

/// The packages, with the folder of each.
const PACKAGES: &[(&str, &str)] = &[
    ("protocol", "protocol/"),
    ("archipel", "node/"),
    ("archipel-net", "node/net/"),
    ("archipel-storage", "node/storage/"),
    ("archipel-outside", "node/outside/"),
    ("archipel-search", "node/search/"),
    ("archipel-memory", "node/memory/"),
    ("archipel-web-ui", "web-ui/"),
    ("archipel-tests", "tests/"),
];

/// Our own packages → those that may name them. `tests` may name all.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &["node/src/", "tests/"]),
    ("archipel-net", &["node/src/", "tests/"]),
    ("archipel-storage", &["node/src/", "tests/"]),
    ("archipel-outside", &["node/src/", "tests/"]),
    ("archipel-search", &["node/src/", "tests/"]),
    ("archipel-memory", &["node/src/main.rs"]),
    ("archipel-web-ui", &["node/src/", "tests/"]),
    ("archipel", &["node/src/main.rs", "node/tests/", "tests/"]),
    ("archipel-tests", &["tests/"]),
];

/// Names of the outside crates of `[workspace.dependencies]`.
fn dependencies() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(tree::top().join("Cargo.toml")).expect("the workspace has a manifest");
    let table = manifest.split("[workspace.dependencies]").nth(1).expect("it lists the dependencies");
    let table = table.split("\n[").next().unwrap_or_default();
    let named = |line: &str| line.split_once('=').map(|(name, _)| name.trim().to_owned());
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let ours: BTreeSet<&str> = PACKAGES.iter().map(|(name, _)| *name).collect();
    lines.filter_map(named).filter(|name| !ours.contains(name.as_str())).collect()
}

fn doors(name: &str) -> Option<&'static [&'static str]> {
    DOORS.iter().chain(ARROWS).find(|(named, _)| *named == name).map(|(_, doors)| *doors)
}

fn package(path: &str) -> &'static str {
    let within = PACKAGES.iter().filter(|(_, folder)| path.starts_with(folder));
    within.max_by_key(|(_, folder)| folder.len()).map_or("", |(_, folder)| *folder)
}

/// Whether a line of code names a crate: `name::…`, `use name;` or `extern crate name`.
fn names(line: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
    line.match_indices(name).any(|(at, _)| {
        let after = &line[at + name.len()..];
        let used = line.trim_start().starts_with("use ") && (after.starts_with(';') || after.starts_with(" as "));
        !line[..at].chars().next_back().is_some_and(part) && (after.starts_with("::") || used)
    })
}

#[test]
fn every_outside_crate_has_its_row() {
    let rows: BTreeSet<&str> =
        DOORS.iter().map(|(name, _)| *name).chain(TOOLS.iter().copied()).chain(TEST_TOOLS.iter().copied()).collect();
    let missing = dependencies().into_iter().filter(|name| !rows.contains(name.as_str()));
    none(missing.collect(), "crates of the workspace without a row in tests/house/doors.rs:");
}

#[test]
fn outside_crates_are_named_in_their_rooms_only() {
    let rows: Vec<(String, &str)> =
        DOORS.iter().chain(ARROWS).map(|(name, _)| (name.replace('-', "_"), *name)).collect();
    let mut found = Vec::new();
    for file in tree::rust_under("").into_iter().filter(|file| !file.path.starts_with("tests/")) {
        let home = package(&file.path);
        for (number, line) in file.code() {
            for (word, name) in rows.iter().filter(|(word, _)| names(line, word)) {
                let open = |door: &&str| {
                    let testing = tree::is_test(&file.path) || file.path.starts_with(&format!("{home}examples/"));
                    file.path.starts_with(*door) || (door.starts_with(home) && testing)
                };
                let itself = PACKAGES.iter().any(|(package, folder)| *package == *name && *folder == home);
                if !itself && !doors(name).unwrap_or_default().iter().any(open) {
                    found.push(format!("{}:{number}: {word}", file.path));
                }
            }
        }
    }
    none(found, "crates named outside their door:");
}

#[test]
fn every_dependency_of_a_package_is_used_in_it() {
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    for file in tree::rust_under("") {
        sources.entry(package(&file.path)).or_default().push_str(&file.text);
    }
    let mut found = Vec::new();
    for (_, folder) in PACKAGES {
        let manifest = std::fs::read_to_string(tree::top().join(folder).join("Cargo.toml")).expect("it is a package");
        let text = sources.get(folder).map_or("", String::as_str);
        for line in manifest.lines().filter(|line| line.contains(".workspace = true") && !line.contains("version")) {
            let name = line.split('.').next().unwrap_or_default();
            let field = ["edition", "license", "publish"].contains(&name);
            if !field && !text.lines().any(|line| mentions(line, &name.replace('-', "_"))) {
                found.push(format!("{folder}Cargo.toml: {name}"));
            }
        }
    }
    none(found, "dependencies that nothing names:");
}

/// As [`names`], and as an attribute or a derive may.
fn mentions(line: &str, word: &str) -> bool {
    names(line, word) || (line.contains("use ") && tree::has_word(line, word))
}

#[test]
fn a_door_leads_somewhere() {
    let paths = tree::paths();
    let none_there = |door: &&&str| !paths.iter().any(|path| path.starts_with(**door));
    let dead = DOORS.iter().flat_map(|(name, doors)| doors.iter().map(move |door| (name, door)));
    let dead = dead.filter(|(_, door)| none_there(door)).map(|(name, door)| format!("{name}: {door}"));
    none(dead.collect(), "doors that are no file any more:");
}

#[test]
fn a_crate_is_named_by_its_path() {
    assert!(names("use axum::Router;", "axum"));
    assert!(names("    let x = axum::serve(y);", "axum"));
    assert!(names("use sled;", "sled"));
    assert!(!names("use crate::axum::x;", "axum"));
    assert!(!names("let url = toml_axum::x();", "axum"));
}

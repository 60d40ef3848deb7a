//! `protocol` is pure: what Cargo and clippy cannot see, `cargo tree` and a text search do.

use crate::{none, tree};

/// What would make the protocol depend on a machine.
const NOT_BENEATH_PROTOCOL: [&str; 9] =
    ["tokio", "libp2p", "sled", "axum", "mio", "hyper", "reqwest", "socket2", "async-std"];

/// Time, chance, order of hashing, threads and the outside world: all are handed in, or stay out.
const NOT_IN_PROTOCOL: &[&str] = &[
    "HashMap",
    "HashSet",
    "SystemTime",
    "Instant",
    "RandomState",
    "thread_rng",
    "OsRng",
    "getrandom",
    "std::thread",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "async fn",
];

/// They bring a second TLS library or a second async runtime.
const NOT_IN_THE_LOCK_FILE: &[&str] = &["openssl-sys", "native-tls", "async-std", "diesel"];

#[test]
fn protocol_has_no_runtime_socket_or_store_beneath_it() {
    let tree = tree::cargo(&["tree", "-p", "archipel-protocol", "-e", "normal", "--prefix", "none", "--format", "{p}"]);
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"ed25519-dalek"), "the tree should be that of the protocol: {tree}");
    let found = NOT_BENEATH_PROTOCOL.iter().filter(|name| names.contains(name)).map(|name| (*name).to_owned());
    none(found.collect(), "archipel-protocol must not depend on:");
}

#[test]
fn protocol_takes_time_and_chance_as_arguments() {
    let mut found = Vec::new();
    for file in tree::rust_under("protocol/src/").into_iter().filter(|file| !tree::is_test(&file.path)) {
        for (number, line) in file.code() {
            let word = NOT_IN_PROTOCOL.iter().find(|word| tree::has_word(line, word));
            found.extend(word.map(|word| format!("{}:{number}: {word}", file.path)));
        }
    }
    none(found, "protocol/src must not name:");
}

#[test]
fn one_tls_library_and_one_runtime() {
    let lock = std::fs::read_to_string(tree::top().join("Cargo.lock")).expect("the lock file is tracked");
    let named = |name: &&&str| lock.contains(&format!("name = \"{name}\""));
    none(NOT_IN_THE_LOCK_FILE.iter().filter(named).map(|name| (*name).to_owned()).collect(), "banned crates:");

    let features = tree::cargo(&["tree", "--workspace", "-e", "features", "-i", "rustls", "--prefix", "none"]);
    assert!(
        !features.contains("rustls feature \"ring\""),
        "rustls has a second provider (ring): a program that names none of them would stop at run time"
    );
}

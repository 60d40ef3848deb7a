//! Which room of a package may name which: `protocol` in one order, `node` by a table.

use crate::{none, tree};

/// Each room may use those of the rows above its own, and its neighbours in the same row only if listed in `BESIDE`.
const PROTOCOL: &[&[&str]] = &[
    &["ids", "limits"],
    &["clock"],
    &["codec"],
    &["keys"],
    &["entry"],
    &["log"],
    &["control"],
    &["document"],
    &["group"],
    &["store"],
    &["sync", "pairing", "gossip"],
    &["bundle"],
    &["engine"],
];

/// Room of `node/src` → the rooms that it may name. `cli` and `lib` wire everything together and stand outside the table.
/// `http` names here mean its ports: small traits that the rooms behind it carry out.
const NODE: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("config", &["local"]),
    ("logs", &["config"]),
    ("tls", &["config"]),
    ("metrics", &[]),
    ("runtime", &[]),
    ("local", &[]),
    ("files", &[]),
    ("transfer", &["runtime"]),
    ("pages", &["runtime", "local"]),
    ("search", &["runtime", "files", "pages"]),
    ("naming", &[]),
    ("bundle", &["runtime", "files", "naming"]),
    ("export", &["runtime", "local", "files", "naming"]),
    ("scrub", &["runtime", "local", "files"]),
    ("keeper", &["runtime", "local", "files", "transfer", "http"]),
    ("network", &["runtime", "local", "transfer", "http"]),
    ("pairing", &["runtime", "local", "http"]),
    ("feeds", &["runtime", "local", "http"]),
    ("http", &["runtime", "local", "config", "metrics", "files", "bundle", "export", "scrub", "pages", "search"]),
];
/// The control socket is a second door beside `http`, and speaks to the same rooms.
const WIRING: &[&str] = &["cli", "lib", "control_socket"];

fn room<'a>(path: &'a str, base: &str) -> &'a str {
    let rest = path.strip_prefix(base).unwrap_or(path);
    rest.split(['/', '.']).next().unwrap_or_default()
}

/// The rooms that a line of code names by `crate::room` or `crate::{room, …}`.
fn named(line: &str) -> Vec<&str> {
    let mut rooms = Vec::new();
    for (at, start) in line.match_indices("crate::") {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &line[at + start.len()..];
        let word = |text: &'_ str| text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").len();
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0_usize;
                let mut begin = true;
                for (place, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begin = true,
                        c if begin && c.is_alphabetic() => {
                            rooms.push(&list[place..place + word(&list[place..])]);
                            begin = false;
                        }
                        _ => {}
                    }
                }
            }
            None => rooms.push(&rest[..word(rest)]),
        }
    }
    rooms
}

/// Items of a crate root, such as a type that `lib.rs` re-exports, are no rooms.
fn is_room(name: &str) -> bool {
    name.starts_with(|c: char| c.is_lowercase())
}

#[test]
fn protocol_arrows_point_down() {
    let row = |name: &str| PROTOCOL.iter().position(|rooms| rooms.contains(&name));
    let mut found = Vec::new();
    for file in tree::rust_under("protocol/src/").into_iter().filter(|file| !tree::is_test(&file.path)) {
        let own = room(&file.path, "protocol/src/");
        if own == "lib" {
            continue;
        }
        let Some(own_row) = row(own) else {
            found.push(format!("{}: room {own} has no place in the order", file.path));
            continue;
        };
        for (number, line) in file.code() {
            for name in named(line).into_iter().filter(|name| *name != own && is_room(name)) {
                if row(name).is_none_or(|row| row >= own_row) {
                    found.push(format!("{}:{number}: {own} names {name}", file.path));
                }
            }
        }
    }
    none(found, "arrows of protocol that point up:");
}

#[test]
fn node_rooms_meet_where_the_table_says() {
    let allowed = |name: &str| NODE.iter().find(|(room, _)| *room == name).map(|(_, rooms)| *rooms);
    let mut found = Vec::new();
    for file in tree::rust_under("node/src/").into_iter().filter(|file| !tree::is_test(&file.path)) {
        let own = room(&file.path, "node/src/");
        if WIRING.contains(&own) {
            continue;
        }
        let Some(rooms) = allowed(own) else {
            found.push(format!("{}: room {own} has no row in the table", file.path));
            continue;
        };
        for (number, line) in file.code() {
            for name in named(line).into_iter().filter(|name| *name != own && is_room(name)) {
                if !rooms.contains(&name) {
                    found.push(format!("{}:{number}: {own} names {name}", file.path));
                }
            }
        }
    }
    none(found, "arrows of node that the table in tests/house/arrows.rs does not have:");
}

#[test]
fn rooms_are_read_from_paths_and_lists() {
    assert_eq!(named("use crate::ids::{A, B};"), ["ids"]);
    assert_eq!(named("use crate::{codec, ids::{A, b}, keys as k};"), ["codec", "ids", "keys"]);
    assert_eq!(room("node/src/http/auth.rs", "node/src/"), "http");
}

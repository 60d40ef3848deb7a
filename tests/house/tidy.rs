//! Names, sizes and things that do not belong in a tracked file.

use crate::{none, tree};

const SOURCE: &[&str] = &["rs", "ts", "js", "mjs", "svelte", "css"];

/// Words that say where code was put, not what it is.
const NAMES_THAT_SAY_NOTHING: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager"];

const LINES_MAX: usize = 600;
/// Files that are longer, each with its reason.
const LONG: &[(&str, &str)] = &[
    ("web-ui/src/locales/fr.ts", "every word of the interface, so that a translator has one file"),
    ("web-ui/src/locales/en.ts", "every word of the interface, so that a translator has one file"),
];

/// A tracked file is cloned by everybody for ever.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Screenshots are shown at half their size or less.
const PICTURE_BYTES_MAX: u64 = 300 << 10;

#[test]
fn file_names_say_what_is_inside() {
    let mut found = Vec::new();
    for path in tree::paths().into_iter().filter(|path| tree::has_extension(path, SOURCE)) {
        let silent = |word: &str| NAMES_THAT_SAY_NOTHING.contains(&word.to_lowercase().as_str());
        if path.split(['/', '.', '_', '-']).any(silent) {
            found.push(path);
        }
    }
    none(found, "files named for what they are not:");
}

#[test]
fn no_mod_rs() {
    let found = tree::rust_under("").into_iter().map(|file| file.path).filter(|path| path.ends_with("/mod.rs"));
    none(found.collect(), "foo.rs beside foo/, not foo/mod.rs:");
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    // `foo/tests.rs` belongs to `foo.rs`, which says it.
    let inner = |file: &tree::File| file.path.ends_with("/tests.rs");
    let silent = |file: &tree::File| !file.text.starts_with("//!") && !inner(file);
    let found = tree::rust_under("").into_iter().filter(silent).map(|file| file.path);
    none(found.collect(), "files without a head (//!):");
}

#[test]
fn files_are_one_thought_long() {
    let mut found = Vec::new();
    for file in tree::files(|path| tree::has_extension(path, SOURCE)) {
        let lines = file.text.lines().count();
        let listed = LONG.iter().any(|(path, _)| *path == file.path);
        if lines > LINES_MAX && !listed {
            found.push(format!("{} has {lines} lines", file.path));
        } else if lines <= LINES_MAX && listed {
            found.push(format!("{} has {lines} lines and can leave the list", file.path));
        }
    }
    none(found, "look again at files over 600 lines; a long honest table may stay, listed with its reason:");
}

#[test]
fn nothing_is_left_open() {
    let open = [
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
        ["#[ign", "ore"].concat(),
        [".sk", "ip("].concat(),
        ["test.on", "ly("].concat(),
        ["describe.on", "ly("].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X:"].concat(),
    ];
    let mut found = Vec::new();
    for file in tree::files(|path| tree::has_extension(path, SOURCE)) {
        for (number, line) in file.lines() {
            // `.skip(n)` of an iterator is no skipped test.
            let skipped = |word: &&String| word.ends_with("ip(") && file.path.ends_with(".rs");
            let word = open.iter().filter(|word| !skipped(word)).find(|word| line.contains(word.as_str()));
            found.extend(word.map(|word| format!("{}:{number}: {word}", file.path)));
        }
    }
    none(found, "finish it or say it in an issue:");
}

#[test]
fn no_machine_and_no_registry_is_named() {
    let folders = ["/wo", "/ro", "/fa"].iter().zip(["rk/", "ot/", "rm/"]).map(|(a, b)| [*a, b].concat());
    let hosts = [["registry.npm", "js.org"], ["index.crates", ".io"], ["static.crates", ".io"], ["py", "pi.org"]];
    let hosts: Vec<String> =
        hosts.iter().map(|parts| parts.concat()).chain([["deb.deb", "ian.org"].concat()]).collect();
    let folders: Vec<String> = folders.collect();
    let mut found = Vec::new();
    for file in tree::files(|path| path != "Cargo.lock") {
        for (number, line) in file.lines() {
            let host = hosts.iter().find(|host| line.contains(host.as_str()));
            let folder = folders.iter().find(|folder| starts_a_path(line, folder));
            found.extend(host.or(folder).map(|what| format!("{}:{number}: {what}", file.path)));
        }
    }
    none(found, "paths of one machine, or addresses of a package registry:");
}

/// Whether `folder` stands in `line` at the start of an absolute path.
fn starts_a_path(line: &str, folder: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '}' | ')' | '~' | '$' | '*');
    line.match_indices(folder).any(|(at, _)| !line[..at].chars().next_back().is_some_and(inside))
}

#[test]
fn npm_lock_files_name_no_download_address() {
    let mut found = Vec::new();
    for path in tree::paths().into_iter().filter(|path| path.ends_with("package-lock.json")) {
        let text = std::fs::read_to_string(tree::top().join(&path)).expect("the lock file is text");
        if text.contains("\"resolved\": \"http") {
            found.push(format!("{path}: write it again with omit-lockfile-registry-resolved=true"));
        }
        let settings = path.replace("package-lock.json", ".npmrc");
        let text = std::fs::read_to_string(tree::top().join(&settings)).unwrap_or_default();
        if !text.contains("omit-lockfile-registry-resolved=true") {
            found.push(format!("{settings}: lacks omit-lockfile-registry-resolved=true"));
        }
    }
    none(found, "lock files:");
}

#[test]
fn tracked_files_are_small() {
    let mut found = Vec::new();
    for path in tree::paths() {
        let bytes = std::fs::metadata(tree::top().join(&path)).map_or(0, |data| data.len());
        let max = if tree::has_extension(&path, &["png", "jpg", "webp"]) { PICTURE_BYTES_MAX } else { FILE_BYTES_MAX };
        if bytes > max {
            found.push(format!("{path} has {} kB", bytes >> 10));
        }
    }
    none(found, "large files:");
}

#[test]
fn a_path_begins_at_its_slash() {
    let folder = ["/wo", "rk/"].concat();
    assert!(starts_a_path(&format!("see {folder}main"), &folder));
    assert!(!starts_a_path(&format!("frame{folder}main"), &folder));
}

//! The arrows of the web UI: `lib ← api ← state ← views`, components know only `lib`, and only `api` calls the server.

use crate::{none, tree};
use std::path::{Component, Path, PathBuf};

const BASE: &str = "web-ui/src/";

/// Room of `web-ui/src` → the rooms that it may import. Files beside the rooms (`main.ts`, `App.svelte`) may import all.
const ROOMS: &[(&str, &[&str])] = &[
    ("lib", &["locales"]),
    ("locales", &["lib"]),
    ("styles", &[]),
    ("api", &["lib"]),
    ("state", &["api", "lib"]),
    ("components", &["lib"]),
    ("editor", &["lib", "components"]),
    ("views", &["state", "components", "lib", "editor"]),
];

/// What only `web-ui/src/api` may do.
const CALLS: &[&str] = &["fetch(", "new WebSocket(", "new XMLHttpRequest(", "navigator.sendBeacon("];

/// Types of the API's nouns are words, not calls: views and state may name them.
const TYPES_ONLY: &str = "import type";

fn is_test(path: &str) -> bool {
    path.contains(".test.") || path.contains("/tests/") || path.contains("/test/")
}

fn sources() -> Vec<tree::File> {
    tree::files(|path| path.starts_with(BASE) && tree::has_extension(path, &["ts", "svelte", "js"]) && !is_test(path))
}

/// The module a line imports, if any.
fn import(line: &str) -> Option<&str> {
    let after = ["from ", "import(", "import "].iter().find_map(|word| line.split_once(word)).map(|(_, rest)| rest)?;
    let quote = after.find(['"', '\''])?;
    let rest = &after[quote + 1..];
    rest.find(['"', '\'']).map(|end| &rest[..end])
}

/// Room of a module named in `file`, or nothing for a package and for files beside the rooms.
fn room(file: &str, module: &str) -> Option<String> {
    if !module.starts_with('.') {
        return None;
    }
    let mut path = PathBuf::new();
    for part in Path::new(file).parent()?.join(module).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    let rest = path.strip_prefix(BASE).ok()?;
    let mut parts = rest.components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

#[test]
fn web_ui_arrows_point_one_way() {
    let mut found = Vec::new();
    for file in sources() {
        let rest = file.path.strip_prefix(BASE).unwrap_or_default();
        let Some((own, _)) = rest.split_once('/') else { continue };
        let Some((_, rooms)) = ROOMS.iter().find(|(name, _)| *name == own) else {
            found.push(format!("{}: room {own} has no row in the table", file.path));
            continue;
        };
        for (number, line) in file.lines() {
            let Some(target) = import(line).and_then(|module| room(&file.path, module)) else { continue };
            let word = own == "views" && target == "api" && line.contains(TYPES_ONLY);
            if target != own && !word && !rooms.contains(&target.as_str()) {
                found.push(format!("{}:{number}: {own} imports {target}", file.path));
            }
        }
    }
    none(found, "arrows of the web UI that the table in tests/house/faces.rs does not have:");
}

#[test]
fn only_the_api_room_calls_the_server() {
    let mut found = Vec::new();
    for file in sources().into_iter().filter(|file| !file.path.starts_with("web-ui/src/api/")) {
        for (number, line) in file.code() {
            let call = CALLS.iter().find(|call| {
                let before = |at: usize| line[..at].chars().next_back();
                line.match_indices(*call).any(|(at, _)| !before(at).is_some_and(|c| c.is_alphanumeric() || c == '.'))
            });
            found.extend(call.map(|call| format!("{}:{number}: {call}", file.path)));
        }
    }
    none(found, "calls to the server outside web-ui/src/api:");
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    let page = tree::files(|path| path == "web-ui/index.html");
    let styles = tree::files(|path| path.starts_with(BASE) && tree::has_extension(path, &["css", "svelte"]));
    let mut found = Vec::new();
    for file in page.iter().chain(&styles) {
        for (number, line) in file.lines() {
            let foreign = ["src=\"http", "href=\"http", "url(http", "url(\"http", "@import \"http"];
            let external_link = line.contains("href=\"http") && line.contains("rel=\"noopener");
            if foreign.iter().any(|word| line.contains(word)) && !external_link {
                found.push(format!("{}:{number}", file.path));
            }
        }
    }
    none(found, "fonts, styles and scripts come with the program:");
}

#[test]
fn both_languages_have_the_same_words() {
    let keys = |language: &str| {
        let files = tree::files(|path| {
            path == format!("{BASE}locales/{language}.ts") || path.starts_with(&format!("{BASE}locales/{language}/"))
        });
        let quoted = |line: &str| {
            let key = line.trim().strip_prefix('"')?.split_once("\":")?.0.to_owned();
            (!key.contains(' ')).then_some(key)
        };
        files.iter().flat_map(|file| file.text.lines().filter_map(quoted).collect::<Vec<_>>()).collect()
    };
    let french: std::collections::BTreeSet<String> = keys("fr");
    let english: std::collections::BTreeSet<String> = keys("en");
    none(french.symmetric_difference(&english).cloned().collect(), "words in one language only:");
}

#[test]
fn imports_lead_to_rooms() {
    assert_eq!(import("import { a } from \"../api/client\";"), Some("../api/client"));
    assert_eq!(room("web-ui/src/state/posts.ts", "../api/client").as_deref(), Some("api"));
    assert_eq!(room("web-ui/src/main.ts", "./App.svelte"), None);
    assert_eq!(room("web-ui/src/state/posts.ts", "svelte"), None);
}

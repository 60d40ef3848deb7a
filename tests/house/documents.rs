//! Links in Markdown files lead somewhere, headings included.

use crate::{none, tree};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

#[test]
fn links_in_documents_resolve() {
    let mut found = Vec::new();
    for file in tree::files(|path| path.ends_with(".md")) {
        for (number, target) in links(&file.text) {
            if let Err(reason) = resolve(&file.path, &target) {
                found.push(format!("{}:{number}: {target}: {reason}", file.path));
            }
        }
    }
    none(found, "links that lead nowhere:");
}

/// Targets of `[text](target)` and `![text](target)` with their line numbers, outside code blocks.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (place, part) in line.split('`').enumerate() {
            // Every second part stands between backticks.
            let parts = if place % 2 == 0 { part } else { "" };
            for (at, _) in parts.match_indices("](") {
                let target = parts[at + 2..].split([')', ' ']).next().unwrap_or_default();
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

fn resolve(from: &str, target: &str) -> Result<(), &'static str> {
    if target.starts_with("https://") || target.starts_with("http://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = if path.is_empty() { PathBuf::from(from) } else { flat(&folder.join(path)) };
    let place = tree::top().join(&path);
    if !place.exists() {
        return Err("no such file");
    }
    if anchor.is_empty() || place.is_dir() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&place).map_err(|_| "not a text file")?;
    if headings(&text).contains(anchor) { Ok(()) } else { Err("no such heading") }
}

fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(flat.pop()),
            Component::CurDir => {}
            other => flat.push(other),
        }
    }
    flat
}

/// The anchors that the usual renderers give to headings.
fn headings(text: &str) -> BTreeSet<String> {
    let anchor = |line: &str| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

#[test]
fn links_are_found_and_headings_become_anchors() {
    let text = "see [a](b.md#c) and `[no](code)`\n```\n[no](x)\n```\n![p](q.png \"title\")";
    assert_eq!(links(text), [(1, "b.md#c".to_owned()), (5, "q.png".to_owned())]);
    assert!(headings("## Où vivent les données ?").contains("où-vivent-les-données-"));
}

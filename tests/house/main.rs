//! The house rules as tests: arrows between rooms, one door per outside crate, a pure protocol, tidy files, true links.
//! Knows the tree as text and as `cargo tree` tells it; knows nothing of what the code does.
//!
//! A rule that makes the code worse is broken by changing its table here, with a reason beside the row.

mod arrows;
mod documents;
mod doors;
mod faces;
mod purity;
mod tidy;
mod tree;

/// Fails with every finding at once, one a line, so that one run tells all there is to mend.
#[track_caller]
fn none(findings: Vec<String>, rule: &str) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}

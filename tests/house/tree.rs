//! The tracked files of the project, as text.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tracked text file.
pub struct File {
    /// Path from the top of the tree, with `/`.
    pub path: String,
    /// Everything in it.
    pub text: String,
}

impl File {
    /// Its lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The lines of Rust or TypeScript that are code: without comments, and without the unit tests at the end of a Rust file.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let test_module = |line: &str| line.trim_start().starts_with("#[cfg(test)]");
        let tests = self.lines().filter(|(_, line)| test_module(line)).map(|(number, _)| number).last();
        let end = tests.filter(|number| self.tail_is_a_module(*number)).unwrap_or(usize::MAX);
        self.lines()
            .take_while(move |(number, _)| *number < end)
            .map(|(number, line)| (number, without_comment(line)))
            .filter(|(_, line)| !line.trim().is_empty())
    }

    fn tail_is_a_module(&self, attribute: usize) -> bool {
        self.text.lines().nth(attribute).is_some_and(|line| line.trim_end().ends_with("mod tests {"))
    }
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('*') || line.trim_start().starts_with("/*") {
        return "";
    }
    line.find("//").filter(|at| !line[..*at].ends_with(':')).map_or(line, |at| &line[..at])
}

/// The top of the tree.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package stands in the tree").to_owned()
}

/// Paths of all files that are tracked or about to be, of any kind.
pub fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(top())
        .output()
        .expect("git is installed");
    assert!(listed.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).expect("tracked paths are UTF-8");
    let mut paths: Vec<String> =
        text.split('\0').filter(|path| !path.is_empty() && top().join(path).is_file()).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Tracked files that are text and pass `wanted`.
pub fn files(wanted: impl Fn(&str) -> bool) -> Vec<File> {
    let read = |path: String| {
        let text = std::fs::read_to_string(top().join(&path)).ok()?;
        Some(File { path, text })
    };
    paths().into_iter().filter(|path| wanted(path)).filter_map(read).collect()
}

/// Whether a Rust file holds tests of its package.
pub fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs")
}

/// Rust files under a folder.
pub fn rust_under(folder: &str) -> Vec<File> {
    files(|path| path.starts_with(folder) && has_extension(path, &["rs"]))
}

/// Whether a path ends in one of these extensions.
pub fn has_extension(path: &str, extensions: &[&str]) -> bool {
    Path::new(path).extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted))
}

/// What a cargo command prints; offline, on the locked versions.
pub fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(program)
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(top())
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "cargo {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Whether `word` stands in `line` with no letter, digit or `_` on either side.
pub fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(part) && !line[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[test]
fn comments_and_unit_tests_are_not_code() {
    let text = "use a; // not b\n//! c\nlet x = \"http://d\";\n#[cfg(test)]\nmod tests {\n use e;\n}\n";
    let file = File { path: "x.rs".into(), text: text.into() };
    let code: Vec<&str> = file.code().map(|(_, line)| line.trim()).collect();
    assert_eq!(code, ["use a;", "let x = \"http://d\";"]);
}

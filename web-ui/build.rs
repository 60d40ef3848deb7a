//! Builds the web app while the crate is built, so that one cargo command makes a complete program.
//!
//! In order: a folder named by `WEB_UI_DIST`; else npm and Vite, working in a copy under `OUT_DIR` (a
//! build script must not write anywhere else, and two profiles may build at once); else the build ends with an
//! error that says what to install. `WEB_UI_PLACEHOLDER=1` puts a page in its place that says so, for work on the rest.
//! Knows nothing of what the app is or who serves it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What Vite needs of the source folder: files first, folders after.
const FILES: [&str; 7] = [
    ".npmrc",
    "package.json",
    "package-lock.json",
    "index.html",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
];
const FOLDERS: [&str; 2] = ["src", "public"];

/// Names the copy of the lock file that `node_modules` was made from.
const INSTALLED_LOCK: &str = ".installed-lock";

/// The best ratio, for what is shipped; costs about a second for the whole app.
const BROTLI_RELEASE: &str = "11";
/// Nearly free, for builds that only a developer sees.
const BROTLI_DEBUG: &str = "5";

fn main() -> io::Result<()> {
    let source = PathBuf::from(required("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(required("OUT_DIR"));
    let dist = out.join("dist");
    for name in FILES.iter().chain(&FOLDERS).chain(&["placeholder", "build.rs"]) {
        println!("cargo:rerun-if-changed={}", source.join(name).display());
    }
    println!("cargo:rerun-if-env-changed=WEB_UI_DIST");
    println!("cargo:rerun-if-env-changed=WEB_UI_PLACEHOLDER");
    fs::create_dir_all(&dist)?;

    if let Some(given) = env::var_os("WEB_UI_DIST") {
        let given = PathBuf::from(given);
        println!("cargo:rerun-if-changed={}", given.display());
        println!("cargo:rustc-env=WEB_UI_KIND=app");
        return replace(&given, &dist);
    }
    match build(&source, &out, &dist) {
        Ok(()) => {
            println!("cargo:rustc-env=WEB_UI_KIND=app");
            Ok(())
        }
        Err(reason) => placeholder(&source, &out, &dist, &reason),
    }
}

/// Copies the sources, installs packages when the lock file changed, runs Vite.
fn build(source: &Path, out: &Path, dist: &Path) -> Result<(), String> {
    let work = out.join("app");
    copy_sources(source, &work).map_err(|e| format!("the sources could not be copied: {e}"))?;
    let started = Instant::now();

    let lock = work.join("package-lock.json");
    let installed = work.join(INSTALLED_LOCK);
    if !work.join("node_modules").is_dir() || !same(&lock, &installed) {
        say("installing the packages of the web app (npm ci)");
        let _ = fs::remove_file(&installed);
        let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"])
            // Linters and test tools are not needed to build; a dead line must not hold the build for minutes.
            .args(["--omit=dev", "--fetch-retries=1", "--fetch-timeout=60000"]);
        run(npm.current_dir(&work))?;
        fs::copy(&lock, &installed).map_err(|e| format!("the lock file could not be copied: {e}"))?;
    }

    say("building the web app (Vite)");
    let release = required("PROFILE") == "release";
    run(Command::new("node")
        .arg("node_modules/vite/bin/vite.js")
        .args(["build", "--emptyOutDir", "--logLevel", "warn", "--outDir"])
        .arg(dist)
        .env("WEB_UI_COMPRESS", if release { BROTLI_RELEASE } else { BROTLI_DEBUG })
        .env("WEB_UI_COMPRESS_CACHE", out.join("compressed"))
        .env("NODE_ENV", "production")
        .current_dir(&work))?;
    say(&format!("web app built in {:.1} s", started.elapsed().as_secs_f32()));
    Ok(())
}

/// Serves a page that explains itself instead of failing the build.
fn placeholder(source: &Path, out: &Path, dist: &Path, reason: &str) -> io::Result<()> {
    let advice = "install Node.js 20.19 or newer with npm (Debian: nodejs npm) and build again, \
                  or set WEB_UI_DIST to the folder of a built web app";
    let reason = reason.trim().replace('\n', " | ");
    // A file that never exists makes cargo ask again next time, when Node may have been installed.
    println!("cargo:rerun-if-changed={}", out.join("node-was-missing").display());
    if env::var_os("WEB_UI_PLACEHOLDER").is_none_or(|v| v != "1") {
        println!("cargo::error=the web interface cannot be built: {reason}");
        println!("cargo::error=to mend it, {advice}");
        return Ok(());
    }
    println!("cargo:warning=web-ui: the web interface was not built: {reason}");
    println!("cargo:warning=web-ui: a placeholder page takes its place; {advice}");
    println!("cargo:rustc-env=WEB_UI_KIND=placeholder");
    replace(&source.join("placeholder"), dist)
}

/// Runs one command with its output captured; an error carries the last lines it printed.
fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|e| format!("`{program}` could not be started ({e})"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    if output.status.success() {
        // Shown by `cargo build -vv`.
        println!("{text}");
        return Ok(());
    }
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(8)..].join("\n");
    Err(format!("`{program}` failed ({}): {last}", output.status))
}

/// Tells a person at a terminal what is going on. Cargo holds back what a build script prints until it
/// has ended, and repeats its warnings at every later build, so neither serves for progress.
fn say(what: &str) {
    println!("web-ui: {what}");
    if cfg!(unix)
        && let Ok(mut terminal) = fs::OpenOptions::new().write(true).open("/dev/tty")
    {
        let _ = write!(terminal, "\r\x1b[K      \x1b[1;36mWeb UI\x1b[0m {what}\n");
    }
}

fn copy_sources(source: &Path, work: &Path) -> io::Result<()> {
    fs::create_dir_all(work)?;
    for name in FILES {
        fs::copy(source.join(name), work.join(name))?;
    }
    for name in FOLDERS {
        replace(&source.join(name), &work.join(name))?;
    }
    Ok(())
}

/// Makes `to` hold exactly what `from` holds.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            replace(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((fs::read(a), fs::read(b)), (Ok(a), Ok(b)) if a == b)
}

fn required(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for build scripts"))
}

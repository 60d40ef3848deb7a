//! What a process and the loopback interface have used, as the kernel counts it (Linux).

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Kernel clock ticks a second; the same on every Linux that Rust runs on.
const TICKS_A_SECOND: f64 = 100.0;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Resident memory in MiB, mapped files included.
    pub rss_mb: f64,
    /// Resident memory without mapped files, in MiB.
    pub own_mb: f64,
    /// The most that was ever resident, in MiB.
    pub peak_mb: f64,
    /// Processor time of all threads, in seconds.
    pub cpu_s: f64,
}

/// Reads a process's counters; zeros when it is gone.
pub fn usage(id: u32) -> Usage {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
    let status = read("status");
    let mb = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1_024.0
    };
    let stat = read("stat");
    // The name, in brackets, may hold anything; utime and stime are fields 14 and 15 of the line.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Usage { rss_mb: mb("VmRSS:"), own_mb: mb("RssAnon:"), peak_mb: mb("VmHWM:"), cpu_s: ticks / TICKS_A_SECOND }
}

/// Bytes that went over loopback so far, every layer's headers included; of this network namespace only.
pub fn loopback_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Whether nothing else runs in this network namespace (see `tests/bench/run`).
pub fn is_alone_on_loopback() -> bool {
    std::env::var_os("BENCH_ALONE").is_some()
}

/// Where profiles go, if wanted.
#[derive(Debug, Clone, Default)]
pub struct Profiles(pub Option<PathBuf>);

impl Profiles {
    /// Records where a process spends its time until the answer is dropped or ended, into `NAME.perf`.
    pub fn record(&self, name: &str, id: u32) -> Recording {
        let child = self.0.as_ref().and_then(|folder| {
            let file = folder.join(format!("{name}.perf"));
            let mut command = Command::new("perf");
            command.args(["record", "-q", "-F", "499", "--call-graph", "dwarf,16384", "-o"]).arg(file);
            command.args(["-p", &id.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        Recording(child)
    }
}

/// A profile under way.
#[derive(Debug)]
pub struct Recording(Option<Child>);

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // perf writes its file when it is interrupted.
            let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }
}

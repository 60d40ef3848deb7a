//! The programs of `anchors/`, which measure what figures are compared with. They stand outside the workspace: their
//! features must not get into the product.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

fn program() -> PathBuf {
    std::env::var_os("BENCH_ANCHORS").map(PathBuf::from).expect("tests/bench/run names the anchors in BENCH_ANCHORS")
}

/// One core's rates of checking signatures.
#[derive(Debug, Clone, Copy)]
pub struct Verify {
    /// Signatures a second in batches of 256.
    pub batch: f64,
    /// Signatures a second of processor time in batches of 256.
    pub batch_cpu: f64,
    /// Signatures a second, each checked strictly by itself.
    pub single: f64,
}

impl Verify {
    /// Measures for about three seconds.
    ///
    /// # Panics
    /// If the anchor does not run.
    pub fn measure() -> Self {
        let output = Command::new(program()).arg("verify").output().expect("the anchor runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [batch, batch_cpu, single] = numbers[..] else { panic!("the anchor said {text:?}") };
        Self { batch, batch_cpu, single }
    }

    /// The mean of two measurements, before and after.
    pub fn mean(self, other: Self) -> Self {
        let mean = |a: f64, b: f64| f64::midpoint(a, b);
        Self {
            batch: mean(self.batch, other.batch),
            batch_cpu: mean(self.batch_cpu, other.batch_cpu),
            single: mean(self.single, other.single),
        }
    }
}

/// What zstd at level 3 makes of the texts alone, in batches of 256: bytes a byte.
///
/// # Panics
/// If the anchor does not run.
pub fn squeezed(texts: &[String]) -> f64 {
    let mut child = Command::new(program())
        .arg("squeeze")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the anchor runs");
    let mut input = child.stdin.take().expect("its input is a pipe");
    for text in texts {
        writeln!(input, "{text}").expect("the anchor reads");
    }
    drop(input);
    let output = child.wait_with_output().expect("the anchor ends");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("the anchor prints a number")
}

/// An axum server that serialises one page from memory for every request.
#[derive(Debug)]
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: String,
}

impl Served {
    /// Serves this JSON at `/page`.
    ///
    /// # Panics
    /// If the anchor does not run.
    pub fn start(page: &str) -> Self {
        let mut child = Command::new(program())
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the anchor runs");
        let mut input = child.stdin.take().expect("its input is a pipe");
        input.write_all(page.as_bytes()).expect("the anchor reads");
        drop(input);
        let mut address = String::new();
        let output = child.stdout.take().expect("its output is a pipe");
        BufReader::new(output).read_line(&mut address).expect("the anchor prints its address");
        Self { child, address: address.trim().to_owned() }
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It ends with this program in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

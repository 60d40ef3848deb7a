//! Real nodes as child processes on loopback, driven through the public API only. Knows the program, its one line of
//! output and its HTTP contract; knows no type of the node.
//!
//! A [`Site`] lives in a temporary folder and is ended when it is dropped, whatever the test did. It keeps its ports
//! over restarts, so that other sites and browsers find it again.

mod client;
mod far;
mod lines;
mod live;
mod page;
mod port;
mod routers;
mod scene;
mod shape;

pub use client::{Answer, Client, Refusal, plain, request_id};
pub use far::Far;
pub use lines::{Family, Lines, Place};
pub use live::{Live, Notice};
pub use page::PageWindow;
pub use routers::{INTERNET, Ports, Routers};
pub use scene::{PASSWORD, found, join, pair, shared_group, two_sites, within};
pub use shape::*;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// From the start of the program to its line, on a busy machine.
pub const READY_WITHIN: Duration = Duration::from_secs(60);
/// From SIGTERM to the end.
pub const STOP_WITHIN: Duration = Duration::from_secs(20);
/// For anything that crosses from one site to another. Events end the wait, this only ends a test that has failed.
pub const CROSS_WITHIN: Duration = Duration::from_secs(60);

/// Names what the nodes log, for instance `archipel_net=debug`; then the whole log is shown at the end.
const LOG_FILTER: &str = "TEST_LOG";
const READY: &str = "Archipel is ready: ";

/// One site: its folder, its ports, and its process while it runs.
#[derive(Debug)]
pub struct Site {
    /// What it is called in the test.
    pub name: String,
    folder: TempDir,
    http: SocketAddr,
    peers: u16,
    flags: Vec<String>,
    place: Option<Place>,
    child: Option<Child>,
}

/// How a program that should not run ended.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Standard output and standard error.
    pub text: String,
}

impl Site {
    /// Starts a new site in an empty folder.
    ///
    /// # Panics
    /// If it does not come up; with what it logged.
    pub async fn start(name: &str) -> Self {
        Self::start_with(name, &[]).await
    }

    /// As [`Site::start`], with further flags.
    pub async fn start_with(name: &str, flags: &[&str]) -> Self {
        let http = SocketAddr::from(([127, 0, 0, 1], port::free_pair()));
        Self::start_at(name, http, port::free_pair(), flags, None).await
    }

    /// Starts a new site in a network namespace of its own; it is reached, and set up, from another machine.
    ///
    /// # Panics
    /// As [`Site::start`].
    pub async fn start_in(place: Place, name: &str) -> Self {
        Self::start_in_with(place, name, &[]).await
    }

    /// As [`Site::start_in`], with further flags.
    ///
    /// # Panics
    /// As [`Site::start`].
    pub async fn start_in_with(place: Place, name: &str, flags: &[&str]) -> Self {
        let flags = [&["--insecure-http-anywhere"], flags].concat();
        Self::start_at(name, place.http(), 7301, &flags, Some(place)).await
    }

    /// Starts on a copy of a data folder.
    ///
    /// # Panics
    /// If it cannot be copied, or as [`Site::start`].
    pub async fn start_on(name: &str, data: &Path) -> Self {
        let http = SocketAddr::from(([127, 0, 0, 1], port::free_pair()));
        let mut site = Self::new(name, http, port::free_pair(), &[], None);
        copy(data, &site.data());
        site.restart().await;
        site
    }

    async fn start_at(name: &str, http: SocketAddr, peers: u16, flags: &[&str], place: Option<Place>) -> Self {
        let mut site = Self::new(name, http, peers, flags, place);
        site.restart().await;
        site
    }

    fn new(name: &str, http: SocketAddr, peers: u16, flags: &[&str], place: Option<Place>) -> Self {
        let folder = TempDir::with_prefix("archipel-test-").expect("the machine has room for temporary files");
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self { name: name.to_owned(), folder, http, peers, flags, place, child: None }
    }

    /// The code that lets another machine set the site up, as it stands on the console.
    pub fn code(&self) -> Option<String> {
        let log = self.log();
        let line = log.lines().rev().find(|line| line.starts_with("To set this site up"))?;
        line.rsplit(' ').next().map(str::to_owned)
    }

    /// Starts the program again on the same folder and ports.
    ///
    /// # Panics
    /// If it runs, or does not come up.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let mut command = self.command();
        let log = std::fs::File::options().create(true).append(true).open(self.log_path());
        command.stdout(Stdio::piped()).stderr(log.expect("the folder takes a log"));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program().display()));
        let output = child.stdout.take().expect("standard output is piped");
        let mut lines = BufReader::new(output).lines();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = line.strip_prefix(READY) {
                    return Some(address.to_owned());
                }
            }
            None
        };
        let address = tokio::time::timeout(READY_WITHIN, ready).await.ok().flatten();
        self.child = Some(child);
        let address = address.unwrap_or_else(|| panic!("{} did not become ready\n{}", self.name, self.log()));
        assert_eq!(address, format!("http://{}/", self.http), "the line names the address to open");
        // What follows the line would fill the pipe and stop the program.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    }

    /// The next start listens for other sites where none of them has ever found it.
    pub fn move_away(&mut self) {
        self.peers = port::free_pair();
    }

    /// Asks the program to end and waits for it.
    ///
    /// # Panics
    /// If it does not end in time, or ends with an error.
    pub async fn stop(&mut self) {
        self.end_by("-TERM").await;
    }

    /// Ends the program as Ctrl-C at its terminal does, and waits for it.
    ///
    /// # Panics
    /// If it does not end in time, or ends with an error.
    pub async fn interrupt(&mut self) {
        self.end_by("-INT").await;
    }

    async fn end_by(&mut self, signal: &str) {
        let mut child = self.child.take().expect("the site runs");
        let id = child.id().expect("it has not ended").to_string();
        let asked = Command::new("kill").args([signal, &id]).status().await;
        assert!(asked.is_ok_and(|status| status.success()), "kill {signal} {id}");
        let ended = tokio::time::timeout(STOP_WITHIN, child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("{} did not stop\n{}", self.name, self.log()));
        let status = status.expect("the program can be waited for");
        assert!(status.success(), "{} stopped with {status}\n{}", self.name, self.log());
    }

    /// Ends the program as a power cut would: SIGKILL.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("the site runs");
        child.kill().await.expect("a child can be killed");
    }

    /// Starts a second program on the folder of this one and waits for its end.
    ///
    /// # Panics
    /// If it goes on running.
    pub async fn second_program(&self) -> Ended {
        let mut command = bare(&[]);
        command.args(["--http", "127.0.0.1:0", "--mdns", "off"]).arg("--data").arg(self.data());
        command.args(["--listen", "/ip4/127.0.0.1/tcp/0"]);
        ended(command).await
    }

    /// Where the site keeps everything.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where browsers connect.
    pub fn address(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Somebody who is not logged in.
    pub fn client(&self) -> Client {
        Client::new(&self.address())
    }

    /// Process id, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Everything that the program has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn command(&self) -> Command {
        let mut command = match &self.place {
            Some(place) => bare(&["ip", "netns", "exec", &place.namespace]),
            None => bare(&[]),
        };
        command.arg("--data").arg(self.data()).args(["--http", &self.http.to_string(), "--mdns", "off"]);
        let (host, port) = (self.place.as_ref().map_or(self.http.ip(), |place| place.peers), self.peers);
        let family = if host.is_ipv4() { "ip4" } else { "ip6" };
        let listen = [format!("/{family}/{host}/udp/{port}/quic-v1"), format!("/{family}/{host}/tcp/{port}")];
        command.args(["--listen", &listen[0], "--listen", &listen[1]]);
        command.args(["--password-cost", "small", "--limits", "wide"]);
        if let Some(filter) = std::env::var_os(LOG_FILTER) {
            command.arg("--log").arg(filter);
        }
        command.args(&self.flags);
        command
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let wanted = if std::env::var_os(LOG_FILTER).is_some() { usize::MAX } else { 40 };
        if std::thread::panicking() || wanted == usize::MAX {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- log of {}\n{}", self.name, lines[lines.len().saturating_sub(wanted)..].join("\n"));
        }
        // The child is set to be killed with its handle.
    }
}

/// Copies a folder; only its owner reads it, as the program wants of its keys.
fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let only_owner = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("an own file");
    };
    std::fs::create_dir_all(to).expect("a temporary folder can be written");
    only_owner(to, 0o700);
    for entry in std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let path = entry.expect("the folder can be read").path();
        let there = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &there);
        } else {
            std::fs::copy(&path, &there).expect("a file can be copied");
            only_owner(&there, 0o600);
        }
    }
}

/// Runs the program with these arguments until it ends.
///
/// # Panics
/// If it goes on running.
pub async fn run_to_end(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut command = bare(&[]);
    command.args(arguments).envs(environment.iter().copied());
    ended(command).await
}

async fn ended(mut command: Command) -> Ended {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = tokio::time::timeout(READY_WITHIN, output).await.expect("it should end by itself");
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program().display()));
    let text = [output.stdout, output.stderr].concat();
    Ended { status: output.status, text: String::from_utf8_lossy(&text).into_owned() }
}

/// The program, without anything that the machine's settings would add; run by another one if `by` names it.
fn bare(by: &[&str]) -> Command {
    let program = program();
    let mut command = match by {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ARCHIPEL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Named by `ARCHIPEL_BIN`, or beside the tests in the target folder.
///
/// # Panics
/// If it is not there.
pub fn program() -> PathBuf {
    let named = std::env::var_os("ARCHIPEL_BIN").map(PathBuf::from);
    let beside = || {
        let test = std::env::current_exe().ok()?;
        Some(test.parent()?.parent()?.join("archipel"))
    };
    let program = named.or_else(beside).unwrap_or_default();
    assert!(Path::new(&program).is_file(), "{} is missing: cargo build -p archipel", program.display());
    program
}

//! One site of the demonstration: a process of this very program, its folder and its address.

use super::client::Client;
use super::{ORGANISATION, PASSWORD};
use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A first start makes keys and an index; a machine may be busy.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Each step of a pairing, of which both sides are on this machine.
const STEP_WITHIN: Duration = Duration::from_secs(60);
/// How often a step is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A process that does not end by itself is killed.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Of its log, this much is told when it ends too early.
const LAST_LINES: usize = 3;

/// A running site.
pub struct DemoSite {
    /// Its name.
    pub name: &'static str,
    url: String,
    child: Child,
}

impl DemoSite {
    /// Starts the process and waits for its line.
    pub async fn start(name: &'static str, folder: &Path) -> anyhow::Result<Self> {
        let data = folder.join(name.to_lowercase());
        std::fs::create_dir_all(&data)?;
        let port = peer_port(&data)?;
        let log = std::fs::File::create(data.join("demo.log"))?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args(["--http", "127.0.0.1:0", "--mdns", "off", "--password-cost", "small", "--limits", "wide"])
            .args(["--log", "warn"])
            .args(["--listen", &format!("/ip4/127.0.0.1/udp/{port}/quic-v1,/ip4/127.0.0.1/tcp/{port}")])
            .arg("--data")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            // Ctrl-C is for the demonstration, which then ends its sites in good order.
            .process_group(0)
            .spawn()
            .context("cannot start a site")?;
        let stdout = child.stdout.take().context("a site without output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(READY_WITHIN, lines.next_line())
            .await
            .map_err(|_| anyhow!("the site {name} does not come up"))??
            .with_context(|| format!("the site {name} ended: {}", last_words(&data)))?;
        let url = line.rsplit(' ').next().context("a line with the address")?.to_owned();
        Ok(Self { name, url, child })
    }

    /// Where a browser finds it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its first person.
    pub fn admin_email(&self) -> String {
        format!("admin@{}.example", self.name.to_lowercase())
    }

    /// A browser at this site that nobody has logged in with.
    pub fn browser(&self) -> anyhow::Result<Client> {
        Client::new(&self.url)
    }

    /// Where its set-up stands.
    pub async fn state(&self) -> anyhow::Result<String> {
        let status = self.browser()?.get("/status").await?;
        Ok(status["state"].as_str().unwrap_or_default().to_owned())
    }

    /// Founds the organisation here.
    pub async fn found(&self) -> anyhow::Result<()> {
        let body = json!({
            "organisation": ORGANISATION, "site": self.name, "company": "Habitat Ouest Siège", "language": "fr",
            "admin": { "name": admin_name(self.name), "email": self.admin_email(), "password": PASSWORD },
        });
        self.browser()?.post("/setup/organisation", &body).await.map(drop)
    }

    /// Its first person, logged in.
    pub async fn admin(&self) -> anyhow::Result<Client> {
        self.login(&self.admin_email()).await
    }

    /// Somebody of the site, logged in.
    pub async fn login(&self, email: &str) -> anyhow::Result<Client> {
        let mut browser = self.browser()?;
        browser.post("/session", &json!({ "email": email, "password": PASSWORD })).await?;
        Ok(browser)
    }

    /// Pairs this site with one that belongs to the organisation, as two people would: invitation, digits, two words.
    pub async fn join(&self, inviter: &Self) -> anyhow::Result<()> {
        let mut admin = inviter.admin().await?;
        admin.post("/session/sudo", &json!({ "password": PASSWORD })).await?;
        let invitation = admin.post("/pairing", &json!({})).await?;
        let text = invitation["text"].as_str().context("an invitation has a text")?;
        let id = format!("/pairing/{}", invitation["id"].as_str().context("and an id")?);
        let mut joiner = self.browser()?;
        let company = format!("Habitat {}", self.name);
        joiner.post("/setup/join", &json!({ "invitation": text, "site": self.name, "company": company })).await?;
        let here = wait_for(&mut joiner, "/setup/join", "compare").await?;
        let there = wait_for(&mut admin, &id, "compare").await?;
        if here["digits"] != there["digits"] {
            return Err(anyhow!("the two sites show different digits"));
        }
        joiner.post("/setup/join/confirm", &json!({ "match": true })).await?;
        admin.post(&format!("{id}/confirm"), &json!({ "match": true })).await?;
        wait_for(&mut joiner, "/setup/join", "done").await?;
        self.first_person().await
    }

    /// Makes the first person of a site that has joined.
    pub async fn first_person(&self) -> anyhow::Result<()> {
        let person = json!({
            "name": admin_name(self.name), "email": self.admin_email(), "password": PASSWORD, "language": "fr",
        });
        self.browser()?.post("/setup/first-person", &person).await.map(drop)
    }

    /// Ends the process in good order.
    pub async fn stop(mut self) {
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            // `kill` of the standard tools: no other crate is needed for one signal.
            let _ = std::process::Command::new("kill").args(["-TERM", &id.to_string()]).status();
        }
        if tokio::time::timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// The end of a site's log, told rather than named: a temporary folder goes with the demonstration.
fn last_words(data: &Path) -> String {
    let log = std::fs::read_to_string(data.join("demo.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    match lines[lines.len().saturating_sub(LAST_LINES)..].join("; ") {
        words if words.is_empty() => "it said nothing".to_owned(),
        words => words,
    }
}

fn admin_name(site: &str) -> &'static str {
    match site {
        "Nantes" => "Claire Le Goff",
        "Lille" => "Marc Dubreuil",
        _ => "Sophie Bernard",
    }
}

/// The site's port for peers, the same in every run so that the sites find each other again. Pairing takes the next one.
fn peer_port(data: &Path) -> anyhow::Result<u16> {
    let path = data.join("demo.port");
    if let Ok(text) = std::fs::read_to_string(&path) {
        return Ok(text.trim().parse()?);
    }
    for _ in 0..100 {
        let port = UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let free = |port: u16| {
            UdpSocket::bind(("127.0.0.1", port)).is_ok() && std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
        };
        if port < u16::MAX && free(port) && free(port + 1) {
            std::fs::write(&path, port.to_string())?;
            return Ok(port);
        }
    }
    Err(anyhow!("no two neighbouring free ports"))
}

async fn wait_for(browser: &mut Client, path: &str, state: &str) -> anyhow::Result<Value> {
    let wait = async {
        loop {
            let progress = browser.get(path).await?;
            if !progress["error"].is_null() {
                return Err(anyhow!("pairing failed: {}", progress["error"]["code"]));
            }
            if progress["state"] == state {
                return Ok(progress);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(STEP_WITHIN, wait).await.map_err(|_| anyhow!("pairing stands still before '{state}'"))?
}

//! `archipel demo`: three sites of one organisation on this machine, as three real processes, filled through the public
//! API like any other. Nothing here reaches into a node; what it shows, anybody can do.

mod client;
mod content;
mod feed;
mod fill;
mod picture;
mod site;

use anyhow::Context;
use clap::{Args, ValueEnum};
use feed::FeedServer;
use fill::Filling;
use site::DemoSite;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Names of the sites, in the order in which they are paired.
const SITES: [&str; 3] = ["Nantes", "Lille", "Lyon"];
/// The organisation.
const ORGANISATION: &str = "Habitat Ouest";
/// Everybody's password: printed, and of use on this machine only.
const PASSWORD: &str = "bienvenue-archipel";

/// How much the demonstration holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// A dozen people, nine groups, some dozens of posts: ready in seconds.
    Small,
    /// A real deployment: 3,500 people (30 with logins), 70 groups, 3,000 posts by people, 5,000 automatic ones.
    Seed,
}

/// Starts three paired sites on this machine and fills them.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// How much to fill in
    #[arg(long, value_enum, default_value = "small")]
    pub size: Size,
    /// Keep the sites in this folder; a second run goes on where the first stopped [default: a temporary folder, removed
    /// at the end]
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// End when everything is filled in instead of waiting for Ctrl-C
    #[arg(long)]
    pub once: bool,
}

impl Demo {
    /// Runs until Ctrl-C.
    ///
    /// # Errors
    /// In words for the person at the console.
    pub fn run(self) -> anyhow::Result<()> {
        crate::tls::choose_provider();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.show())
    }

    async fn show(self) -> anyhow::Result<()> {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let temporary = self.data.is_none();
        let folder = match &self.data {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("archipel-demo-{}", std::process::id())),
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut sites = Vec::new();
        // What it answers with is kept until the sites have ended: they go on reading the feeds.
        let outcome = tokio::select! {
            outcome = self.fill(&folder, &mut sites) => outcome,
            _ = interrupted.recv() => Err(anyhow::anyhow!("interrupted; a run with --data goes on where this one stopped")),
            _ = terminated.recv() => Err(anyhow::anyhow!("ended")),
        };
        if outcome.is_ok() && !self.once {
            println!("\nCtrl-C ends the demonstration{}.", if temporary { " and removes it" } else { "" });
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
            }
        }
        for site in sites {
            site.stop().await;
        }
        if temporary {
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        outcome.map(drop)
    }

    async fn fill(&self, folder: &std::path::Path, sites: &mut Vec<DemoSite>) -> anyhow::Result<FeedServer> {
        for name in SITES {
            sites.push(DemoSite::start(name, folder).await?);
        }
        let mut filling = Filling::new(self.size, folder, sites).await?;
        let feeds = filling.run().await?;
        println!("\n{ORGANISATION}, {} sites on this machine:", sites.len());
        for site in sites.iter() {
            println!("  {:<8} {}  {}", site.name, site.url(), site.admin_email());
        }
        println!("  password of everybody: {PASSWORD}");
        for person in filling.logins().iter().take(6) {
            println!("  also: {person}");
        }
        Ok(feeds)
    }
}

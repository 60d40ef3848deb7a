//! `archipel serve`: settings, log, node, one line on standard output, and the end at a signal.

use crate::config::{Config, Flags};
use crate::{logs, tls};
use clap::Args;
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a site's node.
#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// A running node, as this command needs it.
pub trait Running {
    /// The line that says where it is, for standard output.
    fn ready_line(&self) -> String;

    /// The code that lets another machine set the site up, while that is possible.
    fn setup_code(&self) -> Option<String>;

    /// Ends it in good order.
    fn stop(self) -> impl Future<Output = ()>;
}

impl Serve {
    /// Runs until a signal comes.
    ///
    /// # Errors
    /// In words for the person at the console: settings, an address in use, a folder of another node.
    pub fn run<N, F>(self, start: impl FnOnce(Config) -> F) -> anyhow::Result<()>
    where
        N: Running,
        F: Future<Output = anyhow::Result<N>>,
    {
        let config = Config::load(self.flags)?;
        logs::start(&config).map_err(anyhow::Error::msg)?;
        tls::choose_provider();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            let mut terminated = signal(SignalKind::terminate())?;
            let mut interrupted = signal(SignalKind::interrupt())?;
            let node = start(config).await?;
            if let Some(code) = node.setup_code() {
                eprintln!("To set this site up from another machine, type this code there: {code}");
            }
            println!("{}", node.ready_line());
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            tracing::info!("stopping");
            node.stop().await;
            Ok(())
        });
        // What still runs on a thread of its own, such as the hash of a password, is of use to nobody any more.
        runtime.shutdown_background();
        outcome
    }
}

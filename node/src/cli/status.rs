//! `archipel status`: how the running site is, in a few lines or as JSON.

use crate::config::Config;
use crate::control_socket::client::Client;
use crate::control_socket::message::Status;
use clap::Args;
use std::path::PathBuf;

/// Tells how the running site is.
#[derive(Debug, Clone, Args)]
pub struct ShowStatus {
    /// Data folder of the running node [default: the user's data folder]
    #[arg(long, env = "ARCHIPEL_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl ShowStatus {
    /// Asks the node and prints.
    ///
    /// # Errors
    /// When no node runs on the data folder.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let data = Config::data_folder(self.data)?;
        let status = runtime.block_on(async { Client::connect(&data).await?.status().await })?;
        if self.json {
            println!("{}", serde_json::to_string(&status)?);
        } else {
            print!("{}", describe(&status));
        }
        Ok(())
    }
}

fn describe(status: &Status) -> String {
    let state = match status.state.as_str() {
        "new" => "not set up: open it in a browser, or join with `archipel pair join`",
        "joining" => "joining an organisation",
        "joined_no_person" => "joined; open it in a browser to create its first person",
        _ => "ready",
    };
    let mut lines = vec![format!("archipel {}: {state}", status.version)];
    if let (Some(organisation), Some(site)) = (&status.organisation, &status.site) {
        lines.push(format!("{organisation}, site {site}, {} accounts", status.accounts));
    }
    for site in &status.sites {
        let connected = if site.connected { "connected" } else { "away" };
        lines.push(format!("  {}: {connected}, {} entries not confirmed", site.name, site.waiting));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_socket::message::OtherSite;

    #[test]
    fn a_site_is_described_with_its_neighbours() {
        let status = Status {
            state: "ready".into(),
            version: "0.1.0".into(),
            organisation: Some("Four Winds".into()),
            site: Some("Lyon".into()),
            accounts: 3,
            sites: vec![OtherSite { name: "Brest".into(), connected: true, waiting: 2 }],
        };
        let text = describe(&status);
        assert!(text.contains("ready") && text.contains("site Lyon") && text.contains("Brest: connected, 2"), "{text}");
    }
}

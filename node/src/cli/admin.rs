//! `archipel admin reset`: an administrator who has lost the password gets back in, from the machine itself. The running
//! node does it; where none runs, this program does, under the folder's lock.
//!
//! Standard output carries the link, or the addresses of those who could be meant; everything for people goes to
//! standard error.

use crate::config::Config;
use crate::control_socket::client::{Client, ClientError};
use crate::control_socket::message::{Reply, Request};
use crate::local::{Local, LocalError};
use crate::runtime::handle::now;
use anyhow::{Context, bail};
use archipel_storage::kvlog::KvLog;
use archipel_storage::lock::{FolderLock, NetworkFolders};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rescues an administrator.
#[derive(Debug, Clone, Args)]
pub struct Admin {
    #[command(subcommand)]
    command: AdminCommand,
    /// Data folder of the site [default: the user's data folder]
    #[arg(long, env = "ARCHIPEL_DATA", value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
enum AdminCommand {
    /// Make a link by which somebody of this site chooses a new password, once
    Reset {
        /// Whose password is lost; without it the administrators of the site are listed
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
    },
}

/// What came of it.
enum Outcome {
    /// Where to choose a new password, as a path.
    Link(String),
    /// Who could be meant.
    Administrators(Vec<String>),
}

impl Admin {
    /// Does it.
    ///
    /// # Errors
    /// In words for the person at the terminal.
    pub fn run(self) -> anyhow::Result<()> {
        let data = Config::data_folder(self.data)?;
        let AdminCommand::Reset { email } = self.command;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = match runtime.block_on(beside(&data, email.clone())) {
            Err(ClientError::NotRunning { .. }) => alone(&data, email.as_deref()),
            Err(ClientError::Refused { refusal }) if refusal.code == "not_found" => Err(unknown(email.as_deref())),
            other => other.map_err(Into::into),
        }?;
        match outcome {
            Outcome::Link(path) => {
                println!("{path}");
                eprintln!(
                    "Put this behind the site's address in a browser (http://127.0.0.1:7300{path} on a machine with the usual \
                     settings) and choose a new password. It works once, for seven days; the old password serves until then."
                );
                eprintln!(
                    "What the old password kept goes with it: a signing key for the organisation. Somebody else who \
                     administers the organisation, or the printed recovery keys, can name a new one."
                );
            }
            Outcome::Administrators(emails) if emails.is_empty() => {
                bail!("nobody at this site administers it; name an account with --email")
            }
            Outcome::Administrators(emails) => {
                println!("{}", emails.join("\n"));
                eprintln!("These administer the site. Say whose password is lost with --email ADDRESS.");
            }
        }
        Ok(())
    }
}

fn unknown(email: Option<&str>) -> anyhow::Error {
    anyhow::anyhow!(
        "nobody at this site has the e-mail address {}; `archipel admin reset` alone lists the administrators",
        email.unwrap_or_default()
    )
}

/// Through the running node.
async fn beside(data: &Path, email: Option<String>) -> Result<Outcome, ClientError> {
    match Client::connect(data).await?.ask(&Request::ResetPassword { email }).await? {
        Reply::ResetLink { path } => Ok(Outcome::Link(path)),
        Reply::Administrators(emails) => Ok(Outcome::Administrators(emails)),
        _ => Err(ClientError::Strange),
    }
}

/// On the folder itself. Its lock keeps a node from starting meanwhile.
fn alone(data: &Path, email: Option<&str>) -> anyhow::Result<Outcome> {
    if !data.join("local").is_dir() {
        bail!("{} is no data folder of a site: name it with --data", data.display());
    }
    let _lock = FolderLock::take(data, NetworkFolders::Accept)?;
    let (rows, _) = KvLog::open(&data.join("local"), archipel_storage::files::disk())
        .with_context(|| format!("cannot read the accounts in {}", data.display()))?;
    let local = Local::open(Arc::new(rows))?;
    let Some(email) = email else { return Ok(Outcome::Administrators(local.administrators(|_| false))) };
    match local.rescue(email, now().0) {
        Ok(token) => Ok(Outcome::Link(format!("/invitation/{}", token.text()))),
        Err(LocalError::NotFound) => Err(unknown(Some(email))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::account::{Account, Language};
    use crate::local::audit::Event;
    use protocol::ids::UserId;

    #[test]
    fn beside_a_stopped_node_the_folder_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        assert!(alone(data, None).is_err(), "an empty folder is no site");
        {
            let (rows, _) = KvLog::open(&data.join("local"), archipel_storage::files::disk()).unwrap();
            let local = Local::open(Arc::new(rows)).unwrap();
            let mut account = Account::new(UserId([1; 16]), "ann@example.org".into(), Language::En, 0);
            account.site_admin = true;
            local.add_account(account, Event::new(0, "test")).unwrap();
        }
        let Ok(Outcome::Administrators(emails)) = alone(data, None) else { panic!("no list") };
        assert_eq!(emails, ["ann@example.org"]);
        assert!(alone(data, Some("eve@example.org")).is_err());
        let Ok(Outcome::Link(path)) = alone(data, Some("ann@example.org")) else { panic!("no link") };
        let (rows, _) = KvLog::open(&data.join("local"), archipel_storage::files::disk()).unwrap();
        let local = Local::open(Arc::new(rows)).unwrap();
        let token = path.strip_prefix("/invitation/").unwrap();
        assert_eq!(local.account_invited(token, now().0).unwrap().user(), UserId([1; 16]));
    }

    #[test]
    fn while_a_program_has_the_folder_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("local")).unwrap();
        let _held = FolderLock::take(folder.path(), NetworkFolders::Refuse).unwrap();
        assert!(alone(folder.path(), None).is_err());
    }
}

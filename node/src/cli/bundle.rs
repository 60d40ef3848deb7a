//! `archipel export-bundle` and `archipel import-bundle`: what a line would carry, in a file, beside the running node.
//!
//! Bytes go over the control socket, so the file may lie where the node's own user can neither read nor write. Standard
//! output carries the file's name, or numbers; everything for people goes to standard error.

use super::pair::{ask, show};
use crate::config::Config;
use crate::control_socket::client::{Client, ClientError};
use crate::control_socket::message::{Reply, Request, Taken};
use anyhow::{Context, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes read from a file at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Who asks, and of which node.
#[derive(Debug, Clone, Args)]
struct Administrator {
    /// Data folder of the running node [default: the user's data folder]
    #[arg(long, env = "ARCHIPEL_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// E-mail address of an administrator of the site or the organisation
    #[arg(long, env = "ARCHIPEL_EMAIL", value_name = "ADDRESS")]
    email: Option<String>,
    /// File with the administrator's password in its first line; - for standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Makes a file for another site.
#[derive(Debug, Clone, Args)]
pub struct ExportBundle {
    /// The site that shall get it, by name or id: what it is not known to hold goes in
    #[arg(long, value_name = "SITE")]
    since: String,
    /// Put in everything that the site may have: when it lost what it once had
    #[arg(long)]
    everything: bool,
    /// Where to write it [default: a name of its own in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    administrator: Administrator,
}

/// Takes a file that another site made.
#[derive(Debug, Clone, Args)]
pub struct ImportBundle {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    administrator: Administrator,
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // A question that nobody will answer must not hold the program.
    runtime.shutdown_background();
    outcome
}

impl Administrator {
    async fn log_in(&self) -> anyhow::Result<Client> {
        let data = Config::data_folder(self.data.clone())?;
        let mut client = Client::connect(&data).await?;
        let email = match &self.email {
            Some(email) => email.clone(),
            None => ask::line("E-mail address of an administrator: ").await.context("give it with --email")?,
        };
        let password = ask::password(self.password_file.as_deref(), &format!("Password of {email}: ")).await?;
        client.ask(&Request::LogIn { email, password }).await.map_err(refusal)?;
        Ok(client)
    }
}

impl ExportBundle {
    /// Runs until the file is written.
    ///
    /// # Errors
    /// In words for the person at the terminal: what failed, and what to try.
    pub fn run(self) -> anyhow::Result<()> {
        block_on(async {
            let mut client = self.administrator.log_in().await?;
            let request = Request::MakeBundle { site: self.since.clone(), everything: self.everything };
            let Reply::Bundle { name } = client.ask(&request).await.map_err(refusal)? else {
                return Err(ClientError::Strange.into());
            };
            let path = self.out.clone().unwrap_or_else(|| PathBuf::from(&name));
            let bytes = write_file(&mut client, &path).await?;
            println!("{}", path.display());
            eprintln!("{bytes} bytes. Carry the file to {}; only that site can open it.", self.since);
            Ok(())
        })
    }
}

/// Into a file of another name first: what has the right name is whole.
async fn write_file(client: &mut Client, path: &Path) -> anyhow::Result<u64> {
    if path.exists() {
        bail!("{} is there already: remove it, or name another file with --out", path.display());
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let made = async {
        let mut file = File::create(&unfinished).await?;
        let bytes = write(client, &mut file).await?;
        file.sync_all().await?;
        tokio::fs::rename(&unfinished, path).await?;
        anyhow::Ok(bytes)
    };
    let outcome = made.await;
    if outcome.is_err() {
        // Nothing may be left of it, or was there to begin with.
        let _ = tokio::fs::remove_file(&unfinished).await;
    }
    outcome.with_context(|| format!("{} is not written", path.display()))
}

async fn write(client: &mut Client, to: &mut (impl AsyncWrite + Unpin)) -> anyhow::Result<u64> {
    let mut bytes = 0;
    while let Some(piece) = client.receive().await? {
        to.write_all(&piece).await?;
        bytes += piece.len() as u64;
    }
    to.flush().await?;
    client.answer().await.map_err(refusal)?;
    Ok(bytes)
}

impl ImportBundle {
    /// Runs until the file is taken.
    ///
    /// # Errors
    /// In words for the person at the terminal: what failed, what counts, and what to try.
    pub fn run(self) -> anyhow::Result<()> {
        block_on(async {
            let opened = File::open(&self.file).await;
            let mut file = opened.with_context(|| format!("cannot read {}", self.file.display()))?;
            let mut client = self.administrator.log_in().await?;
            client.ask(&Request::TakeBundle).await.map_err(refusal)?;
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                // The empty piece at the end says that it is the end.
                let read = file.read(&mut piece).await?;
                client.send(&piece[..read]).await?;
                if read == 0 {
                    break;
                }
            }
            let Reply::Taken(taken) = client.answer().await.map_err(refusal)? else {
                return Err(ClientError::Strange.into());
            };
            tell(&taken)
        })
    }
}

fn tell(taken: &Taken) -> anyhow::Result<()> {
    let Taken { from, entries, new_entries, groups, files, gaps, .. } = taken;
    if !from.is_empty() {
        println!("from {from}: {entries} entries, {new_entries} of them new here, in {groups} groups; {files} files");
    }
    if *gaps > 0 {
        eprintln!(
            "Some of it goes on from entries that are not here, and was left out. Ask {from} for a file with everything: \
             archipel export-bundle --since SITE --everything"
        );
    }
    match &taken.error {
        Some(error) => bail!("{}", explain(&error.code)),
        None => Ok(()),
    }
}

fn refusal(error: ClientError) -> anyhow::Error {
    match error {
        ClientError::Refused { refusal } => anyhow::Error::msg(explain(&refusal.code)),
        other => other.into(),
    }
}

/// Why, and what to try.
fn explain(code: &str) -> String {
    let text = match code {
        "no_such_site" => {
            "there is no other site of that name or id, or several have the name: `archipel status` lists them."
        }
        "not_found" => "there is no such other site: a file is made for another site than this one.",
        "not_set_up" => "this site belongs to no organisation yet.",
        "forbidden" => "this person administers neither the site nor the organisation.",
        "bad_request" => "the file could not be read to its end.",
        other if other.starts_with("bundle_") => return crate::http::error::by_name(other).message.to_owned(),
        other => return show::explain(other, None),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    enum Words {
        ExportBundle(ExportBundle),
        ImportBundle(ImportBundle),
    }

    #[test]
    fn a_site_and_a_file_are_all_that_must_be_named() {
        let words = ["archipel", "export-bundle", "--since", "Lyon", "--everything"];
        let Ok(Words::ExportBundle(export)) = Words::try_parse_from(words) else { panic!("it is understood") };
        assert!(export.since == "Lyon" && export.everything && export.out.is_none());
        let Ok(Words::ImportBundle(import)) = Words::try_parse_from(["archipel", "import-bundle", "x.bundle"]) else {
            panic!("it is understood")
        };
        assert_eq!(import.file, Path::new("x.bundle"));
        assert!(Words::try_parse_from(["archipel", "export-bundle"]).is_err());
        assert!(Words::try_parse_from(["archipel", "import-bundle"]).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_what_to_do() {
        for code in ["bundle_damaged", "bundle_cut_short", "bundle_other_site", "no_such_site", "bad_login"] {
            assert!(explain(code).ends_with('.') && explain(code).len() > 40, "{code}");
        }
    }
}

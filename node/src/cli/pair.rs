//! `archipel pair invite` and `archipel pair join`: pairing from a terminal, for sites installed over ssh.
//!
//! The running node does the work; this shows its steps and asks its questions. Standard output carries the invitation
//! and nothing else, so that a script can hand it on; everything for people goes to standard error.

pub(super) mod ask;
pub(super) mod show;

use crate::config::Config;
use crate::control_socket::client::{Client, ClientError};
use crate::control_socket::message::{Invitation, Join, Request};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use show::Shown;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Pairs this site with another one.
#[derive(Debug, Clone, Args)]
pub struct Pair {
    #[command(subcommand)]
    command: PairCommand,
    /// Data folder of the running node [default: the user's data folder]
    #[arg(long, env = "ARCHIPEL_DATA", value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
    /// Take the digits for the same without asking: only where nobody can be in between
    #[arg(long, global = true)]
    yes: bool,
}

#[derive(Debug, Clone, Subcommand)]
enum PairCommand {
    /// Invite another site: prints an invitation and waits for it to be used
    Invite(Invite),
    /// Join by an invitation from another site
    Join(JoinArgs),
}

/// An administrator invites.
#[derive(Debug, Clone, Args)]
struct Invite {
    /// E-mail address of an administrator of the organisation
    #[arg(long, env = "ARCHIPEL_EMAIL", value_name = "ADDRESS")]
    email: Option<String>,
    /// File with the administrator's password in its first line; - for standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How many minutes the invitation is open
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
}

/// A new site joins.
#[derive(Debug, Clone, Args)]
struct JoinArgs {
    /// The invitation, as text or link
    code: String,
    /// Name of this site
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Company of this site, where the organisation has several
    #[arg(long, value_name = "NAME", default_value = "")]
    company: String,
}

impl Pair {
    /// Runs until the sites are paired.
    ///
    /// # Errors
    /// In words for the person at the terminal: what failed, and what to try.
    pub fn run(self) -> anyhow::Result<()> {
        let data = Config::data_folder(self.data)?;
        let answer = if self.yes { Answer::Yes } else { Answer::Ask };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            let undo = Undo::default();
            let work = async {
                let mut client = Client::connect(&data).await?;
                match self.command {
                    PairCommand::Invite(invite) => run_invite(&mut client, &invite, answer, &undo).await,
                    PairCommand::Join(join) => run_join(&mut client, join, answer, &undo).await,
                }
            };
            tokio::select! {
                outcome = work => outcome,
                _ = tokio::signal::ctrl_c() => interrupted(&data, &undo).await,
            }
        });
        // A question that nobody will answer must not hold the program.
        runtime.shutdown_background();
        outcome
    }
}

/// What takes back what was begun, once something was.
type Undo = RefCell<Option<Request>>;

async fn interrupted(data: &Path, undo: &Undo) -> anyhow::Result<()> {
    ask::show_typing();
    if let Some(undo) = undo.take() {
        // The first connection may stand in the middle of an answer.
        Client::connect(data).await?.ask(&undo).await.map_err(show::refusal)?;
    }
    bail!("interrupted: what was begun is taken back")
}

/// What to say of the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// What the person at the terminal says.
    Ask,
    /// They are the same.
    Yes,
}

async fn run_invite(client: &mut Client, invite: &Invite, answer: Answer, undo: &Undo) -> anyhow::Result<()> {
    let email = match &invite.email {
        Some(email) => email.clone(),
        None => ask::line("E-mail address of an administrator: ").await?,
    };
    let password = ask::password(invite.password_file.as_deref(), &format!("Password of {email}: ")).await?;
    let log_in = Request::LogIn { email, password };
    client.ask(&log_in).await.map_err(show::refusal)?;
    let opened = client.invitation(&Request::Invite { minutes: invite.minutes }).await.map_err(show::refusal)?;
    undo.replace(Some(Request::Cancel { id: opened.id.clone() }));
    println!("{}", opened.text.as_deref().unwrap_or_default());
    let minutes = invite.minutes;
    eprintln!("Give this invitation to the person who sets up the other site. It works once, for {minutes} minutes.");
    follow_invitation(client, opened, answer, &log_in).await
}

async fn follow_invitation(
    client: &mut Client,
    opened: Invitation,
    answer: Answer,
    log_in: &Request,
) -> anyhow::Result<()> {
    let mut shown = Shown::default();
    let mut now = opened;
    let id = now.id.clone();
    loop {
        shown.steps(&now.steps);
        match now.state.as_str() {
            "compare" => {
                shown.digits(now.digits.as_deref(), now.other_site.as_deref(), now.fingerprint.as_deref());
                let same = says_same(answer).await?;
                let confirm = Request::Confirm { id: id.clone(), same };
                now = match client.invitation(&confirm).await {
                    // People took longer than a login lasts; whoever is still here gave the password before.
                    Err(ClientError::Refused { refusal }) if refusal.code == "sudo_required" => {
                        client.ask(log_in).await.map_err(show::refusal)?;
                        client.invitation(&confirm).await.map_err(show::refusal)?
                    }
                    other => other.map_err(show::refusal)?,
                };
                continue;
            }
            "paired" => {
                eprintln!("Paired: {} is now a site of the organisation.", now.other_site.as_deref().unwrap_or("it"));
                return Ok(());
            }
            "open" | "claimed" | "waiting" => {}
            "expired" => bail!("{}", show::explain("pair_expired", None)),
            "cancelled" => bail!("the invitation was taken back"),
            _ => bail!("{}", show::failure(now.error.as_ref())),
        }
        now = client.invitation(&Request::AwaitInvitation { id: id.clone() }).await.map_err(show::refusal)?;
    }
}

async fn run_join(client: &mut Client, join: JoinArgs, answer: Answer, undo: &Undo) -> anyhow::Result<()> {
    let site = match join.site {
        Some(site) => site,
        None => ask::line("Name of this site: ").await.context("give the site's name with --site")?,
    };
    let begin = Request::Join { invitation: join.code, site, company: join.company };
    let begun = client.join(&begin).await.map_err(show::refusal)?;
    undo.replace(Some(Request::CancelJoin));
    follow_join(client, begun, answer).await
}

async fn follow_join(client: &mut Client, begun: Join, answer: Answer) -> anyhow::Result<()> {
    let mut shown = Shown::default();
    let mut now = begun;
    loop {
        shown.steps(&now.steps);
        match now.state.as_str() {
            "compare" => {
                if let (Some(organisation), Some(admin)) = (&now.organisation, &now.admin) {
                    eprintln!("You are joining {organisation}, invited by {admin}.");
                }
                shown.digits(now.digits.as_deref(), now.other_site.as_deref(), now.fingerprint.as_deref());
                let same = says_same(answer).await?;
                now = client.join(&Request::ConfirmJoin { same }).await.map_err(show::refusal)?;
                continue;
            }
            "done" => {
                eprintln!(
                    "Joined {}. Open the site in a browser to create its first person.",
                    now.organisation.as_deref().unwrap_or("the organisation")
                );
                return Ok(());
            }
            "working" | "waiting" => {}
            "idle" => bail!("joining was given up"),
            _ => bail!("{}", show::failure(now.error.as_ref())),
        }
        now = client.join(&Request::AwaitJoin).await.map_err(show::refusal)?;
    }
}

async fn says_same(answer: Answer) -> anyhow::Result<bool> {
    match answer {
        Answer::Yes => Ok(true),
        Answer::Ask => ask::yes_or_no("Does the other site show the same digits?").await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_socket::message::Status;
    use crate::control_socket::{ControlSocket, Rooms, open};
    use crate::local::account::{Account, Language};
    use crate::local::audit::Event;
    use crate::local::for_test;
    use crate::local::password::{Cost, PasswordHash};
    use crate::pairing::pretended::{ANN, Pretended};
    use crate::pairing::{Settings, start};
    use clap::Parser;
    use std::sync::Arc;
    use zeroize::Zeroizing;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        pair: Pair,
    }

    fn parse(words: &[&str]) -> Result<Pair, clap::Error> {
        Words::try_parse_from(["pair"].iter().chain(words)).map(|words| words.pair)
    }

    #[test]
    fn both_commands_take_the_common_flags() {
        let pair = parse(&["join", "archipel1abc", "--site", "Brest", "--data", "/somewhere", "--yes"]).unwrap();
        assert!(pair.yes && pair.data == Some("/somewhere".into()));
        let pair = parse(&["invite", "--minutes", "60", "--email", "ann@example.org"]).unwrap();
        assert!(matches!(pair.command, PairCommand::Invite(Invite { minutes: 60, .. })));
    }

    #[test]
    fn an_invitation_lives_a_minute_to_a_day() {
        assert!(parse(&["invite", "--minutes", "0"]).is_err());
        assert!(parse(&["invite", "--minutes", "1441"]).is_err());
        assert!(parse(&[]).is_err());
    }

    /// A site without an engine, at its control socket.
    fn site(seed: u8, house: Pretended) -> (tempfile::TempDir, ControlSocket) {
        let (folder, rows, local) = for_test();
        let mut account = Account::new(ANN, "ann@example.org".into(), Language::En, 0);
        account.password = Some(PasswordHash::new("seven quiet herons", Cost::Small));
        local.add_account(account, Event::new(0, "account_added")).unwrap();
        let settings = Settings {
            secret: Zeroizing::new([seed; 32]),
            sealing: [seed; 32],
            listen: vec!["/ip4/127.0.0.1/udp/0/quic-v1".into()],
        };
        let (pairing, _) = start(settings, rows, Arc::new(house)).unwrap();
        let status = || Status {
            state: "new".into(),
            version: String::new(),
            organisation: None,
            site: None,
            accounts: 0,
            sites: Vec::new(),
        };
        let local = Arc::new(local);
        let rooms = Rooms { pairing, local, bundles: None, administers: Arc::new(|_| true), status: Arc::new(status) };
        let socket = open(folder.path(), rooms).unwrap();
        (folder, socket)
    }

    #[tokio::test]
    async fn two_terminals_pair_two_sites() {
        let (lyon, brest) = (site(1, Pretended::founded()), site(2, Pretended::default()));
        let mut ann = Client::connect(lyon.0.path()).await.unwrap();
        let mut ben = Client::connect(brest.0.path()).await.unwrap();
        let log_in = Request::LogIn { email: "ann@example.org".into(), password: "seven quiet herons".into() };
        ann.ask(&log_in).await.unwrap();
        let opened = ann.invitation(&Request::Invite { minutes: 15 }).await.unwrap();
        let code = opened.text.clone().unwrap();
        let join = JoinArgs { code, site: Some("Brest".into()), company: String::new() };
        let undo = Undo::default();
        let (invited, joined) = tokio::join!(
            follow_invitation(&mut ann, opened, Answer::Yes, &log_in),
            run_join(&mut ben, join, Answer::Yes, &undo)
        );
        invited.unwrap();
        joined.unwrap();
        assert!(undo.take().is_some(), "an interruption would have taken it back");
    }

    #[tokio::test]
    async fn a_mistyped_invitation_is_explained() {
        let brest = site(2, Pretended::default());
        let mut ben = Client::connect(brest.0.path()).await.unwrap();
        let join = JoinArgs { code: "archipel1abc".into(), site: Some("Brest".into()), company: String::new() };
        let error = run_join(&mut ben, join, Answer::Yes, &Undo::default()).await.unwrap_err();
        assert!(error.to_string().contains("Copy the whole of it"), "{error}");
    }
}

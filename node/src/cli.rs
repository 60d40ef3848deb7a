//! The command line: what is asked of the program, one file a command.

pub mod admin;
pub mod bundle;
pub mod ca;
pub mod demo;
pub mod pair;
pub mod serve;
pub mod status;

use admin::Admin;
use bundle::{ExportBundle, ImportBundle};
use ca::Ca;
use clap::{Parser, Subcommand};
use demo::Demo;
use pair::Pair;
use serve::Serve;
use status::ShowStatus;

/// Groups, posts and files for an organisation of several sites, each of which works on its own.
#[derive(Debug, Parser)]
#[command(name = "archipel", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What may be asked; without a word, to serve.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a site's node (also when no command is given)
    Serve(Serve),
    /// Pair this site with another one, from the terminal
    Pair(Pair),
    /// Let an administrator in again who has lost the password
    Admin(Admin),
    /// Make the organisation's certificates, for sites that browsers reach over the network
    Ca(Ca),
    /// Start three paired sites on this machine and fill them, to look at
    Demo(Demo),
    /// Put what another site does not have yet into a file that only that site can open
    ExportBundle(ExportBundle),
    /// Take a file that another site made for this one
    ImportBundle(ImportBundle),
    /// Tell how the running site is
    Status(ShowStatus),
    /// Reads the whole index once; called by the program itself after an unclean stop.
    #[command(hide = true)]
    CheckIndex {
        /// The index's folder.
        folder: std::path::PathBuf,
    },
}

impl Cli {
    /// What was asked.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// What failed and why, in one line for the person at the terminal. No trace of calls: it helps nobody there.
pub fn in_words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Many errors name their cause already.
        if words.contains(&cause) {
            continue;
        }
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.push_str(&cause);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_named_once_and_no_trace_is_shown() {
        let inner = std::io::Error::other("the disk is gone");
        let error = anyhow::Error::new(inner).context("cannot use /data: the disk is gone").context("not started");
        assert_eq!(in_words(&error), "not started: cannot use /data: the disk is gone");
    }

    #[test]
    fn serving_is_what_the_program_does_when_not_told() {
        for words in [&["archipel", "--http", "127.0.0.1:0"][..], &["archipel", "serve", "--http", "127.0.0.1:0"]] {
            let Command::Serve(serve) = Cli::try_parse_from(words).unwrap().command() else { panic!("not serve") };
            assert_eq!(serve.flags.http.unwrap().port(), 0);
        }
        assert!(Cli::try_parse_from(["archipel", "--http", "nowhere"]).is_err());
    }
}

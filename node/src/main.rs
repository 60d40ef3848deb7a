//! The program `archipel`.

use archipel::Node;
use archipel::cli::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    archipel_memory::give_back_large_pieces();
    let outcome = match Cli::parse().command() {
        Command::Serve(serve) => serve.run(Node::start),
        Command::Pair(pair) => pair.run(),
        Command::Admin(admin) => admin.run(),
        Command::Ca(ca) => ca.run(),
        Command::Demo(demo) => demo.run(),
        Command::ExportBundle(export) => export.run(),
        Command::ImportBundle(import) => import.run(),
        Command::Status(status) => status.run(),
        Command::CheckIndex { folder } => archipel::runtime::check_index(&folder).map_err(Into::into),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("archipel: {}", archipel::cli::in_words(&error));
            ExitCode::FAILURE
        }
    }
}

//! The program `archipel`.

use archipel::Node;
use archipel::cli::{Cli, Command};
use clap::Parser;

fn main() -> anyhow::Result<()> {
    archipel_memory::give_back_large_pieces();
    match Cli::parse().command() {
        Command::Serve(serve) => serve.run(Node::start),
        Command::Pair(pair) => pair.run(),
        Command::Ca(ca) => ca.run(),
        Command::Demo(demo) => demo.run(),
        Command::ExportBundle(export) => export.run(),
        Command::ImportBundle(import) => import.run(),
        Command::Status(status) => status.run(),
        Command::CheckIndex { folder } => Ok(archipel::runtime::check_index(&folder)?),
    }
}

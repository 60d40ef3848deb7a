//! `archipel ca`: the organisation's certificate authority, on the one node that has it. Needs no running node: a site
//! that serves one of these certificates notices a new one by itself.
//!
//! Standard output carries what scripts want, a fingerprint or a certificate; everything for people goes to standard
//! error.

use crate::config::Config;
use crate::tls::TlsError;
use crate::tls::authority::{Authority, LEAF_DAYS_DEFAULT, LEAF_DAYS_MAX, fingerprint};
use crate::tls::folder::{self, Folder, Readers};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::SystemTime;

/// Makes the organisation's certificates.
#[derive(Debug, Clone, Args)]
pub struct Ca {
    #[command(subcommand)]
    command: CaCommand,
    /// Data folder of the node that has the authority [default: the user's data folder]
    #[arg(long, env = "ARCHIPEL_DATA", value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
enum CaCommand {
    /// Make the authority, once in an organisation, on the node that keeps it
    Create {
        /// Domain of the organisation inside its network, such as habitat.example; no name outside it can be certified
        #[arg(long, value_name = "DOMAIN")]
        domain: String,
    },
    /// Make a certificate: for this site, to be served with --tls auto, or for another one
    Issue(Issue),
    /// Print the SHA-256 fingerprint of the root, to compare where it is installed
    Fingerprint,
    /// Print the root, to install on machines
    Export {
        /// Write to this file instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Also export the private key, to keep it in a safe or to move the authority; only into a file
        #[arg(long, requires = "out")]
        with_key: bool,
    },
    /// Take the authority over from a file that `export --with-key` wrote
    Import {
        /// The file
        file: PathBuf,
    },
}

/// A certificate for a site.
#[derive(Debug, Clone, Args)]
struct Issue {
    /// Names by which browsers call the site, such as lyon.habitat.example
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// For how many days
    #[arg(long, default_value_t = LEAF_DAYS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(LEAF_DAYS_MAX)))]
    days: u32,
    /// For another site: write certificate, key and root into this folder, to become `tls` in that site's data folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Ca {
    /// Does it.
    ///
    /// # Errors
    /// In words for the person at the terminal.
    pub fn run(self) -> anyhow::Result<()> {
        let data = Config::data_folder(self.data)?;
        let folder = Folder::of_data(&data);
        match self.command {
            CaCommand::Create { domain } => create(&folder, &domain),
            CaCommand::Issue(issue) => issue.run(&folder),
            CaCommand::Fingerprint => print_fingerprint(&folder),
            CaCommand::Export { out, with_key } => {
                export(&folder, out, if with_key { Key::With } else { Key::Without })
            }
            CaCommand::Import { file } => import(&folder, file),
        }?;
        Ok(())
    }
}

/// Whether an export holds the private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    With,
    Without,
}

fn create(folder: &Folder, domain: &str) -> Result<(), TlsError> {
    let authority = Authority::create(domain, SystemTime::now())?;
    folder.keep_authority(&authority)?;
    eprintln!(
        "The authority for {} is made. Its private key stays in {}.",
        authority.domain(),
        folder.path().display()
    );
    eprintln!(
        "Next: `archipel ca export --out root.pem`, to be installed on machines; compare this fingerprint there."
    );
    print_fingerprint(folder)
}

fn print_fingerprint(folder: &Folder) -> Result<(), TlsError> {
    let (path, root) = folder.root_pem()?;
    println!("{}", fingerprint(&root, &path)?);
    Ok(())
}

impl Issue {
    fn run(self, own: &Folder) -> Result<(), TlsError> {
        let authority = own.authority()?;
        let issued = authority.issue(&self.names, self.days, SystemTime::now())?;
        let names = issued.names.join(", ");
        match self.out {
            None => {
                own.keep_issued(&issued, authority.root_pem())?;
                eprintln!("This site has a certificate for {names} until {}.", issued.until);
                eprintln!("It is served with `archipel --tls auto`; a node that does already takes it within seconds.");
            }
            Some(out) => {
                let out = Folder::at(out);
                // The key of another site, perhaps not handed over yet.
                let key = out.site().key;
                if key.exists() {
                    return Err(TlsError::Exists { path: key });
                }
                out.keep_issued(&issued, authority.root_pem())?;
                let shown = out.path().display();
                eprintln!("{shown} holds a certificate for {names} until {}.", issued.until);
                eprintln!(
                    "Move it to that site over a safe way as `tls` in its data folder, and start it with --tls auto."
                );
            }
        }
        Ok(())
    }
}

fn export(folder: &Folder, out: Option<PathBuf>, key: Key) -> Result<(), TlsError> {
    let (_, root) = folder.root_pem()?;
    match (out, key) {
        (Some(out), Key::Without) => folder::write(&out, &root, Readers::All),
        (Some(out), Key::With) => {
            if out.exists() {
                return Err(TlsError::Exists { path: out });
            }
            let authority = folder.authority()?;
            let both = zeroize::Zeroizing::new(format!("{}{}", authority.root_pem(), &*authority.key_pem()));
            folder::write(&out, &both, Readers::Owner)?;
            eprintln!("{} holds the private key: who has it speaks for {}.", out.display(), authority.domain());
            Ok(())
        }
        (None, _) => {
            print!("{root}");
            Ok(())
        }
    }
}

fn import(folder: &Folder, file: PathBuf) -> Result<(), TlsError> {
    let text = folder::read(&file)?;
    let authority = Authority::read(&text, &text, &file, &file)?;
    folder.keep_authority(&authority)?;
    eprintln!("The authority for {} is on this node now.", authority.domain());
    print_fingerprint(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use std::path::Path;

    fn run(data: &Path, words: &[&str]) -> anyhow::Result<()> {
        let data = data.to_str().unwrap();
        let Command::Ca(ca) = Cli::try_parse_from([&["archipel", "ca", "--data", data], words].concat())?.command()
        else {
            panic!("not ca")
        };
        ca.run()
    }

    #[test]
    fn an_authority_is_made_once_certifies_sites_and_moves() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (ours, theirs, brest) = (at("ours"), at("theirs"), at("brest"));
        let (brest_text, key, root) = (brest.to_str().unwrap(), at("key.pem"), at("root.pem"));
        assert!(run(&ours, &["fingerprint"]).is_err());
        assert!(run(&ours, &["issue", "lyon.habitat.example"]).unwrap_err().to_string().contains("ca create"));
        run(&ours, &["create", "--domain", "habitat.example"]).unwrap();
        assert!(run(&ours, &["create", "--domain", "habitat.example"]).is_err());
        run(&ours, &["issue", "lyon.habitat.example"]).unwrap();
        run(&ours, &["issue", "brest.habitat.example", "--out", brest_text]).unwrap();
        let again = run(&ours, &["issue", "brest.habitat.example", "--out", brest_text]);
        assert!(again.unwrap_err().to_string().contains("not written over"));
        assert!(run(&ours, &["issue", "www.example.org"]).unwrap_err().to_string().contains("outside habitat.example"));
        run(&ours, &["export", "--out", root.to_str().unwrap()]).unwrap();
        assert_eq!(folder::read(&root).unwrap(), folder::read(&brest.join("root.pem")).unwrap());
        assert!(!folder::read(&root).unwrap().contains("PRIVATE"));
        run(&ours, &["export", "--with-key", "--out", key.to_str().unwrap()]).unwrap();
        run(&theirs, &["import", key.to_str().unwrap()]).unwrap();
        run(&theirs, &["issue", "nice.habitat.example"]).unwrap();
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_done() {
        let nowhere = Path::new("/nowhere");
        for words in [&["issue"][..], &["issue", "a.b", "--days", "399"], &["issue", "a.b", "--days", "0"]] {
            assert!(run(nowhere, words).is_err(), "{words:?}");
        }
        assert!(run(nowhere, &["export", "--with-key"]).is_err(), "a key is not for a terminal");
    }
}

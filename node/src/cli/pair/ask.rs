//! Questions at the terminal. Reading blocks, so it runs on a thread that may.

use anyhow::{Context, bail};
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// A password is handed over in the environment under this name when there is no file.
const PASSWORD_VARIABLE: &str = "ARCHIPEL_PASSWORD";

/// One line, without its end.
pub async fn line(question: &str) -> anyhow::Result<String> {
    let question = question.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        if !std::io::stdin().is_terminal() {
            bail!("there is no terminal to ask at");
        }
        read_line(&question)
    });
    asked.await?
}

/// Yes or no, asked until it is one of them.
pub async fn yes_or_no(question: &str) -> anyhow::Result<bool> {
    let question = format!("{question} [y/n] ");
    let asked = tokio::task::spawn_blocking(move || {
        loop {
            match read_line(&question)?.to_lowercase().as_str() {
                "y" | "yes" | "o" | "oui" => return Ok(true),
                "n" | "no" | "non" => return Ok(false),
                _ => eprintln!("Please type y or n."),
            }
        }
    });
    asked.await?
}

/// A password: from a file, from the environment, or typed without being shown.
pub async fn password(file: Option<&Path>, question: &str) -> anyhow::Result<String> {
    let (file, question) = (file.map(Path::to_owned), question.to_owned());
    let asked = tokio::task::spawn_blocking(move || match file {
        Some(path) if path.as_os_str() == "-" => read_line(""),
        Some(path) => {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
        None => match std::env::var(PASSWORD_VARIABLE) {
            Ok(password) => Ok(password),
            Err(_) if !std::io::stdin().is_terminal() => {
                bail!("there is no terminal to ask at: give the password with --password-file or {PASSWORD_VARIABLE}")
            }
            Err(_) => {
                let _hidden = Hidden::new();
                let typed = read_line(&question);
                eprintln!();
                typed
            }
        },
    });
    asked.await?
}

fn read_line(question: &str) -> anyhow::Result<String> {
    eprint!("{question}");
    std::io::stderr().flush()?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        bail!("the input ended before the question was answered");
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal does not show what is typed while this lives.
struct Hidden;

impl Hidden {
    fn new() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
    }
}

/// Shows what is typed again, after a question for a password that was interrupted.
pub fn show_typing() {
    if std::io::stdin().is_terminal() {
        stty("echo");
    }
}

/// Without the command the password is seen while it is typed, which is no reason not to go on.
fn stty(setting: &str) {
    let _ = Command::new("stty").arg(setting).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
}

//! The control socket: how the command line talks to the running node (ruling D15). A Unix socket that only the node's
//! own system user can open; JSON lines, one answer to each question, in order.
//!
//! Whoever can open it could read the data folder as well. Even so, acts in an administrator's name ask for that
//! person's password, as the pages do, because the act is written down under the name.

mod bundle;
pub mod client;
pub mod message;
mod runtime;
mod session;
pub mod stream;
#[cfg(test)]
mod tests;

use crate::bundle::Bundles;
use crate::local::Local;
use crate::pairing::Pairings;
use message::Status;
use protocol::ids::UserId;
use session::Session;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// The folder below the data folder that holds the socket; the folder's mode protects it from its first moment.
const FOLDER: &str = "control";
/// The socket's name in it.
const SOCKET: &str = "socket";
/// Only the owner enters.
const FOLDER_MODE: u32 = 0o700;
/// Only the owner reads and writes.
const SOCKET_MODE: u32 = 0o600;
/// Terminals at once; each is one command at a console.
const SESSIONS_MAX: usize = 16;

/// The control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the control socket {path} cannot be opened: {source}")]
pub struct ControlError {
    /// Where it should be.
    pub path: PathBuf,
    /// Why not. Paths of more than about a hundred bytes are too long for the system.
    pub source: io::Error,
}

/// What the command line reaches.
#[derive(Clone)]
pub struct Rooms {
    /// Pairing.
    pub pairing: Pairings,
    /// Accounts.
    pub local: Arc<Local>,
    /// What a line would carry, in files; `None` where no organisation is run, as in tests of the rest.
    pub bundles: Option<Bundles>,
    /// Whether a person administers the organisation.
    pub administers: Arc<dyn Fn(UserId) -> bool + Send + Sync>,
    /// How the site is.
    pub status: Arc<dyn Fn() -> Status + Send + Sync>,
}

/// Where the socket of a data folder is.
pub fn path(data: &Path) -> PathBuf {
    data.join(FOLDER).join(SOCKET)
}

/// The open socket. Dropping it closes it and ends all sessions.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.task.abort();
        // A socket left behind is replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens the socket. The caller holds the data folder's lock, so a socket that is there is a dead one.
///
/// # Errors
/// [`ControlError`]; the node can run without.
pub fn open(data: &Path, rooms: Rooms) -> Result<ControlSocket, ControlError> {
    let path = path(data);
    let listener = bind(&path).map_err(|source| ControlError { path: path.clone(), source })?;
    Ok(ControlSocket { path, task: tokio::spawn(serve(listener, rooms)) })
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    std::fs::set_permissions(folder, PermissionsExt::from_mode(FOLDER_MODE))?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

async fn serve(listener: UnixListener, rooms: Rooms) {
    let places = Arc::new(Semaphore::new(SESSIONS_MAX));
    // One guess at a time, however many terminals ask.
    let passwords = Arc::new(Semaphore::new(1));
    let mut sessions = JoinSet::new();
    loop {
        // A full house lets newcomers wait in the system's own short queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let session = Session::new(rooms.clone(), Arc::clone(&passwords));
                sessions.spawn(async move {
                    session.run(stream).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
        while sessions.try_join_next().is_some() {}
    }
}

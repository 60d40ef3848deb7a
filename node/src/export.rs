//! Everything about one person as a `.zip`: the person's own words and files, what the site keeps of the account, and
//! nothing of others but their ids. Written as it is read, on a thread of its own; nothing is gathered on the disk.

mod archive;
mod person;
mod readme;

use crate::files::Files;
use crate::local::Local;
use crate::naming::file_name;
use crate::runtime::handle::{Busy, Handle};
use archive::{Archive, Pipe};
use bytes::Bytes;
use person::Gathering;
use protocol::ids::UserId;
use std::io;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// Made at once: each reads all that the site holds.
const AT_ONCE_MAX: usize = 2;
/// Pieces that wait for whoever takes them.
const PIECES_WAITING_MAX: usize = 4;

/// A cheap, cloneable door to the room.
#[derive(Clone)]
pub struct Exports {
    handle: Handle,
    local: Arc<Local>,
    files: Files,
    places: Arc<Semaphore>,
}

/// A file on its way.
#[derive(Debug)]
pub struct Made {
    /// What it should be called.
    pub name: String,
    /// Its bytes; an error in place of them means that it is not whole.
    pub bytes: mpsc::Receiver<io::Result<Bytes>>,
}

impl Exports {
    /// The room, over what it reads.
    pub fn new(handle: Handle, local: Arc<Local>, files: Files) -> Self {
        Self { handle, local, files, places: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }

    /// Begins to write what there is of a person.
    ///
    /// # Errors
    /// Enough of them at once.
    pub fn of_person(&self, user: UserId, now: u64) -> Result<Made, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy::Full)?;
        let (out, bytes) = mpsc::channel(PIECES_WAITING_MAX);
        let called = self.handle.read(|reader| reader.person(user)).map(|person| person.name).unwrap_or_default();
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let gathering = Gathering { handle: &this.handle, local: &this.local, files: &this.files, user, now };
            let written = gathering.write(Archive::new(Pipe::new(out.clone())));
            if let Err(error) = written
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                tracing::error!(%error, "a person's data could not be written to the end");
                // Whoever went away needs no reason.
                let _ = out.blocking_send(Err(error));
            }
            drop(place);
        });
        Ok(Made { name: file_name(&called, now, "zip"), bytes })
    }
}

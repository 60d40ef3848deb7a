//! Removes what the engine says is to be forgotten outside of its own store: files that nothing refers to any more, and
//! the accounts of people who were erased. It decides nothing, and looks once more before it removes.

use crate::files::Files;
use crate::http::live::Live;
use crate::local::Local;
use crate::runtime::handle::Handle;
use crate::transfer::Transfer;
use protocol::engine::effect::Notice;
use protocol::engine::input::Input;
use protocol::engine::is_used;
use protocol::ids::BlobId;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

/// What the room reaches.
pub struct Rooms {
    /// The engine.
    pub handle: Handle,
    /// This site's own matters: uploads not yet posted.
    pub local: Arc<Local>,
    /// The files.
    pub files: Files,
    /// What is being fetched.
    pub transfer: Transfer,
    /// The streams of people who are logged in.
    pub live: Live,
}

/// Removes what comes, one after the other, until the engine stops.
pub async fn run(rooms: Rooms, mut unused: mpsc::Receiver<BlobId>) {
    let mut notices = rooms.handle.notices();
    forget_people(&rooms).await;
    loop {
        tokio::select! {
            blob = unused.recv() => match blob {
                Some(blob) => forget_file(&rooms, blob).await,
                None => return,
            },
            notice = notices.recv() => match notice {
                Ok(Notice::Erasures) | Err(RecvError::Lagged(_)) => forget_people(&rooms).await,
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

async fn forget_file(rooms: &Rooms, blob: BlobId) {
    // A post may refer to it by now.
    let used = rooms.handle.read(|reader| is_used(reader.store, &blob));
    if !used && let Err(error) = remove(rooms, blob).await {
        return tracing::error!(%blob, %error, "a file that was erased still stands on the disk; tried again");
    }
    rooms.handle.tell(Input::BlobRemoved(blob)).await;
}

/// Accounts of erased people go: address, password, keys, logins.
async fn forget_people(rooms: &Rooms) {
    for user in rooms.local.account_users() {
        if !rooms.handle.read(|reader| reader.person(user).is_some_and(|person| person.former)) {
            continue;
        }
        for login in rooms.local.logins_of(user) {
            rooms.live.end(login.id);
        }
        let local = Arc::clone(&rooms.local);
        let gone = tokio::task::spawn_blocking(move || local.erase_account(user)).await;
        match gone {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%user, %error, "the account of an erased person stands; tried again at the next start")
            }
            Err(error) => {
                tracing::error!(%user, %error, "the account of an erased person stands; tried again at the next start")
            }
        }
    }
}

async fn remove(rooms: &Rooms, blob: BlobId) -> anyhow::Result<()> {
    rooms.transfer.forget(&blob);
    let local = Arc::clone(&rooms.local);
    tokio::task::spawn_blocking(move || local.forget_uploads(blob)).await??;
    rooms.files.remove(blob).await?;
    Ok(())
}

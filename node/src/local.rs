//! This site's own matters: accounts, logins, read marks, settings, uploads not yet posted, the audit log.
//!
//! Nothing here ever leaves the site: e-mail addresses and password hashes least of all. It knows rows, not where they
//! lie; it does not know what a group is or who may read it. What every request needs (accounts, logins) is held in
//! memory as well, so that reading never waits for the disk; a write is durable before it is seen.

pub mod account;
pub mod audit;
pub mod keeping;
pub mod login;
pub mod mark;
pub mod password;
mod put_away;
pub mod rescue;
pub mod scrubbed;
pub mod searches;
pub mod secret;
pub mod settings;
pub mod table;
pub mod upload;
pub mod vault;

use account::Account;
use archipel_storage::kvlog::{Batch, KvError, KvLog};
use audit::{Chain, Event};
use login::{Login, LoginId};
use protocol::ids::UserId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use settings::Settings;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use table::Table;

/// What can go wrong with this site's own matters.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The disk did not take the write; nothing changed.
    #[error("this site's own records cannot be written: {0}")]
    Write(#[from] KvError),
    /// A row does not read back.
    #[error("a row of table {table:?} is damaged")]
    Damaged {
        /// The table it stands in.
        table: Table,
    },
    /// Another account has this e-mail address.
    #[error("the e-mail address is in use")]
    EmailTaken,
    /// There is no such account, login or invitation.
    #[error("not found")]
    NotFound,
    /// The invitation is too old.
    #[error("the invitation has expired")]
    Expired,
    /// The site would be left without an administrator.
    #[error("the last administrator of the site cannot go")]
    LastAdmin,
    /// The password does not open the vault, or its content is damaged.
    #[error("the vault does not open")]
    Vault,
}

/// This site's own matters. Writes block on the disk: call them from a thread that may.
pub struct Local {
    rows: Arc<KvLog>,
    /// One writer at a time; holds the end of the audit chain.
    writer: Mutex<Chain>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<UserId, Account>,
    emails: HashMap<String, UserId>,
    logins: HashMap<LoginId, Login>,
    tokens: HashMap<secret::Hashed, LoginId>,
    retired: login::Retired,
    settings: Settings,
}

impl Local {
    /// Opens what the rows hold.
    ///
    /// # Errors
    /// [`LocalError::Damaged`] when a row of accounts, logins or settings does not read back.
    pub fn open(rows: Arc<KvLog>) -> Result<Self, LocalError> {
        let mut state = State::default();
        for account in read_all::<Account>(&rows, Table::Account)? {
            state.emails.insert(account.email.clone(), account.user());
            state.accounts.insert(account.user(), account);
        }
        for login in read_all::<Login>(&rows, Table::Login)? {
            state.tokens.insert(login.token, login.id);
            state.logins.insert(login.id, login);
        }
        state.settings = read_one(&rows, Table::Settings, &[])?.unwrap_or_default();
        let chain = Chain::load(&rows)?;
        Ok(Self { rows, writer: Mutex::new(chain), state: RwLock::new(state) })
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        // A panic while holding the lock leaves plain maps behind, each step of which is whole.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Writer<'_> {
        Writer {
            rows: &self.rows,
            chain: self.writer.lock().unwrap_or_else(PoisonError::into_inner),
            batch: Batch::new(),
        }
    }
}

/// One durable change of several rows. Memory follows only after `commit` returned, while the writer is still held by
/// the caller, so that memory and disk change in the same order.
struct Writer<'a> {
    rows: &'a KvLog,
    chain: MutexGuard<'a, Chain>,
    batch: Batch,
}

impl Writer<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &impl Serialize) -> Result<(), LocalError> {
        let value = serde_json::to_vec(value).map_err(|_| LocalError::Damaged { table })?;
        self.batch.add_put(table.byte(), key, &value);
        Ok(())
    }

    fn put_bytes(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.batch.add_put(table.byte(), key, value);
    }

    fn delete(&mut self, table: Table, key: &[u8]) {
        self.batch.add_delete(table.byte(), key);
    }

    fn note(&mut self, event: Event) -> Result<(), LocalError> {
        self.chain.append(&mut self.batch, event)
    }

    fn commit(&mut self) -> Result<(), LocalError> {
        match self.rows.apply(std::mem::take(&mut self.batch)) {
            Ok(()) => {
                self.chain.confirm();
                Ok(())
            }
            Err(error) => {
                self.chain.abandon();
                Err(error.into())
            }
        }
    }
}

fn read_one<T: DeserializeOwned>(rows: &KvLog, table: Table, key: &[u8]) -> Result<Option<T>, LocalError> {
    let Some(bytes) = rows.get(table.byte(), key) else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|_| LocalError::Damaged { table })
}

fn read_all<T: DeserializeOwned>(rows: &KvLog, table: Table) -> Result<Vec<T>, LocalError> {
    rows.prefix(table.byte(), &[], None, usize::MAX)
        .into_iter()
        .map(|(_, value)| serde_json::from_slice(&value).map_err(|_| LocalError::Damaged { table }))
        .collect()
}

/// A store in a temporary folder, for tests of this room and its neighbours.
#[cfg(test)]
pub(crate) fn for_test() -> (tempfile::TempDir, Arc<KvLog>, Local) {
    let folder = tempfile::tempdir().unwrap();
    let (rows, _) = KvLog::open(folder.path(), archipel_storage::files::disk()).unwrap();
    let rows = Arc::new(rows);
    let local = Local::open(Arc::clone(&rows)).unwrap();
    (folder, rows, local)
}

//! The store: one encrypted database per account on a terminal. What it returned as saved is saved.
//!
//! WAL with `synchronous=FULL`, so a commit that returned has reached the disk. After any error of COMMIT the
//! outcome is unknown (it can come back after a restart): the connection is dropped, the file opened and
//! checkpointed again, and the caller looks its id up before it says anything to the worker. Every change is
//! idempotent by id, so doing it again is always safe.

mod account;
mod drafts;
mod files;
mod items;
mod mailbox;
mod outbox;
mod retry;
mod schema;
#[cfg(feature = "testing")]
pub mod testing;
mod uploads;
mod work;

pub use account::Account;
pub use drafts::Draft;
pub use files::{ReferenceFile, WantedFile};
pub use items::{Custody, Item, NewEntry, PhotoItem};
pub use mailbox::MailboxEntry;
pub use outbox::{Accepted, Cancelled, Queued, RefusedElement};
pub use retry::{LONGEST as LONGEST_WAIT, Retry, Step};
pub use uploads::Upload;

use crate::{Error, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use zeroize::Zeroizing;

/// Name of the database inside the home folder.
pub const DATABASE: &str = "account.db";

/// Another process gets this long to finish its write.
const BUSY: Duration = Duration::from_secs(15);

/// The store of one account on one terminal. Shared between threads by reference.
pub struct Store {
    home: PathBuf,
    key: Zeroizing<[u8; 32]>,
    /// `None` after a failed COMMIT, until the next use opens the file again.
    connection: Mutex<Option<Connection>>,
    #[cfg(test)]
    fault: Mutex<Option<CommitFault>>,
}

/// How the next COMMIT fails in a test.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) enum CommitFault {
    /// The error comes although the change is in the file.
    AfterCommit,
    /// The error comes and the change is gone.
    BeforeCommit,
}

impl Store {
    /// Opens the store in `home` or creates it. The folder is made if it is not there.
    ///
    /// A file that does not open with this key, or is damaged, is moved aside and named in the error
    /// ([`Error::MovedAside`]); it is never deleted. The next call makes a new, empty store.
    pub fn open(home: &Path, key: [u8; 32]) -> Result<Self> {
        fs::create_dir_all(home).map_err(Error::io(home))?;
        let key = Zeroizing::new(key);
        let path = home.join(DATABASE);
        let mut connection = match connect(&path, &key) {
            Err(Error::Store(error)) if is_unreadable(&error) => {
                let moved_to = move_aside(&path)?;
                return Err(Error::MovedAside {
                    moved_to,
                    detail: error.to_string(),
                });
            }
            other => other?,
        };
        schema::migrate(&mut connection)?;
        Ok(Self {
            home: home.to_owned(),
            key,
            connection: Mutex::new(Some(connection)),
            #[cfg(test)]
            fault: Mutex::new(None),
        })
    }

    /// The folder that this store lives in.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Takes the right to sync this store, or `None` while another process or thread has it. The right ends
    /// with the guard or with the process, however that dies: no stale "running" flag can block a sync.
    pub fn sync_guard(&self) -> Result<Option<SyncGuard>> {
        let path = self.home.join("sync.lock");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(SyncGuard { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(Error::Io { path, source }),
        }
    }

    /// Runs `work` in one transaction and makes it durable. See the module for what an error of COMMIT means.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut slot = self.slot()?;
        let connection = slot.as_mut().ok_or(Error::OutcomeUnknown)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&tx)?;
        match self.commit(tx) {
            Ok(()) => Ok(value),
            Err(error) => {
                tracing::warn!(%error, "commit failed, outcome unknown; opening the store again");
                *slot = None;
                Err(Error::OutcomeUnknown)
            }
        }
    }

    /// Runs `work` on a consistent view.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut slot = self.slot()?;
        let connection = slot.as_mut().ok_or(Error::OutcomeUnknown)?;
        let tx = connection.transaction()?;
        work(&tx)
    }

    /// The connection, opened again when a COMMIT failed before. Opening checkpoints first: what is found
    /// afterwards is on the disk, not only in the log's unsynced tail.
    fn slot(&self) -> Result<MutexGuard<'_, Option<Connection>>> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let connection = connect(&self.home.join(DATABASE), &self.key)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            *slot = Some(connection);
        }
        Ok(slot)
    }

    #[cfg(not(test))]
    fn commit(&self, tx: Transaction<'_>) -> rusqlite::Result<()> {
        tx.commit()
    }
    #[cfg(test)]
    fn commit(&self, tx: Transaction<'_>) -> rusqlite::Result<()> {
        let failed = || {
            Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
                None,
            ))
        };
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        match fault {
            None => tx.commit(),
            Some(CommitFault::AfterCommit) => tx.commit().and_then(|()| failed()),
            Some(CommitFault::BeforeCommit) => tx.rollback().and_then(|()| failed()),
        }
    }
    #[cfg(test)]
    pub(crate) fn fail_next_commit(&self, fault: CommitFault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}

/// The right to sync a store; see [`Store::sync_guard`].
#[derive(Debug)]
pub struct SyncGuard {
    _file: fs::File,
}

fn connect(path: &Path, key: &[u8; 32]) -> Result<Connection> {
    let connection = Connection::open(path)?;
    let hex = Zeroizing::new(hex::encode(key));
    let set_key = Zeroizing::new(format!(
        "PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{}'\";",
        hex.as_str()
    ));
    connection.execute_batch(&set_key)?;
    connection.busy_timeout(BUSY)?;
    // The first read is what tells whether the key fits.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    Ok(connection)
}

fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(NotADatabase | DatabaseCorrupt))
}

/// Moves the file and its log to the first free name `account.db.aside-N`.
fn move_aside(path: &Path) -> Result<PathBuf> {
    let named = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let (n, target) = (1..=u32::MAX)
        .map(|n| (n, named(&format!(".aside-{n}"))))
        .find(|(_, target)| !target.exists())
        .ok_or_else(|| Error::Data("too many files set aside".into()))?;
    // The log first: if we die in between, the next try still finds the unreadable main file to move.
    for suffix in ["-wal", "-shm"] {
        let (from, to) = (named(suffix), named(&format!(".aside-{n}{suffix}")));
        if from.exists() {
            fs::rename(&from, &to).map_err(Error::io(&from))?;
        }
    }
    fs::rename(path, &target).map_err(Error::io(path))?;
    sync_folder(path.parent().unwrap_or(path))?;
    Ok(target)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    fs::File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(Error::io(folder))
}

/// A count or size as SQLite stores it.
fn int(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::Data(format!("{value} does not fit")))
}
/// A count or size as SQLite gave it.
fn uint(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| Error::Data(format!("{value} is negative")))
}
/// Reads text as what it should be.
fn parse<T: std::str::FromStr>(text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| Error::Data(format!("{text:?}: {error}")))
}
fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::from)
}
fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(Error::from)
}

//! The store: one encrypted database per account on a terminal. What it returned as saved is saved.
//!
//! WAL with `synchronous=FULL`, so a commit that returned has reached the disk. After any error of COMMIT the
//! outcome is unknown (it can come back after a restart): the connection is dropped, the file opened and
//! checkpointed again, and the caller looks its id up before it says anything to the worker. Every change is
//! idempotent by id, so doing it again is always safe.

use crate::{
    Error, Result,
    platform::{
        disk::{Disk, DiskLock},
        home::{DATABASE, SYNC_LOCK, with_suffix},
        system_disk::SystemDisk,
    },
    store::{
        connect::{connect, is_unreadable},
        quarantine::{DAMAGED, finish_quarantine, mark_damaged, move_to_quarantine, quarantine, waiting},
        schema::migrate,
    },
};
use protocol::sabotage::{self, Defect};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

/// The store of one account on one terminal. Shared between threads by reference.
pub struct Store {
    disk: Arc<dyn Disk>,
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
    /// [`Store::open_on`] the system's own disk.
    ///
    /// # Errors
    /// As there.
    pub fn open(home: &Path, key: [u8; 32]) -> Result<Self> {
        Self::open_on(Arc::new(SystemDisk), home, key)
    }

    /// Opens the store in `home` or creates it. The folder is made if it is not there.
    ///
    /// A file that does not open with this key, or is damaged, is moved aside and named in the error
    /// ([`Error::Quarantined`]); it is never deleted. The next call makes a new, empty store.
    pub fn open_on(disk: Arc<dyn Disk>, home: &Path, key: [u8; 32]) -> Result<Self> {
        disk.create_dir_all(home).map_err(Error::io(home))?;
        let key = Zeroizing::new(key);
        let path = home.join(DATABASE);
        finish_quarantine(disk.as_ref(), &path)?;
        let mark = with_suffix(&path, DAMAGED);
        if disk.exists(&mark) {
            if disk.exists(&path) {
                return Err(quarantine(disk.as_ref(), &path)?);
            }
            // A death between the move and the end of its mark: the file lies aside already.
            disk.remove(&mark).map_err(Error::io(&mark))?;
        }
        let is_new = !disk.exists(&path);
        let mut connection = match connect(disk.as_ref(), &path, &key) {
            Err(Error::Store(error)) if is_unreadable(&error) => {
                let moved_to = move_to_quarantine(disk.as_ref(), &path)?;
                return Err(Error::Quarantined {
                    moved_to,
                    detail: error.to_string(),
                });
            }
            other => other?,
        };
        match migrate(&mut connection) {
            Err(Error::Store(error)) if is_unreadable(&error) => {
                drop(connection);
                mark_damaged(disk.as_ref(), home, &path)?;
                return Err(quarantine(disk.as_ref(), &path)?);
            }
            other => other?,
        }
        if is_new {
            disk.sync_folder(home).map_err(Error::io(home))?;
        }
        Ok(Self {
            disk,
            home: home.to_owned(),
            key,
            connection: Mutex::new(Some(connection)),
            #[cfg(test)]
            fault: Mutex::new(None),
        })
    }

    /// A fault that a transaction met. Damage is remembered beside the file, so that the next start sets it aside.
    fn met(&self, error: Error) -> Error {
        if let Error::Store(fault) = &error
            && is_unreadable(fault)
            && let Err(mark) = mark_damaged(self.disk.as_ref(), &self.home, &self.home.join(DATABASE))
        {
            tracing::error!(code = %mark.code(), "the damage could not be noted");
        }
        error
    }
    /// Reads the whole file. Damage that nobody has met yet is noted, so that the next start sets the file aside.
    ///
    /// # Errors
    /// Those of the disk; damage is no error here.
    pub fn is_sound(&self) -> Result<bool> {
        let found =
            self.read(|c| Ok(c.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?));
        let is_sound = match &found {
            Ok(text) => text == "ok",
            Err(Error::Store(_)) => false,
            Err(_) => return found.map(|_| false),
        };
        if !is_sound {
            mark_damaged(self.disk(), &self.home, &self.home.join(DATABASE))?;
        }
        Ok(is_sound)
    }
    pub(crate) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }
    /// The folder that this store lives in.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Whether a database that could not be read lies beside this one (see [`Store::open`]): it may name photos
    /// that this store does not know.
    pub fn has_quarantined_databases(&self) -> Result<bool> {
        Ok(!waiting(&self.home, self.disk.as_ref())?.is_empty())
    }

    /// Takes the right to sync this store, or `None` while another process or thread has it. The right ends
    /// with the guard or with the process, however that dies: no stale "running" flag can block a sync.
    pub fn sync_guard(&self) -> Result<Option<SyncGuard>> {
        let path = self.home.join(SYNC_LOCK);
        let lock = self.disk.try_lock(&path).map_err(Error::io(&path))?;
        Ok(lock.map(|lock| SyncGuard { _lock: lock }))
    }

    /// Runs `work` in one transaction and makes it durable. See the module for what an error of COMMIT means.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut slot = self.slot(false)?;
        let connection = slot.as_mut().ok_or(Error::OutcomeUnknown)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = match work(&tx) {
            Ok(value) => value,
            Err(error) => {
                drop(tx);
                if !connection.is_autocommit() {
                    // Not even the rollback worked: this connection is of no use any more.
                    *slot = None;
                }
                return Err(self.met(error));
            }
        };
        match self.commit(tx) {
            Ok(()) => Ok(value),
            Err(error) => {
                tracing::warn!(%error, "commit failed, outcome unknown; opening the store again");
                *slot = None;
                if sabotage::is(Defect::SavedWithoutCommit) {
                    return Ok(value);
                }
                Err(Error::OutcomeUnknown)
            }
        }
    }

    /// Runs `work` on a consistent view.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut slot = self.slot(true)?;
        let connection = slot.as_mut().ok_or(Error::OutcomeUnknown)?;
        let tx = connection.transaction()?;
        work(&tx).map_err(|error| self.met(error))
    }

    /// The connection, opened again when a COMMIT failed before. Opening checkpoints first: what is found
    /// afterwards is on the disk, not only in the log's unsynced tail.
    fn slot(&self, is_only_read: bool) -> Result<MutexGuard<'_, Option<Connection>>> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let connection = connect(self.disk.as_ref(), &self.home.join(DATABASE), &self.key)?;
            match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
                // The log was synced before its first page was copied: on a full disk all can still be read.
                Err(error)
                    if is_only_read && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {}
                other => other?,
            }
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
    _lock: DiskLock,
}

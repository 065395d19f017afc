//! The database of one account. What it returned as saved is saved.
//!
//! WAL with `synchronous=FULL`: a COMMIT that returned has reached the disk. After any error of COMMIT the
//! outcome is unknown (the change can appear after a restart): the connection is dropped, the file is opened
//! and checkpointed again, and the caller looks its id up before it reports anything. Every change is
//! idempotent by id, so it can always be repeated.
//!
//! One connection writes. A read uses it too while it is free; while a commit waits for the disk, a read takes a
//! connection of its own and sees the last committed state, so that a screen never waits for a sync.

use crate::{
    Error, Result,
    platform::{
        disk::{Disk, DiskLock},
        home::{DATABASE, SYNC_LOCK, with_suffix},
        system_disk::SystemDisk,
    },
    store::{
        changes::{ChangeHub, Collector, FeedState, HandsetChange},
        connect::{Writing, connect, connect_reader, damaged_page, is_unreadable},
        quarantine::{
            DAMAGED, finish_quarantine, has_salvaged, is_lost, mark_damaged, move_to_quarantine, quarantine,
            quarantine_lost, quarantined_databases,
        },
        readers::Readers,
        schema::migrate,
    },
};
use protocol::planted;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};
use zeroize::Zeroizing;

/// The store of one account on one terminal. Threads share it by reference.
pub struct HandsetStore {
    disk: Arc<dyn Disk>,
    home: PathBuf,
    key: Zeroizing<[u8; 32]>,
    writer: Mutex<Writer>,
    readers: Readers,
    collector: Collector,
    hub: ChangeHub,
    #[cfg(test)]
    fault: Mutex<Option<CommitFault>>,
}

/// The connection that writes.
enum Writer {
    /// One that excludes all others is closed after each use, so that others get their turn and space that was freed
    /// is noticed.
    Open(Writing),
    /// A COMMIT has failed, or the disk was full; the next use opens the file again.
    Lost,
    /// [`HandsetStore::close`] was called.
    Closed,
}

/// How the next COMMIT fails in a test.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) enum CommitFault {
    /// COMMIT returns an error although the change is stored.
    AfterCommit,
    /// COMMIT returns an error and the change is not stored.
    BeforeCommit,
}

impl HandsetStore {
    /// [`HandsetStore::open_on`] the system's disk.
    ///
    /// # Errors
    /// As [`HandsetStore::open_on`].
    pub fn open(home: &Path, key: [u8; 32]) -> Result<Self> {
        Self::open_on(Arc::new(SystemDisk), home, key)
    }

    /// Opens the store in `home`; creates folder and database if they are missing.
    ///
    /// # Errors
    /// [`Error::Quarantined`] if the file is damaged or does not open with this key: it was moved to
    /// quarantine, never deleted, and the next call creates a new, empty store. [`Error::Newer`], and errors
    /// of the disk.
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
            // The process was killed after it moved the file and before it removed the mark.
            disk.remove(&mark).map_err(Error::io(&mark))?;
        }
        if is_lost(disk.as_ref(), home)? {
            return Err(quarantine_lost(disk.as_ref(), &path)?);
        }
        let is_new = !disk.exists(&path);
        let mut writing = match connect(disk.as_ref(), &path, &key) {
            Err(Error::Store(error)) if is_unreadable(&error) => {
                let moved_to = move_to_quarantine(disk.as_ref(), &path)?;
                return Err(Error::Quarantined {
                    moved_to,
                    detail: error.to_string(),
                });
            }
            other => other?,
        };
        match migrate(&mut writing.connection) {
            Err(Error::Store(error)) if is_unreadable(&error) => {
                drop(writing);
                mark_damaged(disk.as_ref(), home, &path)?;
                return Err(quarantine(disk.as_ref(), &path)?);
            }
            other => other?,
        }
        if is_new {
            disk.sync_folder(home).map_err(Error::io(home))?;
        }
        let collector = Collector::default();
        collector.listen(&mut writing.connection)?;
        let mut writer = Writer::Open(writing);
        end_use(&mut writer);
        Ok(Self {
            disk,
            home: home.to_owned(),
            key,
            writer: Mutex::new(writer),
            readers: Readers::default(),
            collector,
            hub: ChangeHub::default(),
            #[cfg(test)]
            fault: Mutex::new(None),
        })
    }

    /// Handles an error of a transaction: damage is marked beside the file, so that the next open moves it to
    /// quarantine, and is called damage from now on.
    fn met(&self, error: Error) -> Error {
        let detail = match &error {
            Error::Store(fault) if is_unreadable(fault) => fault.to_string(),
            // SQLCipher reads a page of zeros as such, without checking it.
            Error::Data(detail) if self.has_damaged_page() => detail.clone(),
            _ => return error,
        };
        let path = self.home.join(DATABASE);
        if let Err(mark) = mark_damaged(self.disk.as_ref(), &self.home, &path) {
            tracing::error!(name: "store.damage_not_marked", cause = mark.code().as_str());
        }
        Error::Quarantined {
            moved_to: path,
            detail,
        }
    }
    /// Returns true if the checksum of a page is wrong. Reads the whole file.
    fn has_damaged_page(&self) -> bool {
        connect_reader(self.disk.as_ref(), &self.home.join(DATABASE), &self.key)
            .is_ok_and(|connection| damaged_page(&connection))
    }
    /// Checks the whole file. Damage is marked, so that the next open moves the file to quarantine.
    ///
    /// # Errors
    /// Errors of the disk; damage gives `Ok(false)`.
    pub fn is_sound(&self) -> Result<bool> {
        let found =
            self.read(|c| Ok(c.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?));
        let is_sound = match &found {
            Ok(text) => text == "ok",
            Err(Error::Store(_) | Error::Quarantined { .. }) => false,
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
    /// The home folder of this store.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Returns true if a quarantined database lies in the home: it may name photos that this store does not
    /// know.
    pub fn has_quarantined_databases(&self) -> Result<bool> {
        Ok(!quarantined_databases(&self.home, self.disk.as_ref())?.is_empty())
    }

    /// Returns true if a quarantined database of this home was handed over.
    pub(crate) fn has_salvaged_databases(&self) -> Result<bool> {
        has_salvaged(&self.home, self.disk.as_ref())
    }

    /// Takes the right to sync this store, or returns `None` if another process or thread has it. The right
    /// ends when the guard is dropped or the process ends, so no stale flag can block a sync.
    pub fn sync_guard(&self) -> Result<Option<SyncGuard>> {
        let path = self.home.join(SYNC_LOCK);
        let lock = self.disk.try_lock(&path).map_err(Error::io(&path))?;
        Ok(lock.map(|lock| SyncGuard { _lock: lock }))
    }

    /// Runs `work` in one durable transaction. [`Error::OutcomeUnknown`] if COMMIT failed, see the module; [`Error::Full`]
    /// if it failed for want of space and nothing was stored.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = self.writer();
        let done = self.write_on(&mut writer, work);
        end_use(&mut writer);
        done
    }
    fn write_on<T>(
        &self,
        writer: &mut Writer,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let connection = self.connection(writer, false)?;
        self.collector.forget();
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&tx).and_then(|value| {
            // Looked up only if somebody listens; who begins to listen before the COMMIT is told everything.
            let changes = self
                .hub
                .is_heard()
                .then(|| self.collector.take(&tx))
                .transpose()?;
            Ok((value, changes))
        });
        let (value, changes) = match done {
            Ok(done) => done,
            Err(error) => {
                drop(tx);
                if !connection.is_autocommit() {
                    // The rollback failed too: drop the connection.
                    self.lose(writer);
                }
                return Err(self.met(error));
            }
        };
        match self.commit(tx) {
            Ok(()) => {
                planted!(ChangeUntold => return Ok(value));
                self.hub.publish(&changes.unwrap_or_else(HandsetChange::all));
                Ok(value)
            }
            Err(error) => {
                // The outcome is unknown; the store is opened again.
                let sqlite = error.sqlite_error().map_or(0, |error| error.extended_code);
                tracing::warn!(name: "store.commit_failed", sqlite);
                let is_undone = is_full(&error) && surely_undone(connection);
                self.lose(writer);
                self.hub.publish(&HandsetChange::all());
                planted!(SavedWithoutCommit => return Ok(value));
                if is_undone {
                    return Err(Error::Full);
                }
                Err(Error::OutcomeUnknown)
            }
        }
    }

    /// Runs `work` on a consistent snapshot. Does not wait for a write in progress.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let path = self.home.join(DATABASE);
                match self
                    .readers
                    .lend(|| connect_reader(self.disk.as_ref(), &path, &self.key))
                {
                    // The disk is full, so the other use has the database alone.
                    Err(Error::Full) => self.writer(),
                    lent => {
                        let read = lent.and_then(|reader| reader.read(work));
                        return read.map_err(|error| self.met(error));
                    }
                }
            }
        };
        let done = self.read_on(&mut writer, work);
        end_use(&mut writer);
        done
    }
    fn read_on<T>(&self, writer: &mut Writer, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let connection = self.connection(writer, true)?;
        let tx = connection.transaction()?;
        work(&tx).map_err(|error| self.met(error))
    }

    /// Reports a change of a file beside the database.
    pub(super) fn publish(&self, change: HandsetChange) {
        self.hub.publish(&[change].into());
    }

    /// A feed of what is committed from now on.
    pub(crate) fn subscribe(&self) -> Arc<FeedState> {
        self.hub.subscribe()
    }

    /// Ends the use of the database: waits for calls in progress, closes the file, and ends all change feeds. Later
    /// calls get [`Error::Closed`].
    pub(crate) fn close(&self) {
        planted!(CloseLeavesDatabase => return);
        *self.writer() = Writer::Closed;
        self.readers.close();
        self.hub.end();
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops all connections after a failed COMMIT: none of them may answer from before it.
    fn lose(&self, writer: &mut Writer) {
        *writer = Writer::Lost;
        self.readers.drop_idle();
    }

    /// The connection; reopened if a COMMIT failed before. Opening checkpoints first, so that everything
    /// found is durable, not only in the unsynced tail of the log.
    fn connection<'w>(&self, writer: &'w mut Writer, is_only_read: bool) -> Result<&'w mut Connection> {
        if matches!(writer, Writer::Lost) {
            let mut writing = connect(self.disk.as_ref(), &self.home.join(DATABASE), &self.key)?;
            match writing
                .connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            {
                // SQLite syncs the log before it copies the first page, so everything can be read although
                // the disk is full.
                Err(error) if is_only_read && is_full(&error) => {}
                other => other?,
            }
            self.collector.listen(&mut writing.connection)?;
            *writer = Writer::Open(writing);
        }
        match writer {
            Writer::Open(writing) => Ok(&mut writing.connection),
            Writer::Lost => Err(Error::OutcomeUnknown),
            Writer::Closed => Err(Error::Closed),
        }
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

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// Returns true if a COMMIT that failed on a full disk is surely undone. When SQLite says that the transaction ended, it
/// has rolled back, but the WAL may contain its frames, and a restart could apply them. Emptying the WAL removes them.
fn surely_undone(connection: &Connection) -> bool {
    let emptied = || connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.is_autocommit() && emptied().is_ok_and(|busy| busy == 0)
}

/// Closes a connection that excludes all others.
fn end_use(writer: &mut Writer) {
    if matches!(writer, Writer::Open(Writing { alone: Some(_), .. })) {
        *writer = Writer::Lost;
    }
}

/// The right to sync a store; see [`HandsetStore::sync_guard`].
#[derive(Debug)]
pub struct SyncGuard {
    _lock: DiskLock,
}

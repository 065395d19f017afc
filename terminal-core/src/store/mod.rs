//! The store: one encrypted database per account on a terminal. What it returned as saved is saved.
//!
//! WAL with `synchronous=FULL`, so a commit that returned has reached the disk. After any error of COMMIT the
//! outcome is unknown (it can come back after a restart): the connection is dropped, the file opened and
//! checkpointed again, and the caller looks its id up before it says anything to the worker. Every change is
//! idempotent by id, so doing it again is always safe.

mod account;
mod aside;
mod clock;
mod compare;
mod drafts;
mod files;
mod handover;
mod items;
mod mailbox;
mod outbox;
mod retry;
pub(crate) mod salvage;
mod schema;
#[cfg(feature = "testing")]
pub mod testing;
mod traffic;
mod uploads;
mod work;

pub use account::Account;
pub use drafts::Draft;
pub use files::{ReferenceFile, WantedFile};
pub use handover::{HandedOver, Pending, PendingEntry, PendingPhoto};
pub use items::{Custody, Item, NewEntry, PhotoItem};
pub use mailbox::MailboxEntry;
pub use outbox::{Accepted, Cancelled, Queued, RefusedElement};
pub(crate) use outbox::{holds, not_cancellable};
pub use retry::{LONGEST as LONGEST_WAIT, Retry, Step};
pub use traffic::{Month, TrafficKind, Used};
pub use uploads::Upload;

use crate::{
    Error, Result,
    disk::SystemDisk,
    platform::{Disk, DiskLock},
};
use aside::{DAMAGED, finish_moving_aside, mark_damaged, move_aside, set_aside, with_suffix};
use protocol::sabotage::{self, Defect};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use zeroize::Zeroizing;

/// Name of the database inside the home folder.
pub const DATABASE: &str = "account.db";

/// Another process gets this long to finish its write.
const BUSY: Duration = Duration::from_secs(15);

/// Prepared statements kept per connection; the whole core has fewer.
const STATEMENTS: usize = 128;

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
    /// ([`Error::MovedAside`]); it is never deleted. The next call makes a new, empty store.
    pub fn open_on(disk: Arc<dyn Disk>, home: &Path, key: [u8; 32]) -> Result<Self> {
        disk.create_dir_all(home).map_err(Error::io(home))?;
        let key = Zeroizing::new(key);
        let path = home.join(DATABASE);
        finish_moving_aside(disk.as_ref(), &path)?;
        let mark = with_suffix(&path, DAMAGED);
        if disk.exists(&mark) {
            if disk.exists(&path) {
                return Err(set_aside(disk.as_ref(), &path)?);
            }
            // A death between the move and the end of its mark: the file lies aside already.
            disk.remove(&mark).map_err(Error::io(&mark))?;
        }
        let is_new = !disk.exists(&path);
        let mut connection = match connect(disk.as_ref(), &path, &key) {
            Err(Error::Store(error)) if is_unreadable(&error) => {
                let moved_to = move_aside(disk.as_ref(), &path)?;
                return Err(Error::MovedAside {
                    moved_to,
                    detail: error.to_string(),
                });
            }
            other => other?,
        };
        match schema::migrate(&mut connection) {
            Err(Error::Store(error)) if is_unreadable(&error) => {
                drop(connection);
                mark_damaged(disk.as_ref(), home, &path)?;
                return Err(set_aside(disk.as_ref(), &path)?);
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
    pub fn has_databases_aside(&self) -> Result<bool> {
        Ok(!crate::salvage::waiting(&self.home, self.disk.as_ref())?.is_empty())
    }

    /// Takes the right to sync this store, or `None` while another process or thread has it. The right ends
    /// with the guard or with the process, however that dies: no stale "running" flag can block a sync.
    pub fn sync_guard(&self) -> Result<Option<SyncGuard>> {
        let path = self.home.join("sync.lock");
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

fn connect(disk: &dyn Disk, path: &Path, key: &[u8; 32]) -> Result<Connection> {
    let connection = match disk.vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs)?,
        None => Connection::open(path)?,
    };
    set_key(disk, &connection, key)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // One plan for each statement: otherwise whatever says `LIMIT ?` is planned anew for every value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The first read is what tells whether the key fits.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    if sabotage::is(Defect::HandsetSkipsSync) {
        connection.execute_batch("PRAGMA synchronous = OFF")?;
    }
    make_durable(&connection)?;
    Ok(connection)
}

/// Runs a statement that is prepared once for a connection and not for every call.
fn run(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<usize> {
    Ok(connection.prepare_cached(sql)?.execute(parameters)?)
}

/// A process that was killed between writing to the log and syncing it leaves rows that the next process finds although
/// they are not on the disk. They must be before anybody is shown or sent them (a number that was sent and then lost
/// in a power cut would be given again): a checkpoint syncs the log first of all.
fn make_durable(connection: &Connection) -> Result<()> {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        // No room to copy the log's pages: they stay in the log, which was synced before.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => Ok(()),
        other => Ok(other?),
    }
}

fn set_key(disk: &dyn Disk, connection: &Connection, key: &[u8; 32]) -> Result<()> {
    #[cfg(feature = "testing")]
    if disk.is_plain() {
        return Ok(());
    }
    let _ = disk;
    let hex = Zeroizing::new(hex::encode(key));
    let set_key = Zeroizing::new(format!(
        "PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{}'\";",
        hex.as_str()
    ));
    Ok(connection.execute_batch(&set_key)?)
}

fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(NotADatabase | DatabaseCorrupt))
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

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        evidence::{ClockReading, Evidence},
        field::SignedCertificate,
        ids::{EntryId, PersonId, PostId, RecordId, StreamId, TerminalId},
        payload::{CheckIn, Payload},
        sign::{Signer, SoftwareKey},
        time::Millis,
    };
    use uuid::Uuid;

    fn store(home: &Path) -> Store {
        let store = Store::open(home, [3; 32]).unwrap();
        let key = SoftwareKey::from_secret(&[7; 32]);
        let account = Account {
            stream: StreamId(Uuid::from_u128(1)),
            terminal: TerminalId(Uuid::from_u128(2)),
            post: PostId(Uuid::from_u128(3)),
            holder: PersonId(Uuid::from_u128(4)),
            holder_name: String::new(),
            roles: vec![],
            county: "220104".parse().unwrap(),
            server: String::new(),
            pins: vec![],
            server_key: key.public_key(),
            parcel_key: String::new(),
            certificate: SignedCertificate {
                certificate: String::new(),
                signature: key.sign(b"").unwrap(),
            },
            enrolled: Millis(0),
        };
        store.save_account(&account, "e").unwrap();
        store
    }
    fn check_in(id: u128) -> NewEntry {
        NewEntry {
            id: EntryId(Uuid::from_u128(id)),
            payload: Payload::CheckIn(CheckIn::default()),
            record: RecordId(Uuid::from_u128(id)),
            after: None,
            supersedes: None,
            grid: None,
            evidence: Evidence {
                position: None,
                clock: ClockReading {
                    wall: Millis(1),
                    boot: "b".into(),
                    monotonic_ms: 1,
                    offset_ms: None,
                },
            },
            summary: String::new(),
            photo_files: vec![],
        }
    }

    #[test]
    fn a_commit_that_failed_is_looked_up_and_neither_lost_nor_doubled() {
        for fault in [CommitFault::AfterCommit, CommitFault::BeforeCommit] {
            let home = tempfile::tempdir().unwrap();
            let store = store(home.path());
            store.fail_next_commit(fault);
            let item = store.submit(&check_in(10)).unwrap();
            assert_eq!(item.n, 1);
            assert_eq!(store.submit(&check_in(11)).unwrap().n, 2, "{fault:?}");
            assert_eq!(store.items().unwrap().len(), 2);
        }
    }

    #[test]
    fn an_unknown_outcome_is_called_unknown() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        store.fail_next_commit(CommitFault::AfterCommit);
        let unknown = store.set_setting("k", "v");
        assert!(matches!(unknown, Err(Error::OutcomeUnknown)));
        assert_eq!(
            store.setting("k").unwrap().as_deref(),
            Some("v"),
            "the store goes on by itself"
        );
    }

    #[test]
    fn a_store_of_a_newer_program_is_not_touched() {
        let home = tempfile::tempdir().unwrap();
        drop(store(home.path()));
        let connection = connect(&SystemDisk, &home.path().join(DATABASE), &[3; 32]).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        assert!(matches!(
            Store::open(home.path(), [3; 32]),
            Err(Error::Newer { found: 99, .. })
        ));
    }

    fn page(epoch: &str, cursor: &str, entity: &str) -> protocol::feed::PullAnswer {
        protocol::feed::PullAnswer {
            epoch: epoch.into(),
            server_time: Millis(0),
            reset: vec![],
            rows: vec![protocol::feed::FeedRow {
                mailbox: protocol::feed::Mailbox::Author.into(),
                n: 1,
                kind: "x".into(),
                entity: entity.into(),
                body: Some(serde_json::json!({})),
            }],
            cursor: cursor.into(),
            more: false,
        }
    }

    #[test]
    fn a_page_that_was_overtaken_is_not_taken() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        assert!(store.apply_pull("", &page("e", "c1", "one")).unwrap());
        assert!(!store.apply_pull("", &page("e", "c0", "late")).unwrap());
        let rows: Vec<_> = store
            .mailbox("x")
            .unwrap()
            .into_iter()
            .map(|r| r.entity)
            .collect();
        assert_eq!(
            (rows, store.cursor().unwrap().as_str()),
            (vec!["one".to_owned()], "c1")
        );
    }

    #[test]
    fn a_new_epoch_starts_the_mailboxes_from_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        assert!(store.apply_pull("", &page("e", "c1", "one")).unwrap());
        assert!(
            !store.apply_pull("c1", &page("f", "c2", "two")).unwrap(),
            "it continues what is gone"
        );
        assert_eq!(store.cursor().unwrap(), "");
        assert_eq!(
            store.mailbox("x").unwrap().len(),
            1,
            "shown until the new state is here"
        );
        assert!(store.apply_pull("", &page("f", "c1", "three")).unwrap());
        assert_eq!(store.mailbox("x").unwrap()[0].entity, "three");
        assert_eq!(store.mailbox("x").unwrap().len(), 1);
    }
}

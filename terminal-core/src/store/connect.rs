//! Opens a connection to the database: key, journal mode, durability.

use crate::{
    Error, Result,
    platform::{
        disk::{Disk, DiskLock},
        home::with_suffix,
    },
};
use protocol::planted;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use std::{path::Path, time::Duration};
use zeroize::Zeroizing;

/// Keeps the provider in the link: nothing but SQLCipher's C code asks for it.
#[cfg(feature = "rust-cipher")]
#[used]
static PROVIDER: unsafe extern "C" fn(*mut sqlcipher_provider::Provider) -> std::ffi::c_int =
    sqlcipher_provider::xunge_sqlcipher_setup;

/// How long SQLite waits for another process's write.
const BUSY: Duration = Duration::from_secs(15);

/// Suffix of the lock of the one connection that a full disk allows.
const ALONE: &str = ".alone";

/// How often the WAL of a new file is tried while other connections write to it; one try mostly suffices.
const TRIES: usize = 100;

/// Prepared statements cached per connection; the core uses fewer.
const STATEMENTS: usize = 128;

/// The connection that writes, and whether it excludes all others.
pub(super) struct Writing {
    pub(super) connection: Connection,
    /// On a full disk: the index of the WAL is in memory, because the disk has no space for its file. Until the
    /// connection is closed, every other one waits for this lock.
    pub(super) alone: Option<DiskLock>,
}

/// Opens the connection that writes. On a full disk it opens alone, so that everything can still be read.
pub(super) fn connect(disk: &dyn Disk, path: &Path, key: &[u8; 32]) -> Result<Writing> {
    match prepare(disk, path, key, None) {
        // SQLite itself would let two such connections wait for each other for ever.
        Err(Error::Full) => {
            let lock = with_suffix(path, ALONE);
            let lock = disk.lock(&lock).map_err(Error::io(&lock))?;
            prepare(disk, path, key, Some(lock))
        }
        other => other,
    }
}

fn prepare(disk: &dyn Disk, path: &Path, key: &[u8; 32], alone: Option<DiskLock>) -> Result<Writing> {
    let connection = open(disk, path, key, alone.is_some())?;
    turn_on_wal(&connection)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    planted!(HandsetSkipsSync => connection.execute_batch("PRAGMA synchronous = OFF")?);
    make_durable(&connection)?;
    Ok(Writing { connection, alone })
}

/// A connection that only reads, beside the one that writes, which has set the journal mode.
pub(super) fn connect_reader(disk: &dyn Disk, path: &Path, key: &[u8; 32]) -> Result<Connection> {
    let connection = open(disk, path, key, false)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

fn open(disk: &dyn Disk, path: &Path, key: &[u8; 32], is_alone: bool) -> Result<Connection> {
    let connection = match disk.vfs() {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs)?,
        None => Connection::open(path)?,
    };
    set_key(disk, &connection, key)?;
    if is_alone {
        // Before the first read: SQLite decides then where the index of the WAL is.
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    }
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Stable query plans: otherwise statements with `LIMIT ?` are planned again for every value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The first read shows whether the key is right.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(connection)
}

/// Turns on the WAL of a new file, also while other connections do the same. SQLite answers one that must wait for
/// another's write here "database is locked" at once, without the busy timeout. An empty write transaction does wait
/// for that write; then the WAL is on already, or this connection tries again.
fn turn_on_wal(connection: &Connection) -> rusqlite::Result<()> {
    let turn_on = || connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
    for _ in 0..TRIES {
        match turn_on() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")?;
            }
            done => return done,
        }
    }
    turn_on()
}

/// Checkpoints the WAL, which syncs it first. A process that was killed between writing and syncing the log
/// leaves rows that the next process can read although they are not durable. They must be durable before they
/// are shown or sent: a number that was sent and then lost in a power cut would be given out again.
fn make_durable(connection: &Connection) -> Result<()> {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        // There is no space to copy pages from the log; they stay in the log, which was synced before.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Ok(()),
        other => Ok(other?),
    }
}

pub(super) fn set_key(disk: &dyn Disk, connection: &Connection, key: &[u8; 32]) -> Result<()> {
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

pub(super) fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(NotADatabase | DatabaseCorrupt))
}

/// Returns true if the checksum of a page of the file is wrong; the check itself may fail, which is no damage.
pub(super) fn damaged_page(connection: &Connection) -> bool {
    let check = connection.prepare("PRAGMA cipher_integrity_check");
    check.and_then(|mut check| check.exists([])).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::system_disk::SystemDisk;

    #[test]
    fn the_provider_that_this_build_asked_for_encrypts_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let writing = connect(&SystemDisk, &dir.path().join("a.db"), &[7; 32]).unwrap();
        let name: String = writing
            .connection
            .query_row("PRAGMA cipher_provider", [], |row| row.get(0))
            .unwrap();
        let expected = if cfg!(feature = "rust-cipher") {
            "rustcrypto"
        } else {
            "openssl"
        };
        assert_eq!(name, expected);
    }
}

//! Opens a connection to the database: key, journal mode, durability.

use crate::{Result, platform::disk::Disk};
use protocol::sabotage::{self, Defect};
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{path::Path, time::Duration};
use zeroize::Zeroizing;

/// Another process gets this long to finish its write.
const BUSY: Duration = Duration::from_secs(15);

/// Prepared statements kept per connection; the whole core has fewer.
const STATEMENTS: usize = 128;

pub(super) fn connect(disk: &dyn Disk, path: &Path, key: &[u8; 32]) -> Result<Connection> {
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

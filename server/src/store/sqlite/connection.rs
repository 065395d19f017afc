//! One connection to SQLite: opening, statements, values, errors.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::planted;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, ffi};

use crate::store::{
    backoff::Backoff,
    error::{Internal, StoreError},
    options::{Options, StatementWatch},
    tx::Session,
    value::{Row, Value},
};

/// Prepared statements kept per connection; the whole program has fewer.
const STATEMENTS: usize = 512;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SqliteAccess {
    Read,
    /// Its commits are not synced: [`super::durable`] does that.
    Write,
}

/// Opens `path` with the settings of this store. What the log held before is on the disk then.
pub(super) fn connect(
    path: &Path,
    options: &Options,
    access: SqliteAccess,
) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if access == SqliteAccess::Write {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let opened = match &options.disk {
        Some(disk) => Connection::open_with_flags_and_vfs(path, flags, disk.vfs.as_str()),
        None => Connection::open_with_flags(path, flags),
    };
    let prepared = opened.and_then(|connection| {
        connection.busy_timeout(options.patience)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // As on PostgreSQL, text in double quotes is a column name, and a missing column is an error.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        // One plan per statement; else SQLite plans statements with `LIMIT ?` again for every value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let mode = turn_on_wal(&connection, options)?;
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = FAST;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        planted!(ServerSkipsSync => connection.execute_batch("PRAGMA synchronous = OFF")?);
        match access {
            SqliteAccess::Read => connection.execute_batch("PRAGMA query_only = ON")?,
            SqliteAccess::Write => make_durable(&connection)?,
        }
        Ok((connection, mode))
    });
    match prepared {
        Ok((connection, mode)) if mode.eq_ignore_ascii_case("wal") => Ok(connection),
        Ok((_, mode)) => Err(StoreError::Config(format!(
            "{} cannot use a write-ahead log (journal_mode stays {mode})",
            path.display()
        ))),
        Err(error) => Err(StoreError::unavailable(format_args!(
            "{}: {error}",
            path.display()
        ))),
    }
}

/// Turns on the WAL and returns the journal mode in force. Of several programs that open a new file together one turns
/// it on; SQLite answers another that has begun to read "database is locked" at once, without the busy timeout.
fn turn_on_wal(connection: &Connection, options: &Options) -> rusqlite::Result<String> {
    let mut backoff = Backoff::new(
        options.patience,
        Duration::from_millis(1),
        Duration::from_millis(50),
    );
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match mode {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && backoff.wait() => {}
            done => return done,
        }
    }
}

/// Syncs the WAL. A process that was killed between writing and syncing it leaves rows which the next process reads
/// although they are not on the disk. A checkpoint syncs the WAL before any answer depends on such rows.
fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        // No space to copy the pages of the WAL: they stay there, and it was synced before.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Ok(()),
        other => other,
    }
}

/// Runs a statement of the engine itself, without parameters.
pub(super) fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

pub(super) struct Statements<'c> {
    connection: &'c Connection,
    watch: Option<&'c StatementWatch>,
}

impl<'c> Statements<'c> {
    pub(super) fn of(connection: &'c Connection, options: &'c Options) -> Self {
        Self {
            connection,
            watch: options.watch.as_ref(),
        }
    }

    fn tell(&self, sql: &str) {
        if let Some(watch) = self.watch {
            watch.tell(sql);
        }
    }
}

impl Session for Statements<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        self.tell(sql);
        let run = || {
            self.connection
                .prepare_cached(sql)?
                .execute(rusqlite::params_from_iter(params))
        };
        run().map(|n| n as u64).map_err(|e| classify(&e))
    }

    fn query(&mut self, sql: &str, params: &[Value], each: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        self.tell(sql);
        let mut run = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
            let mut rows = statement.query(rusqlite::params_from_iter(params))?;
            while let Some(row) = rows.next()? {
                let mut values = Vec::with_capacity(columns.len());
                for i in 0..columns.len() {
                    values.push(value(row.get_ref(i)?)?);
                }
                each(Row::new(Arc::clone(&columns), values));
            }
            Ok(())
        };
        run().map_err(|e: rusqlite::Error| classify(&e))
    }

    fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|e| classify(&e))
    }

    fn is_broken(&self) -> bool {
        self.connection.is_autocommit()
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(b) => ValueRef::Integer(i64::from(*b)),
            Self::Int(i) => ValueRef::Integer(*i),
            Self::Real(r) => ValueRef::Real(*r),
            Self::Text(t) => ValueRef::Text(t.as_bytes()),
            Self::Blob(b) => ValueRef::Blob(b),
        }))
    }
}

fn value(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(i) => Value::Int(i),
        ValueRef::Real(r) => Value::Real(r),
        ValueRef::Text(_) => Value::Text(value.as_str()?.to_owned()),
        ValueRef::Blob(b) => Value::Blob(b.to_vec()),
    })
}

/// Maps an error of SQLite.
pub(super) fn classify(error: &rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(failure, text) = error else {
        return StoreError::statement(error);
    };
    let text = text.as_deref().unwrap_or_default();
    match (failure.code, failure.extended_code) {
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => {
            // "UNIQUE constraint failed: table.column, table.column" or ".. failed: index 'name'"
            let what = text.rsplit_once("failed: ").map_or(text, |(_, what)| what);
            let constraint = what
                .strip_prefix("index ")
                .map_or(what, |name| name.trim_matches('\''));
            StoreError::Conflict {
                constraint: constraint.to_owned(),
            }
        }
        // ON DELETE RESTRICT is reported as an error of a trigger.
        (ErrorCode::ConstraintViolation, _) if text.starts_with("FOREIGN KEY") => StoreError::ForeignKey,
        (ErrorCode::ConstraintViolation, _) => StoreError::Check {
            detail: Internal::new(text),
        },
        (ErrorCode::DiskFull, _) => StoreError::Full,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Busy,
        (ErrorCode::ReadOnly, _) => StoreError::ReadOnly,
        (ErrorCode::CannotOpen | ErrorCode::SystemIoFailure, _) => StoreError::unavailable(error),
        _ => StoreError::statement(error),
    }
}

//! What an error of PostgreSQL means, for the caller and for the connection.

use std::error::Error as _;

use ::postgres::error::{DbError, SqlState};

use super::values::WrongKind;
use crate::store::{
    error::{Internal, StoreError},
    executor::Lane,
};

/// The effect of an error on the connection, besides the failed statement.
pub(super) enum ErrorEffect {
    None,
    /// The transaction may succeed if it runs again.
    Again,
    /// As [`Self::Again`]: the schema changed under a prepared statement.
    StalePlan,
    Lost,
}

/// Maps an error of a connection for `lane`.
pub(super) fn classify(error: &::postgres::Error, lane: Lane, is_closed: bool) -> (StoreError, ErrorEffect) {
    let Some(db) = error.as_db_error() else {
        if error.source().is_some_and(|e| e.is::<WrongKind>()) {
            return (StoreError::statement(DisplayChain(error)), ErrorEffect::None);
        }
        return (StoreError::unavailable(DisplayChain(error)), ErrorEffect::Lost);
    };
    let code = db.code();
    let lost = [
        &SqlState::ADMIN_SHUTDOWN,
        &SqlState::CRASH_SHUTDOWN,
        &SqlState::CANNOT_CONNECT_NOW,
        &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION && matches!(lane, Lane::Read(_)) {
        return (StoreError::ReadOnly, ErrorEffect::None);
    }
    // A write in a read-only transaction means that the server became a standby.
    let standby = *code == SqlState::READ_ONLY_SQL_TRANSACTION;
    if standby || lost.contains(&code) || code.code().starts_with("08") || is_closed {
        return (StoreError::unavailable(db), ErrorEffect::Lost);
    }
    if db.routine() == Some("RevalidateCachedQuery") || *code == SqlState::INVALID_SQL_STATEMENT_NAME {
        return (StoreError::Busy, ErrorEffect::StalePlan);
    }
    if [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .contains(code)
    {
        return (StoreError::Busy, ErrorEffect::Again);
    }
    (meaning(db), ErrorEffect::None)
}

fn meaning(db: &DbError) -> StoreError {
    match db.code() {
        c if *c == SqlState::UNIQUE_VIOLATION => StoreError::Conflict {
            constraint: constraint(db),
        },
        c if *c == SqlState::FOREIGN_KEY_VIOLATION || *c == SqlState::RESTRICT_VIOLATION => {
            StoreError::ForeignKey
        }
        c if c.code().starts_with("23") => StoreError::Check {
            detail: Internal::new(db),
        },
        c if *c == SqlState::DISK_FULL => StoreError::Full,
        c if *c == SqlState::QUERY_CANCELED || *c == SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy,
        c if c.code().starts_with("53") => StoreError::unavailable(db),
        _ => StoreError::statement(db),
    }
}

/// The columns of the violated key as SQLite names them, `table.column, table.column`.
fn constraint(db: &DbError) -> String {
    let name = || db.constraint().unwrap_or("a unique constraint").to_owned();
    let (Some(table), Some(detail)) = (db.table(), db.detail()) else {
        return name();
    };
    // "Key (a, b)=(1, 2) already exists.", in the language of the server
    let Some((_, rest)) = detail.split_once('(') else {
        return name();
    };
    match rest.split_once(")=(") {
        Some((columns, _)) if !columns.contains('(') => columns
            .split(", ")
            .map(|column| format!("{table}.{}", column.trim_matches('"')))
            .collect::<Vec<_>>()
            .join(", "),
        _ => name(),
    }
}

/// The text of an error with its causes: the text of the client alone is "error serializing parameter 0".
struct DisplayChain<'e>(&'e ::postgres::Error);

impl std::fmt::Display for DisplayChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

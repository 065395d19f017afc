//! Errors of the database, grouped by what the caller may conclude.
//!
//! After a failed write the caller must know whether it happened. Every variant except [`StoreError::CommitUnknown`]
//! means that it did not. The engine's own text never reaches `Display`
//! (it may quote the values of a row); [`StoreError::detail`] hands it to the log.

use std::fmt;

/// An error of the store. Cheap to clone, because all members of a commit group get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// [`Tx::one`](super::tx::Tx::one) found no row.
    #[error("no such row")]
    NotFound,
    /// [`Tx::one`](super::tx::Tx::one) or [`Tx::opt`](super::tx::Tx::opt) found more than one row.
    #[error("more than one row where at most one was expected")]
    TooManyRows,
    /// A unique constraint or primary key refused the row. `constraint` reads `table.column, table.column`
    /// on both engines, or is the name of the index where that indexes an expression.
    #[error("a row with the same {constraint} exists")]
    Conflict { constraint: String },
    /// A row that is referred to is missing, or a row to be deleted is still referred to.
    #[error("a row that is referred to is missing or still in use")]
    ForeignKey,
    /// A NOT NULL or CHECK constraint refused the row.
    #[error("a constraint of the table refused the row")]
    Check { detail: Internal },
    /// A column was missing, of another type, or held a value that cannot be parsed.
    #[error("column {column}: expected {expected}")]
    Decode {
        column: String,
        expected: &'static str,
        detail: Internal,
    },
    /// A value that only one of the engines could store (a NUL character in text, a NaN).
    #[error("parameter ?{index} cannot be stored: {why}")]
    Unportable { index: usize, why: &'static str },
    /// A statement that changes rows was run in [`Store::read`](super::database::Store::read).
    #[error("a read transaction tried to write")]
    ReadOnly,
    /// The statement is wrong (syntax, types, unknown table) or the engine failed internally. A bug.
    #[error("the database refused the statement")]
    Statement { detail: Internal },
    /// The closure panicked; its changes were rolled back.
    #[error("the transaction's code panicked")]
    Panicked,
    /// The queue is full, or all retries of a contended transaction failed. Try again later.
    #[error("the database is busy")]
    Busy,
    /// The disk (or quota) under the database is full. Reads still work.
    #[error("the database's disk is full")]
    Full,
    /// The database cannot be reached or opened at the moment. Nothing was changed.
    #[error("the database is unavailable")]
    Unavailable { detail: Internal },
    /// COMMIT failed or its answer was lost: the change may be stored, now or after a restart. Retry (every write is
    /// idempotent by id) and never report "not saved".
    #[error("it is unknown whether the transaction was committed")]
    CommitUnknown {
        detail: Internal,
        /// The engine named a full disk as the reason.
        is_full: bool,
    },
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
    /// The address or options given to [`Store::open`](super::database::Store::open) make no sense.
    #[error("database address: {0}")]
    Config(String),
    /// An applied migration differs from the one in this binary.
    #[error("migration {version:04}_{name} was changed after it had been applied to this database")]
    MigrationChanged { version: i64, name: String },
    /// The database was written by a newer program.
    #[error(
        "the database is at schema version {found}, this program knows only {known}: use the newer program"
    )]
    MigrationNewer { found: i64, known: i64 },
    /// A migration could not be applied; the database stays at the version before it.
    #[error("migration {version:04}_{name} failed")]
    MigrationFailed {
        version: i64,
        name: String,
        detail: Internal,
    },
}

impl StoreError {
    /// A stable dotted code for problem documents and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "store.not_found",
            Self::TooManyRows => "store.too_many_rows",
            Self::Conflict { .. } => "store.conflict",
            Self::ForeignKey => "store.foreign_key",
            Self::Check { .. } => "store.check",
            Self::Decode { .. } => "store.decode",
            Self::Unportable { .. } => "store.unportable",
            Self::ReadOnly => "store.read_only",
            Self::Statement { .. } => "store.statement",
            Self::Panicked => "store.panicked",
            Self::Busy => "store.busy",
            Self::Full => "store.full",
            Self::Unavailable { .. } => "store.unavailable",
            Self::CommitUnknown { .. } => "store.commit_unknown",
            Self::Closed => "store.closed",
            Self::Config(_) => "store.config",
            Self::MigrationChanged { .. } => "store.migration_changed",
            Self::MigrationNewer { .. } => "store.migration_newer",
            Self::MigrationFailed { .. } => "store.migration_failed",
        }
    }

    /// Returns true if the same request may succeed later without a change.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Busy | Self::Full | Self::Unavailable { .. } | Self::CommitUnknown { .. } | Self::Closed
        )
    }

    /// Returns true if a full disk is the reason, whether or not the outcome is known.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full | Self::CommitUnknown { is_full: true, .. })
    }

    /// The text of the engine, for the log only: it may quote personal data.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Check { detail }
            | Self::Decode { detail, .. }
            | Self::Statement { detail }
            | Self::Unavailable { detail }
            | Self::CommitUnknown { detail, .. }
            | Self::MigrationFailed { detail, .. } => Some(&detail.0),
            _ => None,
        }
    }

    /// An error for domain code that parses a row: `column` held an unexpected value.
    pub fn decode(column: impl Into<String>, expected: &'static str, found: impl fmt::Display) -> Self {
        Self::Decode {
            column: column.into(),
            expected,
            detail: Internal::new(found),
        }
    }

    pub(crate) fn statement(text: impl fmt::Display) -> Self {
        Self::Statement {
            detail: Internal::new(text),
        }
    }

    pub(crate) fn unavailable(text: impl fmt::Display) -> Self {
        Self::Unavailable {
            detail: Internal::new(text),
        }
    }

    pub(crate) fn commit_unknown(text: impl fmt::Display, is_full: bool) -> Self {
        Self::CommitUnknown {
            detail: Internal::new(text),
            is_full,
        }
    }
}

/// Text of the engine. All texts are equal, so that errors compare without it.
#[derive(Debug, Clone, Default)]
pub struct Internal(String);

impl Internal {
    /// Stores `text` for the log.
    pub fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }
}

impl PartialEq for Internal {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Internal {}

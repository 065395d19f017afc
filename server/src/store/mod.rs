//! The database: one SQL text on two engines.
//!
//! Domain code runs synchronous closures over a [`Tx`], the same on SQLite (embedded, the default) and on
//! PostgreSQL (several replicas over one database):
//!
//! ```ignore
//! let number: i64 = store
//!     .write(move |tx| {
//!         tx.execute("INSERT INTO case_file (id, state) VALUES (?1, ?2)", params![&id, "reported"])?;
//!         tx.after_commit(Hint::Mailbox(post.clone()));
//!         tx.one("SELECT COUNT(*) AS n FROM case_file", params![], |row| row.get("n"))
//!     })
//!     .await?;
//! ```
//!
//! # Guarantees
//! - The answer of a write and its hints are sent only after COMMIT reached the disk, and so is the answer of a read that
//!   may have seen its rows. On SQLite the next group runs while one is synced (ADR 27). Concurrent writes of one process
//!   share one COMMIT; each closure has a savepoint, so that its error or panic does not roll back the others.
//! - Writes are serializable, reads are snapshots. Every later read sees an answered write.
//! - After every error except [`StoreError::CommitUnknown`] nothing was changed.
//! - Dropping the future of a write does not stop the write; a panic in a closure stops no thread.
//!
//! # Rules for closures
//! A closure may run more than once (PostgreSQL retries serialization conflicts; SQLite retries after another closure of
//! the group filled the disk), so it is `FnMut` and changes nothing but the `Tx`. Ids, time and random values are captured
//! before. It must not call the store: on SQLite the only writer would wait for itself.
//!
//! Use [`Tx::run`] where nobody needs the number of changed rows: on PostgreSQL it saves a round trip.
//!
//! # Rules for SQL
//! - Parameters are `?1`, `?2` .. (never a bare `?`, never `$1`), values are typed by [`params!`](crate::params).
//!   `CAST(?1 AS TEXT)` where the statement does not show the type, as in `CAST(?1 AS TEXT) IS NULL OR ..` and
//!   `SELECT CAST(?1 AS BIGINT)`.
//! - Column types are `TEXT, BIGINT, DOUBLE PRECISION, BOOLEAN, BYTEA`, nothing else. SQLite does not check
//!   them, so bind a value of the column's own type. Text holds no NUL, reals no NaN.
//! - Usable: `ON CONFLICT (..) DO NOTHING | DO UPDATE SET .. = excluded..`, `RETURNING`, row values
//!   `(a, b) > (?1, ?2)`, `FILTER`, `string_agg(x, ',' ORDER BY ..)`, window functions, (recursive) CTEs,
//!   `UPDATE .. FROM`, `IS [NOT] DISTINCT FROM`, `NULLS FIRST | LAST`, `TRUE`/`FALSE`, partial indexes,
//!   generated `STORED` columns, `LIMIT ?1 OFFSET ?2`, `CASE`, `COALESCE`, `NULLIF`, `lower`, `length`, `substr`.
//! - `CAST(SUM(x) AS BIGINT)` and `CAST(AVG(x) AS DOUBLE PRECISION)`, since PostgreSQL answers NUMERIC.
//!   Give every expression an alias (`COUNT(*) AS n`) in lower case; say `ORDER BY` wherever order matters, and
//!   remember that text sorts by bytes on SQLite: sort shown text in code.
//! - `LIKE` ignores the case of ASCII on SQLite only: write `lower(x) LIKE lower(?1)`.
//! - Not usable: `INSERT OR ..`, `REPLACE`, `iif`, `ifnull`, two-argument `max`/`min`, `greatest`, `->>`, `::type`,
//!   `FOR UPDATE`, `= ANY(..)`, `AUTOINCREMENT`, `SERIAL`, `IDENTITY`, `STRICT`, `WITHOUT ROWID`, `NOW()`,
//!   `random()`, deferred constraints (SQLite checks them at the group's COMMIT, where they would take the
//!   neighbours down), text in double quotes.
//! - After a failed statement the closure is rolled back: see [`Tx`] and [`Tx::attempt`].
//!
//! # Rooms
//! [`tx`] the transaction, [`value`] typed values and rows, [`migrations`] the history of the schema, `sqlite` and
//! `postgres` the engines, `job` and `queue` how a closure gets to a thread, [`copy`] a backup.

mod backoff;
pub mod copy;
pub mod database;
pub mod error;
mod executor;
pub mod hint;
mod hints;
mod job;
pub mod migrations;
pub mod options;
mod postgres;
mod queue;
mod sqlite;
mod threads;
mod turn;
pub mod tx;
pub mod value;

pub use database::{Engine, Store};
pub use error::{Internal, StoreError};
pub use hint::Hint;
pub use hints::{Heard, HintListener};
pub use migrations::{MIGRATIONS, Migration};
pub use options::{Options, SimulatedDisk, StatementWatch};
pub use turn::ReadTurn;
pub use tx::Tx;
pub use value::{ColumnIndex, FromValue, Row, Value};

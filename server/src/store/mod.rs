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
//! # What is promised
//! - An answer, and every hint, leaves only after COMMIT reached the disk (SQLite: WAL with
//!   `synchronous=FULL`). Concurrent writes of one process share one COMMIT; each closure is alone in a savepoint,
//!   so that its error or panic undoes nothing of its neighbours.
//! - Writes are serializable, reads are snapshots. What a write answered, every later read sees.
//! - After every error but [`StoreError::CommitUnknown`] nothing was changed.
//! - Dropping the future of a write does not stop the write; a panic in a closure stops no thread.
//!
//! # Rules for closures
//! A closure may be run again (PostgreSQL retries serialization conflicts; SQLite after a neighbour's full
//! disk), so it is `FnMut` and has no effect but on the `Tx`. Ids, time and randomness come in as captured
//! values. It does not call the store again: on SQLite the only writer would wait for itself.
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
//! - A failed statement dooms the closure: see [`Tx`] and [`Tx::attempt`].
//!
//! # Rooms
//! [`tx`] what a closure sees, [`value`] typed values and rows, [`migrations`] the schema's history,
//! `sqlite` and `postgres` the engines, `job` and `queue` the way of a closure to a thread.

mod backoff;
pub(crate) mod error;
mod job;
pub mod migrations;
pub(crate) mod options;
mod postgres;
mod queue;
mod sqlite;
pub mod tx;
pub mod value;

use std::sync::Arc;

use tokio::sync::{broadcast, oneshot};

use crate::store::job::{Job, Task};
pub use error::{Internal, StoreError};
pub use migrations::{MIGRATIONS, Migration};
pub use options::Options;
pub use tx::Tx;
pub use value::{ColumnIndex, FromValue, Row, Value};

/// Which engine a store runs on. For reports and tests; domain code has no reason to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// "Look there": sent after COMMIT to everybody who listens, on every replica. Only a hint: it may come twice,
/// late or never, and nobody may depend on it for more than speed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The mailbox of this name has something new.
    Mailbox(String),
    /// The job table has something due.
    Jobs,
    /// A grid took force.
    Grids,
    /// Hints of other replicas may have been missed (the connection was away): look everywhere.
    All,
}

/// Which way a closure takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Read,
    Write,
}

/// Where closures run: engine threads in production, the calling thread under the simulator.
trait Executor: Send + Sync {
    /// Accept the job and answer it, now or later; a job that is not accepted is answered at once.
    fn submit(&self, lane: Lane, job: Box<dyn Job>);
    /// Accept no more, finish what was accepted, return when that is done. Blocks.
    fn close(&self);
}

/// A handle on the database. Clones share it; the last one dropped lets the threads run out.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    executor: Box<dyn Executor>,
    engine: Engine,
    hints: broadcast::Sender<Hint>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("engine", &self.inner.engine)
            .finish()
    }
}

impl Store {
    /// Open the database at `url` (`sqlite:PATH`, a plain path, or `postgres://..`), apply the migrations
    /// ([`Options::migrations`]) and start the engine's threads. Blocks; meant for the start of the program.
    pub fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let (hints, _) = broadcast::channel(options.hint_capacity);
        let options = Arc::new(options);
        match Address::parse(url)? {
            Address::Sqlite(path) => Ok(Self::over(
                Engine::Sqlite,
                Box::new(sqlite::Threads::open(&path, &options, &hints)?),
                hints,
            )),
            Address::Postgres(url) => Ok(Self::over(
                Engine::Postgres,
                Box::new(postgres::Pool::open(&url, &options, &hints)?),
                hints,
            )),
        }
    }

    /// Open a SQLite database whose closures run on the calling thread, one at a time: the simulator's store,
    /// free of threads and so deterministic. [`Options::vfs`] puts it on a simulated disk.
    pub fn open_inline(url: &str, options: Options) -> Result<Self, StoreError> {
        let (hints, _) = broadcast::channel(options.hint_capacity);
        let options = Arc::new(options);
        match Address::parse(url)? {
            Address::Sqlite(path) => Ok(Self::over(
                Engine::Sqlite,
                Box::new(sqlite::Inline::open(&path, &options, &hints)?),
                hints,
            )),
            Address::Postgres(_) => Err(StoreError::Config("only SQLite runs inline".to_owned())),
        }
    }

    fn over(engine: Engine, executor: Box<dyn Executor>, hints: broadcast::Sender<Hint>) -> Self {
        Self {
            inner: Arc::new(Inner {
                executor,
                engine,
                hints,
            }),
        }
    }

    /// Run `f` in a serializable transaction and commit it when it returns `Ok`. See the module's rules.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Lane::Write, f).await
    }

    /// Run `f` on a consistent snapshot; a statement that writes gets [`StoreError::ReadOnly`].
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Lane::Read, f).await
    }

    /// [`Store::write`] for command lines and the simulator. Not from async code.
    pub fn write_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_blocking(Lane::Write, f)
    }

    /// [`Store::read`] for command lines and the simulator. Not from async code.
    pub fn read_blocking<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run_blocking(Lane::Read, f)
    }

    /// The hints of this and, on PostgreSQL, of all other replicas, from now on.
    pub fn hints(&self) -> broadcast::Receiver<Hint> {
        self.inner.hints.subscribe()
    }

    /// Which engine runs below.
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// Accept nothing more on any clone of this store, finish what was accepted, release the database.
    pub async fn close(self) {
        // A failed join means that the runtime is going down; the threads finish on their own.
        let _ = tokio::task::spawn_blocking(move || self.inner.executor.close()).await;
    }

    /// [`Store::close`] for command lines and the simulator. Not from async code.
    pub fn close_blocking(self) {
        self.inner.executor.close();
    }

    async fn run<T, E, F>(&self, lane: Lane, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.submit(lane, f, move |answer| {
            // The requester may be gone by now; what it asked for was done all the same.
            let _ = sender.send(answer);
        });
        receiver.await.unwrap_or_else(|_| Err(unanswered().into()))
    }

    fn run_blocking<T, E, F>(&self, lane: Lane, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.submit(lane, f, move |answer| {
            let _ = sender.send(answer);
        });
        receiver.recv().unwrap_or_else(|_| Err(unanswered().into()))
    }

    fn submit<T, E, F, R>(&self, lane: Lane, f: F, reply: R)
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        R: FnOnce(Result<T, E>) + Send + 'static,
    {
        let job = Task::new(f, lane == Lane::Write, reply);
        self.inner.executor.submit(lane, Box::new(job));
    }
}

/// The thread died with the job in hand, which nothing in here should allow.
fn unanswered() -> StoreError {
    StoreError::commit_unknown("the store's thread ended without an answer")
}

/// A parsed `url`.
enum Address {
    Sqlite(std::path::PathBuf),
    Postgres(String),
}

impl Address {
    fn parse(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let path = match url.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if url.contains("://") => {
                return Err(StoreError::Config(
                    "expected sqlite:PATH, a path or postgres://..".to_owned(),
                ));
            }
            None => url,
        };
        if path.is_empty() || path == ":memory:" {
            return Err(StoreError::Config("SQLite needs the path of a file".to_owned()));
        }
        Ok(Self::Sqlite(path.into()))
    }
}

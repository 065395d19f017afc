//! The handle of the database: opens an engine and runs closures on it.

use super::{
    error::StoreError,
    executor::{Executor, Lane},
    hint::Hint,
    hints::{HintListener, Hints},
    job::ClosureJob,
    options::Options,
    postgres, sqlite,
    turn::ReadTurn,
    tx::Tx,
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The engine of a store. For reports and tests; domain code must not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A handle of the database. Clones share it. After the last one is dropped the threads finish the accepted work and
/// end; on SQLite the drop waits for that.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    executor: Box<dyn Executor>,
    engine: Engine,
    hints: Hints,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("engine", &self.inner.engine)
            .finish()
    }
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH`, a plain path, or `postgres://..`), applies the migrations
    /// ([`Options::migrations`]) and starts the threads of the engine. Blocks; for the start of the program.
    pub fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let hints = Hints::default();
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

    /// Opens a SQLite database whose closures run on the calling thread, one at a time, for the simulator: without threads
    /// it is deterministic. [`Options::vfs`] selects a simulated disk.
    pub fn open_inline(url: &str, options: Options) -> Result<Self, StoreError> {
        let hints = Hints::default();
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

    /// Lets jobs of a store that was opened inline wait for [`Self::step`], so that a simulator chooses their order.
    pub fn stepwise(&self, on: bool) {
        self.inner.executor.stepwise(on);
    }

    /// Does one thing that waits: runs a read, runs some writes as one group, or syncs the log. `choice` selects which.
    /// Returns false if nothing waits.
    pub fn step(&self, choice: u64) -> bool {
        self.inner.executor.step(choice)
    }

    fn over(engine: Engine, executor: Box<dyn Executor>, hints: Hints) -> Self {
        Self {
            inner: Arc::new(Inner {
                executor,
                engine,
                hints,
            }),
        }
    }

    /// Runs `f` in a serializable transaction and commits it if `f` returns `Ok`. See the rules of the module.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Lane::Write, f).await
    }

    /// Runs `f` on a consistent snapshot; a statement that writes fails with [`StoreError::ReadOnly`].
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Lane::Read(ReadTurn::current()), f).await
    }

    /// [`Store::read`] of a few rows by their keys, before the caller is known. On SQLite it runs on the calling thread while
    /// no other does: it is over before another thread would have begun it.
    pub async fn read_quickly<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Lane::Quick, f).await
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
        self.run_blocking(Lane::Read(ReadTurn::default()), f)
    }

    /// Listens for the hints of at most 31 topics, of this replica and, on PostgreSQL, of all others.
    pub fn listen(&self, topics: Vec<Hint>) -> HintListener {
        self.inner.hints.listen(topics)
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// Stops accepting closures on all clones, finishes the accepted ones, and closes the database.
    pub async fn close(self) {
        // A failed join means that the runtime is shutting down; the threads end by themselves.
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
            // The caller may have dropped its future; the closure ran all the same.
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
        let job = ClosureJob::new(f, lane == Lane::Write, reply);
        self.inner.executor.submit(lane, Box::new(job));
    }
}

/// The error if a thread died while it ran the job; a defect.
fn unanswered() -> StoreError {
    StoreError::commit_unknown("the store's thread ended without an answer", false)
}

/// A parsed `url`.
pub(super) enum Address {
    Sqlite(std::path::PathBuf),
    Postgres(String),
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
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

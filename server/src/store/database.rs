//! The handle on the database: opens an engine and runs closures on it.

use super::{
    error::StoreError,
    executor::{Executor, Lane},
    hint::Hint,
    job::ClosureJob,
    options::Options,
    postgres, sqlite,
    tx::Tx,
};
use std::sync::Arc;
use tokio::sync::{broadcast, oneshot};

/// Which engine a store runs on. For reports and tests; domain code has no reason to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
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
        let job = ClosureJob::new(f, lane == Lane::Write, reply);
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

//! Options of the database.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::migrations::{MIGRATIONS, Migration};

/// Syncs a file, named by its path.
type Sync = dyn Fn(&Path) -> io::Result<()> + Send + std::marker::Sync;

/// The disk of a simulated machine.
#[derive(Clone)]
pub struct SimulatedDisk {
    /// The name of a registered SQLite VFS.
    pub vfs: String,
    sync: Arc<Sync>,
}

impl SimulatedDisk {
    /// A disk that SQLite knows as `vfs`; `sync` makes a file and its name last, and leaves the disk alone if it fails.
    pub fn new(
        vfs: impl Into<String>,
        sync: impl Fn(&Path) -> io::Result<()> + Send + std::marker::Sync + 'static,
    ) -> Self {
        Self {
            vfs: vfs.into(),
            sync: Arc::new(sync),
        }
    }

    pub(super) fn sync(&self, file: &Path) -> io::Result<()> {
        (self.sync)(file)
    }
}

impl std::fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedDisk").field("vfs", &self.vfs).finish()
    }
}

/// Receives the text of each statement that a connection runs.
#[derive(Clone)]
pub struct StatementWatch(Arc<dyn Fn(&str) + Send + std::marker::Sync>);

impl StatementWatch {
    pub fn new(told: impl Fn(&str) + Send + std::marker::Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(super) fn tell(&self, sql: &str) {
        (self.0)(sql);
    }
}

impl std::fmt::Debug for StatementWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatementWatch")
    }
}

/// Options of [`Store::open`](super::database::Store::open); the defaults suit one city.
#[derive(Debug, Clone)]
pub struct Options {
    /// The migrations to apply; [`MIGRATIONS`] except in tests.
    pub migrations: &'static [Migration],
    /// Most closures that share one COMMIT (at most 16 on PostgreSQL).
    pub group: usize,
    /// How long a commit group accepts more closures; limits the wait of its first one.
    pub group_time: Duration,
    /// Most waiting closures of each lane; then [`StoreError::Busy`](super::error::StoreError::Busy).
    pub queue: usize,
    /// Reader threads on SQLite.
    pub readers: usize,
    /// Connections on PostgreSQL, each with its thread: one writes, the others read; at least two.
    pub connections: usize,
    /// How long the store retries a locked database, a contended transaction or an unreachable server before it returns an
    /// error.
    pub patience: Duration,
    /// How long one statement may run on PostgreSQL, except those of migrations; zero is without a limit.
    pub statement_timeout: Duration,
    /// Exchanges hints with other replicas (PostgreSQL only). Switch it off for a single replica to save the NOTIFY.
    pub share_hints: bool,
    /// The disk of a simulated machine (SQLite only).
    pub disk: Option<SimulatedDisk>,
    /// For tests that look at the plans of statements (SQLite only).
    pub watch: Option<StatementWatch>,
    /// The clock for the dates of applied migrations.
    pub now: fn() -> Timestamp,
}

impl Default for Options {
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of production; the simulator sets its own"
    )]
    fn default() -> Self {
        Self {
            migrations: MIGRATIONS,
            group: 64,
            group_time: Duration::from_millis(20),
            queue: 4096,
            readers: 3,
            connections: 8,
            patience: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            share_hints: true,
            disk: None,
            watch: None,
            now: Timestamp::now,
        }
    }
}

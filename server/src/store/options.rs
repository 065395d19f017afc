//! Options of the database.

use std::time::Duration;

use jiff::Timestamp;

use super::migrations::{MIGRATIONS, Migration};

/// Options of [`Store::open`](super::database::Store::open); the defaults suit one city.
#[derive(Debug, Clone)]
pub struct Options {
    /// The migrations to apply; [`MIGRATIONS`] except in tests.
    pub migrations: &'static [Migration],
    /// Most closures that share one COMMIT (at most 16 on PostgreSQL).
    pub group: usize,
    /// How long a commit group on SQLite accepts more closures; limits the wait of its first one.
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
    /// How long one statement may run on PostgreSQL.
    pub statement_timeout: Duration,
    /// Exchanges hints with other replicas (PostgreSQL only). Switch it off for a single replica to save the NOTIFY.
    pub share_hints: bool,
    /// The name of a registered SQLite VFS, for the simulated disk.
    pub vfs: Option<String>,
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
            vfs: None,
            now: Timestamp::now,
        }
    }
}

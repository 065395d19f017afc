//! What a deployment may choose about its database.

use std::time::Duration;

use jiff::Timestamp;

use super::migrations::{MIGRATIONS, Migration};

/// Options of [`Store::open`](super::database::Store::open); the defaults suit one city.
#[derive(Debug, Clone)]
pub struct Options {
    /// The schema to bring the database to; [`MIGRATIONS`] unless a test says otherwise.
    pub migrations: &'static [Migration],
    /// How many closures may share one COMMIT (on PostgreSQL 16 at most).
    pub group: usize,
    /// How long a group on SQLite takes in more closures, so that its first is not kept waiting.
    pub group_time: Duration,
    /// How many closures may wait in each lane before [`StoreError::Busy`](super::error::StoreError::Busy).
    pub queue: usize,
    /// Reader threads on SQLite.
    pub readers: usize,
    /// Connections, each with its thread, on PostgreSQL: one writes, the others read; two at least.
    pub connections: usize,
    /// How long a locked database, a contended transaction or an absent server is tried again before the
    /// caller is told.
    pub patience: Duration,
    /// How long one statement may run on PostgreSQL.
    pub statement_timeout: Duration,
    /// Hints kept for a slow receiver before it is told that it lagged.
    pub hint_capacity: usize,
    /// Exchange hints with other replicas (PostgreSQL only). Off saves the NOTIFY where there is one replica.
    pub share_hints: bool,
    /// The name of a registered SQLite VFS, for the simulated disk.
    pub vfs: Option<String>,
    /// The clock that dates applied migrations.
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
            hint_capacity: 1024,
            share_hints: true,
            vfs: None,
            now: Timestamp::now,
        }
    }
}

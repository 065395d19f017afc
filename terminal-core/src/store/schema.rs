//! Schema and migrations. This file sets `user_version`; a migration never does.

use crate::{Error, Result};
use rusqlite::Connection;

/// Migrations in order; the first creates version 1. Append only: databases of every age exist, with pending
/// work in them (failure story 19).
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_traffic.sql"),
    include_str!("migrations/0003_pages.sql"),
    include_str!("migrations/0004_seen_tasks.sql"),
    include_str!("migrations/0005_history.sql"),
    include_str!("migrations/0006_summary_parts.sql"),
    include_str!("migrations/0007_received.sql"),
    include_str!("migrations/0008_read_items.sql"),
    include_str!("migrations/0009_made_times.sql"),
];

/// Migrates the database to this program's schema; each step and its version number in one transaction.
pub fn migrate(connection: &mut Connection) -> Result<()> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    loop {
        let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > known {
            return Err(Error::Newer { found, known });
        }
        let Some(step) = usize::try_from(found).ok().and_then(|n| MIGRATIONS.get(n)) else {
            return Ok(());
        };
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", found + 1)?;
        tx.commit()?;
    }
}

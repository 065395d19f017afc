//! Entries that are due again: what failed, what was released, what has rested, and at the start of a new
//! program what an older one did not understand.

use super::apply::{load, run};
use crate::{app::state::App, kernel::failure::Failure, params};
use protocol::ids::EntryId;
use protocol::sabotage::{self, Defect};
use std::collections::VecDeque;

/// How long a stuck entry rests between two tries.
const STUCK_REST_MS: i64 = 10 * 60_000;
/// Entries that one sweep's write takes.
const SWEPT_AT_ONCE: i64 = 50;

/// Applies again what is due: what failed, what was released, and what has rested. Answers how many entries
/// it looked at; fewer than a full sweep means that nothing more is due.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    let due = "SELECT id FROM entry WHERE state = 'pending'
               OR (state = 'held' AND code = 'server.apply_failed' AND state_at < ?1)
               ORDER BY received, n LIMIT ?2";
    let rested = app.clock.now().0 - STUCK_REST_MS;
    // A look costs no write as long as nothing is due.
    let seen = app
        .read(move |tx| {
            Ok(tx
                .all(due, params![rested, SWEPT_AT_ONCE], |row| {
                    row.parse::<EntryId>("id")
                })?
                .len())
        })
        .await?;
    if seen == 0 || sabotage::is(Defect::NeverSwept) {
        return Ok(0);
    }
    let parts = app.clone();
    app.write(move |tx, ctx| {
        let ids = tx.all(due, params![rested, SWEPT_AT_ONCE], |row| row.parse("id"))?;
        let queue = ids
            .iter()
            .map(|id| load(tx, *id))
            .collect::<Result<VecDeque<_>, _>>()?;
        run(tx, ctx, &parts, queue)?;
        Ok(ids.len())
    })
    .await
}

/// At the start of a new program: what an older one could not understand, in intake or in a room, is due again.
/// What waits for another entry goes on waiting for it.
pub async fn reconsider(app: &App) -> Result<u64, Failure> {
    app.write(|tx, _| {
        Ok(tx.execute(
            "UPDATE entry SET state = 'pending', attempts = 0 WHERE state = 'held' AND waits_for IS NULL",
            params![],
        )?)
    })
    .await
}

//! Applies entries that are due again: failed, released, stuck for some time, and, after an upgrade, those that the older
//! version did not understand.

use super::{
    apply::run,
    held::{DueEntry, load},
};
use crate::{
    app::{state::App, tally::CountedKind},
    entries::row::EntryState,
    kernel::failure::Failure,
    params,
};
use protocol::ids::{EntryId, StreamId};
use protocol::sabotage::{self, Defect};
use std::collections::VecDeque;

/// Time between two tries of a stuck entry, in ms.
const STUCK_REST_MS: i64 = 10 * 60_000;
/// Entries that one sweep applies at most.
const SWEPT_AT_ONCE: i64 = 50;

/// Applies entries that are due again, oldest first, and returns how many; fewer than 50 means that none is left. Called
/// by the job on one replica at a time.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    // The last condition is the index's: a partial index is used by who repeats its condition.
    let due = "SELECT id FROM entry
               WHERE (state = 'pending' OR (state = 'held' AND code = 'server.apply_failed' AND state_at < ?1))
                 AND state NOT IN ('applied', 'rejected')
               ORDER BY received, stream, n LIMIT ?2";
    let rested = app.clock.now().0 - STUCK_REST_MS;
    // A read first: a sweep without work must not occupy the only writer.
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
            .map(|id| load(tx, *id).map(DueEntry::from))
            .collect::<Result<VecDeque<_>, _>>()?;
        run(tx, ctx, &parts, queue)?;
        Ok(ids.len())
    })
    .await
}

/// Makes held entries pending again, except those that wait for another entry, and returns how many. Called at the start
/// of the server, because a newer version may understand them.
pub async fn reconsider(app: &App) -> Result<usize, Failure> {
    app.write(|tx, ctx| {
        let streams: Vec<StreamId> = tx.all(
            "UPDATE entry SET state = 'pending', attempts = 0
             WHERE state = 'held' AND waits_for IS NULL AND state NOT IN ('applied', 'rejected') RETURNING stream",
            params![],
            |row| row.parse("stream"),
        )?;
        let (held, pending) = (EntryState::Held.as_str(), EntryState::Pending.as_str());
        for stream in &streams {
            ctx.tally.moved(CountedKind::Entry, Some((stream, held)), (stream, pending));
        }
        Ok(streams.len())
    })
    .await
}

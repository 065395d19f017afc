//! When a failed try is repeated, and why it failed. Stored in the row itself, so that it survives a restart
//! and can be shown. Nothing is given up; the longest wait is [`LONGEST_WAIT`].

use crate::{
    Result,
    store::{
        database::HandsetStore,
        sql::{from_json, run, to_json},
    },
};
use protocol::{
    entry::Reason,
    sabotage::{self, Defect},
    time::Millis,
};
use rusqlite::{Connection, OptionalExtension, params};

/// Longest wait in milliseconds (one day), used only after a refusal or at the server's request.
///
/// A `not_before` further in the future means that the wall clock was set back; it counts as due.
pub const LONGEST_WAIT: i64 = 86_400_000;

/// Retry state of an item, photo, file or step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retry {
    /// Failures since the last success.
    pub attempts: u32,
    /// Wall-clock time of the next try; 0 if due.
    pub not_before: Millis,
    /// The server asked for this wait (429 or 503 with Retry-After): a manual sync honours it too.
    pub asked: bool,
    /// The last problem.
    pub problem: Option<Reason>,
}

impl Retry {
    /// When the next try may be made; `None` if it is due.
    pub fn wait_until(&self, now: Millis) -> Option<Millis> {
        is_ahead(self.not_before, now).then_some(self.not_before)
    }
    /// Applies a wait that holds for everything: the longer wait wins, the reason is used if there is none.
    pub(super) fn defer_to(&mut self, all: &Self) {
        if all.attempts == 0 {
            return;
        }
        self.not_before = self.not_before.max(all.not_before);
        self.asked |= all.asked;
        if self.problem.is_none() {
            self.problem.clone_from(&all.problem);
        }
    }
}

/// Returns true if `not_before` is in the future, and not because the wall clock was set back.
pub fn is_ahead(not_before: Millis, now: Millis) -> bool {
    let wait = not_before.since(now);
    wait > 0 && (wait <= LONGEST_WAIT || sabotage::is(Defect::WaitBelievedAfterClockSetBack))
}

/// Steps of the sync without a row of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SyncStep {
    /// Challenge and token; required by all others.
    Session,
    /// Pull of the mailboxes.
    Pull,
    /// The manifest of reference files.
    Manifest,
    /// The package of a newer app.
    App,
}

impl SyncStep {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Pull => "pull",
            Self::Manifest => "manifest",
            Self::App => "app",
        }
    }
}

/// Reads the columns `attempts, not_before, asked, problem_json` from index `first`.
pub(super) fn read(row: &rusqlite::Row<'_>, first: usize) -> Result<Retry> {
    let problem: Option<String> = row.get(first + 3)?;
    Ok(Retry {
        attempts: row.get(first)?,
        not_before: Millis(row.get(first + 1)?),
        asked: row.get(first + 2)?,
        problem: problem.map(|text| from_json(&text)).transpose()?,
    })
}

pub(super) fn problem_json(retry: &Retry) -> Result<Option<String>> {
    retry.problem.as_ref().map(to_json).transpose()
}

pub(super) fn step(connection: &Connection, step: SyncStep) -> Result<Retry> {
    Ok(connection
        .prepare_cached("SELECT attempts, not_before, asked, problem_json FROM step WHERE name = ?1")?
        .query_row([step.as_str()], |row| Ok(read(row, 0)))
        .optional()?
        .transpose()?
        .unwrap_or_default())
}

impl HandsetStore {
    /// The retry state of a step.
    pub fn step(&self, which: SyncStep) -> Result<Retry> {
        self.read(|c| step(c, which))
    }
    pub(crate) fn set_step(&self, which: SyncStep, retry: &Retry) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached(
                "INSERT INTO step (name, attempts, not_before, asked, problem_json) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (name) DO UPDATE SET attempts = excluded.attempts, not_before = excluded.not_before,
                     asked = excluded.asked, problem_json = excluded.problem_json",
            )?
            .execute(params![
                which.as_str(),
                retry.attempts,
                retry.not_before.0,
                retry.asked,
                problem_json(retry)?
            ])?;
            Ok(())
        })
    }
    /// Ends the waits that the handset chose itself, for a manual sync; waits that the server asked for stay.
    pub(crate) fn end_own_waits(&self) -> Result<()> {
        self.write(|tx| {
            for table in ["item", "photo", "step", "wanted_file", "compare_photo"] {
                run(
                    tx,
                    &format!("UPDATE {table} SET not_before = 0 WHERE asked = 0 AND not_before <> 0"),
                    [],
                )?;
            }
            Ok(())
        })
    }
    /// The earliest time at which a waiting thing becomes due; `None` if nothing waits.
    pub(crate) fn next_due(&self, now: Millis) -> Result<Option<Millis>> {
        Ok(self.next_wait(now)?.map(|wait| wait.not_before))
    }
    /// The retry state that becomes due next.
    pub(crate) fn next_wait(&self, now: Millis) -> Result<Option<Retry>> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT * FROM (
                     SELECT attempts, not_before, asked, problem_json FROM item
                         WHERE custody = 'waiting' AND refused_json IS NULL
                     UNION ALL SELECT p.attempts, p.not_before, p.asked, p.problem_json
                         FROM photo p JOIN item i ON i.id = p.item
                         WHERE p.custody = 'waiting' AND i.custody = 'received'
                     UNION ALL SELECT attempts, not_before, asked, problem_json FROM step WHERE attempts > 0 AND name <> 'app'
                     UNION ALL SELECT attempts, not_before, asked, problem_json FROM wanted_file
                     UNION ALL SELECT attempts, not_before, asked, problem_json FROM compare_photo
                         WHERE bytes IS NULL
                 ) WHERE not_before > ?1 ORDER BY not_before",
            )?;
            let mut rows = statement.query([now.0])?;
            while let Some(row) = rows.next()? {
                if is_ahead(Millis(row.get(1)?), now) {
                    return read(row, 0).map(Some);
                }
            }
            Ok(None)
        })
    }
    /// When the next try is due; `now` if one is due already, `None` if nothing waits to be sent or fetched. Nothing is
    /// tried before the session's own wait ends.
    pub(crate) fn next_try(&self, now: Millis) -> Result<Option<Millis>> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT not_before FROM item WHERE custody = 'waiting' AND refused_json IS NULL
                 UNION ALL SELECT p.not_before FROM photo p JOIN item i ON i.id = p.item
                     WHERE p.custody = 'waiting' AND i.custody = 'received'
                 UNION ALL SELECT not_before FROM wanted_file
                 UNION ALL SELECT not_before FROM compare_photo WHERE bytes IS NULL",
            )?;
            let due = |not_before: Millis| {
                if is_ahead(not_before, now) {
                    not_before
                } else {
                    now
                }
            };
            let times = statement.query_map([], |row| row.get(0).map(Millis))?;
            let times = times.collect::<rusqlite::Result<Vec<_>>>()?;
            let session = due(step(c, SyncStep::Session)?.not_before);
            Ok(times.into_iter().map(due).min().map(|next| next.max(session)))
        })
    }
}

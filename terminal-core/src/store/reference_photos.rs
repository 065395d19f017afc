//! Reference photos that tasks ask to compare with (核查): fetched in advance, so that they are available
//! without a network, and deleted with their tasks, because they belong to other people.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        retry::{self, Retry},
        sql::{parse, run},
    },
};
use protocol::{duty::TaskRow, feed::kind, photo::Sha256, time::Millis};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// Updates the list of reference photos from the tasks in the mailbox.
pub(super) fn follow_tasks(connection: &Connection) -> Result<()> {
    let mut statement = connection.prepare_cached("SELECT body FROM mailbox_row WHERE kind = ?1")?;
    let bodies = statement.query_map([kind::TASK], |row| row.get::<_, String>(0))?;
    let mut wanted = BTreeSet::new();
    for body in bodies {
        if let Ok(task) = serde_json::from_str::<TaskRow>(&body?) {
            wanted.extend(task.compare.map(|sha256| sha256.to_string()));
        }
    }
    let mut statement = connection.prepare_cached("SELECT sha256 FROM compare_photo")?;
    let here: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for gone in here.difference(&wanted) {
        run(connection, "DELETE FROM compare_photo WHERE sha256 = ?1", [gone])?;
    }
    for new in wanted.difference(&here) {
        run(
            connection,
            "INSERT INTO compare_photo (sha256) VALUES (?1)",
            [new],
        )?;
    }
    Ok(())
}

impl HandsetStore {
    /// The bytes of a reference photo, if they were fetched.
    pub fn compare_photo(&self, sha256: Sha256) -> Result<Option<Vec<u8>>> {
        self.read(|c| {
            let bytes = c
                .prepare_cached("SELECT bytes FROM compare_photo WHERE sha256 = ?1")?
                .query_row([sha256.to_string()], |row| row.get::<_, Option<Vec<u8>>>(0))
                .optional()?;
            Ok(bytes.flatten())
        })
    }

    /// The retry state of a photo that was not fetched yet.
    pub(crate) fn compare_retry(&self, sha256: Sha256) -> Result<Retry> {
        self.read(|c| {
            let retry = c
                .prepare_cached(
                    "SELECT attempts, not_before, asked, problem_json FROM compare_photo WHERE sha256 = ?1",
                )?
                .query_row([sha256.to_string()], |row| Ok(retry::read(row, 0)))
                .optional()?
                .transpose()?;
            Ok(retry.unwrap_or_default())
        })
    }

    /// The next photo to fetch, and the number of failures so far.
    pub(crate) fn next_compare_photo(&self, now: Millis) -> Result<Option<(Sha256, u32)>> {
        self.read(|c| {
            let row = c
                .prepare_cached(
                    "SELECT sha256, attempts FROM compare_photo
                     WHERE bytes IS NULL AND (not_before <= ?1 OR not_before > ?2) ORDER BY sha256 LIMIT 1",
                )?
                .query_row(params![now.0, now.plus(retry::LONGEST_WAIT).0], |row| {
                    Ok((row.get::<_, String>(0)?, row.get(1)?))
                })
                .optional()?;
            row.map(|(sha256, attempts)| Ok((parse(&sha256)?, attempts)))
                .transpose()
        })
    }

    /// Stores the bytes; the caller has verified the hash.
    pub(crate) fn save_compare_photo(&self, sha256: Sha256, bytes: &[u8]) -> Result<()> {
        self.write(|tx| {
            run(
                tx,
                "UPDATE compare_photo SET bytes = ?2, attempts = 0, not_before = 0, asked = 0, problem_json = NULL
                 WHERE sha256 = ?1",
                params![sha256.to_string(), bytes],
            )?;
            Ok(())
        })
    }

    /// Records a failed try.
    pub(crate) fn fail_compare_photo(&self, sha256: Sha256, retry: &Retry) -> Result<()> {
        self.write(|tx| {
            run(
                tx,
                "UPDATE compare_photo SET attempts = ?2, not_before = ?3, asked = ?4, problem_json = ?5
                 WHERE sha256 = ?1",
                params![
                    sha256.to_string(),
                    retry.attempts,
                    retry.not_before.0,
                    retry.asked,
                    retry::problem_json(retry)?
                ],
            )?;
            Ok(())
        })
    }
}

//! Which tasks the worker has been shown.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        sql::{parse, run},
    },
};
use protocol::{feed::kind, ids::TaskId};
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// Forgets tasks that are gone from the mailbox.
pub(super) fn forget_gone(connection: &Connection) -> Result<()> {
    let sql = "DELETE FROM seen_task WHERE task NOT IN (SELECT entity FROM mailbox_row WHERE kind = ?1)";
    run(connection, sql, [kind::TASK]).map(drop)
}

impl HandsetStore {
    /// Marks tasks as seen. Tasks that are not in the mailbox are left out.
    pub(crate) fn mark_tasks_seen(&self, tasks: &[TaskId]) -> Result<()> {
        self.write(|tx| {
            for task in tasks {
                run(
                    tx,
                    "INSERT INTO seen_task (task) SELECT ?1
                     WHERE EXISTS (SELECT 1 FROM mailbox_row WHERE kind = ?2 AND entity = ?1)
                     ON CONFLICT DO NOTHING",
                    params![task.to_string(), kind::TASK],
                )?;
            }
            Ok(())
        })
    }
    /// The tasks that were seen.
    pub(crate) fn seen_tasks(&self) -> Result<BTreeSet<TaskId>> {
        self.read(|c| {
            let mut statement = c.prepare_cached("SELECT task FROM seen_task")?;
            let mut rows = statement.query([])?;
            let mut seen = BTreeSet::new();
            while let Some(row) = rows.next()? {
                seen.insert(parse(&row.get::<_, String>(0)?)?);
            }
            Ok(seen)
        })
    }
}

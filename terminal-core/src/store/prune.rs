//! Deletes items that the server has held for long enough, and lists the photo files that are needed.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        matter_use::PrunedReports,
        planted::ripe_before,
        planted_items::without_received,
        sql::{parse, run},
    },
};
use protocol::{
    ids::{EntryId, RecordId},
    time::Millis,
};
use rusqlite::Connection;
use std::collections::BTreeSet;

impl HandsetStore {
    /// Deletes items that the server has held with all their photos since before `older_than` (server time),
    /// except those for which `keep` returns true. Returns the photo files that no item names any more.
    pub fn prune(&self, older_than: Millis, keep: &dyn Fn(EntryId, RecordId) -> bool) -> Result<Vec<String>> {
        self.write(|tx| {
            let before = files(tx)?;
            let mut old: Vec<(EntryId, RecordId)> = Vec::new();
            {
                let mut statement = tx.prepare_cached(RIPE)?;
                let mut rows = statement.query([ripe_before(older_than)])?;
                while let Some(row) = rows.next()? {
                    let (id, record): (String, String) = (row.get(0)?, row.get(1)?);
                    old.push((parse(&id)?, parse(&record)?));
                }
            }
            let mut reports = PrunedReports::default();
            for (id, record) in old.into_iter().filter(|(id, record)| !keep(*id, *record)) {
                reports.add(tx, id, record)?;
                run(tx, "DELETE FROM item WHERE id = ?1", [id.to_string()])?;
                run(tx, "DELETE FROM read_item WHERE item = ?1", [id.to_string()])?;
            }
            reports.keep_counts(tx)?;
            let after = files(tx)?;
            Ok(before.difference(&after).cloned().collect())
        })
    }
    /// Returns true if [`Self::prune`] may find something.
    pub(crate) fn has_ripe(&self, older_than: Millis) -> Result<bool> {
        self.read(|c| Ok(c.prepare_cached(RIPE)?.exists([ripe_before(older_than)])?))
    }
    /// Photo files that items name. Others in the folder belong to drafts or to nothing.
    pub fn photo_files(&self) -> Result<BTreeSet<String>> {
        without_received(self.read(files)?, || self.items())
    }
}

/// Items that the server has held with all their photos since before ?1.
const RIPE: &str = "SELECT id, record FROM item WHERE custody = 'received' AND received_at < ?1
    AND NOT EXISTS (SELECT 1 FROM photo p WHERE p.item = item.id
        AND (p.custody = 'waiting' OR p.received_at >= ?1))";

pub(super) fn files(connection: &Connection) -> Result<BTreeSet<String>> {
    let mut statement = connection.prepare_cached("SELECT file FROM photo")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w13_what_may_be_deleted_is_found_without_walking_all_items() {
        let dir = tempfile::tempdir().unwrap();
        let store = HandsetStore::open(dir.path(), [7; 32]).unwrap();
        let plan: Vec<String> = store
            .read(|c| {
                let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {RIPE}"))?;
                let rows = statement.query_map([0], |row| row.get(3))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .unwrap();
        assert!(
            plan[0].ends_with("item USING INDEX item_by_received_at (received_at<?)"),
            "{plan:#?}"
        );
    }
}

//! Items by pages, and what belongs to them, found by keys: the cost is that of the page and not of the store.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        items::{Item, select},
        sql::{from_json, parse, run, to_json},
    },
};
use protocol::{
    ids::{EntryId, RecordId},
    payload::EntryKind,
};
use rusqlite::{Connection, params};
use std::collections::HashSet;

/// Which items a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemSelection {
    /// All items.
    All,
    /// Items that are not received with all their photos.
    Unsent,
    /// Items that the server refused, rejected, or whose activity was returned. Some of them are revised already.
    Returned,
}

impl ItemSelection {
    /// The numbers of a page, below ?1 and at most ?2. `+` keeps the bound ?1 from being chosen as the way to the rows:
    /// few items are unsent or returned, and walking all items to find them would cost what the handset holds.
    const fn numbers(self) -> &'static str {
        match self {
            Self::All => "SELECT n FROM item WHERE n < ?1 ORDER BY n DESC LIMIT ?2",
            Self::Unsent => {
                "SELECT n FROM item WHERE +n < ?1 AND n IN (
                     SELECT n FROM item WHERE custody = 'waiting'
                     UNION SELECT i.n FROM photo p JOIN item i ON i.id = p.item WHERE p.custody = 'waiting')
                 ORDER BY n DESC LIMIT ?2"
            }
            Self::Returned => {
                "SELECT n FROM item WHERE +n < ?1 AND n IN (
                     SELECT n FROM item WHERE custody = 'waiting' AND refused_json IS NOT NULL
                     UNION SELECT n FROM item WHERE disposition = 'rejected'
                     UNION SELECT i.n FROM mailbox_row r JOIN item i ON i.id = json_extract(r.body, '$.entry')
                         WHERE r.kind = 'activity' AND json_extract(r.body, '$.state') = 'returned')
                 ORDER BY n DESC LIMIT ?2"
            }
        }
    }
}

impl HandsetStore {
    /// At most `limit` items with numbers below `before`, last filed first.
    pub fn items_page(&self, which: ItemSelection, before: Option<u64>, limit: usize) -> Result<Vec<Item>> {
        let before = before.map_or(i64::MAX, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let condition = format!("n IN ({})", which.numbers());
        let mut items = self.read(|c| select(c, &condition, [before, limit]))?;
        items.reverse();
        Ok(items)
    }
    /// The withdrawals of these entries that this handset filed.
    pub(crate) fn withdrawals_of(&self, ids: &[EntryId]) -> Result<Vec<Item>> {
        let ids = to_json(&ids)?;
        self.read(|c| {
            select(
                c,
                "kind = 'withdraw' AND after_entry IN (SELECT value FROM json_each(?1))",
                [&ids],
            )
        })
    }
    /// Those of these entries that another item of this handset revises.
    pub(crate) fn revised_of(&self, ids: &[EntryId]) -> Result<HashSet<EntryId>> {
        self.read(|c| {
            let sql = "SELECT supersedes FROM item
                       WHERE supersedes IN (SELECT value FROM json_each(?1)) AND cancelled IS NULL";
            ids_of(c, sql, ids)
        })
    }
    /// Those of these entries that are items of this handset.
    pub(crate) fn items_among(&self, ids: &[EntryId]) -> Result<HashSet<EntryId>> {
        self.read(|c| {
            ids_of(
                c,
                "SELECT id FROM item WHERE id IN (SELECT value FROM json_each(?1))",
                ids,
            )
        })
    }
    /// Those of these entries whose final answer the worker has read.
    pub(crate) fn read_among(&self, ids: &[EntryId]) -> Result<HashSet<EntryId>> {
        self.read(|c| {
            ids_of(
                c,
                "SELECT item FROM read_item WHERE item IN (SELECT value FROM json_each(?1))",
                ids,
            )
        })
    }
    /// Notes that the worker has read the final answer to these items.
    pub(crate) fn mark_items_read(&self, ids: &[EntryId]) -> Result<()> {
        let ids = to_json(&ids)?;
        self.write(|tx| {
            let sql = "INSERT INTO read_item (item) SELECT value FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";
            run(tx, sql, [&ids]).map(drop)
        })
    }
    /// The mailbox bodies of a kind about these records. Bodies that this version cannot read are left out.
    pub(crate) fn mailbox_about<T: serde::de::DeserializeOwned>(
        &self,
        kind: &str,
        records: &[RecordId],
    ) -> Result<Vec<T>> {
        let records = to_json(&records)?;
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT body FROM mailbox_row
                 WHERE kind = ?1 AND json_extract(body, '$.record') IN (SELECT value FROM json_each(?2))
                 ORDER BY mailbox, n",
            )?;
            let mut rows = statement.query(params![kind, records])?;
            let mut bodies = Vec::new();
            while let Some(row) = rows.next()? {
                bodies.extend(from_json(&row.get::<_, String>(0)?).ok());
            }
            Ok(bodies)
        })
    }
    /// The last items of these kinds, last filed first, at most `limit` with numbers below `before`.
    pub(crate) fn last_of(
        &self,
        kinds: [EntryKind; 2],
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Item>> {
        let before = before.map_or(i64::MAX, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let [one, other] = kinds.map(EntryKind::as_str);
        let condition = format!(
            "id IN (SELECT item.id FROM item WHERE item.n < ?1 AND item.kind IN ('{one}', '{other}')
                    ORDER BY item.n DESC LIMIT ?2)"
        );
        let mut items = self.read(|c| select(c, &condition, [before, limit]))?;
        items.reverse();
        Ok(items)
    }
    /// How many items wait for a receipt and were not refused, and how many drafts are not filed.
    pub(crate) fn counts(&self) -> Result<ItemCounts> {
        self.read(|c| {
            let count = |sql: &str| c.prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(0));
            Ok(ItemCounts {
                waiting: count(
                    "SELECT count(*) FROM item WHERE custody = 'waiting' AND refused_json IS NULL AND cancelled IS NULL",
                )?,
                drafts: count("SELECT count(*) FROM draft WHERE id NOT IN (SELECT id FROM item)")?,
            })
        })
    }
}

/// Counts for the home screen.
pub(crate) struct ItemCounts {
    pub(crate) waiting: u32,
    pub(crate) drafts: u32,
}

fn ids_of(connection: &Connection, sql: &str, ids: &[EntryId]) -> Result<HashSet<EntryId>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([to_json(&ids)?])?;
    let mut found = HashSet::new();
    while let Some(row) = rows.next()? {
        found.insert(parse(&row.get::<_, String>(0)?)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w13_few_unsent_or_returned_items_are_found_without_walking_all_items() {
        let dir = tempfile::tempdir().unwrap();
        let store = HandsetStore::open(dir.path(), [7; 32]).unwrap();
        for which in [ItemSelection::Unsent, ItemSelection::Returned] {
            let sql = format!("EXPLAIN QUERY PLAN {}", which.numbers());
            let plan: Vec<String> = store
                .read(|c| {
                    let mut statement = c.prepare(&sql)?;
                    let rows = statement.query_map([i64::MAX, 50], |row| row.get(3))?;
                    Ok(rows.collect::<rusqlite::Result<_>>()?)
                })
                .unwrap();
            let walks = |step: &&String| {
                (step.contains("n<?") || step.starts_with("SCAN"))
                    && !["item_waiting", "item_rejected", "photo_waiting"]
                        .iter()
                        .any(|few| step.ends_with(few))
            };
            assert_eq!(plan.iter().find(walks), None, "{which:?}: {plan:#?}");
        }
    }
}

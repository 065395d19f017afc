//! The author's records by time: rows of cases and activities in the mailbox, and own items of records that have no
//! row yet. Both are read from an index in the order of the page, so the cost is that of the page.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        sql::{from_json, parse},
    },
};
use protocol::{
    feed::{ActivityRow, CaseRow, kind},
    ids::{EntryId, RecordId},
    time::Millis,
};
use rusqlite::{Connection, OptionalExtension as _, Rows, params};

/// A place in the history: the record that was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HistoryPlace {
    pub(crate) made: Millis,
    pub(crate) record: RecordId,
}

/// What the server says about a record.
#[derive(Debug, Clone)]
pub(crate) enum RecordRow {
    Case(CaseRow),
    Activity(ActivityRow),
}

/// One record of the author.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRecord {
    pub(crate) place: HistoryPlace,
    /// `None` before the server's row has arrived.
    pub(crate) row: Option<RecordRow>,
    /// The last version of the record that is an item of this handset.
    pub(crate) item: Option<EntryId>,
}

/// The time and the record of a mailbox row, as in the index `mailbox_row_history`.
const MADE: &str = "CAST(coalesce(json_extract(body, '$.made'), json_extract(body, '$.at')) AS INTEGER)";
const RECORD: &str = "json_extract(body, '$.record')";

fn rows_sql() -> String {
    format!(
        "SELECT {MADE}, {RECORD}, kind, body FROM mailbox_row INDEXED BY mailbox_row_history
         WHERE kind IN ('case', 'activity') AND {MADE} <= ?1 AND ({MADE} < ?1 OR {RECORD} < ?2)
         ORDER BY {MADE} DESC, {RECORD} DESC"
    )
}

/// The last item of each record without a mailbox row.
const ITEMS: &str = "SELECT i.created, i.record, i.id FROM item i INDEXED BY item_history
    WHERE i.kind IN ('report', 'activity') AND i.created <= ?1 AND (i.created < ?1 OR i.record < ?2)
      AND NOT EXISTS (SELECT 1 FROM item o
                      WHERE o.record = i.record AND o.n > i.n AND o.kind IN ('report', 'activity'))
      AND NOT EXISTS (SELECT 1 FROM mailbox_row r
                      WHERE r.kind IN ('case', 'activity') AND json_extract(r.body, '$.record') = i.record)
    ORDER BY i.created DESC, i.record DESC";

const LAST_ITEM: &str =
    "SELECT id FROM item WHERE record = ?1 AND kind IN ('report', 'activity') ORDER BY n DESC LIMIT 1";

fn last_item(connection: &Connection, record: RecordId) -> Result<Option<EntryId>> {
    let found: Option<String> = connection
        .prepare_cached(LAST_ITEM)?
        .query_row([record.to_string()], |row| row.get(0))
        .optional()?;
    found.map(|id| parse(&id)).transpose()
}

/// The next row that this version can read. A row that it cannot read is shown if the handset has an item of the record.
fn next_row(connection: &Connection, rows: &mut Rows<'_>) -> Result<Option<HistoryRecord>> {
    while let Some(row) = rows.next()? {
        let (made, record): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
        let (is_case, body): (bool, String) = (row.get::<_, String>(2)? == kind::CASE, row.get(3)?);
        let Some(record) = record.and_then(|text| text.parse().ok()) else {
            continue;
        };
        let said = if is_case {
            from_json(&body).map(RecordRow::Case)
        } else {
            from_json(&body).map(RecordRow::Activity)
        };
        let item = last_item(connection, record)?;
        if said.is_err() && item.is_none() {
            continue;
        }
        return Ok(Some(HistoryRecord {
            place: HistoryPlace {
                made: Millis(made),
                record,
            },
            row: said.ok(),
            item,
        }));
    }
    Ok(None)
}

fn next_item(rows: &mut Rows<'_>) -> Result<Option<HistoryRecord>> {
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let (record, id): (String, String) = (row.get(1)?, row.get(2)?);
    Ok(Some(HistoryRecord {
        place: HistoryPlace {
            made: Millis(row.get(0)?),
            record: parse(&record)?,
        },
        row: None,
        item: Some(parse(&id)?),
    }))
}

impl HandsetStore {
    /// At most `limit` records that come after this place, newest first; from the newest without one.
    pub(crate) fn history(&self, after: Option<HistoryPlace>, limit: usize) -> Result<Vec<HistoryRecord>> {
        let made = after.map_or(i64::MAX, |place| place.made.0);
        let record = after.map_or_else(String::new, |place| place.record.to_string());
        self.read(|c| {
            let mut row_statement = c.prepare_cached(&rows_sql())?;
            let mut item_statement = c.prepare_cached(ITEMS)?;
            let mut rows = row_statement.query(params![made, record])?;
            let mut items = item_statement.query(params![made, record])?;
            let (mut row, mut item) = (next_row(c, &mut rows)?, next_item(&mut items)?);
            let mut page = Vec::new();
            while page.len() < limit {
                let row_is_newer = match (&row, &item) {
                    (None, None) => break,
                    (Some(_), None) => true,
                    (None, Some(_)) => false,
                    (Some(row), Some(item)) => row.place > item.place,
                };
                let (head, next) = if row_is_newer {
                    let next = next_row(c, &mut rows)?;
                    (&mut row, next)
                } else {
                    let next = next_item(&mut items)?;
                    (&mut item, next)
                };
                page.extend(std::mem::replace(head, next));
            }
            Ok(page)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema::migrate;

    /// The plan of a statement, without a step that sorts or reads a whole table.
    #[test]
    fn a_page_is_read_from_the_indexes_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        for (sql, index) in [
            (rows_sql().as_str(), "mailbox_row_history"),
            (ITEMS, "item_history"),
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps: Vec<String> = statement
                .query_map(params![1, ""], |row| row.get(3))
                .unwrap()
                .map(|step| step.unwrap())
                .collect();
            assert!(
                steps[0].starts_with("SEARCH") && steps[0].contains(index),
                "{steps:?}"
            );
            let is_slow = |step: &String| step.contains("TEMP B-TREE") || step.starts_with("SCAN");
            assert!(!steps.iter().any(is_slow), "{steps:?}");
        }
    }
}

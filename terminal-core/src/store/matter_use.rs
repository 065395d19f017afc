//! How often the worker has reported each type (事/部件): counted over the reports on this handset. Those that are
//! deleted after their time (30 days) stay counted in one setting.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        settings,
        sql::{from_json, parse, to_json, uint},
    },
};
use protocol::{
    codes::MatterCode,
    ids::{EntryId, RecordId},
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often a type was reported, and the number of the last report with it. Greater means used more, then later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct MatterUse {
    pub(crate) reports: u64,
    pub(crate) last_n: u64,
}

impl MatterUse {
    fn add(&mut self, other: Self) {
        self.reports = self.reports.saturating_add(other.reports);
        self.last_n = self.last_n.max(other.last_n);
    }
}

pub(crate) type MatterUses = BTreeMap<MatterCode, MatterUse>;

/// The last version of each report with the type that it names. SQLite takes the bare column from the row of MAX(n).
const LAST_VERSIONS: &str =
    "SELECT json_extract(CAST(bytes AS TEXT), '$.payload.matter') AS matter, MAX(n) AS n
    FROM item WHERE kind = 'report' GROUP BY record";

/// Reports that a pruning deletes, by record: type and number of the last version.
#[derive(Debug, Default)]
pub(super) struct PrunedReports(BTreeMap<RecordId, (u64, Option<MatterCode>)>);

impl PrunedReports {
    /// Remembers an item that is about to be deleted; other kinds are ignored.
    pub(super) fn add(&mut self, connection: &Connection, id: EntryId, record: RecordId) -> Result<()> {
        let mut statement = connection.prepare_cached(
            "SELECT n, json_extract(CAST(bytes AS TEXT), '$.payload.matter') FROM item
             WHERE id = ?1 AND kind = 'report'",
        )?;
        let mut rows = statement.query([id.to_string()])?;
        while let Some(row) = rows.next()? {
            let n = uint(row.get(0)?)?;
            let matter: Option<String> = row.get(1)?;
            // A code that this version cannot read is not counted.
            let matter = matter.and_then(|text| text.parse().ok());
            let last = self.0.entry(record).or_insert((n, matter));
            if n > last.0 {
                *last = (n, matter);
            }
        }
        Ok(())
    }
    /// Keeps their counts. Call after the deletion: a record with a newer version on the handset is still counted
    /// there.
    pub(super) fn keep_counts(self, connection: &Connection) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut kept = kept(connection)?;
        let mut is_here = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM item WHERE record = ?1 AND kind = 'report')")?;
        for (record, (n, matter)) in self.0 {
            let here: bool = is_here.query_row([record.to_string()], |row| row.get(0))?;
            if let Some(matter) = matter.filter(|_| !here) {
                kept.entry(matter).or_default().add(MatterUse {
                    reports: 1,
                    last_n: n,
                });
            }
        }
        settings::set(connection, settings::keys::MATTER_USE, &to_json(&kept)?)
    }
}

fn kept(connection: &Connection) -> Result<MatterUses> {
    settings::get(connection, settings::keys::MATTER_USE)?
        .map_or_else(|| Ok(MatterUses::new()), |text| from_json(&text))
}

impl HandsetStore {
    /// How often each type was reported, including reports that were deleted after their time.
    pub(crate) fn matter_uses(&self) -> Result<MatterUses> {
        self.read(|c| {
            let mut uses = kept(c)?;
            let mut statement = c.prepare_cached(&format!(
                "SELECT matter, COUNT(*), MAX(n) FROM ({LAST_VERSIONS}) WHERE matter IS NOT NULL GROUP BY matter"
            ))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                uses.entry(parse(&row.get::<_, String>(0)?)?)
                    .or_default()
                    .add(MatterUse {
                        reports: uint(row.get(1)?)?,
                        last_n: uint(row.get(2)?)?,
                    });
            }
            Ok(uses)
        })
    }
}

//! Data use (SP-12: whoever exceeds the plan pays for it). Bytes are summed by civil month of Asia/Shanghai
//! and by kind, each in one statement, so that none is counted twice.

use crate::{
    Result,
    platform::surroundings::NetworkCost,
    store::{
        database::Store,
        sql::{int, uint},
    },
    transport::request::Traffic,
};
use protocol::time::Millis;
use rusqlite::params;
use std::fmt;

/// A civil month of Asia/Shanghai, such as `2026-11`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanMonth(String);

impl PlanMonth {
    /// The month that contains `at`.
    pub fn of(at: Millis) -> Self {
        Self(at.civil().strftime("%Y-%m").to_string())
    }
}

impl fmt::Display for PlanMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the bytes were used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrafficKind {
    /// 内容: entries and receipts, and the token requests they need.
    Entries,
    /// 照片: photos of reports, and reference photos of tasks.
    Photos,
    /// 资料: grid and catalogues, and their manifest.
    Files,
    /// 任务和结果: mailboxes and hints.
    Mailbox,
}

impl TrafficKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Entries, Self::Photos, Self::Files, Self::Mailbox];

    /// The name in the database and in JSON documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Photos => "photos",
            Self::Files => "files",
            Self::Mailbox => "mailbox",
        }
    }
    /// The kind of a request with this path.
    pub fn of_path(path: &str) -> Self {
        let what = path.strip_prefix("/v1/field/").unwrap_or(path);
        match what.split(['/', '?']).next() {
            Some("photos") => Self::Photos,
            Some("files" | "manifest") => Self::Files,
            Some("pull" | "events") => Self::Mailbox,
            _ => Self::Entries,
        }
    }
}

/// One row of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficUse {
    pub kind: String,
    /// On a metered network, roaming included; only these bytes count towards the budget.
    pub metered: bool,
    /// On another operator's network.
    pub roaming: bool,
    /// At IP level.
    pub traffic: Traffic,
}

/// Values of the column `metered`. Versions that know no roaming read every other value than 0 as metered.
const FREE: i64 = 0;
const METERED: i64 = 1;
const ROAMING: i64 = 2;

const fn column(cost: NetworkCost) -> i64 {
    match cost {
        NetworkCost::Free => FREE,
        NetworkCost::Metered => METERED,
        NetworkCost::Roaming => ROAMING,
    }
}

impl Store {
    /// The rows of a month.
    pub fn traffic(&self, month: &PlanMonth) -> Result<Vec<TrafficUse>> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT kind, metered, sent, received FROM traffic WHERE month = ?1 ORDER BY kind, metered",
            )?;
            let mut rows = statement.query([&month.0])?;
            let mut used = Vec::new();
            while let Some(row) = rows.next()? {
                let cost: i64 = row.get(1)?;
                used.push(TrafficUse {
                    kind: row.get(0)?,
                    metered: cost != FREE,
                    roaming: cost == ROAMING,
                    traffic: Traffic {
                        sent: uint(row.get(2)?)?,
                        received: uint(row.get(3)?)?,
                        ..Traffic::default()
                    },
                });
            }
            Ok(used)
        })
    }
    /// Metered bytes of a month, sent and received.
    pub fn metered_bytes(&self, month: &PlanMonth) -> Result<u64> {
        let used = self.traffic(month)?;
        let metered = used.iter().filter(|used| used.metered);
        Ok(metered.map(|used| used.traffic.total()).sum())
    }
    pub(crate) fn add_traffic(
        &self,
        month: &PlanMonth,
        used: &[((NetworkCost, TrafficKind), Traffic)],
    ) -> Result<()> {
        self.write(|tx| {
            for ((cost, kind), traffic) in used {
                tx.prepare_cached(
                    "INSERT INTO traffic (month, kind, metered, sent, received) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (month, kind, metered) DO UPDATE SET
                         sent = sent + excluded.sent, received = received + excluded.received",
                )?
                .execute(params![
                    month.0,
                    kind.as_str(),
                    column(*cost),
                    int(traffic.sent)?,
                    int(traffic.received)?
                ])?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_in_shanghai() {
        // 2026-11-30 15:59:59 and 16:00:00 UTC.
        assert_eq!(PlanMonth::of(Millis(1_796_054_399_999)).to_string(), "2026-11");
        assert_eq!(PlanMonth::of(Millis(1_796_054_400_000)).to_string(), "2026-12");
    }

    #[test]
    fn every_request_path_has_a_traffic_kind() {
        for (path, kind) in [
            ("/v1/field/push", TrafficKind::Entries),
            ("/v1/field/challenge", TrafficKind::Entries),
            ("/v1/field/photos", TrafficKind::Photos),
            ("/v1/field/photos/by-hash/ab", TrafficKind::Photos),
            ("/v1/field/files/ab", TrafficKind::Files),
            ("/v1/field/manifest", TrafficKind::Files),
            ("/v1/field/pull?cursor=1", TrafficKind::Mailbox),
            ("/v1/field/events", TrafficKind::Mailbox),
        ] {
            assert_eq!(TrafficKind::of_path(path), kind, "{path}");
        }
    }
}

//! Data use (SP-12: whoever exceeds the plan pays for it). Bytes are summed by civil month of Asia/Shanghai
//! and by kind, each in one statement, so that none is counted twice.

use crate::{
    Error, Result,
    platform::{home::PHONE_DATA_USE, surroundings::NetworkCost},
    store::{
        database::HandsetStore,
        sql::{int, uint},
    },
    transport::request::Traffic,
};
use protocol::time::Millis;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

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

/// Months that are kept in the shared file; more than one, because a clock can be set back.
const SHARED_MONTHS: usize = 3;

/// The metered bytes of all users, in the handset's folder.
#[derive(Debug, Default, Serialize, Deserialize)]
struct PhoneDataUse {
    /// Bytes by month and stream.
    months: BTreeMap<String, BTreeMap<String, u64>>,
}

impl PhoneDataUse {
    fn bytes(&self, month: &PlanMonth, stream: &str) -> u64 {
        let streams = self.months.get(&month.0);
        streams
            .and_then(|streams| streams.get(stream))
            .copied()
            .unwrap_or(0)
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

impl HandsetStore {
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
    /// Metered bytes of a month, sent and received, of all users of the phone: the plan is the phone's. The other
    /// users' bytes are those that their stores have shared, see [`HandsetStore::share_data_use`].
    ///
    /// # Errors
    /// Errors of store and disk.
    pub fn metered_bytes(&self, month: &PlanMonth) -> Result<u64> {
        let own = self.own_metered_bytes(month)?;
        let Some(mut phone) = self.phone_file::<PhoneDataUse>(PHONE_DATA_USE)? else {
            return Ok(own);
        };
        let mut streams = phone.months.remove(&month.0).unwrap_or_default();
        match self.account() {
            Ok(account) => drop(streams.remove(&account.stream.to_string())),
            Err(Error::NotEnrolled) => {}
            Err(error) => return Err(error),
        }
        Ok(streams
            .values()
            .fold(own, |sum, bytes| sum.saturating_add(*bytes)))
    }
    /// Metered bytes of a month, sent and received, of this user alone.
    fn own_metered_bytes(&self, month: &PlanMonth) -> Result<u64> {
        let used = self.traffic(month)?;
        let metered = used.iter().filter(|used| used.metered);
        Ok(metered.map(|used| used.traffic.total()).sum())
    }
    /// Writes this user's metered bytes of a month where the other users' stores read them. Does nothing on a handset
    /// with one user. The database remains the source: a number that was not shared because of an error or a kill is
    /// shared at the next count or open. A stream's number stays when its home is wiped or its database moved to
    /// quarantine, because the phone's plan has paid for it.
    ///
    /// # Errors
    /// Errors of store and disk.
    pub(crate) fn share_data_use(&self, month: &PlanMonth) -> Result<()> {
        if !self.has_other_users() {
            return Ok(());
        }
        let (own, stream) = (self.own_metered_bytes(month)?, self.account()?.stream.to_string());
        let known = self.phone_file::<PhoneDataUse>(PHONE_DATA_USE)?;
        if known.is_some_and(|phone| phone.bytes(month, &stream) == own) || own == 0 {
            return Ok(());
        }
        self.change_phone_file(PHONE_DATA_USE, |phone: Option<PhoneDataUse>| {
            let mut phone = phone.unwrap_or_default();
            phone
                .months
                .entry(month.0.clone())
                .or_default()
                .insert(stream, own);
            while phone.months.len() > SHARED_MONTHS {
                phone.months.pop_first();
            }
            Some(phone)
        })
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
        })?;
        // The count is stored; a failure delays only what the other users know of it.
        if let Err(error) = self.share_data_use(month) {
            tracing::info!(name: "data_use.not_shared", cause = error.code().as_str());
        }
        Ok(())
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

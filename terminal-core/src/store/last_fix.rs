//! The last position fix that the worker used, with its age.
//!
//! A screen starts its map there, and a worker without a fix sees how old the last one is. The age is counted on the
//! monotonic clock, so that changing the wall clock does not affect it; across a reboot it is unknown.

use crate::{
    Result,
    platform::clock::ClockRaw,
    store::{
        database::HandsetStore,
        settings,
        sql::{from_json, to_json},
    },
};
use protocol::evidence::Position;
use serde::{Deserialize, Serialize};

/// The last fix that was used in a check-in, a report, an answer, an activity record or a place lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFix {
    /// The position with its provider, accuracy and fix time.
    pub position: Position,
    /// How old it is at least, in milliseconds; `None` if the handset was restarted since.
    pub age_ms: Option<i64>,
}

/// The stored form. Only add fields, with a default.
#[derive(Debug, Serialize, Deserialize)]
struct StoredFix {
    position: Position,
    boot: String,
    /// Monotonic time at which it was first used, milliseconds.
    seen_ms: i64,
    /// Its age at that time, milliseconds; 0 if neither the fix nor a trusted time said it.
    #[serde(default)]
    age_ms: i64,
}

/// A fix time later than the estimated time by more than this many milliseconds is wrong.
const FUTURE_MS: i64 = 60_000;

impl HandsetStore {
    /// Keeps a fix durably, unless it is the kept one or older. A draft of yesterday brings its old fix again; a kept
    /// fix from the future (a wall clock that was wrong) is replaced by any other.
    pub(crate) fn keep_fix(&self, now: &ClockRaw, fix: &Position) -> Result<()> {
        let clock = self.clock_reading(now.clone())?;
        let estimate = clock.estimate();
        if let Some(kept) = self.stored_fix()? {
            let is_possible = kept.position.fix_time <= estimate.plus(FUTURE_MS);
            if kept.position == *fix || is_possible && fix.fix_time < kept.position.fix_time {
                return Ok(());
            }
        }
        let by_its_time = clock.is_trusted().then(|| estimate.since(fix.fix_time).max(0));
        let new = StoredFix {
            position: fix.clone(),
            boot: now.boot.clone(),
            seen_ms: now.monotonic_ms,
            age_ms: fix.age_at(now.monotonic_ms).or(by_its_time).unwrap_or(0),
        };
        self.write(|tx| settings::set(tx, settings::keys::LAST_FIX, &to_json(&new)?))
    }
    /// The kept fix, with its age at `now`.
    pub(crate) fn last_fix(&self, now: &ClockRaw) -> Result<Option<LastFix>> {
        Ok(self.stored_fix()?.map(|kept| {
            let passed = now.monotonic_ms.saturating_sub(kept.seen_ms);
            let is_known = kept.boot == now.boot && passed >= 0;
            LastFix {
                age_ms: is_known.then(|| kept.age_ms.saturating_add(passed)),
                position: kept.position,
            }
        }))
    }
    fn stored_fix(&self) -> Result<Option<StoredFix>> {
        self.read(|c| {
            settings::get(c, settings::keys::LAST_FIX)?
                .map(|text| from_json(&text))
                .transpose()
        })
    }
}

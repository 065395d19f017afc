//! The time at which an item was filed, as people see it: by the corrected clock, also if it was corrected later.

use crate::{Result, platform::clock::ClockRaw, store::database::HandsetStore};
use rusqlite::params;

impl HandsetStore {
    /// Corrects the times of items that were filed while the time was not known, once it is: exactly for this boot, and
    /// by the same difference for earlier ones, because a wrong wall clock mostly stays wrong over a restart. The
    /// entries themselves keep what the clocks said.
    ///
    /// # Errors
    /// Errors of the store.
    pub(crate) fn correct_made_times(&self, now: &ClockRaw) -> Result<()> {
        let Some(offset_ms) = self.clock_reading(now.clone())?.offset_ms else {
            return Ok(());
        };
        let is_any = "SELECT 1 FROM item WHERE made_boot IS NOT NULL";
        if !self.read(|c| Ok(c.prepare_cached(is_any)?.exists([])?))? {
            return Ok(());
        }
        let true_minus_monotonic = now
            .wall
            .0
            .saturating_add(offset_ms)
            .saturating_sub(now.monotonic_ms);
        self.write(|tx| {
            tx.execute(
                "UPDATE item SET
                     created = CASE made_boot WHEN ?1 THEN made_monotonic_ms + ?2 ELSE created + ?3 END,
                     made_boot = NULL, made_monotonic_ms = NULL
                 WHERE made_boot IS NOT NULL",
                params![now.boot, true_minus_monotonic, offset_ms],
            )?;
            Ok(())
        })
    }
}

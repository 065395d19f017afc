//! When the next sync is due, for the system's job scheduler: also after the process died.

use crate::{Result, terminal::Terminal};
use protocol::time::Millis;

impl Terminal {
    /// When the next sync is due by the handset's wall clock: now if something can be sent, the next planned try, or the
    /// next look for tasks, whichever is first. `None` while the worker has switched the sync off. Whether the network
    /// allows it is decided when it runs.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn next_due(&self) -> Result<Option<Millis>> {
        let settings = self.store().network_settings()?;
        if !settings.sync {
            return Ok(None);
        }
        let now = self.platform().clock.read().wall;
        let poll_ms = i64::from(settings.poll_minutes.max(1)) * 60_000;
        // A contact in the future means that the clock was set back.
        let last = self.store().last_contact()?.filter(|at| *at <= now);
        let poll = last.map_or(now, |at| at.plus(poll_ms).max(now));
        let next = self.store().next_try(now)?;
        Ok(Some(next.map_or(poll, |next| next.min(poll))))
    }
}

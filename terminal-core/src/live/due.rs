//! When the next sync is due, for the system's job scheduler: also after the process died.

use super::schedule::ContactPlan;
use crate::{Result, terminal::Terminal};
use protocol::time::Millis;

impl Terminal {
    /// When the next sync is due by the handset's wall clock: now if something can be sent, the next planned try, or the
    /// next poll, whichever is first. Polls are as far apart as those of an unattended watch: on duty ten minutes at
    /// most, off duty a day at least, which keeps the day within its 20 kB. `None` while the worker has switched the
    /// sync off. Whether the network allows it is decided when it runs.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn next_due(&self) -> Result<Option<Millis>> {
        let settings = self.store().network_settings()?;
        if !settings.sync {
            return Ok(None);
        }
        let now = self.platform().clock.read().wall;
        let on_duty = self.presence()?.on_duty;
        let poll_ms = ContactPlan::of(on_duty, false, settings.poll_minutes).poll_ms;
        // A contact in the future means that the clock was set back.
        let last = self.store().last_contact()?.filter(|at| *at <= now);
        let poll = last.map_or(now, |at| at.plus(poll_ms).max(now));
        let next = self.store().next_try(now)?;
        Ok(Some(next.map_or(poll, |next| next.min(poll))))
    }
}

//! The policy of the next action of a run. A [`Guide`] is asked before every action, because network, battery and
//! settings change while a run lasts (SP-12, story 37).

use crate::{
    Result,
    platform::{clock::Clock, surroundings::Surroundings},
    store::{data_use::PlanMonth, database::HandsetStore},
    sync::{
        data_policy::{DeviceConditions, SyncTrigger},
        run_policy::Policy,
    },
};

/// What a run has used so far, in bytes at IP level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// All bytes of the run.
    pub total: u64,
    /// Metered bytes that the store does not contain yet.
    pub unwritten_metered: u64,
}

/// Says before every action what it may use.
pub trait Guide {
    /// Decides what the next action may use.
    ///
    /// # Errors
    /// Errors of the store.
    fn policy(&self, spent: Spent) -> Result<Policy>;
    /// Number of callers that asked for this run. If it grows, the run fetches the mailboxes once more.
    fn asks(&self) -> u64 {
        0
    }
    /// Called when nothing is left to do. Returns false if somebody asked after `asks` callers, so the run
    /// goes on.
    fn ends(&self, asks: u64) -> bool {
        let _ = asks;
        true
    }
}

/// A fixed policy: its allowance is that of the whole run.
impl Guide for Policy {
    fn policy(&self, spent: Spent) -> Result<Policy> {
        Ok(Self {
            allowance: self.allowance.map(|all| all.saturating_sub(spent.total)),
            ..*self
        })
    }
}

/// Settings, network and battery as they are now.
pub struct LiveGuide<'a> {
    /// Contains the settings and the data use.
    pub store: &'a HandsetStore,
    /// Decides the month of the budget.
    pub clock: &'a dyn Clock,
    /// Network and battery.
    pub around: &'a dyn Surroundings,
    /// Who asked.
    pub trigger: SyncTrigger,
}

impl Guide for LiveGuide<'_> {
    fn policy(&self, spent: Spent) -> Result<Policy> {
        let now = self.store.clock_reading(self.clock.read())?.estimate();
        let stored = self.store.metered_bytes(&PlanMonth::of(now))?;
        let used = stored.saturating_add(spent.unwritten_metered);
        let conditions = DeviceConditions::of(self.around);
        Ok(self
            .store
            .network_settings()?
            .policy(conditions, used, self.trigger))
    }
}

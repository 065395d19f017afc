//! Counts the bytes of a run at IP level, each request with the cost that the network had for it, and ends
//! photos and files at the end of the budget.
//!
//! The count is stored during the run, at the latest after [`UNWRITTEN`] bytes, and at its end. A killed
//! process loses at most that much; nothing is counted twice.

use crate::{
    Result,
    platform::{clock::Clock, surroundings::NetworkCost},
    store::{
        data_use::{PlanMonth, TrafficKind},
        database::HandsetStore,
    },
    sync::{live_policy::Spent, run_policy::Policy},
    transport::request::{Request, Traffic},
};
use std::collections::BTreeMap;

/// Bytes that may be counted in memory only, so that small responses do not cause a write each.
const UNWRITTEN: u64 = 4096;

pub(crate) struct Meter<'a> {
    store: &'a HandsetStore,
    clock: &'a dyn Clock,
    counted: BTreeMap<(NetworkCost, TrafficKind), Traffic>,
    total: Traffic,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(store: &'a HandsetStore, clock: &'a dyn Clock) -> Self {
        Self {
            store,
            clock,
            counted: BTreeMap::new(),
            total: Traffic::default(),
        }
    }
    /// Returns true if the budget has room for this request. Only photos and files have to wait.
    pub(crate) fn has_room(policy: Policy, request: &Request) -> bool {
        let needed = Traffic::exchange(request.size(), 0).at_ip_level().total();
        match TrafficKind::of_path(&request.path) {
            TrafficKind::Photos | TrafficKind::Files => policy.allowance.is_none_or(|left| needed <= left),
            TrafficKind::Entries | TrafficKind::Mailbox => true,
        }
    }
    /// Counts one request, or a piece of a stream, with the cost that the network had for it.
    pub(crate) fn count(&mut self, path: &str, traffic: Traffic, cost: NetworkCost) -> Result<()> {
        if traffic == Traffic::default() {
            return Ok(());
        }
        let sum = self
            .counted
            .entry((cost, TrafficKind::of_path(path)))
            .or_default();
        *sum = sum.plus(traffic.at_ip_level());
        self.total = self.total.plus(traffic);
        let unwritten: u64 = self.counted.values().map(|traffic| traffic.total()).sum();
        if unwritten >= UNWRITTEN {
            self.write()?;
        }
        Ok(())
    }
    /// The bytes of this run.
    pub(crate) fn total(&self) -> Traffic {
        self.total
    }
    /// The bytes of this run, as the guide needs them.
    pub(crate) fn spent(&self) -> Spent {
        let metered = self.counted.iter().filter(|((cost, _), _)| cost.is_metered());
        Spent {
            total: self.total.at_ip_level().total(),
            unwritten_metered: metered.map(|(_, traffic)| traffic.total()).sum(),
        }
    }
    /// Stores the count. After an error the count is dropped: rather too little than counted twice.
    pub(crate) fn write(&mut self) -> Result<()> {
        let used: Vec<_> = std::mem::take(&mut self.counted).into_iter().collect();
        if used.is_empty() {
            return Ok(());
        }
        let now = self.store.clock_reading(self.clock.read())?.estimate();
        self.store.add_traffic(&PlanMonth::of(now), &used)
    }
}

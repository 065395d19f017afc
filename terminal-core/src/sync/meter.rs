//! Counts the bytes of a run, and ends its photos and files at the end of the budget.
//!
//! The count is stored during the run, at the latest after [`UNWRITTEN`] bytes, and at its end. A killed
//! process loses at most that much; nothing is counted twice.

use crate::{
    Result,
    platform::clock::Clock,
    store::{
        data_use::{PlanMonth, TrafficKind},
        database::Store,
    },
    sync::run_policy::Policy,
    transport::request::{Request, Traffic},
};
use std::collections::BTreeMap;

/// Bytes that may be counted in memory only, so that small responses do not cause a write each.
const UNWRITTEN: u64 = 4096;

pub(crate) struct Meter<'a> {
    store: &'a Store,
    clock: &'a dyn Clock,
    metered: bool,
    /// Bytes left for photos and files.
    left: Option<u64>,
    counted: BTreeMap<TrafficKind, Traffic>,
    total: Traffic,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(store: &'a Store, clock: &'a dyn Clock, policy: Policy) -> Self {
        Self {
            store,
            clock,
            metered: policy.metered,
            left: policy.allowance,
            counted: BTreeMap::new(),
            total: Traffic::default(),
        }
    }
    /// Returns true if the budget has room for this request. Only photos and files have to wait.
    pub(crate) fn has_room(&self, request: &Request) -> bool {
        match TrafficKind::of_path(&request.path) {
            TrafficKind::Photos | TrafficKind::Files => self.left.is_none_or(|left| request.size() <= left),
            TrafficKind::Entries | TrafficKind::Mailbox => true,
        }
    }
    pub(crate) fn count(&mut self, path: &str, traffic: Traffic) -> Result<()> {
        let sum = self.counted.entry(TrafficKind::of_path(path)).or_default();
        *sum = sum.plus(traffic);
        self.total = self.total.plus(traffic);
        self.left = self.left.map(|left| left.saturating_sub(traffic.total()));
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
    /// Stores the count. After an error the count is dropped: rather too little than counted twice.
    pub(crate) fn write(&mut self) -> Result<()> {
        let used: Vec<_> = std::mem::take(&mut self.counted).into_iter().collect();
        if used.is_empty() {
            return Ok(());
        }
        let now = self.store.clock_reading(self.clock.read())?.estimate();
        self.store.add_traffic(&PlanMonth::of(now), self.metered, &used)
    }
}

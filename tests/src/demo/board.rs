//! Counters and failures of the demo. The actors count what they do, and the audit compares these counts with
//! the server's.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Shared by all actors of the demo.
#[derive(Default)]
pub struct DemoCounters {
    pub reports: Counter,
    pub activities: Counter,
    pub answers: Counter,
    pub check_ins: Counter,
    pub photos: Counter,
    pub syncs: Counter,
    pub syncs_cut: Counter,
    pub kills: Counter,
    pub refused: Counter,
    stop: AtomicBool,
    finish: AtomicBool,
    failures: Mutex<BTreeMap<String, u64>>,
}

/// A counter that threads share.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::SeqCst);
    }
    pub fn one(&self) {
        self.add(1);
    }
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl DemoCounters {
    /// Asks all actors to stop.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
    /// From now on nothing new is reported; open work is finished.
    pub fn finish(&self) {
        self.finish.store(true, Ordering::SeqCst);
    }
    pub fn is_finishing(&self) -> bool {
        self.finish.load(Ordering::SeqCst)
    }
    /// Records that an actor failed; the demo fails if one failure was recorded.
    pub fn record_failure(&self, who: &str, what: &anyhow::Error) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        *failures.entry(format!("{who}: {what:#}")).or_default() += 1;
    }
    pub fn failures(&self) -> Vec<String> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures
            .iter()
            .map(|(what, n)| format!("{what} (x{n})"))
            .collect()
    }
}

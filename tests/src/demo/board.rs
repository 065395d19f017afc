//! What the demo knows and shows: counts as they happen, kept by the actors themselves, so that the server's
//! figures can be held against them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Shared by all actors of the demo.
#[derive(Default)]
pub struct Board {
    pub reports: Count,
    pub activities: Count,
    pub answers: Count,
    pub check_ins: Count,
    pub photos: Count,
    pub syncs: Count,
    pub syncs_cut: Count,
    pub deaths: Count,
    pub refused: Count,
    stop: AtomicBool,
    calm: AtomicBool,
    troubles: Mutex<BTreeMap<String, u64>>,
}

/// A counter.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
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

impl Board {
    /// Everybody goes home.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
    /// Nothing new is reported any more; what is open is finished.
    pub fn calm(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }
    /// Something an actor could not do; the demo fails when any is left at its end.
    pub fn trouble(&self, who: &str, what: &anyhow::Error) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        *troubles.entry(format!("{who}: {what:#}")).or_default() += 1;
    }
    pub fn troubles(&self) -> Vec<String> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles
            .iter()
            .map(|(what, n)| format!("{what} (x{n})"))
            .collect()
    }
}

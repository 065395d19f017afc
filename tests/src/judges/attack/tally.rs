//! What attackers sent and what came back.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What became of something that an attacker began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A connection with its handshake.
    Opened,
    /// A piece on an open connection that the server took.
    Piece,
    Answer(u16),
    /// Refused, cut or not answered.
    Cut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Piece => f.write_str("pieces"),
            Self::Answer(status) => write!(f, "{status}"),
            Self::Cut => f.write_str("cut"),
        }
    }
}

/// Counts outcomes of all attackers until the time of the attack is over, or until they did as much as they may.
pub struct Tally {
    began: Instant,
    time: Duration,
    most: u64,
    counts: Mutex<BTreeMap<Outcome, u64>>,
}

impl Tally {
    pub fn lasting(time: Duration, most: u64) -> Self {
        Self {
            began: Instant::now(),
            time,
            most,
            counts: Mutex::default(),
        }
    }
    pub fn count(&self, outcome: Outcome) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(outcome).or_insert(0) += 1;
    }
    /// The time is over. Honest users work until then.
    pub fn is_over(&self) -> bool {
        self.began.elapsed() >= self.time
    }
    /// The first half: time to open connections. What happens on them takes the other half.
    pub fn is_early(&self) -> bool {
        self.began.elapsed() < self.time / 2
    }
    /// Attackers stop: the time is over, or they did as much as they may.
    pub fn is_enough(&self) -> bool {
        self.is_over() || self.counts().values().sum::<u64>() >= self.most
    }
    pub fn counts(&self) -> BTreeMap<Outcome, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

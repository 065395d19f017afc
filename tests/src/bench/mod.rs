//! Benches that need a whole server: each compares the server with the same work done directly ("raw") in the
//! same run, and reports the ratio. `handset` compares a handset with itself while it holds fewer items.
//!
//! Server and raw rounds alternate, and medians are compared, because a shared machine varies. Absolute
//! figures are valid for one machine only; the ratio is what may be claimed.

pub mod checkins;
pub mod fleet;
pub mod growth;
pub mod handset;
pub mod handset_memory;
pub mod http;
pub mod ingest;
pub mod listeners;
pub mod machine;
pub mod peers;
pub mod photos;
pub mod raw;
pub mod raw_pg;
pub mod replicas;
pub mod wire;

use std::cell::Cell;

/// Prints the result lines of a bench and remembers whether one missed its goal.
#[derive(Default)]
pub struct Goals {
    missed: Cell<bool>,
}

impl Goals {
    /// Goal: at least `goal` times the raw figure.
    pub fn at_least(&self, promise: &str, ours: &str, raw: &str, ratio: f64, goal: f64) {
        let verdict = self.judge(ratio >= goal);
        println!("promise={promise} ours={ours} raw={raw} ratio={ratio:.2} goal={goal} {verdict}");
    }
    /// Goal: at least `goal`.
    pub fn at_least_of(&self, promise: &str, ours: f64, unit: &str, goal: f64) {
        let verdict = self.judge(ours >= goal);
        println!("promise={promise} ours={ours:.1}{unit} goal={goal}{unit} {verdict}");
    }
    /// Goal: at least `goal` times the peer's figure.
    pub fn beyond(&self, promise: &str, ours: &str, peer: &str, ratio: f64, goal: f64) {
        let verdict = self.judge(ratio >= goal);
        println!("promise={promise} ours={ours} peer={peer} ratio={ratio:.2} goal={goal} {verdict}");
    }
    /// Goal: at most `goal` times the peer's figure.
    pub fn within(&self, promise: &str, ours: &str, peer: &str, ratio: f64, goal: f64) {
        let verdict = self.judge(ratio <= goal);
        println!("promise={promise} ours={ours} peer={peer} ratio={ratio:.2} goal={goal} {verdict}");
    }
    /// Goal: at most `goal`.
    pub fn at_most(&self, promise: &str, ours: f64, unit: &str, goal: f64) {
        let verdict = self.judge(ours <= goal);
        println!("promise={promise} ours={ours:.1}{unit} goal={goal}{unit} {verdict}");
    }
    fn judge(&self, held: bool) -> &'static str {
        self.missed.set(self.missed.get() || !held);
        if held { "ok" } else { "MISSED" }
    }
    pub fn all_held(&self) -> bool {
        !self.missed.get()
    }
}

/// The median; for an even number of values the upper of the two middle ones.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which this share of the values is.
pub fn percentile(mut of: Vec<f64>, share: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let most = to_f64(of.len().saturating_sub(1));
    of.get(to_usize(most * share)).copied().unwrap_or(f64::NAN)
}

/// Counts here are far below 2^52, so the conversion is exact.
#[expect(clippy::cast_precision_loss, reason = "a count")]
pub fn to_f64(n: usize) -> f64 {
    n as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a list"
)]
fn to_usize(x: f64) -> usize {
    x.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_percentile_are_elements_of_the_list() {
        let list: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(median(list.clone()), 51.0);
        assert_eq!(percentile(list.clone(), 0.99), 99.0);
        assert_eq!(percentile(list, 1.0), 100.0);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn one_missed_goal_fails_the_bench() {
        let goals = Goals::default();
        goals.at_least("a", "1", "1", 1.0, 0.5);
        assert!(goals.all_held());
        goals.at_most("b", 601.0, "B", 600.0);
        goals.at_most("c", 600.0, "B", 600.0);
        assert!(!goals.all_held());
        let goals = Goals::default();
        goals.within("d", "2", "1", 2.0, 2.0);
        assert!(goals.all_held());
        goals.within("e", "3", "1", 3.0, 2.0);
        assert!(!goals.all_held());
        let goals = Goals::default();
        goals.beyond("f", "2", "1", 2.0, 2.0);
        assert!(goals.all_held());
        goals.beyond("g", "1", "1", 1.0, 2.0);
        assert!(!goals.all_held());
        let goals = Goals::default();
        goals.beyond("h", "1", "0", f64::NAN, 2.0);
        assert!(!goals.all_held());
    }
}

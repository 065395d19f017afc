//! What one server did in the rounds, and how two servers are compared.

use super::super::{Goals, machine, median, percentile, to_f64};
use anyhow::{Context, Result, ensure};
use std::{path::Path, process::Command, time::Duration};

/// The figures of one server, one of each for a round.
#[derive(Debug, Default, Clone)]
pub struct MeasuredRounds {
    /// Records per second.
    rates: Vec<f64>,
    /// CPU seconds of the server per 1,000 records.
    cpu: Vec<f64>,
    /// Milliseconds of all requests.
    times: Vec<f64>,
    /// Share of the machine's CPU time that neither the server nor this process used.
    others: Vec<f64>,
}

/// At least so many times the peer's rate, and at most so many times its CPU time.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeerGoal {
    pub rate: Option<f64>,
    pub cpu: Option<f64>,
}

/// Work that a server does: `records` of them.
pub struct ServerWork<'a> {
    /// The server's process.
    pub process: u32,
    /// A folder on the server's disk.
    pub folder: &'a Path,
    pub records: usize,
    /// The first round warms up and is not counted.
    pub counts: bool,
}

impl MeasuredRounds {
    /// Measures a round; `work` returns the milliseconds of each request and the total time.
    pub fn round(
        &mut self,
        server: &ServerWork<'_>,
        work: impl FnOnce() -> Result<(Vec<f64>, Duration)>,
    ) -> Result<()> {
        let synced = Command::new("sync").arg("-f").arg(server.folder).status();
        ensure!(
            synced.context("`sync` is needed")?.success(),
            "the disk could not be synced"
        );
        let used = || -> Result<[f64; 3]> {
            Ok([
                machine::cpu_with_children(server.process)?,
                machine::cpu_of(std::process::id())?,
                machine::cpu_of_all()?,
            ])
        };
        let before = used()?;
        let (times, took) = work()?;
        let after = used()?;
        let [cpu, own, all] = [0, 1, 2].map(|at| {
            let of = |used: &[f64; 3]| used.get(at).copied().unwrap_or(f64::NAN);
            of(&after) - of(&before)
        });
        if server.counts {
            let records = to_f64(server.records);
            self.rates.push(records / took.as_secs_f64());
            self.cpu.push(cpu / records * 1000.0);
            self.times.extend(times);
            self.others.push(((all - cpu - own) / all.max(0.01)).max(0.0));
        }
        Ok(())
    }
    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }
    fn cpu(&self) -> f64 {
        median(self.cpu.clone())
    }
    fn figures(&self) -> String {
        format!(
            "{:.0}/s p50={:.1}ms p99={:.1}ms cpu_s_per_1000={:.2} others={:.0}%",
            self.rate(),
            percentile(self.times.clone(), 0.5),
            percentile(self.times.clone(), 0.99),
            self.cpu(),
            median(self.others.clone()) * 100.0,
        )
    }
    /// The least and the most ratio of two rates of one round.
    fn spread(&self, peer: &Self) -> (f64, f64) {
        let ratios = || self.rates.iter().zip(&peer.rates).map(|(ours, peer)| ours / peer);
        (
            ratios().fold(f64::INFINITY, f64::min),
            ratios().fold(0.0, f64::max),
        )
    }
}

/// Prints the promises of a pair; a ratio without a goal is printed as a figure.
pub fn compare(name: &str, ours: &MeasuredRounds, peer: &MeasuredRounds, goal: PeerGoal, goals: &Goals) {
    let rate = (ours.rate(), peer.rate());
    let shown = (format!("{:.0}/s", rate.0), format!("{:.0}/s", rate.1));
    let ratio = rate.0 / rate.1;
    match goal.rate {
        Some(least) => goals.beyond(&format!("{name}_rate"), &shown.0, &shown.1, ratio, least),
        None => println!(
            "figure={name}_rate ours={} peer={} ratio={ratio:.2}",
            shown.0, shown.1
        ),
    }
    let cpu = (ours.cpu(), peer.cpu());
    let shown = (format!("{:.2}s", cpu.0), format!("{:.2}s", cpu.1));
    let ratio = cpu.0 / cpu.1;
    match goal.cpu {
        Some(most) => goals.within(&format!("{name}_cpu"), &shown.0, &shown.1, ratio, most),
        None => println!(
            "figure={name}_cpu ours={} peer={} ratio={ratio:.2}",
            shown.0, shown.1
        ),
    }
    let (least, most) = ours.spread(peer);
    println!("  ours: {}", ours.figures());
    println!(
        "  peer: {}; rate ratio of single rounds {least:.2} to {most:.2}; load of the machine {}",
        peer.figures(),
        load()
    );
}

/// Load of the last minute, as the system averages it.
fn load() -> String {
    let said = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    said.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(rates: &[f64], cpu: f64) -> MeasuredRounds {
        MeasuredRounds {
            rates: rates.to_vec(),
            cpu: vec![cpu; rates.len()],
            times: vec![1.0],
            others: vec![0.0],
        }
    }

    #[test]
    fn medians_are_compared_and_either_goal_can_be_missed() {
        let (ours, peer) = (
            rounds(&[90.0, 220.0, 230.0], 0.5),
            rounds(&[100.0, 100.0, 10.0], 1.0),
        );
        let held = |rate, cpu| {
            let goals = Goals::default();
            compare("pair", &ours, &peer, PeerGoal { rate, cpu }, &goals);
            goals.all_held()
        };
        assert!(held(Some(2.2), Some(0.5)));
        assert!(!held(Some(2.21), Some(0.5)));
        assert!(!held(Some(2.2), Some(0.49)));
        assert!(held(None, None));
        assert_eq!(ours.spread(&peer), (0.9, 23.0));
    }

    #[test]
    fn a_peer_without_rounds_is_no_success() {
        let goals = Goals::default();
        let (ours, peer) = (rounds(&[1.0], 1.0), MeasuredRounds::default());
        let goal = PeerGoal {
            rate: Some(1.0),
            cpu: None,
        };
        compare("nothing", &ours, &peer, goal, &goals);
        assert!(!goals.all_held());
    }

    #[test]
    fn the_round_that_warms_up_is_not_counted() {
        let mut measured = MeasuredRounds::default();
        let folder = tempfile::tempdir().unwrap();
        let work = || Ok((vec![1.0, 3.0], Duration::from_secs(2)));
        for counts in [false, true] {
            let server = ServerWork {
                process: std::process::id(),
                folder: folder.path(),
                records: 10,
                counts,
            };
            measured.round(&server, work).unwrap();
        }
        assert_eq!((measured.rates.as_slice(), measured.times.len()), (&[5.0][..], 2));
    }
}

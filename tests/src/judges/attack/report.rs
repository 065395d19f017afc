//! What the judge measures during an attack, and what is a fault.

use super::tally::Outcome;
use std::{collections::BTreeMap, fmt, time::Duration};

/// What may not be exceeded while an attack runs.
#[derive(Debug, Clone, Copy)]
pub struct AttackLimits {
    /// Resident memory of the server, in 10^6 bytes.
    pub memory_mb: f64,
    /// The longest act of an honest user.
    pub act: Duration,
}

/// The acts of one kind of honest user.
#[derive(Debug, Clone, Default)]
pub struct ActTimes {
    pub times: Vec<Duration>,
    /// Why acts failed.
    pub failures: Vec<String>,
}

impl ActTimes {
    pub fn add(&mut self, took: Duration, result: anyhow::Result<()>) {
        match result {
            Ok(()) => self.times.push(took),
            Err(error) => self
                .failures
                .push(format!("after {:.1} s: {error:#}", took.as_secs_f64())),
        }
    }
    /// The time in the middle: of two the longer one.
    fn middle(&self) -> Option<Duration> {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
    pub fn longest(&self) -> Option<Duration> {
        self.times.iter().max().copied()
    }
}

/// One attack.
#[derive(Debug, Clone)]
pub struct AttackReport {
    pub name: &'static str,
    pub counts: BTreeMap<Outcome, u64>,
    /// Outcomes of which at least one shows that the attack arrived where it aims.
    pub lands: &'static [Outcome],
    /// Memory of the server before the first attack and the highest during this one, in 10^6 bytes.
    pub idle_mb: f64,
    pub peak_mb: f64,
    pub acts: BTreeMap<&'static str, ActTimes>,
    /// Why an attacker could not do what he wanted to do: a fault of the judge.
    pub broken: Vec<String>,
    pub is_alive: bool,
}

impl AttackReport {
    /// Everything that must not be. An attack that did not reach the server, or during which nobody worked, proves nothing.
    pub fn faults(&self, limits: AttackLimits) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |text: String| faults.push(format!("{}: {text}", self.name));
        if !self.is_alive {
            fault("the server ended".into());
        }
        if self.peak_mb > limits.memory_mb {
            fault(format!(
                "{:.0} MB resident, at most {:.0}",
                self.peak_mb, limits.memory_mb
            ));
        }
        if !self.lands.iter().any(|wanted| self.counts.contains_key(wanted)) {
            fault(format!("did not reach the server: {}", counted(&self.counts)));
        }
        for text in &self.broken {
            fault(format!("an attacker stopped: {text}"));
        }
        for (act, times) in &self.acts {
            match times.longest() {
                Some(longest) if longest > limits.act => {
                    fault(format!("{act} took {:.2} s", longest.as_secs_f64()));
                }
                Some(_) => {}
                None if times.failures.is_empty() => fault(format!("nobody did a {act}")),
                None => {}
            }
            if let Some(first) = times.failures.first() {
                fault(format!("{} × {act} failed, first {first}", times.failures.len()));
            }
        }
        faults
    }
}

impl fmt::Display for AttackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent: u64 = self.counts.values().sum();
        writeln!(f, "  sent {sent}: {}", counted(&self.counts))?;
        let above = self.peak_mb - self.idle_mb;
        write!(f, "  memory {:.0} MB, {above:+.0} above idle", self.peak_mb)?;
        for (act, times) in &self.acts {
            let seconds = |time: Option<Duration>| {
                time.map_or_else(|| "-".to_owned(), |time| format!("{:.2}", time.as_secs_f64()))
            };
            let (middle, longest) = (seconds(times.middle()), seconds(times.longest()));
            write!(f, "; {act} {middle}/{longest} s ({})", times.times.len())?;
        }
        Ok(())
    }
}

fn counted(counts: &BTreeMap<Outcome, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(what, n)| format!("{what} × {n}")).collect();
    parts.join(", ")
}

/// The last lines: the highest memory, and the longest time of each act with its attack.
pub fn total(reports: &[AttackReport]) -> String {
    let highest = reports.iter().max_by(|a, b| a.peak_mb.total_cmp(&b.peak_mb));
    let mut text = highest.map_or_else(String::new, |report| {
        format!("memory at most {:.0} MB ({})", report.peak_mb, report.name)
    });
    let mut worst: BTreeMap<&str, (Duration, &str)> = BTreeMap::new();
    for report in reports {
        for (act, times) in &report.acts {
            let Some(longest) = times.longest() else { continue };
            let row = worst.entry(act).or_insert((longest, report.name));
            if longest > row.0 {
                *row = (longest, report.name);
            }
        }
    }
    for (act, (time, attack)) in worst {
        text.push_str(&format!("; {act} at most {:.2} s ({attack})", time.as_secs_f64()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AttackLimits = AttackLimits {
        memory_mb: 512.0,
        act: Duration::from_secs(2),
    };

    fn times(ms: &[u64]) -> ActTimes {
        ActTimes {
            times: ms.iter().map(|ms| Duration::from_millis(*ms)).collect(),
            failures: Vec::new(),
        }
    }

    fn good() -> AttackReport {
        AttackReport {
            name: "flood",
            counts: BTreeMap::from([(Outcome::Answer(401), 3), (Outcome::Cut, 1)]),
            lands: &[Outcome::Answer(401)],
            idle_mb: 60.0,
            peak_mb: 512.0,
            acts: BTreeMap::from([("push", times(&[10, 2000, 30])), ("sign-in", times(&[100]))]),
            broken: Vec::new(),
            is_alive: true,
        }
    }

    #[test]
    fn an_attack_within_the_limits_has_no_fault_and_states_its_figures() {
        let report = good();
        assert_eq!(report.faults(LIMITS), Vec::<String>::new());
        let text = report.to_string();
        for part in [
            "sent 4: 401 × 3, cut × 1",
            "memory 512 MB, +452 above idle",
            "push 0.03/2.00 s (3)",
            "sign-in 0.10/0.10 s (1)",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    /// What the report must say, and what breaks it.
    type Broken = (&'static str, fn(&mut AttackReport));

    #[test]
    fn each_broken_promise_is_a_fault() {
        let broken: [Broken; 7] = [
            ("513 MB", |report| report.peak_mb = 512.6),
            ("push took 2.00 s", |report| {
                report.acts.insert("push", times(&[2001]));
            }),
            ("did not reach", |report| {
                report.counts.remove(&Outcome::Answer(401));
            }),
            ("nobody did a push", |report| {
                report.acts.insert("push", times(&[]));
            }),
            ("1 × push failed, first after 0.5 s: no answer", |report| {
                let push = report.acts.entry("push").or_default();
                push.add(Duration::from_millis(500), Err(anyhow::anyhow!("no answer")));
            }),
            ("the server ended", |report| report.is_alive = false),
            ("an attacker stopped", |report| {
                report.broken.push("no file".into())
            }),
        ];
        for (said, breaks) in broken {
            let mut report = good();
            breaks(&mut report);
            let faults = report.faults(LIMITS);
            assert!(
                matches!(faults.as_slice(), [only] if only.starts_with("flood: ") && only.contains(said)),
                "{said}: {faults:?}"
            );
        }
    }

    #[test]
    fn the_total_names_the_worst_attack_of_each_figure() {
        let mut slow = good();
        slow.name = "slow";
        slow.peak_mb = 90.0;
        slow.acts.insert("push", times(&[2500]));
        let text = total(&[good(), slow]);
        assert_eq!(
            text,
            "memory at most 512 MB (flood); push at most 2.50 s (slow); sign-in at most 0.10 s (flood)"
        );
    }
}

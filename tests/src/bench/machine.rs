//! CPU time and memory of processes, from the operating system.

use anyhow::{Context, Result};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Unit of CPU time in /proc: Linux reports hundredths of a second.
const TICKS: f64 = 100.0;

/// CPU seconds of a process so far.
pub fn cpu_of(process: u32) -> Result<f64> {
    Ok(ProcessStat::of(process)?.own)
}

/// CPU seconds so far of a process and all that it started: those that run, and those that it has waited for.
pub fn cpu_with_children(process: u32) -> Result<f64> {
    let root = ProcessStat::of(process)?;
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let others: Vec<(u32, ProcessStat)> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, ProcessStat::of(id).ok()?)))
        .collect();
    Ok(root.own + root.waited_for + below(process, &others))
}

/// CPU seconds of the descendants of a process.
fn below(process: u32, others: &[(u32, ProcessStat)]) -> f64 {
    let children = others.iter().filter(|(_, stat)| stat.parent == process);
    children
        .map(|(id, stat)| stat.own + stat.waited_for + below(*id, others))
        .sum()
}

/// What the system counts of a process, in seconds.
#[derive(Debug, PartialEq)]
struct ProcessStat {
    parent: u32,
    own: f64,
    /// Of children that ended and were waited for.
    waited_for: f64,
}

impl ProcessStat {
    fn of(process: u32) -> Result<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{process}/stat"))?)
    }
    fn parse(stat: &str) -> Result<Self> {
        // The name may hold spaces and brackets.
        let after_name = stat.rsplit_once(") ").context("no process name in stat")?.1;
        let fields: Vec<&str> = after_name.split(' ').collect();
        let field = |at: usize| fields.get(at).context("missing field in stat");
        let ticks = |at: usize| -> Result<f64> { Ok(field(at)?.parse()?) };
        Ok(Self {
            parent: field(1)?.parse()?,
            own: (ticks(11)? + ticks(12)?) / TICKS,
            waited_for: (ticks(13)? + ticks(14)?) / TICKS,
        })
    }
}

/// CPU seconds of all processes whose working folder is `folder`, such as `postgres` with its workers.
pub fn cpu_in(folder: &Path) -> f64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process| cpu_of(process).ok())
        .sum()
}

/// CPU seconds of all CPUs together, for all processes.
pub fn cpu_of_all() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let first = stat.lines().next().context("no line in stat")?;
    let fields: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|f| f.parse().ok())
        .collect();
    let idle: f64 = fields.iter().skip(3).take(2).sum();
    Ok((fields.iter().sum::<f64>() - idle) / TICKS)
}

/// Resident memory in megabytes (10^6 bytes).
pub fn memory_of(process: u32) -> Result<f64> {
    memory_line(&format!("/proc/{process}/status"), "VmRSS:")
}

/// The highest resident memory of this process so far, in megabytes.
pub fn peak_memory() -> Result<f64> {
    memory_line("/proc/self/status", "VmHWM:")
}

fn memory_line(file: &str, name: &str) -> Result<f64> {
    let status = std::fs::read_to_string(file)?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .with_context(|| format!("no {name} in {file}"))?
        .parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// Samples the memory of a process and keeps the highest value.
pub struct MemoryWatch {
    over: Arc<AtomicBool>,
    /// Unit: kilobytes.
    peak: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<()>>,
}

impl MemoryWatch {
    pub fn start(process: u32) -> Self {
        let (over, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (end, highest) = (Arc::clone(&over), Arc::clone(&peak));
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let now = memory_of(process).unwrap_or(0.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "kilobytes"
                )]
                highest.fetch_max((now * 1000.0) as u64, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self {
            over,
            peak,
            thread: Some(thread),
        }
    }
    /// Stops sampling and returns the highest value in megabytes.
    pub fn finish(mut self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
        let kilobytes = self.peak.load(Ordering::Relaxed) as f64;
        kilobytes / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(parent: u32, own: f64, waited_for: f64) -> ProcessStat {
        ProcessStat {
            parent,
            own,
            waited_for,
        }
    }

    #[test]
    fn processor_time_is_read_behind_a_name_with_spaces_and_brackets() {
        let line = "41 (a) b (c) S 7 41 41 0 -1 4194560 900 0 0 0 250 50 30 20 20 0 5 0 100 0 0\n";
        assert_eq!(ProcessStat::parse(line).unwrap(), stat(7, 3.0, 0.5));
        assert!(ProcessStat::parse("41 (short) S 7").is_err());
    }

    #[test]
    fn processor_time_of_children_and_their_children_counts_and_that_of_others_does_not() {
        let others = [
            (1, stat(0, 100.0, 100.0)),
            (10, stat(1, 9.0, 9.0)),
            (11, stat(10, 1.0, 0.5)),
            (12, stat(11, 2.0, 0.0)),
            (13, stat(1, 50.0, 0.0)),
        ];
        assert_eq!(below(10, &others), 3.5);
        let own = cpu_with_children(std::process::id()).unwrap();
        assert!(own >= 0.0);
    }
}

//! The event log of a run: written to a file as events happen, and its end is printed when the audit finds a
//! difference.

use anyhow::{Context, Result};
use std::{
    fmt::Display,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Interval between two progress lines.
const MINUTE: Duration = Duration::from_secs(60);
/// Number of events of the last round that are printed.
const SHOWN: usize = 60;

pub struct EventLog {
    path: PathBuf,
    file: File,
    began: Instant,
    /// When the last progress line was printed.
    said: Option<Instant>,
    round: Vec<String>,
}

impl EventLog {
    pub fn begin(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: File::create(path).with_context(|| path.display().to_string())?,
            began: Instant::now(),
            said: None,
            round: Vec::new(),
        })
    }
    pub fn round(&mut self, number: u64) -> Result<()> {
        self.round.clear();
        self.record(format_args!("round {number}"))
    }
    pub fn record(&mut self, what: impl Display) -> Result<()> {
        let line = format!("{:9.3} s {what}", self.began.elapsed().as_secs_f64());
        writeln!(self.file, "{line}")?;
        self.round.push(line);
        Ok(())
    }
    /// Prints a progress line at the first call and then once a minute.
    pub fn print_progress(&mut self, how_far: impl Display) {
        if self.said.is_none_or(|said| said.elapsed() >= MINUTE) {
            println!("{:>5} s {how_far}", self.began.elapsed().as_secs());
            self.said = Some(Instant::now());
        }
    }
    /// Prints the end of the last round and the path of the whole log.
    pub fn show(&self) {
        let skipped = self.round.len().saturating_sub(SHOWN);
        println!("经过 / events of the last round ({skipped} earlier events left out):");
        for line in self.round.iter().skip(skipped) {
            println!("  {line}");
        }
        println!("全部经过 / full log: {}", self.path.display());
    }
}

//! What went wrong in a run, in words and in order: written to a file as it happens, and shown when the audit finds a
//! difference, so that a failure tells how it came about.

use anyhow::{Context, Result};
use std::{
    fmt::Display,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How often a run says how far it is.
const MINUTE: Duration = Duration::from_secs(60);
/// Events of the last round that are shown.
const SHOWN: usize = 60;

pub struct Story {
    path: PathBuf,
    file: File,
    began: Instant,
    /// When the run said last how far it is.
    said: Option<Instant>,
    round: Vec<String>,
}

impl Story {
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
        self.tell(format_args!("round {number}"))
    }
    pub fn tell(&mut self, what: impl Display) -> Result<()> {
        let line = format!("{:9.3} s {what}", self.began.elapsed().as_secs_f64());
        writeln!(self.file, "{line}")?;
        self.round.push(line);
        Ok(())
    }
    /// The first time, and then once a minute, a line for whoever waits.
    pub fn say_sometimes(&mut self, how_far: impl Display) {
        if self.said.is_none_or(|said| said.elapsed() >= MINUTE) {
            println!("{:>5} s {how_far}", self.began.elapsed().as_secs());
            self.said = Some(Instant::now());
        }
    }
    /// The end of the last round, and where all of it is.
    pub fn show(&self) {
        let skipped = self.round.len().saturating_sub(SHOWN);
        println!("经过 / the story of the last round ({skipped} events before):");
        for line in self.round.iter().skip(skipped) {
            println!("  {line}");
        }
        println!("全部经过 / all of it: {}", self.path.display());
    }
}

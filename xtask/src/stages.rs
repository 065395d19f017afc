//! Stages: named, timed, all reported. One failure does not hide the next, so a single run shows all that is wrong.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
        }
    }
}

/// The stages run so far.
pub struct Stages {
    task: &'static str,
    began: Instant,
    done: Vec<(&'static str, Outcome, Duration)>,
}

impl Stages {
    pub fn new(task: &'static str) -> Self {
        Self {
            task,
            began: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one stage, says when it begins and how it ended; returns whether what builds on it makes sense.
    pub fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<()>) -> bool {
        println!("== stage {name}");
        let began = Instant::now();
        let outcome = match stage() {
            Ok(()) => Outcome::Ok,
            Err(error) => {
                eprintln!("{error:#}");
                Outcome::Failed
            }
        };
        let took = began.elapsed();
        println!("== stage {name} … {} {:.1} s", outcome.word(), took.as_secs_f64());
        self.done.push((name, outcome, took));
        outcome == Outcome::Ok
    }

    /// Prints the table and the last line; success only when every stage was ok and there was one at all.
    pub fn finish(self) -> ExitCode {
        let (text, ok) = report(self.task, &self.done, self.began.elapsed());
        println!("{text}");
        if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn report(task: &str, done: &[(&str, Outcome, Duration)], took: Duration) -> (String, bool) {
    let width = done.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    let row = |(name, outcome, took): &(&str, Outcome, Duration)| {
        format!(
            "   {name:<width$}  {:>8.1} s  {}\n",
            took.as_secs_f64(),
            outcome.word()
        )
    };
    let mut text: String = done.iter().map(row).collect();
    let failed: Vec<&str> = done
        .iter()
        .filter(|(_, outcome, _)| *outcome == Outcome::Failed)
        .map(|s| s.0)
        .collect();
    let seconds = took.as_secs_f64();
    let ok = failed.is_empty() && !done.is_empty();
    text += &if ok {
        format!("xtask {task}: {} stages ok in {seconds:.0} s", done.len())
    } else {
        format!(
            "xtask {task}: {} of {} stages FAILED in {seconds:.0} s: {}",
            failed.len(),
            done.len(),
            failed.join(", ")
        )
    };
    (text, ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_last_line_of_a_good_run_counts_its_stages() {
        let (text, ok) = report(
            "test",
            &[("fmt", Outcome::Ok, SECOND), ("build", Outcome::Ok, SECOND)],
            SECOND * 2,
        );
        assert!(ok);
        assert_eq!(text.lines().last(), Some("xtask test: 2 stages ok in 2 s"));
    }

    #[test]
    fn one_failed_stage_fails_the_run_and_is_named_last() {
        let (text, ok) = report(
            "test",
            &[("fmt", Outcome::Failed, SECOND), ("build", Outcome::Ok, SECOND)],
            SECOND,
        );
        assert!(!ok);
        assert_eq!(
            text.lines().last(),
            Some("xtask test: 1 of 2 stages FAILED in 1 s: fmt")
        );
    }

    #[test]
    fn a_run_of_no_stage_is_no_success() {
        assert!(!report("test", &[], SECOND).1);
    }

    #[test]
    fn a_failing_stage_is_recorded_and_the_next_still_runs() {
        let mut stages = Stages::new("test");
        assert!(!stages.run("first", || anyhow::bail!("broken")));
        assert!(stages.run("second", || Ok(())));
        assert_eq!(
            stages.done.iter().map(|s| s.1).collect::<Vec<_>>(),
            [Outcome::Failed, Outcome::Ok]
        );
    }
}

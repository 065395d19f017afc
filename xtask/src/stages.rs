//! Stages: named, timed, all reported. A failed stage stops only those that need it, so one run shows every fault.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::clock;

/// One stage of a task that works on a `C`.
pub struct Stage<C> {
    pub name: &'static str,
    /// One line for `--list`.
    pub what: &'static str,
    /// Stages that must have succeeded before. Selecting a stage by name selects them too.
    pub after: &'static [&'static str],
    pub run: fn(&C) -> Result<()>,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
    /// A stage that it needs failed.
    NotRun,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::NotRun => "NOT RUN",
        }
    }
}

struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the stages named in `wanted` (all when it is empty) in the order of `stages`, and prints a table of names and
/// times. Returns the exit code: 0 only when every stage was ok.
///
/// # Errors
/// A name that is no stage.
pub fn run<C>(task: &str, stages: &[Stage<C>], wanted: &[String], context: &C) -> Result<u8> {
    let selected = selected(stages, wanted)?;
    let began = clock::now();
    let mut done: Vec<Done> = Vec::new();
    for stage in stages.iter().filter(|stage| selected.contains(stage.name)) {
        let failed = |needed: &&&str| {
            done.iter()
                .any(|d| d.name == **needed && d.outcome != Outcome::Ok)
        };
        if let Some(needed) = stage.after.iter().find(failed) {
            println!("== stage {} … NOT RUN: {needed} failed", stage.name);
            done.push(Done {
                name: stage.name,
                outcome: Outcome::NotRun,
                took: Duration::ZERO,
            });
            continue;
        }
        done.push(one(stage, context));
    }
    let (text, ok) = report(task, &done, began.elapsed());
    println!("{text}");
    Ok(u8::from(!ok))
}

/// One line for each stage.
pub fn list<C>(stages: &[Stage<C>]) -> String {
    let width = stages
        .iter()
        .map(|stage| stage.name.len())
        .max()
        .unwrap_or_default();
    let line = |stage: &Stage<C>| format!("{:<width$}  {}\n", stage.name, stage.what);
    stages.iter().map(line).collect()
}

fn selected<C>(stages: &[Stage<C>], wanted: &[String]) -> Result<BTreeSet<&'static str>> {
    if wanted.is_empty() {
        return Ok(stages.iter().map(|stage| stage.name).collect());
    }
    let mut names = BTreeSet::new();
    let mut open: Vec<&str> = wanted.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        let Some(stage) = stages.iter().find(|stage| stage.name == name) else {
            bail!("there is no stage `{name}`; stages:\n{}", list(stages));
        };
        if names.insert(stage.name) {
            open.extend(stage.after);
        }
    }
    Ok(names)
}

fn one<C>(stage: &Stage<C>, context: &C) -> Done {
    println!("== stage {}", stage.name);
    let began = clock::now();
    let outcome = match (stage.run)(context) {
        Ok(()) => Outcome::Ok,
        Err(error) => {
            eprintln!("{error:#}");
            Outcome::Failed
        }
    };
    let took = began.elapsed();
    println!(
        "== stage {} … {} {:.1} s",
        stage.name,
        outcome.word(),
        took.as_secs_f64()
    );
    Done {
        name: stage.name,
        outcome,
        took,
    }
}

fn report(task: &str, done: &[Done], took: Duration) -> (String, bool) {
    let width = done.iter().map(|done| done.name.len()).max().unwrap_or_default();
    let row = |done: &Done| {
        let seconds = done.took.as_secs_f64();
        format!(
            "   {:<width$}  {seconds:>8.1} s  {}\n",
            done.name,
            done.outcome.word()
        )
    };
    let mut text: String = done.iter().map(row).collect();
    let bad: Vec<&str> = done
        .iter()
        .filter(|done| done.outcome != Outcome::Ok)
        .map(|done| done.name)
        .collect();
    let seconds = took.as_secs_f64();
    let ok = bad.is_empty() && !done.is_empty();
    text += &if ok {
        format!("xtask {task}: {} stages ok in {seconds:.0} s", done.len())
    } else {
        format!(
            "xtask {task}: {} of {} stages FAILED in {seconds:.0} s: {}",
            bad.len(),
            done.len(),
            bad.join(", ")
        )
    };
    (text, ok)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    type Log = RefCell<Vec<&'static str>>;

    fn good(log: &Log) -> Result<()> {
        log.borrow_mut().push("good");
        Ok(())
    }

    fn bad(log: &Log) -> Result<()> {
        log.borrow_mut().push("bad");
        bail!("broken")
    }

    const fn stage(
        name: &'static str,
        after: &'static [&'static str],
        run: fn(&Log) -> Result<()>,
    ) -> Stage<Log> {
        Stage {
            name,
            what: "",
            after,
            run,
        }
    }

    fn ran(stages: &[Stage<Log>], wanted: &[&str]) -> (Vec<&'static str>, bool) {
        let log = Log::default();
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let code = run("test", stages, &wanted, &log).unwrap();
        (log.into_inner(), code == 0)
    }

    fn done(name: &'static str, outcome: Outcome) -> Done {
        Done {
            name,
            outcome,
            took: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_last_line_of_a_good_run_counts_its_stages() {
        let all = [done("fmt", Outcome::Ok), done("build", Outcome::Ok)];
        let (text, ok) = report("test", &all, Duration::from_secs(2));
        assert!(ok);
        assert_eq!(text.lines().last(), Some("xtask test: 2 stages ok in 2 s"));
        assert!(text.starts_with("   fmt         1.0 s  ok\n"), "{text}");
    }

    #[test]
    fn a_failed_stage_and_those_not_run_fail_the_run_and_are_named_last() {
        let all = [
            done("fmt", Outcome::Failed),
            done("build", Outcome::Ok),
            done("tests", Outcome::NotRun),
        ];
        let (text, ok) = report("test", &all, Duration::from_secs(1));
        assert!(!ok);
        assert_eq!(
            text.lines().last(),
            Some("xtask test: 2 of 3 stages FAILED in 1 s: fmt, tests")
        );
    }

    #[test]
    fn a_run_of_no_stage_is_no_success() {
        assert!(!report("test", &[], Duration::ZERO).1);
    }

    #[test]
    fn after_a_failed_stage_only_those_run_that_do_not_need_it() {
        let stages = [
            stage("a", &[], bad),
            stage("b", &["a"], good),
            stage("c", &[], good),
        ];
        assert_eq!(ran(&stages, &[]), (vec!["bad", "good"], false));
    }

    #[test]
    fn a_stage_by_name_brings_along_what_it_needs() {
        let stages = [
            stage("a", &[], good),
            stage("b", &["a"], good),
            stage("c", &[], bad),
            stage("d", &["b"], good),
        ];
        assert_eq!(ran(&stages, &["d"]), (vec!["good"; 3], true));
        assert!(run("test", &stages, &["e".to_owned()], &Log::default()).is_err());
    }
}

//! The build of `android/` by Maven. What it writes lies below `target/android`, and nothing in the source tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::resources::TARGET;
use crate::needs::{self, For};
use crate::shell;
use crate::stages::{self, Stage};
use crate::workspace::Workspace;

/// How far Maven goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Resources and classes, for API 35 and for API 26.
    Build,
    /// The tests, in addition.
    Test,
}

struct Run {
    ws: Workspace,
    args: Vec<String>,
}

impl Run {
    fn new(ws: &Workspace, args: &[String]) -> Self {
        Self {
            ws: ws.clone(),
            args: args.to_vec(),
        }
    }
}

const RESOURCES: Stage<Run> = Stage {
    name: "res",
    what: "resources from design/, licences",
    after: &[],
    run: |run| super::resources(&run.ws),
};

const COMPILE: Stage<Run> = Stage {
    name: "compile",
    what: "the app against API 35",
    after: &["res"],
    run: |run| mvn(run, &["-q", "compile"]),
};

/// Finds calls that a handset with Android 8 has not.
const OLDEST: Stage<Run> = Stage {
    name: "api26",
    what: "the app against API 26",
    after: &["res"],
    run: |run| mvn(run, &["-q", "compile", "-Papi26"]),
};

const TESTS: Stage<Run> = Stage {
    name: "tests",
    what: "tests on the JVM, on API 26 and 35",
    after: &["res"],
    run: |run| mvn(run, &["verify"]),
};

/// Builds or tests the app; `args` are passed to Maven. Returns the exit code.
pub fn maven(ws: &Workspace, goal: Goal, args: &[String]) -> Result<u8> {
    programs()?;
    let run = Run::new(ws, args);
    match goal {
        Goal::Build => stages::run("android build", &[RESOURCES, COMPILE, OLDEST], &[], &run),
        Goal::Test => stages::run("android test", &[RESOURCES, OLDEST, TESTS], &[], &run),
    }
}

/// Builds and tests from nothing: what an older state left behind would be tested too.
///
/// # Errors
/// A stage that failed.
pub fn succeeds(ws: &Workspace) -> Result<()> {
    for built in ["build", "api26"] {
        let folder = ws.path(TARGET).join(built);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    let code = maven(ws, Goal::Test, &[])?;
    ensure!(code == 0, "the Android side does not hold");
    Ok(())
}

/// The tests alone, with these arguments.
pub fn tests(ws: &Workspace, args: &[String]) -> Result<()> {
    programs()?;
    super::resources(ws)?;
    let run = Run::new(ws, args);
    mvn(&run, &["test"])
}

/// As [`tests()`], and returns what Maven and the tests printed.
pub fn said(ws: &Workspace, args: &[String]) -> Result<String> {
    programs()?;
    super::resources(ws)?;
    let out = shell::output(&mut command(&Run::new(ws, args), &["test"]))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// An empty folder for what a walk leaves behind.
pub fn walk_folder(ws: &Workspace) -> Result<PathBuf> {
    let folder = ws.path(TARGET).join("walk");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Walks through the app against the demo that wrote the file `told`; pictures of the steps go to `folder`.
pub fn walk(ws: &Workspace, told: &Path, folder: &Path) -> Result<()> {
    programs()?;
    super::resources(ws)?;
    let args = [
        "-Dtest=DemoWalk".to_owned(),
        "-Dsurefire.failIfNoSpecifiedTests=false".to_owned(),
        format!("-Dxunge.demo={}", told.display()),
        format!("-Dwalk.dir={}", folder.display()),
    ];
    mvn(&Run::new(ws, &args), &["-q", "test"])
}

fn mvn(run: &Run, goals: &[&str]) -> Result<()> {
    shell::run(&mut command(run, goals))
}

fn command(run: &Run, goals: &[&str]) -> Command {
    let mut command = run.ws.command("mvn");
    command.args(["-B", "-ntp"]).args(goals);
    command.arg(format!("-Dxunge.target={}", run.ws.path(TARGET).display()));
    command.args(&run.args).current_dir(run.ws.path("android"));
    command
}

fn programs() -> Result<()> {
    let missing: Vec<String> = needs::missing(For::Test)
        .iter()
        .filter(|need| needs::ANDROID.contains(&need.debian))
        .map(|need| format!("{} (Debian: {})", need.what, need.debian))
        .collect();
    if !missing.is_empty() {
        bail!("missing: {}; `cargo xtask setup` installs it", missing.join(", "));
    }
    Ok(())
}

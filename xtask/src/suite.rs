//! `cargo xtask test`: the one command whose success means that the tree is sound.
//!
//! Everything is built with one selection of packages (`--workspace --all-targets`): another selection would unify
//! features differently and compile half the tree again.

use std::process::ExitCode;

use anyhow::Result;

use crate::pg::{self, Cluster};
use crate::stages::Stages;
use crate::workspace::Workspace;
use crate::{demo, fuzz, judges, lint, openapi, shell, simulate, tools, torture};

#[derive(Debug, Clone, Copy)]
pub struct Mode {
    /// Only formatting, arrows, build and tests.
    pub quick: bool,
    /// As the build machine runs it: the lock must be up to date and the database is always our own.
    pub ci: bool,
}

/// Whether the environment says that nobody is watching.
pub fn asked_for_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

pub fn run(ws: &Workspace, mode: Mode) -> Result<ExitCode> {
    let mut stages = Stages::new("test");
    if !lint::prepare(ws, &mut stages, mode.ci) {
        return Ok(stages.finish());
    }
    lint::quick(ws, &mut stages);
    let build = || shell::run(ws.cargo().args(["build", "--workspace", "--all-targets"]));
    let built = stages.run("build", build);
    if !mode.quick {
        lint::slow(ws, &mut stages);
    }
    if built {
        tests(ws, mode, &mut stages);
    }
    Ok(stages.finish())
}

/// What runs the code that was built, with the database up.
fn tests(ws: &Workspace, mode: Mode, stages: &mut Stages) {
    let mut database = None;
    if !stages.run("postgres", || {
        database = Some(Database::open(mode.ci)?);
        Ok(())
    }) {
        return;
    }
    let url = database.as_ref().map(Database::url).unwrap_or_default();
    if !mode.quick {
        // Before the tests, so that the last summary in the log is the tests' own.
        stages.run("doctests", || {
            shell::run(
                ws.cargo()
                    .args(["test", "--quiet", "--doc", "--workspace"])
                    .env(pg::VARIABLE, &url),
            )
        });
    }
    stages.run("tests", || {
        let mut command = ws.cargo();
        if tools::has_nextest(ws) {
            command.args(["nextest", "run", "--workspace"]);
        } else {
            command.args([
                "test",
                "--workspace",
                "--lib",
                "--bins",
                "--tests",
                "--no-fail-fast",
            ]);
        }
        shell::run(command.env(pg::VARIABLE, &url))
    });
    if mode.quick {
        return;
    }
    stages.run("openapi", || openapi::check(ws));
    stages.run("demo", || demo::once(ws));
    stages.run("torture", || torture::bounded(ws, &url));
    judges::all(ws, stages);
    stages.run("fuzz", || fuzz::bounded(ws));
    stages.run("simulate", || simulate::bounded(ws));
}

/// The PostgreSQL the tests speak to.
enum Database {
    Ours(Cluster),
    /// A developer's own, named by the variable; never on a build machine.
    Given(String),
}

impl Database {
    fn open(ci: bool) -> Result<Self> {
        match std::env::var(pg::VARIABLE) {
            Ok(url) if !ci && !url.is_empty() => Ok(Self::Given(url)),
            _ => Ok(Self::Ours(Cluster::start()?)),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Ours(cluster) => cluster.url(),
            Self::Given(url) => url.clone(),
        }
    }
}

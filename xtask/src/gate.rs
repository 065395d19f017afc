//! `cargo xtask test`: the gate. Its success means that a change may be merged. At most 60 minutes on a loaded machine;
//! what takes longer is a stage of `cargo xtask proof`. docs/guides/gate-and-proof.md says what belongs where.

use std::cell::OnceCell;

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::pg::{self, Cluster};
use crate::select::{self, PRODUCT, VARIANTS};
use crate::stages::{self, Stage};
use crate::workspace::Workspace;
use crate::{
    advisories, android, arrows, demo, files, fuzz, judges, lint, openapi, phone, rules, setup, shell,
    simulate, space, symbols, tools, torture,
};

/// What the stages share.
struct Gate {
    ws: Workspace,
    /// As the build machine runs it: the lock must be up to date and the database is our own.
    ci: bool,
    /// Opened by the stage `postgres`.
    database: OnceCell<Database>,
}

impl Gate {
    fn url(&self) -> Result<String> {
        let database = self.database.get().context("PostgreSQL is not running")?;
        Ok(database.url())
    }
}

const STAGES: &[Stage<Gate>] = &[
    Stage {
        name: "space",
        what: "space on the disk for a build",
        after: &[],
        run: |gate| space::check(&gate.ws),
    },
    Stage {
        name: "setup",
        what: "packages of the system",
        after: &[],
        run: |_| setup::system(For::Test),
    },
    Stage {
        name: "tools",
        what: "pinned tools",
        after: &[],
        run: |gate| tools::install(&gate.ws),
    },
    Stage {
        name: "fetch",
        what: "crates of the lock",
        after: &["setup"],
        run: |gate| lint::fetch(&gate.ws, gate.ci),
    },
    Stage {
        name: "fmt",
        what: "formatting",
        after: &[],
        run: |gate| lint::fmt(&gate.ws),
    },
    Stage {
        name: "arrows",
        what: "who may depend on whom: crates, rooms, files, tables",
        after: &[],
        run: |gate| arrows::run(&gate.ws),
    },
    Stage {
        name: "paths",
        what: "no path of one machine in the project, and no `#[path]` to a missing file",
        after: &[],
        run: |gate| {
            files::foreign_paths(&gate.ws)?;
            files::module_paths(&gate.ws)
        },
    },
    Stage {
        name: "lengths",
        what: "no source file over 500 lines without a reason",
        after: &[],
        run: |gate| files::lengths(&gate.ws),
    },
    Stage {
        name: "names",
        what: "no type of the product named twice",
        after: &[],
        run: |gate| files::type_names(&gate.ws),
    },
    Stage {
        name: "rules",
        what: "every rule id listed, every built rule with a test",
        after: &[],
        run: |gate| rules::check(&gate.ws),
    },
    Stage {
        name: "typos",
        what: "spelling",
        after: &["tools"],
        run: |gate| lint::typos(&gate.ws),
    },
    Stage {
        name: "deny",
        what: "licences, banned crates, sources",
        after: &["tools", "fetch"],
        run: |gate| lint::deny(&gate.ws),
    },
    Stage {
        name: "advisories",
        what: "no locked crate with a known vulnerability, as far as the pinned copy reaches",
        after: &[],
        run: |gate| advisories::check(&gate.ws),
    },
    Stage {
        name: "build",
        what: "the product and everything that runs it",
        after: &["space", "fetch"],
        run: |gate| shell::run(gate.ws.cargo().arg("build").args(PRODUCT).arg("--all-targets")),
    },
    Stage {
        name: "variants",
        what: "the members with test code, and the simulator",
        after: &["build"],
        run: |gate| {
            let targets = select::variant_targets(&gate.ws)?;
            shell::run(gate.ws.cargo().arg("build").args(VARIANTS).args(targets))
        },
    },
    Stage {
        name: "bindings",
        what: "the library of phones, with its Kotlin and Swift code",
        after: &["space", "fetch"],
        run: |gate| phone::bindings(&gate.ws),
    },
    Stage {
        name: "size",
        what: "the library of phones is small enough",
        after: &["bindings"],
        run: |gate| phone::size(&gate.ws),
    },
    Stage {
        name: "symbols",
        what: "no test code in programs for users; the simulator is found guilty",
        after: &["build", "variants"],
        run: |gate| symbols::stage(&gate.ws),
    },
    Stage {
        name: "clippy",
        what: "clippy over both selections",
        after: &["fetch"],
        run: |gate| lint::clippy(&gate.ws),
    },
    Stage {
        name: "postgres",
        what: "a PostgreSQL cluster for this run",
        after: &["setup"],
        run: |gate| {
            let database = Database::open(gate.ci)?;
            gate.database
                .set(database)
                .ok()
                .context("PostgreSQL runs already")
        },
    },
    Stage {
        name: "doctests",
        what: "examples in documentation",
        after: &["build", "postgres"],
        run: |gate| {
            let mut command = gate.ws.cargo();
            command.args(["test", "--quiet", "--doc"]).args(PRODUCT);
            shell::run(command.env(pg::VARIABLE, gate.url()?))
        },
    },
    Stage {
        name: "variant-tests",
        what: "tests that need test code: terminal-core with `testing`, the simulator's own",
        after: &["variants", "postgres"],
        run: |gate| {
            let targets = select::variant_targets(&gate.ws)?;
            let mut command = select::test_command(&gate.ws, tools::has_nextest(&gate.ws));
            command.args(VARIANTS).args(targets);
            shell::run(command.env(pg::VARIABLE, gate.url()?))
        },
    },
    Stage {
        name: "tests",
        what: "every test of the product and the stories, on SQLite and PostgreSQL",
        after: &["build", "symbols", "postgres"],
        run: |gate| {
            let nextest = tools::has_nextest(&gate.ws);
            let mut command = select::test_command(&gate.ws, nextest);
            command.args(PRODUCT);
            if !nextest {
                // Without the documentation, which is a stage of its own.
                command.args(["--lib", "--bins", "--tests"]);
            }
            // The stories start the programs in target/debug: they must be the product's when the tests begin.
            symbols::products(&gate.ws)?;
            shell::run(command.env(pg::VARIABLE, gate.url()?))
        },
    },
    Stage {
        name: "openapi",
        what: "server/openapi.json is what the routes say",
        after: &["build"],
        run: |gate| openapi::check(&gate.ws),
    },
    Stage {
        name: "demo",
        what: "the demo city, once, checked from the outside",
        after: &["build"],
        run: |gate| {
            symbols::products(&gate.ws)?;
            demo::once(&gate.ws)
        },
    },
    Stage {
        name: "torture",
        what: "one round for each engine of killed processes and cut power",
        after: &["build", "postgres"],
        run: |gate| {
            symbols::products(&gate.ws)?;
            torture::bounded(&gate.ws, &gate.url()?)
        },
    },
    Stage {
        name: "tus",
        what: "two independent clients upload photos through a cutting line",
        after: &["build", "tools"],
        run: |gate| {
            symbols::products(&gate.ws)?;
            judges::tus(&gate.ws)
        },
    },
    Stage {
        name: "schemathesis",
        what: "generated requests against the API description",
        after: &["build", "tools"],
        run: |gate| {
            symbols::products(&gate.ws)?;
            judges::api(&gate.ws)
        },
    },
    Stage {
        name: "client",
        what: "a client generated from the API description performs every operation",
        after: &["build", "tools"],
        run: |gate| judges::client(&gate.ws),
    },
    Stage {
        name: "attack",
        what: "attackers for a second each while honest users work: memory and times of a debug server",
        after: &["build"],
        run: |gate| {
            symbols::products(&gate.ws)?;
            judges::bounded_attack(&gate.ws)
        },
    },
    Stage {
        name: "android",
        what: "the conformance list in Kotlin against a real server; the app's pages and walks on the JVM",
        after: &["setup", "build", "bindings"],
        run: |gate| {
            symbols::products(&gate.ws)?;
            android::succeeds(&gate.ws)
        },
    },
    Stage {
        name: "fuzz",
        what: "every decoder of outside bytes for some seconds",
        after: &["tools"],
        run: |gate| fuzz::bounded(&gate.ws),
    },
    Stage {
        name: "simulate",
        what: "60 simulated days of faults, and a sample of the deliberate defects",
        after: &["variants"],
        run: |gate| simulate::bounded(&gate.ws),
    },
];

/// Formatting, arrows and the tests themselves.
const QUICK: &[&str] = &[
    "fmt",
    "arrows",
    "paths",
    "lengths",
    "names",
    "rules",
    "variant-tests",
    "tests",
];
const LINT: &[&str] = &[
    "fmt",
    "arrows",
    "paths",
    "lengths",
    "names",
    "rules",
    "typos",
    "deny",
    "advisories",
    "clippy",
];
const JUDGES: &[&str] = &["tus", "schemathesis", "client", "attack"];

/// `cargo xtask test`: the stages that are named, or all.
pub fn test(ws: &Workspace, quick: bool, ci: bool, wanted: &[String]) -> Result<u8> {
    let quick: Vec<String> = if quick { owned(QUICK) } else { Vec::new() };
    run(ws, "test", ci, &[wanted, &quick].concat())
}

pub fn lint(ws: &Workspace) -> Result<u8> {
    run(ws, "lint", shell::asked_for_ci(), &owned(LINT))
}

pub fn judges(ws: &Workspace) -> Result<u8> {
    run(ws, "judges", shell::asked_for_ci(), &owned(JUDGES))
}

/// One line for each stage.
pub fn list() -> String {
    stages::list(STAGES)
}

fn run(ws: &Workspace, task: &str, ci: bool, wanted: &[String]) -> Result<u8> {
    let gate = Gate {
        ws: ws.clone(),
        ci,
        database: OnceCell::new(),
    };
    stages::run(task, STAGES, wanted, &gate)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The PostgreSQL that the tests use.
enum Database {
    Ours(Cluster),
    /// A developer's own, given by the variable; never on a build machine.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_that_another_or_a_selection_names_exists_and_stands_before_it() {
        let place = |name: &str| STAGES.iter().position(|stage| stage.name == name);
        for (at, stage) in STAGES.iter().enumerate() {
            assert!(
                stage
                    .after
                    .iter()
                    .all(|needed| place(needed).is_some_and(|p| p < at)),
                "{}",
                stage.name
            );
        }
        for name in QUICK.iter().chain(LINT).chain(JUDGES) {
            assert!(place(name).is_some(), "{name}");
        }
    }
}

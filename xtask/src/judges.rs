//! Judges that nobody here wrote: two clients of tus and schemathesis over a real server (`tests/judges/README.md`).

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::needs::For;
use crate::stages::Stages;
use crate::workspace::Workspace;
use crate::{setup, shell, tools};

const FOLDER: &str = "tests/judges";
const PROGRAM: &str = "xunge-judges";
/// Of each operation; more find little more and the suite has to end some day.
const EXAMPLES: &str = "8";

/// Builds what is judged and lets both judge.
pub fn run(ws: &Workspace) -> Result<ExitCode> {
    let mut stages = Stages::new("judges");
    let ready = stages.run("setup", || setup::system(For::Test))
        && stages.run("tools", || tools::install(ws))
        && stages.run("build", || {
            shell::run(ws.cargo().args(["build", "--workspace", "--bins"]))
        });
    if ready {
        all(ws, &mut stages);
    }
    Ok(stages.finish())
}

/// Both, on what has been built already.
pub fn all(ws: &Workspace, stages: &mut Stages) {
    stages.run("tus", || tus(ws));
    stages.run("schemathesis", || api(ws));
}

fn tus(ws: &Workspace) -> Result<()> {
    install_client(ws)?;
    let node = shell::which("node").context("node is not on PATH")?;
    shell::run(
        ws.command(ws.binary("debug", PROGRAM)?)
            .arg("tus")
            .arg("--node")
            .arg(node)
            .arg("--python")
            .arg(tools::program(ws, "python")),
    )
}

fn api(ws: &Workspace) -> Result<()> {
    shell::run(
        ws.command(ws.binary("debug", PROGRAM)?)
            .arg("api")
            .arg("--schemathesis")
            .arg(tools::program(ws, "schemathesis"))
            .args(["--examples", EXAMPLES]),
    )
}

/// tus-js-client as the lock names it, unless that is there already.
fn install_client(ws: &Workspace) -> Result<()> {
    let folder = ws.path(FOLDER);
    let lock = std::fs::read(folder.join("package-lock.json")).context("the lock of tus-js-client")?;
    let stamp = folder.join("node_modules/installed-lock.json");
    if std::fs::read(&stamp).is_ok_and(|there| there == lock) {
        return Ok(());
    }
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    shell::output(ws.command("npm").args(args).current_dir(&folder))?;
    std::fs::write(stamp, lock).context("cannot write the stamp of tus-js-client")
}

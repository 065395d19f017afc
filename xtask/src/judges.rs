//! Independent checkers of a real server: two tus clients, schemathesis and a generated client (`tests/judges/README.md`).
//! Attackers while honest users work.

use anyhow::{Context as _, Result};

use crate::select::PRODUCT;
use crate::workspace::Workspace;
use crate::{programs, shell, tools};

const FOLDER: &str = "tests/judges";
const PROGRAM: &str = "xunge-judges";
/// Generated requests for each operation. More find little more, and the gate has a time limit.
const EXAMPLES: &str = "8";
const SERVER: &str = "xunge-server";
/// Seconds of each attack in the gate.
const ATTACK_SECONDS: &str = "1";

/// Uploads photos with tus-js-client and tuspy. The programs are built.
pub fn tus(ws: &Workspace) -> Result<()> {
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

/// Sends generated requests by the API description. The programs are built.
pub fn api(ws: &Workspace) -> Result<()> {
    shell::run(
        ws.command(ws.binary("debug", PROGRAM)?)
            .arg("api")
            .arg("--schemathesis")
            .arg(tools::program(ws, "schemathesis"))
            .args(["--examples", EXAMPLES]),
    )
}

/// Generates a client from the committed API description and performs every operation with it. The tests are built.
pub fn client(ws: &Workspace) -> Result<()> {
    let place = ws.path("target/client");
    if place.exists() {
        std::fs::remove_dir_all(&place).context("cannot remove the old client")?;
    }
    std::fs::create_dir_all(&place).context("cannot create the folder of the client")?;
    // A warning means that the generator left out an operation or a type.
    let mut generate = ws.command(tools::program(ws, "openapi-python-client"));
    generate
        .args(["generate", "--meta", "none", "--fail-on-warning"])
        .arg("--path")
        .arg(ws.path("server/openapi.json"))
        .arg("--config")
        .arg(ws.path(FOLDER).join("client.yaml"))
        .arg("--output-path")
        .arg(place.join("xunge_client"));
    shell::run(&mut generate)?;
    let mut test = ws.cargo();
    test.args(["test", "--quiet"])
        .args(PRODUCT)
        .args(["--test", "generated_client", "--", "--ignored", "--nocapture"])
        .env("XUNGE_CLIENT_PYTHON", tools::program(ws, "python"))
        .env("XUNGE_CLIENT_FOLDER", place);
    shell::run(&mut test)
}

/// Attacks a server while honest users work: a release build, or a debug build with `--debug`. Returns the exit code.
pub fn attack(ws: &Workspace, args: &[String]) -> Result<u8> {
    programs::build(ws)?;
    let mut attack = ws.command(ws.binary("debug", PROGRAM)?);
    attack.arg("attack").args(args);
    if !args.iter().any(|arg| arg == "--debug") {
        attack.arg("--server").arg(release_server(ws)?);
    }
    programs::exit_code(&mut attack)
}

/// The share of it in the gate: a second of each attack on the debug server, which the gate has built.
pub fn bounded_attack(ws: &Workspace) -> Result<()> {
    shell::run(ws.command(ws.binary("debug", PROGRAM)?).args([
        "attack",
        "--debug",
        "--seconds",
        ATTACK_SECONDS,
    ]))
}

fn release_server(ws: &Workspace) -> Result<std::path::PathBuf> {
    let build = ["build", "--release", "--package", "server", "--bin", SERVER];
    shell::run(ws.cargo().args(build))?;
    ws.binary("release", SERVER)
}

/// Installs tus-js-client as the lock names it, unless exactly this is installed.
fn install_client(ws: &Workspace) -> Result<()> {
    let folder = ws.path(FOLDER);
    let lock =
        std::fs::read(folder.join("package-lock.json")).context("cannot read the lock of tus-js-client")?;
    let stamp = folder.join("node_modules/installed-lock.json");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    shell::output(ws.command("npm").args(args).current_dir(&folder))?;
    std::fs::write(stamp, lock).context("cannot write the version stamp of tus-js-client")
}

//! The demo city: builds the programs of the workspace and starts `xunge-demo` of the package `e2e`.
//!
//! In the dev profile: a release of everything takes minutes more to build, and the code that computes most (pixels,
//! hashes, encryption, grid) is optimised in the dev profile too, package by package.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::needs::For;
use crate::workspace::Workspace;
use crate::{android, clock, phone, programs, setup, shell};

const PROGRAM: &str = "xunge-demo";

/// Seconds after which a bounded demo is ended. It takes under 180 s, more on a slow build machine.
const BOUND_SECONDS: &str = "900";

/// A crowd that the clerks keep up with, so that the walk does not wait for minutes behind other cases.
const SMALL: &[&str] = &["--patrollers", "6", "--managers", "2"];

/// How long a demo may take until everybody is at work; 30 s on a quiet machine.
const OPENING: Duration = Duration::from_secs(300);

/// Builds and runs it with the terminal's input and output; returns its exit code.
pub fn run(ws: &Workspace, args: &[String]) -> Result<u8> {
    setup::system(For::Build)?;
    programs::build(ws)?;
    let mut demo = Command::new(ws.binary("debug", PROGRAM)?);
    programs::exit_code(demo.args(args).stdin(Stdio::inherit()))
}

/// The bounded demo with the programs that the gate has built.
pub fn once(ws: &Workspace) -> Result<()> {
    let demo = ws.binary("debug", PROGRAM)?;
    shell::run(
        ws.command("timeout")
            .args(["--kill-after=10", BOUND_SECONDS])
            .arg(demo)
            .arg("--once"),
    )
}

/// The living demo with one more patroller: the walk of the Android app on the JVM. Ends the demo after it. `args` are
/// passed to the demo; without any its crowd is small.
pub fn with_android(ws: &Workspace, args: &[String]) -> Result<()> {
    setup::system(For::Build)?;
    phone::bindings(ws)?;
    programs::build(ws)?;
    let folder = android::walk_folder(ws)?;
    let (log, told) = (folder.join("demo.log"), folder.join("city.json"));
    let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    println!("demo: building the city; what it says is in {}", log.display());
    let mut demo = Command::new(ws.binary("debug", PROGRAM)?)
        .arg("--handset")
        .arg(&told)
        .args(if args.is_empty() { SMALL } else { &[] })
        .args(args)
        .stdin(Stdio::null())
        .stderr(out.try_clone()?)
        .stdout(out)
        .spawn()
        .context("cannot start the demo")?;
    let walked = at_work(&mut demo, &told).and_then(|()| {
        println!("demo: everybody is at work; a patroller with an Android handset joins them");
        android::walk(ws, &told, &folder)
    });
    end(&mut demo)?;
    walked?;
    println!("demo: pictures of each step are in {}", folder.display());
    Ok(())
}

fn at_work(demo: &mut Child, told: &Path) -> Result<()> {
    let deadline = clock::now() + OPENING;
    while !told.exists() {
        if let Some(status) = demo.try_wait()? {
            bail!("the demo ended ({status}) before anybody was at work");
        }
        if clock::now() > deadline {
            bail!("nobody was at work after {} s", OPENING.as_secs());
        }
        clock::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// As Ctrl-C does; the demo ends its server and its handsets.
fn end(demo: &mut Child) -> Result<()> {
    let id = demo.id().to_string();
    let told = shell::run(shell::quiet_stdin("kill").args(["-INT", &id]));
    if told.is_err() {
        demo.kill().ok();
    }
    demo.wait().context("the demo did not end")?;
    Ok(())
}

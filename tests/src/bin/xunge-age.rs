//! Writes an "age": a city and a handset with a full outbox, as the programs beside this one leave them on
//! disk, in one archive for `tests/data` (see the README there). The upgrade story (`story_19_…`) opens each
//! age with today's programs.
//!
//! Only the programs `xunge` and `xunge-server` write to the two folders, so an age holds what users have on
//! their disks. Copy this program into a folder with the programs of a release and run it there.

use anyhow::{Context, Result, ensure};
use e2e::{
    city::City,
    line::{FaultProxy, LineFault},
    process::{ServerSetup, program},
    random::ScenarioRandom,
    staff_api::StaffSession,
};
use protocol::{field::Invitation, role::Role};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Chosen by the user, so it does not expire.
const PASSWORD: &str = "an-old-city-2026";
const HERE: &str = "43.85745,125.30062,8";

fn main() -> Result<()> {
    let out = std::env::args().nth(1).context("usage: xunge-age OUT.tar.gz")?;
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name);
    let mut city = City::small(&path("server"), ServerSetup::default())?;
    own_password(&city.admin, &city.server.admin_password)?;
    let supervisor = city.staff("dudao", "督导", Role::Supervisor, &city.district)?;
    let desk = city.sign_in(&supervisor)?;
    own_password(&desk, &supervisor.password)?;

    let line = FaultProxy::to(city.server.address())?;
    let invited = city.post(
        "119",
        "桂林社区119岗",
        "巡查员119",
        Role::Patroller,
        &["2201040101"],
    )?;
    let mut invitation = Invitation::from_text(&invited.invitation)?;
    invitation.server = format!("https://{}", line.address());
    let home = path("handset");
    let xunge = |args: &[&str]| run(&home, args, 0);
    xunge(&["enroll", &invitation.to_text()?])?;
    xunge(&["sync"])?;
    let cell = cell_of(&xunge(&["where", HERE])?)?;
    xunge(&["check-in", "--at", HERE])?;
    xunge(&["sync"])?;
    let task = json!({"purpose": "inspect", "wording": "请核验", "cell": cell, "minutes": 60});
    let task = desk.post("/v1/tasks", &task)?;
    xunge(&["sync"])?;

    // A photo with a half-finished upload.
    let large = photo(&path("large.jpg"), 1, 640, 480, 1)?;
    xunge(&[
        "report",
        "--type",
        "E0102",
        "--at",
        HERE,
        "--text",
        "照片传到一半",
        "--photo",
        &large,
    ])?;
    line.set(LineFault::CutUp(120_000));
    run(&home, &["sync"], 3)?;
    // Items created after that, without a network.
    line.set(LineFault::Down);
    let small = |seed| photo(&path(&format!("{seed}.jpg")), seed, 320, 240, 160);
    let (a, b, c, d) = (small(2)?, small(3)?, small(4)?, small(5)?);
    xunge(&[
        "report",
        "--type",
        "E0102",
        "--at",
        HERE,
        "--text",
        "两张照片",
        "--photo",
        &a,
        "--photo",
        &b,
    ])?;
    xunge(&["report", "--text", "没有照片"])?;
    let task = task
        .get("id")
        .and_then(Value::as_str)
        .context("no task")?
        .to_owned();
    xunge(&[
        "answer",
        &task,
        "true",
        "--text",
        "现场看过",
        "--at",
        HERE,
        "--photo",
        &c,
    ])?;
    let taken_back = xunge(&["report", "--text", "写错了"])?;
    let taken_back = taken_back.pointer("/item/id").or_else(|| taken_back.get("id"));
    xunge(&["withdraw", taken_back.and_then(Value::as_str).context("no id")?])?;
    run(&home, &["sync"], 3)?;
    xunge(&[
        "report", "--save", "--type", "E0102", "--at", HERE, "--text", "草稿", "--photo", &d,
    ])?;
    let queue = xunge(&["queue", "--all"])?;
    std::fs::write(path("queue.json"), serde_json::to_string_pretty(&queue)?)?;

    ensure!(city.server.stop()?, "the server did not stop cleanly");
    let tar = Command::new("tar")
        .args(["--create", "--gzip", "--owner=0", "--group=0", "--file", &out])
        .arg("--directory")
        .arg(dir.path())
        .args([
            "--exclude=server.log",
            "--exclude=small.pack",
            "server",
            "handset",
            "queue.json",
        ])
        .status()?;
    ensure!(tar.success(), "tar failed");
    Ok(())
}

fn own_password(desk: &StaffSession, old: &str) -> Result<Value> {
    desk.post("/v1/session/password", &json!({"old": old, "new": PASSWORD}))
}

fn cell_of(said: &Value) -> Result<String> {
    let cell = said
        .pointer("/place/cell/code")
        .or_else(|| said.pointer("/cell/code"));
    Ok(cell
        .and_then(Value::as_str)
        .with_context(|| said.to_string())?
        .to_owned())
}

/// Runs one command of the handset; returns its JSON document.
fn run(home: &Path, args: &[&str], code: i32) -> Result<Value> {
    let output = Command::new(program("xunge")?)
        .arg("--home")
        .arg(home)
        .args(args)
        .arg("--json")
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.code() == Some(code), "{args:?}: {said}");
    Ok(serde_json::from_str(&said)?)
}

/// A noise JPEG that differs by seed; a coarser grain gives a smaller file.
fn photo(path: &PathBuf, seed: u64, width: u16, height: u16, grain: usize) -> Result<String> {
    let mut random = ScenarioRandom::new(seed);
    let size = usize::from(width) * usize::from(height) * 3;
    let mut pixels = Vec::with_capacity(size + 3 * grain);
    while pixels.len() < size {
        let [red, green, blue, ..] = random.bits().to_le_bytes();
        pixels.extend([red, green, blue].repeat(grain));
    }
    pixels.truncate(size);
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 60).encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)?;
    std::fs::write(path, jpeg)?;
    Ok(path.display().to_string())
}

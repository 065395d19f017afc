//! Uploads attachments with tus-js-client and tuspy, signed in as staff. The line is cut repeatedly in both
//! directions, one upload expires, one is terminated. At the end the files on the server must equal the files
//! that were sent, byte for byte.

use super::{account, folder, last_words};
use crate::{
    city::id,
    line::{FaultProxy, LineFault},
    pictures::PhotoAlbum,
    process::{ServerProcess, ServerSetup},
    random::ScenarioRandom,
};
use anyhow::{Context, Result, bail, ensure};
use protocol::{photo::Sha256, role::Role};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const ROUTE: &str = "/v1/attachments/uploads";
const ACCOUNT: &str = "tus";
/// Number of files of each client while the line is cut; one more file goes through an expired upload.
const FILES: usize = 5;
/// A run with fewer cuts than this is rejected, because it shows little.
const CUTS: u64 = 20;

/// A tus client: a program and its script.
struct TusClient {
    name: &'static str,
    program: PathBuf,
    script: PathBuf,
}

impl TusClient {
    /// Runs one mode of the script; returns the JSON lines that it printed.
    fn run(
        &self,
        mode: &str,
        endpoint: &str,
        token: &str,
        url: &str,
        files: &[PathBuf],
    ) -> Result<Vec<Value>> {
        let output = Command::new(&self.program)
            .arg(&self.script)
            .args([mode, endpoint])
            .args(files)
            .env("TOKEN", token)
            .env("URL_BEFORE", url)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("{} cannot be started", self.program.display()))?;
        ensure!(output.status.success(), "{} {mode}: {}", self.name, output.status);
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("{}: {line}", self.name)))
            .collect()
    }
}

/// Runs both clients, prints what each did, and fails if a byte is missing.
pub fn run(node: &Path, python: &Path) -> Result<()> {
    let place = tempfile::Builder::new().prefix("xunge-judges-").tempdir()?;
    let setup = ServerSetup {
        plain_http: true,
        ..ServerSetup::default()
    };
    let mut server = ServerProcess::init(&place.path().join("city"), setup)?;
    server.start()?;
    let admin = server.admin()?;
    let orgs = admin.all("/v1/orgs")?;
    let city = orgs.first().map(id).context("no city in /v1/orgs")??;
    let (_, password) = account((&server.api()?, &admin), ACCOUNT, &[Role::Department], &city)?;
    let judges = [
        TusClient {
            name: "tus-js-client",
            program: node.to_owned(),
            script: folder().join("tus.mjs"),
        },
        TusClient {
            name: "tuspy",
            program: python.to_owned(),
            script: folder().join("tus_client.py"),
        },
    ];
    let (album, mut random) = (PhotoAlbum::load()?, ScenarioRandom::new(1));
    for judge in &judges {
        let files = (0..=FILES)
            .map(|n| {
                let path = place.path().join(format!("{}-{n}.jpg", judge.name));
                album.crop_to(&mut random, &path)?;
                Ok(path)
            })
            .collect::<Result<Vec<_>>>()?;
        let said = one(judge, &mut server, &password, &files)
            .with_context(|| format!("{}; end of the server log:\n{}", judge.name, last_words(&server)))?;
        println!("judges: {said}");
    }
    Ok(())
}

/// Runs one client.
fn one(judge: &TusClient, server: &mut ServerProcess, password: &str, files: &[PathBuf]) -> Result<String> {
    let token = server.api()?.sign_in(ACCOUNT, password)?.token().to_owned();
    let line = Arc::new(FaultProxy::to(server.address())?);
    let endpoint = format!("http://{}{ROUTE}", line.address());
    let (last, many) = files.split_last().context("no files to send")?;

    let over = Arc::new(AtomicBool::new(false));
    storms(Arc::clone(&line), Arc::clone(&over));
    let sent = judge.run("upload", &endpoint, &token, "", many);
    over.store(true, Ordering::SeqCst);
    line.set(LineFault::Good);
    let sent = sent?;
    let cuts = line.faults();
    ensure!(cuts >= CUTS, "only {cuts} cuts, at least {CUTS} are required");
    let told: BTreeSet<&str> = sent
        .iter()
        .filter_map(|said| said.get("file")?.as_str())
        .collect();
    ensure!(
        told.len() == many.len(),
        "the client did not report every file as sent: {sent:?}"
    );

    // The upload expires before its client resumes it.
    server.set_settings("upload_hours = 0")?;
    restart(server)?;
    let begun = judge.run("begin", &endpoint, &token, "", std::slice::from_ref(last))?;
    let begun = begun.first().context("no upload was started")?;
    ensure!(begun.get("status") == Some(&410.into()), "expected 410: {begun}");
    let url = begun
        .get("url")
        .and_then(Value::as_str)
        .context("no URL of the upload")?;
    server.set_settings("")?;
    restart(server)?;
    let resumed = judge.run("resume", &endpoint, &token, url, std::slice::from_ref(last))?;
    let again = resumed
        .first()
        .and_then(|said| said.get("url"))
        .and_then(Value::as_str);
    ensure!(
        again.is_some_and(|again| again != url),
        "expected a new upload: {resumed:?}"
    );

    let mut bytes = 0;
    for file in files {
        bytes += same(server, file)?;
    }
    // A terminated upload is gone; checked over a direct connection.
    for given in sent
        .iter()
        .filter_map(|said| said.get("given").and_then(Value::as_str))
    {
        ensure!(
            status(&token, given)? == 404,
            "{given} was terminated and still exists"
        );
    }
    Ok(format!(
        "{} sent {} attachments, {bytes} bytes, over a line cut {cuts} times and through an expired upload: all equal",
        judge.name,
        files.len()
    ))
}

fn status(token: &str, url: &str) -> Result<u16> {
    let answer = reqwest::blocking::Client::new()
        .head(url)
        .bearer_auth(token)
        .header("tus-resumable", "1.0.0")
        .send()?;
    Ok(answer.status().as_u16())
}

fn restart(server: &mut ServerProcess) -> Result<()> {
    ensure!(server.stop()?, "the server did not stop cleanly");
    server.start()
}

/// Checks that the server's file equals this file; returns its size in bytes.
fn same(server: &ServerProcess, file: &Path) -> Result<usize> {
    let sent = std::fs::read(file)?;
    let hash = Sha256::of(&sent);
    let held = server.data().join("objects/attachments").join(hash.to_string());
    match std::fs::read(&held) {
        Ok(held) if held == sent => Ok(sent.len()),
        Ok(_) => bail!("{} holds other bytes than {}", held.display(), file.display()),
        Err(error) => bail!("{} is not on the server: {error}", file.display()),
    }
}

/// Changes the fault after each hit and every few connections, until `over` is set: cut in the request, cut
/// in the response, no connection at all. It is driven by traffic and not by time, so that a busy machine
/// gets the same faults.
fn storms(line: Arc<FaultProxy>, over: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut random = ScenarioRandom::new(2);
        let (mut harmed, mut connections) = (0, 0);
        while !over.load(Ordering::SeqCst) {
            line.set(match random.below(10) {
                0 => LineFault::Down,
                1 => LineFault::CutDown(random.below(300) as u64),
                2 => LineFault::LoseAnswer("PATCH".into()),
                _ => LineFault::CutUp(300 + random.below(14_000) as u64),
            });
            while line.faults() == harmed
                && line.connections() < connections + 3
                && !over.load(Ordering::SeqCst)
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            (harmed, connections) = (line.faults(), line.connections());
        }
        line.set(LineFault::Good);
    });
}

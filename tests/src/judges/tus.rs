//! Attachments by tus-js-client and tuspy, signed in as staff. The line dies all the time, in both directions; an upload
//! expires; one is given up. In the end the server's files are those that were sent, byte for byte.

use super::{account, folder, last_words};
use crate::{
    chance::Chance,
    line::{Line, Weather},
    office::Office,
    pictures::Album,
    process::{ADMIN, Server, Setup},
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
/// Files of each client in the bad weather; one more goes through an expired upload.
const FILES: usize = 5;
/// Fewer cuts than this in a client's turn would prove little.
const CUTS: u64 = 20;

/// A client of tus: a program and its script.
struct Judge {
    name: &'static str,
    program: PathBuf,
    script: PathBuf,
}

impl Judge {
    /// Runs one task of the script; the lines it printed.
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

/// Runs both clients; prints what each did and fails when a byte is missing.
pub fn run(node: &Path, python: &Path) -> Result<()> {
    let place = tempfile::Builder::new().prefix("xunge-judges-").tempdir()?;
    let setup = Setup {
        plain_http: true,
        ..Setup::default()
    };
    let mut server = Server::init(&place.path().join("city"), setup)?;
    server.start()?;
    let admin = server.office()?.sign_in(ADMIN, &server.admin_password)?;
    let password = account(&admin, ACCOUNT, &[Role::Department])?;
    let judges = [
        Judge {
            name: "tus-js-client",
            program: node.to_owned(),
            script: folder().join("tus.mjs"),
        },
        Judge {
            name: "tuspy",
            program: python.to_owned(),
            script: folder().join("tus_client.py"),
        },
    ];
    let (album, mut chance) = (Album::load()?, Chance::new(1));
    for judge in &judges {
        let files = (0..=FILES)
            .map(|n| {
                let path = place.path().join(format!("{}-{n}.jpg", judge.name));
                album.crop_to(&mut chance, &path)?;
                Ok(path)
            })
            .collect::<Result<Vec<_>>>()?;
        let said = one(judge, &mut server, &password, &files)
            .with_context(|| format!("{}; the server said last:\n{}", judge.name, last_words(&server)))?;
        println!("judges: {said}");
    }
    Ok(())
}

/// One client's turn.
fn one(judge: &Judge, server: &mut Server, password: &str, files: &[PathBuf]) -> Result<String> {
    let token = sign_in(&server.office()?, password)?;
    let line = Arc::new(Line::to(server.address())?);
    let endpoint = format!("http://{}{ROUTE}", line.address());
    let (last, many) = files.split_last().context("files to send")?;

    let over = Arc::new(AtomicBool::new(false));
    storms(Arc::clone(&line), Arc::clone(&over));
    let sent = judge.run("upload", &endpoint, &token, "", many);
    over.store(true, Ordering::SeqCst);
    line.set(Weather::Good);
    let sent = sent?;
    let cuts = line.faults();
    ensure!(cuts >= CUTS, "only {cuts} cuts: the line was too good");
    let told: BTreeSet<&str> = sent
        .iter()
        .filter_map(|said| said.get("file")?.as_str())
        .collect();
    ensure!(
        told.len() == many.len(),
        "not every file was said to be sent: {sent:?}"
    );

    // An upload that has expired when its client comes back.
    server.set("upload_hours = 0")?;
    restart(server)?;
    let begun = judge.run("begin", &endpoint, &token, "", std::slice::from_ref(last))?;
    let begun = begun.first().context("an upload that was begun")?;
    ensure!(begun.get("status") == Some(&410.into()), "410 was due: {begun}");
    let url = begun.get("url").and_then(Value::as_str).context("its URL")?;
    server.set("")?;
    restart(server)?;
    let resumed = judge.run("resume", &endpoint, &token, url, std::slice::from_ref(last))?;
    let again = resumed
        .first()
        .and_then(|said| said.get("url"))
        .and_then(Value::as_str);
    ensure!(
        again.is_some_and(|again| again != url),
        "a new upload was due: {resumed:?}"
    );

    let mut bytes = 0;
    for file in files {
        bytes += same(server, file)?;
    }
    // What was given up is gone, for a client that asks without a storm in between.
    for given in sent
        .iter()
        .filter_map(|said| said.get("given").and_then(Value::as_str))
    {
        ensure!(
            status(&token, given)? == 404,
            "{given} was given up and is still there"
        );
    }
    Ok(format!(
        "{} sent {} attachments, {bytes} bytes, over a line cut {cuts} times and through an expired upload: all equal",
        judge.name,
        files.len()
    ))
}

fn sign_in(office: &Office, password: &str) -> Result<String> {
    let body = serde_json::json!({"account": ACCOUNT, "password": password});
    let answer: Value = office
        .request(reqwest::Method::POST, "/v1/session")
        .json(&body)
        .send()?
        .error_for_status()?
        .json()?;
    let token = answer.get("token").and_then(Value::as_str);
    Ok(token.context("a token")?.to_owned())
}

fn status(token: &str, url: &str) -> Result<u16> {
    let answer = reqwest::blocking::Client::new()
        .head(url)
        .bearer_auth(token)
        .header("tus-resumable", "1.0.0")
        .send()?;
    Ok(answer.status().as_u16())
}

fn restart(server: &mut Server) -> Result<()> {
    ensure!(server.stop()?, "the server stops cleanly");
    server.start()
}

/// The server's file of these bytes is these bytes; how many.
fn same(server: &Server, file: &Path) -> Result<usize> {
    let sent = std::fs::read(file)?;
    let hash = Sha256::of(&sent);
    let held = server.data().join("objects/attachments").join(hash.to_string());
    match std::fs::read(&held) {
        Ok(held) if held == sent => Ok(sent.len()),
        Ok(_) => bail!("{} holds other bytes than {}", held.display(), file.display()),
        Err(error) => bail!("{} is not on the server: {error}", file.display()),
    }
}

/// Changes the weather after each harm and every few connections, until it is over: cut on the way there, cut on the way
/// back, no line at all. It is bound to what passes and not to time, so that a busy machine meets the same storm.
fn storms(line: Arc<Line>, over: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut chance = Chance::new(2);
        let (mut harmed, mut connections) = (0, 0);
        while !over.load(Ordering::SeqCst) {
            line.set(match chance.below(10) {
                0 => Weather::Down,
                1 => Weather::CutDown(chance.below(300) as u64),
                2 => Weather::LoseAnswer("PATCH".into()),
                _ => Weather::CutUp(300 + chance.below(14_000) as u64),
            });
            while line.faults() == harmed
                && line.connections() < connections + 3
                && !over.load(Ordering::SeqCst)
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            (harmed, connections) = (line.faults(), line.connections());
        }
        line.set(Weather::Good);
    });
}

//! Reports into custody: 8 clients over HTTP to a server process, one report per request and in batches of
//! 50, with row and event on the disk before the response; compared with the same statements, run directly on
//! the engine, over the same rows in the same groups.

use super::{
    Goals, checkins, fleet,
    http::{RawHttpClient, request},
    machine, median, percentile,
    raw::{self, StoredPush},
    raw_pg, to_f64,
};
use crate::city::City;
use anyhow::{Context, Result, ensure};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const CLIENTS: usize = 8;
const GOAL: f64 = 0.5;
/// (goal name, reports per request, requests of each client per round)
const CASES: [(&str, usize, usize); 2] = [("single", 1, 250), ("batch50", 50, 12)];

/// What is measured.
pub struct IngestPlan {
    pub folder: PathBuf,
    /// URL of a PostgreSQL with synchronous commit; `None` leaves that engine out.
    pub postgres: Option<String>,
    pub rounds: usize,
    /// Number of check-ins in one minute, each from its own terminal; 0 leaves them out.
    pub checkins: usize,
}

pub fn run(plan: &IngestPlan, goals: &Goals) -> Result<()> {
    on(plan, &BenchDatabase::sqlite(plan), goals)?;
    if let Some(url) = &plan.postgres {
        on(plan, &BenchDatabase::postgres(plan, url)?, goals)?;
    }
    Ok(())
}

/// Where the server's data and its copy for the raw run are.
struct BenchDatabase {
    engine: &'static str,
    data: PathBuf,
    /// The server's database as `--database` takes it; `None` for SQLite.
    database: Option<String>,
    /// PostgreSQL only: URL of the maintenance database and working folder of the cluster's processes.
    cluster: Option<(String, PathBuf)>,
}

impl BenchDatabase {
    fn sqlite(plan: &IngestPlan) -> Self {
        Self {
            engine: "sqlite",
            data: plan.folder.join("sqlite"),
            database: None,
            cluster: None,
        }
    }
    fn postgres(plan: &IngestPlan, url: &str) -> Result<Self> {
        let mut client = postgres::Client::connect(url, postgres::NoTls)?;
        let mut show = |what: &str| -> Result<String> { Ok(client.query_one(what, &[])?.get(0)) };
        ensure!(show("SHOW fsync")? == "on", "PostgreSQL runs with fsync = off");
        ensure!(
            show("SHOW synchronous_commit")? == "on",
            "PostgreSQL runs with synchronous_commit = off"
        );
        let folder = PathBuf::from(show("SHOW data_directory")?);
        refuse_memory(&folder)?;
        client.batch_execute("CREATE DATABASE xunge_bench")?;
        Ok(Self {
            engine: "postgres",
            data: plan.folder.join("postgres"),
            database: Some(of_cluster(url, "xunge_bench")?),
            cluster: Some((url.to_owned(), folder)),
        })
    }
    fn url(&self) -> String {
        let file = || format!("sqlite:{}", self.data.join("xunge.db").display());
        self.database.clone().unwrap_or_else(file)
    }
    /// Copies the stopped server's database for the raw run.
    fn copy(&self) -> Result<RawCopy> {
        let Some((cluster, _)) = &self.cluster else {
            let copy = self.data.join("raw.db");
            // `VACUUM INTO` and not a file copy: some rows may still be in the WAL file.
            let whole = rusqlite::Connection::open(self.data.join("xunge.db"))?;
            whole.execute("VACUUM INTO ?1", [copy.display().to_string()])?;
            return Ok(RawCopy::Sqlite(raw::RawSqlite::open(&copy)?, copy));
        };
        let mut client = postgres::Client::connect(cluster, postgres::NoTls)?;
        client.batch_execute("CREATE DATABASE xunge_raw TEMPLATE xunge_bench")?;
        let url = of_cluster(cluster, "xunge_raw")?;
        Ok(RawCopy::Postgres(Box::new(raw_pg::RawPostgres::open(&url)?), url))
    }
    /// CPU seconds of the server and, for PostgreSQL, of its database.
    fn cpu(&self, city: &City) -> Result<f64> {
        Ok(machine::cpu_of(fleet::process(&city.server)?)? + self.cpu_of_database())
    }
    /// The same while the raw run works in this process.
    fn raw_cpu(&self) -> Result<f64> {
        Ok(machine::cpu_of(std::process::id())? + self.cpu_of_database())
    }
    fn cpu_of_database(&self) -> f64 {
        let folder = self.cluster.as_ref();
        folder.map_or(0.0, |(_, folder)| machine::cpu_in(folder))
    }
}

/// The URL of another database of the cluster.
pub fn of_cluster(url: &str, database: &str) -> Result<String> {
    let (cluster, _) = url
        .rsplit_once('/')
        .context("expected postgres://user@host:port/database")?;
    Ok(format!("{cluster}/{database}"))
}

enum RawCopy {
    Sqlite(raw::RawSqlite, PathBuf),
    Postgres(Box<raw_pg::RawPostgres>, String),
}

impl RawCopy {
    /// URL for counting the rows of the copy.
    fn url(&self) -> String {
        match self {
            Self::Sqlite(_, path) => format!("sqlite:{}", path.display()),
            Self::Postgres(_, url) => url.clone(),
        }
    }
    fn replay(
        &mut self,
        pushes: &[StoredPush],
        group: usize,
        last: &mut HashMap<String, i64>,
    ) -> Result<Duration> {
        let began = Instant::now();
        match self {
            Self::Sqlite(raw, _) => raw.replay(pushes, group, last)?,
            Self::Postgres(raw, _) => raw.replay(pushes, group, last)?,
        }
        Ok(began.elapsed())
    }
}

fn on(plan: &IngestPlan, place: &BenchDatabase, goals: &Goals) -> Result<()> {
    let mut city = fleet::set_up_city(&place.data, place.database.as_deref())?;
    let mut units = fleet::enrol_fleet(&city, CLIENTS)?;
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    let mut raw = place.copy()?;
    city.server.start()?;
    let store = raw::open(&place.url())?;
    let mut last = HashMap::new();
    for (case, each, requests) in CASES {
        let mut rounds = Vec::new();
        // The first round warms both up and is not counted.
        for round in 0..=plan.rounds {
            let work = units
                .iter_mut()
                .map(|unit| unit.pushes(requests, each))
                .collect::<Result<Vec<_>>>()?;
            let mut figures = ours(place, &city, &work, each)?;
            let pushes = raw::pushes(&store, figures.since)?;
            ensure!(
                pushes.len() == CLIENTS * requests,
                "{} pushes are in the database",
                pushes.len()
            );
            let cpu = place.raw_cpu()?;
            let took = raw.replay(&pushes, figures.group, &mut last)?;
            figures.raw_rate = figures.reports / took.as_secs_f64();
            figures.raw_cpu = (place.raw_cpu()? - cpu) / figures.reports * 1000.0;
            if round > 0 {
                rounds.push(figures);
            }
        }
        let (held, done) = (raw::counts(&store)?, raw::counts(&raw::open(&raw.url())?)?);
        ensure!(
            held == done,
            "the raw run left other rows than the server: {done:?}, not {held:?}"
        );
        say(&format!("ingest_{}_{case}", place.engine), &rounds, goals);
    }
    if plan.checkins > 0 {
        let servers = [city.server.address()];
        checkins::run(
            (place.engine, checkins::GOAL_MS),
            &city,
            &servers,
            &store,
            plan.checkins,
            goals,
        )?;
    }
    store.close_blocking();
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(())
}

struct RoundFigures {
    since: protocol::time::Millis,
    reports: f64,
    rate: f64,
    raw_rate: f64,
    raw_cpu: f64,
    times: Vec<f64>,
    cpu: f64,
    /// Share of the machine's CPU time that neither the server nor this process used.
    others: f64,
    group: usize,
}

fn ours(place: &BenchDatabase, city: &City, work: &[Vec<Vec<u8>>], each: usize) -> Result<RoundFigures> {
    // Separates the rounds by the millisecond of arrival.
    std::thread::sleep(Duration::from_millis(20));
    let since = fleet::now();
    let (cpu, all, own) = (
        place.cpu(city)?,
        machine::cpu_of_all()?,
        machine::cpu_of(std::process::id())?,
    );
    let groups = groups(city)?;
    let (times, took) = fleet::send_all(city.server.address(), work)?;
    let cpu = place.cpu(city)? - cpu;
    let own = machine::cpu_of(std::process::id())? - own;
    let all = machine::cpu_of_all()? - all;
    let then = self::groups(city)?;
    let reports = to_f64(times.len() * each);
    let group = (then.0 - groups.0) / (then.1 - groups.1).max(1.0);
    Ok(RoundFigures {
        since,
        reports,
        rate: reports / took.as_secs_f64(),
        raw_rate: 0.0,
        raw_cpu: 0.0,
        times,
        cpu: cpu / reports * 1000.0,
        others: ((all - cpu - own) / all.max(0.01)).max(0.0),
        group: (1..=CLIENTS)
            .rev()
            .find(|n| to_f64(*n) <= group.round())
            .unwrap_or(1),
    })
}

/// Number of closures and of commits so far.
fn groups(city: &City) -> Result<(f64, f64)> {
    let answer = RawHttpClient::to(city.server.address()).send(&request(
        "GET",
        "/metrics",
        &[("authorization", "Bearer bench")],
        b"",
    ))?;
    let text = String::from_utf8(answer.good()?.body)?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    };
    Ok((value("store_group_size_sum "), value("store_group_size_count ")))
}

fn say(promise: &str, rounds: &[RoundFigures], goals: &Goals) {
    let of = |f: fn(&RoundFigures) -> f64| median(rounds.iter().map(f).collect());
    let (rate, raw_rate) = (of(|r| r.rate), of(|r| r.raw_rate));
    let ours = format!("{rate:.0}/s");
    let raw = format!("{raw_rate:.0}/s");
    goals.at_least(promise, &ours, &raw, rate / raw_rate, GOAL);
    let times: Vec<f64> = rounds.iter().flat_map(|r| r.times.iter().copied()).collect();
    println!(
        "  clients={CLIENTS} p50={:.1}ms p99={:.1}ms cpu_s_per_1000={:.2} raw_cpu={:.2} pushes_a_commit={:.1} others={:.0}%",
        percentile(times.clone(), 0.5),
        percentile(times, 0.99),
        of(|r| r.cpu),
        of(|r| r.raw_cpu),
        of(|r| to_f64(r.group)),
        of(|r| r.others * 100.0),
    );
}

/// Fails unless `folder` is on a real disk: a sync of a memory file system costs nothing.
pub fn refuse_memory(folder: &Path) -> Result<()> {
    let mounts = std::fs::read_to_string("/proc/mounts")?;
    let of_folder = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(at, _)| folder.starts_with(at))
        .max_by_key(|(at, _)| at.len());
    let kind = of_folder.map_or("", |(_, kind)| kind);
    ensure!(
        kind != "tmpfs" && kind != "ramfs",
        "{} is on a memory file system; choose another with --folder",
        folder.display()
    );
    Ok(())
}

//! Two replicas over one PostgreSQL against one of them: single reports into custody, each acknowledged after COMMIT.
//!
//! The two share the processors with the clients and the database, so the second brings no power: the goal is that it costs
//! none. Rounds with one and with two alternate in one run. On a machine where every process has cores of its own the same
//! command shows what a second replica brings; there is no goal for that.

use super::{
    Goals, checkins, fleet,
    http::{RawHttpClient, request},
    ingest::of_cluster,
    machine, median, percentile, to_f64,
};
use crate::{city::City, process::ServerProcess};
use anyhow::{Context as _, Result, ensure};
use std::{net::SocketAddr, path::PathBuf};

/// Reports in a second with one replica.
const RATE: f64 = 500.0;
/// Of two replicas, against one.
const GOAL: f64 = 1.0;
/// Writes that run again because of another replica, in percent.
const RETRIES: f64 = 2.0;

/// What is measured.
pub struct ReplicasPlan {
    pub folder: PathBuf,
    /// URL of a PostgreSQL with synchronous commit.
    pub postgres: String,
    pub rounds: usize,
    pub clients: usize,
    /// Reports that each client sends in a round, one a request.
    pub requests: usize,
    /// Number of check-ins in one minute, over both replicas; 0 leaves them out.
    pub checkins: usize,
}

pub fn run(plan: &ReplicasPlan, goals: &Goals) -> Result<()> {
    let mut client = postgres::Client::connect(&plan.postgres, postgres::NoTls)?;
    let database_folder: String = client.query_one("SHOW data_directory", &[])?.get(0);
    let database_folder = PathBuf::from(database_folder);
    super::ingest::refuse_memory(&database_folder)?;
    client.batch_execute("CREATE DATABASE xunge_replicas")?;
    let url = of_cluster(&plan.postgres, "xunge_replicas")?;
    let mut city = fleet::set_up_city(&plan.folder.join("one"), Some(&url))?;
    let mut other = city.server.replica(&plan.folder.join("two"))?;
    other.start()?;
    let mut units = fleet::enrol_fleet(&city, plan.clients)?;
    let both = [city.server.address(), other.address()];
    let (mut one, mut two) = (Vec::new(), Vec::new());
    // The first round warms everything up and is not counted.
    for round in 0..=plan.rounds {
        // Who comes first alternates too: tables grow from round to round.
        let order: [&[SocketAddr]; 2] = if round % 2 == 0 {
            [&both[..1], &both]
        } else {
            [&both, &both[..1]]
        };
        for replicas in order {
            let work = units
                .iter_mut()
                .map(|unit| unit.pushes(plan.requests, 1))
                .collect::<Result<Vec<_>>>()?;
            let figures = measure([&city.server, &other], &database_folder, replicas, &work)?;
            if round > 0 {
                let list = if replicas.len() == 1 { &mut one } else { &mut two };
                list.push(figures);
            }
        }
    }
    let median_of =
        |list: &[ReplicaFigures], f: fn(&ReplicaFigures) -> f64| median(list.iter().map(f).collect());
    let (alone, together) = (median_of(&one, |f| f.rate), median_of(&two, |f| f.rate));
    goals.at_least_of("replicas_one_rate", alone, "/s", RATE);
    say(&one);
    let ratio = together / alone;
    goals.at_least(
        "replicas_two_rate",
        &format!("{together:.0}/s"),
        &format!("{alone:.0}/s"),
        ratio,
        GOAL,
    );
    say(&two);
    let written: f64 = two.iter().map(|f| f.written).sum();
    let retried: f64 = two.iter().map(|f| f.retried).sum();
    goals.at_most(
        "replicas_two_retries",
        100.0 * retried / written.max(1.0),
        "%",
        RETRIES,
    );
    if plan.checkins > 0 {
        let store = super::raw::open(&url)?;
        checkins::run(
            ("postgres_two", checkins::GOAL_MS),
            &city,
            &both,
            &store,
            plan.checkins,
            goals,
        )?;
        store.close_blocking();
    }
    ensure!(other.stop()?, "the second replica did not stop cleanly");
    stop(&mut city)
}

fn stop(city: &mut City) -> Result<()> {
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(())
}

struct ReplicaFigures {
    rate: f64,
    times: Vec<f64>,
    /// CPU seconds per 1,000 reports of the servers, and of the database.
    cpu: f64,
    database_cpu: f64,
    /// Share of the machine's CPU time that others used.
    others: f64,
    /// Round trips to the database, and commits, for each write.
    trips: f64,
    commits: f64,
    written: f64,
    retried: f64,
}

fn measure(
    servers: [&ServerProcess; 2],
    database_folder: &std::path::Path,
    replicas: &[SocketAddr],
    work: &[Vec<Vec<u8>>],
) -> Result<ReplicaFigures> {
    let cpu_of_servers = || -> Result<f64> {
        servers
            .iter()
            .map(|server| machine::cpu_of(fleet::process(server)?))
            .sum()
    };
    let counts = || -> Result<WriteCounts> {
        let of_each = servers.iter().map(|server| WriteCounts::of(server.address()));
        of_each.sum::<Result<WriteCounts>>()
    };
    let before = (
        counts()?,
        cpu_of_servers()?,
        machine::cpu_in(database_folder),
        machine::cpu_of_all()?,
        machine::cpu_of(std::process::id())?,
    );
    let (times, took) = fleet::send_all_to(replicas, work)?;
    let all = machine::cpu_of_all()? - before.3;
    let cpu = cpu_of_servers()? - before.1;
    let database_cpu = machine::cpu_in(database_folder) - before.2;
    let own = machine::cpu_of(std::process::id())? - before.4;
    let counts = counts()?.since(&before.0);
    let reports = to_f64(times.len());
    Ok(ReplicaFigures {
        rate: reports / took.as_secs_f64(),
        times,
        cpu: cpu / reports * 1000.0,
        database_cpu: database_cpu / reports * 1000.0,
        others: ((all - cpu - database_cpu - own) / all.max(0.01)).max(0.0),
        trips: counts.trips / counts.writes.max(1.0),
        commits: counts.commits / counts.writes.max(1.0),
        written: counts.writes,
        retried: counts.retried,
    })
}

/// Counters of a server.
#[derive(Debug, Clone, Copy, Default)]
struct WriteCounts {
    writes: f64,
    commits: f64,
    retried: f64,
    trips: f64,
}

impl WriteCounts {
    fn of(server: SocketAddr) -> Result<Self> {
        let headers = [("authorization", "Bearer bench")];
        let answer = RawHttpClient::to(server).send(&request("GET", "/metrics", &headers, b""))?;
        let text = String::from_utf8(answer.good()?.body)?;
        let value = |name: &str| -> f64 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        let (writes, commits) = (value("store_group_size_sum"), value("store_group_size_count"));
        // A server that does not count the writes counts the groups.
        let groups_retried = value("store_retries_total") * writes / commits.max(1.0);
        let retried = if text.contains("store_round_trips_total") {
            value("store_retried_writes_total")
        } else {
            groups_retried
        };
        Ok(Self {
            writes,
            commits,
            retried,
            trips: value("store_round_trips_total"),
        })
    }
    fn since(self, before: &Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            commits: self.commits - before.commits,
            retried: self.retried - before.retried,
            trips: self.trips - before.trips,
        }
    }
}

impl std::iter::Sum for WriteCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |a, b| Self {
            writes: a.writes + b.writes,
            commits: a.commits + b.commits,
            retried: a.retried + b.retried,
            trips: a.trips + b.trips,
        })
    }
}

fn say(rounds: &[ReplicaFigures]) {
    let of = |f: fn(&ReplicaFigures) -> f64| median(rounds.iter().map(f).collect());
    let times: Vec<f64> = rounds.iter().flat_map(|r| r.times.iter().copied()).collect();
    let load = std::fs::read_to_string("/proc/loadavg").context("no load");
    println!(
        "  p50={:.1}ms p99={:.1}ms cpu_s_per_1000={:.2} database_cpu={:.2} trips_a_write={:.1} writes_a_commit={:.1} \
         others={:.0}% load={}",
        percentile(times.clone(), 0.5),
        percentile(times, 0.99),
        of(|r| r.cpu),
        of(|r| r.database_cpu),
        of(|r| r.trips),
        1.0 / of(|r| r.commits).max(0.001),
        of(|r| r.others * 100.0),
        load.as_deref()
            .ok()
            .and_then(|load| load.split(' ').next())
            .unwrap_or("?"),
    );
}

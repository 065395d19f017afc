//! The questions, to all sizes in turn.

use super::{
    GrownCity, GrowthPlan,
    city::{GrowingCity, text},
};
use crate::{
    bench::{
        Goals,
        fleet::BenchTerminal,
        http::{RawHttpClient, request},
        median, percentile,
    },
    random::ScenarioRandom,
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Goal of the ratio of the largest city to the smallest.
const GOAL: f64 = 2.0;
/// A job or a start below this, in milliseconds, is not compared: the scheduler alone takes as long.
const FLOOR_MS: f64 = 10.0;
/// Restarts of each server.
const STARTS: usize = 3;

/// A question: its name, and the request as each server gets it.
struct Question {
    name: &'static str,
    requests: Vec<Vec<u8>>,
}

pub(super) fn run(
    engine: &str,
    plan: &GrowthPlan,
    grown: &mut GrowingCity,
    running: &mut [GrownCity],
    sample: &[String],
    goals: &Goals,
) -> Result<()> {
    starts(engine, running, goals)?;
    jobs(engine, running, goals)?;
    sampled(grown, running, sample)?;
    let questions = questions(grown, running)?;
    let mut clients: Vec<RawHttpClient> = running
        .iter()
        .map(|city| RawHttpClient::to(city.server.address()))
        .collect();
    for question in &questions {
        let mut times = vec![Vec::new(); clients.len()];
        // The first requests warm the caches and are not counted.
        for round in 0..plan.requests + 20 {
            for ((client, request), times) in clients.iter_mut().zip(&question.requests).zip(&mut times) {
                let began = Instant::now();
                client.send(request)?.good().context(question.name)?;
                if round >= 20 {
                    times.push(began.elapsed().as_secs_f64() * 1000.0);
                }
            }
        }
        say(engine, question.name, &times, 0.0, goals);
    }
    let mut times = vec![Vec::new(); clients.len()];
    let mut terminal = grown.fleet.pop().context("no terminal")?;
    for _ in 0..plan.requests {
        for ((client, city), times) in clients.iter_mut().zip(running.iter_mut()).zip(&mut times) {
            terminal.go_on_with(city.next);
            city.next += 1;
            let report = terminal.report(Vec::new())?;
            let push = terminal.push(vec![report])?;
            let began = Instant::now();
            client.send(&push)?.good().context("push")?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    say(engine, "push", &times, 0.0, goals);
    Ok(())
}

/// Prints the figures of each size and judges the ratio of the largest to the smallest. Where both are below `floor`, the goal
/// is held.
fn say(engine: &str, name: &str, times: &[Vec<f64>], floor: f64, goals: &Goals) {
    let p99: Vec<f64> = times
        .iter()
        .map(|times| percentile(times.clone(), 0.99))
        .collect();
    let (small, large) = (
        p99.first().copied().unwrap_or(f64::NAN),
        p99.last().copied().unwrap_or(f64::NAN),
    );
    let each: Vec<String> = times
        .iter()
        .map(|times| {
            format!(
                "{:.2}/{:.2}ms",
                median(times.clone()),
                percentile(times.clone(), 0.99)
            )
        })
        .collect();
    goals.within(
        &format!("growth_{engine}_{name}"),
        &format!("{large:.2}ms"),
        &format!("{small:.2}ms"),
        large.max(floor) / small.max(floor),
        GOAL,
    );
    println!("  p50/p99 by size: {}", each.join(" "));
}

fn starts(engine: &str, running: &mut [GrownCity], goals: &Goals) -> Result<()> {
    let mut times = vec![Vec::new(); running.len()];
    for _ in 0..STARTS {
        for (city, times) in running.iter_mut().zip(&mut times) {
            let began = Instant::now();
            city.server.start()?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            ensure!(city.server.stop()?, "the server did not stop cleanly");
        }
    }
    for city in running.iter_mut() {
        city.server.start()?;
    }
    say(engine, "start", &times, FLOOR_MS, goals);
    Ok(())
}

/// The first run of every job after the start.
fn jobs(engine: &str, running: &[GrownCity], goals: &Goals) -> Result<()> {
    let mut all: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    for city in running {
        let jobs = job_times(city)?;
        for (job, ms) in jobs {
            all.entry(job).or_default().push(vec![ms]);
        }
    }
    for (job, times) in all {
        ensure!(times.len() == running.len(), "{job} did not run in every city");
        say(
            engine,
            &format!("job_{}", job.replace('.', "_")),
            &times,
            FLOOR_MS,
            goals,
        );
    }
    Ok(())
}

/// Milliseconds of a run of each job, once every job has run.
fn job_times(city: &GrownCity) -> Result<BTreeMap<String, f64>> {
    let mut client = RawHttpClient::to(city.server.address());
    let asked = request("GET", "/metrics", &[("authorization", "Bearer bench")], b"");
    let until = Instant::now() + Duration::from_secs(600);
    loop {
        let body = String::from_utf8(client.send(&asked)?.good()?.body)?;
        let figures = |name: &str| -> BTreeMap<String, f64> {
            let of = |line: &str| -> Option<(String, f64)> {
                let (job, value) = line
                    .strip_prefix(name)?
                    .strip_prefix("{job=\"")?
                    .split_once("\"}")?;
                Some((job.to_owned(), value.trim().parse().ok()?))
            };
            body.lines().filter_map(of).collect()
        };
        let (sums, counts) = (
            figures("xunge_job_seconds_sum"),
            figures("xunge_job_seconds_count"),
        );
        if counts.len() == server::service::rooms::JOBS.len() {
            let each = sums.into_iter().map(|(job, sum)| {
                let count = counts.get(&job).copied().unwrap_or(1.0);
                (job, sum / count * 1000.0)
            });
            return Ok(each.collect());
        }
        ensure!(Instant::now() < until, "not every job ran: {counts:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Reads cases of the sample through the API of the largest city, which verifies their ledgers.
fn sampled(grown: &GrowingCity, running: &[GrownCity], sample: &[String]) -> Result<()> {
    let city = running.last().context("no city")?;
    let mut client = RawHttpClient::to(city.server.address());
    for case in sample {
        let answer = client
            .send(&get(&format!("/v1/cases/{case}"), grown.staff.leader.token()))?
            .good()?
            .json()?;
        let sound = answer.get("ledger_ok") == Some(&serde_json::Value::Bool(true));
        ensure!(sound, "the ledger of the copy {case} is broken");
        ensure!(text(&answer, "id")? == *case, "another case");
    }
    println!("  {} copied ledgers verified", sample.len());
    Ok(())
}

fn get(path: &str, token: &str) -> Vec<u8> {
    let bearer = format!("Bearer {token}");
    request("GET", path, &[("authorization", bearer.as_str())], b"")
}

fn questions(grown: &GrowingCity, running: &[GrownCity]) -> Result<Vec<Question>> {
    let staff = &grown.staff;
    let terminal: &BenchTerminal = grown.fleet.first().context("no terminal")?;
    let same = |name, path: &str, token: &str| Question {
        name,
        requests: vec![get(path, token); running.len()],
    };
    let (acceptor, leader, supervisor) = (
        staff.acceptor.token(),
        staff.leader.token(),
        staff.supervisor.token(),
    );
    let mut questions = vec![
        same("queue_acceptor", "/v1/cases?queue=acceptor", acceptor),
        same(
            "queue_department",
            "/v1/cases?queue=department",
            staff.department.token(),
        ),
        same("queue_leader", "/v1/cases?queue=shift_leader", leader),
        same("cases_all", "/v1/cases", leader),
        same("cases_district", "/v1/cases", acceptor),
        same(
            "search_community",
            "/v1/cases?area=2201070305&state=closed",
            leader,
        ),
        same(
            "search_street_open",
            "/v1/cases?area=22010703&state=handling",
            leader,
        ),
        same("counts_city", "/v1/counts", leader),
        same("counts_district", "/v1/counts", acceptor),
        same("counts_streams", "/v1/counts/streams?limit=20", leader),
        same("tasks_assigned", "/v1/tasks?state=assigned", supervisor),
        same("tasks_all", "/v1/tasks", supervisor),
        same(
            "activities_submitted",
            "/v1/activities?state=submitted",
            supervisor,
        ),
        same("activities_all", "/v1/activities", supervisor),
        same("review", "/v1/review", leader),
        same(
            "completeness",
            &format!("/v1/streams/{}/completeness", terminal.stream),
            leader,
        ),
        same("pull_from_start", "/v1/field/pull", &terminal.token),
    ];
    let mut pages = Vec::new();
    let mut pulls = Vec::new();
    let mut cases = Vec::new();
    for city in running {
        let mut client = RawHttpClient::to(city.server.address());
        let mut path = "/v1/cases?queue=acceptor".to_owned();
        for _ in 0..=ScenarioRandom::new(3).below(3) {
            let page = client.send(&get(&path, acceptor))?.good()?.json()?;
            if let Some(next) = page.get("next").and_then(serde_json::Value::as_str) {
                path = format!("/v1/cases?queue=acceptor&after={next}");
            }
        }
        pages.push(get(&path, acceptor));
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/field/pull{cursor}");
            let answer = client.send(&get(&path, &terminal.token))?.good()?.json()?;
            cursor = format!("?cursor={}", text(&answer, "cursor")?);
            if answer.get("more") == Some(&serde_json::Value::Bool(false)) {
                break;
            }
        }
        pulls.push(get(&format!("/v1/field/pull{cursor}"), &terminal.token));
        cases.push(get(&format!("/v1/cases/{}", city.case), leader));
    }
    questions.push(Question {
        name: "queue_acceptor_later",
        requests: pages,
    });
    questions.push(Question {
        name: "pull_nothing_new",
        requests: pulls,
    });
    questions.push(Question {
        name: "case",
        requests: cases,
    });
    Ok(questions)
}

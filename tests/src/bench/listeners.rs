//! What handsets that only listen cost everybody else: the intake beside them, one hint among them, their memory, and what
//! of it comes back when they have left. The peer is the same server without listeners, in the same run.

use super::{
    Goals, checkins, fleet, fleet::BenchTerminal, http::request, machine, median, percentile, raw, to_f64,
};
use crate::city::City;
use anyhow::{Context, Result, ensure};
use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

const CLIENTS: usize = 8;
/// Reports of each client in a round.
const REQUESTS: usize = 250;
/// Streams of events of one terminal.
const EACH: usize = 100;
/// Reports whose hints are measured one by one.
const SINGLE: usize = 300;
/// Reports whose hints go to [`EACH`] streams.
const SPREAD: usize = 200;
/// Goal of a check-in beside all listeners, in milliseconds.
const CHECKIN_MS: f64 = 20.0;
/// How long hints and memory are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const EVENT: &[u8] = b"event: pull";

/// What is measured.
pub struct ListenersPlan {
    pub folder: PathBuf,
    pub rounds: usize,
    pub listeners: usize,
    /// Check-ins in one minute beside the listeners; 0 leaves them out.
    pub checkins: usize,
}

pub fn run(plan: &ListenersPlan, goals: &Goals) -> Result<()> {
    let mut city = fleet::set_up_city(&plan.folder.join("sqlite"), None)?;
    let server = fleet::process(&city.server)?;
    let mut pushers = fleet::enrol_fleet(&city, CLIENTS)?;
    let mut idle = fleet::enrol_fleet(&city, plan.listeners.div_ceil(EACH))?;
    intake(&city, &mut pushers, server)?;
    let mut alone = Vec::new();
    for _ in 0..plan.rounds {
        alone.push(intake(&city, &mut pushers, server)?);
    }
    let single_alone = singly(&city, &mut pushers, server, None)?;
    let spread_alone = spread(&city, &mut idle, server, &mut [])?;
    let before = machine::memory_of(server)?;

    let mut open = listen(&city, &idle, plan.listeners)?;
    let each_kb = (machine::memory_of(server)? - before) * 1000.0 / to_f64(open.len());
    let mut beside = Vec::new();
    for _ in 0..plan.rounds {
        beside.push(intake(&city, &mut pushers, server)?);
    }
    let mut own = Listener::open(city.server.address(), pushers.first().context("no terminal")?)?;
    let single = singly(&city, &mut pushers, server, Some(&mut own))?;
    let spread_beside = spread(&city, &mut idle, server, &mut open)?;
    let full = machine::memory_of(server)?;
    drop((open, own));
    let freed = returned(server, before, full)?;
    for _ in 0..plan.rounds {
        alone.push(intake(&city, &mut pushers, server)?);
    }

    let rate = |rounds: &[Intake]| median(rounds.iter().map(|round| round.rate).collect());
    let cpu = |rounds: &[Intake]| median(rounds.iter().map(|round| round.cpu).collect());
    let (with, without) = (rate(&beside), rate(&alone));
    let figures = |rate: f64, cpu: f64| format!("{rate:.0}/s,{cpu:.2}_CPU_s/1000");
    goals.at_least(
        "listeners_intake",
        &figures(with, cpu(&beside)),
        &figures(without, cpu(&alone)),
        with / without,
        0.95,
    );
    goals.at_most("listeners_one_hint_p50", single.heard_ms, "ms", 2.0);
    goals.at_most("listeners_one_push_cpu_per_1000", single.cpu, "s", 1.0);
    println!(
        "listeners: one push p50 {:.2} ms and {:.2} CPU s/1000 beside {} listeners, {:.2} ms and {:.2} without",
        single.push_ms, single.cpu, plan.listeners, single_alone.push_ms, single_alone.cpu,
    );
    let deliveries = to_f64(SPREAD * EACH);
    let per_million = (spread_beside - spread_alone).max(0.0) / deliveries * 1e6;
    goals.at_most("listeners_cpu_per_million_deliveries", per_million, "s", 10.0);
    goals.at_most("listeners_memory_each", each_kb, "kB", 12.0);
    goals.at_least(
        "listeners_memory_returned",
        &format!("{:.0}MB", full - freed),
        &format!("{:.0}MB", full - before),
        (full - freed) / (full - before).max(1.0),
        0.8,
    );
    if plan.checkins > 0 {
        let open = listen(&city, &idle, plan.listeners)?;
        let store = raw::open(&format!(
            "sqlite:{}",
            city.server.data().join("xunge.db").display()
        ))?;
        let servers = [city.server.address()];
        checkins::run(
            ("beside_listeners", CHECKIN_MS),
            &city,
            &servers,
            &store,
            plan.checkins,
            goals,
        )?;
        store.close_blocking();
        drop(open);
    }
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(())
}

/// Opens `count` streams of events, [`EACH`] of each terminal.
fn listen(city: &City, idle: &[BenchTerminal], count: usize) -> Result<Vec<Listener>> {
    let mut open = Vec::new();
    for terminal in idle {
        for _ in 0..EACH.min(count - open.len()) {
            open.push(Listener::open(city.server.address(), terminal)?);
        }
    }
    Ok(open)
}

/// A connection that reads a terminal's events.
struct Listener {
    line: TcpStream,
    /// The end of what was read, which may be the beginning of an event.
    tail: Vec<u8>,
}

impl Listener {
    /// Opens it; the first event has been read.
    fn open(server: SocketAddr, terminal: &BenchTerminal) -> Result<Self> {
        let mut line = TcpStream::connect(server)?;
        let bearer = terminal.bearer();
        let headers = [("authorization", bearer.as_str())];
        line.write_all(&request("GET", "/v1/field/events?heartbeat=300", &headers, b""))?;
        line.set_read_timeout(Some(PATIENCE))?;
        let mut this = Self {
            line,
            tail: Vec::new(),
        };
        while this.read()? == 0 {}
        Ok(this)
    }
    /// Reads what is there, or waits for something; returns how many events it was.
    fn read(&mut self) -> Result<usize> {
        let mut bytes = [0; 4096];
        let n = match self.line.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            n => n?,
        };
        ensure!(n > 0, "the server ended a stream of events");
        self.tail.extend_from_slice(bytes.get(..n).unwrap_or_default());
        let found = self
            .tail
            .windows(EVENT.len())
            .filter(|window| *window == EVENT)
            .count();
        if found > 0 {
            self.tail.clear();
        }
        Ok(found)
    }
}

/// One round of reports by all clients.
struct Intake {
    rate: f64,
    /// CPU seconds of the server for 1,000 reports.
    cpu: f64,
}

fn intake(city: &City, pushers: &mut [BenchTerminal], server: u32) -> Result<Intake> {
    let work = pushers.iter_mut().map(|unit| unit.pushes(REQUESTS, 1));
    let work = work.collect::<Result<Vec<_>>>()?;
    let cpu = machine::cpu_of(server)?;
    let (times, took) = fleet::send_all(city.server.address(), &work)?;
    let reports = to_f64(times.len());
    Ok(Intake {
        rate: reports / took.as_secs_f64(),
        cpu: (machine::cpu_of(server)? - cpu) / reports * 1000.0,
    })
}

/// Reports one after another.
struct Singly {
    push_ms: f64,
    /// From sending the report until its author's own stream told of it.
    heard_ms: f64,
    cpu: f64,
}

fn singly(
    city: &City,
    pushers: &mut [BenchTerminal],
    server: u32,
    mut own: Option<&mut Listener>,
) -> Result<Singly> {
    let work = pushers.first_mut().context("no terminal")?.pushes(SINGLE, 1)?;
    let (mut pushed, mut heard) = (Vec::new(), Vec::new());
    let cpu = machine::cpu_of(server)?;
    for push in work.chunks(1) {
        let began = Instant::now();
        let (times, _) = fleet::send_all(city.server.address(), &[push.to_vec()])?;
        pushed.extend(times);
        if let Some(own) = &mut own {
            while own.read()? == 0 {}
            heard.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let cpu = (machine::cpu_of(server)? - cpu) / to_f64(SINGLE) * 1000.0;
    Ok(Singly {
        push_ms: percentile(pushed, 0.5),
        heard_ms: percentile(heard, 0.5),
        cpu,
    })
}

/// Reports by the terminals that listen, each told on all of its streams. Returns the CPU seconds of the server.
fn spread(city: &City, idle: &mut [BenchTerminal], server: u32, open: &mut [Listener]) -> Result<f64> {
    for listener in open.iter_mut() {
        listener.line.set_nonblocking(true)?;
    }
    let count = idle.len().max(1);
    let cpu = machine::cpu_of(server)?;
    // Each terminal's next report comes when all of its streams have told of the one before.
    for round in 0..SPREAD.div_ceil(count) {
        let now = idle.iter_mut().take(SPREAD - round * count);
        let work = now.map(|unit| unit.pushes(1, 1)).collect::<Result<Vec<_>>>()?;
        let told = work.len() * EACH;
        for push in work {
            fleet::send_all(city.server.address(), &[push])?;
        }
        let (mut heard, began) = (0, Instant::now());
        let of_these = open.len().min(told);
        while heard < of_these {
            ensure!(began.elapsed() < PATIENCE, "{heard} of {of_these} streams heard");
            for listener in open.iter_mut().take(told) {
                heard += listener.read()?;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
    let cpu = machine::cpu_of(server)? - cpu;
    for listener in open.iter_mut() {
        listener.line.set_nonblocking(false)?;
    }
    Ok(cpu)
}

/// The memory of the server once it has come back, or when it is not waited for any longer.
fn returned(server: u32, before: f64, full: f64) -> Result<f64> {
    let began = Instant::now();
    loop {
        let now = machine::memory_of(server)?;
        if now < before + 0.1 * (full - before) || began.elapsed() > PATIENCE {
            return Ok(now);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

//! Check-ins of the morning: `count` patrollers check in within one minute, each from its own terminal.
//!
//! Each check-in has a fixed start time that does not depend on the server, and its latency is measured from
//! that time, so that queueing in a slow server is included (no coordinated omission).

use super::{Goals, fleet, http::RawHttpClient, percentile, to_f64};
use crate::city::City;
use anyhow::{Result, ensure};
use server::{
    params,
    store::{Store, StoreError, Tx},
};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_secs(60);
const HANDS: usize = 64;
/// Goal of the 99th percentile on an otherwise idle server, in milliseconds.
pub const GOAL_MS: f64 = 50.0;

/// The patrollers are spread over `servers`, which are those of `city`. Prints the promise `checkins_NAME_p99`.
pub fn run(
    (name, goal_ms): (&str, f64),
    city: &City,
    servers: &[SocketAddr],
    store: &Store,
    count: usize,
    goals: &Goals,
) -> Result<()> {
    let began = Instant::now();
    let mut units = fleet::enrol_fleet(city, count)?;
    let pushes = units
        .iter_mut()
        .map(|unit| {
            let entry = unit.check_in()?;
            unit.push(vec![entry])
        })
        .collect::<Result<Vec<_>>>()?;
    println!(
        "  {count} terminals enrolled in {:.0}s",
        began.elapsed().as_secs_f64()
    );
    let times = in_time(servers, &pushes)?;
    let present = |tx: &mut Tx<'_>| -> Result<usize, StoreError> {
        tx.one(
            "SELECT COUNT(*) AS n FROM presence WHERE present",
            params![],
            |row| row.get("n"),
        )
    };
    let present = store.read_blocking(present)?;
    ensure!(present == count, "{present} of {count} are on duty");
    let (p50, p99) = (percentile(times.clone(), 0.5), percentile(times.clone(), 0.99));
    goals.at_most(&format!("checkins_{name}_p99"), p99, "ms", goal_ms);
    println!(
        "  {count} check-ins in one minute: p50={p50:.1}ms worst={:.1}ms",
        percentile(times, 1.0)
    );
    Ok(())
}

fn in_time(servers: &[SocketAddr], pushes: &[Vec<u8>]) -> Result<Vec<f64>> {
    let next = AtomicUsize::new(0);
    let step = MINUTE.as_secs_f64() / to_f64(pushes.len());
    let start = Instant::now() + Duration::from_millis(200);
    let hand = |server: SocketAddr| -> Result<Vec<f64>> {
        let mut client = RawHttpClient::to(server);
        let mut times = Vec::new();
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            let Some(push) = pushes.get(k) else {
                return Ok(times);
            };
            let due = start + Duration::from_secs_f64(step * to_f64(k));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            client.send(push)?.good()?;
            times.push(due.elapsed().as_secs_f64() * 1000.0);
        }
    };
    let mut times = Vec::new();
    thread::scope(|scope| -> Result<()> {
        let hands: Vec<_> = servers
            .iter()
            .cycle()
            .take(HANDS)
            .map(|server| scope.spawn(|| hand(*server)))
            .collect();
        for hand in hands {
            times.append(&mut hand.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??);
        }
        Ok(())
    })?;
    Ok(times)
}

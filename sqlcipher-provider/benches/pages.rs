//! Compares our provider with SQLCipher's own (OpenSSL) in the same run: `cargo xtask bench cipher`.
//!
//! A database of the size that a handset has after a month is written in one transaction, and read whole without a cache.
//! The two alternate; medians are compared. What differs is the cryptography alone: SQLite and disk are the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench measures time"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{path::Path, process::ExitCode, time::Instant};
use support::{Library, Ours, RAW, Stock, open};

const ROUNDS: usize = 9;
const ROWS: usize = 20_000;
/// An entry of the outbox is about this long. Unit: bytes.
const ROW: usize = 900;
/// The stock library may be at most this much faster: the cryptography is not what a handset waits for.
const GOAL: f64 = 0.5;

fn main() -> ExitCode {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut times: [[Vec<f64>; 2]; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (library, times) in [Ours, Stock].into_iter().zip(&mut times) {
            let _ = std::fs::remove_file(&path);
            times[0].push(milliseconds(|| write(&path, library)));
            times[1].push(milliseconds(|| read(&path, library)));
        }
    }
    let mut all_held = true;
    for (n, promise) in ["cipher_write", "cipher_read"].into_iter().enumerate() {
        let [ours, stock] = [&times[0][n], &times[1][n]].map(|times| median(times));
        let ratio = stock / ours;
        all_held &= ratio >= GOAL;
        let verdict = if ratio >= GOAL { "ok" } else { "MISSED" };
        println!(
            "promise={promise} ours={ours:.0}ms peer={stock:.0}ms ratio={ratio:.2} goal={GOAL} {verdict}"
        );
    }
    if all_held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn write(path: &Path, library: Library) {
    let connection = open(path, RAW, library).unwrap();
    connection
        .execute_batch("BEGIN; CREATE TABLE t (b BLOB)")
        .unwrap();
    let mut statement = connection.prepare("INSERT INTO t VALUES (?1)").unwrap();
    for n in 0..ROWS {
        statement.execute([vec![n as u8; ROW]]).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

fn read(path: &Path, library: Library) {
    let connection = open(path, RAW, library).unwrap();
    let sum: i64 = connection
        .query_row("SELECT sum(length(b)) FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sum, (ROWS * ROW) as i64);
}

fn milliseconds(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1000.0
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

//! The server's store alone on a simulated disk: writers and readers overlap in an order that a seed chooses, a sync
//! fails or the power goes at any operation, and whatever was answered must be there afterwards.
//!
//! A day of [`super::world`] serves one request after the other, so that no two groups of its commits overlap. Here they
//! do: the store runs stepwise, and a step runs a read, runs some writes as a group, or syncs.

use super::disk::store_disk;
use anyhow::Result;
use server::{
    params,
    store::{Migration, Options, Store, StoreError},
};
use simdisk::{Cut, Fault, Host, Rng};
use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, Waker},
};

const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "numbered",
    sql: "CREATE TABLE row (n BIGINT PRIMARY KEY, writer BIGINT NOT NULL UNIQUE, y BYTEA NOT NULL);",
}];
const DATABASE: &str = "store.db";
/// Closures that wait at most.
const CLIENTS: usize = 6;

/// Rows by their number, each with who wrote it.
type Rows = BTreeMap<i64, i64>;

enum Answer {
    Written {
        writer: i64,
        outcome: Result<i64, StoreError>,
    },
    Read(Result<Rows, StoreError>),
}

type Client = Pin<Box<dyn Future<Output = Answer>>>;

/// What one run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Commits {
    pub written: u64,
    pub read: u64,
    pub refused: u64,
    /// Outcomes that the writers do not know.
    pub unknown: u64,
    pub cuts: u64,
}

impl std::ops::AddAssign for Commits {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.read += other.read;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.cuts += other.cuts;
    }
}

/// A promise of the store that was broken, and how the run got there.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}: {what}")]
pub struct Broken {
    pub seed: u64,
    pub what: String,
}

/// Runs a store through some power cuts.
///
/// # Errors
/// [`Broken`].
pub fn run(seed: u64) -> Result<Commits, Broken> {
    let mut run = Run {
        rng: Rng(seed),
        host: Host::new("commits", seed),
        promised: Rows::new(),
        writers: 0,
        done: Commits::default(),
    };
    for _ in 0..4 {
        run.until_the_power_goes().map_err(|what| Broken { seed, what })?;
    }
    Ok(run.done)
}

struct Run {
    rng: Rng,
    host: Host,
    /// What somebody was told, as a writer or as a reader.
    promised: Rows,
    writers: i64,
    done: Commits,
}

impl Run {
    fn until_the_power_goes(&mut self) -> Result<(), String> {
        let options = Options {
            migrations: SCHEMA,
            disk: Some(store_disk(&self.host)),
            group: 4,
            ..Options::default()
        };
        let store = Store::open_inline(DATABASE, options)
            .map_err(|e| format!("the database does not open: {e}, {:?}", e.detail()))?;
        let held = rows_now(&store).map_err(|e| format!("the database cannot be read: {e}"))?;
        self.check(&held)?;
        // What a writer was not told of, but the next one builds on.
        self.promised = held;
        store.stepwise(true);
        let mut clients: Vec<Client> = Vec::new();
        let turns = 20 + self.rng.below(120);
        for _ in 0..turns {
            match self.rng.below(10) {
                0..=3 if clients.len() < CLIENTS => clients.push(self.writer(&store)),
                4..=5 if clients.len() < CLIENTS => clients.push(reader(&store)),
                6 if self.rng.chance(60) => self.host.fault_in(self.rng.below(12), Fault::IoErr),
                _ => {
                    store.step(self.rng.next());
                }
            }
            self.poll(&mut clients)?;
        }
        // In the middle of what is under way.
        self.host.fault_in(self.rng.below(12), Fault::PowerCut);
        for _ in 0..40 {
            if clients.len() < CLIENTS {
                let client = match self.rng.chance(700) {
                    true => self.writer(&store),
                    false => reader(&store),
                };
                clients.push(client);
            }
            store.step(self.rng.next());
            if self.host.is_dead() {
                break;
            }
            self.poll(&mut clients)?;
        }
        self.host.kill();
        drop(clients);
        store.close_blocking();
        let cut = match self.rng.below(3) {
            0 => Cut::LoseAll,
            1 => Cut::Prefix,
            _ => Cut::Scatter {
                keep: 500,
                tear: 200,
                garbage: 200,
            },
        };
        self.host.power_cycle(cut);
        self.done.cuts += 1;
        Ok(())
    }

    fn writer(&mut self, store: &Store) -> Client {
        self.writers += 1;
        let (store, writer) = (store.clone(), self.writers);
        let size = usize::try_from(self.rng.below(6_000)).unwrap_or(0);
        // One in eight finds that it has nothing to do, after it looked.
        let gives_up = self.rng.below(8) == 0;
        Box::pin(async move {
            let outcome = store
                .write(move |tx| {
                    let n: i64 =
                        tx.one("SELECT COALESCE(MAX(n), 0) + 1 AS n FROM row", params![], |row| {
                            row.get("n")
                        })?;
                    if gives_up {
                        return Err(StoreError::NotFound);
                    }
                    tx.execute(
                        "INSERT INTO row (n, writer, y) VALUES (?1, ?2, ?3)",
                        params![n, writer, vec![7_u8; size]],
                    )?;
                    Ok(n)
                })
                .await;
            Answer::Written { writer, outcome }
        })
    }

    /// Takes the answers that have left.
    fn poll(&mut self, clients: &mut Vec<Client>) -> Result<(), String> {
        let mut context = Context::from_waker(Waker::noop());
        let mut answers = Vec::new();
        clients.retain_mut(|client| match client.as_mut().poll(&mut context) {
            Poll::Pending => true,
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
        });
        for answer in answers {
            match answer {
                Answer::Written {
                    writer,
                    outcome: Ok(n),
                } => {
                    self.done.written += 1;
                    self.promise(n, writer)?;
                }
                Answer::Written {
                    outcome: Err(StoreError::CommitUnknown { .. }),
                    ..
                } => self.done.unknown += 1,
                Answer::Written { .. } | Answer::Read(Err(_)) => self.done.refused += 1,
                Answer::Read(Ok(rows)) => {
                    self.done.read += 1;
                    for (n, writer) in rows {
                        self.promise(n, writer)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn promise(&mut self, n: i64, writer: i64) -> Result<(), String> {
        match self.promised.insert(n, writer) {
            Some(other) if other != writer => Err(format!(
                "row {n} was said to be of writer {other}, then of {writer}"
            )),
            _ => Ok(()),
        }
    }

    fn check(&self, held: &Rows) -> Result<(), String> {
        for (n, writer) in &self.promised {
            if held.get(n) != Some(writer) {
                return Err(format!(
                    "row {n} of writer {writer} was answered, and after a power cut it is {:?}",
                    held.get(n)
                ));
            }
        }
        Ok(())
    }
}

fn reader(store: &Store) -> Client {
    let store = store.clone();
    Box::pin(async move { Answer::Read(store.read(read_rows).await) })
}

fn rows_now(store: &Store) -> Result<Rows, StoreError> {
    store.read_blocking(read_rows)
}

fn read_rows(tx: &mut server::store::Tx<'_>) -> Result<Rows, StoreError> {
    let rows = tx.all("SELECT n, writer FROM row ORDER BY n", params![], |row| {
        Ok((row.get::<i64>("n")?, row.get::<i64>("writer")?))
    })?;
    Ok(rows.into_iter().collect())
}

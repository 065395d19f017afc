//! The scaled-out engine: a pool of connections, each owned by a thread, SERIALIZABLE with retry.
//!
//! One connection writes, and waiting writes share a COMMIT, as on SQLite; the others read. Several writers at once would
//! conflict with each other: ids grow with time, so all new rows are on one page of each index, and PostgreSQL tracks the
//! reads of a key by page. So the writers of several replicas take turns ([ADR 28](../../../docs/adr/0028-replicas-take-turns.md)).
//! What conflicts all the same is retried.
//!
//! Off this machine the connection is TLS ([`secure`]).

mod errors;
mod hints;
mod pipeline;
mod secure;
mod session;
mod translate;
mod values;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::{
    backoff::{Backoff, now},
    error::StoreError,
    executor::{Executor, Lane},
    hint::Hint,
    hints::Hints,
    job::{ClosureJob, Job},
    migrations,
    options::Options,
    postgres::{
        hints::{Listener, Wire},
        secure::PgAddress,
        session::{More, PgSession, Step},
    },
    queue::{JobQueue, Refused},
    threads::Crew,
    turn::ReadTurn,
    tx::Tx,
};

const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// Most writes that share a COMMIT: a conflict makes all of them run again, and other replicas wait for their turn.
const GROUP: usize = 16;
/// Conflicts of a group with other replicas before its members run one by one.
const GROUP_TRIES: u32 = 3;

/// Connections behind two queues, and a listener beside them.
pub(super) struct Pool {
    writes: Arc<JobQueue<Box<dyn Job>>>,
    reads: Arc<JobQueue<Box<dyn Job>>>,
    crew: Crew,
    stop: Arc<AtomicBool>,
}

impl Pool {
    pub(super) fn open(url: &str, options: &Arc<Options>, hints: &Hints) -> Result<Self, StoreError> {
        let mut address = PgAddress::parse(url)?;
        let config = &mut address.config;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.patience);
        }
        config
            .application_name("xunge-server")
            .keepalives_idle(Duration::from_secs(30));

        let this = Self {
            writes: Arc::new(JobQueue::new(options.queue)),
            reads: Arc::new(JobQueue::new(options.queue)),
            crew: Crew::default(),
            stop: Arc::default(),
        };
        let wire = options.share_hints.then(Wire::new);
        let mut writer = Worker {
            lane: Lane::Write,
            address: address.clone(),
            options: Arc::clone(options),
            hints: hints.clone(),
            wire: wire.clone(),
            session: None,
            turns: false,
        };
        let readers: Vec<Worker> = (1..options.connections.max(2)).map(|_| writer.reader()).collect();
        // The client blocks, so even the first connection is opened on a separate thread.
        let (opened, when_opened) = mpsc::sync_channel(1);
        let writes = Arc::clone(&this.writes);
        this.crew.spawn("store-writer", move || {
            let migrated = writer.migrate();
            let failed = migrated.is_err();
            let _ = opened.send(migrated);
            if !failed {
                writer.write_all(&writes);
            }
        })?;
        when_opened.recv().unwrap_or(Err(StoreError::Closed))?;
        for (i, mut reader) in readers.into_iter().enumerate() {
            let reads = Arc::clone(&this.reads);
            this.crew.spawn(&format!("store-reader-{}", i + 1), move || {
                reader.read_all(&reads)
            })?;
        }
        if let Some(wire) = wire {
            let listener = Listener::new(address, wire, hints.clone(), Arc::clone(&this.stop));
            let (listening, when_listening) = mpsc::sync_channel(1);
            // `close` does not join it: it waits on the socket, has no work to finish and ends by itself.
            std::thread::Builder::new()
                .name("store-hints".to_owned())
                .spawn(move || listener.run(&listening))
                .map_err(StoreError::unavailable)?;
            let _ = when_listening.recv_timeout(options.patience);
        }
        Ok(this)
    }
}

/// The version of the schema; 0 for a database without one.
pub(super) fn schema_version(url: &str) -> Result<i64, StoreError> {
    let mut client = PgAddress::parse(url)?
        .connect()
        .map_err(StoreError::unavailable)?;
    let mut one = |sql| client.query_one(sql, &[]).map_err(StoreError::unavailable);
    let has_table: bool = one("SELECT to_regclass('schema_migration') IS NOT NULL")?.get(0);
    if !has_table {
        return Ok(0);
    }
    Ok(one("SELECT COALESCE(MAX(version), 0) FROM schema_migration")?.get(0))
}

/// The address for the programs of PostgreSQL, as variables of the environment.
pub(super) fn environment(url: &str) -> Result<Vec<(&'static str, String)>, StoreError> {
    Ok(PgAddress::parse(url)?.environment())
}

impl Executor for Pool {
    fn submit(&self, lane: Lane, job: Box<dyn Job>) {
        let (queue, turn) = match lane {
            Lane::Read(turn) => (&self.reads, turn),
            Lane::Quick => (&self.reads, ReadTurn::default()),
            // Writes run in the order of their arrival.
            Lane::Write => (&self.writes, ReadTurn::default()),
        };
        match queue.push(job, turn) {
            Ok(()) => {}
            Err(Refused::Full(job)) => job.answer(Err(StoreError::Busy)),
            Err(Refused::Closed(job)) => job.answer(Err(StoreError::Closed)),
        }
    }

    fn close(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.writes.close();
        self.reads.close();
        self.crew.join();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.writes.close();
        self.reads.close();
    }
}

/// The connection of one thread, opened on demand and again after a loss.
struct Worker {
    /// Of all its transactions.
    lane: Lane,
    address: PgAddress,
    options: Arc<Options>,
    hints: Hints,
    wire: Option<Wire>,
    session: Option<PgSession>,
    /// Whether its writes take turns with those of other replicas.
    turns: bool,
}

impl Worker {
    fn reader(&self) -> Self {
        Self {
            lane: Lane::Read(ReadTurn::default()),
            address: self.address.clone(),
            options: Arc::clone(&self.options),
            hints: self.hints.clone(),
            wire: self.wire.clone(),
            session: None,
            turns: false,
        }
    }

    fn read_all(&mut self, reads: &JobQueue<Box<dyn Job>>) {
        let mut done = None;
        while let Some((job, turn)) = reads.pop(done) {
            done = Some(turn);
            self.run(vec![job], &mut |_| None);
        }
        if let Some(session) = self.session.take() {
            session.close();
        }
    }

    fn write_all(&mut self, writes: &JobQueue<Box<dyn Job>>) {
        let (most, time) = (self.options.group.clamp(1, GROUP), self.options.group_time);
        while let Some((first, _)) = writes.pop(None) {
            let mut began = None;
            // The first call comes when the group has its turn. Those that wait then are taken in, and those that arrive
            // while it runs, for a while.
            self.run(vec![first], &mut |count| {
                let (there, until) = *began.get_or_insert_with(|| (count + writes.waiting(), now() + time));
                (count < most && (count < there || now() < until))
                    .then(|| writes.try_pop())
                    .flatten()
            });
        }
        if let Some(session) = self.session.take() {
            session.close();
        }
    }

    /// Migrates without limits of time: an index of a large table takes minutes, and cut off it would begin again and again.
    fn migrate(&mut self) -> Result<(), StoreError> {
        let patient = Options {
            statement_timeout: Duration::ZERO,
            ..(*self.options).clone()
        };
        let usual = std::mem::replace(&mut self.options, Arc::new(patient));
        let migrated = self.migrate_patiently();
        self.options = usual;
        // With the usual limits from now on.
        if let Some(session) = self.session.take() {
            session.close();
        }
        migrated?;
        // The table that is locked exists from now on.
        self.turns = self.session().is_ok_and(|(session, _)| session.can_take_turns());
        Ok(())
    }

    fn migrate_patiently(&mut self) -> Result<(), StoreError> {
        let (migrations, now) = (self.options.migrations, self.options.now);
        migrations::run(migrations, now, &mut |closure| {
            let mut answer = Err(StoreError::Closed);
            let task = ClosureJob::new(|tx: &mut Tx<'_>| closure(tx), true, |a| answer = a);
            self.run(vec![Box::new(task)], &mut |_| None);
            answer
        })
    }

    /// Runs the jobs until they are committed, refused, in doubt, or the retry time is over; then answers them.
    /// `more` gives jobs that arrive meanwhile.
    fn run<'j>(&mut self, jobs: Vec<Box<dyn Job + 'j>>, more: &mut More<'_, 'j>) {
        let mut backoff = Backoff::new(self.options.patience, FIRST_WAIT, LONGEST_WAIT);
        self.run_within(jobs, more, &mut backoff);
    }

    fn run_within<'j>(
        &mut self,
        mut jobs: Vec<Box<dyn Job + 'j>>,
        more: &mut More<'_, 'j>,
        backoff: &mut Backoff,
    ) {
        let mut conflicts = 0;
        loop {
            let turns = self.turns;
            let step = match self.session() {
                Ok((session, wire)) => session.run(&mut jobs, more, wire, turns),
                Err(error) => Step::Lost(error),
            };
            let error = match step {
                Step::Done { outcome, healthy } => {
                    if !healthy {
                        self.session = None;
                    }
                    if self.lane == Lane::Write {
                        metrics::histogram!("store_group_size")
                            .record(f64::from(u32::try_from(jobs.len()).unwrap_or(u32::MAX)));
                    }
                    return self.answer(jobs, outcome);
                }
                Step::Again(error) => {
                    metrics::counter!("store_retries_total").increment(1);
                    if self.lane == Lane::Write {
                        metrics::counter!("store_retried_writes_total").increment(jobs.len() as u64);
                    }
                    conflicts += 1;
                    if jobs.len() > 1 && conflicts == GROUP_TRIES {
                        for job in jobs {
                            self.run_within(vec![job], &mut |_| None, backoff);
                        }
                        return;
                    }
                    error
                }
                Step::Lost(error) => {
                    tracing::warn!(%error, detail = error.detail(), "no connection to PostgreSQL");
                    self.session = None;
                    error
                }
            };
            if !backoff.wait() {
                return self.answer(jobs, Err(error));
            }
        }
    }

    fn answer(&self, jobs: Vec<Box<dyn Job + '_>>, outcome: Result<Vec<Hint>, StoreError>) {
        let (told, hints) = match outcome {
            Ok(hints) => (Ok(()), hints),
            Err(error) => (Err(error), Vec::new()),
        };
        for job in jobs {
            job.answer(told.clone());
        }
        // Nobody waits for his answer while others are woken.
        hints.iter().for_each(|hint| self.hints.send(hint));
    }

    fn session(&mut self) -> Result<(&mut PgSession, Option<&Wire>), StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => PgSession::connect(&self.address, &self.options, self.lane)?,
        };
        Ok((self.session.insert(session), self.wire.as_ref()))
    }
}

//! The embedded engine: one writer that groups closures into one fsync, a few readers on snapshots.

mod connection;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use protocol::planted;
use rusqlite::Connection;

use super::{
    backoff,
    error::StoreError,
    executor::{Executor, Lane},
    hint::Hint,
    hints::Hints,
    job::{ClosureJob, Job, Verdict},
    migrations,
    options::Options,
    queue::{JobQueue, Refused},
    sqlite::connection::{Statements, classify, connect, run},
    threads::Crew,
    turn::ReadTurn,
    tx::Tx,
};

/// The engine's threads behind two queues.
pub(super) struct Threads {
    writes: Arc<JobQueue<Box<dyn Job>>>,
    reads: Arc<JobQueue<Box<dyn Job>>>,
    crew: Crew,
}

impl Threads {
    pub(super) fn open(path: &Path, options: &Arc<Options>, hints: &Hints) -> Result<Self, StoreError> {
        let this = Self {
            writes: Arc::new(JobQueue::new(options.queue)),
            reads: Arc::new(JobQueue::new(options.queue)),
            crew: Crew::default(),
        };
        let (opened, when_opened) = mpsc::sync_channel(1);
        let (writer_path, writer_options, hints) = (path.to_owned(), Arc::clone(options), hints.clone());
        let writes = Arc::clone(&this.writes);
        let group_time = options.group_time;
        this.crew.spawn("store-writer", move || {
            let mut writer = match Writer::open(writer_path, writer_options, hints) {
                Ok(writer) => writer,
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            while let Some((first, _)) = writes.pop(None) {
                let started = backoff::now();
                writer.group(first, &mut || {
                    if started.elapsed() < group_time {
                        writes.try_pop()
                    } else {
                        None
                    }
                });
            }
        })?;
        when_opened.recv().unwrap_or(Err(StoreError::Closed))?;
        for i in 0..options.readers.max(1) {
            let mut reader = Reader::new(path.to_owned(), Arc::clone(options));
            let reads = Arc::clone(&this.reads);
            this.crew.spawn(&format!("store-reader-{i}"), move || {
                let mut done = None;
                while let Some((job, turn)) = reads.pop(done) {
                    done = Some(turn);
                    reader.run(job);
                }
            })?;
        }
        Ok(this)
    }
}

impl Executor for Threads {
    fn submit(&self, lane: Lane, job: Box<dyn Job>) {
        let (queue, turn) = match lane {
            Lane::Read(turn) => (&self.reads, turn),
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
        self.writes.close();
        self.reads.close();
        self.crew.join();
    }
}

impl Drop for Threads {
    /// Waits for the threads: one that used SQLite and ends while the program exits finds OpenSSL, which SQLCipher is
    /// built on, cleaned up by the exit and ends in a segmentation fault.
    fn drop(&mut self) {
        self.close();
    }
}

/// Runs everything on the calling thread.
pub(super) struct Inline {
    engines: Mutex<Option<(Writer, Reader)>>,
}

impl Inline {
    pub(super) fn open(path: &Path, options: &Arc<Options>, hints: &Hints) -> Result<Self, StoreError> {
        let reader = Reader::new(path.to_owned(), Arc::clone(options));
        let writer = Writer::open(path.to_owned(), Arc::clone(options), hints.clone())?;
        Ok(Self {
            engines: Mutex::new(Some((writer, reader))),
        })
    }
}

impl Executor for Inline {
    fn submit(&self, lane: Lane, job: Box<dyn Job>) {
        // A closure that calls the store finds the lock taken: an error here instead of a deadlock.
        let Ok(mut engines) = self.engines.try_lock() else {
            return job.answer(Err(StoreError::Busy));
        };
        match (engines.as_mut(), lane) {
            (None, _) => job.answer(Err(StoreError::Closed)),
            (Some((writer, _)), Lane::Write) => writer.group(job, &mut || None),
            (Some((_, reader)), Lane::Read(_)) => reader.run(job),
        }
    }

    fn close(&self) {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// The only connection that writes.
struct Writer {
    path: PathBuf,
    options: Arc<Options>,
    hints: Hints,
    /// `None` after an error that left its state unknown; the next group opens another.
    connection: Option<Connection>,
}

/// A closure of a group and its answer.
type Member<'j> = (Box<dyn Job + 'j>, Result<Vec<Hint>, StoreError>);

/// The result of one attempt to commit a group.
enum Tried<'j> {
    /// Committed or in doubt: the answer of each member.
    Done(Vec<Member<'j>>),
    /// The engine rolled back the whole transaction while this member ran; the others may run again.
    Spoiled {
        culprit: Box<dyn Job + 'j>,
        error: StoreError,
        others: VecDeque<Box<dyn Job + 'j>>,
    },
}

impl Writer {
    fn open(path: PathBuf, options: Arc<Options>, hints: Hints) -> Result<Self, StoreError> {
        let mut writer = Self {
            connection: Some(connect(&path, &options, false)?),
            path,
            options,
            hints,
        };
        let (migrations, now) = (writer.options.migrations, writer.options.now);
        migrations::run(migrations, now, &mut |closure| writer.run_now(closure))?;
        Ok(writer)
    }

    /// Runs one transaction immediately, for the migrations.
    fn run_now(&mut self, closure: &mut migrations::MigrationClosure<'_>) -> Result<(), StoreError> {
        let mut answer = Err(StoreError::Closed);
        let task = ClosureJob::new(|tx: &mut Tx<'_>| closure(tx), true, |a| answer = a);
        self.group(Box::new(task), &mut || None);
        answer
    }

    /// Runs `first` and the jobs from `more` as one transaction, then answers them all.
    fn group<'j>(&mut self, first: Box<dyn Job + 'j>, more: &mut dyn FnMut() -> Option<Box<dyn Job + 'j>>) {
        let mut waiting = VecDeque::from([first]);
        let mut admitted = 1;
        let limit = self.options.group;
        let mut next = move || {
            let job = (admitted < limit).then(&mut *more).flatten();
            admitted += usize::from(job.is_some());
            job
        };
        while !waiting.is_empty() {
            match self.try_group(std::mem::take(&mut waiting), &mut next) {
                Tried::Done(members) => {
                    let mut told = Vec::new();
                    for (job, outcome) in members {
                        job.answer(outcome.map(|mut hints| told.append(&mut hints)));
                    }
                    // Nobody waits for his answer while others are woken.
                    told.iter().for_each(|hint| self.hints.send(hint));
                }
                Tried::Spoiled {
                    culprit,
                    error,
                    others,
                } => {
                    // Each attempt has one member less, so this ends.
                    culprit.answer(Err(error));
                    waiting = others;
                }
            }
        }
    }

    fn try_group<'j>(
        &mut self,
        mut waiting: VecDeque<Box<dyn Job + 'j>>,
        next: &mut dyn FnMut() -> Option<Box<dyn Job + 'j>>,
    ) -> Tried<'j> {
        let connection = match self
            .connection
            .take()
            .map_or_else(|| connect(&self.path, &self.options, false), Ok)
        {
            Ok(connection) => connection,
            Err(error) => return refuse_all(waiting, &error),
        };
        if let Err(error) = run(&connection, "BEGIN IMMEDIATE") {
            self.connection = Some(connection);
            return refuse_all(waiting, &classify(&error));
        }
        let mut members = Vec::new();
        let mut kept = false;
        while let Some(mut job) = waiting.pop_front().or_else(&mut *next) {
            match member(&connection, job.as_mut()) {
                Ok(hints) => {
                    kept |= hints.is_some();
                    members.push((job, Ok(hints.unwrap_or_default())));
                }
                Err(error) => {
                    // On a full disk SQLite rolls everything back, which leaves a clean connection. A connection that
                    // could not even go back to a savepoint is dropped, and its transaction with it.
                    if connection.is_autocommit() {
                        self.connection = Some(connection);
                    }
                    let mut others: VecDeque<_> = members.into_iter().map(|(job, _)| job).collect();
                    others.append(&mut waiting);
                    return Tried::Spoiled {
                        culprit: job,
                        error,
                        others,
                    };
                }
            }
        }
        if !kept {
            if run(&connection, "ROLLBACK").is_ok() {
                self.connection = Some(connection);
            }
            return Tried::Done(members);
        }
        match run(&connection, "COMMIT") {
            Ok(()) => {
                metrics::histogram!("store_group_size")
                    .record(f64::from(u32::try_from(members.len()).unwrap_or(u32::MAX)));
                self.connection = Some(connection);
            }
            Err(error) => {
                tracing::error!(%error, members = members.len(), "COMMIT failed");
                planted!(ReceiptBeforeCommit => return Tried::Done(members));
                let is_full = matches!(classify(&error), StoreError::Full);
                let error = if is_full && surely_undone(&connection) {
                    self.connection = Some(connection);
                    StoreError::Full
                } else {
                    // The frames may be in the WAL and come back after a restart.
                    StoreError::commit_unknown(error, is_full)
                };
                // What was refused may have been refused because of a neighbour's rows, so every member learns
                // the same.
                for (_, outcome) in &mut members {
                    *outcome = Err(error.clone());
                }
            }
        }
        Tried::Done(members)
    }
}

/// Runs one member of a group in its savepoint. Returns `Some` hints if its changes are kept, `None` if they were rolled
/// back, an error if the whole transaction was rolled back.
fn member(connection: &Connection, job: &mut dyn Job) -> Result<Option<Vec<Hint>>, StoreError> {
    run(connection, "SAVEPOINT member").map_err(|e| classify(&e))?;
    let verdict = job.run(&mut Statements(connection));
    let failure = match &verdict {
        Verdict::Doomed(error) => Some(error.clone()),
        Verdict::Keep(_) | Verdict::Discard => None,
    };
    if connection.is_autocommit() {
        return Err(
            failure.unwrap_or_else(|| StoreError::unavailable("the engine rolled the transaction back"))
        );
    }
    let (closing, hints): (&[&str], _) = match verdict {
        Verdict::Keep(hints) => (&["RELEASE member"], Some(hints)),
        Verdict::Discard | Verdict::Doomed(_) => (&["ROLLBACK TO member", "RELEASE member"], None),
    };
    for statement in closing {
        run(connection, statement).map_err(|e| failure.clone().unwrap_or_else(|| classify(&e)))?;
    }
    Ok(hints)
}

/// Returns true if a COMMIT that failed on a full disk is surely undone. When SQLite says that the transaction ended, it
/// has rolled back, but the WAL may contain its frames, and a restart could apply them. Emptying the WAL removes them and
/// frees some space.
fn surely_undone(connection: &Connection) -> bool {
    let emptied = || connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.is_autocommit() && emptied().is_ok_and(|busy| busy == 0)
}

fn refuse_all<'j>(waiting: VecDeque<Box<dyn Job + 'j>>, error: &StoreError) -> Tried<'j> {
    tracing::error!(%error, detail = error.detail(), "no transaction could be begun");
    Tried::Done(waiting.into_iter().map(|job| (job, Err(error.clone()))).collect())
}

/// A read-only connection.
struct Reader {
    path: PathBuf,
    options: Arc<Options>,
    connection: Option<Connection>,
}

impl Reader {
    fn new(path: PathBuf, options: Arc<Options>) -> Self {
        Self {
            path,
            options,
            connection: None,
        }
    }

    fn run(&mut self, mut job: Box<dyn Job>) {
        let connection = match self
            .connection
            .take()
            .map_or_else(|| connect(&self.path, &self.options, true), Ok)
        {
            Ok(connection) => connection,
            Err(error) => return job.answer(Err(error)),
        };
        // Deferred: the first statement takes the snapshot, which is valid for all statements.
        if let Err(error) = run(&connection, "BEGIN DEFERRED") {
            return job.answer(Err(classify(&error)));
        }
        let verdict = job.run(&mut Statements(&connection));
        let healthy = !matches!(verdict, Verdict::Doomed(StoreError::Unavailable { .. }));
        if healthy && !connection.is_autocommit() && run(&connection, "ROLLBACK").is_ok() {
            self.connection = Some(connection);
        }
        job.answer(Ok(()));
    }
}

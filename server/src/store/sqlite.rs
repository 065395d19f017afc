//! The embedded engine: one writer that groups closures into one commit, a thread that syncs the log while the next group
//! runs, a few readers on snapshots.

mod connection;
mod durable;
mod inline;
mod log;
mod reader;
mod writer;

pub(super) use inline::Inline;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use super::{
    backoff,
    error::StoreError,
    executor::{Executor, Lane},
    hints::Hints,
    job::{ClosureJob, Job},
    migrations,
    options::Options,
    queue::{JobQueue, Refused},
    threads::Crew,
    turn::ReadTurn,
    tx::Tx,
};
use durable::{Answers, Durable, HeldAnswers, Syncer};
use reader::SqliteReader;
use writer::{GroupHost, Writer};

type Jobs = JobQueue<Box<dyn Job>>;

/// The engine's threads behind two queues.
pub(super) struct Threads {
    writes: Arc<Jobs>,
    reads: Arc<Jobs>,
    /// Answers that wait for the disk; `None` after the end.
    hold: Mutex<Option<mpsc::Sender<HeldAnswers<'static>>>>,
    /// For reads that are over before another thread would have begun them.
    spare: Mutex<SqliteReader>,
    crew: Crew,
}

impl Threads {
    pub(super) fn open(path: &Path, options: &Arc<Options>, hints: &Hints) -> Result<Self, StoreError> {
        let durable = Arc::new(Durable::new(path.to_owned(), Arc::clone(options)));
        let reader = || SqliteReader::new(path.to_owned(), Arc::clone(options), Arc::clone(&durable));
        let (hold, held) = mpsc::channel();
        let this = Self {
            writes: Arc::new(JobQueue::new(options.queue)),
            reads: Arc::new(JobQueue::new(options.queue)),
            hold: Mutex::new(Some(hold.clone())),
            spare: Mutex::new(reader()),
            crew: Crew::default(),
        };
        let unsynced = Arc::new(AtomicUsize::new(0));
        this.write(path, options, hints, &durable, (hold.clone(), &unsynced))?;
        for i in 0..options.readers.max(1) {
            let mut reader = reader();
            let (reads, hold) = (Arc::clone(&this.reads), hold.clone());
            this.crew.spawn(&format!("store-reader-{i}"), move || {
                let mut done = None;
                while let Some((job, turn)) = reads.pop(done) {
                    done = Some(turn);
                    if let Some(held) = reader.run(job) {
                        // The syncer outlives the readers.
                        let _ = hold.send(held);
                    }
                }
            })?;
        }
        // The writer and the readers have the rest; the syncer ends after them.
        drop(hold);
        let mut syncer = Syncer::new(durable, hints.clone());
        let writes = Arc::clone(&this.writes);
        this.crew.spawn("store-syncer", move || {
            while let Ok(first) = held.recv() {
                let mut groups = 0;
                for held in std::iter::once(first).chain(held.try_iter()) {
                    groups += usize::from(matches!(held.what, Answers::Group(..)));
                    syncer.hold(held);
                }
                syncer.settle(&mut || {
                    // The writer goes on while the answers leave.
                    unsynced.fetch_sub(groups, SeqCst);
                    writes.nudge();
                });
            }
        })?;
        Ok(this)
    }

    /// Starts the writer's thread, and returns when the database is open and migrated.
    fn write(
        &self,
        path: &Path,
        options: &Arc<Options>,
        hints: &Hints,
        durable: &Arc<Durable>,
        (hold, unsynced): (mpsc::Sender<HeldAnswers<'static>>, &Arc<AtomicUsize>),
    ) -> Result<(), StoreError> {
        let (opened, when_opened) = mpsc::sync_channel(1);
        let (path, options, hints) = (path.to_owned(), Arc::clone(options), hints.clone());
        let (durable, unsynced) = (Arc::clone(durable), Arc::clone(unsynced));
        let writes = Arc::clone(&self.writes);
        self.crew.spawn("store-writer", move || {
            let group_time = options.group_time;
            let migrated = open(&path, &options, &durable, &hints);
            let mut writer = match migrated {
                Ok(writer) => writer,
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            while let Some((first, _)) = writes.pop(None) {
                let mut thread = Thread {
                    writes: &writes,
                    hold: &hold,
                    durable: &durable,
                    hints: &hints,
                    unsynced: &unsynced,
                    until: backoff::now() + group_time,
                };
                writer.group(first, &mut thread);
            }
        })?;
        when_opened.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Hands an answer over to the syncer.
    fn hold(&self, held: HeldAnswers<'static>) {
        match &*self.hold.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(syncer) => {
                let _ = syncer.send(held);
            }
            None => held.refuse(&StoreError::Closed),
        }
    }
}

/// The surroundings of a writer on a thread of its own.
struct Thread<'a> {
    writes: &'a Jobs,
    hold: &'a mpsc::Sender<HeldAnswers<'static>>,
    durable: &'a Durable,
    hints: &'a Hints,
    /// How many groups the syncer has not dealt with.
    unsynced: &'a AtomicUsize,
    until: Instant,
}

impl GroupHost<'static> for Thread<'_> {
    /// While the group before this one is synced, this one stays open: its commit would only wait, and what arrives in
    /// the meantime shares it.
    fn more(&mut self) -> Option<Box<dyn Job>> {
        if backoff::now() >= self.until {
            return None;
        }
        self.writes.pop_while(&|| self.unsynced.load(SeqCst) > 0)
    }

    fn hold(&mut self, held: HeldAnswers<'static>) {
        let Answers::Group(members, log) = &held.what else {
            return self.tell(held);
        };
        if members.len() > 1 || self.unsynced.load(SeqCst) > 0 || !self.writes.is_empty() {
            return self.tell(held);
        }
        // Who is alone waits less if nobody is woken to sync for him.
        let nobody = HeldAnswers {
            upto: held.upto,
            what: Answers::Group(Vec::new(), Arc::clone(log)),
        };
        let is_synced = held.settle(self.durable, self.hints);
        if !is_synced || self.durable.does_read_wait() {
            self.tell(nobody);
        }
    }
}

impl Thread<'_> {
    fn tell(&self, held: HeldAnswers<'static>) {
        self.unsynced.fetch_add(1, SeqCst);
        // The syncer outlives the writer.
        let _ = self.hold.send(held);
    }
}

/// Opens the database and applies the migrations, each of which is on the disk before the next one begins.
fn open(
    path: &Path,
    options: &Arc<Options>,
    durable: &Arc<Durable>,
    hints: &Hints,
) -> Result<Writer, StoreError> {
    let mut writer = Writer::open(path.to_owned(), Arc::clone(options), Arc::clone(durable))?;
    migrations::run(options.migrations, options.now, &mut |closure| {
        let mut answer = Err(StoreError::Closed);
        let task = ClosureJob::new(|tx: &mut Tx<'_>| closure(tx), true, |a| answer = a);
        let mut alone = Alone(Syncer::new(Arc::clone(durable), hints.clone()));
        writer.group(Box::new(task), &mut alone);
        alone.0.settle(&mut || ());
        drop(alone);
        answer
    })?;
    Ok(writer)
}

/// One closure is one group, and the caller syncs.
struct Alone<'j>(Syncer<'j>);

impl<'j> GroupHost<'j> for Alone<'j> {
    fn more(&mut self) -> Option<Box<dyn Job + 'j>> {
        None
    }

    fn hold(&mut self, held: HeldAnswers<'j>) {
        self.0.hold(held);
    }
}

impl Executor for Threads {
    fn submit(&self, lane: Lane, job: Box<dyn Job>) {
        let (queue, turn) = match lane {
            Lane::Quick => match self.spare.try_lock() {
                Ok(mut reader) => {
                    if let Some(held) = reader.run(job) {
                        self.hold(held);
                    }
                    return;
                }
                Err(_) => (&self.reads, ReadTurn::default()),
            },
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
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Not waited for: a read that holds the last clone of the store ends up here itself.
        if let Ok(mut reader) = self.spare.try_lock() {
            reader.close();
        }
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

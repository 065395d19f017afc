//! Everything on the calling thread, for the simulator.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    durable::{Durable, HeldAnswers, Syncer},
    open,
    reader::SqliteReader,
    writer::{GroupHost, Writer},
};
use crate::store::{
    error::StoreError,
    executor::{Executor, Lane},
    hints::Hints,
    job::Job,
    options::Options,
};

/// Runs each job when it is submitted, or, stepwise, in the order that [`Executor::step`] is asked for.
pub(in crate::store) struct Inline {
    engine: Mutex<Option<Engine>>,
    /// What was submitted and has not run; `None` if jobs run at once.
    later: Mutex<Option<Later>>,
}

#[derive(Default)]
struct Later {
    reads: VecDeque<Box<dyn Job>>,
    writes: VecDeque<Box<dyn Job>>,
}

struct Engine {
    writer: Writer,
    reader: SqliteReader,
    syncer: Syncer<'static>,
}

impl Inline {
    pub(in crate::store) fn open(
        path: &Path,
        options: &Arc<Options>,
        hints: &Hints,
    ) -> Result<Self, StoreError> {
        let durable = Arc::new(Durable::new(path.to_owned(), Arc::clone(options)));
        let engine = Engine {
            writer: open(path, options, &durable, hints)?,
            reader: SqliteReader::new(path.to_owned(), Arc::clone(options), Arc::clone(&durable)),
            syncer: Syncer::new(durable, hints.clone()),
        };
        Ok(Self {
            engine: Mutex::new(Some(engine)),
            later: Mutex::new(None),
        })
    }

    fn later(&self) -> MutexGuard<'_, Option<Later>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    fn read(&mut self, job: Box<dyn Job>) {
        if let Some(held) = self.reader.run(job) {
            self.syncer.hold(held);
        }
    }

    fn write(&mut self, first: Box<dyn Job>, more: VecDeque<Box<dyn Job>>) {
        let syncer = &mut self.syncer;
        self.writer.group(first, &mut Group { more, syncer });
    }
}

/// A group whose members are known.
struct Group<'a> {
    more: VecDeque<Box<dyn Job>>,
    syncer: &'a mut Syncer<'static>,
}

impl GroupHost<'static> for Group<'_> {
    fn more(&mut self) -> Option<Box<dyn Job>> {
        self.more.pop_front()
    }

    fn hold(&mut self, held: HeldAnswers<'static>) {
        self.syncer.hold(held);
    }
}

impl Executor for Inline {
    fn submit(&self, lane: Lane, job: Box<dyn Job>) {
        // A closure that calls the store finds the lock taken: an error here instead of a deadlock.
        let Ok(mut engine) = self.engine.try_lock() else {
            return job.answer(Err(StoreError::Busy));
        };
        let Some(engine) = engine.as_mut() else {
            return job.answer(Err(StoreError::Closed));
        };
        match (self.later().as_mut(), lane) {
            (Some(later), Lane::Write) => return later.writes.push_back(job),
            (Some(later), Lane::Read(_) | Lane::Quick) => return later.reads.push_back(job),
            (None, Lane::Write) => engine.write(job, VecDeque::new()),
            (None, Lane::Read(_) | Lane::Quick) => engine.read(job),
        }
        engine.syncer.settle(&mut || ());
    }

    fn stepwise(&self, on: bool) {
        while !on && self.step(0) {}
        *self.later() = on.then(Later::default);
    }

    fn step(&self, choice: u64) -> bool {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(engine) = engine.as_mut() else {
            return false;
        };
        let mut guard = self.later();
        let Some(later) = guard.as_mut() else { return false };
        let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let (reads, writes) = (size(later.reads.len()), size(later.writes.len()));
        let can_sync = u64::from(engine.syncer.is_waited_for());
        let Some(mut choice) = choice.checked_rem(reads + writes + can_sync) else {
            return false;
        };
        if choice < can_sync {
            drop(guard);
            engine.syncer.settle(&mut || ());
            return true;
        }
        choice -= can_sync;
        if choice < reads {
            let job = later.reads.remove(usize::try_from(choice).unwrap_or(0));
            drop(guard);
            job.into_iter().for_each(|job| engine.read(job));
            return true;
        }
        // The oldest writes, one or more of them, are a group.
        let group = usize::try_from(choice - reads + 1).unwrap_or(1);
        let mut members: VecDeque<_> = later.writes.drain(..group).collect();
        drop(guard);
        if let Some(first) = members.pop_front() {
            engine.write(first, members);
        }
        true
    }

    fn close(&self) {
        self.stepwise(false);
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

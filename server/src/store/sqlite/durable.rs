//! From COMMIT to the disk: a commit writes the log, [`Syncer`] syncs it, and answers leave after that.
//!
//! The writer commits without a sync, so the next group runs while this one is synced. A committed group is visible to
//! every reader at once. Whatever was answered on the strength of it therefore waits: the members of the group, members of
//! later groups that changed nothing, and reads whose snapshot may contain it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use protocol::sabotage::{self, Defect};

use super::{
    connection::{SqliteAccess, connect},
    log::WriteAheadLog,
};
use crate::store::{error::StoreError, hint::Hint, hints::Hints, job::Job, options::Options};

/// The number of a committed group; the database as it was opened is 0.
pub(super) type Seq = u64;

/// How far the database is visible, and how far it is on the disk.
pub(super) struct Durable {
    path: PathBuf,
    options: Arc<Options>,
    /// The newest group that a reader may see. Raised before its COMMIT.
    visible: AtomicU64,
    synced: AtomicU64,
    /// Locked during a sync, because the kernel tells of a lost page only once: of two syncs at the same time one would
    /// hear that all is well. True if a sync failed, and what it was for has not reached the disk since.
    doubt: Mutex<bool>,
    failures: AtomicU64,
    /// Reads that wait for a sync.
    reads: AtomicUsize,
}

impl Durable {
    pub(super) fn new(path: PathBuf, options: Arc<Options>) -> Self {
        Self {
            path,
            options,
            visible: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            doubt: Mutex::new(false),
            failures: AtomicU64::new(0),
            reads: AtomicUsize::new(0),
        }
    }

    /// Announces the next group, before its COMMIT.
    pub(super) fn announce(&self) -> Seq {
        self.visible.fetch_add(1, SeqCst) + 1
    }

    /// The newest group that a snapshot taken before this call may contain.
    pub(super) fn visible(&self) -> Seq {
        self.visible.load(SeqCst)
    }

    pub(super) fn is_synced(&self, upto: Seq) -> bool {
        self.synced.load(SeqCst) >= upto
    }

    /// A read begins to wait; to be called before it is handed over.
    pub(super) fn read_waits(&self) {
        self.reads.fetch_add(1, SeqCst);
    }

    pub(super) fn does_read_wait(&self) -> bool {
        self.reads.load(SeqCst) > 0
    }

    /// How many syncs have failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(SeqCst)
    }

    /// Syncs the log, which holds the groups up to `upto`.
    fn sync(&self, upto: Seq, log: &WriteAheadLog) -> Result<(), StoreError> {
        let mut doubt = self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        let done = if *doubt {
            // The kernel may have dropped the pages that it could not write, and a second sync would find nothing to
            // do. Opening copies the log's pages into the database and syncs them there.
            connect(&self.path, &self.options, SqliteAccess::Write).map(drop)
        } else {
            log.sync().map_err(StoreError::unavailable)
        };
        *doubt = done.is_err();
        match &done {
            Ok(()) => {
                self.synced.fetch_max(upto, SeqCst);
            }
            Err(error) => {
                tracing::error!(%error, detail = error.detail(), "the log could not be synced");
                self.failures.fetch_add(1, SeqCst);
            }
        }
        done
    }
}

/// Answers that leave once group `upto` is on the disk.
pub(super) struct HeldAnswers<'j> {
    pub upto: Seq,
    pub what: Answers<'j>,
}

impl HeldAnswers<'_> {
    /// Syncs for these answers alone, and lets them leave. Returns whether what they rest on is on the disk.
    pub(super) fn settle(self, durable: &Durable, hints: &Hints) -> bool {
        let outcome = match &self.what {
            Answers::Group(_, log) if !durable.is_synced(self.upto) => durable.sync(self.upto, log),
            _ => Ok(()),
        };
        self.what.leave(outcome.as_ref().copied(), hints);
        outcome.is_ok()
    }

    pub(super) fn refuse(self, error: &StoreError) {
        self.what.leave(Err(error), &Hints::default());
    }
}

pub(super) enum Answers<'j> {
    /// The members of a group whose COMMIT succeeded or that changed nothing, with their hints, and the log that it is in.
    Group(Vec<(Box<dyn Job + 'j>, Vec<Hint>)>, Arc<WriteAheadLog>),
    Read(Box<dyn Job + 'j>),
}

impl Answers<'_> {
    fn leave(self, outcome: Result<(), &StoreError>, hints: &Hints) {
        match self {
            Self::Read(job) => job.answer(outcome.map_err(StoreError::clone)),
            Self::Group(members, _) => {
                let outcome = outcome.map_err(|error| StoreError::commit_unknown(error, false));
                let mut told = Vec::new();
                for (job, mut hints) in members {
                    told.append(&mut hints);
                    job.answer(outcome.clone());
                }
                // Nobody waits for his answer while others are woken.
                if outcome.is_ok() {
                    told.iter().for_each(|hint| hints.send(hint));
                }
            }
        }
    }
}

/// Syncs for all answers that wait, then lets them leave.
pub(super) struct Syncer<'j> {
    durable: Arc<Durable>,
    hints: Hints,
    waiting: Vec<HeldAnswers<'j>>,
    /// The newest group whose COMMIT has returned.
    committed: Seq,
    log: Option<Arc<WriteAheadLog>>,
}

impl<'j> Syncer<'j> {
    pub(super) fn new(durable: Arc<Durable>, hints: Hints) -> Self {
        Self {
            durable,
            hints,
            waiting: Vec::new(),
            committed: 0,
            log: None,
        }
    }

    pub(super) fn hold(&mut self, mut held: HeldAnswers<'j>) {
        if let Answers::Group(members, log) = &mut held.what {
            self.committed = self.committed.max(held.upto);
            self.log = Some(Arc::clone(log));
            let is_group = |held: &HeldAnswers<'_>| matches!(held.what, Answers::Group(..));
            if sabotage::is(Defect::AnswerBeforeSync)
                || sabotage::is(Defect::GroupOrderLost) && self.waiting.iter().any(is_group)
            {
                let early = Answers::Group(std::mem::take(members), Arc::clone(log));
                early.leave(Ok(()), &self.hints);
            }
        }
        self.waiting.push(held);
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Syncs what has been committed, and lets the answers leave that rest on no more than that. A read that saw a group whose
    /// COMMIT has not returned yet goes on waiting. `synced` is called before the first answer leaves.
    pub(super) fn settle(&mut self, synced: &mut dyn FnMut()) {
        let (committed, durable) = (self.committed, &self.durable);
        let may_leave = |held: &mut HeldAnswers<'_>| held.upto <= committed || durable.is_synced(held.upto);
        let ready = self.waiting.extract_if(.., may_leave).collect::<Vec<_>>();
        let outcome = match &self.log {
            Some(log) if ready.iter().any(|held| !durable.is_synced(held.upto)) => {
                durable.sync(committed, log)
            }
            _ => Ok(()),
        };
        synced();
        for held in ready {
            if matches!(held.what, Answers::Read(_)) {
                durable.reads.fetch_sub(1, SeqCst);
            }
            held.what.leave(outcome.as_ref().copied(), &self.hints);
        }
    }
}

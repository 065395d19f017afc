//! The only connection that writes: closures in groups, each group one commit.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use protocol::planted;
use rusqlite::Connection;

use super::{
    connection::{SqliteAccess, Statements, classify, connect, run},
    durable::{Answers, Durable, HeldAnswers, Seq},
    log::WriteAheadLog,
};
use crate::store::{
    error::StoreError,
    hint::Hint,
    job::{Job, Verdict},
    options::Options,
};

pub(super) struct Writer {
    path: PathBuf,
    options: Arc<Options>,
    durable: Arc<Durable>,
    /// `None` after an error that left its state unknown; the next group opens another.
    connection: Option<(Connection, Arc<WriteAheadLog>)>,
    /// The newest group whose COMMIT was run.
    last: Seq,
    /// The failed syncs that this connection has outlived.
    failures: u64,
}

/// A closure of a group, and the hints of its changes.
type Member<'j> = (Box<dyn Job + 'j>, Vec<Hint>);

/// The result of one attempt to commit a group.
enum Tried<'j> {
    /// Committed, or nothing was changed: the answers are ready, and leave when the group is on the disk.
    Done(Vec<Member<'j>>, Arc<WriteAheadLog>),
    /// Nothing was answered by the data: each member gets this error at once.
    Failed(Vec<Box<dyn Job + 'j>>, StoreError),
    /// The engine rolled back the whole transaction while this member ran; the others may run again.
    Spoiled {
        culprit: Box<dyn Job + 'j>,
        error: StoreError,
        others: VecDeque<Box<dyn Job + 'j>>,
    },
}

/// Where a writer gets more members for the group it runs, and who holds its answers until they are on the disk.
pub(super) trait GroupHost<'j> {
    fn more(&mut self) -> Option<Box<dyn Job + 'j>>;
    fn hold(&mut self, held: HeldAnswers<'j>);
}

impl Writer {
    pub(super) fn open(
        path: PathBuf,
        options: Arc<Options>,
        durable: Arc<Durable>,
    ) -> Result<Self, StoreError> {
        let mut writer = Self {
            path,
            options,
            durable,
            connection: None,
            last: 0,
            failures: 0,
        };
        writer.connection = Some(writer.connect()?);
        Ok(writer)
    }

    fn connect(&self) -> Result<(Connection, Arc<WriteAheadLog>), StoreError> {
        let connection = connect(&self.path, &self.options, SqliteAccess::Write)?;
        Ok((connection, Arc::new(WriteAheadLog::of(&self.path, &self.options))))
    }

    /// Runs `first` and more jobs as one transaction, and hands their answers over.
    pub(super) fn group<'j>(&mut self, first: Box<dyn Job + 'j>, around: &mut dyn GroupHost<'j>) {
        let mut waiting = VecDeque::from([first]);
        let mut admitted = 1;
        while !waiting.is_empty() {
            match self.try_group(std::mem::take(&mut waiting), &mut admitted, around) {
                Tried::Done(members, log) => around.hold(HeldAnswers {
                    upto: self.last,
                    what: Answers::Group(members, log),
                }),
                Tried::Failed(members, error) => {
                    for job in members {
                        job.answer(Err(error.clone()));
                    }
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
        admitted: &mut usize,
        around: &mut dyn GroupHost<'j>,
    ) -> Tried<'j> {
        let failures = self.durable.failures();
        if failures != self.failures {
            self.failures = failures;
            self.connection = None;
        }
        let (connection, log) = match self.connection.take().map_or_else(|| self.connect(), Ok) {
            Ok(opened) => opened,
            Err(error) => return refuse_all(waiting, error),
        };
        if let Err(error) = run(&connection, "BEGIN IMMEDIATE") {
            self.connection = Some((connection, log));
            return refuse_all(waiting, classify(&error));
        }
        let mut members = Vec::new();
        let mut kept = false;
        let limit = self.options.group;
        loop {
            let next = waiting.pop_front().or_else(|| {
                let job = (*admitted < limit).then(|| around.more()).flatten();
                *admitted += usize::from(job.is_some());
                job
            });
            let Some(mut job) = next else { break };
            match member(&connection, &self.options, job.as_mut()) {
                Ok(hints) => {
                    kept |= hints.is_some();
                    members.push((job, hints.unwrap_or_default()));
                }
                Err(error) => {
                    // On a full disk SQLite rolls everything back, which leaves a clean connection. A connection that
                    // could not even go back to a savepoint is dropped, and its transaction with it.
                    if connection.is_autocommit() {
                        self.connection = Some((connection, log));
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
                self.connection = Some((connection, Arc::clone(&log)));
            }
            return Tried::Done(members, log);
        }
        self.last = self.durable.announce();
        match run(&connection, "COMMIT") {
            Ok(()) => {
                metrics::histogram!("store_group_size")
                    .record(f64::from(u32::try_from(members.len()).unwrap_or(u32::MAX)));
                self.connection = Some((connection, Arc::clone(&log)));
                Tried::Done(members, log)
            }
            Err(error) => {
                tracing::error!(%error, members = members.len(), "COMMIT failed");
                planted!(ReceiptBeforeCommit => return Tried::Done(members, log));
                let is_full = matches!(classify(&error), StoreError::Full);
                let error = if is_full && surely_undone(&connection) {
                    self.connection = Some((connection, Arc::clone(&log)));
                    StoreError::Full
                } else {
                    // The frames may be in the log and come back after a restart.
                    StoreError::commit_unknown(error, is_full)
                };
                // A read may wait for this group's number. Nothing was committed under it, so the group before is enough.
                around.hold(HeldAnswers {
                    upto: self.last,
                    what: Answers::Group(Vec::new(), log),
                });
                // What was refused may have been refused because of a neighbour's rows, so every member learns the same.
                Tried::Failed(members.into_iter().map(|(job, _)| job).collect(), error)
            }
        }
    }
}

/// Runs one member of a group in its savepoint. Returns `Some` hints if its changes are kept, `None` if they were rolled
/// back, an error if the whole transaction was rolled back.
fn member(
    connection: &Connection,
    options: &Options,
    job: &mut dyn Job,
) -> Result<Option<Vec<Hint>>, StoreError> {
    run(connection, "SAVEPOINT member").map_err(|e| classify(&e))?;
    let verdict = job.run(&mut Statements::of(connection, options));
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
/// has rolled back, but the log may contain its frames, and a restart could apply them. Emptying the log removes them and
/// frees some space.
fn surely_undone(connection: &Connection) -> bool {
    let emptied = || connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.is_autocommit() && emptied().is_ok_and(|busy| busy == 0)
}

fn refuse_all<'j>(waiting: VecDeque<Box<dyn Job + 'j>>, error: StoreError) -> Tried<'j> {
    tracing::error!(%error, detail = error.detail(), "no transaction could be begun");
    Tried::Failed(waiting.into(), error)
}

//! A connection that only reads, on snapshots.

use std::path::PathBuf;
use std::sync::Arc;

use protocol::planted;
use rusqlite::Connection;

use super::{
    connection::{SqliteAccess, Statements, classify, connect, run},
    durable::{Answers, Durable, HeldAnswers},
};
use crate::store::{
    error::StoreError,
    job::{Job, Verdict},
    options::Options,
};

pub(super) struct SqliteReader {
    path: PathBuf,
    options: Arc<Options>,
    durable: Arc<Durable>,
    connection: Option<Connection>,
    closed: bool,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf, options: Arc<Options>, durable: Arc<Durable>) -> Self {
        Self {
            path,
            options,
            durable,
            connection: None,
            closed: false,
        }
    }

    /// Refuses all jobs from now on.
    pub(super) fn close(&mut self) {
        self.connection = None;
        self.closed = true;
    }

    /// Runs the job, and answers it unless it may have seen what is not on the disk yet.
    pub(super) fn run<'j>(&mut self, mut job: Box<dyn Job + 'j>) -> Option<HeldAnswers<'j>> {
        if self.closed {
            job.answer(Err(StoreError::Closed));
            return None;
        }
        let connection = match self
            .connection
            .take()
            .map_or_else(|| connect(&self.path, &self.options, SqliteAccess::Read), Ok)
        {
            Ok(connection) => connection,
            Err(error) => {
                job.answer(Err(error));
                return None;
            }
        };
        // Deferred: the first statement takes the snapshot, which is valid for all statements.
        if let Err(error) = run(&connection, "BEGIN DEFERRED") {
            job.answer(Err(classify(&error)));
            return None;
        }
        let verdict = job.run(&mut Statements::of(&connection, &self.options));
        let healthy = !matches!(verdict, Verdict::Doomed(StoreError::Unavailable { .. }));
        if healthy && !connection.is_autocommit() && run(&connection, "ROLLBACK").is_ok() {
            self.connection = Some(connection);
        }
        let upto = self.durable.visible();
        planted!(UnsyncedRowsRead => { job.answer(Ok(())); return None });
        if self.durable.is_synced(upto) {
            job.answer(Ok(()));
            return None;
        }
        self.durable.read_waits();
        Some(HeldAnswers {
            upto,
            what: Answers::Read(job),
        })
    }
}

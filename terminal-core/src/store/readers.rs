//! Read connections beside the one that writes.

use crate::{Error, Result};
use rusqlite::Connection;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Read connections that are kept open for the next read. Two screens seldom read at once while a commit runs.
const KEPT: usize = 2;

/// A pool of read connections, opened when they are needed.
#[derive(Default)]
pub(super) struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    /// Connections in use.
    lent: usize,
    /// Counts the times at which all connections became obsolete.
    generation: u64,
    is_closed: bool,
}

impl Readers {
    /// A connection: one that `open` makes if none is idle.
    pub(super) fn lend(&self, open: impl FnOnce() -> Result<Connection>) -> Result<LentReader<'_>> {
        let (lent, idle) = self.take()?;
        let connection = idle.map_or_else(open, Ok)?;
        Ok(LentReader { lent, connection })
    }

    fn take(&self) -> Result<(Lent<'_>, Option<Connection>)> {
        let mut pool = self.pool();
        if pool.is_closed {
            return Err(Error::Closed);
        }
        pool.lent += 1;
        let idle = pool.idle.pop();
        let lent = Lent {
            readers: self,
            generation: pool.generation,
        };
        Ok((lent, idle))
    }

    /// Closes idle connections, and those in use when they are given back.
    pub(super) fn drop_idle(&self) {
        let mut pool = self.pool();
        pool.generation += 1;
        pool.idle.clear();
    }

    /// Refuses new reads, waits for those in progress, and closes all connections.
    pub(super) fn close(&self) {
        let mut pool = self.pool();
        pool.is_closed = true;
        pool.idle.clear();
        while pool.lent > 0 {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of the pool.
pub(super) struct LentReader<'r> {
    lent: Lent<'r>,
    connection: Connection,
}

impl LentReader<'_> {
    /// Runs `work` on a consistent snapshot of the last committed state.
    pub(super) fn read<T>(mut self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let value = {
            let tx = self.connection.transaction()?;
            work(&tx)
        };
        self.lent.give_back(self.connection);
        value
    }
}

/// A connection in use; given back when it is dropped, also by a panic.
struct Lent<'r> {
    readers: &'r Readers,
    generation: u64,
}

impl Lent<'_> {
    fn give_back(self, connection: Connection) {
        let mut pool = self.readers.pool();
        if !pool.is_closed && pool.generation == self.generation && pool.idle.len() < KEPT {
            pool.idle.push(connection);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.readers.pool().lent -= 1;
        self.readers.returned.notify_all();
    }
}

//! The executor of closures.

use super::{job::Job, turn::ReadTurn};

/// Which way a closure takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// In the order of [`ReadTurn`]s.
    Read(ReadTurn),
    /// A read of a few rows by their keys, which belongs to no caller: on the calling thread if that is possible.
    Quick,
    Write,
}

/// Runs closures: on engine threads in production, on the calling thread under the simulator.
pub(super) trait Executor: Send + Sync {
    /// Accepts the job and answers it now or later. A job that is not accepted is answered immediately.
    fn submit(&self, lane: Lane, job: Box<dyn Job>);
    /// Whether jobs wait for [`Self::step`]. Only on the simulator's engine; switching it off runs what waits.
    fn stepwise(&self, _on: bool) {}
    /// Does one thing that can be done: runs a read, runs some writes as a group, or syncs the log. `choice` selects which.
    /// Returns false if there is nothing to do.
    fn step(&self, _choice: u64) -> bool {
        false
    }
    /// Stops accepting jobs, finishes the accepted ones, and returns then. Blocks.
    fn close(&self);
}

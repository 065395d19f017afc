//! The executor of closures.

use super::{job::Job, turn::ReadTurn};

/// Which way a closure takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// In the order of [`ReadTurn`]s.
    Read(ReadTurn),
    Write,
}

/// Runs closures: on engine threads in production, on the calling thread under the simulator.
pub(super) trait Executor: Send + Sync {
    /// Accepts the job and answers it now or later. A job that is not accepted is answered immediately.
    fn submit(&self, lane: Lane, job: Box<dyn Job>);
    /// Stops accepting jobs, finishes the accepted ones, and returns then. Blocks.
    fn close(&self);
}

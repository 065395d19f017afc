//! Where closures run.

use super::job::Job;

/// Which way a closure takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Read,
    Write,
}

/// Where closures run: engine threads in production, the calling thread under the simulator.
pub(super) trait Executor: Send + Sync {
    /// Accept the job and answer it, now or later; a job that is not accepted is answered at once.
    fn submit(&self, lane: Lane, job: Box<dyn Job>);
    /// Accept no more, finish what was accepted, return when that is done. Blocks.
    fn close(&self);
}

//! Background jobs: what has to be done some time by any replica, and never by two at once.
//!
//! What there is to do stands in each room's own tables, so nothing is forgotten when a replica dies, and a job
//! that finds nothing writes nothing. Who does it is a [`Lease`]: the first write of a run takes it and every
//! write after renews it, inside the same transaction as the work. So a replica that stood still for a minute
//! and wakes up in the middle of its run has its next write refused, whatever its clock says, once another
//! has taken the job over. One that dies loses the job when the lease runs out.
//!
//! * [`once`]: one run. [`watch`]: all of them until the server stops. The list is [`super::rooms::JOBS`].

use crate::{
    app::{lease::Lease, state::App},
    intake::sweep,
    kernel::{clock::every, failure::Failure},
    store::hint::Hint,
};
use futures_util::future::{BoxFuture, join_all};
use protocol::problem::ProblemCode;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Something to be done again and again.
pub struct BackgroundJob {
    /// The key of its lease.
    pub name: &'static str,
    /// How long it rests between two runs, unless a hint says that something is due.
    pub every: Duration,
    pub(super) run: fn(App) -> BoxFuture<'static, Result<(), Failure>>,
}

/// Runs a job for `holder`, the name of this replica; false when another replica has it.
pub async fn once(app: &App, job: &BackgroundJob, holder: &str) -> Result<bool, Failure> {
    match (job.run)(app.under(Lease::new(job.name, holder))).await {
        Ok(()) => Ok(true),
        Err(failure) if failure.code() == Some(ProblemCode::Busy) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Runs all jobs, each in its turn and at once when somebody says that something is due, until the server stops.
pub async fn watch(app: App, jobs: &[BackgroundJob]) {
    if let Err(error) = sweep::reconsider(&app).await {
        tracing::warn!(%error, "entries of an older program wait for the next start");
    }
    let holder = hex::encode(app.secret());
    join_all(jobs.iter().map(|job| keep(&app, job, &holder))).await;
}

async fn keep(app: &App, job: &BackgroundJob, holder: &str) {
    let mut hints = app.store.hints();
    let mut ticks = every(job.every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = told(&mut hints) => {}
        }
        if let Err(error) = once(app, job, holder).await {
            metrics::counter!("xunge_job_failures_total", "job" => job.name).increment(1);
            tracing::warn!(%error, job = job.name, "a background job failed, it is tried again");
        }
    }
}

/// Waits for a hint that something is due.
async fn told(hints: &mut Receiver<Hint>) {
    loop {
        match hints.recv().await {
            Ok(Hint::Jobs | Hint::All) | Err(RecvError::Lagged(_)) => return,
            Ok(Hint::Mailbox(_) | Hint::Grids) => {}
            // Nobody will say anything any more; the ticks remain.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

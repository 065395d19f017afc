//! Background jobs: any replica may run them, but never two at the same time.
//!
//! The work is in the tables of each room, so nothing is lost when a replica dies, and a job that finds no work writes
//! nothing. A [`Lease`] names the replica that runs a job: the first write of a run acquires it and every later write
//! renews it, in the same transaction as the work. If a replica pauses during a run and another replica acquires the
//! lease, the next write of the first one is refused, independent of its clock. The lease of a dead replica expires.
//!
//! * [`once`]: one run. [`watch`]: all of them until the server stops. The list is [`super::rooms::JOBS`].

use crate::{
    app::{lease::Lease, state::App},
    cases::withdrawal,
    intake::sweep,
    kernel::{
        clock::{every, stopwatch},
        failure::Failure,
    },
    store::hint::Hint,
    tasks::privacy,
};
use futures_util::future::{BoxFuture, join_all};
use protocol::problem::ProblemCode;
use std::time::Duration;

/// A job that runs periodically.
pub struct BackgroundJob {
    /// The key of its lease in the database; never changed.
    pub name: &'static str,
    /// Time between two runs; a hint that a job is due starts a run earlier.
    pub every: Duration,
    pub(super) run: fn(App) -> BoxFuture<'static, Result<(), Failure>>,
}

/// Runs a job once for `holder`, the name of this replica. Returns false if another replica holds the lease.
pub async fn once(app: &App, job: &BackgroundJob, holder: &str) -> Result<bool, Failure> {
    let began = stopwatch();
    let done = (job.run)(app.under(Lease::new(job.name, holder))).await;
    metrics::histogram!("xunge_job_seconds", "job" => job.name).record(began.elapsed().as_secs_f64());
    match done {
        Ok(()) => Ok(true),
        Err(failure) if failure.code() == Some(ProblemCode::Busy) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Runs all jobs periodically, and immediately after a hint that a job is due, until the server stops.
pub async fn watch(app: App, jobs: &[BackgroundJob]) {
    if let Err(error) = sweep::reconsider(&app).await {
        tracing::warn!(%error, "entries of an older program wait for the next start");
    }
    if let Err(error) = privacy::renew(&app).await {
        tracing::warn!(%error, "rows of an older program are masked at the next start");
    }
    if let Err(error) = withdrawal::renew(&app).await {
        tracing::warn!(%error, "cases withdrawn under an older program get their state at the next start");
    }
    let holder = hex::encode(app.secret());
    join_all(jobs.iter().map(|job| keep(&app, job, &holder))).await;
}

async fn keep(app: &App, job: &BackgroundJob, holder: &str) {
    let mut hints = app.store.listen(vec![Hint::Jobs]);
    let mut ticks = every(job.every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = hints.heard() => {}
        }
        if let Err(error) = once(app, job, holder).await {
            metrics::counter!("xunge_job_failures_total", "job" => job.name).increment(1);
            tracing::warn!(%error, job = job.name, "a background job failed, it is tried again");
        }
    }
}

//! The right to do a job, for a while.

use crate::{kernel::failure::Failure, params, store::tx::Tx};
use protocol::{problem::ProblemCode, time::Millis};

/// How long after its last write a replica counts as dead. Clocks of replicas may differ by more: then a job
/// changes hands early, which the fence in every write makes harmless.
const LEASE_MS: i64 = 20_000;

/// A replica's claim on a job; put on an [`App`](crate::app::state::App) by [`App::under`](crate::app::state::App::under).
#[derive(Debug, Clone)]
pub struct Lease {
    job: &'static str,
    holder: String,
}

impl Lease {
    pub fn new(job: &'static str, holder: &str) -> Self {
        Self {
            job,
            holder: holder.to_owned(),
        }
    }

    /// Takes or renews the lease inside the write that does the work; `server.busy` when another replica has it.
    pub(crate) fn hold(&self, tx: &mut Tx<'_>, now: Millis) -> Result<(), Failure> {
        let held = tx.execute(
            "INSERT INTO job (name, holder, lease_until) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
             WHERE job.holder = excluded.holder OR job.lease_until <= ?4",
            params![self.job, &self.holder, now.plus(LEASE_MS).0, now.0],
        )?;
        if held == 0 {
            return Err(Failure::because(
                ProblemCode::Busy,
                "another replica has this job",
            ));
        }
        Ok(())
    }
}

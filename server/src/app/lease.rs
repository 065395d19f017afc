//! Leases: the right to run a background job for a limited time.

use crate::{kernel::failure::Failure, params, store::tx::Tx};
use protocol::{problem::ProblemCode, time::Millis};

/// A replica counts as dead this long after its last write. If the clocks of replicas differ by more, a job moves to another
/// replica early, which is harmless because every write checks the lease.
const LEASE_MS: i64 = 20_000;

/// The claim of a replica to a job; added to an [`App`](crate::app::state::App) by [`App::under`](crate::app::state::App::under).
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

    /// Acquires or renews the lease inside the write that does the work; `server.busy` if another replica holds it.
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

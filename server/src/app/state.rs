//! What a running server is made of, and how domain code runs its writes and reads.

use super::{ctx::Ctx, grid_packs::Grids, identity::Identity, lease::Lease, objects::Blobs};
use crate::{
    kernel::{
        clock::{Chance, Clock},
        config::Settings,
        failure::Failure,
    },
    store::{database::Store, tx::Tx},
};
use protocol::sabotage::{self, Defect};
use protocol::{calendar::Calendar, manifest::Catalogue};
use std::sync::Arc;
use tokio::sync::watch;

/// The parts of a server, shared by all requests. Cloning is cheap.
#[derive(Clone)]
pub struct App {
    parts: Arc<Parts>,
    /// What every write has to hold besides, when this is a background job at work.
    lease: Option<Lease>,
}

/// See [`App`].
pub struct Parts {
    pub store: Store,
    pub blobs: Blobs,
    /// Epoch and keys of this deployment, from the database.
    pub identity: Identity,
    /// The grids in force, mapped from the object store.
    pub grids: Grids,
    pub calendar: Calendar,
    pub catalogue: Catalogue,
    pub settings: Settings,
    /// What is put into enrolment strings: the address handsets use, and the pins of its certificate.
    pub public: crate::app::address::PublicAddress,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    /// Counts the requests of each terminal.
    pub rate: crate::app::rate::RateLimiter,
    /// True once the server is told to stop: answers that have no end of their own (events) end then.
    pub stopping: watch::Sender<bool>,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            lease: None,
        }
    }
    /// The same server at work on a job: a write whose lease another replica has is refused.
    pub fn under(&self, lease: Lease) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            lease: Some(lease),
        }
    }
    /// 32 random bytes for a token or code.
    pub fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.chance.fill(&mut bytes);
        bytes
    }
    /// Time, ids and an empty mail for a write.
    pub fn ctx(&self) -> Ctx {
        Ctx::new(self.clock.now(), self.secret())
    }
    /// Runs a write: a closure that may be run again, over a context that is the same each time. The mail it
    /// left in the context is written with it; hints leave after the commit.
    pub async fn write<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Tx<'_>, &mut Ctx) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let start = self.ctx();
        if sabotage::is(Defect::MailAfterCommit) {
            let with_ctx = move |tx: &mut Tx<'_>| {
                let mut ctx = start.clone();
                Ok::<_, Failure>((f(tx, &mut ctx)?, ctx))
            };
            let (answer, ctx) = self.store.write(with_ctx).await?;
            self.store.write(move |tx| ctx.clone().finish(tx)).await?;
            return Ok(answer);
        }
        let lease = self.lease.clone();
        self.store
            .write(move |tx| {
                let mut ctx = start.clone();
                if let Some(lease) = &lease {
                    lease.hold(tx, ctx.now)?;
                }
                let answer = f(tx, &mut ctx)?;
                ctx.finish(tx)?;
                Ok(answer)
            })
            .await
    }
    /// Runs a read on a consistent snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.store.read(move |tx| f(tx)).await
    }
}

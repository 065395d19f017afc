//! What a running server is made of, and how domain code runs its writes and reads.
//!
//! A write is the closure, then the changes that it said ([`App::follow`]), then its mail; all in one transaction.
//! The rooms that follow changes are above this one, so the function that calls them is a part of the server
//! ([`Parts::react`]), put there by `service/run.rs`.

use super::{
    address::PublicAddress, changes::Change, ctx::Ctx, grid_packs::Grids, identity::Identity, lease::Lease,
    objects::Blobs, rate::RateLimiter,
};
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
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::sync::watch;

/// How many times reactions may say further changes. Two are needed today (a person is disabled, so duty ends, so
/// tasks are resolved); more than this many is a defect, found before it runs for ever.
const MOST_ROUNDS: usize = 8;

/// Calls the rooms that follow a change; `service/reactions.rs` in every server, something of its own in a test.
pub type React = fn(&mut Tx<'_>, &mut Ctx, &App, Change) -> Result<(), Failure>;

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
    pub public: PublicAddress,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    /// Counts the requests of each terminal.
    pub rate: RateLimiter,
    /// Follows one change.
    pub react: React,
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
    /// Time and ids for a write, with no mail and no changes.
    pub fn ctx(&self) -> Ctx {
        Ctx::new(self.clock.now(), self.secret())
    }
    /// Runs a write: a closure that may be run again, over a context that is the same each time. The changes
    /// it said are followed and the mail it left is written with it; hints leave after the commit.
    pub async fn write<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Tx<'_>, &mut Ctx) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let start = self.ctx();
        let app = self.clone();
        if sabotage::is(Defect::MailAfterCommit) {
            let with_ctx = move |tx: &mut Tx<'_>| {
                let mut ctx = start.clone();
                let answer = f(tx, &mut ctx)?;
                app.follow(tx, &mut ctx)?;
                Ok::<_, Failure>((answer, ctx))
            };
            let (answer, ctx) = self.store.write(with_ctx).await?;
            self.store.write(move |tx| ctx.clone().finish(tx)).await?;
            return Ok(answer);
        }
        self.store
            .write(move |tx| {
                let mut ctx = start.clone();
                if let Some(lease) = &app.lease {
                    lease.hold(tx, ctx.now)?;
                }
                let answer = f(tx, &mut ctx)?;
                app.follow(tx, &mut ctx)?;
                ctx.finish(tx)?;
                Ok(answer)
            })
            .await
    }
    /// Follows all changes that are said and not followed yet, in the order in which they were said, round by round:
    /// what a reaction says is followed after all that was said before it.
    fn follow(&self, tx: &mut Tx<'_>, ctx: &mut Ctx) -> Result<(), Failure> {
        for _ in 0..MOST_ROUNDS {
            if ctx.changes.is_empty() {
                return Ok(());
            }
            for change in std::mem::take(&mut ctx.changes) {
                (self.react)(tx, ctx, self, change)?;
            }
        }
        if ctx.changes.is_empty() {
            return Ok(());
        }
        Err(Failure::internal("changes do not come to rest"))
    }
    /// Runs a part of a write in a savepoint of its own, with the changes that it says. When it or a reaction to it
    /// fails or panics, everything of it is undone, its mail and its changes included, and the write goes on.
    pub fn attempt<T>(
        &self,
        tx: &mut Tx<'_>,
        ctx: &mut Ctx,
        part: impl FnOnce(&mut Tx<'_>, &mut Ctx) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mail = std::mem::take(&mut ctx.mail);
        let changes = std::mem::take(&mut ctx.changes);
        let result = tx.attempt(|tx| {
            let whole = AssertUnwindSafe(|| {
                let answer = part(tx, ctx)?;
                self.follow(tx, ctx)?;
                Ok(answer)
            });
            catch_unwind(whole).unwrap_or_else(|_| Err(Failure::internal("a room panicked")))
        });
        ctx.changes = changes;
        let later = std::mem::replace(&mut ctx.mail, mail);
        if result.is_ok() {
            ctx.mail.absorb(later);
        }
        result
    }
    /// Runs a read on a consistent snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.store.read(move |tx| f(tx)).await
    }
}

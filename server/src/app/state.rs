//! The shared parts of a running server, and how domain code runs writes and reads.
//!
//! A write runs the closure, then the reactions to its changes ([`App::follow`]), then writes its mail; all in one
//! transaction. The rooms that react are above this one, so the function that calls them is a value
//! ([`Parts::react`]), set by `service/run.rs`.

use super::{
    address::PublicAddress, bounds::RequestBounds, calendars::Calendars, changes::Change, ctx::Ctx,
    grid_packs::Grids, identity::Identity, known_callers::KnownCallers, lease::Lease, objects::Blobs,
    planted::mail_after_commit, rate::RateLimiter, right::Right, scratch::Scratch, sign_ins::SignIns,
};
use crate::{
    kernel::{
        clock::{RandomSource, ServerClock},
        config::Settings,
        failure::Failure,
    },
    store::{database::Store, tx::Tx},
};
use protocol::{manifest::Catalogue, planted};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::sync::watch;

/// Most rounds of reactions in a write. Two are needed today (a person is disabled, so duty ends, so tasks are assigned
/// again); more rounds than this are a defect, reported instead of running for ever.
const MOST_ROUNDS: usize = 8;

/// Runs the reactions to a change: `service/reactions.rs`, or a function of a test.
pub type React = fn(&mut Tx<'_>, &mut Ctx, &App, Change) -> Result<(), Failure>;

/// The parts of a server, shared by all requests. Cloning is cheap.
#[derive(Clone)]
pub struct App {
    parts: Arc<Parts>,
    /// The lease that every write must renew if a background job uses this App.
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
    pub calendar: Calendars,
    pub catalogue: Catalogue,
    pub settings: Settings,
    /// Address and certificate pins for enrolment strings.
    pub public: PublicAddress,
    pub clock: Arc<dyn ServerClock>,
    pub random: Arc<dyn RandomSource>,
    /// Counts the requests of each caller.
    pub rate: RateLimiter,
    /// What requests use at the same time.
    pub bounds: RequestBounds,
    /// Sign-ins under way and failures of addresses.
    pub sign_ins: SignIns,
    /// Temporary files of requests.
    pub scratch: Scratch,
    /// Whom a flood of strangers does not lock out.
    pub known: KnownCallers,
    /// Runs the reactions to one change.
    pub react: React,
    /// True once the server was told to stop; endless answers (events) end then.
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
    /// The same App for a background job: its writes are refused if another replica holds the lease.
    pub fn under(&self, lease: Lease) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            lease: Some(lease),
        }
    }
    /// 32 random bytes for a token or code.
    pub fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes);
        bytes
    }
    /// Time and ids for a write, with no mail and no changes.
    pub fn ctx(&self) -> Ctx {
        Ctx::new(self.clock.now(), self.secret())
    }
    /// Runs a write. A request whose right has ended meanwhile is refused ([`Right`]). The closure may run more than once,
    /// each time with an equal context. Reactions to its changes and its mail are part of the same transaction; hints are
    /// sent after the commit.
    pub async fn write<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Tx<'_>, &mut Ctx) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let start = self.ctx();
        let app = self.clone();
        let right = Right::current();
        let mut with_reactions = move |tx: &mut Tx<'_>| {
            let mut ctx = start.clone();
            if let Some(lease) = &app.lease {
                lease.hold(tx, ctx.now)?;
            }
            if let Some(right) = &right {
                right.check(tx, ctx.now)?;
            }
            let answer = f(tx, &mut ctx)?;
            app.follow(tx, &mut ctx)?;
            Ok((answer, ctx))
        };
        planted!(MailAfterCommit => return mail_after_commit(&self.store, with_reactions).await);
        self.store
            .write(move |tx| {
                let (answer, mut ctx) = with_reactions(tx)?;
                ctx.finish(tx)?;
                Ok(answer)
            })
            .await
    }
    /// Runs the reactions to all waiting changes in the order of reporting, round by round: changes reported by a reaction
    /// come after all earlier ones.
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
    /// Runs a part of a write, with the reactions to its changes, in a savepoint. If the part or a reaction fails or panics,
    /// all its effects are rolled back, including mail and changes, and the write continues.
    pub fn attempt<T>(
        &self,
        tx: &mut Tx<'_>,
        ctx: &mut Ctx,
        part: impl FnOnce(&mut Tx<'_>, &mut Ctx) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mail = std::mem::take(&mut ctx.mail);
        let tally = std::mem::take(&mut ctx.tally);
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
        let figures = std::mem::replace(&mut ctx.tally, tally);
        if result.is_ok() {
            ctx.mail.absorb(later);
            ctx.tally.absorb(figures);
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
    /// [`Self::read`] of a few rows by their keys ([`Store::read_quickly`]).
    pub async fn read_quickly<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.store.read_quickly(move |tx| f(tx)).await
    }
}

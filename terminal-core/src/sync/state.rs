//! The state of a sync, and what every step of it shares.

use crate::{
    Result,
    platform::{clock::ClockRaw, random::Random},
    store::{
        account::Account,
        database::Store,
        retry::{Retry, SyncStep},
    },
    sync::{
        backoff,
        ending::StreamHandover,
        failure::{FailureKind, SyncFailure},
        limits::{FIRST_CHUNK, PushLimits},
        policy::{HeldBack, Policy},
        report::{Progress, SyncReport},
        step::PendingRequest,
        token::TokenState,
        upstream::PhotoUploads,
    },
};
use protocol::{sign::Signer, time::Millis};
use std::sync::Arc;

/// What one run hands to the next in the life of a process: the token, and how much at once has gone well. Nothing
/// is lost without it but a few exchanges.
#[derive(Default)]
pub struct SyncMemory {
    session: TokenState,
    push: PushLimits,
    photo_chunk: Option<u64>,
    file_chunk: Option<u64>,
}

impl SyncMemory {
    /// The token if it still holds for a while.
    pub fn token(&self, now: &ClockRaw) -> Option<&str> {
        self.session.valid(now)
    }
    /// The server does not accept the token any more.
    pub fn forget_token(&mut self) {
        self.session.renew();
    }
}

/// The state machine. One for each run or one for the life of the process; both are right.
pub struct Sync {
    pub(super) account: Account,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) random: Arc<dyn Random>,
    pub(super) policy: Policy,
    pub(super) begun: bool,
    pub(super) asked: Option<(PendingRequest, ClockRaw)>,
    pub(super) session: TokenState,
    pub(super) push: PushLimits,
    pub(super) photo: PhotoUploads,
    /// A pull is due: at the start and after something was delivered.
    pub(super) pull_due: bool,
    pub(super) pulls_again: u32,
    pub(super) manifest_due: bool,
    pub(super) file_chunk: u64,
    /// Failures in a row, of anything: after [`TIRED`] the whole run waits.
    pub(super) failures: u32,
    pub(super) epoch: Option<String>,
    /// The server said in this run that the stream has ended.
    pub(super) handover: Option<StreamHandover>,
    pub(super) report: SyncReport,
    pub(super) events: Vec<Progress>,
}

/// After this many failures in a row the server is left alone for a while.
const TIRED: u32 = 12;

impl Sync {
    /// A machine for the enrolled account of this store.
    pub fn new(
        store: &Store,
        signer: Arc<dyn Signer>,
        random: Arc<dyn Random>,
        policy: Policy,
    ) -> Result<Self> {
        Ok(Self {
            account: store.account()?,
            signer,
            random,
            policy,
            begun: false,
            asked: None,
            session: TokenState::default(),
            push: PushLimits::default(),
            photo: PhotoUploads::default(),
            pull_due: true,
            pulls_again: 0,
            manifest_due: true,
            file_chunk: FIRST_CHUNK,
            failures: 0,
            epoch: store.epoch()?,
            handover: None,
            report: SyncReport {
                handed_over: store.handed_over()?,
                ..SyncReport::default()
            },
            events: Vec::new(),
        })
    }
    /// Begins where an earlier run of this process ended.
    pub fn recall(&mut self, memory: SyncMemory) {
        self.session = memory.session;
        self.push = memory.push;
        if let Some(chunk) = memory.photo_chunk {
            self.photo.set_chunk(chunk);
        }
        self.file_chunk = memory.file_chunk.unwrap_or(self.file_chunk);
    }
    /// What the next run may begin with.
    pub fn into_memory(self) -> SyncMemory {
        SyncMemory {
            photo_chunk: Some(self.photo.chunk()),
            file_chunk: Some(self.file_chunk),
            session: self.session,
            push: self.push,
        }
    }
    /// From now on photos and files wait. Whether that changed anything.
    pub fn hold_back(&mut self, held: HeldBack) -> bool {
        let changes = self.policy.photos || self.policy.files;
        self.policy = self.policy.without(held);
        changes
    }
    /// What this run has done so far and what is left.
    pub fn report(&self, store: &Store, now: Millis) -> Result<SyncReport> {
        let mut report = self.report.clone();
        // What was delivered since the mailboxes were read may have changed them: read to the end is now.
        report.pulled &= !self.pull_due;
        report.complete(store, now, self.policy)
    }
    /// What happened since the last call, for a listener.
    pub fn take_events(&mut self) -> Vec<Progress> {
        std::mem::take(&mut self.events)
    }
    /// Something worked: the server is there and well.
    pub(super) fn well(&mut self, store: &Store) -> Result<()> {
        self.failures = 0;
        self.session.refusals = 0;
        let step = store.step(SyncStep::Session)?;
        if step.attempts > 0 {
            store.set_step(SyncStep::Session, &Retry::default())?;
        }
        Ok(())
    }
    /// The part of every failure that concerns the whole run: waits that hold for everything, the token, and
    /// the words for the report. `attempts` is how often the failing thing itself has failed before.
    /// `stop`: the whole run waits in any case.
    pub(super) fn unwell(
        &mut self,
        store: &Store,
        now: Millis,
        failure: &SyncFailure,
        attempts: u32,
        stop: bool,
    ) -> Result<()> {
        tracing::info!(code = %failure.reason.code, kind = ?failure.kind, "sync step failed");
        self.report.problem = Some(failure.reason.clone());
        self.events.push(Progress::Problem(failure.reason.clone()));
        self.failures = self.failures.saturating_add(1);
        if let Some(due) = StreamHandover::due(&self.account, &failure.reason) {
            self.handover = Some(due);
        }
        let pause = match failure.kind {
            FailureKind::Network
            | FailureKind::Transient {
                retry_after_ms: Some(_),
            } => true,
            FailureKind::Authenticate => {
                self.session.forget(&failure.reason.code);
                self.session.refusals > 2
            }
            FailureKind::Refused if failure.reason.code.class().concerns_sender() => {
                self.session.forget(&failure.reason.code);
                true
            }
            FailureKind::Transient { retry_after_ms: None } | FailureKind::Split | FailureKind::Refused => {
                self.failures >= TIRED
            }
        };
        if pause || stop {
            let before = store.step(SyncStep::Session)?.attempts;
            let retry = backoff::after(failure, before.max(attempts), now, self.random.as_ref())?;
            store.set_step(SyncStep::Session, &retry)?;
            self.failures = 0;
            self.session.refusals = 0;
        }
        Ok(())
    }
    pub(super) fn retry_after(&self, failure: &SyncFailure, attempts: u32, now: Millis) -> Result<Retry> {
        backoff::after(failure, attempts, now, self.random.as_ref())
    }
    /// A step that belongs to no row failed.
    pub(super) fn step_failed(
        &mut self,
        store: &Store,
        now: Millis,
        step: SyncStep,
        failure: &SyncFailure,
    ) -> Result<()> {
        let attempts = store.step(step)?.attempts;
        // A token that ended is renewed at once, and the step goes on in this very run.
        if step != SyncStep::Session && failure.kind != FailureKind::Authenticate {
            store.set_step(step, &self.retry_after(failure, attempts, now)?)?;
        }
        // Without a token nothing goes, so its failure stops the run; only a stale challenge is asked anew.
        let stop = step == SyncStep::Session && failure.kind != FailureKind::Authenticate;
        self.unwell(store, now, failure, attempts, stop)
    }
    /// Takes note of the epoch in an answer. A new one: the server was restored, so the mark that comes with
    /// a new token is asked for, and the mailboxes are pulled from nothing.
    pub(super) fn see_epoch(&mut self, store: &Store, epoch: &str) -> Result<bool> {
        if self.epoch.as_deref() == Some(epoch) {
            return Ok(false);
        }
        let changed = store.see_epoch(epoch)?;
        self.epoch = Some(epoch.to_owned());
        self.pull_due = true;
        self.manifest_due = true;
        Ok(changed)
    }
    pub(super) fn path(&self, path: &str) -> String {
        format!("/v1/field/{path}")
    }
}

//! The state of a sync, and the functions that all its steps share.

use crate::{
    Result,
    platform::{clock::ClockRaw, random::Random},
    store::{
        account::Account,
        database::HandsetStore,
        retry::{Retry, SyncStep},
    },
    sync::{
        backoff,
        failure::{FailureKind, SyncFailure},
        handover_state::StreamHandover,
        limits::{FIRST_CHUNK, PushLimits},
        photo_uploads::PhotoUploads,
        report::{SyncProgress, SyncReport},
        run_policy::Policy,
        step::PendingRequest,
        token::TokenState,
    },
};
use protocol::{sign::Signer, time::Millis};
use std::sync::Arc;

/// What a process keeps from one run for the next: the token and the sizes that succeeded. Losing it costs a
/// few exchanges.
#[derive(Default)]
pub struct SyncMemory {
    session: TokenState,
    push: PushLimits,
    file_chunk: Option<u64>,
}

impl SyncMemory {
    /// The token, if it is valid for some time.
    pub fn token(&self, now: &ClockRaw) -> Option<&str> {
        self.session.valid(now)
    }
    /// Call if the server rejects the token.
    pub fn forget_token(&mut self) {
        self.session.renew();
    }
}

/// The state machine. Use one per run or one for the whole process.
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
    /// A pull is due: at the beginning, and after something was delivered.
    pub(super) pull_due: bool,
    pub(super) pulls_again: u32,
    /// Pages of the pull in progress.
    pub(super) pull_pages: u32,
    pub(super) manifest_due: bool,
    pub(super) file_chunk: u64,
    /// Failures in a row, of any kind; after [`TIRED`] the whole run waits.
    pub(super) failures: u32,
    pub(super) epoch: Option<String>,
    /// Set if the server said in this run that the stream has ended.
    pub(super) handover: Option<StreamHandover>,
    pub(super) report: SyncReport,
    pub(super) events: Vec<SyncProgress>,
}

/// After this many failures in a row the whole run waits.
const TIRED: u32 = 12;

impl Sync {
    /// Makes a machine for the account of this store.
    pub fn new(
        store: &HandsetStore,
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
            pull_pages: 0,
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
    /// Starts with the memory of an earlier run.
    pub fn recall(&mut self, memory: SyncMemory) {
        self.session = memory.session;
        self.push = memory.push;
        self.file_chunk = memory.file_chunk.unwrap_or(self.file_chunk);
    }
    /// The memory for the next run.
    pub fn into_memory(self) -> SyncMemory {
        SyncMemory {
            file_chunk: Some(self.file_chunk),
            session: self.session,
            push: self.push,
        }
    }
    /// Replaces the policy; it holds from the next action on. A photo that is being sent stops at its next
    /// part and continues there in a later run. If a person asks now, the handset's own waits end.
    pub fn set_policy(&mut self, policy: Policy) {
        if policy.manual && !self.policy.manual {
            self.begun = false;
        }
        self.policy = policy;
    }
    /// Somebody asked for a sync while this one runs: the mailboxes are fetched again, so that the report is
    /// true for that caller too.
    pub fn asked_again(&mut self) {
        self.begun = false;
        self.pull_due = true;
    }
    /// What the run has done so far, and what is left.
    pub fn report(&self, store: &HandsetStore, now: Millis) -> Result<SyncReport> {
        let mut report = self.report.clone();
        // A delivery after the pull may have changed the mailboxes, so they count as unread.
        report.pulled &= !self.pull_due;
        report.complete(store, now, self.policy)
    }
    /// The events since the last call.
    pub fn take_events(&mut self) -> Vec<SyncProgress> {
        std::mem::take(&mut self.events)
    }
    /// Resets failure counters and the session's wait after a success.
    pub(super) fn well(&mut self, store: &HandsetStore) -> Result<()> {
        self.failures = 0;
        self.session.refusals = 0;
        let step = store.step(SyncStep::Session)?;
        if step.attempts > 0 {
            store.set_step(SyncStep::Session, &Retry::default())?;
        }
        Ok(())
    }
    /// Handles the part of a failure that concerns the whole run: common waits, the token, and the report.
    /// `attempts`: earlier failures of the failing thing. `stop`: the whole run waits in any case.
    pub(super) fn unwell(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        failure: &SyncFailure,
        attempts: u32,
        stop: bool,
    ) -> Result<()> {
        tracing::info!(name: "sync.step_failed", cause = failure.reason.code.as_str(), attempts);
        self.report.problem = Some(failure.reason.clone());
        self.events.push(SyncProgress::Problem {
            why: failure.reason.clone(),
        });
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
    pub(super) fn retry_for(&self, failure: &SyncFailure, attempts: u32, now: Millis) -> Result<Retry> {
        backoff::after(failure, attempts, now, self.random.as_ref())
    }
    /// Handles the failure of a step without a row of its own.
    pub(super) fn step_failed(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        step: SyncStep,
        failure: &SyncFailure,
    ) -> Result<()> {
        let attempts = store.step(step)?.attempts;
        // An expired token is renewed at once, and the step is repeated in this run.
        if step != SyncStep::Session && failure.kind != FailureKind::Authenticate {
            store.set_step(step, &self.retry_for(failure, attempts, now)?)?;
        }
        // Nothing works without a token, so its failure stops the run; only a stale challenge is asked again.
        let stop = step == SyncStep::Session && failure.kind != FailureKind::Authenticate;
        self.unwell(store, now, failure, attempts, stop)
    }
    /// Records the epoch of a response. A new epoch means that the server was restored: a new token (with the
    /// stream mark) and a full pull follow.
    pub(super) fn see_epoch(&mut self, store: &HandsetStore, epoch: &str) -> Result<bool> {
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

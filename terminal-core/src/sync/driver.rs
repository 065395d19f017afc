//! Runs the state machine against a transport, on the caller's thread.

use crate::{
    Error, Result,
    platform::{clock::Clock, photo_files::PhotoFiles, random::Random},
    store::database::HandsetStore,
    sync::{
        live_policy::Guide,
        meter::Meter,
        report::{SyncProgress, SyncReport},
        run_policy::{HeldBack, Policy},
        state::{Sync, SyncMemory},
        step::{NextAction, StepOutcome},
    },
    transport::{cancel::CancelToken, error::TransportError, exchange::Transport},
};
use protocol::sign::Signer;
use std::sync::{Arc, Mutex, PoisonError};

/// What a sync needs besides the store.
pub struct Driver<'a> {
    /// The network.
    pub transport: &'a dyn Transport,
    /// Reads the bytes of photos.
    pub photos: &'a dyn PhotoFiles,
    /// Clocks.
    pub clock: &'a dyn Clock,
    /// For random waits.
    pub random: Arc<dyn Random>,
    /// The stream's signing key.
    pub signer: Arc<dyn Signer>,
}

impl Driver<'_> {
    /// Syncs until nothing is left to do or the next step has to wait; the report says which. Never sleeps.
    ///
    /// # Errors
    /// `sync.off`, [`Error::SyncRunning`], [`Error::Cancelled`], [`Error::NotEnrolled`], and errors of disk
    /// and keys. Failures of network and server are no errors: the report and the items contain them.
    pub fn run(
        &self,
        store: &HandsetStore,
        policy: Policy,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        self.run_on(store, policy, cancel, &Mutex::default(), listener)
    }
    /// As [`Self::run`], but starts with the memory of earlier runs and updates it.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_on(
        &self,
        store: &HandsetStore,
        policy: Policy,
        cancel: &CancelToken,
        memory: &Mutex<SyncMemory>,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        self.run_guided(store, &policy, cancel, memory, listener)
    }
    /// As [`Self::run_on`], but asks `guide` before every action what it may use. Every request is counted
    /// with the cost that the network had when it was sent.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_guided(
        &self,
        store: &HandsetStore,
        guide: &dyn Guide,
        cancel: &CancelToken,
        memory: &Mutex<SyncMemory>,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        let _guard = store.sync_guard()?.ok_or(Error::SyncRunning)?;
        let mut meter = Meter::new(store, self.clock);
        let policy = guide.policy(meter.spent())?;
        let mut sync = Sync::new(store, self.signer.clone(), self.random.clone(), policy)?;
        let kept = || memory.lock().unwrap_or_else(PoisonError::into_inner);
        sync.recall(std::mem::take(&mut *kept()));
        let done = self.steps(store, guide, &mut sync, &mut meter, cancel, listener);
        *kept() = sync.into_memory();
        // Counted also if the run was cancelled or failed.
        let counted = meter.write();
        let mut report = done?;
        counted?;
        report.offset_ms = store.clock_reading(self.clock.read())?.offset_ms.unwrap_or(0);
        report.bytes_sent = meter.total().sent;
        report.bytes_received = meter.total().received;
        Ok(report)
    }

    fn steps(
        &self,
        store: &HandsetStore,
        guide: &dyn Guide,
        sync: &mut Sync,
        meter: &mut Meter<'_>,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<SyncReport> {
        let mut asks = guide.asks();
        // The budget did not have room for a photo or file; smaller ones do not overtake it.
        let mut is_used_up = false;
        loop {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            store.ensure_sync_on()?;
            let asks_now = guide.asks();
            if std::mem::replace(&mut asks, asks_now) != asks_now {
                sync.asked_again();
            }
            let policy = guide.policy(meter.spent())?;
            is_used_up &= policy.allowance.is_some();
            let policy = if is_used_up {
                policy.without(HeldBack::Budget)
            } else {
                policy
            };
            sync.set_policy(policy);
            let outcome = match sync.next_action(store, &self.clock.read())? {
                NextAction::Send(request) => {
                    // A request that is not sent counts as lost: the machine chooses another.
                    let may_wait = policy.photos || policy.files;
                    if may_wait && !Meter::has_room(policy, &request) {
                        is_used_up = true;
                        continue;
                    }
                    let (outcome, traffic) = self.transport.carry(&request, cancel);
                    meter.count(&request.path, traffic, policy.cost)?;
                    match outcome {
                        Ok(response) => StepOutcome::Answer(response),
                        // The caller does not want the answer any more.
                        Err(TransportError::Cancelled) => return Err(Error::Cancelled),
                        Err(error) => StepOutcome::Failed(error),
                    }
                }
                NextAction::ReadPhoto { file, offset, len } => {
                    StepOutcome::Photo(self.photos.read(&file, offset, len))
                }
                NextAction::Wait(_) | NextAction::Done => {
                    if !guide.ends(asks) {
                        continue;
                    }
                    return sync.report(store, self.clock.read().wall);
                }
            };
            sync.apply(store, &self.clock.read(), outcome)?;
            for event in sync.take_events() {
                listener(event);
            }
        }
    }
}

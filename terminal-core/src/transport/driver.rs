//! Drives the sync's state machine against a real network, on the caller's thread.

use super::{CancelToken, Transport, TransportError};
use crate::{
    Error, Result,
    platform::{Clock, PhotoFiles, Random},
    store::Store,
    sync::{Action, Outcome, Policy, Progress, Sync, SyncReport},
};
use protocol::sign::Signer;
use std::sync::Arc;

/// Everything a sync needs besides the store.
pub struct Driver<'a> {
    /// The network.
    pub transport: &'a dyn Transport,
    /// The bytes of photos.
    pub photos: &'a dyn PhotoFiles,
    /// Clocks.
    pub clock: &'a dyn Clock,
    /// For waits.
    pub random: Arc<dyn Random>,
    /// The stream's key.
    pub signer: Arc<dyn Signer>,
}

impl Driver<'_> {
    /// Syncs until there is nothing to do or something has to wait for its time; the report says which.
    /// Never sleeps.
    ///
    /// # Errors
    /// [`Error::SyncRunning`], [`Error::Cancelled`], [`Error::NotEnrolled`], and errors of disk and keys.
    /// Failures of network and server are no errors: they stand in the report and at their items.
    pub fn run(
        &self,
        store: &Store,
        policy: Policy,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport> {
        let _guard = store.sync_guard()?.ok_or(Error::SyncRunning)?;
        let mut sync = Sync::new(store, self.signer.clone(), self.random.clone(), policy)?;
        loop {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let outcome = match sync.next_action(store, &self.clock.read())? {
                Action::Send(request) => match self.transport.carry(&request, cancel).0 {
                    Ok(response) => Outcome::Answer(response),
                    // Nobody waits for it any more: as good as lost.
                    Err(TransportError::Cancelled) => return Err(Error::Cancelled),
                    Err(error) => Outcome::Failed(error),
                },
                Action::ReadPhoto { file, offset, len } => {
                    Outcome::Photo(self.photos.read(&file, offset, len))
                }
                Action::Wait(_) | Action::Done => {
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

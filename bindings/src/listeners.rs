//! What the core calls in the app. A listener that throws ends nothing: its error is dropped.

use crate::{
    sync::{ExportStep, Watched},
    today::ScreenChanges,
};
use std::sync::{Arc, Mutex, PoisonError};
use terminal_core::{live::Subscription, sync::SyncProgress, transport::CancelToken as Token};

/// The app's code threw.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ListenerError {
    #[error("thrown")]
    Threw,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ListenerError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Threw
    }
}

/// Told of changes of what a screen shows, coalesced, on a thread of the core.
#[uniffi::export(with_foreign)]
pub trait ChangeListener: Send + Sync {
    fn on_change(&self, changes: ScreenChanges) -> Result<(), ListenerError>;
}

/// Told of the steps of one sync, on the caller's thread.
#[uniffi::export(with_foreign)]
pub trait SyncListener: Send + Sync {
    fn on_progress(&self, progress: SyncProgress) -> Result<(), ListenerError>;
}

/// Told of what the watch does, on the thread that watches.
#[uniffi::export(with_foreign)]
pub trait WatchListener: Send + Sync {
    fn on_event(&self, event: Watched) -> Result<(), ListenerError>;
}

/// Told how far an export is, on the caller's thread.
#[uniffi::export(with_foreign)]
pub trait ExportListener: Send + Sync {
    fn on_step(&self, step: ExportStep) -> Result<(), ListenerError>;
}

/// Cancels one call. Cancelled before the call it ends the call at once. Each call takes one of its own.
#[derive(uniffi::Object, Default)]
pub struct CancelToken(pub(crate) Token);

#[uniffi::export]
impl CancelToken {
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// A subscription. Ends with `end`, or when it is released.
#[derive(uniffi::Object)]
pub struct Observing(Mutex<Option<Subscription>>);

impl Observing {
    pub(crate) fn of(subscription: Subscription) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(subscription))))
    }
}

#[uniffi::export]
impl Observing {
    /// The listener is not called after this returns.
    pub fn end(&self) {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(ended);
    }
}

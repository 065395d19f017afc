//! Cancellation of a call (failure story 36): before it begins, and during a request or a response.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// Stops one call. A token that is cancelled before the call begins stops it at once. Whether a request that
/// was being sent arrived is unknown, as after any connection loss; the items stay in the outbox.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    is_cancelled: AtomicBool,
    notify: Notify,
}

impl CancelToken {
    /// Cancels permanently.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }
    /// Returns true after [`Self::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::SeqCst)
    }
    /// Completes when the token is cancelled.
    pub(super) async fn cancelled(&self) {
        let mut notified = std::pin::pin!(self.0.notify.notified());
        // Register first, then check the flag: a cancel between the two is not missed.
        notified.as_mut().enable();
        if !self.is_cancelled() {
            notified.await;
        }
    }
}

//! "Cancel" cancels (failure story 36): also before the call begins, and in the middle of a request or an answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// Stops one call. Used before the call begins, it stops it at once: a cancel is never lost. Whether a request
/// that was under way arrived is unknown, as after any cut; nothing that was delivered is lost by it.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    is_cancelled: AtomicBool,
    told: Notify,
}

impl CancelToken {
    /// Cancels, for good.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::SeqCst);
        self.0.told.notify_waiters();
    }
    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::SeqCst)
    }
    /// Ends when it is cancelled.
    pub(super) async fn cancelled(&self) {
        let mut told = std::pin::pin!(self.0.told.notified());
        // Listens first and looks then: a cancel between the two is heard.
        told.as_mut().enable();
        if !self.is_cancelled() {
            told.await;
        }
    }
}

//! Cancellation of a call (failure story 36): before it begins, and during a request or a response.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
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
    children: Mutex<Vec<Weak<CancelState>>>,
}

impl CancelState {
    fn children(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Self>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn cancel(&self) {
        let children = {
            let mut children = self.children();
            // Set while the list is held: a child that is added later sees it.
            self.is_cancelled.store(true, Ordering::SeqCst);
            std::mem::take(&mut *children)
        };
        self.notify.notify_waiters();
        for child in children.iter().filter_map(Weak::upgrade) {
            child.cancel();
        }
    }
}

impl CancelToken {
    /// Cancels permanently, all children included.
    pub fn cancel(&self) {
        self.0.cancel();
    }
    /// Returns true after [`Self::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::SeqCst)
    }
    /// A token that is cancelled with this one, and can be cancelled alone.
    #[must_use]
    pub fn child(&self) -> Self {
        let child = Self::default();
        let mut children = self.0.children();
        if self.is_cancelled() {
            child.0.is_cancelled.store(true, Ordering::SeqCst);
        } else {
            children.retain(|child| child.strong_count() > 0);
            children.push(Arc::downgrade(&child.0));
        }
        drop(children);
        child
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_cancelled_with_its_parent_and_not_the_other_way_round() {
        let parent = CancelToken::default();
        let (first, second) = (parent.child(), parent.child());
        let grandchild = first.child();
        first.cancel();
        assert!(grandchild.is_cancelled() && !second.is_cancelled() && !parent.is_cancelled());
        parent.cancel();
        assert!(second.is_cancelled());
        assert!(parent.child().is_cancelled(), "a late child is cancelled at once");
    }
}

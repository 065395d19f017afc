//! Change notifications (变更通知) for screens: what commits of this process changed, coalesced.
//!
//! Subscribe first, then read the store: a commit that the snapshot does not contain is told. A feed is read at the
//! reader's pace and never holds a commit up. Commits of other processes are not told; a phone has one process.

use crate::{
    Error, Result,
    store::changes::{FeedState, HandsetChange, task_ids},
    terminal::Terminal,
};
use protocol::ids::TaskId;
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

/// What changed since the feed was read last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandsetChanges {
    /// What may look different now. Read it again.
    pub what: BTreeSet<HandsetChange>,
    /// Tasks that arrived, for a notification.
    pub tasks_arrived: Vec<TaskId>,
    /// Tasks that went.
    pub tasks_gone: Vec<TaskId>,
}

/// The changes of one handset, read by their reader. Dropping it ends it.
pub struct ChangeFeed {
    terminal: Terminal,
    state: Arc<FeedState>,
    /// The tasks that were told.
    tasks: Mutex<BTreeSet<TaskId>>,
}

impl ChangeFeed {
    /// What changed since the last call; nothing if nothing did. Does not wait.
    pub fn take(&self) -> HandsetChanges {
        self.read(self.state.take())
    }
    /// Waits until something changes; `None` when the handset was closed or the feed was ended.
    pub fn wait(&self) -> Option<HandsetChanges> {
        self.state.wait().map(|what| self.read(what))
    }
    fn read(&self, what: BTreeSet<HandsetChange>) -> HandsetChanges {
        let mut changes = HandsetChanges {
            what,
            ..HandsetChanges::default()
        };
        if changes.what.contains(&HandsetChange::Tasks) {
            match self.terminal.store().read(task_ids) {
                Ok(now) => {
                    let mut told = self.told();
                    changes.tasks_arrived = now.difference(&told).copied().collect();
                    changes.tasks_gone = told.difference(&now).copied().collect();
                    *told = now;
                }
                Err(Error::Closed) => {}
                // They come with the next change of a task.
                Err(error) => tracing::warn!(name: "observe.tasks_unread", cause = error.code().as_str()),
            }
        }
        changes
    }
    fn told(&self) -> MutexGuard<'_, BTreeSet<TaskId>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ChangeFeed {
    fn drop(&mut self) {
        self.state.end();
    }
}

/// An observer that is being told of changes. Dropping it ends that: after the drop, the observer is not called.
pub struct Subscription {
    state: Arc<FeedState>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.state.end();
        // Waits for the call in progress, unless the observer drops its own subscription.
        let is_own = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take_if(|thread| !is_own(thread)) {
            // The thread catches the observer's panics.
            let _ = thread.join();
        }
    }
}

impl Terminal {
    /// The changes from now on, for a reader of its own pace.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn changes(&self) -> Result<ChangeFeed> {
        let state = self.store().subscribe();
        let tasks = self.store().read(task_ids)?;
        Ok(ChangeFeed {
            terminal: self.clone(),
            state,
            tasks: Mutex::new(tasks),
        })
    }
    /// Calls `observer` after every commit that changed something, on a thread of its own; changes during a call are
    /// told together by the next one. A slow observer is told less often, a panicking one is called again at the next
    /// change.
    ///
    /// # Errors
    /// Errors of the store; `disk.failed` if the system gives no thread.
    pub fn observe(&self, observer: impl Fn(HandsetChanges) + Send + 'static) -> Result<Subscription> {
        let feed = self.changes()?;
        let state = Arc::clone(&feed.state);
        let thread = std::thread::Builder::new()
            .name("xunge-observer".into())
            .spawn(move || {
                while let Some(changes) = feed.wait() {
                    let told = changes.what.len();
                    if catch_unwind(AssertUnwindSafe(|| observer(changes))).is_err() {
                        tracing::warn!(name: "observe.panicked", changes = told);
                    }
                }
            })
            .map_err(Error::io(self.store().home()))?;
        Ok(Subscription {
            state,
            thread: Some(thread),
        })
    }
}

//! The calls of one handset that are in progress, and the end of all calls.

use crate::{Error, Result, transport::cancel::CancelToken};
use protocol::planted;
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::ThreadId,
};

/// The calls in progress that can be cancelled or hold a lock. Short reads and writes are not among them: closing the
/// store waits for those.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    running: BTreeMap<u64, (CancelToken, ThreadId)>,
    next: u64,
}

impl Calls {
    /// Begins a call.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Self::close`].
    pub(crate) fn begin(&self, cancel: &CancelToken) -> Result<Call> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Error::Closed);
        }
        let id = state.next;
        state.next += 1;
        let cancel = cancel.child();
        state
            .running
            .insert(id, (cancel.clone(), std::thread::current().id()));
        drop(state);
        Ok(Call {
            calls: self.clone(),
            id,
            cancel,
        })
    }

    /// Refuses new calls, cancels those in progress and waits for them. Calls of this thread, from whose callback the
    /// handset is being closed, are cancelled and not waited for.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let running: Vec<CancelToken> = state.running.values().map(|(cancel, _)| cancel.clone()).collect();
        drop(state);
        for cancel in running {
            cancel.cancel();
        }
        planted!(CloseLeavesCalls => return);
        let here = std::thread::current().id();
        state = self.state();
        while state.running.values().any(|(_, thread)| *thread != here) {
            state = self.0.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in progress; it ends when this is dropped.
pub(crate) struct Call {
    calls: Calls,
    id: u64,
    /// Cancelled by the caller's token and by the end of the handset.
    pub(crate) cancel: CancelToken,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.state().running.remove(&self.id);
        self.calls.0.ended.notify_all();
    }
}

//! The threads of an engine: started by name, joined at the end.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use super::error::StoreError;

#[derive(Default)]
pub(super) struct Crew {
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Crew {
    pub(super) fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(StoreError::unavailable)?;
        self.threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
        Ok(())
    }

    /// Waits until the threads have ended, unless the caller is one of them. Their queues must be closed before.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let here = std::thread::current().id();
        // A closure may hold the last clone of its store and drop it on a thread of this crew, for which others may wait.
        if threads.iter().any(|thread| thread.thread().id() == here) {
            return;
        }
        for thread in threads {
            // A thread that panicked has no work left.
            let _ = thread.join();
        }
    }
}

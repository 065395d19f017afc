//! One user's handset: its life.

use crate::{
    errors::Result,
    listeners::{ChangeListener, Observing},
};
use std::sync::Arc;
use terminal_core::{
    platform::WatchedSurroundings, protocol::time::Millis, terminal::Terminal, transport::NudgeReason,
};

/// Why the watch is woken: something was filed or set, network or battery changed, or a person came or left.
#[uniffi::remote(Enum)]
pub enum NudgeReason {
    Changed,
    Network,
    Person,
}

/// One user's handset, open.
#[derive(uniffi::Object)]
pub struct Handset {
    pub(crate) core: Terminal,
    pub(crate) around: WatchedSurroundings,
}

#[uniffi::export]
impl Handset {
    /// Ends it: running calls are cancelled and waited for, files and locks released. Every later call fails with
    /// `terminal.closed`. (`close` is a name of Kotlin's objects.)
    pub fn end(&self) {
        self.core.close();
    }
    /// Wakes the watch.
    pub fn nudge(&self, reason: NudgeReason) {
        self.core.nudge(reason);
    }
    /// Tells of changes from now on. What is read afterwards misses none.
    pub fn observe(&self, listener: Arc<dyn ChangeListener>) -> Result<Arc<Observing>> {
        let tell =
            move |changes: terminal_core::live::HandsetChanges| drop(listener.on_change(changes.into()));
        Ok(Observing::of(self.core.observe(tell)?))
    }
}

calls! { self: Handset,
    /// Six digits for a locked app to show; the app keeps them until its lock is open.
    unlock_challenge() -> String = self.core.unlock_challenge()?;
    /// Whether `code` is the administrator's answer to the challenge; without a network. The app limits the tries.
    is_unlock_code(challenge: String, code: String) -> bool = self.core.is_unlock_code(&challenge, &code)?;
    /// When the next sync is due, for the system's job scheduler; null: nothing waits.
    next_due() -> Option<Millis> = self.core.next_due()?;
}

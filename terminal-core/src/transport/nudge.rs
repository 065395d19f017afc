//! Ends the wait of a running watch at once, so that waiting long costs nothing in promptness.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
use tokio::sync::Notify;

/// Why the watch is to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NudgeReason {
    /// Something was filed, or a setting was changed.
    Changed,
    /// The platform reports another state of network or battery, or the app came to the foreground or left it.
    Network,
    /// A person asks for a sync.
    Person,
}

/// Nudges that one wait has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nudged {
    /// [`NudgeReason::Network`] was among them.
    pub network: bool,
    /// [`NudgeReason::Person`] was among them.
    pub person: bool,
}

/// Handle of a watch. Clones share one state; a nudge that comes before the wait ends that wait.
#[derive(Debug, Clone, Default)]
pub struct Nudge(Arc<NudgeState>);

#[derive(Debug, Default)]
struct NudgeState {
    reasons: AtomicU8,
    notify: Notify,
}

impl NudgeReason {
    const fn bit(self) -> u8 {
        match self {
            Self::Changed => 1,
            Self::Network => 2,
            Self::Person => 4,
        }
    }
}

impl Nudge {
    /// Ends the current wait, or the next one if there is none. Never blocks.
    pub fn nudge(&self, reason: NudgeReason) {
        self.0.reasons.fetch_or(reason.bit(), Ordering::SeqCst);
        self.0.notify.notify_one();
    }
    /// Completes at the next nudge.
    pub(super) async fn nudged(&self) -> Nudged {
        self.0.notify.notified().await;
        let reasons = self.0.reasons.swap(0, Ordering::SeqCst);
        Nudged {
            network: reasons & NudgeReason::Network.bit() != 0,
            person: reasons & NudgeReason::Person.bit() != 0,
        }
    }
}

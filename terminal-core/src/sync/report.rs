//! The result of a run: what was done and what is left.

use crate::{
    Result,
    store::{database::HandsetStore, handed_over::HandedOver, items::Custody, retry::SyncStep},
    sync::run_policy::{HeldBack, Policy},
};
use protocol::{entry::Reason, ids::EntryId, manifest::FileName, time::Millis};
use serde::Serialize;

/// The result of a run. A run that could not do everything says what is left, why, and when it continues.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// Entries received by the server in this run.
    pub entries_received: u64,
    /// Entries that the server refused in this run; they stay on the handset, visible.
    pub entries_refused: u64,
    /// Photos received by the server in this run.
    pub photos_received: u64,
    /// Mailbox rows stored.
    pub rows_pulled: u64,
    /// Reference files put in force.
    pub files_updated: u64,
    /// Entries that only this handset holds.
    pub entries_waiting: u64,
    /// Entries that the server has refused.
    pub entries_parked: u64,
    /// Photos that only this handset holds.
    pub photos_waiting: u64,
    /// Photos wait because the policy holds them back.
    pub photos_held_back: bool,
    /// Why photos, files or everything are held back, and what helps.
    pub held_back: Option<Reason>,
    /// Bytes sent in this run, as on the wire.
    pub bytes_sent: u64,
    /// Bytes received in this run, as on the wire.
    pub bytes_received: u64,
    /// The mailboxes were read to the end.
    pub pulled: bool,
    /// Why something is left. Problems that were solved within the run are not reported. Of several causes
    /// the one whose try is due next, so it belongs to `next_try`.
    pub problem: Option<Reason>,
    /// Wall-clock time of the next try, if something waits for a time.
    pub next_try: Option<Millis>,
    /// Milliseconds from the wall clock to the corrected one, for times that are shown.
    #[serde(skip)]
    pub offset_ms: i64,
    /// The server asked for that wait, so a manual sync does not shorten it.
    pub wait_asked: bool,
    /// The stream has ended and everything was handed over; the home is wiped next.
    pub handed_over: Option<HandedOver>,
}

impl SyncReport {
    /// Returns true if nothing is left to send and the mailboxes were read to the end (failure story 15:
    /// nothing else may be called a success).
    pub fn is_success(&self) -> bool {
        self.pulled && self.entries_waiting == 0 && self.photos_waiting == 0
    }

    pub(super) fn complete(mut self, store: &HandsetStore, now: Millis, policy: Policy) -> Result<Self> {
        let mut items = store.items_not_received()?;
        // What was revised since is history: the queue shows it so, and asks nothing of the author.
        let ids: Vec<EntryId> = items.iter().map(|item| item.id).collect();
        let revised = store.revised_of(&ids)?;
        items.retain(|item| !(matches!(item.custody, Custody::Refused(_)) && revised.contains(&item.id)));
        let count = |wanted: fn(&Custody) -> bool| {
            u64::try_from(items.iter().filter(|item| wanted(&item.custody)).count()).unwrap_or(u64::MAX)
        };
        self.entries_waiting = count(|c| matches!(c, Custody::Waiting));
        self.entries_parked = count(|c| matches!(c, Custody::Refused(_)));
        self.photos_waiting = store.photos_waiting()?;
        self.photos_held_back = !policy.photos && self.photos_waiting > 0;
        let waits = match store.step(SyncStep::Session)? {
            all if all.wait_until(now).is_some() => Some(all),
            _ => store.next_wait(now)?,
        };
        self.next_try = waits.as_ref().map(|wait| wait.not_before);
        self.wait_asked = waits.as_ref().is_some_and(|wait| wait.asked);
        self.held_back = policy.held.map(HeldBack::reason);
        let parked = || {
            items.iter().rev().find_map(|item| match &item.custody {
                Custody::Refused(reason) => Some(reason.clone()),
                Custody::Waiting | Custody::Received(_) => None,
            })
        };
        let seen = self.problem.take();
        self.problem = policy
            .closed()
            .or_else(|| waits.and_then(|wait| wait.problem))
            .or_else(|| self.held_back.clone().filter(|_| self.photos_held_back))
            .or_else(parked)
            .or_else(|| seen.filter(|_| !self.is_success()));
        Ok(self)
    }
}

/// An event of a running sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncProgress {
    /// The server gave a token.
    Connected,
    /// The server holds these entries now.
    Received { items: Vec<EntryId> },
    /// The server refused an entry; the others continue.
    Refused { item: EntryId, why: Reason },
    /// The server confirmed bytes of a photo.
    Photo {
        /// The item.
        item: EntryId,
        /// Position in the entry, from 0.
        position: u32,
        /// Confirmed bytes.
        sent: u64,
        /// Size in bytes.
        size: u64,
    },
    /// The server confirmed the photo's hash.
    PhotoReceived {
        /// The item.
        item: EntryId,
        /// Position in the entry, from 0.
        position: u32,
    },
    /// Number of mailbox rows stored.
    Pulled { rows: u64 },
    /// Bytes of a reference file were stored.
    File {
        /// The file.
        name: FileName,
        /// Bytes stored so far.
        have: u64,
        /// Size in bytes.
        size: u64,
    },
    /// The stream has ended; this much is sealed and will be handed over.
    Sealed { entries: u32, photos: u32 },
    /// A step failed; the report says how it continues.
    Problem { why: Reason },
}

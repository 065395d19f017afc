//! What a run did and what is left, for people.

use crate::{
    Result,
    store::{database::Store, handed_over::HandedOver, items::Custody, retry::SyncStep},
    sync::policy::{HeldBack, Policy},
};
use protocol::{entry::Reason, ids::EntryId, manifest::FileName, time::Millis};
use serde::Serialize;

/// The result of a run. A run that could not do everything says what, why and when it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// Entries whose receipt came in this run.
    pub entries_received: u64,
    /// Entries that the server refused in this run; they stay here, visible.
    pub entries_refused: u64,
    /// Photos whose receipt came in this run.
    pub photos_received: u64,
    /// Mailbox rows taken over.
    pub rows_pulled: u64,
    /// Reference files that came into force.
    pub files_updated: u64,
    /// Entries that are still only here.
    pub entries_waiting: u64,
    /// Entries parked as refused.
    pub entries_parked: u64,
    /// Photos that are still only here.
    pub photos_waiting: u64,
    /// Photos wait because they may not travel now.
    pub photos_held_back: bool,
    /// Why photos, files or everything may not travel now, and what helps.
    pub held_back: Option<Reason>,
    /// Bytes that this run sent, as they were on the wire.
    pub bytes_sent: u64,
    /// Bytes that came back.
    pub bytes_received: u64,
    /// The mailboxes were read to their end.
    pub pulled: bool,
    /// Why something is left, as it stands now: what was mended within the run is not told. Of several causes the
    /// one whose try is due next, so it belongs to `next_try` when there is one.
    pub problem: Option<Reason>,
    /// When the next try is due, if something waits for its time.
    pub next_try: Option<Millis>,
    /// The server asked for that wait, so a person's wish does not shorten it.
    pub wait_asked: bool,
    /// The stream has ended, and everything was handed over sealed: the handset forgets now.
    pub handed_over: Option<HandedOver>,
}

impl SyncReport {
    /// Nothing is left that this handset wanted to send, and the mailboxes were read to the end (failure
    /// story 15: nothing else is called a success).
    pub fn is_success(&self) -> bool {
        self.pulled && self.entries_waiting == 0 && self.photos_waiting == 0
    }

    pub(super) fn complete(mut self, store: &Store, now: Millis, policy: Policy) -> Result<Self> {
        let items = store.items_not_received()?;
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

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A token was given: the server is there and knows us.
    Connected,
    /// The server holds these entries now.
    Received(Vec<EntryId>),
    /// The server refused an entry; the others went on.
    Refused(EntryId, Reason),
    /// Bytes of a photo arrived.
    Photo {
        /// Its entry.
        item: EntryId,
        /// Its position in the entry.
        position: u32,
        /// Bytes that the server confirmed.
        sent: u64,
        /// Bytes in all.
        size: u64,
    },
    /// The server confirmed the photo's hash.
    PhotoReceived {
        /// Its entry.
        item: EntryId,
        /// Its position in the entry.
        position: u32,
    },
    /// Mailbox rows were taken over.
    Pulled(u64),
    /// Bytes of a reference file arrived.
    File {
        /// Which.
        name: FileName,
        /// Bytes that are here.
        have: u64,
        /// Bytes in all.
        size: u64,
    },
    /// The stream has ended; this much is sealed and about to be handed over.
    Sealed { entries: usize, photos: usize },
    /// A step failed; the machine goes on as the report says.
    Problem(Reason),
}

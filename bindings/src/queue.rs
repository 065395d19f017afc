//! The queue (队列): every item with who holds it, what came of it, and what to do.

use crate::{
    handset::Handset,
    types::{ItemKind, all, all_at, count, state_code},
    words::{Words, both},
};
use terminal_core::{
    protocol::{
        codes::{CellCode, MatterCode},
        duty::Answer,
        entry::Reason,
        evidence::Position,
        feed::ActivityState,
        ids::{EntryId, RecordId, TaskId},
        payload::Payload,
        photo::{PhotoRef, PhotoRole, Sha256},
        time::Millis,
    },
    store::PhotoItem,
    work::{self, QueueFilter, Withdrawal},
};

/// Which items a page lists: all, those that only this handset holds, or those that need their author.
#[uniffi::remote(Enum)]
pub enum QueueFilter {
    All,
    Unsent,
    NeedsYou,
}

/// The state of an item; `QueueRow.state_words` says it, `QueueRow.reason` why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ItemState {
    Draft,
    Queued,
    /// A try failed; `QueueRow.next_try` says when the next one is.
    Later,
    PhotosPending,
    Received,
    /// The author can revise it.
    Returned,
    /// Returned, and revised since.
    Revised,
    Review,
    /// The server keeps it until it can be applied.
    Held,
    Withdrawing,
    Withdrawn,
    /// Before it was ever offered.
    Cancelled,
}

impl From<&work::ItemState> for ItemState {
    fn from(state: &work::ItemState) -> Self {
        use work::ItemState as Core;
        match state {
            Core::Draft => Self::Draft,
            Core::Queued => Self::Queued,
            Core::Later(_) => Self::Later,
            Core::PhotosPending => Self::PhotosPending,
            Core::Received => Self::Received,
            Core::Returned(_) => Self::Returned,
            Core::Revised(_) => Self::Revised,
            Core::Review(_) => Self::Review,
            Core::Held(_) => Self::Held,
            Core::Withdrawing => Self::Withdrawing,
            Core::Withdrawn => Self::Withdrawn,
            Core::Cancelled => Self::Cancelled,
        }
    }
}

record! {
    /// A row of the queue.
    QueueRow from (work::QueueRow, Millis) as (row, now) {
        id: EntryId = row.id,
        record: RecordId = row.record,
        /// Where the next page begins; null for a draft and for entries from elsewhere.
        n: Option<u64> = row.n,
        /// 受理号
        number: Option<String> = row.receipt_number(),
        is_finished: bool = row.is_finished(),
        summary: Words = both(|lang| row.summary.words(lang)),
        state_words: Words = both(|lang| row.state_words(lang, now)),
        /// State, reason and number in one line.
        state_line: Words = both(|lang| row.state_line(lang, now)),
        kind_words: Words = both(|lang| terminal_core::words::entry_kind(lang, &row.kind)),
        state: ItemState = (&row.state).into(),
        /// Of a return, a review or a hold.
        reason: Option<Reason> = row.reason().cloned(),
        kind: ItemKind = row.kind.into(),
        /// Why the last try failed.
        problem: Option<Reason> = row.problem,
        made: Millis = row.made,
        photos_sent: u32 = count(row.photos_sent),
        photos_named: u32 = count(row.photos_named),
        /// The first photo; its file may be gone once the server holds it.
        cover: Option<Sha256> = row.cover,
        next_try: Option<Millis> = row.next_try,
        /// State of the case that the report led to.
        case_state: Option<String> = row.case.as_ref().map(state_code),
        review: Option<ActivityState> = row.review,
    }
}

record! {
    /// A photo of an item: bytes that the server confirmed, and its receipt.
    ItemPhoto from PhotoItem as photo {
        sha256: Sha256 = photo.sha256,
        shows: PhotoRole = photo.role,
        size: u64 = photo.size,
        width: u32 = photo.width,
        height: u32 = photo.height,
        sent: u64 = photo.sent,
        received: Option<Millis> = photo.received,
        problem: Option<Reason> = photo.retry.problem,
    }
}

record! {
    /// A photo of a draft.
    DraftPhoto from PhotoRef as photo {
        sha256: Sha256 = photo.sha256,
        shows: PhotoRole = photo.role,
        size: u64 = photo.size,
        width: u32 = photo.width,
        height: u32 = photo.height,
    }
}

/// What was said.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum ItemContent {
    Report {
        matter: Option<MatterCode>,
        text: String,
        place: Option<Position>,
        cell: Option<CellCode>,
        address: String,
        self_handled: bool,
    },
    Activity {
        category: String,
        title: String,
        starts: Millis,
        ends: Millis,
        place: String,
        organiser: String,
        participants: u32,
        summary: String,
    },
    /// `answer` is null for one that this version does not know.
    TaskAnswer {
        task: TaskId,
        answer: Option<Answer>,
        text: String,
    },
    /// Check-in or check-out.
    Check {
        note: String,
    },
    Withdrawal {
        reason: String,
    },
    /// Cancelled before it was sent.
    Void,
    /// A kind that this version does not know, or an entry from elsewhere without its content.
    Unknown,
}

impl From<Option<Payload>> for ItemContent {
    fn from(payload: Option<Payload>) -> Self {
        match payload {
            Some(Payload::Report(it)) => Self::Report {
                matter: it.matter,
                text: it.text,
                place: it.place,
                cell: it.cell,
                address: it.address,
                self_handled: it.self_handled,
            },
            Some(Payload::Activity(it)) => Self::Activity {
                category: it.category,
                title: it.title,
                starts: it.starts,
                ends: it.ends,
                place: it.place,
                organiser: it.organiser,
                participants: it.participants,
                summary: it.summary,
            },
            Some(Payload::Answer(it)) => Self::TaskAnswer {
                task: it.task,
                answer: it.answer.known().copied(),
                text: it.text,
            },
            Some(Payload::CheckIn(it)) => Self::Check { note: it.note },
            Some(Payload::CheckOut(it)) => Self::Check { note: it.note },
            Some(Payload::Withdraw(it)) => Self::Withdrawal { reason: it.reason },
            Some(Payload::Void) => Self::Void,
            None => Self::Unknown,
        }
    }
}

record! {
    /// One item in full.
    Item from (work::ItemDetail, Millis) as (item, now) {
        row: QueueRow = (item.row, now).into(),
        content: ItemContent = item.payload.into(),
        position: Option<Position> = item.evidence.and_then(|evidence| evidence.position),
        photos: Vec<ItemPhoto> = all(item.photos),
        case_number: Option<String> = item.case.map(|case| case.number),
        /// Why the activity record was returned.
        review_reason: Option<String> = item.review.and_then(|review| review.reason),
        /// The versions of the record on this handset, oldest first, this one included.
        versions: Vec<QueueRow> = all_at(item.versions, now),
    }
}

/// What a withdrawal did.
#[uniffi::remote(Enum)]
pub enum Withdrawal {
    DraftDiscarded,
    /// The entry had not left the handset.
    Cancelled,
    /// Filed as an item of its own; the server decides.
    Requested {
        id: EntryId,
    },
}

calls! { self: Handset,
    /// A page, newest first; `after` is the `n` of the last row.
    queue_page(filter: QueueFilter, after: Option<u64>, limit: u32) -> Vec<QueueRow> =
        all_at(self.core.queue_page(filter, after, limit as usize)?, self.core.now()?);
    /// Drafts that were not filed.
    drafts() -> Vec<QueueRow> = all_at(self.core.draft_rows()?, self.core.now()?);
    /// Entries of this author from another handset that need him.
    needs_you_elsewhere() -> Vec<QueueRow> = all_at(self.core.needs_action_rows()?, self.core.now()?);
    item(id: EntryId) -> Item = (self.core.item(id)?, self.core.now()?).into();
    withdraw(id: EntryId, reason: String) -> Withdrawal = self.core.withdraw(id, &reason)?;
    /// A photo of this handset (JPEG).
    photo(photo: Sha256) -> Vec<u8> = self.core.photo(photo)?;
    /// Its thumbnail (JPEG).
    thumbnail(photo: Sha256) -> Vec<u8> = self.core.thumbnail(photo)?;
}

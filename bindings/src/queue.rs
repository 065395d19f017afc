//! The queue (队列): every item with who holds it, what came of it, and what to do.

use crate::{
    handset::Handset,
    place::Fix,
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
        payload::{CheckIn, CheckOut, Payload},
        photo::{PhotoRef, PhotoRole, Sha256},
        time::Millis,
    },
    store::PhotoItem,
    work::{self, ItemState as Core, QueueFilter, Withdrawal},
};

/// Which items a page lists: all, those that only this handset holds, or those that need their author.
#[uniffi::remote(Enum)]
pub enum QueueFilter {
    All,
    Unsent,
    NeedsYou,
}

variants! {
    /// The state of an item; `QueueRow.state_words` says it, `QueueRow.reason` why.
    ItemState from &Core {
        Draft from Core::Draft,
        Queued from Core::Queued,
        /// A try failed; `QueueRow.next_try` says when the next one is.
        Later from Core::Later(_),
        PhotosPending from Core::PhotosPending,
        Received from Core::Received,
        /// The author can revise it.
        Returned from Core::Returned(_),
        /// Returned, and revised since.
        Revised from Core::Revised(_),
        Review from Core::Review(_),
        /// The server keeps it until it can be applied.
        Held from Core::Held(_),
        Withdrawing from Core::Withdrawing,
        Withdrawn from Core::Withdrawn,
        /// Before it was ever offered.
        Cancelled from Core::Cancelled,
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
        /// A withdrawal, or the deletion of a draft, would still change something.
        is_withdrawable: bool = row.is_withdrawable(),
        summary: Words = both(|lang| row.summary.words(lang)),
        state_words: Words = both(|lang| row.state_words(lang, now)),
        /// State, reason and number in one line.
        state_line: Words = both(|lang| row.state_line(lang, now)),
        kind_words: Words = both(|lang| terminal_core::words::entry_kind(lang, &row.kind)),
        state: ItemState = (&row.state).into(),
        /// Of a return, a review or a hold.
        reason: Option<Reason> = row.reason().cloned(),
        kind: ItemKind = row.kind.clone().into(),
        /// Why the last try failed.
        problem: Option<Reason> = row.problem.clone(),
        made: Millis = row.made,
        photos_sent: u32 = count(row.photos_sent),
        photos_named: u32 = count(row.photos_named),
        /// The first photo; its file may be gone once the server holds it.
        cover: Option<Sha256> = row.cover,
        next_try: Option<Millis> = row.next_try,
        /// State of the case that the report led to.
        case_state: Option<String> = row.case.as_ref().map(state_code),
        review: Option<ActivityState> = row.review,
        /// A final answer that nobody has read yet: it was not filed, or its withdrawal was refused. `Handset.item` reads it.
        #[uniffi(default = false)]
        awaits_reading: bool = row.awaits_reading(),
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

variants! {
    /// What was said.
    ItemContent from Option<Payload> {
        Report {
            matter: Option<MatterCode> = it.matter,
            text: String = it.text,
            place: Option<Position> = it.place,
            cell: Option<CellCode> = it.cell,
            address: String = it.address,
            self_handled: bool = it.self_handled,
        } from Some(Payload::Report(it)),
        Activity {
            category: String = it.category,
            title: String = it.title,
            starts: Millis = it.starts,
            ends: Millis = it.ends,
            place: String = it.place,
            organiser: String = it.organiser,
            participants: u32 = it.participants,
            summary: String = it.summary,
        } from Some(Payload::Activity(it)),
        /// `answer` is null for one that this version does not know.
        TaskAnswer {
            task: TaskId = it.task,
            answer: Option<Answer> = it.answer.known().copied(),
            text: String = it.text,
        } from Some(Payload::Answer(it)),
        /// Check-in or check-out.
        Check { note: String = note, } from Some(Payload::CheckIn(CheckIn { note }) | Payload::CheckOut(CheckOut { note })),
        Withdrawal { reason: String = it.reason, } from Some(Payload::Withdraw(it)),
        /// Cancelled before it was sent.
        Void from Some(Payload::Void),
        /// A kind that this version does not know, or an entry from elsewhere without its content.
        Unknown from None,
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
        /// How good the position was when it was filed.
        #[uniffi(default = None)]
        fix: Option<Fix> = item.fix.map(Into::into),
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

//! The queue: every item with its state, reason and next try (law 2).

use crate::{
    Result,
    store::{
        drafts::SavedDraft,
        items::{Custody, Item, PhotoItem},
        retry::Retry,
    },
    terminal::Terminal,
    work::{
        filing::is_rejected,
        needs_action::{NeedsAction, takes_back},
        queue_row::{ItemState, QueueRow},
        saved_draft::{draft_outline, newer_app_draft},
        summary::{draft_summary, payload_summary},
    },
};
use protocol::{
    entry::{DispositionState, Reason},
    feed::{ActivityRow, ActivityState, CaseRow, kind},
    ids::RecordId,
    manifest::Catalogue,
    open::Open,
    payload::EntryKind,
    planted,
    problem::{ErrorCode, HandsetCode, ReasonCode},
    sabotage::{self, Defect},
    time::Millis,
};

impl Terminal {
    /// All drafts, then all items, last filed first; received items stay for 30 days. At the end entries from
    /// elsewhere that still need their author.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn queue(&self) -> Result<Vec<QueueRow>> {
        let clock = self.clock_reading()?;
        let (now, offset_ms) = (clock.wall, clock.offset_ms.unwrap_or(0));
        let items = self.store().items()?;
        let withdrawals = self.store().items_of_kind(EntryKind::Withdraw)?;
        let cases: Vec<CaseRow> = self.store().mailbox_of(kind::CASE)?;
        let activities: Vec<ActivityRow> = self.store().mailbox_of(kind::ACTIVITY)?;
        let mut rows = Vec::new();
        for draft in self.store().drafts()? {
            // Another process has filed this draft meanwhile.
            if items.iter().any(|item| item.id == draft.id) {
                continue;
            }
            rows.push(draft_row(draft));
        }
        for item in items.iter().rev() {
            let revised = items
                .iter()
                .any(|other| other.supersedes == Some(item.id) && other.cancelled.is_none());
            let context = RowContext {
                now,
                offset_ms,
                withdrawal: withdrawals
                    .iter()
                    .find(|withdrawal| withdrawal.after == Some(item.id) && !is_rejected(withdrawal)),
                revised,
                case: cases.iter().find(|case| case.record == item.record),
                // The mailbox describes the version in force; an older one is history.
                review: activities.iter().find(|row| row.entry == item.id),
            };
            rows.push(row(item, &context));
        }
        let mut elsewhere = self.needs_action_rows(&items, &withdrawals)?;
        // A handset that was restored from an older copy may still have the draft of such an entry.
        elsewhere.retain(|open| rows.iter().all(|row| row.id != open.id));
        planted!(RejectionElsewhereHidden => elsewhere.clear());
        rows.extend(elsewhere);
        Ok(rows)
    }
}

fn row(item: &Item, context: &RowContext<'_>) -> QueueRow {
    let review_state = context.review.and_then(|row| row.state.known().copied());
    let returned = context
        .review
        .filter(|_| review_state == Some(ActivityState::Returned))
        .map(|row| {
            let words = row.reason.clone().unwrap_or_default();
            Reason::new(HandsetCode::ActivityReturned, words.clone(), words)
        });
    let sent = item
        .photos
        .iter()
        .filter(|photo| photo.received.is_some())
        .count();
    let (state, retry) = state(item, context, returned);
    let retry = retry.unwrap_or(&item.retry);
    QueueRow {
        id: item.id,
        record: item.record,
        n: Some(item.n),
        kind: item.cancelled.clone().unwrap_or_else(|| item.kind.clone()),
        summary: item.summary.clone(),
        made: item.created,
        photos_sent: sent,
        photos_named: item.photos.len(),
        next_try: retry.wait_until(context.now).map(|at| at.plus(context.offset_ms)),
        problem: retry.problem.clone(),
        case: match item.kind {
            Open::Known(EntryKind::Report) => context.case.map(|case| case.state.clone()),
            _ => None,
        },
        review: review_state,
        state,
    }
}

/// The row of a draft. A draft of a newer app is shown with that problem, and stays.
fn draft_row(draft: SavedDraft) -> QueueRow {
    let (kind, record, summary, photos, problem) = match draft_summary(&draft) {
        Some((kind, record, summary, photos)) => (kind.into(), record, summary, photos, None),
        None => {
            let (record, photos) = draft_outline(&draft);
            let record = record.unwrap_or(RecordId(draft.id.0));
            let kind = draft.kind.parse().map_or(Open::Other(draft.kind), Open::Known);
            (kind, record, String::new(), photos, Some(newer_app_draft()))
        }
    };
    QueueRow {
        id: draft.id,
        record,
        n: None,
        kind,
        summary,
        made: draft.updated,
        state: ItemState::Draft,
        photos_sent: 0,
        photos_named: photos,
        next_try: None,
        problem,
        case: None,
        review: None,
    }
}

struct RowContext<'a> {
    /// The wall clock, by which retries are planned.
    now: Millis,
    /// Offset from the wall clock to displayed time, milliseconds.
    offset_ms: i64,
    withdrawal: Option<&'a Item>,
    revised: bool,
    case: Option<&'a CaseRow>,
    review: Option<&'a ActivityRow>,
}

/// The state of an item, and the retry state of a photo if that explains it.
fn state<'a>(
    item: &'a Item,
    context: &RowContext<'_>,
    returned: Option<Reason>,
) -> (ItemState, Option<&'a Retry>) {
    let back = |reason: Reason| {
        if context.revised {
            ItemState::Revised(reason)
        } else {
            ItemState::Returned(reason)
        }
    };
    if item.cancelled.is_some() {
        return (ItemState::Cancelled, None);
    }
    match &item.custody {
        Custody::Refused(reason) => return (back(reason.clone()), None),
        Custody::Waiting if item.offered && sabotage::is(Defect::ShownReceivedWhenOffered) => {}
        Custody::Waiting => {
            return match item.retry.wait_until(context.now) {
                Some(at) => (ItemState::Later(at.plus(context.offset_ms)), None),
                None => (ItemState::Queued, None),
            };
        }
        Custody::Received(_) => {}
    }
    if let Some(withdrawal) = context.withdrawal {
        let said = withdrawal.disposition.as_ref().map(|(d, _)| &d.state);
        return match said {
            Some(Open::Known(DispositionState::Applied)) => (ItemState::Withdrawn, None),
            _ => (ItemState::Withdrawing, None),
        };
    }
    let said = item.disposition.as_ref().map(|(disposition, _)| disposition);
    let reason = said.and_then(|d| d.reason.clone());
    if is_rejected(item) && !sabotage::is(Defect::RejectionHidden) {
        let reason = reason.unwrap_or_else(no_reason_given);
        return match reason.code {
            // Revised or withdrawn by its author, perhaps on another handset.
            ErrorCode::Reason(ReasonCode::Superseded) => (ItemState::Revised(reason), None),
            ErrorCode::Reason(ReasonCode::Withdrawn) => (ItemState::Withdrawn, None),
            _ => (back(reason), None),
        };
    }
    if let Some(reason) = returned {
        return (back(reason), None);
    }
    match said.map(|d| &d.state) {
        Some(Open::Known(DispositionState::Review)) => return (ItemState::Review(reason), None),
        Some(Open::Known(DispositionState::Held)) => return (ItemState::Held(reason), None),
        _ => {}
    }
    let waiting = |photo: &&PhotoItem| photo.received.is_none();
    match item
        .photos
        .iter()
        .filter(waiting)
        .max_by_key(|photo| photo.retry.attempts)
    {
        Some(photo) => (ItemState::PhotosPending, Some(&photo.retry)),
        // The mailbox describes only the newer version; this one is history.
        None if context.revised => {
            let newer = Reason::new(
                ReasonCode::Superseded,
                "已由新版本代替",
                "a newer version took its place",
            );
            (ItemState::Revised(newer), None)
        }
        None => (ItemState::Received, None),
    }
}

/// The reason of a rejection without one.
fn no_reason_given() -> Reason {
    Reason::new(HandsetCode::RejectedUnsaid, "未说明原因", "no reason given")
}

fn elsewhere_row(open: &NeedsAction, catalogue: Option<&Catalogue>, withdrawals: &[Item]) -> QueueRow {
    let reason = open.row.disposition.reason.clone();
    let state = match &open.row.disposition.state {
        _ if withdrawals.iter().any(|item| takes_back(item, open.row.entry)) => ItemState::Withdrawing,
        Open::Known(DispositionState::Rejected) => {
            ItemState::Returned(reason.unwrap_or_else(no_reason_given))
        }
        Open::Known(DispositionState::Review) => ItemState::Review(reason),
        Open::Known(DispositionState::Held | DispositionState::Applied) | Open::Other(_) => {
            ItemState::Held(reason)
        }
    };
    QueueRow {
        id: open.row.entry,
        record: open.row.record,
        n: None,
        kind: open.row.kind.clone(),
        summary: open
            .said
            .as_ref()
            .map_or_else(String::new, |(_, said)| payload_summary(said, catalogue)),
        made: open.row.made,
        state,
        photos_sent: 0,
        photos_named: 0,
        next_try: None,
        problem: None,
        case: None,
        review: None,
    }
}

impl Terminal {
    /// Queue rows of entries from elsewhere that need their author.
    pub(crate) fn needs_action_rows(&self, items: &[Item], withdrawals: &[Item]) -> Result<Vec<QueueRow>> {
        let open = self.needs_action(items)?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        // Without the catalogue, only the names of types are missing.
        let catalogue = self.catalogue().ok();
        let rows = open
            .iter()
            .map(|open| elsewhere_row(open, catalogue.as_ref(), withdrawals));
        Ok(rows.collect())
    }
}

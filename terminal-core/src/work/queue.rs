//! The queue: every item with its state, reason and next try (law 2).

use crate::{
    Error, Result,
    store::{
        drafts::SavedDraft,
        item_pages::ItemSelection,
        items::{Custody, Item, PhotoItem},
        retry::Retry,
    },
    terminal::Terminal,
    words::Summary,
    work::{
        filing::is_rejected,
        needs_action::{NeedsAction, takes_back},
        queue_row::{ItemState, QueueRow},
        saved_draft::{draft_outline, draft_photos, newer_app_draft},
        summary::{draft_summary, payload_summary},
    },
};
use protocol::{
    case::CaseState,
    entry::{DispositionState, Reason},
    feed::{ActivityRow, ActivityState, CaseRow, kind},
    ids::{EntryId, RecordId},
    manifest::Catalogue,
    open::Open,
    payload::{EntryKind, Payload},
    planted,
    problem::{ErrorCode, HandsetCode, ReasonCode},
    sabotage::{self, Defect},
    time::Millis,
};
use std::collections::{HashMap, HashSet};

/// How many items are read from the store at once.
const PAGE: usize = 500;

impl Terminal {
    /// All drafts, then all items, last filed first; received items stay for 30 days. At the end entries from
    /// elsewhere that still need their author.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn queue(&self) -> Result<Vec<QueueRow>> {
        let mut rows = self.draft_rows()?;
        let items = self.queue_page(QueueFilter::All, None, usize::MAX)?;
        // A draft that was filed between the two reads is an item.
        let filed: HashSet<EntryId> = items.iter().map(|row| row.id).collect();
        rows.retain(|draft| !filed.contains(&draft.id));
        rows.extend(items);
        // A handset that was restored from an older copy may still have the draft of such an entry.
        let here: HashSet<EntryId> = rows.iter().map(|row| row.id).collect();
        let mut elsewhere = self.needs_action_rows()?;
        elsewhere.retain(|open| !here.contains(&open.id));
        planted!(RejectionElsewhereHidden => elsewhere.clear());
        rows.extend(elsewhere);
        Ok(rows)
    }

    /// At most `limit` items of this handset, last filed first, with numbers below `after`: the number of the last row
    /// of the page before. Costs what it returns, however many items there are. Drafts and entries from elsewhere have
    /// no number; [`Self::draft_rows`] and [`Self::needs_action_rows`] return them.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn queue_page(&self, filter: QueueFilter, after: Option<u64>, limit: usize) -> Result<Vec<QueueRow>> {
        let (mut rows, mut after) = (Vec::new(), after);
        while rows.len() < limit {
            let wanted = (limit - rows.len()).min(PAGE);
            let items = self.store().items_page(filter.selection(), after, wanted)?;
            let Some(last) = items.last() else { break };
            after = Some(last.n);
            let found = self.rows_of(&items)?;
            rows.extend(found.into_iter().filter(|row| filter.accepts(row)));
            if items.len() < wanted {
                break;
            }
        }
        Ok(rows)
    }

    /// The row of one draft, item or entry from elsewhere.
    ///
    /// # Errors
    /// `item.unknown`, and errors of the store.
    pub fn queue_row(&self, id: EntryId) -> Result<QueueRow> {
        if let Some(item) = self.store().item(id)? {
            let row = self.rows_of(std::slice::from_ref(&item))?.into_iter().next();
            return row.ok_or(Error::NoSuchItem);
        }
        if let Some(draft) = self.store().draft(id)? {
            return Ok(draft_row(draft));
        }
        let elsewhere = self.needs_action_rows()?;
        elsewhere
            .into_iter()
            .find(|row| row.id == id)
            .ok_or(Error::NoSuchItem)
    }

    /// The rows of the drafts, last changed first.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn draft_rows(&self) -> Result<Vec<QueueRow>> {
        let mut drafts = self.store().drafts()?;
        let ids: Vec<EntryId> = drafts.iter().map(|draft| draft.id).collect();
        // Another process may have filed a draft meanwhile.
        let filed = self.store().items_among(&ids)?;
        drafts.retain(|draft| !filed.contains(&draft.id));
        Ok(drafts.into_iter().map(draft_row).collect())
    }

    fn is_self_handled(&self, item: &Item) -> Result<bool> {
        if item.kind != Open::Known(EntryKind::Report) {
            return Ok(false);
        }
        match self.payload_of(item.id)? {
            Payload::Report(report) => Ok(report.self_handled),
            _ => Ok(false),
        }
    }

    /// The rows of these items, in the same order.
    pub(super) fn rows_of(&self, items: &[Item]) -> Result<Vec<QueueRow>> {
        let clock = self.clock_reading()?;
        let ids: Vec<EntryId> = items.iter().map(|item| item.id).collect();
        let records: Vec<RecordId> = items.iter().map(|item| item.record).collect();
        let withdrawals = self.store().withdrawals_of(&ids)?;
        let withdrawals: HashMap<EntryId, &Item> = withdrawals
            .iter()
            .rev()
            .filter(|withdrawal| !is_rejected(withdrawal))
            .filter_map(|withdrawal| Some((withdrawal.after?, withdrawal)))
            .collect();
        let revised = self.store().revised_of(&ids)?;
        let read = self.store().read_among(&ids)?;
        let cases: Vec<CaseRow> = self.store().mailbox_about(kind::CASE, &records)?;
        let cases: HashMap<RecordId, &CaseRow> = cases.iter().rev().map(|case| (case.record, case)).collect();
        let reviews: Vec<ActivityRow> = self.store().mailbox_about(kind::ACTIVITY, &records)?;
        // The mailbox describes the version in force; an older one is history.
        let reviews: HashMap<EntryId, &ActivityRow> =
            reviews.iter().rev().map(|row| (row.entry, row)).collect();
        let rows = items.iter().map(|item| -> Result<QueueRow> {
            let case = cases.get(&item.record).copied();
            let context = RowContext {
                now: clock.wall,
                offset_ms: clock.offset_ms.unwrap_or(0),
                withdrawal: withdrawals.get(&item.id).copied(),
                revised: revised.contains(&item.id),
                case,
                // Read from the entry only where it explains the end of the case.
                self_handled: case.is_some_and(is_not_filed) && self.is_self_handled(item)?,
                review: reviews.get(&item.id).copied(),
                read: read.contains(&item.id),
            };
            Ok(row(item, &context))
        });
        rows.collect()
    }
}

/// Which items a page of the queue shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueFilter {
    /// All items.
    All,
    /// Items and photos that only this handset holds.
    Unsent,
    /// Items that were returned to their author, who has to act.
    NeedsYou,
}

impl QueueFilter {
    const fn selection(self) -> ItemSelection {
        match self {
            Self::All => ItemSelection::All,
            Self::Unsent => ItemSelection::Unsent,
            Self::NeedsYou => ItemSelection::Returned,
        }
    }
    fn accepts(self, row: &QueueRow) -> bool {
        match self {
            Self::All | Self::Unsent => true,
            Self::NeedsYou => row.needs_author(),
        }
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
        is_held: matches!(item.custody, Custody::Received(_)) && item.cancelled.is_none(),
        photos_sent: sent,
        photos_named: item.photos.len(),
        cover: item.photos.first().map(|photo| photo.sha256),
        next_try: retry.wait_until(context.now).map(|at| at.plus(context.offset_ms)),
        problem: retry.problem.clone(),
        case: match item.kind {
            Open::Known(EntryKind::Report) => context.case.map(|case| case.state.clone()),
            _ => None,
        },
        not_filed: match item.kind {
            Open::Known(EntryKind::Report) => context
                .case
                .and_then(|case| not_filed(case, context.self_handled)),
            _ => None,
        },
        is_read: context.read,
        review: review_state,
        state,
    }
}

fn is_not_filed(case: &CaseRow) -> bool {
    case.state == Open::Known(CaseState::NotFiled)
}

/// Why the case was not filed; `None` for a case in any other state. A report that its author had handled on the spot
/// has a code of its own: its author did not report in vain.
pub(super) fn not_filed(case: &CaseRow, self_handled: bool) -> Option<Reason> {
    is_not_filed(case).then(|| {
        let words = case.reason.clone().unwrap_or_default();
        let code = if self_handled {
            HandsetCode::CaseSelfHandled
        } else {
            HandsetCode::CaseNotFiled
        };
        Reason::new(code, words.clone(), words)
    })
}

/// The row of a draft. A draft of a newer app is shown with that problem, and stays.
fn draft_row(draft: SavedDraft) -> QueueRow {
    let cover = draft_photos(&draft).and_then(|photos| photos.first().copied());
    let (kind, record, summary, photos, problem) = match draft_summary(&draft) {
        Some((kind, record, summary, photos)) => (kind.into(), record, summary, photos, None),
        None => {
            let (record, photos) = draft_outline(&draft);
            let record = record.unwrap_or(RecordId(draft.id.0));
            let kind = draft.kind.parse().map_or(Open::Other(draft.kind), Open::Known);
            (kind, record, Summary::default(), photos, Some(newer_app_draft()))
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
        is_held: false,
        photos_sent: 0,
        photos_named: photos,
        cover,
        next_try: None,
        problem,
        case: None,
        not_filed: None,
        is_read: false,
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
    /// The author had handled it on the spot.
    self_handled: bool,
    review: Option<&'a ActivityRow>,
    /// The worker has read the final answer.
    read: bool,
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
    // Perhaps by its author on another handset.
    if item.kind == Open::Known(EntryKind::Report)
        && context
            .case
            .is_some_and(|case| case.withdrawn || case.state == Open::Known(CaseState::Withdrawn))
    {
        return (ItemState::Withdrawn, None);
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
                "已由新版本代替，不用处理",
                "Replaced by a newer version; nothing to do",
            );
            (ItemState::Revised(newer), None)
        }
        None => (ItemState::Received, None),
    }
}

/// The reason of a rejection without one.
fn no_reason_given() -> Reason {
    Reason::new(
        HandsetCode::RejectedUnsaid,
        "未说明原因，请联系中心",
        "no reason was given; contact the centre",
    )
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
            .map_or_else(Summary::default, |(_, said)| payload_summary(said, catalogue)),
        made: open.row.made,
        state,
        is_held: true,
        photos_sent: 0,
        photos_named: 0,
        cover: None,
        next_try: None,
        problem: None,
        case: None,
        not_filed: None,
        is_read: false,
        review: None,
    }
}

impl Terminal {
    /// The rows of entries from elsewhere that need their author.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn needs_action_rows(&self) -> Result<Vec<QueueRow>> {
        let open = self.needs_action()?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<EntryId> = open.iter().map(|open| open.row.entry).collect();
        let withdrawals = self.store().withdrawals_of(&ids)?;
        // Without the catalogue, only the names of types are missing.
        let catalogue = self.catalogue().ok();
        let rows = open
            .iter()
            .map(|open| elsewhere_row(open, catalogue.as_ref(), &withdrawals));
        Ok(rows.collect())
    }
}

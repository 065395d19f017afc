//! The queue: every item with its own state, reason and next try (law 2). Nothing ends silently.

use crate::{
    Error, Result,
    report::{draft_outline, draft_summary, of_newer_app},
    store::{Custody, Draft, Item, PhotoItem},
    terminal::{Terminal, is_rejected},
    unsettled::unsaid,
    words::{self, Lang},
};
use protocol::{
    case::CaseState,
    entry::{DispositionState, Reason, receipt_number},
    feed::{ActivityRow, ActivityState, CaseRow, kind},
    ids::{EntryId, RecordId, TaskId},
    open::Open,
    payload::EntryKind,
    problem::{ErrorCode, HandsetCode, ReasonCode},
    sabotage::{self, Defect},
    time::Millis,
};

/// One item as its author sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    pub id: EntryId,
    pub record: RecordId,
    /// Its number in this handset's stream: a draft has none yet, and what this handset does not have itself has
    /// another's.
    pub n: Option<u64>,
    pub kind: Open<EntryKind>,
    /// One line of what it says.
    pub summary: String,
    /// When it was made, by the handset's wall clock.
    pub made: Millis,
    pub state: State,
    /// What the server has not confirmed yet of the photos it names.
    pub photos_sent: usize,
    pub photos_named: usize,
    /// When the next try is made, where a try failed.
    pub next_try: Option<Millis>,
    /// Why the last try failed, or why this version of the app cannot open a draft.
    pub problem: Option<Reason>,
    /// Where the case stands that came of a report.
    pub case: Option<Open<CaseState>>,
    /// What the reviewer said of an activity record.
    pub review: Option<ActivityState>,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// 草稿
    Draft,
    /// 待上传
    Queued,
    /// 稍后重试: a try failed; the problem says why.
    Later(Millis),
    /// 已收到，照片 n/m
    PhotosPending,
    /// 已收到
    Received,
    /// 被退回, with the reason; the author can mend it.
    Returned(Reason),
    /// Returned, and mended by a later item.
    Mended(Reason),
    /// 转人工核对
    Review(Option<Reason>),
    /// Kept by the server until it can be understood or its predecessor arrives.
    Held(Option<Reason>),
    /// Asked back; the server has not agreed yet. The withdrawal is an item of its own and says more.
    Withdrawing,
    /// 已撤回: the server has taken it back.
    Withdrawn,
    /// Cancelled before it ever left the handset.
    Cancelled,
}

impl QueueRow {
    pub fn is_draft(&self) -> bool {
        self.state == State::Draft
    }
    /// Only this handset holds it, and it goes by itself.
    pub fn waits_for_receipt(&self) -> bool {
        matches!(self.state, State::Queued | State::Later(_))
    }
    /// It is back with its author, who has to do something.
    pub fn needs_author(&self) -> bool {
        matches!(self.state, State::Returned(_))
    }
    /// Nothing is left to be sent, and nothing to be done by the author.
    pub fn is_finished(&self) -> bool {
        match self.state {
            State::Received => self.photos_sent == self.photos_named,
            State::Mended(_) | State::Withdrawn | State::Cancelled => true,
            State::Draft
            | State::Queued
            | State::Later(_)
            | State::PhotosPending
            | State::Withdrawing
            | State::Returned(_)
            | State::Review(_)
            | State::Held(_) => false,
        }
    }
    /// An activity record that nobody has approved: its review may still come, however late.
    pub fn awaits_review(&self) -> bool {
        self.kind == Open::Known(EntryKind::Activity)
            && matches!(self.state, State::Received | State::PhotosPending)
            && self.review != Some(ActivityState::Approved)
    }
    /// 受理号: only once the server holds it, so that nobody quotes a number that nobody knows.
    pub fn receipt_number(&self) -> Option<String> {
        let held = !matches!(
            self.state,
            State::Draft | State::Queued | State::Later(_) | State::Cancelled
        );
        held.then(|| receipt_number(self.id))
    }
    /// The stable name of the state, for machines.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::Draft => "draft",
            State::Queued => "queued",
            State::Later(_) => "later",
            State::PhotosPending => "photos_pending",
            State::Received => "received",
            State::Returned(_) => "returned",
            State::Mended(_) => "mended",
            State::Review(_) => "review",
            State::Held(_) => "held",
            State::Withdrawing => "withdrawing",
            State::Withdrawn => "withdrawn",
            State::Cancelled => "cancelled",
        }
    }
    /// The reason of a return, review or hold.
    pub fn reason(&self) -> Option<&Reason> {
        match &self.state {
            State::Returned(reason) | State::Mended(reason) => Some(reason),
            State::Review(reason) | State::Held(reason) => reason.as_ref(),
            State::Later(_) | State::Draft => self.problem.as_ref(),
            State::Queued
            | State::PhotosPending
            | State::Received
            | State::Withdrawing
            | State::Withdrawn
            | State::Cancelled => None,
        }
    }
    /// The state in words, as the design tokens have them.
    pub fn state_words(&self, lang: Lang, now: Millis) -> String {
        let with_reason = |state: String, reason: Option<&Reason>| match reason {
            Some(reason) => lang.pick(
                format!("{state}：{}", words::of_reason(lang, reason)),
                format!("{state}: {}", words::of_reason(lang, reason)),
            ),
            None => state,
        };
        match &self.state {
            State::Draft => words::state::draft(lang),
            State::Queued => words::state::queued(lang),
            State::Later(at) => words::state::later(lang, &words::moment(*at, now)),
            State::PhotosPending => words::state::photos_pending(lang, self.photos_sent, self.photos_named),
            State::Received => match (self.review, self.case.as_ref()) {
                (Some(review), _) => lang.pick(
                    format!("已收到，{}", words::activity(lang, review)),
                    format!("Received, {}", words::activity(lang, review).to_lowercase()),
                ),
                // 上报 is what its author did; nobody has done anything with it yet.
                (None, Some(Open::Known(CaseState::Reported))) => words::state::received(lang),
                (None, Some(Open::Known(case))) => lang.pick(
                    format!("已收到，{}", case.zh()),
                    format!("Received, {}", case.as_str().replace('_', " ")),
                ),
                (None, Some(Open::Other(_)) | None) => words::state::received(lang),
            },
            State::Returned(reason) => words::state::refused(lang, words::of_reason(lang, reason)),
            State::Mended(_) => lang.pick("被退回，已修改", "Returned, mended").into(),
            State::Review(reason) => with_reason(words::state::review(lang), reason.as_ref()),
            State::Held(reason) => with_reason(
                lang.pick("已收到，暂存", "Received, held").into(),
                reason.as_ref(),
            ),
            State::Withdrawing => lang
                .pick(
                    "已申请撤回，等中心答复",
                    "Withdrawal asked for, the centre decides",
                )
                .into(),
            State::Withdrawn => lang.pick("已撤回", "Withdrawn").into(),
            State::Cancelled => lang.pick("已取消，未发出", "Cancelled, never sent").into(),
        }
    }
}

impl Terminal {
    /// Everything on this handset, drafts first, then what was filed last: sent items stay 30 days. At the end what
    /// its user filed elsewhere and still has to do with.
    ///
    /// # Errors
    /// Those of the store.
    pub fn queue(&self) -> Result<Vec<QueueRow>> {
        let clock = self.clock_reading()?;
        let (now, offset_ms) = (clock.wall, clock.offset_ms.unwrap_or(0));
        let items = self.store().items()?;
        let withdrawals = self.store().items_of_kind(EntryKind::Withdraw)?;
        let cases: Vec<CaseRow> = self.store().mailbox_of(kind::CASE)?;
        let activities: Vec<ActivityRow> = self.store().mailbox_of(kind::ACTIVITY)?;
        let mut rows = Vec::new();
        for draft in self.store().drafts()? {
            // A draft that another process filed meanwhile is that item.
            if items.iter().any(|item| item.id == draft.id) {
                continue;
            }
            rows.push(draft_row(draft));
        }
        for item in items.iter().rev() {
            let mended = items
                .iter()
                .any(|other| other.supersedes == Some(item.id) && other.cancelled.is_none());
            let context = Context {
                now,
                offset_ms,
                withdrawal: withdrawals
                    .iter()
                    .find(|withdrawal| withdrawal.after == Some(item.id) && !is_rejected(withdrawal)),
                mended,
                case: cases.iter().find(|case| case.record == item.record),
                // The mailbox speaks of the version in force; an older one is history.
                review: activities.iter().find(|row| row.entry == item.id),
            };
            rows.push(row(item, &context));
        }
        if !sabotage::is(Defect::RejectionElsewhereHidden) {
            let mut elsewhere = self.unsettled_rows(&items, &withdrawals)?;
            // A handset that was put back to an older copy of itself may have the draft that it once was.
            elsewhere.retain(|open| rows.iter().all(|row| row.id != open.id));
            rows.extend(elsewhere);
        }
        Ok(rows)
    }

    /// The one item or draft that a short id means: its beginning or its end, its number (`#12`), or its 受理号.
    ///
    /// # Errors
    /// `item.unknown`; `item.ambiguous` names the candidates.
    pub fn find_item(&self, text: &str) -> Result<EntryId> {
        let items = self.store().items()?;
        if let Some(n) = text.strip_prefix('#').and_then(|n| n.parse::<u64>().ok()) {
            return items
                .iter()
                .find(|item| item.n == n)
                .map(|item| item.id)
                .ok_or(Error::NoSuchItem);
        }
        let drafts = self.store().drafts()?.into_iter().map(|draft| draft.id);
        let elsewhere = self.unsettled(&items)?.into_iter().map(|open| open.row.entry);
        let here = items.iter().map(|item| item.id);
        let mut ids: Vec<EntryId> = here.chain(drafts).chain(elsewhere).collect();
        ids.sort_unstable();
        ids.dedup();
        if let Some(id) = ids
            .iter()
            .find(|id| receipt_number(**id).eq_ignore_ascii_case(text))
        {
            return Ok(*id);
        }
        one_of(text, ids, Error::NoSuchItem)
    }
    /// The task that a short id means.
    ///
    /// # Errors
    /// `task.unknown`, `item.ambiguous`.
    pub fn find_task(&self, text: &str) -> Result<TaskId> {
        let ids = self.tasks()?.iter().map(crate::tasks::Task::id).collect();
        one_of(text, ids, crate::tasks::task_unknown())
    }
    /// The record that a short id of it or of one of its items means.
    ///
    /// # Errors
    /// `item.unknown`, `item.ambiguous`.
    pub fn find_record(&self, text: &str) -> Result<RecordId> {
        match self.find_item(text) {
            Ok(id) => match self.store().item(id)? {
                Some(item) => Ok(item.record),
                None => Ok(self.unsettled_entry(id)?.ok_or(Error::NoSuchItem)?.row.record),
            },
            Err(Error::NoSuchItem) => {
                let mut records: Vec<RecordId> =
                    self.store().items()?.iter().map(|item| item.record).collect();
                let rows: Vec<ActivityRow> = self.store().mailbox_of(kind::ACTIVITY)?;
                records.extend(rows.iter().map(|row| row.record));
                records.sort_unstable();
                records.dedup();
                one_of(text, records, Error::NoSuchItem)
            }
            Err(error) => Err(error),
        }
    }
}

fn row(item: &Item, context: &Context<'_>) -> QueueRow {
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

/// A draft's row. One that a newer version of the app wrote says that it cannot be opened, and stays.
fn draft_row(draft: Draft) -> QueueRow {
    let (kind, record, summary, photos, problem) = match draft_summary(&draft) {
        Some((kind, record, summary, photos)) => (kind.into(), record, summary, photos, None),
        None => {
            let (record, photos) = draft_outline(&draft);
            let record = record.unwrap_or(RecordId(draft.id.0));
            let kind = draft.kind.parse().map_or(Open::Other(draft.kind), Open::Known);
            (kind, record, String::new(), photos, Some(of_newer_app()))
        }
    };
    QueueRow {
        id: draft.id,
        record,
        n: None,
        kind,
        summary,
        made: draft.updated,
        state: State::Draft,
        photos_sent: 0,
        photos_named: photos,
        next_try: None,
        problem,
        case: None,
        review: None,
    }
}

struct Context<'a> {
    /// The wall clock, by which retries are planned.
    now: Millis,
    /// From there to the time that people are shown.
    offset_ms: i64,
    withdrawal: Option<&'a Item>,
    mended: bool,
    case: Option<&'a CaseRow>,
    review: Option<&'a ActivityRow>,
}

/// The state of an item, and the retries that explain it where they are a photo's.
fn state<'a>(
    item: &'a Item,
    context: &Context<'_>,
    returned: Option<Reason>,
) -> (State, Option<&'a crate::store::Retry>) {
    let back = |reason: Reason| {
        if context.mended {
            State::Mended(reason)
        } else {
            State::Returned(reason)
        }
    };
    if item.cancelled.is_some() {
        return (State::Cancelled, None);
    }
    match &item.custody {
        Custody::Refused(reason) => return (back(reason.clone()), None),
        Custody::Waiting if item.offered && sabotage::is(Defect::ShownReceivedWhenOffered) => {}
        Custody::Waiting => {
            return match item.retry.wait_until(context.now) {
                Some(at) => (State::Later(at.plus(context.offset_ms)), None),
                None => (State::Queued, None),
            };
        }
        Custody::Received(_) => {}
    }
    if let Some(withdrawal) = context.withdrawal {
        let said = withdrawal.disposition.as_ref().map(|(d, _)| &d.state);
        return match said {
            Some(Open::Known(DispositionState::Applied)) => (State::Withdrawn, None),
            _ => (State::Withdrawing, None),
        };
    }
    let said = item.disposition.as_ref().map(|(disposition, _)| disposition);
    let reason = said.and_then(|d| d.reason.clone());
    if is_rejected(item) && !sabotage::is(Defect::RejectionHidden) {
        let reason = reason.unwrap_or_else(unsaid);
        return match reason.code {
            // By its author, perhaps on another handset.
            ErrorCode::Reason(ReasonCode::Superseded) => (State::Mended(reason), None),
            ErrorCode::Reason(ReasonCode::Withdrawn) => (State::Withdrawn, None),
            _ => (back(reason), None),
        };
    }
    if let Some(reason) = returned {
        return (back(reason), None);
    }
    match said.map(|d| &d.state) {
        Some(Open::Known(DispositionState::Review)) => return (State::Review(reason), None),
        Some(Open::Known(DispositionState::Held)) => return (State::Held(reason), None),
        _ => {}
    }
    let waiting = |photo: &&PhotoItem| photo.received.is_none();
    match item
        .photos
        .iter()
        .filter(waiting)
        .max_by_key(|photo| photo.retry.attempts)
    {
        Some(photo) => (State::PhotosPending, Some(&photo.retry)),
        // The mailbox speaks of the newer version alone; this one is only history.
        None if context.mended => {
            let newer = Reason::new(
                ReasonCode::Superseded,
                "已由新版本代替",
                "a newer version took its place",
            );
            (State::Mended(newer), None)
        }
        None => (State::Received, None),
    }
}

/// The one id that begins or ends with `text`; hyphens and case do not matter. At least four digits.
fn one_of<T: std::fmt::Display + Copy>(text: &str, ids: Vec<T>, unknown: Error) -> Result<T> {
    let wanted = text.trim().to_lowercase().replace('-', "");
    let wanted = wanted.trim_start_matches('…');
    let is_short = wanted.len() < 4 || !wanted.bytes().all(|b| b.is_ascii_hexdigit());
    let plain = |id: &T| id.to_string().replace('-', "");
    // The beginning of the short form that lists show counts as well: it is what people see and start to type.
    let fits = |id: &T| {
        let id = plain(id);
        id.starts_with(wanted) || id.ends_with(wanted) || words::short_id(&id).starts_with(wanted)
    };
    let found: Vec<T> = if is_short {
        Vec::new()
    } else {
        ids.into_iter().filter(fits).collect()
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(unknown),
        many => {
            let list: Vec<String> = many
                .iter()
                .take(5)
                .map(|id| words::short_id(&id.to_string()).to_owned())
                .collect();
            Err(Error::input(
                HandsetCode::ItemAmbiguous,
                format!("编号 {text} 不唯一，请多写几位：{}", list.join("，")),
                format!("{text} fits several: {}", list.join(", ")),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_means_one_thing_or_says_which_it_could_mean() {
        let id = |ms, r| EntryId::from_parts(ms, [r; 10]);
        let ids = vec![
            id(1_795_306_503_000, 1),
            id(1_795_306_503_001, 2),
            id(1_795_306_999_000, 3),
        ];
        let find = |text: &str| one_of(text, ids.clone(), Error::NoSuchItem);
        let full = ids[1].to_string();
        assert_eq!(find(&full).unwrap(), ids[1]);
        assert_eq!(find(&full[full.len() - 6..]).unwrap(), ids[1]);
        assert_eq!(
            find(&full[full.len() - 8..full.len() - 3]).unwrap(),
            ids[1],
            "the beginning of what lists show"
        );
        assert_eq!(find(&format!("…{}", &full[full.len() - 6..])).unwrap(), ids[1]);
        assert_eq!(find(&ids[2].to_string()[..12]).unwrap(), ids[2]);
        assert_eq!(find(&full[..10]).unwrap_err().code(), "item.ambiguous");
        for unknown in ["", "0", "zzzz", "ffffffff"] {
            assert_eq!(find(unknown).unwrap_err().code(), "item.unknown", "{unknown}");
        }
    }
}

//! One row of the queue, and the words for its state.

use crate::words::{self, Lang, Summary};
use protocol::{
    case::CaseState,
    entry::{Reason, receipt_number},
    feed::ActivityState,
    ids::{EntryId, RecordId},
    open::Open,
    payload::EntryKind,
    photo::Sha256,
    problem::{HandsetCode, ReasonCode},
    time::Millis,
};

/// One item as its author sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    pub id: EntryId,
    pub record: RecordId,
    /// The number in this handset's stream; `None` for a draft and for entries from elsewhere.
    pub n: Option<u64>,
    pub kind: Open<EntryKind>,
    /// What it is about.
    pub summary: Summary,
    /// Time of filing: the best estimate.
    pub made: Millis,
    pub state: ItemState,
    /// The server holds exactly this entry.
    pub is_held: bool,
    /// Photos that the server has confirmed, of those that the entry names.
    pub photos_sent: usize,
    pub photos_named: usize,
    /// The first photo, for a list; its file may be gone once the server holds it.
    pub cover: Option<Sha256>,
    /// Time of the next try after a failure.
    pub next_try: Option<Millis>,
    /// Why the last try failed, or why this version of the app cannot open a draft.
    pub problem: Option<Reason>,
    /// State of the case that the report led to.
    pub case: Option<Open<CaseState>>,
    /// Why the report was not filed (不立案).
    pub not_filed: Option<Reason>,
    /// The worker has read the final answer ([`crate::Terminal::mark_read`]).
    pub is_read: bool,
    /// The reviewer's decision about an activity record.
    pub review: Option<ActivityState>,
}

/// The state of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemState {
    /// 草稿
    Draft,
    /// 待上传
    Queued,
    /// 稍后重试: a try failed; `problem` says why.
    Later(Millis),
    /// 已收到，照片 n/m
    PhotosPending,
    /// 已收到
    Received,
    /// 被退回, with the reason; the author can revise it.
    Returned(Reason),
    /// Returned, and revised by a later item.
    Revised(Reason),
    /// 转人工核对
    Review(Option<Reason>),
    /// The server keeps it until it can be applied.
    Held(Option<Reason>),
    /// Withdrawal requested; the server has not decided. The withdrawal is an item of its own.
    Withdrawing,
    /// 已撤回: the server has applied the withdrawal.
    Withdrawn,
    /// Cancelled before it was ever offered.
    Cancelled,
}

impl QueueRow {
    /// Returns true for a draft.
    pub fn is_draft(&self) -> bool {
        self.state == ItemState::Draft
    }
    /// Only this handset holds it, and it is sent automatically.
    pub fn waits_for_receipt(&self) -> bool {
        matches!(self.state, ItemState::Queued | ItemState::Later(_))
    }
    /// Returned to its author, who has to act.
    pub fn needs_author(&self) -> bool {
        matches!(self.state, ItemState::Returned(_)) && !self.is_read
    }
    /// A final answer that asks nothing of the author, only to be read (law 2): the report was not filed, or the
    /// withdrawal was refused. The item stays in the queue until then.
    pub fn awaits_reading(&self) -> bool {
        !self.is_read
            && match &self.state {
                ItemState::Received => self.not_filed.is_some(),
                ItemState::Returned(_) => self.kind == Open::Known(EntryKind::Withdraw) && self.is_held,
                _ => false,
            }
    }
    /// Nothing is left to send, and the author has nothing to do.
    pub fn is_finished(&self) -> bool {
        match self.state {
            ItemState::Received => self.photos_sent == self.photos_named && !self.awaits_reading(),
            ItemState::Returned(_) => self.is_read,
            ItemState::Revised(_) | ItemState::Withdrawn | ItemState::Cancelled => true,
            ItemState::Draft
            | ItemState::Queued
            | ItemState::Later(_)
            | ItemState::PhotosPending
            | ItemState::Withdrawing
            | ItemState::Review(_)
            | ItemState::Held(_) => false,
        }
    }
    /// An activity record that was not approved: its review may come at any time.
    pub fn awaits_review(&self) -> bool {
        self.kind == Open::Known(EntryKind::Activity)
            && matches!(self.state, ItemState::Received | ItemState::PhotosPending)
            && self.review != Some(ActivityState::Approved)
    }
    /// A withdrawal, or the deletion of a draft, would still change something.
    pub fn is_withdrawable(&self) -> bool {
        let is_over = matches!(&self.case, Some(Open::Known(case)) if case.is_final())
            || self.review == Some(ActivityState::Approved);
        let kind = !matches!(self.kind, Open::Known(EntryKind::Withdraw | EntryKind::Void));
        kind && !is_over
            && !matches!(
                self.state,
                ItemState::Withdrawing | ItemState::Withdrawn | ItemState::Cancelled | ItemState::Revised(_)
            )
    }
    /// States why photos wait although nothing failed: `held` is what holds photos back now.
    pub fn explain_wait(&mut self, held: &Reason) {
        if self.state == ItemState::PhotosPending && self.problem.is_none() {
            self.problem = Some(held.clone());
        }
    }
    /// 受理号, only once the server holds the entry, so that nobody quotes an unknown number.
    pub fn receipt_number(&self) -> Option<String> {
        self.is_held.then(|| receipt_number(self.id))
    }
    /// The state's name in JSON documents; never changes.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            ItemState::Draft => "draft",
            ItemState::Queued => "queued",
            ItemState::Later(_) => "later",
            ItemState::PhotosPending => "photos_pending",
            ItemState::Received => "received",
            ItemState::Returned(_) => "returned",
            ItemState::Revised(_) => "mended",
            ItemState::Review(_) => "review",
            ItemState::Held(_) => "held",
            ItemState::Withdrawing => "withdrawing",
            ItemState::Withdrawn => "withdrawn",
            ItemState::Cancelled => "cancelled",
        }
    }
    /// The reason of a return, review or hold, and of a report that was not filed.
    pub fn reason(&self) -> Option<&Reason> {
        match &self.state {
            ItemState::Returned(reason) | ItemState::Revised(reason) => Some(reason),
            ItemState::Review(reason) | ItemState::Held(reason) => reason.as_ref(),
            ItemState::Later(_) | ItemState::Draft => self.problem.as_ref(),
            ItemState::Received => self.not_filed.as_ref(),
            ItemState::Queued
            | ItemState::PhotosPending
            | ItemState::Withdrawing
            | ItemState::Withdrawn
            | ItemState::Cancelled => None,
        }
    }
    /// The state in words, why the last try failed, and the 受理号 if there is one.
    pub fn state_line(&self, lang: Lang, now: Millis) -> String {
        let mut text = self.state_words(lang, now);
        if let Some(problem) = self.problem.as_ref() {
            if self.state == ItemState::PhotosPending
                && let Some(at) = self.next_try
            {
                text.push_str(lang.pick("，", ", "));
                text.push_str(&words::state::later(lang, &words::moment(at, now)));
            }
            text.push_str(lang.pick("：", ": "));
            text.push_str(words::of_reason(lang, problem));
        }
        let is_numbered = matches!(self.kind, Open::Known(EntryKind::Report | EntryKind::Activity));
        if let Some(number) = self.receipt_number().filter(|_| is_numbered) {
            text.push_str(&lang.pick(format!(" · 受理号 {number}"), format!(" · No. {number}")));
        }
        text
    }
    /// The state in words, as in the design tokens.
    pub fn state_words(&self, lang: Lang, now: Millis) -> String {
        let with_reason = |state: String, reason: Option<&Reason>| match reason {
            Some(reason) => lang.pick(
                format!("{state}：{}", words::of_reason(lang, reason)),
                format!("{state}: {}", words::of_reason(lang, reason)),
            ),
            None => state,
        };
        match &self.state {
            ItemState::Draft => words::state::draft(lang),
            ItemState::Queued => words::state::queued(lang),
            ItemState::Later(at) => words::state::later(lang, &words::moment(*at, now)),
            ItemState::PhotosPending => {
                words::state::photos_pending(lang, self.photos_sent, self.photos_named)
            }
            ItemState::Received => match (self.review, self.case.as_ref()) {
                (Some(review), _) => lang.pick(
                    format!("已收到，{}", words::activity(lang, review)),
                    format!("Received, {}", words::activity(lang, review).to_lowercase()),
                ),
                // The report itself is the only event so far.
                (None, Some(Open::Known(CaseState::Reported))) => words::state::received(lang),
                (None, Some(Open::Known(CaseState::NotFiled))) => {
                    let why = self.not_filed.as_ref();
                    let state = if why.is_some_and(|why| why.code == HandsetCode::CaseSelfHandled) {
                        lang.pick(
                            "已收到，您已自行处理，不立案",
                            "Received, handled on the spot by you, not filed",
                        )
                    } else {
                        lang.pick("已收到，不立案", "Received, not filed")
                    };
                    with_reason(state.into(), why.filter(|why| !why.zh.is_empty()))
                }
                (None, Some(Open::Known(case))) => lang.pick(
                    format!("已收到，{}", case.zh()),
                    format!("Received, {}", case.as_str().replace('_', " ")),
                ),
                (None, Some(Open::Other(_)) | None) => words::state::received(lang),
            },
            ItemState::Returned(reason) => words::state::refused(lang, words::of_reason(lang, reason)),
            // Nobody returned it: its author revised it.
            ItemState::Revised(why) if why.code == ReasonCode::Superseded => {
                lang.pick("已有新版本", "Replaced by a newer version").into()
            }
            ItemState::Revised(_) => lang.pick("被退回，已修改", "Returned, revised").into(),
            ItemState::Review(reason) => with_reason(words::state::review(lang), reason.as_ref()),
            ItemState::Held(reason) => with_reason(
                lang.pick("已收到，暂存", "Received, held").into(),
                reason.as_ref(),
            ),
            ItemState::Withdrawing => lang
                .pick(
                    "已申请撤回，等中心答复",
                    "Withdrawal asked for, the centre decides",
                )
                .into(),
            ItemState::Withdrawn => lang.pick("已撤回", "Withdrawn").into(),
            ItemState::Cancelled => lang.pick("已取消，未发出", "Cancelled, never sent").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn row(state: ItemState) -> QueueRow {
        QueueRow {
            id: EntryId(Uuid::nil()),
            record: RecordId(Uuid::nil()),
            n: Some(1),
            kind: EntryKind::Report.into(),
            summary: Summary::default(),
            made: Millis(0),
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

    #[test]
    fn use_a03_a_report_that_was_not_filed_is_shown_until_it_is_read() {
        let why = Reason::new(
            HandsetCode::CaseNotFiled,
            "不属于城市管理事项",
            "not a matter of the city",
        );
        let declined = QueueRow {
            case: Some(CaseState::NotFiled.into()),
            not_filed: Some(why),
            ..row(ItemState::Received)
        };
        assert!(declined.awaits_reading() && !declined.is_finished() && !declined.needs_author());
        assert_eq!(
            declined.state_words(Lang::Zh, Millis(0)),
            "已收到，不立案：不属于城市管理事项"
        );
        let read = QueueRow {
            is_read: true,
            ..declined
        };
        assert!(!read.awaits_reading() && read.is_finished());
        // A refused withdrawal is over once it was read; a returned report is not.
        let refused = |kind: EntryKind, is_read| QueueRow {
            kind: kind.into(),
            is_read,
            ..row(ItemState::Returned(Reason::new(
                ReasonCode::ReviewRejected,
                "已派遣",
                "dispatched",
            )))
        };
        assert!(refused(EntryKind::Withdraw, false).awaits_reading());
        assert!(refused(EntryKind::Withdraw, true).is_finished());
        assert!(!refused(EntryKind::Report, false).awaits_reading());
    }

    #[test]
    fn what_is_over_cannot_be_withdrawn() {
        for state in [
            ItemState::Draft,
            ItemState::Queued,
            ItemState::PhotosPending,
            ItemState::Received,
        ] {
            assert!(row(state).is_withdrawable());
        }
        for state in [ItemState::Withdrawing, ItemState::Withdrawn, ItemState::Cancelled] {
            assert!(!row(state).is_withdrawable());
        }
        let of_case = |case: CaseState| QueueRow {
            case: Some(case.into()),
            ..row(ItemState::Received)
        };
        assert!(of_case(CaseState::Handling).is_withdrawable());
        assert!(
            !of_case(CaseState::Closed).is_withdrawable() && !of_case(CaseState::NotFiled).is_withdrawable()
        );
        let reviewed = |review| QueueRow {
            kind: EntryKind::Activity.into(),
            review: Some(review),
            ..row(ItemState::Received)
        };
        assert!(reviewed(ActivityState::Submitted).is_withdrawable());
        assert!(!reviewed(ActivityState::Approved).is_withdrawable());
        let withdrawal = QueueRow {
            kind: EntryKind::Withdraw.into(),
            ..row(ItemState::Queued)
        };
        assert!(!withdrawal.is_withdrawable());
    }
}

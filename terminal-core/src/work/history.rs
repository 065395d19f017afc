//! The author's history: reports and activity records of the last 24 months, newest first, by pages. Own items are
//! deleted after 30 days; the rows of cases and activities stay in the author's mailbox, also on a new handset.

use crate::{
    Error, Result,
    store::history::{HistoryPlace, HistoryRecord, RecordRow},
    terminal::Terminal,
    words::{self, Lang, Summary, SummaryPart},
    work::{queue::not_filed, queue_row::QueueRow},
};
use protocol::{
    case::CaseState,
    codes::{CellCode, MatterCode},
    entry::{Reason, receipt_number},
    feed::{ActivityRow, ActivityState, CaseRow},
    ids::RecordId,
    manifest::Catalogue,
    open::Open,
    payload::{EntryKind, Payload},
    problem::HandsetCode,
    time::Millis,
};
use std::{fmt, str::FromStr};

/// One record of the author, in parts; a screen words them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    pub record: RecordId,
    /// A report or an activity record.
    pub kind: EntryKind,
    /// When the record was made.
    pub made: Millis,
    /// 受理号; `None` while only this handset holds the record.
    pub number: Option<String>,
    /// The type of a report.
    pub matter: Option<MatterCode>,
    pub cell: Option<CellCode>,
    /// The title of an activity record.
    pub title: String,
    /// The address of a report or the place of an activity; the server keeps its beginning only.
    pub place: String,
    /// The description of a report; the server keeps its beginning, and only for a report without an address.
    pub text: String,
    /// An activity's times, category and number of participants.
    pub starts: Option<Millis>,
    pub ends: Option<Millis>,
    pub category: Option<String>,
    pub participants: Option<u32>,
    /// Photos that the server holds, of those that the report names.
    pub photos: Option<(u32, u32)>,
    /// State of the report's case.
    pub case: Option<Open<CaseState>>,
    /// State of the activity's review.
    pub review: Option<Open<ActivityState>>,
    /// Withdrawn by its author before anyone had worked on it.
    pub withdrawn: bool,
    /// Why the activity record was returned, or why the case was not filed.
    pub reason: Option<Reason>,
    /// The last version of the record on this handset, if it is still here: its state is newer than that of the server.
    pub item: Option<QueueRow>,
}

/// Where a page of the history ends. Its text is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryCursor(HistoryPlace);

impl fmt::Display for HistoryCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.made.0, self.0.record)
    }
}

impl FromStr for HistoryCursor {
    type Err = Error;
    /// # Errors
    /// `data.malformed`
    fn from_str(text: &str) -> Result<Self> {
        let place = || {
            let (made, record) = text.split_once('.')?;
            Some(HistoryPlace {
                made: Millis(made.parse().ok()?),
                record: record.parse().ok()?,
            })
        };
        place()
            .map(Self)
            .ok_or_else(|| Error::Data("not the end of a page of the history".into()))
    }
}

impl HistoryRow {
    /// The place of this row; give it to [`Terminal::history`] to read on.
    pub fn cursor(&self) -> HistoryCursor {
        HistoryCursor(HistoryPlace {
            made: self.made,
            record: self.record,
        })
    }
    /// One line of content: type, place and text of a report; title and place of an activity record.
    pub fn line(&self, lang: Lang, catalogue: Option<&Catalogue>) -> String {
        let matter = self.matter.map(|code| {
            let item = catalogue.and_then(|catalogue| catalogue.find(code));
            item.map_or_else(
                || SummaryPart::Text(code.to_string()),
                |item| SummaryPart::Matter {
                    zh: item.zh.clone(),
                    en: item.en.clone(),
                },
            )
        });
        let said = [&self.title, &self.place, &self.text].map(|part| SummaryPart::Text(part.clone()));
        Summary::new(matter.into_iter().chain(said)).words(lang)
    }
    /// The state in words; that of the own item while it is here.
    pub fn state_words(&self, lang: Lang, now: Millis) -> String {
        if let Some(item) = &self.item {
            return item.state_words(lang, now);
        }
        if self.withdrawn {
            return lang.pick("已撤回", "Withdrawn").into();
        }
        match (&self.case, &self.review) {
            (Some(Open::Known(CaseState::Reported)), _) => words::state::received(lang),
            (Some(Open::Known(CaseState::NotFiled)), _) => {
                let state = lang.pick("不立案", "Not filed");
                match self.reason.as_ref().map(|why| words::of_reason(lang, why)) {
                    Some(why) if !why.is_empty() => {
                        lang.pick(format!("{state}：{why}"), format!("{state}: {why}"))
                    }
                    _ => state.into(),
                }
            }
            (Some(Open::Known(case)), _) => lang.pick(case.zh().to_owned(), english(case.as_str())),
            (_, Some(Open::Known(ActivityState::Returned))) => {
                let reason = self.reason.as_ref();
                words::state::refused(lang, reason.map_or("", |reason| words::of_reason(lang, reason)))
            }
            (_, Some(Open::Known(review))) => words::activity(lang, *review).to_owned(),
            (Some(Open::Other(state)), _) | (None, Some(Open::Other(state))) => state.clone(),
            (None, None) => words::state::received(lang),
        }
    }
    fn empty(record: &HistoryRecord, kind: EntryKind) -> Self {
        Self {
            record: record.place.record,
            kind,
            made: record.place.made,
            number: None,
            matter: None,
            cell: None,
            title: String::new(),
            place: String::new(),
            text: String::new(),
            starts: None,
            ends: None,
            category: None,
            participants: None,
            photos: None,
            case: None,
            review: None,
            withdrawn: false,
            reason: None,
            item: None,
        }
    }
    fn of_case(record: &HistoryRecord, row: &CaseRow) -> Self {
        Self {
            number: Some(row.number.clone()),
            matter: row.matter,
            cell: row.cell,
            place: row.address.clone().unwrap_or_default(),
            text: row.text.clone().unwrap_or_default(),
            photos: Some((row.photos_held, row.photos_named)),
            case: Some(row.state.clone()),
            withdrawn: row.withdrawn,
            reason: not_filed(row, false),
            ..Self::empty(record, EntryKind::Report)
        }
    }
    fn of_activity(record: &HistoryRecord, row: &ActivityRow) -> Self {
        let words = row.reason.clone();
        Self {
            number: Some(receipt_number(row.entry)),
            title: row.title.clone(),
            place: row.place.clone().unwrap_or_default(),
            starts: row.starts,
            ends: row.ends,
            category: row.category.clone(),
            participants: row.participants,
            review: Some(row.state.clone()),
            reason: words.map(|words| Reason::new(HandsetCode::ActivityReturned, words.clone(), words)),
            ..Self::empty(record, EntryKind::Activity)
        }
    }
    /// Fills in what was filed here, which is longer and newer than the server's row.
    fn with_payload(self, payload: Payload) -> Self {
        match payload {
            Payload::Report(sent) => Self {
                matter: self.matter.or(sent.matter),
                cell: self.cell.or(sent.cell),
                place: sent.address,
                text: sent.text,
                ..self
            },
            Payload::Activity(sent) => Self {
                cell: sent.cell,
                title: sent.title,
                place: sent.place,
                starts: Some(sent.starts),
                ends: Some(sent.ends),
                category: Some(sent.category),
                participants: Some(sent.participants),
                ..self
            },
            Payload::Answer(_)
            | Payload::CheckIn(_)
            | Payload::CheckOut(_)
            | Payload::Withdraw(_)
            | Payload::Void => self,
        }
    }
}

/// `await_closing` as `Await closing`.
fn english(state: &str) -> String {
    let mut words = state.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

impl Terminal {
    /// At most `limit` records of the author, newest first, after the row with this cursor; from the newest without one.
    /// Each record is there once, with its last version. Reports and activities that were cancelled before they were
    /// sent are no history. A page with fewer rows than `limit` is the last one.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn history(&self, after: Option<HistoryCursor>, limit: usize) -> Result<Vec<HistoryRow>> {
        let records = self.store().history(after.map(|cursor| cursor.0), limit)?;
        records.iter().map(|record| self.history_row(record)).collect()
    }
    fn history_row(&self, record: &HistoryRecord) -> Result<HistoryRow> {
        let row = match &record.row {
            Some(RecordRow::Case(row)) => HistoryRow::of_case(record, row),
            Some(RecordRow::Activity(row)) => HistoryRow::of_activity(record, row),
            None => HistoryRow::empty(record, EntryKind::Report),
        };
        // An item may have been deleted since the page was read.
        let item = match record.item.map(|id| self.queue_row(id)) {
            None | Some(Err(Error::NoSuchItem)) => return Ok(row),
            Some(item) => item?,
        };
        let row = match self.payload_of(item.id) {
            Ok(payload) => row.with_payload(payload),
            Err(Error::NoSuchItem) => return Ok(row),
            Err(error) => return Err(error),
        };
        Ok(HistoryRow {
            kind: item.kind.known().copied().unwrap_or(row.kind),
            number: row.number.or_else(|| item.receipt_number()),
            reason: row.reason.or_else(|| item.reason().cloned()),
            item: Some(item),
            ..row
        })
    }
}

//! The author's history (历史) of 24 months, and the months of activity records.

use crate::{
    errors::Result,
    handset::Handset,
    macros::record,
    types::{ItemKind, all, state_code},
    words::{Why, Words, both},
};
use terminal_core::{
    protocol::{
        codes::{CellCode, MatterCode},
        feed::ActivityState,
        ids::{EntryId, RecordId},
        open::Open,
        time::{CivilMonth, Millis},
    },
    work,
};

record! {
    /// One record of the author.
    HistoryRow from (work::HistoryRow, Millis) as (row, now) {
        /// Give it to `Handset.history` to read on.
        cursor: String = row.cursor().to_string(),
        state_words: Words = both(|lang| row.state_words(lang, now)),
        record: RecordId = row.record,
        kind: ItemKind = Open::Known(row.kind).into(),
        made: Millis = row.made,
        number: Option<String> = row.number,
        matter: Option<MatterCode> = row.matter,
        cell: Option<CellCode> = row.cell,
        title: String = row.title,
        place: String = row.place,
        text: String = row.text,
        starts: Option<Millis> = row.starts,
        ends: Option<Millis> = row.ends,
        category: Option<String> = row.category,
        participants: Option<u32> = row.participants,
        case_state: Option<String> = row.case.as_ref().map(state_code),
        review: Option<ActivityState> = row.review.and_then(|review| review.known().copied()),
        is_withdrawn: bool = row.withdrawn,
        reason: Option<Why> = row.reason.map(Into::into),
        /// The item, if it is still on this handset.
        item: Option<EntryId> = row.item.map(|item| item.id),
    }
}

record! {
    /// The activity records of a month: those that were filed are approved, returned or waiting.
    Month from work::MonthState as month {
        month: CivilMonth = month.month,
        filed: u32 = month.filed,
        approved: u32 = month.approved,
        returned: u32 = month.returned,
        waiting: u32 = month.waiting,
    }
}

#[uniffi::export]
impl Handset {
    /// A page, newest first; `after` is the cursor of the last row.
    pub fn history(&self, after: Option<String>, limit: u32) -> Result<Vec<HistoryRow>> {
        let after = after.map(|cursor| cursor.parse()).transpose()?;
        let now = self.core.now()?;
        Ok(self
            .core
            .history(after, limit as usize)?
            .into_iter()
            .map(|row| (row, now).into())
            .collect())
    }
    pub fn month(&self, month: CivilMonth) -> Result<Month> {
        Ok(self.core.activities(month)?.into())
    }
    /// This month and those before it.
    pub fn months(&self, number: u16) -> Result<Vec<Month>> {
        Ok(all(self.core.activity_months(number)?))
    }
}

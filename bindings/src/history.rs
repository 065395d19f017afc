//! The author's history (历史) of 24 months, and the months of activity records.

use crate::{
    handset::Handset,
    types::{ItemKind, all, all_at, state_code},
    words::{Words, both},
};
use terminal_core::{
    protocol::{
        codes::{CellCode, MatterCode},
        entry::Reason,
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
        reason: Option<Reason> = row.reason,
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

calls! { self: Handset,
    /// A page, newest first; `after` is the cursor of the last row.
    history(after: Option<String>, limit: u32) -> Vec<HistoryRow> = {
        let after = after.map(|cursor| cursor.parse()).transpose()?;
        all_at(self.core.history(after, limit as usize)?, self.core.now()?)
    };
    month(month: CivilMonth) -> Month = self.core.activities(month)?.into();
    /// This month and those before it.
    months(number: u16) -> Vec<Month> = all(self.core.activity_months(number)?);
}

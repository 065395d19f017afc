//! The month state of the author's activity records. The beginning of an activity in Asia/Shanghai decides its month.
//!
//! SP-05 asks for an activity a month of a district, and only the server knows whether a district's month is filled; so
//! no month is called missing here.

use crate::{Error, Result, store::items::Item, terminal::Terminal, work::queue_row::ItemState};
use protocol::{
    entry::DispositionState,
    feed::{ActivityRow, ActivityState, kind},
    ids::RecordId,
    open::Open,
    payload::{EntryKind, Payload},
    time::{CivilMonth, Millis},
};
use std::collections::BTreeMap;

/// The author's activity records of one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthState {
    pub month: CivilMonth,
    /// All records that were filed and not withdrawn: the sum of the following three.
    pub filed: u32,
    /// 通过
    pub approved: u32,
    /// Returned by the reviewer or rejected, and not revised yet.
    pub returned: u32,
    /// Not reviewed yet, those that still wait on this handset included.
    pub waiting: u32,
}

impl MonthState {
    const fn empty(month: CivilMonth) -> Self {
        Self {
            month,
            filed: 0,
            approved: 0,
            returned: 0,
            waiting: 0,
        }
    }
    const fn count(&mut self, review: Review) {
        self.filed += 1;
        match review {
            Review::Approved => self.approved += 1,
            Review::Returned => self.returned += 1,
            Review::Waiting => self.waiting += 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Review {
    Approved,
    Returned,
    Waiting,
}

impl Review {
    const fn of(row: &ActivityRow) -> Self {
        match row.state {
            Open::Known(ActivityState::Approved) => Self::Approved,
            Open::Known(ActivityState::Returned) => Self::Returned,
            Open::Known(ActivityState::Submitted) | Open::Other(_) => Self::Waiting,
        }
    }
}

impl Terminal {
    /// The activity records of one month. A record whose row comes from an older server, without its beginning, is not
    /// counted when its item is no longer on this handset.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn activities(&self, month: CivilMonth) -> Result<MonthState> {
        let mut state = MonthState::empty(month);
        self.each_activity(|at, review| {
            if at == month {
                state.count(review);
            }
        })?;
        Ok(state)
    }
    /// The running month and those before it, newest first.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn activity_months(&self, number: u16) -> Result<Vec<MonthState>> {
        let months = std::iter::successors(Some(self.now()?.month()), |month| Some(month.before()));
        let mut states: BTreeMap<CivilMonth, MonthState> = months
            .take(number.into())
            .map(|month| (month, MonthState::empty(month)))
            .collect();
        self.each_activity(|at, review| {
            if let Some(state) = states.get_mut(&at) {
                state.count(review);
            }
        })?;
        Ok(states.into_values().rev().collect())
    }
    /// Calls `count` with month and review of each record that was not withdrawn.
    fn each_activity(&self, mut count: impl FnMut(CivilMonth, Review)) -> Result<()> {
        let rows: Vec<ActivityRow> = self.store().mailbox_of(kind::ACTIVITY)?;
        let mut rows: BTreeMap<RecordId, ActivityRow> =
            rows.into_iter().map(|row| (row.record, row)).collect();
        // The last version of each record wins.
        let items: BTreeMap<RecordId, Item> = self
            .store()
            .items_of_kind(EntryKind::Activity)?
            .into_iter()
            .map(|item| (item.record, item))
            .collect();
        for item in items.into_values() {
            let row = rows.remove(&item.record);
            let decided = self.review_here(&item, row.as_ref())?;
            if let Some((review, starts)) = decided {
                count(starts.month(), review);
            }
        }
        for row in rows.into_values() {
            if let Some(starts) = row.starts {
                count(starts.month(), Review::of(&row));
            }
        }
        Ok(())
    }
    /// The review of a record whose last version here is `item`, and when the activity began. `None` if it was
    /// withdrawn.
    fn review_here(&self, item: &Item, row: Option<&ActivityRow>) -> Result<Option<(Review, Millis)>> {
        let starts = match self.payload_of(item.id) {
            Ok(Payload::Activity(sent)) => sent.starts,
            // Deleted meanwhile.
            Ok(_) | Err(Error::NoSuchItem) => return Ok(row.and_then(of_row)),
            Err(error) => return Err(error),
        };
        let state = match self.queue_row(item.id) {
            Ok(shown) => shown.state,
            Err(Error::NoSuchItem) => return Ok(row.and_then(of_row)),
            Err(error) => return Err(error),
        };
        let is_applied = matches!(
            &item.disposition,
            Some((said, _)) if said.state == Open::Known(DispositionState::Applied)
        );
        Ok(match state {
            ItemState::Withdrawn | ItemState::Cancelled => None,
            ItemState::Returned(_) => Some((Review::Returned, starts)),
            // Revised on another handset: the row describes the newer version.
            ItemState::Revised(_) => row.and_then(of_row),
            ItemState::Received | ItemState::PhotosPending => match row {
                Some(row) if row.entry == item.id => Some((Review::of(row), starts)),
                Some(row) if is_applied => of_row(row),
                // Applied and without a row: withdrawn on another handset.
                None if is_applied => None,
                Some(_) | None => Some((Review::Waiting, starts)),
            },
            ItemState::Withdrawing => {
                let known = row.filter(|row| row.entry == item.id);
                Some((known.map_or(Review::Waiting, Review::of), starts))
            }
            ItemState::Draft
            | ItemState::Queued
            | ItemState::Later(_)
            | ItemState::Review(_)
            | ItemState::Held(_) => Some((Review::Waiting, starts)),
        })
    }
}

fn of_row(row: &ActivityRow) -> Option<(Review, Millis)> {
    row.starts.map(|starts| (Review::of(row), starts))
}

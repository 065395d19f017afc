//! What its author still has to do with and this handset does not have itself: it was filed on another one, in a
//! stream that ended, or in a database that was damaged, and the decision came later (law 2: a rejection reaches its
//! author, with its reason and a way to mend it). The mailbox brings it with what it said.

use crate::{
    Result,
    store::items::{Custody, Item},
    terminal::Terminal,
    work::filing::is_rejected,
};
use protocol::{
    entry::{DispositionState, Entry},
    feed::{UnsettledRow, kind},
    ids::{EntryId, RecordId},
    open::Open,
    payload::Payload,
};

/// An entry that is not here, as the mailbox tells of it.
pub(crate) struct NeedsAction {
    pub row: UnsettledRow,
    /// What it says, where that reads.
    pub said: Option<(Entry, Payload)>,
}

impl NeedsAction {
    fn read(row: UnsettledRow) -> Self {
        let entry = row.content.as_ref().and_then(|content| {
            let (entry, payload) = Entry::read(content.to_string().as_bytes()).ok()?;
            Some((entry, payload?))
        });
        Self { row, said: entry }
    }
    pub fn is_rejected(&self) -> bool {
        self.row.disposition.state == Open::Known(DispositionState::Rejected)
    }
}

/// Whether this withdrawal may still take the entry back.
pub(super) fn takes_back(withdrawal: &Item, entry: EntryId) -> bool {
    withdrawal.after == Some(entry)
        && !is_rejected(withdrawal)
        && !matches!(withdrawal.custody, Custody::Refused(_))
}

impl Terminal {
    /// All that is open and neither here nor mended by something that is.
    pub(crate) fn needs_action(&self, items: &[Item]) -> Result<Vec<NeedsAction>> {
        let rows: Vec<UnsettledRow> = self.store().mailbox_of(kind::UNSETTLED)?;
        let is_here = |id: EntryId| {
            let revises = |item: &Item| item.supersedes == Some(id) && item.cancelled.is_none();
            items.iter().any(|item| item.id == id || revises(item))
        };
        let elsewhere = rows.into_iter().filter(|row| !is_here(row.entry));
        Ok(elsewhere.map(NeedsAction::read).collect())
    }
    /// The one with this id, if it is open and not here.
    pub(crate) fn needs_action_entry(&self, id: EntryId) -> Result<Option<NeedsAction>> {
        let all = self.needs_action(&self.store().items()?)?;
        Ok(all.into_iter().find(|open| open.row.entry == id))
    }
    /// What came back of a record in its newest version that is not here.
    pub(crate) fn rejected_version(&self, record: RecordId) -> Result<Option<NeedsAction>> {
        let all = self.needs_action(&self.store().items()?)?;
        Ok(all
            .into_iter()
            .filter(|open| open.row.record == record && open.is_rejected())
            .max_by_key(|open| open.row.made))
    }
}

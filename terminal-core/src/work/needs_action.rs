//! Entries that still need their author and are not on this handset: filed on another one, in an ended
//! stream, or in a damaged database, and rejected or not decided yet (law 2: a rejection reaches its author,
//! with its reason and a way to revise it). The mailbox contains them with their content.

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

/// An entry of the mailbox that still needs its author.
pub(crate) struct NeedsAction {
    pub row: UnsettledRow,
    /// The entry and its payload, if they can be read.
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
    /// Returns true if the server rejected the entry.
    pub fn is_rejected(&self) -> bool {
        self.row.disposition.state == Open::Known(DispositionState::Rejected)
    }
}

/// Returns true if this withdrawal may still take the entry back.
pub(super) fn takes_back(withdrawal: &Item, entry: EntryId) -> bool {
    withdrawal.after == Some(entry)
        && !is_rejected(withdrawal)
        && !matches!(withdrawal.custody, Custody::Refused(_))
}

impl Terminal {
    /// All such entries that are neither on this handset nor revised by an item on it.
    pub(crate) fn needs_action(&self) -> Result<Vec<NeedsAction>> {
        let rows: Vec<UnsettledRow> = self.store().mailbox_of(kind::UNSETTLED)?;
        let ids: Vec<EntryId> = rows.iter().map(|row| row.entry).collect();
        let here = self.store().items_among(&ids)?;
        let revised = self.store().revised_of(&ids)?;
        let elsewhere = rows
            .into_iter()
            .filter(|row| !here.contains(&row.entry) && !revised.contains(&row.entry));
        Ok(elsewhere.map(NeedsAction::read).collect())
    }
    /// The entry with this id, if it needs its author and is not on this handset.
    pub(crate) fn needs_action_entry(&self, id: EntryId) -> Result<Option<NeedsAction>> {
        let all = self.needs_action()?;
        Ok(all.into_iter().find(|open| open.row.entry == id))
    }
    /// The newest rejected version of a record that is not on this handset.
    pub(crate) fn rejected_version(&self, record: RecordId) -> Result<Option<NeedsAction>> {
        let all = self.needs_action()?;
        Ok(all
            .into_iter()
            .filter(|open| open.row.record == record && open.is_rejected())
            .max_by_key(|open| open.row.made))
    }
}

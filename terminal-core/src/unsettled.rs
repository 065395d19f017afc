//! What its author still has to do with and this handset does not have itself: it was filed on another one, in a
//! stream that ended, or in a database that was damaged, and the decision came later (law 2: a rejection reaches its
//! author, with its reason and a way to mend it). The mailbox brings it with what it said.

use crate::{
    Result,
    activity::ActivityContent,
    queue::{QueueRow, State},
    report::{Content as _, ReportContent},
    store::{Custody, Item, NewEntry, not_cancellable},
    terminal::{Terminal, is_rejected},
};
use protocol::{
    entry::{DispositionState, Entry, Reason},
    feed::{UnsettledRow, kind},
    ids::{EntryId, RecordId},
    manifest::Catalogue,
    open::Open,
    payload::{EntryKind, Payload, Withdraw},
    problem::HandsetCode,
};

/// An entry that is not here, as the mailbox tells of it.
pub(crate) struct Unsettled {
    pub row: UnsettledRow,
    /// What it says, where that reads.
    pub said: Option<(Entry, Payload)>,
}

impl Unsettled {
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
    fn summary(&self, catalogue: Option<&Catalogue>) -> String {
        match &self.said {
            Some((_, Payload::Report(sent))) => ReportContent::of(sent.clone(), catalogue).summary(),
            Some((_, Payload::Activity(sent))) => ActivityContent::from(sent.clone()).summary(),
            Some((_, Payload::Answer(sent))) => sent.text.clone(),
            Some((_, Payload::Withdraw(sent))) => sent.reason.clone(),
            Some((_, Payload::CheckIn(_) | Payload::CheckOut(_) | Payload::Void)) | None => String::new(),
        }
    }
    fn shown(&self, catalogue: Option<&Catalogue>, withdrawals: &[Item]) -> QueueRow {
        let reason = self.row.disposition.reason.clone();
        let state = match &self.row.disposition.state {
            _ if withdrawals.iter().any(|item| takes_back(item, self.row.entry)) => State::Withdrawing,
            Open::Known(DispositionState::Rejected) => State::Returned(reason.unwrap_or_else(unsaid)),
            Open::Known(DispositionState::Review) => State::Review(reason),
            Open::Known(DispositionState::Held | DispositionState::Applied) | Open::Other(_) => {
                State::Held(reason)
            }
        };
        QueueRow {
            id: self.row.entry,
            record: self.row.record,
            n: None,
            kind: self.row.kind.clone(),
            summary: self.summary(catalogue),
            made: self.row.made,
            state,
            photos_sent: 0,
            photos_named: 0,
            next_try: None,
            problem: None,
            case: None,
            review: None,
        }
    }
}

/// Whether this withdrawal may still take the entry back.
fn takes_back(withdrawal: &Item, entry: EntryId) -> bool {
    withdrawal.after == Some(entry)
        && !is_rejected(withdrawal)
        && !matches!(withdrawal.custody, Custody::Refused(_))
}

/// Why something came back of which nobody said why.
pub(crate) fn unsaid() -> Reason {
    Reason::new(HandsetCode::RejectedUnsaid, "未说明原因", "no reason given")
}

impl Terminal {
    /// All that is open and neither here nor mended by something that is.
    pub(crate) fn unsettled(&self, items: &[Item]) -> Result<Vec<Unsettled>> {
        let rows: Vec<UnsettledRow> = self.store().mailbox_of(kind::UNSETTLED)?;
        let is_here = |id: EntryId| {
            let mends = |item: &Item| item.supersedes == Some(id) && item.cancelled.is_none();
            items.iter().any(|item| item.id == id || mends(item))
        };
        let elsewhere = rows.into_iter().filter(|row| !is_here(row.entry));
        Ok(elsewhere.map(Unsettled::read).collect())
    }
    /// The one with this id, if it is open and not here.
    pub(crate) fn unsettled_entry(&self, id: EntryId) -> Result<Option<Unsettled>> {
        let all = self.unsettled(&self.store().items()?)?;
        Ok(all.into_iter().find(|open| open.row.entry == id))
    }
    /// What came back of a record in its newest version that is not here.
    pub(crate) fn rejected_version(&self, record: RecordId) -> Result<Option<Unsettled>> {
        let all = self.unsettled(&self.store().items()?)?;
        Ok(all
            .into_iter()
            .filter(|open| open.row.record == record && open.is_rejected())
            .max_by_key(|open| open.row.made))
    }
    /// As the queue shows them.
    pub(crate) fn unsettled_rows(&self, items: &[Item], withdrawals: &[Item]) -> Result<Vec<QueueRow>> {
        let open = self.unsettled(items)?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        // Without the names of the types the rest is worth showing all the same.
        let catalogue = self.catalogue().ok();
        let rows = open
            .iter()
            .map(|open| open.shown(catalogue.as_ref(), withdrawals));
        Ok(rows.collect())
    }
    /// What is to be withdrawn is not here: the withdrawal names it, the server decides. Twice is once.
    pub(crate) fn withdraw_unsettled(&self, open: &Unsettled, reason: &str) -> Result<EntryId> {
        let id = open.row.entry;
        let asked = self.store().items_of_kind(EntryKind::Withdraw)?;
        if let Some(there) = asked.iter().find(|item| takes_back(item, id)) {
            return Ok(there.id);
        }
        if open.row.kind == Open::Known(EntryKind::Withdraw) && !open.is_rejected() {
            return Err(not_cancellable());
        }
        let item = self.store().submit(&NewEntry {
            id: self.new_entry_id()?,
            payload: Payload::Withdraw(Withdraw {
                entry: id,
                reason: reason.to_owned(),
            }),
            record: open.row.record,
            after: Some(id),
            supersedes: None,
            grid: None,
            evidence: self.evidence(None)?,
            summary: open.summary(self.catalogue().ok().as_ref()),
            photo_files: Vec::new(),
        })?;
        Ok(item.id)
    }
}

//! Withdrawal of filed items, and deletion of drafts.

use crate::{
    Error, Result,
    store::{
        cancel::{Cancelled, not_cancellable},
        items::NewEntry,
    },
    terminal::Terminal,
    transport::nudge::NudgeReason,
    words::Summary,
    work::{
        needs_action::{NeedsAction, takes_back},
        summary::payload_summary,
    },
};
use protocol::{
    ids::EntryId,
    open::Open,
    payload::{EntryKind, Payload, Withdraw},
};

/// The result of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// A draft was deleted.
    DraftDiscarded,
    /// The item had never left the handset and was cancelled.
    Cancelled,
    /// The item may have left the handset: a withdrawal with this id was filed, and the server decides.
    Requested { id: EntryId },
}

impl Terminal {
    /// Withdraws an item or deletes a draft.
    ///
    /// # Errors
    /// `item.unknown`; `item.not_cancellable` for a withdrawal; `draft.newer` for a draft that this version
    /// cannot read.
    pub fn withdraw(&self, id: EntryId, reason: &str) -> Result<Withdrawal> {
        let _turn = self.turn()?;
        if self.store().item(id)?.is_none() {
            if self.store().draft(id)?.is_some() {
                self.discard_draft(id)?;
                return Ok(Withdrawal::DraftDiscarded);
            }
            let open = self.needs_action_entry(id)?.ok_or(Error::NoSuchItem)?;
            let asked = self.withdraw_elsewhere(&open, reason.trim())?;
            return Ok(Withdrawal::Requested { id: asked });
        }
        let evidence = self.evidence(None)?;
        match self
            .store()
            .cancel(id, self.new_entry_id()?, reason.trim(), &evidence)?
        {
            Cancelled::Voided { files, .. } => {
                for file in files {
                    if let Some(photo) = file.strip_suffix(".photo").and_then(|name| name.parse().ok()) {
                        self.forget_photo(photo)?;
                    }
                }
                Ok(Withdrawal::Cancelled)
            }
            Cancelled::Withdrawn(item) => {
                self.nudge(NudgeReason::Changed);
                Ok(Withdrawal::Requested { id: item.id })
            }
        }
    }
}

impl Terminal {
    /// Withdraws an entry that is not on this handset: a withdrawal is filed that names it, and the server
    /// decides. Idempotent.
    pub(crate) fn withdraw_elsewhere(&self, open: &NeedsAction, reason: &str) -> Result<EntryId> {
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
            summary: open.said.as_ref().map_or_else(Summary::default, |(_, said)| {
                payload_summary(said, self.catalogue().ok().as_ref())
            }),
            photo_files: Vec::new(),
        })?;
        self.nudge(NudgeReason::Changed);
        Ok(item.id)
    }
}

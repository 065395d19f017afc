//! Filing of entries: evidence, ids, and what this handset has filed so far.

use crate::{
    Error, Result,
    photos::folder::PhotoFolder,
    platform::random::random_bytes,
    store::items::{Item, NewEntry},
    terminal::Terminal,
    transport::nudge::NudgeReason,
    words::Summary,
};
use protocol::{
    codes::GridVersion,
    entry::{DispositionState, Entry},
    evidence::{Evidence, Position},
    ids::{EntryId, RecordId},
    open::Open,
    payload::{EntryKind, Payload},
    photo::PhotoRef,
};

/// An entry to be filed; [`Terminal::file`] adds evidence and author.
pub(crate) struct Filing {
    pub id: EntryId,
    pub record: RecordId,
    pub supersedes: Option<EntryId>,
    pub grid: Option<GridVersion>,
    pub position: Option<Position>,
    pub summary: Summary,
    pub payload: Payload,
}

impl Terminal {
    /// Makes the entry and puts it into the outbox, durably.
    pub(crate) fn file(&self, filing: Filing) -> Result<Item> {
        let photo_files = filing.payload.photos().iter().map(photo_file).collect();
        let item = self.store().submit(&NewEntry {
            id: filing.id,
            payload: filing.payload,
            record: filing.record,
            after: None,
            supersedes: filing.supersedes,
            grid: filing.grid,
            evidence: self.evidence(filing.position)?,
            summary: filing.summary,
            photo_files,
        })?;
        self.nudge(NudgeReason::Changed);
        Ok(item)
    }
    pub(crate) fn file_new(
        &self,
        position: Option<Position>,
        summary: Summary,
        payload: Payload,
    ) -> Result<Item> {
        let grid = position
            .as_ref()
            .map(|p| self.where_is(p.point, Some(p.accuracy_cm)))
            .transpose()?;
        self.file(Filing {
            id: self.new_entry_id()?,
            record: self.new_record_id()?,
            supersedes: None,
            grid: grid.and_then(|place| place.grid().cloned()),
            position,
            summary,
            payload,
        })
    }
    pub(crate) fn evidence(&self, position: Option<Position>) -> Result<Evidence> {
        if let Some(fix) = &position {
            self.saw_fix(fix)?;
        }
        Ok(Evidence {
            position,
            clock: self.clock_reading()?,
        })
    }
    pub(crate) fn new_entry_id(&self) -> Result<EntryId> {
        Ok(EntryId::from_parts(self.unix_ms()?, random_bytes(self.random())?))
    }
    pub(crate) fn new_record_id(&self) -> Result<RecordId> {
        Ok(RecordId::from_parts(
            self.unix_ms()?,
            random_bytes(self.random())?,
        ))
    }
    fn unix_ms(&self) -> Result<u64> {
        Ok(u64::try_from(self.now()?.0).unwrap_or(0))
    }
    /// The payload of an item of this handset.
    pub(crate) fn payload_of(&self, id: EntryId) -> Result<Payload> {
        let (entry, _): (Entry, _) = self.store().entry(id)?;
        match entry.kind {
            Open::Known(kind) => Ok(Payload::read(kind, &entry.payload)?),
            Open::Other(kind) => Err(Error::Data(format!("unknown entry kind {kind}"))),
        }
    }
    /// Entries that have a withdrawal of this handset which was not rejected.
    pub(crate) fn withdrawn(&self) -> Result<Vec<EntryId>> {
        let withdrawals = self.store().items_of_kind(EntryKind::Withdraw)?;
        Ok(withdrawals
            .iter()
            .filter(|item| !is_rejected(item))
            .filter_map(|item| item.after)
            .collect())
    }
}

pub(crate) fn is_rejected(item: &Item) -> bool {
    matches!(&item.disposition, Some((d, _)) if d.state == Open::Known(DispositionState::Rejected))
}

/// The file name of a photo, as recorded in the store.
fn photo_file(photo: &PhotoRef) -> String {
    PhotoFolder::file_name(photo.sha256)
}

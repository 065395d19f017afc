//! One item in full: what was said, where, its photos, and its results.

use crate::{
    Error, Result,
    photos::error::PhotoError,
    store::items::PhotoItem,
    terminal::Terminal,
    words,
    work::{fix::FixView, queue_row::QueueRow},
};
use protocol::{
    entry::Entry,
    evidence::Evidence,
    feed::{ActivityRow, CaseRow, kind},
    ids::EntryId,
    payload::Payload,
    photo::Sha256,
};

/// One item in full.
#[derive(Debug, Clone)]
pub struct ItemDetail {
    /// The row of the queue: state, reason, next try.
    pub row: QueueRow,
    /// What was said; `None` for a kind that this version does not know, and for an entry from elsewhere whose content
    /// the server did not send.
    pub payload: Option<Payload>,
    /// Place and time when it was filed.
    pub evidence: Option<Evidence>,
    /// How good its fix was, as the centre judges it.
    pub fix: Option<FixView>,
    /// Its photos with what was sent of each and the next try; empty for an entry from elsewhere.
    pub photos: Vec<PhotoItem>,
    /// The case that the report led to.
    pub case: Option<CaseRow>,
    /// The review of the activity record.
    pub review: Option<ActivityRow>,
    /// The versions of the same record on this handset, oldest first, this one included.
    pub versions: Vec<QueueRow>,
}

impl Terminal {
    /// Notes that the worker has read the final answers of these rows. Rows that do not wait to be read are left out.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn mark_read(&self, rows: &[QueueRow]) -> Result<()> {
        let ids: Vec<EntryId> = rows
            .iter()
            .filter(|row| row.awaits_reading())
            .map(|row| row.id)
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.store().mark_items_read(&ids)
    }
    /// One item of this handset, or an entry from elsewhere that needs its author. A draft is opened with the functions
    /// of its kind. Its final answer counts as read.
    ///
    /// # Errors
    /// `item.unknown`, and errors of the store.
    pub fn item(&self, id: EntryId) -> Result<ItemDetail> {
        let row = self.queue_row(id)?;
        // On a full disk the item is shown all the same, and again.
        if let Err(error) = self.mark_read(std::slice::from_ref(&row)) {
            tracing::info!(name: "item.shown_again", cause = error.code().as_str());
        }
        let Some(item) = self.store().item(id)? else {
            let open = self.needs_action_entry(id)?.ok_or(Error::NoSuchItem)?;
            let (entry, payload) = open.said.unzip();
            return Ok(ItemDetail {
                versions: self.versions(&row)?,
                row,
                payload,
                fix: entry
                    .as_ref()
                    .map(|entry| self.fix_of_entry(entry))
                    .transpose()?
                    .flatten(),
                evidence: entry.map(|entry| entry.evidence),
                photos: Vec::new(),
                case: None,
                review: None,
            });
        };
        let (_, bytes) = self.store().entry(id)?;
        let (entry, payload) = Entry::read(&bytes)?;
        let cases: Vec<CaseRow> = self.store().mailbox_about(kind::CASE, &[item.record])?;
        let reviews: Vec<ActivityRow> = self.store().mailbox_about(kind::ACTIVITY, &[item.record])?;
        Ok(ItemDetail {
            versions: self.versions(&row)?,
            row,
            payload,
            fix: self.fix_of_entry(&entry)?,
            evidence: Some(entry.evidence),
            photos: item.photos,
            case: cases.into_iter().next(),
            review: reviews.into_iter().find(|review| review.entry == id),
        })
    }
    /// The bytes of a photo (JPEG) of a draft or an item.
    ///
    /// # Errors
    /// `photo.missing` for a photo that is not on this handset; `photo.damaged`.
    pub fn photo(&self, photo: Sha256) -> Result<Vec<u8>> {
        self.photo_folder().read(photo).map_err(|error| of_photo(&error))
    }
    /// The small picture (JPEG) of a photo.
    ///
    /// # Errors
    /// As [`Self::photo`].
    pub fn thumbnail(&self, photo: Sha256) -> Result<Vec<u8>> {
        self.photo_folder()
            .thumbnail(photo)
            .map_err(|error| of_photo(&error))
    }
    fn versions(&self, of: &QueueRow) -> Result<Vec<QueueRow>> {
        let mut versions = self.store().items_of_record(of.record)?;
        // A withdrawal is no version.
        versions.retain(|item| item.cancelled.as_ref().unwrap_or(&item.kind) == &of.kind);
        self.rows_of(&versions)
    }
}

fn of_photo(error: &PhotoError) -> Error {
    Error::Input(words::photo_error(error))
}

//! Deletion of photo files that no item and no draft names.

use crate::{
    Error, Result,
    photos::folder::PhotoFolder,
    store::drafts::SavedDraft,
    terminal::Terminal,
    words,
    work::{
        saved_draft::{draft_photos, newer_app_draft},
        summary::draft_summary,
    },
};
use protocol::{ids::EntryId, photo::Sha256};

impl Terminal {
    /// Deletes photos that a killed process wrote and no draft named. Never deletes what an item or a draft
    /// names. Does nothing while another process holds the lock, while a draft is unreadable, or while a
    /// quarantined database may name photos that this one does not know.
    pub(crate) fn sweep_photos(&self) -> Result<()> {
        let Some(_turn) = self.free_turn()? else {
            return Ok(());
        };
        if self.store().has_quarantined_databases()? {
            return Ok(());
        }
        let drafts = self.store().drafts()?;
        let Some(of_drafts) = drafts.iter().map(draft_photos).collect::<Option<Vec<_>>>() else {
            return Ok(());
        };
        let of_items = self.store().photo_files()?;
        let is_named = |photo: Sha256| {
            of_items.contains(&PhotoFolder::file_name(photo))
                || of_drafts.iter().any(|photos| photos.contains(&photo))
        };
        let removed = self
            .photo_folder()
            .sweep(&is_named)
            .map_err(|error| Error::Input(words::photo_error(&error)))?;
        if removed > 0 {
            tracing::info!(name: "photos.swept", removed);
        }
        Ok(())
    }
    /// Deletes the draft of this id, if there is one.
    ///
    /// # Errors
    /// `draft.newer` if the draft cannot be read here: it must not be deleted unseen.
    pub(super) fn discard_draft(&self, id: EntryId) -> Result<()> {
        let Some(draft) = self.store().draft(id)? else {
            return Ok(());
        };
        if draft_summary(&draft).is_none() {
            return Err(Error::Input(newer_app_draft()));
        }
        self.delete_draft(&draft)
    }
    /// Deletes a draft and its photos that nothing else names.
    pub(super) fn delete_draft(&self, draft: &SavedDraft) -> Result<()> {
        // The draft first: a photo without a draft only wastes space.
        self.store().delete_draft(draft.id)?;
        draft_photos(draft)
            .unwrap_or_default()
            .into_iter()
            .try_for_each(|photo| self.forget_photo(photo))
    }
    /// Deletes a photo's file unless an item or a draft names it, or a quarantined database may.
    pub(crate) fn forget_photo(&self, photo: Sha256) -> Result<()> {
        if self.store().has_quarantined_databases()? {
            return Ok(());
        }
        let drafts = self.store().drafts()?;
        // An unreadable draft may name it.
        let may_name = |draft| draft_photos(draft).is_none_or(|photos| photos.contains(&photo));
        if self.store().names_photo(photo)? || drafts.iter().any(may_name) {
            return Ok(());
        }
        self.photo_folder()
            .remove(photo)
            .map_err(|error| Error::Input(words::photo_error(&error)))
    }
}

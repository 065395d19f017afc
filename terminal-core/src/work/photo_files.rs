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
use std::{cell::RefCell, collections::BTreeMap};

/// How long a photo that nothing names is kept, in milliseconds: 30 days.
const UNNAMED_KEPT_MS: i64 = 30 * 86_400_000;

impl Terminal {
    /// Deletes photos that no item and no draft has named for 30 days: a killed process wrote them, or the database has
    /// lost its last commits, and somebody may still look for them. Never deletes what an item or a draft
    /// names. Does nothing while another process holds the lock, while a draft is unreadable, or while a
    /// quarantined database may name photos that this one does not know. Days count only by a clock that was checked.
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
        let clock = self.clock_reading()?;
        let now = clock.is_trusted().then(|| clock.estimate());
        let known = self.store().unnamed_photos()?;
        let unnamed = RefCell::new(BTreeMap::new());
        let is_kept = |photo: Sha256| {
            if is_named(photo) {
                return true;
            }
            let since = known.get(&photo).copied().or(now);
            let is_old = now
                .zip(since)
                .is_some_and(|(now, since)| now.since(since) > UNNAMED_KEPT_MS);
            if let Some(since) = since.filter(|_| !is_old) {
                unnamed.borrow_mut().insert(photo, since);
            }
            !is_old
        };
        let removed = self
            .photo_folder()
            .sweep(&is_kept)
            .map_err(|error| Error::Input(words::photo_error(&error)))?;
        if removed > 0 {
            tracing::info!(name: "photos.swept", removed);
        }
        let unnamed = unnamed.into_inner();
        if unnamed != known {
            self.store().set_unnamed_photos(&unnamed)?;
        }
        Ok(())
    }
    /// Number of photos that belong to no item and no draft, because a report may be lost. A salvage hands such photos
    /// over, so after one there are none to tell of.
    ///
    /// # Errors
    /// Errors of disk and store.
    pub fn unnamed_photos(&self) -> Result<usize> {
        if self.store().has_salvaged_databases()? {
            return Ok(0);
        }
        Ok(self.store().unnamed_photos()?.len())
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

//! What the handset throws away, and when: never what an item or a draft names, never what the server does not
//! hold. And the turn, which keeps the processes of one home from deciding at once.

use crate::{
    Error, Result,
    photos::PhotoFolder,
    platform::DiskLock,
    report::{draft_photos, draft_summary, of_newer_app},
    terminal::Terminal,
    words,
};
use protocol::{
    ids::{EntryId, RecordId},
    photo::Sha256,
    sabotage::{self, Defect},
};
use std::{collections::BTreeSet, path::PathBuf};

/// What the server holds stays here this long as well, milliseconds: 30 days, so that a server restored from a
/// backup can be filled again.
const KEPT_MS: i64 = 30 * 86_400_000;

impl Terminal {
    /// Removes the photos that a death left between file and draft. Never what an item or a draft names; nothing
    /// at all while another process works here, while a draft does not read, or when a database set aside may
    /// still name what this one does not know.
    pub(crate) fn sweep_photos(&self) -> Result<()> {
        let Some(_turn) = self.free_turn()? else {
            return Ok(());
        };
        if self.store().has_databases_aside()? {
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
            tracing::info!(removed, "photo files that nothing named");
        }
        Ok(())
    }
    /// Forgets what the server has held for 30 days and nobody has to do anything with: not what came back or
    /// is in review, not an activity that nobody has approved yet, not a record that a draft mends, not the answer
    /// to a task that still stands. A sync that left nothing waiting ends with it; without a clock checked against
    /// the server nothing is forgotten.
    ///
    /// # Errors
    /// Those of the store and of the photo folder.
    pub fn forget_old(&self) -> Result<()> {
        let Some(_turn) = self.free_turn()? else {
            return Ok(());
        };
        let clock = self.clock_reading()?;
        if !clock.is_trusted() {
            return Ok(());
        }
        let older_than = clock.estimate().plus(-KEPT_MS);
        if sabotage::is(Defect::PhotoForgottenAtReceipt) {
            let photos = self.store().items()?.into_iter().flat_map(|item| item.photos);
            photos
                .filter(|photo| photo.received.is_some())
                .try_for_each(|photo| self.photo_folder().remove(photo.sha256))
                .map_err(|error| Error::Input(words::photo_error(&error)))?;
        }
        // On most days nothing is old enough, and the whole queue need not be read after every sync.
        if !self.store().has_ripe(older_than)? {
            return Ok(());
        }
        let unfinished: BTreeSet<RecordId> = self
            .queue()?
            .into_iter()
            .filter(|row| !row.is_finished() || row.awaits_review())
            .map(|row| row.record)
            .collect();
        let answers: BTreeSet<EntryId> = self
            .tasks()?
            .into_iter()
            .filter_map(|task| task.answered)
            .collect();
        let keep = |id: EntryId, record: RecordId| unfinished.contains(&record) || answers.contains(&id);
        let files = self.store().prune(older_than, &keep)?;
        files
            .iter()
            .filter_map(|file| file.strip_suffix(".photo")?.parse().ok())
            .try_for_each(|photo| self.forget_photo(photo))
    }
    pub(crate) fn discard_draft(&self, id: EntryId) -> Result<()> {
        let Some(draft) = self.store().draft(id)? else {
            return Ok(());
        };
        // Nobody can have read what they throw away.
        if draft_summary(&draft).is_none() {
            return Err(Error::Input(of_newer_app()));
        }
        // The draft first: a photo without a draft is only a file too many.
        self.store().delete_draft(id)?;
        draft_photos(&draft)
            .unwrap_or_default()
            .into_iter()
            .try_for_each(|photo| self.forget_photo(photo))
    }
    /// Removes a photo's file unless an item or a draft still names it, or a damaged database might that waits.
    pub(crate) fn forget_photo(&self, photo: Sha256) -> Result<()> {
        if self.store().has_databases_aside()? {
            return Ok(());
        }
        let drafts = self.store().drafts()?;
        // A draft that does not read might name it.
        let may_name = |draft| draft_photos(draft).is_none_or(|photos| photos.contains(&photo));
        if self.store().names_photo(photo)? || drafts.iter().any(may_name) {
            return Ok(());
        }
        self.photo_folder()
            .remove(photo)
            .map_err(|error| Error::Input(words::photo_error(&error)))
    }
    /// The turn to decide and file: one at a time over all processes of this home. It ends with the guard or
    /// with the process, however that dies.
    pub(crate) fn turn(&self) -> Result<DiskLock> {
        let path = self.turn_path();
        self.disk().lock(&path).map_err(Error::io(&path))
    }
    /// The turn if nobody has it.
    fn free_turn(&self) -> Result<Option<DiskLock>> {
        let path = self.turn_path();
        self.disk().try_lock(&path).map_err(Error::io(&path))
    }
    fn turn_path(&self) -> PathBuf {
        self.store().home().join("work.lock")
    }
}

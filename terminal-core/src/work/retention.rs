//! Retention: what the handset deletes, and when. Never what an item or a draft names, never what the server
//! does not hold.

use crate::{Error, Result, terminal::Terminal, words};
use protocol::{
    ids::{EntryId, RecordId},
    planted,
};
use std::collections::BTreeSet;

/// How long received items stay on the handset, in milliseconds: 30 days, so that a server restored from a
/// backup can be filled again.
const KEPT_MS: i64 = 30 * 86_400_000;

/// The same while the disk is full: 3 days.
const KEPT_ON_A_FULL_DISK_MS: i64 = 3 * 86_400_000;

impl Terminal {
    /// Deletes items that the server has held for 30 days, or for 3 days while the disk is full, unless they were returned,
    /// are in review, are an activity that was not approved, belong to a record with a draft, or answer an open task. Called
    /// after a sync that left nothing waiting. Does nothing while the clock was not checked against the server.
    ///
    /// # Errors
    /// Errors of the store and the photo folder.
    pub fn forget_old(&self) -> Result<()> {
        let Some(_turn) = self.free_turn()? else {
            return Ok(());
        };
        let clock = self.clock_reading()?;
        if !clock.is_trusted() {
            return Ok(());
        }
        let kept = if self.store().is_short_of_space() {
            KEPT_ON_A_FULL_DISK_MS
        } else {
            KEPT_MS
        };
        let older_than = clock.estimate().plus(-kept);
        planted!(PhotoForgottenAtReceipt => self.remove_received_photos()?);
        // Usually nothing is old enough; then the queue need not be read.
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
    /// The planted defect [`Defect::PhotoForgottenAtReceipt`].
    fn remove_received_photos(&self) -> Result<()> {
        let photos = self.store().items()?.into_iter().flat_map(|item| item.photos);
        photos
            .filter(|photo| photo.received.is_some())
            .try_for_each(|photo| self.photo_folder().remove(photo.sha256))
            .map_err(|error| Error::Input(words::photo_error(&error)))
    }
}

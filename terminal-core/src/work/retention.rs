//! What the handset throws away, and when: never what an item or a draft names, never what the server does not
//! hold. And the turn, which keeps the processes of one home from deciding at once.

use crate::{Error, Result, terminal::Terminal, words};
use protocol::{
    ids::{EntryId, RecordId},
    sabotage::{self, Defect},
};
use std::collections::BTreeSet;

/// What the server holds stays here this long as well, milliseconds: 30 days, so that a server restored from a
/// backup can be filled again.
const KEPT_MS: i64 = 30 * 86_400_000;

impl Terminal {
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
}

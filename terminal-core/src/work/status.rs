//! The home screen as one value.

use crate::{
    Result,
    store::{account::Account, sizes::StorageUse},
    terminal::Terminal,
    work::{check_in::HandsetPresence, queue::QueueFilter},
};
use protocol::{
    codes::GridVersion,
    evidence::ClockReading,
    feed::{PostRow, kind},
    field::Contact,
    manifest::FileName,
    time::Millis,
};

/// The home screen as one value.
#[derive(Debug, Clone)]
pub struct Status {
    pub account: Account,
    /// Whom the worker calls when the app cannot help.
    pub contact: Option<Contact>,
    /// The post as described by the server; `None` before the first sync, and when the post was taken.
    pub post: Option<PostRow>,
    /// The worker does not hold the post any more: the server closed its mailbox. What is filed is still sent.
    pub is_post_taken: bool,
    pub presence: HandsetPresence,
    pub drafts: usize,
    /// Items that only this handset holds.
    pub items_waiting: usize,
    /// Photos that only this handset holds.
    pub photos_waiting: usize,
    /// Items that were returned to their author.
    pub returned: usize,
    /// Tasks that this handset has not answered.
    pub tasks_open: usize,
    pub tasks_overdue: usize,
    pub grid: Option<GridVersion>,
    /// When a sync last left nothing to do: the best estimate.
    pub last_sync: Option<Millis>,
    /// The server's time at its last answer.
    pub last_contact: Option<Millis>,
    pub clock: ClockReading,
}

impl Terminal {
    /// What this account takes on the disk.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn storage(&self) -> Result<StorageUse> {
        self.store().storage_use()
    }
    /// Reads the home screen.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn status(&self) -> Result<Status> {
        let clock = self.clock_reading()?;
        let now = clock.estimate();
        let counts = self.store().counts()?;
        let returned = self.queue_page(QueueFilter::NeedsYou, None, usize::MAX)?.len();
        let elsewhere = self.needs_action_rows()?;
        let open: Vec<_> = self
            .tasks()?
            .into_iter()
            .filter(|task| task.answered.is_none())
            .collect();
        let posts: Vec<PostRow> = self.store().mailbox_of(kind::POST)?;
        let last_sync = self.store().last_sync()?;
        Ok(Status {
            is_post_taken: posts.is_empty() && last_sync.is_some(),
            account: self.account().clone(),
            // A manifest may have named another one since the account was opened.
            contact: self.store().account()?.contact,
            post: posts.into_iter().next(),
            presence: self.presence()?,
            drafts: usize::try_from(counts.drafts).unwrap_or(usize::MAX),
            items_waiting: usize::try_from(counts.waiting).unwrap_or(usize::MAX),
            photos_waiting: usize::try_from(self.store().photos_waiting()?).unwrap_or(usize::MAX),
            returned: returned + elsewhere.iter().filter(|row| row.needs_author()).count(),
            tasks_overdue: open.iter().filter(|task| task.left(now) < 0).count(),
            tasks_open: open.len(),
            grid: self
                .store()
                .files()?
                .into_iter()
                .find(|file| file.name == FileName::Grid)
                .map(|file| GridVersion(file.version)),
            last_sync,
            last_contact: self.store().last_server_time()?,
            clock,
        })
    }
}

//! The sync as a state machine without I/O: [`Sync::next_action`] says what to do, the driver does it,
//! [`Sync::apply`] takes the outcome. A thread drives it in production, a scheduler one step at a time in the
//! simulator.
//!
//! Everything that must survive is in the store; a machine that is killed between two steps is simply created
//! again. Only the token, batch and chunk sizes, and the counts of this run are in memory. Order: token,
//! entries, mailboxes, manifest, photos, files, a newer app, and the mailboxes again if something was delivered. Whatever
//! becomes due meanwhile is taken in the same order, so a new report overtakes a large photo.

use crate::{
    Result,
    platform::clock::ClockRaw,
    store::{database::HandsetStore, retry::SyncStep},
    sync::{
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
    },
};

impl Sync {
    /// Returns the next action. An action whose outcome was never applied counts as lost.
    pub fn next_action(&mut self, store: &HandsetStore, now: &ClockRaw) -> Result<NextAction> {
        self.asked = None;
        if !self.begun {
            self.begun = true;
            if self.policy.manual {
                store.end_own_waits()?;
            }
        }
        if !self.policy.online {
            return Ok(NextAction::Done);
        }
        // The stream has ended; there is nothing left to send.
        if self.report.handed_over.is_some() {
            return Ok(NextAction::Done);
        }
        if let Some((asked, action)) = self.handover_action(store, now)? {
            self.asked = Some((asked, now.clone()));
            return Ok(action);
        }
        if let Some(until) = store.step(SyncStep::Session)?.wait_until(now.wall) {
            return Ok(NextAction::Wait(until));
        }
        let next = match self.session_action(store, now)? {
            Some(next) => Some(next),
            None => self.work(store, now)?,
        };
        let Some((asked, action)) = next else {
            return self.rest(store, now);
        };
        self.asked = Some((asked, now.clone()));
        Ok(action)
    }
    /// Chooses the most urgent action, given a valid token.
    fn work(&mut self, store: &HandsetStore, now: &ClockRaw) -> Result<Option<(PendingRequest, NextAction)>> {
        if let Some(next) = self.push_action(store, now)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.pull_action(store, now.wall)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.manifest_action(store, now.wall)? {
            return Ok(Some(next));
        }
        if self.policy.photos
            && let Some(next) = self.photo_action(store, now.wall)?
        {
            return Ok(Some(next));
        }
        if self.policy.photos
            && let Some(next) = self.compare_action(store, now.wall)?
        {
            return Ok(Some(next));
        }
        if let Some(next) = self.file_action(store, now.wall)? {
            return Ok(Some(next));
        }
        self.app_action(store, now.wall)
    }
    /// Nothing is due: returns how long to wait.
    fn rest(&mut self, store: &HandsetStore, now: &ClockRaw) -> Result<NextAction> {
        match store.next_due(now.wall)? {
            Some(until) => Ok(NextAction::Wait(until)),
            None => {
                store.set_last_sync(store.clock_reading(now.clone())?.estimate())?;
                Ok(NextAction::Done)
            }
        }
    }
    /// Applies the outcome of the last action. After an error nothing has changed, and the next action asks
    /// again.
    pub fn apply(&mut self, store: &HandsetStore, now: &ClockRaw, outcome: StepOutcome) -> Result<()> {
        let Some((asked, sent)) = self.asked.take() else {
            return Ok(());
        };
        let at = now.wall;
        match asked {
            PendingRequest::Challenge => self.challenge_answer(store, &sent, now, outcome),
            PendingRequest::Token => self.token_answer(store, &sent, now, outcome),
            PendingRequest::Push { body, ids, size } => {
                self.push_answer(store, at, body, (&ids, size), outcome)
            }
            PendingRequest::Create { upload, sent } => self.create_answer(store, at, upload, sent, outcome),
            PendingRequest::Head { upload, url } => self.head_answer(store, at, upload, url, outcome),
            PendingRequest::ReadPhoto {
                upload,
                url,
                offset,
                len,
            } => self.photo_read(store, at, upload, url, offset, len, outcome),
            PendingRequest::Patch {
                upload,
                url,
                offset,
                len,
            } => self.patch_answer(store, at, upload, url, offset, len, outcome),
            PendingRequest::Pull { cursor } => self.pull_answer(store, at, &cursor, outcome),
            PendingRequest::Manifest => self.manifest_answer(store, at, outcome),
            PendingRequest::File(wanted) => self.file_answer(store, at, &wanted, outcome),
            PendingRequest::App(wanted) => self.app_answer(store, at, &wanted, outcome),
            PendingRequest::Compare { sha256, attempts } => {
                self.compare_answer(store, at, sha256, attempts, outcome)
            }
            PendingRequest::ParcelPhoto => self.parcel_photo(store, at, outcome),
            PendingRequest::Parcel(sha256) => self.parcel_answer(store, at, sha256, outcome),
        }
    }
}

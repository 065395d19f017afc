//! Contact with the server for all users of a handset.

use crate::{
    Error, Result,
    lifecycle::{handset::Handset, handset::SalvagedHome},
    live::watch::WatchEvent,
    platform::surroundings::Surroundings,
    sync::{
        data_policy::SyncTrigger,
        report::{SyncProgress, SyncReport},
    },
    terminal::Terminal,
    transport::cancel::CancelToken,
};
use protocol::time::Millis;
use std::path::{Path, PathBuf};

/// An event while a handset watches for all of its users.
#[derive(Debug)]
pub enum HandsetEvent {
    /// An event of the watch; of another user if it says so.
    Watched(WatchEvent),
    /// Damaged databases of other users were handed over. Mark them as read after they were shown.
    Salvaged(Vec<SalvagedHome>),
}

/// The result for another user's home in a sync of all.
#[derive(Debug)]
pub enum OtherSync {
    Synced {
        name: String,
        report: Box<SyncReport>,
        /// The user's clock after the sync.
        now: Millis,
    },
    /// The home did not open, and a damaged database was salvaged.
    Salvaged(SalvagedHome),
    Failed {
        home: PathBuf,
        error: Error,
    },
}

impl Handset {
    /// As [`Terminal::watch`] for the current user's `terminal`, with the other users: what waits of them is sent
    /// under each user's identity, and their damaged databases are handed over.
    ///
    /// # Errors
    /// As [`Terminal::watch`]. Failures of the others are logged.
    pub fn watch(
        &self,
        terminal: &Terminal,
        around: &dyn Surroundings,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(HandsetEvent),
    ) -> Result<()> {
        let home = terminal.store().home();
        let mut others = self.others(home);
        terminal.watch_with(&mut || others.terminals(), around, cancel, &mut |event| {
            let is_done = matches!(&event, WatchEvent::Synced(report) if report.is_success());
            listener(HandsetEvent::Watched(event));
            if !is_done {
                return;
            }
            let mut done = self.salvage_others(home);
            done.retain(SalvagedHome::is_handed_over);
            if !done.is_empty() {
                listener(HandsetEvent::Salvaged(done));
            }
        })
    }
    /// Syncs all users but the one whose home is `but` once, each under its own identity, and salvages homes that do
    /// not open because of a damaged database. One user's failure does not affect the rest. Homes without an enrolment
    /// are skipped.
    ///
    /// # Errors
    /// Errors of the disk while listing the homes, and `call.cancelled`.
    pub fn sync_others(
        &self,
        but: &Path,
        around: &dyn Surroundings,
        ask: SyncTrigger,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(SyncProgress),
    ) -> Result<Vec<OtherSync>> {
        let mut done = Vec::new();
        for home in self.homes()?.into_iter().filter(|home| home != but) {
            let synced = self.open_home(&home).and_then(|terminal| {
                let report = terminal.sync_now(around, ask, cancel, listener)?;
                Ok(OtherSync::Synced {
                    name: terminal.account().holder_name.clone(),
                    now: terminal.clock_reading()?.wall,
                    report: Box::new(report),
                })
            });
            done.push(match synced {
                Ok(synced) => synced,
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                // A user who is not current has no watch that would salvage.
                Err(_) if self.waits_for_salvage(&home) => match self.salvage_home(&home, None) {
                    Ok(salvaged) => OtherSync::Salvaged(salvaged),
                    Err(error) => OtherSync::Failed { home, error },
                },
                Err(Error::NotEnrolled) => continue,
                Err(error) => OtherSync::Failed { home, error },
            });
        }
        Ok(done)
    }
}

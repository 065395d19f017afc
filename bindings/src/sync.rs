//! Sync (同步), the watch, and the sealed export.

use crate::{
    errors::Result,
    handset::Handset,
    listeners::{CancelToken, ExportListener, SyncListener},
    macros::record,
    types::count,
    words::{Why, Words, both},
};
use std::{path::Path, sync::Arc};
use terminal_core::{
    lifecycle::ExportProgress,
    live::{HandsetEvent, WatchEvent},
    protocol::{ids::EntryId, time::Millis},
    sync::{self, Exported, Progress, SyncTrigger},
};

/// Who asked for a sync: the app by itself, a person (retry times do not hold him up), or a person who accepts the cost
/// of a metered network for this one sync.
#[uniffi::remote(Enum)]
pub enum SyncTrigger {
    Automatic,
    Person,
    Forced,
}

record! {
    /// The result of a sync.
    SyncReport from (sync::SyncReport, Millis) as (report, now) {
        /// Everything was sent and fetched.
        is_success: bool = report.is_success(),
        lines: Vec<Words> = lines(&report, now),
        entries_received: u64 = report.entries_received,
        entries_refused: u64 = report.entries_refused,
        photos_received: u64 = report.photos_received,
        rows_pulled: u64 = report.rows_pulled,
        files_updated: u64 = report.files_updated,
        entries_waiting: u64 = report.entries_waiting,
        photos_waiting: u64 = report.photos_waiting,
        bytes_sent: u64 = report.bytes_sent,
        bytes_received: u64 = report.bytes_received,
        /// Why something was held back: settings, network, battery or budget.
        held_back: Option<Why> = report.held_back.map(Into::into),
        problem: Option<Why> = report.problem.map(Into::into),
        next_try: Option<Millis> = report.next_try,
    }
}

/// What happened, in lines for a person.
fn lines(report: &sync::SyncReport, now: Millis) -> Vec<Words> {
    use terminal_core::words::Lang;
    let (zh, en) = (report.lines(Lang::Zh, now), report.lines(Lang::En, now));
    zh.into_iter().zip(en).map(|(zh, en)| Words { zh, en }).collect()
}

/// A step of a sync. (`Progress` is a type of Swift.)
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum SyncProgress {
    Connected,
    /// The server holds these entries now.
    Received {
        items: Vec<EntryId>,
    },
    Refused {
        item: EntryId,
        why: Why,
    },
    /// Bytes of a photo that the server confirmed.
    Photo {
        item: EntryId,
        position: u32,
        sent: u64,
        size: u64,
    },
    PhotoReceived {
        item: EntryId,
        position: u32,
    },
    Pulled {
        rows: u64,
    },
    File {
        name: String,
        have: u64,
        size: u64,
    },
    /// The server ended this stream: what waited was sealed for a parcel.
    Sealed {
        entries: u32,
        photos: u32,
    },
    Problem {
        why: Why,
    },
}

impl From<Progress> for SyncProgress {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Connected => Self::Connected,
            Progress::Received(items) => Self::Received { items },
            Progress::Refused(item, why) => Self::Refused {
                item,
                why: why.into(),
            },
            Progress::Photo {
                item,
                position,
                sent,
                size,
            } => Self::Photo {
                item,
                position,
                sent,
                size,
            },
            Progress::PhotoReceived { item, position } => Self::PhotoReceived { item, position },
            Progress::Pulled(rows) => Self::Pulled { rows },
            Progress::File { name, have, size } => Self::File {
                name: name.to_string(),
                have,
                size,
            },
            Progress::Sealed { entries, photos } => Self::Sealed {
                entries: count(entries),
                photos: count(photos),
            },
            Progress::Problem(why) => Self::Problem { why: why.into() },
        }
    }
}

/// What the watch does.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum Watched {
    Progress {
        progress: SyncProgress,
    },
    Synced {
        report: SyncReport,
    },
    /// The sync of another user of this phone.
    SyncedOther {
        name: String,
        report: SyncReport,
    },
    /// The line to the server was opened or closed; new tasks come at once while it is open.
    Line {
        is_open: bool,
    },
    /// Nothing is sent from now on, and why.
    Paused {
        why: Why,
    },
    /// Damaged databases of so many other users were handed over.
    Salvaged {
        users: u32,
    },
}

impl From<(HandsetEvent, Millis)> for Watched {
    fn from((event, now): (HandsetEvent, Millis)) -> Self {
        match event {
            HandsetEvent::Watched(WatchEvent::Progress(progress)) => Self::Progress {
                progress: progress.into(),
            },
            HandsetEvent::Watched(WatchEvent::Synced(report)) => Self::Synced {
                report: (*report, now).into(),
            },
            HandsetEvent::Watched(WatchEvent::SyncedOther(name, report)) => Self::SyncedOther {
                name,
                report: (*report, now).into(),
            },
            HandsetEvent::Watched(WatchEvent::HintStream(is_open)) => Self::Line { is_open },
            HandsetEvent::Watched(WatchEvent::Paused(why)) => Self::Paused { why: why.into() },
            HandsetEvent::Salvaged(homes) => Self::Salvaged {
                users: count(homes.len()),
            },
        }
    }
}

/// What an export holds.
#[uniffi::remote(Record)]
pub struct Exported {
    pub parcels: u64,
    pub entries: u64,
    pub drafts: u64,
    pub photos: u64,
    pub photos_missing: u64,
}

record! {
    /// How far an export is.
    ExportStep from &ExportProgress as progress {
        sealed: Exported = progress.sealed.clone(),
        /// Entries, drafts and photos that follow.
        left: u64 = progress.left,
    }
}

#[uniffi::export]
impl Handset {
    /// Syncs now, or joins the sync that runs. Blocks until it is done.
    pub fn sync(
        &self,
        asked_by: SyncTrigger,
        cancel: Arc<CancelToken>,
        listener: Arc<dyn SyncListener>,
    ) -> Result<SyncReport> {
        let mut tell = |progress: Progress| drop(listener.on_progress(progress.into()));
        Ok((
            self.core.sync_now(&self.around, asked_by, &cancel.0, &mut tell)?,
            self.core.now()?,
        )
            .into())
    }
    /// Seals everything that waits into a new file, which only the server can open.
    pub fn export_parcels(
        &self,
        file: String,
        cancel: Arc<CancelToken>,
        listener: Arc<dyn ExportListener>,
    ) -> Result<Exported> {
        let mut tell = |progress: &ExportProgress| drop(listener.on_step(progress.into()));
        Ok(self.core.export_with(Path::new(&file), &cancel.0, &mut tell)?)
    }
}

/// What an open or closed line means for the worker.
#[uniffi::export]
pub fn line_words(is_open: bool) -> Words {
    both(|lang| terminal_core::words::hint_stream(lang, is_open))
}

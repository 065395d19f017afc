//! Sync (同步), the watch, and the sealed export.

use crate::{
    handset::Handset,
    listeners::{CancelToken, ExportListener, SyncListener},
    types::count,
    words::Words,
};
use std::{path::Path, sync::Arc};
use terminal_core::{
    lifecycle::ExportProgress,
    live::{HandsetEvent, WatchEvent},
    protocol::{entry::Reason, ids::EntryId, manifest::FileName, time::Millis},
    sync::{self, Exported, SyncProgress, SyncTrigger},
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
        held_back: Option<Reason> = report.held_back,
        problem: Option<Reason> = report.problem,
        next_try: Option<Millis> = report.next_try,
    }
}

/// What happened, in lines for a person.
fn lines(report: &sync::SyncReport, now: Millis) -> Vec<Words> {
    use terminal_core::words::Lang;
    let (zh, en) = (report.lines(Lang::Zh, now), report.lines(Lang::En, now));
    zh.into_iter().zip(en).map(|(zh, en)| Words { zh, en }).collect()
}

/// A step of a sync.
#[uniffi::remote(Enum)]
pub enum SyncProgress {
    /// The server gave a token.
    Connected,
    /// The server holds these entries now.
    Received {
        items: Vec<EntryId>,
    },
    /// The server refused an entry; the others continue.
    Refused {
        item: EntryId,
        why: Reason,
    },
    /// Bytes of a photo that the server confirmed; its position in the item, from 0.
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
    /// Rows of the mailbox: receipts, cases, tasks.
    Pulled {
        rows: u64,
    },
    File {
        name: FileName,
        have: u64,
        size: u64,
    },
    /// The server ended this stream: what waited was sealed for a parcel.
    Sealed {
        entries: u32,
        photos: u32,
    },
    /// A step failed; the report says how it continues.
    Problem {
        why: Reason,
    },
}

variants! {
    /// What the watch does.
    Watched from (HandsetEvent, Millis) {
        Progress { progress: SyncProgress = it, } from (HandsetEvent::Watched(WatchEvent::Progress(it)), _),
        Synced { report: SyncReport = (*it, now).into(), } from (HandsetEvent::Watched(WatchEvent::Synced(it)), now),
        /// The sync of another user of this phone.
        SyncedOther {
            name: String = name,
            report: SyncReport = (*it, now).into(),
        } from (HandsetEvent::Watched(WatchEvent::SyncedOther(name, it)), now),
        /// The line to the server was opened or closed; new tasks come at once while it is open.
        Line { is_open: bool = open, } from (HandsetEvent::Watched(WatchEvent::HintStream(open)), _),
        /// Nothing is sent from now on, and why.
        Paused { why: Reason = why, } from (HandsetEvent::Watched(WatchEvent::Paused(why)), _),
        /// Damaged databases of so many other users were handed over.
        Salvaged { users: u32 = count(homes.len()), } from (HandsetEvent::Salvaged(homes), _),
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

calls! { self: Handset,
    /// Syncs now, or joins the sync that runs. Blocks until it is done.
    sync(asked_by: SyncTrigger, cancel: Arc<CancelToken>, listener: Arc<dyn SyncListener>) -> SyncReport = {
        let mut tell = |progress: SyncProgress| drop(listener.on_progress(progress));
        (self.core.sync_now(&self.around, asked_by, &cancel.0, &mut tell)?, self.core.now()?).into()
    };
    /// Seals everything that waits into a new file, which only the server can open.
    export_parcels(file: String, cancel: Arc<CancelToken>, listener: Arc<dyn ExportListener>) -> Exported = {
        let mut tell = |progress: &ExportProgress| drop(listener.on_step(progress.into()));
        self.core.export_with(Path::new(&file), &cancel.0, &mut tell)?
    };
}

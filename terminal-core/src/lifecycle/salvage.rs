//! Salvage (抢救): whatever is readable of a quarantined database is handed over to the centre as a sealed
//! parcel of the old stream; new work begins in a new stream (`docs/adr/0009-salvage-is-a-parcel.md`). The
//! report says what was saved and what was not.

use crate::{
    Error, Result,
    photos::folder::PhotoFolder,
    platform::{
        bundle::Platform,
        disk::{Disk, DiskLock},
        home::{CARD_WITH, PHOTOS, SALVAGE_FOLDER, SALVAGE_LOCK, with_suffix},
        photo_files::{PhotoFileError, PhotoFiles},
    },
    store::{
        account::Account,
        card::{card_at, read_card},
        drafts::SavedDraft,
        mark::holds,
        pending::{PendingEntry, PendingPhoto, PendingWork},
        recover,
    },
    sync::{
        failure::{SyncFailure, classify},
        parcel::{Exported, ParcelBuilder},
        step::StepOutcome,
    },
    transport::{
        exchange::Transport,
        request::{Method, Request},
    },
    words,
};
use protocol::{
    evidence::ClockReading,
    ids::StreamId,
    parcel::{ParcelAnswer, SealedFor},
    photo::Sha256,
    planted,
    problem::HandsetCode,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Prefix of unread reports: `salvage-N.json`.
const REPORT: &str = "salvage-";

/// The result for one damaged database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalvageReport {
    /// Name of the quarantined file.
    pub file: String,
    pub stream: Option<StreamId>,
    /// Everything in it was readable.
    pub is_whole: bool,
    /// Saved entries without a receipt.
    pub entries: u64,
    /// Entries that the server had received before.
    pub held: u64,
    pub drafts: u64,
    pub photos: u64,
    /// Ranges of numbers that were given out, are unreadable, and were not known to be received.
    pub lost: Vec<(u64, u64)>,
    /// The server has confirmed everything that was saved.
    pub delivered: bool,
}

/// A damaged database after reading.
#[derive(Debug)]
pub struct Salvage {
    pub report: SalvageReport,
    account: Option<Account>,
    /// Entries without a receipt, by number.
    entries: BTreeMap<u64, PendingEntry>,
    drafts: Vec<SavedDraft>,
    photos: Vec<PendingPhoto>,
    /// Readable entries with a receipt, in case the server lost them in a restore.
    received: BTreeMap<u64, PendingEntry>,
    photos_received: Vec<PendingPhoto>,
    /// The server's epoch at the time of those receipts.
    epoch: Option<String>,
    aside: PathBuf,
    /// Only one process of the home may read and hand over at a time.
    _turn: DiskLock,
}

/// Reports of completed hand-overs that were not read yet, with their files.
///
/// # Errors
/// Errors of the disk.
pub fn unread(home: &Path, disk: &dyn Disk) -> Result<Vec<(PathBuf, SalvageReport)>> {
    let mut names = disk.names(home).map_err(Error::io(home))?;
    names.retain(|name| name.starts_with(REPORT) && name.ends_with(".json"));
    names.sort();
    let mut reports = Vec::new();
    for path in names.into_iter().map(|name| home.join(name)) {
        let mut text = String::new();
        disk.open(&path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(Error::io(&path))?;
        reports.push((path, serde_json::from_str(&text).unwrap_or_default()));
    }
    Ok(reports)
}

/// Deletes the files of these reports.
///
/// # Errors
/// Errors of the disk.
pub fn mark_read(disk: &dyn Disk, reports: &[(PathBuf, SalvageReport)]) -> Result<()> {
    reports
        .iter()
        .try_for_each(|(path, _)| disk.remove(path).map_err(Error::io(path)))
}

/// Reads a quarantined database.
///
/// # Errors
/// `salvage.running` while another process salvages, `salvage.done` after another process has finished;
/// errors of disk and keys. Unreadable content is no error.
pub fn read(home: &Path, platform: &Platform, aside: &Path) -> Result<Salvage> {
    let disk = platform.disk.as_ref();
    let lock = home.join(SALVAGE_LOCK);
    let Some(turn) = disk.try_lock(&lock).map_err(Error::io(&lock))? else {
        return Err(Error::input(
            HandsetCode::SalvageRunning,
            "另一个程序正在抢救损坏的数据库，请稍后再试",
            "another program is salvaging the damaged database; try again later",
        ));
    };
    if !disk.exists(aside) {
        return Err(Error::input(
            HandsetCode::SalvageDone,
            "损坏的数据库刚刚已由另一个程序交接",
            "another program has just handed over the damaged database; nothing to do",
        ));
    }
    let card = card_at(&with_suffix(aside, CARD_WITH), disk).or_else(|| read_card(home, disk));
    let salt = card
        .as_ref()
        .and_then(|card| hex::decode(&card.salt).ok()?.try_into().ok());
    let saved = recover::read(
        disk,
        aside,
        &platform.keystore.database_key()?,
        salt,
        &home.join(SALVAGE_FOLDER),
    )?;
    let photos = photos(home, platform)?;
    let mut wanted: BTreeSet<Sha256> = saved.entries.values().flat_map(recover::photos_named).collect();
    // If the database does not say which photos were received, all photos in the folder count as pending.
    let (mut here, mut held) = (Vec::new(), Vec::new());
    for name in disk.names(&home.join(PHOTOS)).unwrap_or_default() {
        let photo: Option<Sha256> = name.strip_suffix(".photo").and_then(|name| name.parse().ok());
        let Some(sha256) = photo else { continue };
        let photo = PendingPhoto {
            size: photos.size(sha256).unwrap_or(0),
            file: PhotoFolder::file_name(sha256),
            sha256,
        };
        if saved.photos_held.contains(&sha256) {
            held.push(photo);
        } else {
            wanted.remove(&sha256);
            here.push(photo);
        }
    }
    // Named but missing: the parcel reports them.
    here.extend(
        wanted
            .into_iter()
            .filter(|photo| !saved.photos_held.contains(photo))
            .map(|sha256| PendingPhoto {
                size: 0,
                file: PhotoFolder::file_name(sha256),
                sha256,
            }),
    );
    let account = saved.account.or(card.map(|card| card.account));
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let report = SalvageReport {
        file: aside
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        stream: account.as_ref().map(|account| account.stream),
        is_whole: saved.is_whole,
        entries: count(saved.entries.len()),
        held: count(saved.held.len()),
        drafts: count(saved.drafts.len()),
        photos: count(here.len()),
        lost: saved.lost,
        delivered: false,
    };
    Ok(Salvage {
        report,
        account,
        entries: saved.entries,
        drafts: saved.drafts,
        photos: here,
        received: saved.received,
        photos_received: held,
        epoch: saved.epoch,
        aside: aside.to_owned(),
        _turn: turn,
    })
}

fn photos(home: &Path, platform: &Platform) -> Result<PhotoFolder> {
    let disk = Arc::clone(&platform.disk);
    PhotoFolder::open_on(disk, &home.join(PHOTOS), platform.keystore.photo_key()?)
        .map_err(|error| Error::Input(words::photo_error(&error)))
}

/// Sends one parcel; returns the server's answer if it confirms the whole parcel.
fn hand_over(transport: &dyn Transport, parcel: Vec<u8>, pack: &ParcelBuilder) -> Result<ParcelAnswer> {
    let sha256 = Sha256::of(&parcel);
    let mut request = Request::new(Method::Post, "/v1/field/parcel");
    request.body = parcel;
    let request = request.header("content-type", "application/octet-stream");
    let outcome = match transport.exchange(&request) {
        Ok(response) => StepOutcome::Answer(response),
        Err(error) => StepOutcome::Failed(error),
    };
    let response = classify(outcome).map_err(|failure| failure.reason)?;
    let foreign = || SyncFailure::foreign("no answer to this parcel").reason;
    let answer: ParcelAnswer = serde_json::from_slice(&response.body).map_err(|_| foreign())?;
    let held: BTreeSet<Sha256> = answer
        .receipts
        .iter()
        .map(|receipt| receipt.sha256)
        .chain(answer.kept.iter().copied())
        .chain(answer.photos.iter().map(|photo| photo.sha256))
        .chain(pack.contents().missing.iter().map(|photo| photo.sha256))
        .collect();
    if answer.parcel != sha256 || !pack.hashes().is_subset(&held) {
        return Err(foreign().into());
    }
    Ok(answer)
}

impl Salvage {
    /// The account of the old stream.
    ///
    /// # Errors
    /// `salvage.nobody` if neither the database nor its card names it.
    pub fn account(&self) -> Result<&Account> {
        self.account.as_ref().ok_or_else(|| {
            Error::input(
                HandsetCode::SalvageNobody,
                "损坏的数据库不能说明属于谁，原文件已保留，请联系管理员",
                "the damaged database does not show who it belongs to; the file was kept; contact the administrator",
            )
        })
    }
    /// The pending work, without what the server has received.
    fn pending(&self) -> PendingWork {
        PendingWork {
            entries: self.entries.values().cloned().collect(),
            drafts: self.drafts.clone(),
            photos: self.photos.clone(),
        }
    }
    /// Given the server's answer: all entries that it lacks, by number, and the photos that it may have lost.
    fn lost(&self, told: &ParcelAnswer) -> (Vec<PendingEntry>, Vec<PendingPhoto>) {
        let mut entries = self.entries.clone();
        planted!(SalvageTrustsOldReceipts => return (entries.into_values().collect(), Vec::new()));
        let lost = self.received.iter().filter(|(n, _)| !holds(&told.mark, **n));
        let lost: BTreeMap<u64, PendingEntry> = lost.map(|(n, entry)| (*n, entry.clone())).collect();
        let is_restored = self.epoch.as_ref().is_none_or(|known| *known != told.epoch);
        let named: BTreeSet<Sha256> = lost.values().flat_map(recover::photos_named).collect();
        let photos = self.photos_received.iter();
        let photos = photos.filter(|photo| is_restored || named.contains(&photo.sha256));
        entries.extend(lost);
        (entries.into_values().collect(), photos.cloned().collect())
    }
    /// Seals `pending` parcel by parcel and passes each to `carry`.
    fn each(
        &self,
        home: &Path,
        platform: &Platform,
        pending: &PendingWork,
        more: usize,
        carry: &mut dyn FnMut(Vec<u8>, &ParcelBuilder) -> Result<()>,
    ) -> Result<Exported> {
        let account = self.account()?;
        let signer = platform.keystore.signer(account.stream)?;
        let folder = photos(home, platform)?;
        let (mut done, mut sealed) = (BTreeSet::new(), Exported::default());
        loop {
            let clock = clock(platform);
            let mut pack = ParcelBuilder::next(pending, &done, clock, SealedFor::Salvage)?;
            while let Some(photo) = pack.wanted() {
                let read = PhotoFiles::read(&folder, &photo.file, 0, photo.size);
                if let Err(PhotoFileError::Unreadable(why)) = &read {
                    return Err(Error::Data(why.clone()));
                }
                pack.take_photo(read);
            }
            let is_last = pack.contents().left == 0;
            pack.followed_by(more);
            let parcel = pack.seal(account, signer.as_ref(), platform.random.as_ref())?;
            carry(parcel, &pack)?;
            sealed.add(pack.contents());
            done.extend(pack.hashes());
            if is_last {
                return Ok(sealed);
            }
        }
    }
    /// Hands everything over. The damaged file stays, renamed to `.saved-N`. Idempotent.
    ///
    /// # Errors
    /// Errors of network and server with their own codes; nothing has changed then.
    pub fn deliver(
        mut self,
        home: &Path,
        platform: &Platform,
        transport: &dyn Transport,
    ) -> Result<SalvageReport> {
        // Drafts first: the answer says what the server lacks. Then all entries by number, so that no older
        // version replaces a newer one.
        let drafts = PendingWork {
            drafts: self.drafts.clone(),
            ..PendingWork::default()
        };
        let more = self.entries.len() + self.photos.len();
        let mut told = None;
        self.each(home, platform, &drafts, more, &mut |parcel, pack| {
            told = Some(hand_over(transport, parcel, pack)?);
            Ok(())
        })?;
        let Some(told) = told else {
            return Err(Error::Data(
                "no parcel was sent, so the server's mark is unknown".into(),
            ));
        };
        // Lost photos before their entries: after an interruption the server still lacks the entries, and
        // they name the photos again.
        let (entries, photos_lost) = self.lost(&told);
        let photos_lost = PendingWork {
            photos: photos_lost,
            ..PendingWork::default()
        };
        let rest = PendingWork {
            entries,
            photos: self.photos.clone(),
            ..PendingWork::default()
        };
        let more = rest.entries.len() + rest.photos.len();
        for (pending, more) in [(photos_lost, more), (rest, 0)] {
            if !pending.entries.is_empty() || !pending.photos.is_empty() {
                self.each(home, platform, &pending, more, &mut |parcel, pack| {
                    hand_over(transport, parcel, pack).map(drop)
                })?;
            }
        }
        self.report.delivered = true;
        let disk = platform.disk.as_ref();
        self.keep_report(home, disk)?;
        let saved = home.join(self.report.file.replacen(".aside-", ".saved-", 1));
        // The database first: after a kill it must not be read again without its log or with another card.
        for suffix in ["", "-wal", "-shm", CARD_WITH] {
            let from = with_suffix(&self.aside, suffix);
            if disk.exists(&from) {
                disk.rename(&from, &with_suffix(&saved, suffix))
                    .map_err(Error::io(&from))?;
                disk.sync_folder(home).map_err(Error::io(home))?;
            }
        }
        Ok(self.report)
    }
    /// Stores the report until somebody reads it, also after a sync in the background.
    fn keep_report(&self, home: &Path, disk: &dyn Disk) -> Result<()> {
        let number = self.report.file.rsplit('-').next().unwrap_or_default();
        let path = home.join(format!("{REPORT}{number}.json"));
        if disk.exists(&path) {
            disk.remove(&path).map_err(Error::io(&path))?;
        }
        disk.create_synced(&path, &serde_json::to_vec(&self.report)?)
            .map_err(Error::io(&path))
    }
    /// Writes everything into a sealed file, to be carried to the centre. The damaged database stays in
    /// quarantine.
    ///
    /// # Errors
    /// Errors of file and keys.
    pub fn export(&self, home: &Path, platform: &Platform, file: &Path) -> Result<Exported> {
        let mut out = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .map_err(Error::io(file))?;
        let sealed = self.each(home, platform, &self.pending(), 0, &mut |parcel, _| {
            out.write_all(&parcel).map_err(Error::io(file))
        })?;
        out.sync_all().map_err(Error::io(file))?;
        Ok(sealed)
    }
}

fn clock(platform: &Platform) -> ClockReading {
    platform.clock.read().reading(None)
}

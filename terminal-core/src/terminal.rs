//! The handset as its worker uses it. Everything here works with no network at all, and whatever a call has
//! returned as done survives the death of the process; only [`Terminal::sync`] and [`Terminal::watch`] speak to the server.
//!
//! Rules that need the server's knowledge are the server's (a report off duty is taken and flagged there).
//! What the handset knows for sure is said at once: a second check-in, a task answered already, a photo that
//! is none.

use crate::{
    Error, Result,
    disk::SystemDisk,
    photos::PhotoFolder,
    place::{HandsetGrid, Place, PlaceAnswer},
    platform::{Clock, Disk, Random, SystemClock, SystemRandom, Vault, random_bytes},
    presence::Presence,
    report::{Draft, ReportContent, ReportDraft, photo_file},
    salvage,
    store::{Account, Cancelled, Custody, DATABASE, HandedOver, Item, NewEntry, Store},
    syncing::Network,
    transport::{Transport, https::Https},
    vault::FileVault,
    wipe, words,
};
use protocol::{
    codes::GridVersion,
    entry::{DispositionState, Entry},
    evidence::{ClockReading, Evidence, Position},
    feed::{PostRow, kind},
    field::{Device, Invitation},
    geo::PointE7,
    ids::{EntryId, RecordId},
    manifest::{Catalogue, FileName},
    open::Open,
    payload::{EntryKind, Payload, Report},
    photo::Sha256,
    problem::{HandsetCode, ProblemCode, ReasonCode},
    time::Millis,
};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// Folder of the sealed photos inside the home folder.
pub const PHOTOS: &str = "photos";

/// What the platform gives a terminal.
#[derive(Clone)]
pub struct Platform {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub vault: Arc<dyn Vault>,
    pub disk: Arc<dyn Disk>,
}

impl Platform {
    /// The platform of the command line: Linux's clocks and randomness, keys in a file of mode 600 in `home`.
    ///
    /// # Errors
    /// Those of the key file.
    pub fn command_line(home: &Path) -> Result<Self> {
        let random = SystemRandom;
        wipe::finish(home, &SystemDisk)?;
        Ok(Self {
            clock: Arc::new(SystemClock::new(&random)?),
            vault: Arc::new(FileVault::open_or_create(home, &random)?),
            random: Arc::new(random),
            disk: Arc::new(SystemDisk),
        })
    }
}

/// An enrolled handset (终端). Cheap to clone; all clones are the same handset.
#[derive(Clone)]
pub struct Terminal(Arc<Inner>);

struct Inner {
    store: Store,
    photos: Arc<PhotoFolder>,
    platform: Platform,
    account: Account,
    grid: Mutex<Option<(Sha256, Arc<HandsetGrid>)>>,
    network: Network,
}

/// What is to be filed; [`Terminal::file`] adds evidence and author.
pub(crate) struct Filing {
    pub id: EntryId,
    pub record: RecordId,
    pub supersedes: Option<EntryId>,
    pub grid: Option<GridVersion>,
    pub position: Option<Position>,
    pub summary: String,
    pub payload: Payload,
}

/// The home screen in one value.
#[derive(Debug, Clone)]
pub struct Status {
    pub account: Account,
    /// The post as the server describes it; absent before the first sync.
    pub post: Option<PostRow>,
    pub presence: Presence,
    pub drafts: usize,
    /// Items that only this handset holds.
    pub items_waiting: usize,
    /// Photos that only this handset holds.
    pub photos_waiting: usize,
    /// Items that came back and wait for their author.
    pub returned: usize,
    /// Tasks without an answer of this handset.
    pub tasks_open: usize,
    pub tasks_overdue: usize,
    pub grid: Option<GridVersion>,
    pub last_sync: Option<Millis>,
    pub last_contact: Option<Millis>,
    pub clock: ClockReading,
}

/// What taking back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// A draft was thrown away.
    DraftDiscarded,
    /// It had never left the handset and is cancelled.
    Cancelled,
    /// It may have left the handset: a withdrawal with this id follows it to the server, which decides.
    Requested(EntryId),
}

impl Terminal {
    /// Opens the enrolled handset in `home`. Nothing is made in a folder that holds none.
    ///
    /// # Errors
    /// `enrol.none`, and those of the store and of the keys.
    pub fn open(home: &Path, platform: Platform) -> Result<Self> {
        if let Some(done) = wipe::finish(home, platform.disk.as_ref())? {
            return Err(Error::Input(done.reason()));
        }
        if !platform.disk.exists(&home.join(DATABASE)) {
            return Err(Error::NotEnrolled);
        }
        let store = Store::open_on(Arc::clone(&platform.disk), home, platform.vault.database_key()?)?;
        let account = store.account()?;
        let disk = Arc::clone(&platform.disk);
        let photos = PhotoFolder::open_on(disk, &home.join(PHOTOS), platform.vault.photo_key()?)
            .map_err(|error| Error::Input(words::photo_error(&error)))?;
        let terminal = Self(Arc::new(Inner {
            store,
            photos: Arc::new(photos),
            platform,
            account,
            grid: Mutex::new(None),
            network: Network::default(),
        }));
        if let Some(done) = terminal.store().handed_over()?
            && terminal.wipe(&done)?
        {
            return Err(Error::Input(done.reason()));
        }
        salvage::keep_card(home, terminal.disk(), terminal.account())?;
        // Only room on the disk is at stake, so a folder that cannot be swept opens all the same.
        if let Err(error) = terminal.sweep_photos() {
            tracing::info!(code = %error.code(), "photos were not swept");
        }
        Ok(terminal)
    }

    /// Enrols this folder with the string from the administrator, and opens it. Called again after any failure,
    /// it goes on where it was.
    ///
    /// # Errors
    /// `enrol.*` with the server's words, `network.*`, and those of the store and of the keys.
    pub fn enrol(home: &Path, platform: Platform, invitation: &str, device: Device) -> Result<Self> {
        let server = Invitation::from_text(invitation).map_err(|bad| {
            Error::input(
                ProblemCode::EnrolString,
                "登记码格式不正确，请重新扫码",
                bad.to_string(),
            )
        })?;
        let https = Https::new(&server.server, &server.pins).map_err(|error| error.reason())?;
        Self::enrol_over(&https, home, platform, invitation, device)
    }
    /// [`Terminal::enrol`] over a transport of the caller's.
    ///
    /// # Errors
    /// As [`Terminal::enrol`].
    pub fn enrol_over(
        transport: &dyn Transport,
        home: &Path,
        platform: Platform,
        invitation: &str,
        device: Device,
    ) -> Result<Self> {
        wipe::begin_anew(home, platform.disk.as_ref())?;
        let store = Store::open_on(Arc::clone(&platform.disk), home, platform.vault.database_key()?)?;
        crate::enrol::enrol(
            &store,
            platform.vault.as_ref(),
            platform.clock.as_ref(),
            platform.random.as_ref(),
            transport,
            invitation,
            device,
        )?;
        drop(store);
        Self::open(home, platform)
    }

    /// Forgets everything, once the server holds it; `false` while a damaged database still waits to be salvaged, and
    /// when the home belongs to another stream by now: a process that was left open must not forget what a later
    /// enrolment has begun.
    pub(crate) fn wipe(&self, done: &HandedOver) -> Result<bool> {
        let _turn = self.turn()?;
        let lives_here = salvage::predecessor(self.store().home(), self.disk());
        if lives_here.is_some_and(|stream| stream != self.account().stream)
            || self.store().has_databases_aside()?
        {
            return Ok(false);
        }
        wipe::wipe(
            self.store().home(),
            self.disk(),
            self.platform().vault.as_ref(),
            done,
        )?;
        Ok(true)
    }
    /// [`Terminal::sync_over`]'s last step, for whoever steps a sync himself.
    ///
    /// # Errors
    /// Those of the disk and of the keys.
    #[cfg(feature = "testing")]
    pub fn forget_everything(&self, done: &HandedOver) -> Result<bool> {
        self.wipe(done)
    }
    /// Who this handset belongs to.
    pub fn account(&self) -> &Account {
        &self.0.account
    }
    pub fn store(&self) -> &Store {
        &self.0.store
    }
    /// The sealed photos.
    pub fn photo_folder(&self) -> &Arc<PhotoFolder> {
        &self.0.photos
    }
    pub(crate) fn disk(&self) -> &dyn Disk {
        self.0.platform.disk.as_ref()
    }
    pub(crate) fn platform(&self) -> &Platform {
        &self.0.platform
    }
    pub(crate) fn network(&self) -> &Network {
        &self.0.network
    }
    pub(crate) fn random(&self) -> &dyn Random {
        self.0.platform.random.as_ref()
    }
    /// One look at all clocks, with what is known of the server's.
    ///
    /// # Errors
    /// Those of the store.
    pub fn clock_reading(&self) -> Result<ClockReading> {
        self.store().clock_reading(self.0.platform.clock.read())
    }
    /// A fix was made: satellites tell the time while the server has not.
    ///
    /// # Errors
    /// Those of the store.
    pub fn saw_fix(&self, fix: &Position) -> Result<()> {
        self.store()
            .learn_satellite_time(&self.0.platform.clock.read(), fix)
    }
    /// The best estimate of the time.
    ///
    /// # Errors
    /// Those of the store.
    pub fn now(&self) -> Result<Millis> {
        Ok(self.clock_reading()?.estimate())
    }

    /// A new report; nothing is saved until it holds a photo or [`Draft::save`] is called.
    ///
    /// # Errors
    /// Those of the platform's randomness.
    pub fn new_report(&self) -> Result<ReportDraft> {
        Draft::begin(self, ReportContent::default())
    }
    /// A saved draft of a report.
    ///
    /// # Errors
    /// `item.unknown`, `draft.other_kind`.
    pub fn report_draft(&self, id: EntryId) -> Result<ReportDraft> {
        Draft::load(self, id)
    }
    /// A returned report as a draft that supersedes it, filled with what it said.
    ///
    /// # Errors
    /// `item.unknown`; `report.not_returned`; `item.mended_already`.
    pub fn mend_report(&self, id: EntryId) -> Result<ReportDraft> {
        let Some(item) = self.store().item(id)? else {
            return self.mend_unsettled_report(id);
        };
        let Payload::Report(sent) = self.payload_of(id)? else {
            return Err(not_returned());
        };
        let why = item
            .disposition
            .as_ref()
            .and_then(|(said, _)| said.reason.as_ref());
        let is = |code: ReasonCode| why.is_some_and(|why| why.code == code);
        if is(ReasonCode::Withdrawn) || !is_rejected(&item) && !matches!(item.custody, Custody::Refused(_)) {
            return Err(not_returned());
        }
        if is(ReasonCode::Superseded) || !self.store().items_mending(id)?.is_empty() {
            return Err(Error::input(
                HandsetCode::ItemMendedAlready,
                "这一条已修改并重新提交，请在队列中查看",
                "this has been mended and filed again already, see the queue",
            ));
        }
        let (entry, _) = self.store().entry(id)?;
        self.mended(item.record, &entry, sent)
    }
    /// One that came back and is not here.
    fn mend_unsettled_report(&self, id: EntryId) -> Result<ReportDraft> {
        let open = self.unsettled_entry(id)?.ok_or(Error::NoSuchItem)?;
        match open.said {
            _ if !open.is_rejected() => Err(not_returned()),
            Some((entry, Payload::Report(sent))) => self.mended(open.row.record, &entry, sent),
            Some(_) | None => Err(not_returned()),
        }
    }
    fn mended(&self, record: RecordId, entry: &Entry, sent: Report) -> Result<ReportDraft> {
        let photos = sent.photos.clone();
        let content = ReportContent::of(sent, Some(&self.catalogue()?));
        let mut draft = Draft::mend(self, record, entry.id, &photos, content)?;
        if let Some(position) = entry.evidence.position.clone() {
            draft.at(position);
        }
        Ok(draft)
    }

    /// Takes an item back or throws a draft away.
    ///
    /// # Errors
    /// `item.unknown`; `item.not_cancellable` for a withdrawal itself.
    pub fn withdraw(&self, id: EntryId, reason: &str) -> Result<Withdrawal> {
        let _turn = self.turn()?;
        if self.store().item(id)?.is_none() {
            if self.store().draft(id)?.is_some() {
                self.discard_draft(id)?;
                return Ok(Withdrawal::DraftDiscarded);
            }
            let open = self.unsettled_entry(id)?.ok_or(Error::NoSuchItem)?;
            let asked = self.withdraw_unsettled(&open, reason.trim())?;
            return Ok(Withdrawal::Requested(asked));
        }
        let evidence = self.evidence(None)?;
        match self
            .store()
            .cancel(id, self.new_entry_id()?, reason.trim(), &evidence)?
        {
            Cancelled::Voided { files, .. } => {
                for file in files {
                    if let Some(photo) = file.strip_suffix(".photo").and_then(|name| name.parse().ok()) {
                        self.forget_photo(photo)?;
                    }
                }
                Ok(Withdrawal::Cancelled)
            }
            Cancelled::Withdrawn(item) => Ok(Withdrawal::Requested(item.id)),
        }
    }

    /// Where a WGS-84 point lies in this handset's grid.
    ///
    /// # Errors
    /// `grid.pack.*` when the grid file is damaged, and those of the store.
    pub fn where_is(&self, point: PointE7, accuracy_cm: Option<u32>) -> Result<Place> {
        Ok(match self.grid()? {
            Some(grid) => grid.locate(point, accuracy_cm),
            None => Place {
                point,
                accuracy_cm,
                answer: PlaceAnswer::NoGrid,
            },
        })
    }
    /// The grid in force, opened once for each version.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn grid(&self) -> Result<Option<Arc<HandsetGrid>>> {
        let in_force = self
            .store()
            .files()?
            .into_iter()
            .find(|file| file.name == FileName::Grid);
        let mut open = self.0.grid.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(in_force) = in_force else {
            return Ok(None);
        };
        if let Some((sha256, grid)) = open.as_ref().filter(|(sha256, _)| *sha256 == in_force.sha256) {
            tracing::trace!(%sha256, "grid is open");
            return Ok(Some(Arc::clone(grid)));
        }
        let Some((file, bytes)) = self.store().file(FileName::Grid)? else {
            return Ok(None);
        };
        let grid = Arc::new(HandsetGrid::open(bytes)?);
        *open = Some((file.sha256, Arc::clone(&grid)));
        Ok(Some(grid))
    }
    /// What can be reported: the operator's catalogue, else the one that ships.
    ///
    /// # Errors
    /// `data.malformed`
    pub fn catalogue(&self) -> Result<Catalogue> {
        match self.store().file(FileName::Catalogue)? {
            Some((_, bytes)) => Ok(serde_json::from_slice(&bytes)?),
            None => Catalogue::shipped().map_err(|error| Error::Data(error.to_string())),
        }
    }

    /// The home screen.
    ///
    /// # Errors
    /// Those of the store.
    pub fn status(&self) -> Result<Status> {
        let clock = self.clock_reading()?;
        let now = clock.estimate();
        let queue = self.queue()?;
        let open: Vec<_> = self
            .tasks()?
            .into_iter()
            .filter(|task| task.answered.is_none())
            .collect();
        let posts: Vec<PostRow> = self.store().mailbox_of(kind::POST)?;
        Ok(Status {
            account: self.account().clone(),
            post: posts.into_iter().next(),
            presence: self.presence()?,
            drafts: queue.iter().filter(|row| row.is_draft()).count(),
            items_waiting: queue.iter().filter(|row| row.waits_for_receipt()).count(),
            photos_waiting: usize::try_from(self.store().photos_waiting()?).unwrap_or(usize::MAX),
            returned: queue.iter().filter(|row| row.needs_author()).count(),
            tasks_overdue: open.iter().filter(|task| task.left(now) < 0).count(),
            tasks_open: open.len(),
            grid: self
                .store()
                .files()?
                .into_iter()
                .find(|file| file.name == FileName::Grid)
                .map(|file| GridVersion(file.version)),
            last_sync: self.store().last_sync()?,
            last_contact: self.store().last_contact()?,
            clock,
        })
    }

    /// Makes the entry and puts it into the outbox, durably.
    pub(crate) fn file(&self, filing: Filing) -> Result<Item> {
        let photo_files = filing.payload.photos().iter().map(photo_file).collect();
        self.store().submit(&NewEntry {
            id: filing.id,
            payload: filing.payload,
            record: filing.record,
            after: None,
            supersedes: filing.supersedes,
            grid: filing.grid,
            evidence: self.evidence(filing.position)?,
            summary: filing.summary,
            photo_files,
        })
    }
    pub(crate) fn file_new(
        &self,
        position: Option<Position>,
        summary: String,
        payload: Payload,
    ) -> Result<Item> {
        let grid = position
            .as_ref()
            .map(|p| self.where_is(p.point, Some(p.accuracy_cm)))
            .transpose()?;
        self.file(Filing {
            id: self.new_entry_id()?,
            record: self.new_record_id()?,
            supersedes: None,
            grid: grid.and_then(|place| place.grid().cloned()),
            position,
            summary,
            payload,
        })
    }
    pub(crate) fn evidence(&self, position: Option<Position>) -> Result<Evidence> {
        if let Some(fix) = &position {
            self.saw_fix(fix)?;
        }
        Ok(Evidence {
            position,
            clock: self.clock_reading()?,
        })
    }
    pub(crate) fn new_entry_id(&self) -> Result<EntryId> {
        Ok(EntryId::from_parts(self.unix_ms()?, random_bytes(self.random())?))
    }
    pub(crate) fn new_record_id(&self) -> Result<RecordId> {
        Ok(RecordId::from_parts(
            self.unix_ms()?,
            random_bytes(self.random())?,
        ))
    }
    fn unix_ms(&self) -> Result<u64> {
        Ok(u64::try_from(self.now()?.0).unwrap_or(0))
    }
    /// What an item of this handset says.
    pub(crate) fn payload_of(&self, id: EntryId) -> Result<Payload> {
        let (entry, _): (Entry, _) = self.store().entry(id)?;
        match entry.kind {
            Open::Known(kind) => Ok(Payload::read(kind, &entry.payload)?),
            Open::Other(kind) => Err(Error::Data(format!("an entry of kind {kind}"))),
        }
    }
    /// Entries that a withdrawal of this handset takes back.
    pub(crate) fn withdrawn(&self) -> Result<Vec<EntryId>> {
        let withdrawals = self.store().items_of_kind(EntryKind::Withdraw)?;
        Ok(withdrawals
            .iter()
            .filter(|item| !is_rejected(item))
            .filter_map(|item| item.after)
            .collect())
    }
}

pub(crate) fn is_rejected(item: &Item) -> bool {
    matches!(&item.disposition, Some((d, _)) if d.state == Open::Known(DispositionState::Rejected))
}

fn not_returned() -> Error {
    Error::input(
        HandsetCode::ReportNotReturned,
        "这一条没有被退回，不用修改；要更正请先撤回",
        "this was not returned; withdraw it to change it",
    )
}

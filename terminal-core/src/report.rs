//! Drafts and what becomes of them: a report (上报, T1), an activity record (活动记录, SP-05) or a task's answer
//! is begun, filled, and submitted. This module holds what the three share and the report itself.
//!
//! Promises:
//! - A photo is durable before [`Draft::add_photo`] returns, and the draft that names it as well: a camera that
//!   kills the process costs nothing (story 31).
//! - [`Draft::submit`] is one item, however often it is called, from however many processes (story 6): the
//!   draft's id is the entry's id.
//! - Whatever is wrong is said at once with a stable code, and the draft stays as it was.

use crate::{
    Error, Result,
    photos::{PhotoFolder, Source, StampPlace, Taken},
    store,
    terminal::Terminal,
    words,
};
use protocol::{
    codes::{CellCode, MatterCode},
    entry::Reason,
    evidence::Position,
    ids::{EntryId, RecordId},
    manifest::Catalogue,
    payload::{EntryKind, Payload, Report},
    photo::{MAX_PHOTOS_PER_ENTRY, PhotoRef, PhotoRole, Sha256},
    problem::HandsetCode,
    sabotage::{self, Defect},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a draft of one kind holds besides photos and position. The three kinds are
/// [`ReportContent`], [`crate::activity::ActivityContent`] and [`crate::tasks::AnswerContent`].
pub trait Content: Clone + Serialize + DeserializeOwned {
    /// The kind of entry it becomes.
    const KIND: EntryKind;
    /// What its photos show.
    const PHOTO_ROLE: PhotoRole;
    /// What is missing or wrong, before it may be submitted.
    fn check(&self, terminal: &Terminal, photos: &[PhotoRef]) -> Result<()>;
    /// What the entry will say. `cell` is where the handset's grid puts it.
    fn payload(&self, cell: Option<CellCode>, photos: Vec<PhotoRef>) -> Result<Payload>;
    /// Where the matter is, when that is not where the worker stands.
    fn place(&self) -> Option<&Position> {
        None
    }
    /// One line for the queue.
    fn summary(&self) -> String;
}

/// A photo of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DraftPhoto {
    #[serde(flatten)]
    photo: PhotoRef,
    /// Hash of the bytes it was made from.
    original: Sha256,
}

/// A draft as the store keeps it. Fields are only ever added, with a default: drafts outlive upgrades
/// (story 19).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored<C> {
    record: RecordId,
    #[serde(default)]
    supersedes: Option<EntryId>,
    #[serde(default)]
    position: Option<Position>,
    #[serde(default)]
    photos: Vec<DraftPhoto>,
    content: C,
}

/// Something begun and not submitted (草稿).
pub struct Draft<C> {
    terminal: Terminal,
    id: EntryId,
    stored: Stored<C>,
    left_out: usize,
}

/// A report that is being written.
pub type ReportDraft = Draft<ReportContent>;

/// What [`Draft::submit`] answers: it is saved on this handset. Custody by the server is another matter, which
/// the queue tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    pub item: EntryId,
    pub record: RecordId,
    /// Photos that travel after it.
    pub photos: usize,
    /// It had been submitted before; nothing was filed twice.
    pub again: bool,
}

impl<C: Content> Draft<C> {
    /// A new draft about a new record. Nothing is saved until it holds something.
    pub(crate) fn begin(terminal: &Terminal, content: C) -> Result<Self> {
        let (id, record) = (terminal.new_entry_id()?, terminal.new_record_id()?);
        Ok(Self::with(terminal, id, record, None, content))
    }
    /// A draft that mends `supersedes` as a new version of its record.
    pub(crate) fn mend(
        terminal: &Terminal,
        record: RecordId,
        supersedes: EntryId,
        photos: &[PhotoRef],
        content: C,
    ) -> Result<Self> {
        let mut draft = Self::with(
            terminal,
            terminal.new_entry_id()?,
            record,
            Some(supersedes),
            content,
        );
        // Photos that are still on the handset go into the new version as they are.
        let here = |photo: &&PhotoRef| terminal.photo_folder().size(photo.sha256).is_ok();
        draft.stored.photos = photos
            .iter()
            .filter(here)
            .map(|photo| DraftPhoto {
                original: photo.sha256,
                photo: photo.clone(),
            })
            .collect();
        draft.left_out = photos.len() - draft.stored.photos.len();
        Ok(draft)
    }
    fn with(
        terminal: &Terminal,
        id: EntryId,
        record: RecordId,
        supersedes: Option<EntryId>,
        content: C,
    ) -> Self {
        Self {
            terminal: terminal.clone(),
            id,
            stored: Stored {
                record,
                supersedes,
                position: None,
                photos: Vec::new(),
                content,
            },
            left_out: 0,
        }
    }
    /// The draft with this id, as it was saved.
    pub(crate) fn load(terminal: &Terminal, id: EntryId) -> Result<Self> {
        let draft = terminal.store().draft(id)?.ok_or(Error::NoSuchItem)?;
        if draft_summary(&draft).is_none() {
            return Err(Error::Input(of_newer_app()));
        }
        if draft.kind != C::KIND.as_str() {
            return Err(Error::input(
                HandsetCode::DraftOtherKind,
                "这份草稿是另一种内容，请用对应的命令继续",
                format!("this draft is of kind {}, go on with it there", draft.kind),
            ));
        }
        Ok(Self {
            terminal: terminal.clone(),
            id,
            stored: serde_json::from_str(&draft.json)?,
            left_out: 0,
        })
    }
    /// The id that its entry will have.
    pub fn id(&self) -> EntryId {
        self.id
    }
    pub fn record(&self) -> RecordId {
        self.stored.record
    }
    /// What it holds besides photos and position.
    pub fn content(&self) -> &C {
        &self.stored.content
    }
    pub(crate) fn content_mut(&mut self) -> &mut C {
        &mut self.stored.content
    }
    /// The photos so far, in the order in which they were added.
    pub fn photos(&self) -> Vec<PhotoRef> {
        self.stored.photos.iter().map(|p| p.photo.clone()).collect()
    }
    /// Photos of the version that this one mends which are not on this handset: the new version does not name them.
    pub fn photos_left_out(&self) -> usize {
        self.left_out
    }
    /// Where the worker stands. The photos added from now on carry it.
    pub fn at(&mut self, position: Position) -> &mut Self {
        self.stored.position = Some(position);
        self
    }
    /// Takes a photo in. When this returns, photo and draft are durable. The same file again changes nothing.
    ///
    /// # Errors
    /// `photo.*`; the draft stays as it was.
    pub fn add_photo(&mut self, source: Source<'_>) -> Result<&mut Self> {
        // From the file to the draft that names it nothing may be swept away.
        let _turn = self.terminal.turn()?;
        let stamp_place = self.stamp_place()?;
        if let Some(fix) = &self.stored.position {
            self.terminal.saw_fix(fix)?;
        }
        let clock = self.terminal.clock_reading()?;
        let taken = self
            .terminal
            .photo_folder()
            .take(
                source,
                C::PHOTO_ROLE,
                &crate::photos::stamp(&clock, stamp_place.as_ref()),
                self.terminal.random(),
            )
            .map_err(|error| Error::Input(words::photo_error(&error)))?;
        self.add_taken(taken)
    }
    /// [`Draft::add_photo`] without the pipeline, for bytes that are as it would make them.
    ///
    /// # Errors
    /// As [`Draft::add_photo`].
    #[cfg(feature = "testing")]
    pub fn add_ready_photo(&mut self, ready: &media::Prepared) -> Result<&mut Self> {
        let _turn = self.terminal.turn()?;
        let taken = self
            .terminal
            .photo_folder()
            .keep(ready, C::PHOTO_ROLE, self.terminal.random())
            .map_err(|error| Error::Input(words::photo_error(&error)))?;
        self.add_taken(taken)
    }
    fn add_taken(&mut self, taken: Taken) -> Result<&mut Self> {
        if self.stored.photos.iter().any(|p| p.original == taken.original) {
            // The same picture with a later stamp: the first one stays, this file is named by nothing.
            if !self
                .stored
                .photos
                .iter()
                .any(|p| p.photo.sha256 == taken.photo.sha256)
            {
                self.terminal.forget_photo(taken.photo.sha256)?;
            }
            return Ok(self);
        }
        if self.stored.photos.len() >= MAX_PHOTOS_PER_ENTRY {
            self.terminal.forget_photo(taken.photo.sha256)?;
            return Err(Error::input(
                HandsetCode::PhotoTooMany,
                format!("最多 {MAX_PHOTOS_PER_ENTRY} 张照片"),
                format!("at most {MAX_PHOTOS_PER_ENTRY} photos"),
            ));
        }
        self.stored.photos.push(DraftPhoto {
            photo: taken.photo,
            original: taken.original,
        });
        if sabotage::is(Defect::DraftNotSaved) {
            return Ok(self);
        }
        self.save()
    }
    /// Takes a photo out of the draft; the file goes when nothing else names it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn remove_photo(&mut self, photo: Sha256) -> Result<&mut Self> {
        self.stored.photos.retain(|p| p.photo.sha256 != photo);
        self.save()?;
        self.terminal.forget_photo(photo)?;
        Ok(self)
    }
    /// Makes the draft durable as it is. Call it whenever the screen may go away.
    ///
    /// # Errors
    /// Those of the store; `draft.submitted` when it has been submitted already.
    pub fn save(&mut self) -> Result<&mut Self> {
        if self.terminal.store().item(self.id)?.is_some() {
            return Err(Error::input(
                HandsetCode::DraftSubmitted,
                "这份内容已提交，不能再改；如需更正请撤回后重新上报",
                "this has been submitted already; withdraw it and file it anew to change it",
            ));
        }
        self.terminal.store().save_draft(&store::Draft {
            id: self.id,
            kind: C::KIND.as_str().into(),
            json: serde_json::to_string(&self.stored)?,
            updated: self.terminal.clock_reading()?.wall,
        })?;
        Ok(self)
    }
    /// Throws the draft away with its photos.
    ///
    /// # Errors
    /// Those of the store.
    pub fn discard(self) -> Result<()> {
        self.terminal.discard_draft(self.id)
    }
    /// Files it: the entry is serialised once, and durable on this handset when this returns. Submitting again
    /// answers the same item.
    ///
    /// # Errors
    /// What the content lacks, by its own code; `photo.missing` and `photo.damaged` when a photo's file is not
    /// what it was; those of the store.
    pub fn submit(&mut self) -> Result<Submitted> {
        let photos = self.photos();
        let submitted = Submitted {
            item: self.id,
            record: self.stored.record,
            photos: photos.len(),
            again: false,
        };
        // One decision at a time, over all processes of this home: two cannot both find a task unanswered.
        let _turn = self.terminal.turn()?;
        if self.terminal.store().item(self.id)?.is_some() {
            self.terminal.store().delete_draft(self.id)?;
            return Ok(Submitted {
                again: true,
                ..submitted
            });
        }
        self.stored.content.check(&self.terminal, &photos)?;
        for photo in &photos {
            self.terminal
                .photo_folder()
                .size(photo.sha256)
                .map_err(|error| Error::Input(words::photo_error(&error)))?;
        }
        let place = self.located()?;
        let payload = self
            .stored
            .content
            .payload(place.as_ref().and_then(|p| p.cell().map(|c| c.code)), photos)?;
        if sabotage::is(Defect::DraftGoneBeforeSubmit) {
            self.terminal.store().delete_draft(self.id)?;
        }
        self.terminal.file(crate::terminal::Filing {
            id: self.id,
            record: self.stored.record,
            supersedes: self.stored.supersedes,
            grid: place.and_then(|p| p.grid().cloned()),
            position: self.stored.position.clone(),
            summary: self.stored.content.summary(),
            payload,
        })?;
        Ok(submitted)
    }
    /// Where it is: the matter's own place, else where the worker stands.
    fn located(&self) -> Result<Option<crate::place::Place>> {
        self.stored
            .content
            .place()
            .or(self.stored.position.as_ref())
            .map(|p| self.terminal.where_is(p.point, Some(p.accuracy_cm)))
            .transpose()
    }
    fn stamp_place(&self) -> Result<Option<StampPlace>> {
        let Some(position) = &self.stored.position else {
            return Ok(None);
        };
        let place = self
            .terminal
            .where_is(position.point, Some(position.accuracy_cm))?;
        Ok(Some(StampPlace {
            point: position.point,
            accuracy_cm: position.accuracy_cm,
            cell: place.cell().map(|c| c.code),
            street: place.cell().and_then(|c| c.street.clone()),
        }))
    }
}

/// One line for the queue, from a saved draft of any kind; `None` when it does not read as one.
pub(crate) fn draft_summary(draft: &store::Draft) -> Option<(EntryKind, RecordId, String, usize)> {
    fn read<C: Content>(json: &str) -> Option<(EntryKind, RecordId, String, usize)> {
        let stored: Stored<C> = serde_json::from_str(json).ok()?;
        Some((
            C::KIND,
            stored.record,
            stored.content.summary(),
            stored.photos.len(),
        ))
    }
    match draft.kind.parse().ok()? {
        EntryKind::Report => read::<ReportContent>(&draft.json),
        EntryKind::Activity => read::<crate::activity::ActivityContent>(&draft.json),
        EntryKind::Answer => read::<crate::tasks::AnswerContent>(&draft.json),
        EntryKind::CheckIn | EntryKind::CheckOut | EntryKind::Withdraw | EntryKind::Void => None,
    }
}

/// Why a draft cannot be opened that does not read here: a newer version of the app wrote it. It is kept as it is.
pub(crate) fn of_newer_app() -> Reason {
    Reason::new(
        HandsetCode::DraftNewer,
        "当前版本的应用打不开这份草稿，已原样保留在本机，请更新应用后继续",
        "this version of the app cannot open the draft; it is kept here as it is, update the app and go on",
    )
}

/// What a draft that does not read still says: its record and how many photos it names.
pub(crate) fn draft_outline(draft: &store::Draft) -> (Option<RecordId>, usize) {
    #[derive(Deserialize)]
    struct Outline {
        record: RecordId,
    }
    let outline = serde_json::from_str::<Outline>(&draft.json).ok();
    (
        outline.map(|outline| outline.record),
        draft_photos(draft).map_or(0, |photos| photos.len()),
    )
}

/// The photos that a saved draft names; `None` when it does not read as a draft.
pub(crate) fn draft_photos(draft: &store::Draft) -> Option<Vec<Sha256>> {
    #[derive(Deserialize)]
    struct Photos {
        #[serde(default)]
        photos: Vec<DraftPhoto>,
    }
    let read = serde_json::from_str::<Photos>(&draft.json).ok()?;
    Some(read.photos.into_iter().map(|p| p.photo.sha256).collect())
}

/// The file under which the store finds a photo.
pub(crate) fn photo_file(photo: &PhotoRef) -> String {
    PhotoFolder::file_name(photo.sha256)
}

/// What a report says besides its photos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportContent {
    pub matter: Option<MatterCode>,
    /// Chinese name of the matter, for the queue.
    pub matter_name: String,
    pub text: String,
    pub place: Option<Position>,
    pub address: String,
    pub self_handled: bool,
}

impl ReportContent {
    /// What a report said, as a draft holds it.
    pub(crate) fn of(sent: Report, catalogue: Option<&Catalogue>) -> Self {
        let item = sent.matter.and_then(|code| catalogue?.find(code));
        Self {
            matter: sent.matter,
            matter_name: item.map_or_else(String::new, |item| item.zh.clone()),
            text: sent.text,
            place: sent.place,
            address: sent.address,
            self_handled: sent.self_handled,
        }
    }
}

impl Content for ReportContent {
    const KIND: EntryKind = EntryKind::Report;
    const PHOTO_ROLE: PhotoRole = PhotoRole::Scene;

    fn check(&self, _: &Terminal, photos: &[PhotoRef]) -> Result<()> {
        if self.matter.is_none() && self.text.trim().is_empty() && photos.is_empty() {
            return Err(Error::input(
                HandsetCode::ReportEmpty,
                "上报还是空的，请至少选择类型、写说明或拍照",
                "the report is empty: give a type, words or a photo",
            ));
        }
        Ok(())
    }
    fn payload(&self, cell: Option<CellCode>, photos: Vec<PhotoRef>) -> Result<Payload> {
        Ok(Payload::Report(Report {
            matter: self.matter,
            text: self.text.trim().to_owned(),
            place: self.place.clone(),
            cell,
            address: self.address.trim().to_owned(),
            self_handled: self.self_handled,
            photos,
        }))
    }
    fn place(&self) -> Option<&Position> {
        self.place.as_ref()
    }
    fn summary(&self) -> String {
        let parts = [&self.matter_name, &self.text, &self.address];
        let parts: Vec<&str> = parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).collect();
        parts.join("，")
    }
}

impl Draft<ReportContent> {
    /// 事/部件 type by its code; the acceptor can fill or correct it (T4).
    ///
    /// # Errors
    /// `matter.unknown` when the handset's catalogue does not know it.
    pub fn matter(&mut self, code: MatterCode) -> Result<&mut Self> {
        let item = self.terminal.catalogue()?.find(code).cloned().ok_or_else(|| {
            Error::input(
                HandsetCode::MatterUnknown,
                format!("没有类型 {code}，可用 types 查找"),
                format!("there is no type {code}, search with `types`"),
            )
        })?;
        self.stored.content.matter = Some(code);
        self.stored.content.matter_name = item.zh;
        Ok(self)
    }
    /// What the worker says.
    pub fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.stored.content.text = text.into();
        self
    }
    /// Where the matter is, when that is not where the worker stands.
    pub fn place(&mut self, position: Position) -> &mut Self {
        self.stored.content.place = Some(position);
        self
    }
    pub fn address(&mut self, address: impl Into<String>) -> &mut Self {
        self.stored.content.address = address.into();
        self
    }
    /// 自行处理: handled on the spot (SJ-03).
    pub fn self_handled(&mut self, yes: bool) -> &mut Self {
        self.stored.content.self_handled = yes;
        self
    }
}

//! Drafts: a report (上报, T1), an activity record (活动记录, SP-05) or a task's answer is begun, filled in and
//! submitted. This file holds what the three have in common.
//!
//! Promises:
//! - When [`Draft::add_photo`] returns, the photo and the draft that names it are durable: nothing is lost
//!   when the camera app kills the process (story 31).
//! - [`Draft::submit`] files one item, however often and from however many processes it is called (story 6):
//!   the draft's id is the entry's id.
//! - Errors have a stable code, and the draft stays unchanged.

use crate::{
    Error, Result,
    grid::place::{CellName, LocatedPlace},
    photos::{
        error::PhotoError,
        folder::{PhotoSource, TakenPhoto, prepare},
        stamp::{StampPlace, stamp},
    },
    store::drafts::SavedDraft,
    terminal::Terminal,
    transport::cancel::CancelToken,
    words,
    work::{
        filing::Filing,
        fix::FixView,
        saved_draft::{DraftPhoto, Stored, newer_app_draft, saved_kind},
    },
};
use protocol::{
    evidence::Position,
    ids::{EntryId, RecordId},
    payload::EntryKind,
    photo::{MAX_PHOTOS_PER_ENTRY, PhotoOrigin, PhotoRef, PhotoRole, Sha256},
    planted,
    problem::HandsetCode,
};

pub use super::draft_content::DraftContent;

/// A draft (草稿).
pub struct Draft<C> {
    terminal: Terminal,
    id: EntryId,
    stored: Stored<C>,
    left_out: usize,
}

/// The cell of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftCell {
    pub cell: CellName,
    /// The worker chose it; otherwise it was looked up from a position.
    pub chosen: bool,
}

/// The result of [`Draft::submit`]: the item is saved on this handset. The queue tells whether the server
/// holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    pub item: EntryId,
    pub record: RecordId,
    /// Number of photos that are sent after the entry.
    pub photos: usize,
    /// It had been submitted before; nothing was filed again.
    pub again: bool,
}

impl<C: DraftContent> Draft<C> {
    /// Begins a draft of a new record. Nothing is saved until it has content.
    pub(crate) fn begin(terminal: &Terminal, content: C) -> Result<Self> {
        let (id, record) = (terminal.new_entry_id()?, terminal.new_record_id()?);
        Ok(Self::with(terminal, id, record, None, content))
    }
    /// Begins a draft that revises `supersedes` as a new version of its record.
    pub(crate) fn revise(
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
        // Photos that are still on the handset are taken over.
        let here = |photo: &&PhotoRef| terminal.photo_folder().size(photo.sha256).is_ok();
        draft.stored.photos = photos
            .iter()
            .filter(here)
            .map(|photo| DraftPhoto {
                original: photo
                    .evidence
                    .as_ref()
                    .map_or(photo.sha256, |known| known.original),
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
                boot: None,
                photos: Vec::new(),
                content,
            },
            left_out: 0,
        }
    }
    /// Loads a saved draft.
    ///
    /// # Errors
    /// `item.unknown`; `draft.newer` if a newer app wrote it; `draft.other_kind`.
    pub(crate) fn load(terminal: &Terminal, id: EntryId) -> Result<Self> {
        let draft = terminal.store().draft(id)?.ok_or(Error::NoSuchItem)?;
        let newer = || Error::Input(newer_app_draft());
        if saved_kind(&draft).ok_or_else(newer)? != C::KIND {
            return Err(Error::input(
                HandsetCode::DraftOtherKind,
                "这份草稿是另一种内容，请用对应的命令继续",
                format!(
                    "this draft is of kind {}; continue it with the matching command",
                    draft.kind
                ),
            ));
        }
        Ok(Self {
            terminal: terminal.clone(),
            id,
            stored: serde_json::from_str(&draft.json).map_err(|_| newer())?,
            left_out: 0,
        })
    }
    pub(super) fn terminal(&self) -> &Terminal {
        &self.terminal
    }
    /// The id of the future entry.
    pub fn id(&self) -> EntryId {
        self.id
    }
    /// The record that the entry will belong to.
    pub fn record(&self) -> RecordId {
        self.stored.record
    }
    /// The content besides photos and position.
    pub fn content(&self) -> &C {
        &self.stored.content
    }
    pub(crate) fn content_mut(&mut self) -> &mut C {
        &mut self.stored.content
    }
    /// The kind of entry it becomes.
    pub fn kind(&self) -> EntryKind {
        C::KIND
    }
    /// Where the worker stands, as set by [`Draft::at`] and saved with the draft.
    pub fn position(&self) -> Option<&Position> {
        self.stored.position.as_ref()
    }
    /// The place of the matter if it is not where the worker stands.
    pub fn matter_position(&self) -> Option<&Position> {
        self.stored.content.place()
    }
    /// The place in the handset's grid: of the matter, else where the worker stands. `None` without a position.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn located(&self) -> Result<Option<LocatedPlace>> {
        self.stored
            .content
            .place()
            .or(self.stored.position.as_ref())
            .map(|p| self.terminal.where_is(p.point, Some(p.accuracy_cm)))
            .transpose()
    }
    /// The cell that the entry will name, with its names: the one that the worker chose, else the one of
    /// [`Draft::located`], else that of the revised version.
    ///
    /// # Errors
    /// As [`Terminal::where_is`].
    pub fn cell_name(&self) -> Result<Option<DraftCell>> {
        let named = |code, chosen| {
            let unnamed = CellName {
                code,
                street: None,
                community: None,
            };
            let cell = self.terminal.grid()?.map_or(unnamed, |grid| grid.name(code));
            Ok(Some(DraftCell { cell, chosen }))
        };
        if let Some(code) = self.stored.content.chosen_cell() {
            return named(code, true);
        }
        let located = self.located()?;
        match (
            located.and_then(|place| place.cell().cloned()),
            self.stored.content.kept_cell(),
        ) {
            (Some(cell), _) => Ok(Some(DraftCell { cell, chosen: false })),
            (None, Some(code)) => named(code, false),
            (None, None) => Ok(None),
        }
    }
    /// The photos in the order in which they were added.
    pub fn photos(&self) -> Vec<PhotoRef> {
        self.stored.photos.iter().map(|p| p.photo.clone()).collect()
    }
    /// Number of photos of the revised version that are not on this handset; the new version does not contain
    /// them.
    pub fn photos_left_out(&self) -> usize {
        self.left_out
    }
    /// Sets where the worker stands. Photos added later are stamped with it.
    pub fn at(&mut self, position: Position) -> &mut Self {
        self.stored.boot = Some(self.terminal.boot());
        self.stored.position = Some(position);
        self
    }
    /// Takes a fix that came while the draft is open: the first one, and later one that the centre will not doubt in place of
    /// one that it will, if it lies in that one's circle. Another place than that of the photos is never taken. Returns true
    /// if it was taken.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn refine(&mut self, fix: Position) -> Result<bool> {
        let is_better = match (self.fix(), self.fix_view()?) {
            (Some(before), Some(view)) if view.age_ms.is_some() && !view.doubts.is_empty() => {
                let radius_m = f64::from(before.accuracy_cm) / 100.0;
                before.point.metres_to(fix.point) <= radius_m
                    && self.terminal.judge_fix(&fix)?.doubts.is_empty()
            }
            (None, _) => true,
            (Some(_), _) => false,
        };
        if is_better {
            self.at(fix);
        }
        Ok(is_better)
    }
    /// How good the fix is with which it would be filed now; `None` without one.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn fix_view(&self) -> Result<Option<FixView>> {
        self.fix().map(|fix| self.terminal.judge_fix(&fix)).transpose()
    }
    /// The position as it is filed now: without the monotonic time of a boot that ended.
    fn fix(&self) -> Option<Position> {
        let mut fix = self.stored.position.clone()?;
        if self.stored.boot.as_ref() != Some(&self.terminal.boot()) {
            fix.monotonic_ms = None;
        }
        Some(fix)
    }
    /// Adds a photo. Photo and draft are durable when the call returns. Adding the same file again changes
    /// nothing.
    ///
    /// # Errors
    /// `photo.*`; the draft stays unchanged.
    pub fn add_photo(&mut self, source: PhotoSource<'_>) -> Result<&mut Self> {
        self.add_photo_unless(source, PhotoOrigin::Camera, &CancelToken::default())
    }
    /// As [`Draft::add_photo`]; a cancel takes effect before the photo is kept. Others may file meanwhile: a check-in
    /// does not wait for a photo that is being prepared. The stamp of a picture from the library says 图库.
    ///
    /// # Errors
    /// As [`Draft::add_photo`]; `call.cancelled`.
    pub fn add_photo_unless(
        &mut self,
        source: PhotoSource<'_>,
        origin: PhotoOrigin,
        cancel: &CancelToken,
    ) -> Result<&mut Self> {
        let call = self.terminal.begin(cancel)?;
        let go_on = || match call.cancel.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        };
        go_on()?;
        let stamp_place = self.stamp_place()?;
        if let Some(fix) = self.fix() {
            self.terminal.saw_fix(&fix)?;
        }
        let stamp = stamp(&self.terminal.clock_reading()?, stamp_place.as_ref(), origin);
        let refused = |error: PhotoError| Error::Input(words::photo_error(&error));
        let prepared =
            prepare(source, &stamp, self.terminal.platform().spare_font.as_ref()).map_err(refused)?;
        go_on()?;
        // No sweep may run between writing the file and saving the draft that names it.
        let _turn = self.terminal.turn()?;
        let taken = self
            .terminal
            .photo_folder()
            .keep(&prepared, C::PHOTO_ROLE, self.terminal.random())
            .map_err(refused)?;
        self.add_taken(taken.with_evidence(&prepared, origin))
    }
    /// As [`Draft::add_photo`] without the pipeline, for a photo that was prepared before.
    ///
    /// # Errors
    /// As [`Draft::add_photo`].
    #[cfg(feature = "testing")]
    pub fn add_ready_photo(&mut self, ready: &media::PreparedPhoto) -> Result<&mut Self> {
        let _turn = self.terminal.turn()?;
        let taken = self
            .terminal
            .photo_folder()
            .keep(ready, C::PHOTO_ROLE, self.terminal.random())
            .map_err(|error| Error::Input(words::photo_error(&error)))?;
        self.add_taken(taken.with_evidence(ready, PhotoOrigin::Camera))
    }
    fn add_taken(&mut self, taken: TakenPhoto) -> Result<&mut Self> {
        if self.stored.photos.iter().any(|p| p.original == taken.original) {
            // The same picture with a later stamp: the first one is kept, and nothing names this file.
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
        planted!(DraftNotSaved => return Ok(self));
        self.save()
    }
    /// Says what a photo shows, such as the place after the worker handled the matter ([`PhotoRole::After`]).
    ///
    /// # Errors
    /// `photo.missing` if the draft does not have it; errors of the store.
    pub fn photo_shows(&mut self, photo: Sha256, role: PhotoRole) -> Result<&mut Self> {
        let named = self.stored.photos.iter_mut().find(|p| p.photo.sha256 == photo);
        let named = named.ok_or_else(|| Error::Input(words::photo_error(&PhotoError::Missing(photo))))?;
        named.photo.role = role;
        self.save()
    }
    /// Removes a photo from the draft, and its file if nothing else names it.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn remove_photo(&mut self, photo: Sha256) -> Result<&mut Self> {
        self.stored.photos.retain(|p| p.photo.sha256 != photo);
        self.save()?;
        self.terminal.forget_photo(photo)?;
        Ok(self)
    }
    /// Saves the draft durably. Call it whenever the screen may disappear.
    ///
    /// # Errors
    /// `draft.submitted` if it was submitted; errors of the store.
    pub fn save(&mut self) -> Result<&mut Self> {
        if self.terminal.store().item(self.id)?.is_some() {
            return Err(Error::input(
                HandsetCode::DraftSubmitted,
                "这份内容已提交，不能再改；如需更正请撤回后重新上报",
                "this was already submitted and cannot be changed; to correct it, withdraw it and file a new one",
            ));
        }
        self.terminal.store().save_draft(&SavedDraft {
            id: self.id,
            kind: C::KIND.as_str().into(),
            json: serde_json::to_string(&self.stored)?,
            updated: self.terminal.now()?,
        })?;
        Ok(self)
    }
    /// Deletes the draft and its photos.
    ///
    /// # Errors
    /// `draft.newer` if a newer app has saved the draft meanwhile; errors of the store.
    pub fn discard(self) -> Result<()> {
        self.terminal.discard_draft(self.id)
    }
    /// Checks what [`Draft::submit`] checks of the content.
    ///
    /// # Errors
    /// Missing or wrong content, by its own code.
    pub fn check(&self) -> Result<()> {
        self.stored.content.check(&self.terminal, &self.photos())
    }
    /// Files the draft: the entry is serialised once and durable when the call returns. Submitting again
    /// returns the same item.
    ///
    /// # Errors
    /// Missing or wrong content, by its own code; `photo.missing` and `photo.damaged` if a photo's file is
    /// not intact; errors of the store.
    pub fn submit(&mut self) -> Result<Submitted> {
        let photos = self.photos();
        let submitted = Submitted {
            item: self.id,
            record: self.stored.record,
            photos: photos.len(),
            again: false,
        };
        // One decision at a time over all processes of this home: two of them must not both find a task
        // unanswered.
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
        planted!(DraftGoneBeforeSubmit => self.terminal.store().delete_draft(self.id)?);
        let mut grid = place.and_then(|p| p.grid().cloned());
        let content = &self.stored.content;
        if grid.is_none() && content.chosen_cell().or(content.kept_cell()).is_some() {
            grid = self.terminal.grid()?.map(|grid| grid.version().clone());
        }
        self.terminal.file(Filing {
            id: self.id,
            record: self.stored.record,
            supersedes: self.stored.supersedes,
            grid,
            position: self.fix(),
            summary: self.stored.content.summary(),
            payload,
        })?;
        Ok(submitted)
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

//! Drafts of reports (上报), activity records (活动记录) and answers: begun, saved, submitted.
//!
//! Every change is kept in memory until `save` or `submit`; a photo is kept at once.

use crate::{
    errors::Result,
    handset::Handset,
    listeners::CancelToken,
    place::{Cell, Fix, Place},
    queue::DraftPhoto,
    types::{all, count},
    words::{Words, both},
};
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use terminal_core::{
    photos::{PhotoOrigin, PhotoSource},
    protocol::{
        codes::{CellCode, MatterCode},
        duty::Answer,
        evidence::Position,
        ids::{EntryId, RecordId},
        manifest::CatalogueItem,
        photo::{PhotoRole, Sha256},
        time::Millis,
    },
    work,
};

record! {
    /// A type of the catalogue (类别).
    Matter from CatalogueItem as item {
        code: MatterCode = item.code,
        zh: String = item.zh,
        en: String = item.en,
    }
}

record! {
    /// The content of a report's draft.
    ReportContent from work::ReportContent as content {
        matter: Option<MatterCode> = content.matter,
        text: String = content.text,
        address: String = content.address,
        place: Option<Position> = content.place,
        self_handled: bool = content.self_handled,
    }
}

record! {
    /// The content of an activity record's draft.
    ActivityContent from work::ActivityContent as content {
        category: String = content.category,
        title: String = content.title,
        starts: Option<Millis> = content.starts,
        ends: Option<Millis> = content.ends,
        place: String = content.place,
        organiser: String = content.organiser,
        participants: Option<u32> = content.participants,
        summary: String = content.summary,
    }
}

record! {
    /// The content of an answer's draft.
    AnswerContent from work::AnswerContent as content {
        answer: Answer = content.answer,
        text: String = content.text,
    }
}

record! {
    /// The cell of a draft; chosen by the worker, or looked up from a position.
    DraftCell from work::DraftCell as cell {
        is_chosen: bool = cell.chosen,
        cell: Cell = cell.cell.into(),
    }
}

record! {
    /// The item is saved on this handset; the queue tells whether the server holds it.
    Submitted from work::Submitted as submitted {
        item: EntryId = submitted.item,
        record: RecordId = submitted.record,
        /// Photos that are sent after the entry.
        photos: u32 = count(submitted.photos),
        /// It had been submitted before; nothing was filed again.
        again: bool = submitted.again,
    }
}

/// Where a photo comes from; the stamp of one that the worker chose among the phone's pictures says 图库.
#[uniffi::remote(Enum)]
pub enum PhotoOrigin {
    Camera,
    Library,
}

/// A draft and what all drafts can do.
macro_rules! draft {
    ($(#[$doc:meta])* $name:ident of $core:ty, content $content:ident) => {
        $(#[$doc])*
        #[derive(uniffi::Object)]
        pub struct $name(Mutex<$core>);

        impl $name {
            pub(crate) fn of(core: $core) -> Arc<Self> {
                Arc::new(Self(Mutex::new(core)))
            }
            fn it(&self) -> MutexGuard<'_, $core> {
                self.0.lock().unwrap_or_else(PoisonError::into_inner)
            }
        }

        #[uniffi::export]
        impl $name {
            pub fn id(&self) -> EntryId {
                self.it().id()
            }
            pub fn content(&self) -> $content {
                self.it().content().clone().into()
            }
            /// Where and when it is filed.
            pub fn at(&self, position: Position) {
                self.it().at(position);
            }
            /// Takes the first fix, and later a better one of the same place; whether it took this one.
            pub fn refine(&self, fix: Position) -> Result<bool> {
                Ok(self.it().refine(fix)?)
            }
            pub fn position(&self) -> Option<Position> {
                self.it().position().cloned()
            }
            /// How good its position is; null without one.
            pub fn fix(&self) -> Result<Option<Fix>> {
                Ok(self.it().fix_view()?.map(Into::into))
            }
            /// What to ask before it is filed with fewer photos than asked for; null if it has enough.
            pub fn fewer_photos(&self) -> Result<Option<Words>> {
                Ok(self.it().fewer_photos()?.map(|few| both(|lang| few.words(lang))))
            }
            /// What the grid says about its position.
            pub fn located(&self) -> Result<Option<Place>> {
                Ok(self.it().located()?.map(|place| place.answer.into()))
            }
            /// Adds a photo from a file: checked, turned, scaled, stamped, sealed. The file stays where it is.
            pub fn add_photo(&self, path: String, origin: PhotoOrigin, cancel: Arc<CancelToken>) -> Result<()> {
                let source = PhotoSource::Path(Path::new(&path));
                Ok(self.it().add_photo_unless(source, origin, &cancel.0).map(drop)?)
            }
            /// Says what a photo shows.
            pub fn photo_shows(&self, photo: Sha256, shows: PhotoRole) -> Result<()> {
                Ok(self.it().photo_shows(photo, shows).map(drop)?)
            }
            pub fn remove_photo(&self, photo: Sha256) -> Result<()> {
                Ok(self.it().remove_photo(photo).map(drop)?)
            }
            pub fn photos(&self) -> Vec<DraftPhoto> {
                all(self.it().photos())
            }
            /// Photos of the revised version that are not on this handset any more.
            pub fn photos_left_out(&self) -> u32 {
                count(self.it().photos_left_out())
            }
            pub fn save(&self) -> Result<()> {
                Ok(self.it().save().map(drop)?)
            }
            /// Files it. Twice is once.
            pub fn submit(&self) -> Result<Submitted> {
                Ok(self.it().submit()?.into())
            }
        }
    };
}

draft! {
    /// A draft of a report.
    ReportDraft of work::ReportDraft, content ReportContent
}
draft! {
    /// A draft of an activity record.
    ActivityRecordDraft of work::ActivityDraft, content ActivityContent
}
draft! {
    /// A draft of an answer to a task.
    AnswerDraft of work::AnswerDraft, content AnswerContent
}

setters! {
    ReportDraft {
        text: String,
        address: String,
        /// Where the matter is, if it is not where the worker is.
        place: Position,
        /// The worker handled it himself (自行处置).
        self_handled: bool,
    }
}
setters! {
    ActivityRecordDraft {
        category: String,
        title: String,
        starts: Millis,
        ends: Millis,
        place: String,
        organiser: String,
        participants: u32,
        summary: String,
    }
}
setters! {
    AnswerDraft {
        text: String,
    }
}

calls! { self: ReportDraft,
    matter(code: MatterCode) -> () = self.it().matter(code).map(drop)?;
    /// The cell that the worker chose; null takes the choice back.
    cell(cell: Option<CellCode>) -> () = self.it().cell(cell).map(drop)?;
    cell_name() -> Option<DraftCell> = self.it().cell_name()?.map(Into::into);
}

calls! { self: Handset,
    new_report() -> Arc<ReportDraft> = ReportDraft::of(self.core.new_report()?);
    /// Opens a saved report.
    report_draft(id: EntryId) -> Arc<ReportDraft> = ReportDraft::of(self.core.report_draft(id)?);
    /// Begins a new version of a report that was returned.
    revise_report(id: EntryId) -> Arc<ReportDraft> = ReportDraft::of(self.core.revise_report(id)?);
    new_activity() -> Arc<ActivityRecordDraft> = ActivityRecordDraft::of(self.core.new_activity()?);
    /// Opens a saved activity record.
    activity_draft(id: EntryId) -> Arc<ActivityRecordDraft> =
        ActivityRecordDraft::of(self.core.activity_draft(id)?);
    /// Begins a new version of an activity record.
    revise_activity(record: RecordId) -> Arc<ActivityRecordDraft> =
        ActivityRecordDraft::of(self.core.revise_activity(record)?);
    /// Types by name, characters or pinyin initials; all for an empty text.
    search_types(text: String) -> Vec<Matter> = all(self.core.search_matters(&text)?);
}

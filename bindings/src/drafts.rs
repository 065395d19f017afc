//! Drafts of reports (上报), activity records (活动记录) and answers: begun, saved, submitted.
//!
//! Every change is kept in memory until `save` or `submit`; a photo is kept at once.

use crate::{
    errors::Result,
    handset::Handset,
    listeners::CancelToken,
    macros::record,
    place::{Cell, Place},
    queue::DraftPhoto,
    types::{all, count},
};
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use terminal_core::{
    photos::PhotoSource,
    protocol::{
        codes::{CellCode, MatterCode},
        duty::Answer,
        evidence::Position,
        ids::{EntryId, RecordId},
        manifest::CatalogueItem,
        photo::Sha256,
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
            pub fn record(&self) -> RecordId {
                self.it().record()
            }
            pub fn content(&self) -> $content {
                self.it().content().clone().into()
            }
            /// Where and when it is filed.
            pub fn at(&self, position: Position) {
                self.it().at(position);
            }
            pub fn position(&self) -> Option<Position> {
                self.it().position().cloned()
            }
            /// What the grid says about its position.
            pub fn located(&self) -> Result<Option<Place>> {
                Ok(self.it().located()?.map(Into::into))
            }
            /// Adds a photo from a file: checked, turned, scaled, stamped, sealed. The file stays where it is.
            pub fn add_photo(&self, path: String, cancel: Arc<CancelToken>) -> Result<()> {
                self.it().add_photo_unless(PhotoSource::Path(Path::new(&path)), &cancel.0)?;
                Ok(())
            }
            pub fn remove_photo(&self, photo: Sha256) -> Result<()> {
                self.it().remove_photo(photo)?;
                Ok(())
            }
            pub fn photos(&self) -> Vec<DraftPhoto> {
                all(self.it().photos())
            }
            /// Photos of the revised version that are not on this handset any more.
            pub fn photos_left_out(&self) -> u32 {
                count(self.it().photos_left_out())
            }
            pub fn save(&self) -> Result<()> {
                self.it().save()?;
                Ok(())
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

#[uniffi::export]
impl ReportDraft {
    pub fn matter(&self, code: MatterCode) -> Result<()> {
        self.it().matter(code)?;
        Ok(())
    }
    pub fn text(&self, text: String) {
        self.it().text(text);
    }
    pub fn address(&self, address: String) {
        self.it().address(address);
    }
    /// Where the matter is, if it is not where the worker is.
    pub fn place(&self, position: Position) {
        self.it().place(position);
    }
    /// The cell that the worker chose; null takes the choice back.
    pub fn cell(&self, cell: Option<CellCode>) -> Result<()> {
        self.it().cell(cell)?;
        Ok(())
    }
    pub fn cell_name(&self) -> Result<Option<DraftCell>> {
        Ok(self.it().cell_name()?.map(Into::into))
    }
    /// The worker handled it himself (自行处置).
    pub fn self_handled(&self, yes: bool) {
        self.it().self_handled(yes);
    }
}

#[uniffi::export]
impl ActivityRecordDraft {
    pub fn category(&self, category: String) {
        self.it().category(category);
    }
    pub fn title(&self, title: String) {
        self.it().title(title);
    }
    pub fn starts(&self, at: Millis) {
        self.it().starts(at);
    }
    pub fn ends(&self, at: Millis) {
        self.it().ends(at);
    }
    pub fn place(&self, place: String) {
        self.it().place(place);
    }
    pub fn organiser(&self, organiser: String) {
        self.it().organiser(organiser);
    }
    pub fn participants(&self, number: u32) {
        self.it().participants(number);
    }
    pub fn summary(&self, summary: String) {
        self.it().summary(summary);
    }
}

#[uniffi::export]
impl AnswerDraft {
    pub fn text(&self, text: String) {
        self.it().text(text);
    }
}

#[uniffi::export]
impl Handset {
    pub fn new_report(&self) -> Result<Arc<ReportDraft>> {
        Ok(ReportDraft::of(self.core.new_report()?))
    }
    /// Opens a saved report.
    pub fn report_draft(&self, id: EntryId) -> Result<Arc<ReportDraft>> {
        Ok(ReportDraft::of(self.core.report_draft(id)?))
    }
    /// Begins a new version of a report that was returned.
    pub fn revise_report(&self, id: EntryId) -> Result<Arc<ReportDraft>> {
        Ok(ReportDraft::of(self.core.revise_report(id)?))
    }
    pub fn new_activity(&self) -> Result<Arc<ActivityRecordDraft>> {
        Ok(ActivityRecordDraft::of(self.core.new_activity()?))
    }
    /// Opens a saved activity record.
    pub fn activity_draft(&self, id: EntryId) -> Result<Arc<ActivityRecordDraft>> {
        Ok(ActivityRecordDraft::of(self.core.activity_draft(id)?))
    }
    /// Begins a new version of an activity record.
    pub fn revise_activity(&self, record: RecordId) -> Result<Arc<ActivityRecordDraft>> {
        Ok(ActivityRecordDraft::of(self.core.revise_activity(record)?))
    }
    /// Types by name, characters or pinyin initials; all for an empty text.
    pub fn search_types(&self, text: String) -> Result<Vec<Matter>> {
        Ok(all(self.core.search_matters(&text)?))
    }
    /// The types that this worker reports most.
    pub fn frequent_types(&self, limit: u32) -> Result<Vec<Matter>> {
        let frequent = self.core.frequent_matters(limit as usize)?;
        Ok(frequent.into_iter().map(|matter| matter.item.into()).collect())
    }
}

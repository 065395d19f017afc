//! Tasks (任务) and their answers.

use crate::{
    drafts::AnswerDraft,
    errors::Result,
    handset::Handset,
    macros::record,
    place::Cell,
    types::TaskPurpose,
    words::{Why, Words, both},
};
use std::sync::Arc;
use terminal_core::{
    protocol::{
        codes::CellCode,
        duty::Answer,
        geo::PointE7,
        ids::{EntryId, TaskId},
        photo::Sha256,
        time::Millis,
    },
    work::{self, HandsetTask},
};

record! {
    /// A task of this post. (`Task` is a type of Swift.)
    FieldTask from (HandsetTask, Millis) as (task, now) {
        id: TaskId = task.id(),
        due_words: Words = both(|lang| task.due_words(lang, now)),
        purpose: TaskPurpose = task.row.purpose.clone().into(),
        wording: String = task.row.wording.clone(),
        cell: CellCode = task.row.cell,
        cell_name: Option<Cell> = task.cell.clone().map(Into::into),
        place: Option<PointE7> = task.row.place,
        address: Option<String> = task.row.address.clone(),
        due: Millis = task.row.due,
        /// A photo to compare the place with.
        compare: Option<Sha256> = task.row.compare,
        /// The valid answer of this handset.
        answered: Option<EntryId> = task.answered,
        is_seen: bool = task.seen,
    }
}

record! {
    /// Distance in metres and direction in degrees clockwise from north.
    TaskDistance from work::TaskDistance as distance {
        words: Words = both(|lang| distance.words(lang)),
        metres: f64 = distance.metres,
        bearing: f64 = distance.bearing,
    }
}

/// The photo to compare a place with.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum ComparePhoto {
    /// The task names none.
    Absent,
    /// `next_try` is null: with the next sync. `why` the last try failed.
    Waiting {
        next_try: Option<Millis>,
        why: Option<Why>,
    },
    Here {
        jpeg: Vec<u8>,
    },
}

impl From<work::ComparePhoto> for ComparePhoto {
    fn from(photo: work::ComparePhoto) -> Self {
        match photo {
            work::ComparePhoto::None => Self::Absent,
            work::ComparePhoto::Waiting { next_try, problem } => Self::Waiting {
                next_try,
                why: problem.map(Into::into),
            },
            work::ComparePhoto::Here(jpeg) => Self::Here { jpeg },
        }
    }
}

#[uniffi::export]
impl Handset {
    /// By due time.
    pub fn tasks(&self) -> Result<Vec<FieldTask>> {
        let now = self.core.now()?;
        Ok(self
            .core
            .tasks()?
            .into_iter()
            .map(|task| (task, now).into())
            .collect())
    }
    /// They are not announced again.
    pub fn mark_seen(&self, tasks: Vec<TaskId>) -> Result<()> {
        Ok(self.core.mark_seen(&tasks)?)
    }
    /// Null if the task names no place.
    pub fn distance_to(&self, task: TaskId, here: PointE7) -> Result<Option<TaskDistance>> {
        Ok(self.core.task(task)?.distance_from(here).map(Into::into))
    }
    pub fn compare_photo(&self, task: TaskId) -> Result<ComparePhoto> {
        Ok(self.core.task(task)?.compare()?.into())
    }
    /// Begins the answer, or continues a saved one with its photos.
    pub fn answer(&self, task: TaskId, answer: Answer) -> Result<Arc<AnswerDraft>> {
        Ok(AnswerDraft::of(self.core.task(task)?.begin_answer(answer)?))
    }
    /// Opens a saved answer.
    pub fn answer_draft(&self, id: EntryId) -> Result<Arc<AnswerDraft>> {
        Ok(AnswerDraft::of(self.core.answer_draft(id)?))
    }
}

//! Tasks (任务) and their answers.

use crate::{
    drafts::AnswerDraft,
    handset::Handset,
    place::Cell,
    types::{TaskPurpose, all_at},
    words::{Words, both},
};
use std::sync::Arc;
use terminal_core::{
    protocol::{
        codes::CellCode,
        duty::Answer,
        entry::Reason,
        geo::PointE7,
        ids::{EntryId, TaskId},
        photo::Sha256,
        time::Millis,
    },
    work::{self, ComparePhoto, HandsetTask},
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
        /// The other holder of the post who has it; null if the worker has it.
        #[uniffi(default = None)]
        other_holder: Option<String> = task.other_holder().map(Into::into),
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
#[uniffi::remote(Enum)]
pub enum ComparePhoto {
    /// The task names none.
    Absent,
    /// `next_try` is null: with the next sync. `problem`: why the last try failed.
    Waiting {
        next_try: Option<Millis>,
        problem: Option<Reason>,
    },
    Here {
        jpeg: Vec<u8>,
    },
}

calls! { self: Handset,
    /// By due time.
    tasks() -> Vec<FieldTask> = all_at(self.core.tasks()?, self.core.now()?);
    /// They are not announced again.
    mark_seen(tasks: Vec<TaskId>) -> () = self.core.mark_seen(&tasks)?;
    /// Null if the task names no place.
    distance_to(task: TaskId, here: PointE7) -> Option<TaskDistance> =
        self.core.task(task)?.distance_from(here).map(Into::into);
    compare_photo(task: TaskId) -> ComparePhoto = self.core.task(task)?.compare()?;
    /// Begins the answer, or continues a saved one with its photos.
    answer(task: TaskId, answer: Answer) -> Arc<AnswerDraft> =
        AnswerDraft::of(self.core.task(task)?.begin_answer(answer)?);
    /// Opens a saved answer.
    answer_draft(id: EntryId) -> Arc<AnswerDraft> = AnswerDraft::of(self.core.answer_draft(id)?);
}

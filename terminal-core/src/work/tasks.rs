//! Tasks (任务) of this post, and their answers (核实反馈 T3, 核查反馈 T13).
//!
//! Law 3 is applied by the server. The handset shows tasks by due time, accepts one answer for each, and
//! accepts another if it was returned.

use crate::{
    Error, Result,
    grid::place::{CellName, bearing},
    store::items::{Custody, Item},
    terminal::Terminal,
    words::{self, Lang, Summary, SummaryPart},
    work::{
        draft::{Draft, DraftContent},
        filing::is_rejected,
    },
};
use protocol::{
    codes::CellCode,
    duty::{Answer, Purpose, TaskRow},
    entry::Reason,
    feed::kind,
    geo::PointE7,
    ids::{EntryId, TaskId},
    manifest::AskedEvidence,
    open::Open,
    payload::{EntryKind, Payload, TaskAnswer},
    photo::{PhotoRef, PhotoRole},
    problem::{HandsetCode, ReasonCode},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// A draft of a task's answer.
pub type AnswerDraft = Draft<AnswerContent>;

/// A task as the worker sees it.
#[derive(Clone)]
pub struct HandsetTask {
    terminal: Terminal,
    /// The row as sent by the server.
    pub row: TaskRow,
    /// The names of its cell, if the grid has it.
    pub cell: Option<CellName>,
    /// The valid answer that was given on this handset.
    pub answered: Option<EntryId>,
    /// The worker has been shown it ([`Terminal::mark_seen`]).
    pub seen: bool,
}

/// The reference photo of a task (核查对比照片).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparePhoto {
    /// The task names none.
    Absent,
    /// It is not here yet.
    Waiting {
        /// When it is tried again; `None`: with the next sync.
        next_try: Option<Millis>,
        /// Why the last try failed.
        problem: Option<Reason>,
    },
    /// It is here (JPEG).
    Here { jpeg: Vec<u8> },
}

/// Distance and direction to a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskDistance {
    pub metres: f64,
    /// Degrees clockwise from north.
    pub bearing: f64,
}

impl TaskDistance {
    /// 「东北 240 米」, 「就在这里」
    pub fn words(&self, lang: Lang) -> String {
        if self.metres < 1.0 {
            return lang.pick("就在这里", "right here").into();
        }
        let direction = words::direction(lang, self.bearing);
        format!("{direction} {}", words::distance(lang, self.metres))
    }
}

impl HandsetTask {
    /// How much time is left or how long it is overdue; or that it was answered.
    pub fn due_words(&self, lang: Lang, now: Millis) -> String {
        let left = self.left(now);
        let length = words::duration(lang, left);
        match self.answered {
            Some(_) => lang.pick("已反馈", "Answered").to_owned(),
            None if left < 0 => words::state::task_overdue(lang, &length),
            None => words::state::task_due(lang, &length),
        }
    }
    /// The id of the task.
    pub fn id(&self) -> TaskId {
        self.row.task
    }
    /// The name of the other holder of the post who has the task; `None` if the worker has it.
    pub fn other_holder(&self) -> Option<&str> {
        let is_other = self.row.holder != self.terminal.account().holder;
        self.row.holder_name.as_deref().filter(|_| is_other)
    }
    /// Milliseconds until it is due; negative if overdue.
    pub fn left(&self, now: Millis) -> i64 {
        self.row.due.since(now)
    }
    /// Distance and direction from a point; `None` if the task names no place.
    pub fn distance_from(&self, here: PointE7) -> Option<TaskDistance> {
        self.row.place.map(|there| TaskDistance {
            metres: here.metres_to(there),
            bearing: bearing(here, there),
        })
    }
    /// The photo to compare the place with.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn compare(&self) -> Result<ComparePhoto> {
        let Some(photo) = self.row.compare else {
            return Ok(ComparePhoto::Absent);
        };
        let store = self.terminal.store();
        Ok(match store.compare_photo(photo)? {
            Some(bytes) => ComparePhoto::Here { jpeg: bytes },
            None => {
                let (retry, clock) = (store.compare_retry(photo)?, self.terminal.clock_reading()?);
                ComparePhoto::Waiting {
                    next_try: retry
                        .wait_until(clock.wall)
                        .map(|at| at.plus(clock.offset_ms.unwrap_or(0))),
                    problem: retry.problem,
                }
            }
        })
    }
    /// Begins the answer, or continues a saved draft with its photos: the camera app may have killed the
    /// process. `submit` files it.
    ///
    /// # Errors
    /// `task.answered_already` on this handset; `task.answer_unfit` if the answer does not fit the task's
    /// purpose.
    pub fn begin_answer(&self, answer: Answer) -> Result<AnswerDraft> {
        let content = AnswerContent {
            task: self.row.task,
            purpose: self.row.purpose.clone(),
            answer,
            text: self.terminal.returned_remarks(self.row.task, answer)?,
            wording: self.row.wording.clone(),
        };
        content.check(&self.terminal, &[])?;
        match self.terminal.saved_answer(self.row.task)? {
            Some(mut begun) => {
                begun.content_mut().answer = answer;
                Ok(begun)
            }
            None => Draft::begin(&self.terminal, content),
        }
    }
}

/// The content of an answer besides photos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerContent {
    pub task: TaskId,
    pub purpose: Open<Purpose>,
    pub answer: Answer,
    #[serde(default)]
    pub text: String,
    /// What the task asked, for lists that show the answer after the task is gone.
    #[serde(default)]
    pub wording: String,
}

impl DraftContent for AnswerContent {
    const KIND: EntryKind = EntryKind::Answer;
    const PHOTO_ROLE: PhotoRole = PhotoRole::After;

    fn check(&self, terminal: &Terminal, _: &[PhotoRef]) -> Result<()> {
        if let Some(purpose) = self
            .purpose
            .known()
            .copied()
            .filter(|p| !p.answers().contains(&self.answer))
        {
            let [yes, no] = purpose.answers();
            return Err(Error::input(
                HandsetCode::TaskAnswerUnfit,
                format!("{}任务请回答 {} 或 {}", purpose.zh(), yes.zh(), no.zh()),
                format!("a task of this kind ({purpose}) is answered {yes} or {no}"),
            ));
        }
        match terminal.valid_answer(self.task)? {
            None => Ok(()),
            Some(_) => Err(Error::input(
                HandsetCode::TaskAnsweredAlready,
                "这个任务您已反馈过，不用再反馈；要更正请先撤回",
                "you have already answered this task; to correct the answer, withdraw it first",
            )),
        }
    }
    fn payload(&self, _: Option<CellCode>, photos: Vec<PhotoRef>) -> Result<Payload> {
        Ok(Payload::Answer(TaskAnswer {
            task: self.task,
            answer: self.answer.into(),
            text: self.text.trim().to_owned(),
            photos,
        }))
    }
    fn photos_asked(&self, asked: AskedEvidence) -> u32 {
        match self.purpose {
            Open::Known(Purpose::Verify | Purpose::Check) => asked.answer_photos,
            Open::Known(Purpose::Inspect) | Open::Other(_) => 0,
        }
    }
    fn summary(&self) -> Summary {
        Summary::new([
            SummaryPart::Answer {
                purpose: self.purpose.known().copied(),
                answer: self.answer,
            },
            SummaryPart::Text(if self.text.trim().is_empty() {
                self.wording.clone()
            } else {
                self.text.clone()
            }),
        ])
    }
}

impl Draft<AnswerContent> {
    /// The worker's remarks.
    pub fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.content_mut().text = text.into();
        self
    }
}

impl Terminal {
    /// The tasks of the post's mailbox as of the last sync, earliest due first.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn tasks(&self) -> Result<Vec<HandsetTask>> {
        let mut rows: Vec<TaskRow> = self.store().mailbox_of(kind::TASK)?;
        rows.sort_by_key(|row| (row.due, row.task));
        let grid = self.grid()?;
        let answers = self.valid_answers()?;
        let seen = self.store().seen_tasks()?;
        let task = |row: TaskRow| HandsetTask {
            seen: seen.contains(&row.task),
            terminal: self.clone(),
            cell: grid.as_ref().map(|grid| grid.name(row.cell)),
            answered: answers
                .iter()
                .find(|(task, _)| *task == row.task)
                .map(|(_, id)| *id),
            row,
        };
        Ok(rows.into_iter().map(task).collect())
    }
    /// Marks tasks as seen by the worker, so that they are announced once. Ids of tasks that are gone do nothing.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn mark_seen(&self, tasks: &[TaskId]) -> Result<()> {
        self.store().mark_tasks_seen(tasks)
    }
    /// The task with this id.
    ///
    /// # Errors
    /// `task.unknown`
    pub fn task(&self, id: TaskId) -> Result<HandsetTask> {
        let task = self.tasks()?.into_iter().find(|task| task.id() == id);
        task.ok_or_else(unknown_task)
    }
    /// A saved draft of a task's answer.
    ///
    /// # Errors
    /// `item.unknown`, `draft.other_kind`, `draft.newer`.
    pub fn answer_draft(&self, id: EntryId) -> Result<AnswerDraft> {
        Draft::load(self, id)
    }
    /// The last saved draft that answers this task.
    fn saved_answer(&self, task: TaskId) -> Result<Option<AnswerDraft>> {
        for draft in self.store().drafts()? {
            // A draft of a newer app is skipped; the queue shows it.
            if draft.kind != EntryKind::Answer.as_str() {
                continue;
            }
            match self.answer_draft(draft.id) {
                Ok(begun) if begun.content().task == task => return Ok(Some(begun)),
                Ok(_) => {}
                Err(Error::Input(reason)) if reason.code == HandsetCode::DraftNewer => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
    /// The remarks of the same answer to this task if it was returned: what is not given again stays.
    fn returned_remarks(&self, task: TaskId, wanted: Answer) -> Result<String> {
        let mut items = self.store().items_of_kind(EntryKind::Answer)?;
        items.retain(|item| is_rejected(item) || matches!(item.custody, Custody::Refused(_)));
        items.sort_by_key(|item| std::cmp::Reverse(item.n));
        for item in items {
            match self.payload_of(item.id)? {
                Payload::Answer(said) if said.task == task => {
                    let is_same = said.answer == Open::Known(wanted);
                    return Ok(if is_same { said.text } else { String::new() });
                }
                _ => {}
            }
        }
        Ok(String::new())
    }
    /// The answer to a task that was given on this handset and was neither withdrawn nor returned.
    pub(crate) fn valid_answer(&self, task: TaskId) -> Result<Option<EntryId>> {
        let answers = self.valid_answers()?;
        Ok(answers.into_iter().find(|(of, _)| *of == task).map(|(_, id)| id))
    }
    fn valid_answers(&self) -> Result<Vec<(TaskId, EntryId)>> {
        let withdrawn: Vec<EntryId> = self.withdrawn()?;
        let is_valid = |item: &Item| {
            !is_rejected(item)
                && !matches!(item.custody, Custody::Refused(_))
                && !withdrawn.contains(&item.id)
        };
        let mut answers = Vec::new();
        for item in self
            .store()
            .items_of_kind(EntryKind::Answer)?
            .iter()
            .filter(|item| is_valid(item))
        {
            if let Payload::Answer(answer) = self.payload_of(item.id)? {
                answers.push((answer.task, item.id));
            }
        }
        Ok(answers)
    }
}

pub(crate) fn unknown_task() -> Error {
    Error::input(
        ReasonCode::TaskUnknown,
        "没有这个任务，可能已由他人完成或取消；请同步后用 tasks 查看",
        "there is no such task, it may be done or cancelled; sync and look at `tasks`",
    )
}

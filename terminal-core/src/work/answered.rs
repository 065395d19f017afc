//! What was answered on this handset, also after the tasks themselves are gone from the mailbox.

use crate::{
    Result,
    terminal::Terminal,
    work::queue_row::{ItemState, QueueRow},
};
use protocol::{
    ids::TaskId,
    payload::{EntryKind, Payload},
};

/// An answer to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredTask {
    pub task: TaskId,
    /// The answer with its state.
    pub row: QueueRow,
    /// The task is still open for this worker: after a return or a withdrawal it can be answered again.
    pub is_open: bool,
}

impl Terminal {
    /// The answers of this handset, last filed first, as long as items are kept. What never left the handset and was
    /// cancelled is no answer.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn answered_tasks(&self) -> Result<Vec<AnsweredTask>> {
        let mut items = self.store().items_of_kind(EntryKind::Answer)?;
        items.sort_by_key(|item| std::cmp::Reverse(item.n));
        let open: Vec<TaskId> = self.tasks()?.iter().map(|task| task.row.task).collect();
        let mut answered = Vec::new();
        for row in self.rows_of(&items)? {
            if let Payload::Answer(answer) = self.payload_of(row.id)? {
                let is_free = matches!(
                    row.state,
                    ItemState::Returned(_) | ItemState::Withdrawn | ItemState::Withdrawing
                );
                answered.push(AnsweredTask {
                    task: answer.task,
                    is_open: is_free && open.contains(&answer.task),
                    row,
                });
            }
        }
        Ok(answered)
    }
}

//! Assigns tasks to people on duty and updates the posts' mailboxes.

use super::{
    privacy, rules,
    task::{self, COLUMNS, Task},
};
use crate::{
    app::{ctx::Ctx, mailbox::MailboxId},
    duty::on_duty,
    kernel::failure::Failure,
    params,
    store::tx::Tx,
};
use protocol::{
    duty::TaskState,
    feed::kind,
    ids::{PersonId, PostId, TaskId},
    problem::ProblemCode,
};

/// Inserts a new task and assigns it to a person on duty in its cell, if there is one.
pub fn issue(tx: &mut Tx<'_>, ctx: &mut Ctx, mut task: Task) -> Result<TaskId, Failure> {
    task.insert(tx, ctx)?;
    resolve(tx, ctx, &mut task)?;
    Ok(task.id)
}

/// Assigns an open task to a person on duty in its cell now, or to nobody. The present holder keeps it while on duty.
/// Does nothing for a closed task.
pub fn resolve(tx: &mut Tx<'_>, ctx: &mut Ctx, task: &mut Task) -> Result<(), Failure> {
    if !matches!(task.state, TaskState::Nobody | TaskState::Assigned) {
        return Ok(());
    }
    let candidates = on_duty::candidates(tx, task.order.cell, ctx.now)?;
    let holder = rules::choose(&candidates, task.holder).map(|c| (c.post, c.person));
    if holder != task.holder {
        pass(tx, ctx, task, holder)?;
    }
    Ok(())
}

/// Moves an open task to another holder or to nobody: ends the lease, begins the next, updates both mailboxes.
fn pass(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    task: &mut Task,
    holder: Option<(PostId, PersonId)>,
) -> Result<(), Failure> {
    task::end_lease(tx, task.id, ctx.now)?;
    if let Some((before, _)) = task.holder {
        ctx.mail.remove(MailboxId::Post(before), kind::TASK, task.id);
    }
    task.holder = holder;
    task.resolved = ctx.now;
    task.state = match holder {
        Some(_) => TaskState::Assigned,
        None => TaskState::Nobody,
    };
    if let Some(holder) = holder {
        task::begin_lease(tx, task.id, holder, ctx.now)?;
    }
    task.update(tx, ctx)?;
    notify(tx, ctx, task)
}

/// Updates the mailbox of the post that has the task.
fn notify(tx: &mut Tx<'_>, ctx: &mut Ctx, task: &Task) -> Result<(), Failure> {
    match privacy::row(tx, task)? {
        Some(row) => ctx.mail.put(MailboxId::Post(row.post), kind::TASK, task.id, &row),
        None => Ok(()),
    }
}

/// Closes a task whose final state the caller has set: ends the lease and removes the mailbox row.
pub(crate) fn close(tx: &mut Tx<'_>, ctx: &mut Ctx, task: &mut Task) -> Result<(), Failure> {
    task::end_lease(tx, task.id, ctx.now)?;
    if let Some((post, _)) = task.holder {
        ctx.mail.remove(MailboxId::Post(post), kind::TASK, task.id);
    }
    task.update(tx, ctx)?;
    Ok(())
}

/// Opens an answered task again, because its answer was withdrawn, and assigns it to a person on duty in its cell.
pub(crate) fn reopen(tx: &mut Tx<'_>, ctx: &mut Ctx, task: &mut Task) -> Result<(), Failure> {
    task.state = TaskState::Nobody;
    task.holder = None;
    task.resolved = ctx.now;
    task.answer = None;
    task.answer_text = None;
    task.answer_entry = None;
    task.answered_by = None;
    task.answered = None;
    task.answer_flags = Vec::new();
    task.update(tx, ctx)?;
    resolve(tx, ctx, task)
}

/// Cancels an open task.
///
/// # Errors
/// `task.state` if the task is closed, or if a case waits for its answer: such a task ends with a step of its case.
pub fn cancel(tx: &mut Tx<'_>, ctx: &mut Ctx, task: &mut Task) -> Result<(), Failure> {
    if task.order.drives {
        return Err(Failure::because(
            ProblemCode::TaskState,
            "案卷的核实、核查任务随案卷流转，不能单独取消",
        ));
    }
    match task.state {
        TaskState::Nobody | TaskState::Assigned => {
            task.state = TaskState::Cancelled;
            close(tx, ctx, task)
        }
        TaskState::Answered => Err(Failure::because(ProblemCode::TaskState, "任务已办结")),
        TaskState::Cancelled => Err(Failure::because(ProblemCode::TaskState, "任务已取消")),
    }
}

/// Assigns again the open tasks of a post, and the tasks without a holder in the post's areas. Called after duty, areas
/// or holders of the post changed.
pub fn resolve_for_post(tx: &mut Tx<'_>, ctx: &mut Ctx, post: PostId) -> Result<(), Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM task t
         WHERE (t.state = 'assigned' AND t.post = ?1)
            OR (t.state = 'nobody' AND EXISTS (
                SELECT 1 FROM post_area a WHERE a.post = ?1 AND substr(t.cell, 1, length(a.area)) = a.area))
         ORDER BY t.due, t.id"
    );
    for mut task in tx.all(&sql, params![post.to_string()], Task::read)? {
        resolve(tx, ctx, &mut task)?;
    }
    Ok(())
}

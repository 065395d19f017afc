//! What the texts of a case and of its tasks show to departments and handsets (DC-05).

use super::task::{COLUMNS, Task};
use crate::{
    app::{ctx::Ctx, mailbox::MailboxId, state::App},
    kernel::{
        failure::Failure,
        mask::Masker,
        personal::{self, PersonalKind},
    },
    params,
    people::lookup,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    duty::{TaskRow, TaskState},
    feed::kind,
    ids::CaseId,
};
use serde::{Deserialize, Serialize};

/// Returns what to hide in the texts of this case, or of a task without a case: every number that was not marked as the
/// matter's own contact, and the caller.
pub(crate) fn masker(tx: &mut Tx<'_>, case: Option<CaseId>) -> Result<Masker, StoreError> {
    let Some(case) = case.map(|id| id.to_string()) else {
        return Ok(Masker::default());
    };
    let contacts: Vec<String> = tx.all(
        "SELECT value FROM case_contact WHERE case_id = ?1 ORDER BY value",
        params![&case],
        |row| row.get("value"),
    )?;
    let caller: Option<(String, String, Option<String>)> = tx.opt(
        "SELECT name, phone, id_number FROM case_caller WHERE case_id = ?1",
        params![&case],
        |row| Ok((row.get("name")?, row.get("phone")?, row.get("id_number")?)),
    )?;
    let masker = Masker::showing(contacts);
    Ok(match caller {
        // A mistyped identity number is none to the search, but it is the caller's all the same.
        Some((name, phone, identity)) => phone
            .split('、')
            .chain(identity.as_deref())
            .fold(masker.hiding(&name, ""), |masker, one| masker.hiding("", one)),
        None => masker,
    })
}

/// Personal data found in a text that is neither moved to the caller's fields nor marked as a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PersonalFound {
    /// Where, as a JSON pointer into the answer, such as `/text`, `/wording` or `/ledger/2/opinion`.
    pub at: String,
    pub kind: PersonalKind,
    /// Name for `POST /v1/cases/{id}/personal-data`: the digits of a number, or a name with its title.
    pub value: String,
    /// True if the value can be moved to the caller's fields: it stands in text or address of a case. Every other text
    /// stays as it is, and departments and handsets see it masked.
    pub movable: bool,
}

/// Returns what was found in one text.
pub(crate) fn found(at: &str, text: &str, movable: bool, masker: &Masker) -> Vec<PersonalFound> {
    let hits = personal::find(text).into_iter();
    hits.filter(|one| !masker.shows(&one.value))
        .map(|one| PersonalFound {
            at: at.to_owned(),
            kind: one.kind,
            value: one.value,
            movable,
        })
        .collect()
}

/// The row for the post's mailbox; `None` unless the task is assigned.
pub(super) fn row(tx: &mut Tx<'_>, task: &Task) -> Result<Option<TaskRow>, StoreError> {
    let Some((post, holder)) = task.holder.filter(|_| task.state == TaskState::Assigned) else {
        return Ok(None);
    };
    let o = &task.order;
    let masker = masker(tx, o.case)?;
    Ok(Some(TaskRow {
        task: task.id,
        purpose: o.purpose.into(),
        wording: masker.text(&o.wording),
        cell: o.cell,
        place: o.place,
        address: Some(masker.text(&o.address)).filter(|a| !a.is_empty()),
        due: o.due,
        compare: o.compare.map(|(_, sha256)| sha256),
        case: o.case,
        post,
        holder,
        holder_name: Some(lookup::name(tx, holder)?),
        issued: task.issued,
    }))
}

/// Writes the rows of the case's open tasks again, after what they may show has changed.
pub(crate) fn show_again(tx: &mut Tx<'_>, ctx: &mut Ctx, case: CaseId) -> Result<(), Failure> {
    let sql = format!("SELECT {COLUMNS} FROM task WHERE case_id = ?1 AND state = 'assigned' ORDER BY id");
    for task in tx.all(&sql, params![case.to_string()], Task::read)? {
        if let Some(row) = row(tx, &task)? {
            ctx.mail
                .put(MailboxId::Post(row.post), kind::TASK, task.id, &row)?;
        }
    }
    Ok(())
}

/// Writes the rows of open tasks again whose texts hold what handsets must not see: an older program wrote them as they
/// were. Runs when the server starts.
pub async fn renew(app: &App) -> Result<(), Failure> {
    let sql = format!("SELECT {COLUMNS} FROM task WHERE state = 'assigned' ORDER BY id");
    let told: Vec<Task> = app
        .read(move |tx| {
            let mut told = Vec::new();
            for task in tx.all(&sql, &[], Task::read)? {
                let (masker, o) = (masker(tx, task.order.case)?, &task.order);
                if masker.text(&o.wording) != o.wording || masker.text(&o.address) != o.address {
                    told.push(task);
                }
            }
            Ok(told)
        })
        .await?;
    for task in told {
        app.write(move |tx, ctx| {
            let now = Task::find(tx, task.id)?.map_or(Ok(None), |task| row(tx, &task))?;
            now.map_or(Ok(()), |row| {
                ctx.mail
                    .put(MailboxId::Post(row.post), kind::TASK, row.task, &row)
            })
        })
        .await?;
    }
    Ok(())
}

//! The mailboxes as last pulled, the cursor of the pull, and the server's epoch. Rows and cursor are stored
//! in one transaction: the cursor is never ahead of the rows.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        reference_photos::follow_tasks,
        seen_tasks, settings,
        sql::{from_json, int, run, to_json, uint},
    },
};
use protocol::{
    feed::{DispositionRow, FeedRow, Mailbox, PullAnswer, kind},
    open::Open,
    planted,
    sabotage::{self, Defect},
};
use rusqlite::{Connection, Transaction, params};

/// A row of a mailbox. Rows of unknown kinds are stored unchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct MailboxEntry {
    /// The mailbox.
    pub mailbox: Open<Mailbox>,
    /// The kind of the row, such as `task`.
    pub kind: String,
    /// The id of what the row is about.
    pub entity: String,
    /// The position in the mailbox.
    pub n: u64,
    /// The row as the server sent it.
    pub body: serde_json::Value,
}

fn text(mailbox: &Open<Mailbox>) -> &str {
    match mailbox {
        Open::Known(mailbox) => mailbox.as_str(),
        Open::Other(text) => text,
    }
}

/// Records the server's epoch; returns true if it changed. A new epoch means that the server was restored:
/// mailboxes are pulled from the beginning, photo receipts are checked again (HEAD of their uploads), and
/// refused items are sent again.
pub(super) fn see_epoch(connection: &Connection, epoch: &str) -> Result<bool> {
    let known = settings::get(connection, settings::keys::EPOCH)?;
    if known.as_deref() == Some(epoch) {
        return Ok(false);
    }
    settings::set(connection, settings::keys::EPOCH, epoch)?;
    if known.is_none() || sabotage::is(Defect::EpochIgnored) {
        return Ok(false);
    }
    settings::set(connection, settings::keys::CURSOR, "")?;
    connection.execute_batch(
        "UPDATE photo SET custody = 'waiting', received_at = NULL WHERE custody = 'received';
         UPDATE item SET refused_json = NULL WHERE custody = 'waiting';",
    )?;
    Ok(true)
}

fn apply_row(connection: &Connection, row: &FeedRow) -> Result<()> {
    let mailbox = text(&row.mailbox);
    let Some(body) = &row.body else {
        planted!(TombstoneForgotten => return Ok(()));
        let sql = "DELETE FROM mailbox_row WHERE mailbox = ?1 AND kind = ?2 AND entity = ?3";
        return run(connection, sql, params![mailbox, row.kind, row.entity]).map(drop);
    };
    connection
        .prepare_cached(
            "INSERT INTO mailbox_row (mailbox, kind, entity, n, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (mailbox, kind, entity) DO UPDATE SET n = excluded.n, body = excluded.body",
        )?
        .execute(params![
            mailbox,
            row.kind,
            row.entity,
            int(row.n)?,
            to_json(body)?
        ])?;
    if row.kind == kind::DISPOSITION {
        // A newer server may use a form that this version cannot read: keep the row and continue.
        match serde_json::from_value::<DispositionRow>(body.clone()) {
            Ok(_) if sabotage::is(Defect::DispositionForgotten) => {}
            Ok(said) => apply_disposition(connection, &said)?,
            Err(_) => tracing::warn!(name: "mailbox.disposition_unread", n = row.n),
        }
    }
    Ok(())
}

fn apply_disposition(connection: &Connection, said: &DispositionRow) -> Result<()> {
    let state = match &said.disposition.state {
        Open::Known(state) => state.as_str(),
        Open::Other(text) => text,
    };
    connection
        .prepare_cached(
            "UPDATE item SET disposition = ?2, reason_json = ?3, disposition_at = ?4 WHERE id = ?1",
        )?
        .execute(params![
            said.entry.to_string(),
            state,
            said.disposition.reason.as_ref().map(to_json).transpose()?,
            said.at.0
        ])?;
    Ok(())
}

impl HandsetStore {
    /// Where the next pull begins; empty at first and after a restore of the server.
    pub fn cursor(&self) -> Result<String> {
        self.read(|c| Ok(settings::get(c, settings::keys::CURSOR)?.unwrap_or_default()))
    }

    /// Records the epoch of any response; returns true if the server was restored since the last one.
    pub(crate) fn see_epoch(&self, epoch: &str) -> Result<bool> {
        self.write(|tx| see_epoch(tx, epoch))
    }

    /// Stores the answer to a pull from cursor `asked`: resets, rows, dispositions, cursor and epoch, all or
    /// nothing. Returns false if the cursor has moved meanwhile or the epoch is new: nothing was stored, and
    /// the pull must be repeated.
    pub(crate) fn apply_pull(&self, asked: &str, answer: &PullAnswer) -> Result<bool> {
        let save = |tx: &Transaction<'_>| settings::set(tx, settings::keys::CURSOR, &answer.cursor);
        planted!(CursorBeforeRows => self.write(save)?);
        self.write(|tx| {
            let at = settings::get(tx, settings::keys::CURSOR)?.unwrap_or_default();
            let is_moved = at != asked && !sabotage::is(Defect::CursorBeforeRows);
            if is_moved || (see_epoch(tx, &answer.epoch)? && !asked.is_empty()) {
                return Ok(false);
            }
            if asked.is_empty() {
                run(tx, "DELETE FROM mailbox_row WHERE true", [])?;
            }
            let reset = answer.reset.iter();
            for mailbox in reset.filter(|_| !sabotage::is(Defect::ResetForgotten)) {
                run(tx, "DELETE FROM mailbox_row WHERE mailbox = ?1", [text(mailbox)])?;
            }
            for row in &answer.rows {
                apply_row(tx, row)?;
            }
            save(tx)?;
            follow_tasks(tx)?;
            seen_tasks::forget_gone(tx)?;
            Ok(true)
        })
    }

    /// All rows of a kind in both mailboxes, in the order of their last change.
    pub fn mailbox(&self, kind: &str) -> Result<Vec<MailboxEntry>> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT mailbox, entity, n, body FROM mailbox_row WHERE kind = ?1 ORDER BY mailbox, n",
            )?;
            let mut rows = statement.query([kind])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let mailbox: String = row.get(0)?;
                entries.push(MailboxEntry {
                    mailbox: mailbox.parse().map_or(Open::Other(mailbox), Open::Known),
                    kind: kind.to_owned(),
                    entity: row.get(1)?,
                    n: uint(row.get(2)?)?,
                    body: from_json(&row.get::<_, String>(3)?)?,
                });
            }
            Ok(entries)
        })
    }

    /// The bodies of a kind, such as [`protocol::duty::TaskRow`] for `task`. Bodies that this version cannot
    /// read are left out.
    pub fn mailbox_of<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>> {
        let rows = self.mailbox(kind)?;
        Ok(rows
            .into_iter()
            .filter_map(|row| serde_json::from_value(row.body).ok())
            .collect())
    }
}

//! Mailbox changes of a write. They are written in the order of mailbox ids, so that two writes cannot deadlock.

use crate::{
    kernel::failure::Failure,
    params,
    store::{error::StoreError, hint::Hint, tx::Tx},
};
use protocol::{
    ids::{PersonId, PostId},
    planted,
    sabotage::{self, Defect},
    time::Millis,
};
use std::{collections::BTreeMap, fmt};

/// The owner of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailboxId {
    Post(PostId),
    Author(PersonId),
}

impl fmt::Display for MailboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post(id) => write!(f, "post:{id}"),
            Self::Author(id) => write!(f, "author:{id}"),
        }
    }
}

/// The mailbox changes of one write; the last change of a row wins.
#[derive(Debug, Clone, Default)]
pub struct Outgoing(BTreeMap<RowKey, RowChange>);

/// Mailbox, kind and entity of a row.
type RowKey = (MailboxId, &'static str, String);

#[derive(Debug, Clone)]
struct RowChange {
    /// `None` removes the row.
    body: Option<String>,
    /// This write created the entity, so there is no row yet.
    is_first: bool,
}

impl Outgoing {
    /// Sets the row of an entity.
    pub fn put(
        &mut self,
        mailbox: MailboxId,
        kind: &'static str,
        entity: impl fmt::Display,
        body: &impl serde::Serialize,
    ) -> Result<(), Failure> {
        self.set(
            (mailbox, kind, entity.to_string()),
            Some(serde_json::to_string(body)?),
        );
        Ok(())
    }
    /// Sets the first row of an entity that this write created: no row is looked for.
    pub fn put_first(
        &mut self,
        mailbox: MailboxId,
        kind: &'static str,
        entity: impl fmt::Display,
        body: &impl serde::Serialize,
    ) -> Result<(), Failure> {
        let change = RowChange {
            body: Some(serde_json::to_string(body)?),
            is_first: true,
        };
        self.0.insert((mailbox, kind, entity.to_string()), change);
        Ok(())
    }
    /// Removes the row of an entity: writes a tombstone if there was a row.
    pub fn remove(&mut self, mailbox: MailboxId, kind: &'static str, entity: impl fmt::Display) {
        planted!(TombstoneNotWritten => return);
        self.set((mailbox, kind, entity.to_string()), None);
    }
    fn set(&mut self, row: RowKey, body: Option<String>) {
        let is_first = self.0.get(&row).is_some_and(|earlier| earlier.is_first);
        self.0.insert(row, RowChange { body, is_first });
    }
    /// Adds later changes, which win over earlier ones of the same row.
    pub(crate) fn absorb(&mut self, later: Self) {
        for (row, mut change) in later.0 {
            change.is_first |= self.0.get(&row).is_some_and(|earlier| earlier.is_first);
            self.0.insert(row, change);
        }
    }
    /// Writes all changes. A tombstone without a row, and a body equal to the stored one, change nothing.
    pub(crate) fn flush(self, tx: &mut Tx<'_>, now: Millis) -> Result<(), Failure> {
        // The rows of each mailbox stand together.
        let mut rows = self.0.into_iter().peekable();
        while let Some(((mailbox, ..), _)) = rows.peek() {
            let mailbox = *mailbox;
            let own = std::iter::from_fn(|| rows.next_if(|((of, ..), _)| *of == mailbox));
            flush_one(tx, mailbox, own, now)?;
        }
        Ok(())
    }
}

/// Writes the changes of one mailbox.
fn flush_one(
    tx: &mut Tx<'_>,
    mailbox: MailboxId,
    rows: impl Iterator<Item = (RowKey, RowChange)>,
    now: Millis,
) -> Result<(), Failure> {
    let id = mailbox.to_string();
    let mut changed = Vec::new();
    for ((_, kind, entity), RowChange { body, is_first }) in rows {
        let stands: Option<Option<String>> = match is_first {
            true => None,
            false => tx.opt(
                "SELECT body FROM mailbox_row WHERE mailbox = ?1 AND kind = ?2 AND entity = ?3",
                params![&id, kind, &entity],
                |row| row.get("body"),
            )?,
        };
        let unchanged = match (&stands, &body) {
            (None, None) => true,
            (Some(old), new) => old == new,
            (None, Some(_)) => false,
        };
        if !unchanged {
            changed.push((kind, entity, body));
        }
    }
    let Ok(count @ 1..) = i64::try_from(changed.len()) else {
        return Ok(());
    };
    let first = last_number(tx, &id, count)? - count + 1;
    for (n, (kind, entity, body)) in (first..).zip(changed) {
        let n = n - i64::from(sabotage::is(Defect::MailNumberTwice));
        tx.run(
            "INSERT INTO mailbox_row (mailbox, kind, entity, n, body, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (mailbox, kind, entity) DO UPDATE
             SET n = excluded.n, body = excluded.body, at = excluded.at",
            params![&id, kind, &entity, n, body, now.0],
        )?;
    }
    tx.after_commit(Hint::Mailbox(id));
    Ok(())
}

/// Takes the next `count` numbers of the mailbox and returns the last. The update locks its row until the commit.
fn last_number(tx: &mut Tx<'_>, mailbox: &str, count: i64) -> Result<i64, StoreError> {
    tx.one(
        "INSERT INTO mailbox (id, last) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET last = mailbox.last + excluded.last RETURNING last",
        params![mailbox, count],
        |row| row.get("last"),
    )
}

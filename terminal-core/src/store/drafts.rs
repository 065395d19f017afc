//! Drafts (草稿): work that is begun and not submitted. Saved at every step, so that nothing is lost when the
//! camera app kills the process (failure story 31). The draft's id becomes the id of its entry.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        handed_over::refuse_if_done,
        sql::{parse, run},
    },
};
use protocol::{ids::EntryId, time::Millis};
use rusqlite::{OptionalExtension, params};

/// A draft in its stored form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDraft {
    /// Becomes the entry's id.
    pub id: EntryId,
    /// The entry kind it will become.
    pub kind: String,
    /// The content, in the format of `work::saved_draft`.
    pub json: String,
    /// Time of the last change by the wall clock.
    pub updated: Millis,
}

impl HandsetStore {
    /// Saves a draft durably; replaces one with the same id.
    pub fn save_draft(&self, draft: &SavedDraft) -> Result<()> {
        self.write(|tx| {
            refuse_if_done(tx)?;
            tx.prepare_cached(
                "INSERT INTO draft (id, kind, json, updated) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, json = excluded.json, updated = excluded.updated",
            )?
            .execute(params![draft.id.to_string(), draft.kind, draft.json, draft.updated.0])?;
            Ok(())
        })
    }
    /// The draft with this id.
    pub fn draft(&self, id: EntryId) -> Result<Option<SavedDraft>> {
        self.read(|c| {
            let row = c
                .prepare_cached("SELECT kind, json, updated FROM draft WHERE id = ?1")?
                .query_row([id.to_string()], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
                .optional()?;
            Ok(row.map(|(kind, json, updated)| SavedDraft {
                id,
                kind,
                json,
                updated: Millis(updated),
            }))
        })
    }
    /// All drafts, last changed first.
    pub fn drafts(&self) -> Result<Vec<SavedDraft>> {
        self.read(|c| {
            let mut statement =
                c.prepare_cached("SELECT id, kind, json, updated FROM draft ORDER BY updated DESC, id")?;
            let rows = statement.query_map([], |r| {
                Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })?;
            rows.map(|row| {
                let (id, kind, json, updated) = row?;
                Ok(SavedDraft {
                    id: parse(&id)?,
                    kind,
                    json,
                    updated: Millis(updated),
                })
            })
            .collect()
        })
    }
    /// Deletes a draft, at the worker's request.
    pub fn delete_draft(&self, id: EntryId) -> Result<()> {
        self.write(|tx| {
            run(tx, "DELETE FROM draft WHERE id = ?1", [id.to_string()])?;
            Ok(())
        })
    }
}

//! Lookups for the rooms above the store.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        items::{Item, select},
    },
};
use protocol::{ids::EntryId, payload::EntryKind, photo::Sha256};

impl HandsetStore {
    /// Items of one kind that were not cancelled, by number.
    pub fn items_of_kind(&self, kind: EntryKind) -> Result<Vec<Item>> {
        self.read(|c| select(c, "kind = ?1", [kind.as_str()]))
    }
    /// Items that revise this one.
    pub fn revisions_of(&self, id: EntryId) -> Result<Vec<Item>> {
        self.read(|c| select(c, "supersedes = ?1 AND kind <> 'void'", [&id.to_string()]))
    }
    /// Returns true if an item names this photo; its file must then be kept.
    pub fn names_photo(&self, photo: Sha256) -> Result<bool> {
        self.read(|c| {
            Ok(
                c.prepare_cached("SELECT EXISTS (SELECT 1 FROM photo WHERE sha256 = ?1)")?
                    .query_row([photo.to_string()], |row| row.get(0))?,
            )
        })
    }
}

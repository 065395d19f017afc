//! Where the city uses a picture: the entries that name it.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    ids::{EntryId, PersonId, RecordId},
    photo::{PhotoRef, Sha256},
    time::Millis,
};

/// Uses of one picture that are looked at, oldest first.
const LOOKED_AT: i64 = 20;

/// The text of the role of a photo that shows the place after the handling.
const AFTER: &str = "after";

/// A use of a picture by an entry that was not rejected.
#[derive(Debug, Clone, Copy)]
pub(super) struct PhotoUse {
    pub entry: EntryId,
    /// The photo's place in the entry.
    pub position: i64,
    /// It shows the place after the handling.
    pub is_after: bool,
    pub record: RecordId,
    pub author: Option<PersonId>,
    pub received: Millis,
    /// Its author withdrew the report.
    pub is_withdrawn: bool,
}

impl PhotoUse {
    /// Returns true if an entry of this record and author should not use the picture again. Versions of one record share
    /// their photos, and who withdrew a report may file it again.
    pub fn counts_against(&self, record: RecordId, author: Option<PersonId>) -> bool {
        self.record != record && !(self.is_withdrawn && self.author == author)
    }
}

const COLUMNS: &str =
    "o.entry, o.position, o.role, e.record, e.author, e.received, COALESCE(c.withdrawn, FALSE) AS withdrawn
     FROM entry_photo o JOIN entry e ON e.id = o.entry LEFT JOIN case_file c ON c.record = e.record";
const OLDEST: &str = "e.state <> 'rejected' ORDER BY e.received, o.entry, o.position LIMIT";

fn find(
    tx: &mut Tx<'_>,
    condition: &str,
    sha256: Sha256,
    original: Sha256,
) -> Result<Vec<PhotoUse>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE {condition} IN (?1, ?2) AND {OLDEST} ?3");
    tx.all(
        &sql,
        params![sha256.to_string(), original.to_string(), LOOKED_AT],
        |row| {
            Ok(PhotoUse {
                entry: row.parse("entry")?,
                position: row.get("position")?,
                is_after: row.get::<String>("role")? == AFTER,
                record: row.parse("record")?,
                author: row.parse_opt("author")?,
                received: Millis(row.get("received")?),
                is_withdrawn: row.get("withdrawn")?,
            })
        },
    )
}

/// The uses of the file that a photo was made of, and of the photo itself: a filed picture may come back as an original.
pub(super) fn same_file(tx: &mut Tx<'_>, photo: &PhotoRef) -> Result<Vec<PhotoUse>, StoreError> {
    let original = photo
        .evidence
        .as_ref()
        .map_or(photo.sha256, |evidence| evidence.original);
    made_of(tx, photo.sha256, original)
}

/// The uses of a filed picture and of a file, as original or as filed.
pub(super) fn made_of(
    tx: &mut Tx<'_>,
    sha256: Sha256,
    original: Sha256,
) -> Result<Vec<PhotoUse>, StoreError> {
    let mut uses = find(tx, "o.original", sha256, original)?;
    uses.extend(find(tx, "o.sha256", sha256, original)?);
    uses.sort_by_key(|one| (one.received, one.entry));
    Ok(uses)
}

/// The uses of a filed picture.
pub(super) fn of_picture(tx: &mut Tx<'_>, sha256: Sha256) -> Result<Vec<PhotoUse>, StoreError> {
    find(tx, "o.sha256", sha256, sha256)
}

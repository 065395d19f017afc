//! An entry in custody, as it is handed to its room.

use crate::{
    entries::{
        reading::{self, Reading},
        row::made,
    },
    kernel::failure::Failure,
    params,
    store::tx::Tx,
};
use protocol::{
    evidence::TrustedTime,
    ids::{EntryId, PersonId, PostId, StreamId},
    photo::Sha256,
    time::Millis,
};

/// An entry in custody, ready to be applied.
#[derive(Debug, Clone)]
pub(super) struct HeldEntry {
    pub reading: Reading,
    pub sha256: Sha256,
    pub stream: StreamId,
    /// The stream's holder, whose mailbox the disposition goes to.
    pub person: PersonId,
    pub post: PostId,
    pub received: Millis,
    pub made: TrustedTime,
}

/// An entry to be applied.
pub(super) struct DueEntry {
    pub held: HeldEntry,
    /// Set if this transaction stored it.
    pub fresh: Option<Fresh>,
}

/// What need not be read of an entry that this transaction stored: it is pending and has no reason yet.
#[derive(Clone, Copy)]
pub(super) struct Fresh {
    pub was_sealed: bool,
    /// Another entry waited for it when it arrived.
    pub is_awaited: bool,
}

impl From<HeldEntry> for DueEntry {
    fn from(held: HeldEntry) -> Self {
        Self { held, fresh: None }
    }
}

/// Loads an entry from the database.
pub(super) fn load(tx: &mut Tx<'_>, id: EntryId) -> Result<HeldEntry, Failure> {
    let (bytes, sha256, stream, person, post, received, made) = tx.one(
        "SELECT e.bytes, e.sha256, e.stream, s.person, s.post, e.received, e.made_at, e.uncertainty, e.basis
         FROM entry e JOIN stream s ON s.id = e.stream WHERE e.id = ?1",
        params![id.to_string()],
        |row| {
            Ok((
                row.get::<Vec<u8>>("bytes")?,
                row.parse("sha256")?,
                row.parse("stream")?,
                row.parse("person")?,
                row.parse("post")?,
                Millis(row.get("received")?),
                made(row)?,
            ))
        },
    )?;
    let frame = reading::frame(&bytes).map_err(Failure::internal)?;
    let reading = Reading::of(&frame, &bytes);
    Ok(HeldEntry {
        reading,
        sha256,
        stream,
        person,
        post,
        received,
        made,
    })
}

//! Doubts about the photos of entries in custody: at arrival, and when a later comparison finds one.

use super::held::HeldEntry;
use crate::{
    entries::{
        flags::{FixContext, Flag, FlagName},
        reading::EntryContent,
    },
    kernel::config::Settings,
    params,
    photos::doubts::{self, FoundDoubt, JudgedEntry, PhotoDoubtLimits},
    store::{error::StoreError, tx::Tx},
};
use protocol::{ids::EntryId, payload::Payload};

/// The doubts about the photos of a new entry.
pub(super) fn judge(
    tx: &mut Tx<'_>,
    settings: &Settings,
    held: &HeldEntry,
) -> Result<Vec<FoundDoubt>, StoreError> {
    let reading = &held.reading;
    let place = match &reading.content {
        EntryContent::Known(_, Payload::Report(report)) => report.place.as_ref(),
        EntryContent::Known(..)
        | EntryContent::UnknownKind
        | EntryContent::Newer
        | EntryContent::Unreadable(_) => None,
    };
    let fixes: Vec<_> = place.into_iter().chain(&reading.fix).collect();
    let judged = JudgedEntry {
        entry: reading.id,
        record: reading.record,
        author: reading.author,
        photos: &reading.photos,
        fixes: &fixes,
        made: FixContext::new(&held.made, reading.clock.as_ref()),
    };
    doubts::judge(tx, &judged, PhotoDoubtLimits::of(settings))
}

/// Adds the flag of a reused photo to an entry that was judged without it.
pub(crate) fn note_reuse(tx: &mut Tx<'_>, entry: EntryId) -> Result<(), StoreError> {
    let known = FlagName::of_entry(tx, entry)?;
    let mut codes: Vec<String> = known.into_iter().map(|flag| flag.code).collect();
    let reused = Flag::PhotoReused.as_str();
    if !codes.iter().any(|code| code == reused) {
        codes.push(reused.to_owned());
        tx.run(
            "UPDATE entry SET flags = ?2 WHERE id = ?1",
            params![entry.to_string(), codes.join(",")],
        )?;
    }
    Ok(())
}

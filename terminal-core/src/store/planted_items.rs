//! Wrong behaviour of the outbox for planted defects, see [`super::planted`].

use crate::{
    Error, Result,
    store::{
        items::{Custody, Item, NewEntry},
        sql::from_json,
    },
};
use protocol::{
    ids::EntryId,
    sabotage::{self, Defect},
};
use std::collections::BTreeSet;

/// Submits under a second id if the outcome is unknown ([`Defect::NewIdAfterUnknownOutcome`]).
pub(super) fn under_two_ids(new: &NewEntry, submit: &dyn Fn(&NewEntry) -> Result<Item>) -> Result<Item> {
    match submit(new) {
        Err(Error::OutcomeUnknown) => submit(&NewEntry {
            id: EntryId(uuid::Uuid::from_u128(new.id.0.as_u128() ^ 1)),
            ..new.clone()
        }),
        other => other,
    }
}

/// Formats the bytes of an entry differently ([`Defect::SerialisedAgain`]).
pub(super) fn serialised_again(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if !sabotage::is(Defect::SerialisedAgain) {
        return Ok(bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(serde_json::to_vec_pretty(&from_json::<serde_json::Value>(
        &text,
    )?)?)
}

/// Leaves out the files of received items ([`Defect::PhotoFileGoneBeforeReceipt`]).
pub(super) fn without_received(
    mut files: BTreeSet<String>,
    items: impl FnOnce() -> Result<Vec<Item>>,
) -> Result<BTreeSet<String>> {
    if sabotage::is(Defect::PhotoFileGoneBeforeReceipt) {
        for item in items()?.iter().filter(|item| item.custody != Custody::Waiting) {
            files.retain(|file| item.photos.iter().all(|photo| photo.file != *file));
        }
    }
    Ok(files)
}

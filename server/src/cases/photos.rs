//! The photos of a case: those of its report, of the answers to its tasks, and those attached by staff.

use super::{attached, file::CaseFile, ledger::LedgerEvent};
use crate::{
    params,
    photos::{
        shown,
        view::{CasePhoto, Origin, attached, counts, named_by, role_text},
    },
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    ids::{CaseId, EntryId, StreamId},
    photo::{PhotoRole, Sha256},
};
use std::collections::BTreeSet;

/// Returns all photos of a case: report, answers, staff, each once.
pub fn all(tx: &mut Tx<'_>, file: &CaseFile, events: &[LedgerEvent]) -> Result<Vec<CasePhoto>, StoreError> {
    let mut photos = Vec::new();
    if let Some(entry) = file.entry {
        photos.extend(named_by(tx, entry, Origin::Report)?);
    }
    for entry in answers(tx, file.id)? {
        photos.extend(named_by(tx, entry, Origin::Answer)?);
    }
    for event in events {
        let Some(person) = event.actor.person.filter(|_| event.actor.post.is_none()) else {
            continue;
        };
        for sha256 in &event.attachments {
            photos.extend(attached(tx, *sha256, person)?);
        }
    }
    for (sha256, doubt) in attached::doubts_of(tx, file.id)? {
        let shown = |photo: &&mut CasePhoto| photo.sha256 == sha256 && photo.origin == Origin::Staff;
        if let Some(photo) = photos.iter_mut().find(shown) {
            photo.doubts.push(doubt);
        }
    }
    let mut seen = BTreeSet::new();
    photos.retain(|p| seen.insert((p.sha256, p.stream)));
    Ok(photos)
}

fn answers(tx: &mut Tx<'_>, case: CaseId) -> Result<Vec<EntryId>, StoreError> {
    tx.all(
        "SELECT answer_entry FROM task WHERE case_id = ?1 AND drives AND answer_entry IS NOT NULL ORDER BY issued, id",
        params![case.to_string()],
        |row| row.parse("answer_entry"),
    )
}

/// Returns the photo for comparison in a check (核查): the first scene photo that the server holds, otherwise the last
/// one that the department attached. The stream names the store that contains it; without a stream it is an
/// attachment.
pub fn to_compare(
    tx: &mut Tx<'_>,
    file: &CaseFile,
) -> Result<Option<(Option<StreamId>, Sha256)>, StoreError> {
    if let Some(entry) = file.entry {
        let scene = named_by(tx, entry, Origin::Report)?
            .into_iter()
            .find(|p| p.held && p.role == role_text(&PhotoRole::Scene));
        if let Some(photo) = scene {
            return Ok(Some((photo.stream, photo.sha256)));
        }
    }
    let events = super::ledger::load(tx, file.id)?;
    let last = events.iter().rev().find_map(|sealed| {
        let event: LedgerEvent = serde_json::from_str(&sealed.body).ok()?;
        event
            .attachments
            .last()
            .copied()
            .filter(|_| event.actor.post.is_none())
    });
    last.map(|sha256| Ok((None, shown::hash_for_handsets(tx, sha256)?)))
        .transpose()
}

/// Whether the server holds a photo of before and one of after from a report whose author handled the matter.
pub(super) fn has_before_and_after(tx: &mut Tx<'_>, file: &CaseFile) -> Result<bool, StoreError> {
    let Some(entry) = file.entry.filter(|_| file.self_handled) else {
        return Ok(false);
    };
    let photos = named_by(tx, entry, Origin::Report)?;
    let held = |role: &PhotoRole| photos.iter().any(|p| p.held && p.role == role_text(role));
    Ok(held(&PhotoRole::Before) && held(&PhotoRole::After))
}

/// How many photos the case's report names and how many of them the server holds.
pub fn photo_counts(tx: &mut Tx<'_>, case: &CaseFile) -> Result<(u32, u32), StoreError> {
    match case.entry {
        Some(entry) => counts(tx, entry),
        None => Ok((0, 0)),
    }
}

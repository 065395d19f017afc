//! Deliberate defects of this room (`protocol::sabotage`), kept out of the code that they break. Without the feature
//! `sabotage` none is armed and the compiler removes them.

use super::{
    apply::{self, Held},
    custody::Element,
    parcel::Work,
};
use crate::{
    app::state::App,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    entry::{Disposition, DispositionState, Receipt},
    field::PhotoReceipt,
    ids::EntryId,
    parcel::{ParcelAnswer, SealedPhoto},
    photo::Sha256,
    problem::ProblemCode,
    push::StreamMark,
    sabotage::{self, Defect},
};

/// Whether the bytes received are the bytes held. [`Defect::ReceiptKeyedById`]: always.
pub(super) fn is_same(held: Sha256, received: Sha256) -> bool {
    held == received || sabotage::is(Defect::ReceiptKeyedById)
}

/// [`Defect::AppliedAgainOnResend`], [`Defect::ParcelTwice`]: an entry that was received before is applied again.
pub(super) fn apply_again(tx: &mut Tx<'_>, id: EntryId, was_sealed: bool) -> Result<Option<Held>, Failure> {
    let again = sabotage::is(Defect::AppliedAgainOnResend) || sabotage::is(Defect::ParcelTwice) && was_sealed;
    again.then(|| apply::load(tx, id)).transpose()
}

/// [`Defect::ConflictOverwrites`]: the later bytes of an id replace the earlier ones.
pub(super) fn overwrite(
    tx: &mut Tx<'_>,
    id: EntryId,
    bytes: &[u8],
    sha256: Sha256,
) -> Result<(), StoreError> {
    if sabotage::is(Defect::ConflictOverwrites) {
        tx.execute(
            "UPDATE entry SET bytes = ?2, sha256 = ?3 WHERE id = ?1",
            params![id.to_string(), bytes, sha256.to_string()],
        )?;
    }
    Ok(())
}

/// [`Defect::CustodyLostWithRoom`]: a rejected entry is deleted ([`forget`]).
pub(super) fn loses_custody(disposition: &Disposition) -> bool {
    disposition.state == DispositionState::Rejected.into() && sabotage::is(Defect::CustodyLostWithRoom)
}

/// Deletes an entry; no other entry is released.
pub(super) fn forget(tx: &mut Tx<'_>, id: EntryId) -> Result<Vec<EntryId>, StoreError> {
    for gone in [
        "DELETE FROM entry_photo WHERE entry = ?1",
        "DELETE FROM entry WHERE id = ?1",
    ] {
        tx.execute(gone, params![id.to_string()])?;
    }
    Ok(Vec::new())
}

/// [`Defect::ParcelReceiptBeforeCommit`]: the answer of a parcel that was not stored.
pub(super) fn receipts(app: &App, work: &Work) -> ParcelAnswer {
    let now = app.clock.now();
    let receipt = |element: &Element| match element {
        Element::Framed { reading, sha256, .. } => Some(Receipt {
            id: reading.id,
            n: reading.n,
            sha256: *sha256,
            received: now,
        }),
        Element::Refused { .. } => None,
    };
    let photo = |(photo, _): &(SealedPhoto, Option<ProblemCode>)| PhotoReceipt {
        sha256: photo.sha256,
        size: photo.size,
        received: now,
    };
    ParcelAnswer {
        epoch: app.identity.epoch.clone(),
        server_time: now,
        parcel: work.sha256,
        receipts: work.elements.iter().filter_map(receipt).collect(),
        kept: work.contents.drafts.iter().map(|draft| draft.sha256()).collect(),
        photos: work.photos.iter().map(photo).collect(),
        mark: StreamMark::default(),
    }
}

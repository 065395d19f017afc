//! Deliberate defects of this room (`protocol::sabotage`), kept out of the code that they break. Without the feature
//! `sabotage` none is armed and the compiler removes them.

use crate::{
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    entry::{Disposition, DispositionState},
    ids::EntryId,
    photo::Sha256,
    sabotage::{self, Defect},
};

/// Whether the bytes received are the bytes held. [`Defect::ReceiptKeyedById`]: always.
pub(super) fn is_same(held: Sha256, received: Sha256) -> bool {
    held == received || sabotage::is(Defect::ReceiptKeyedById)
}

/// [`Defect::AppliedAgainOnResend`], [`Defect::ParcelTwice`]: an entry that was received before is applied again.
pub(super) fn applies_again(was_sealed: bool) -> bool {
    sabotage::is(Defect::AppliedAgainOnResend) || sabotage::is(Defect::ParcelTwice) && was_sealed
}

/// [`Defect::ConflictOverwrites`]: the later bytes of an id replace the earlier ones.
pub(super) fn overwrite(
    tx: &mut Tx<'_>,
    id: EntryId,
    bytes: &[u8],
    sha256: Sha256,
) -> Result<(), StoreError> {
    if sabotage::is(Defect::ConflictOverwrites) {
        tx.run(
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
        tx.run(gone, params![id.to_string()])?;
    }
    Ok(Vec::new())
}

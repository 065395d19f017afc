//! Photos whose object was lost.

use super::{held::HeldPicture, upload::UploadContent};
use crate::{
    app::{object_name::ObjectName, state::App},
    kernel::failure::Failure,
    params,
    photos::receipts,
};

/// Call before repeating an old receipt. Returns true if the object was missing and the row was reset.
///
/// The object of a received photo is missing after the object store was restored from an older backup than the database.
/// The photo then counts as not received and its finished uploads are removed, so that the terminal sends it again.
pub(super) async fn reset_if_lost(
    app: &App,
    content: UploadContent,
    held: Option<&HeldPicture>,
) -> Result<bool, Failure> {
    let (UploadContent::Photo { stream, sha256 }, Some(HeldPicture::Photo(held))) = (content, held) else {
        return Ok(false);
    };
    let received = held.received.0;
    if app.blobs.holds(&ObjectName::Photo { stream, sha256 }).await? {
        return Ok(false);
    }
    tracing::error!(%stream, %sha256, "the object of a received photo is missing; it has to be sent again");
    app.write(move |tx, ctx| {
        let (owner, hash) = (stream.to_string(), sha256.to_string());
        // Not a photo that was received again after the check.
        let reset = tx.execute(
            "UPDATE photo SET received = NULL WHERE stream = ?1 AND sha256 = ?2 AND received = ?3",
            params![&owner, &hash, received],
        )?;
        if reset > 0 {
            receipts::count_held(tx, ctx, stream, sha256, -1)?;
            tx.run(
                "DELETE FROM upload WHERE stream = ?1 AND sha256 = ?2 AND finished IS NOT NULL",
                params![&owner, &hash],
            )?;
        }
        Ok(reset > 0)
    })
    .await
}

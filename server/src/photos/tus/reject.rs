//! Uploads whose bytes were refused, and the removal of what was stored for them.

use super::upload::{Upload, UploadContent};
use crate::{
    app::state::App,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{ids::UploadId, problem::ProblemCode};

/// Removes an upload whose bytes are no picture. Returns the failure to answer with.
pub(super) async fn refuse(app: &App, upload: &Upload, failure: Failure) -> Result<Failure, Failure> {
    let code = failure.code().unwrap_or(ProblemCode::PhotoNotImage);
    reject(app, upload, code, |tx, upload| {
        upload.content.owner().tables().remove(tx, upload.id)
    })
    .await?;
    Ok(failure)
}

/// The bytes differ from the named hash: the client has to send all of them again. Returns the failure to answer
/// with.
pub(super) async fn start_again(app: &App, upload: &Upload) -> Result<Failure, Failure> {
    reject(app, upload, ProblemCode::PhotoHash, |tx, upload| {
        upload.content.owner().tables().restart(tx, upload.id)
    })
    .await?;
    Ok(Failure::of(ProblemCode::PhotoHash))
}

/// Records why a photo was not accepted, runs `change` on the upload and deletes the staging objects.
async fn reject(
    app: &App,
    upload: &Upload,
    code: ProblemCode,
    change: fn(&mut Tx<'_>, &Upload) -> Result<(), StoreError>,
) -> Result<(), Failure> {
    if let UploadContent::Photo { .. } = upload.content {
        metrics::counter!("xunge_photo_faults_total", "code" => code.as_str()).increment(1);
    }
    let rejected = upload.clone();
    app.write(move |tx, _| {
        if let UploadContent::Photo { stream, sha256 } = rejected.content {
            tx.run(
                "UPDATE photo SET fault = ?3 WHERE stream = ?1 AND sha256 = ?2 AND received IS NULL",
                params![stream.to_string(), sha256.to_string(), code.as_str()],
            )?;
        }
        Ok(change(tx, &rejected)?)
    })
    .await?;
    delete_staging(app, upload.id).await;
    Ok(())
}

/// Deletes the staging objects of an upload that has no parts any more. A failure is logged only.
pub(super) async fn delete_staging(app: &App, id: UploadId) {
    if let Err(error) = app.blobs.remove_all(&Upload::folder(id)).await {
        tracing::warn!(%error, "staging objects could not be deleted");
    }
}

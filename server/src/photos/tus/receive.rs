//! Receives the body of a request that belongs to an upload.

use super::{
    finish::{finish_at_once, finish_spooled},
    incoming::{BodyEnd, Incoming},
    reject::delete_staging,
    spool::{SpooledBytes, spool},
    target::{ReceivedBody, Target},
    upload::{RegisteredUpload, Upload},
};
use crate::{
    app::{object_name::ObjectName, right, state::App},
    kernel::failure::Failure,
    store::error::StoreError,
};
use axum::body::Body;
use protocol::problem::ProblemCode;

/// Receives a body in a separate task: when the client disconnects, the server drops the future of the request, and
/// the bytes that arrived would be lost with it.
pub(super) async fn receive(app: &App, target: Target, body: Body) -> Result<ReceivedBody, Failure> {
    let permit = app.blobs.receive(target.upload.content.owner().sender())?;
    let app = app.clone();
    let task = right::spawn(async move {
        let _permit = permit;
        store(&app, target, body).await
    });
    task.await.map_err(Failure::internal)?
}

/// Inserts the row of an upload.
pub(super) async fn register(app: &App, upload: Upload) -> Result<RegisteredUpload, Failure> {
    let registered = app
        .write(move |tx, ctx| upload.clone().register(tx, ctx.now))
        .await?;
    for id in &registered.removed {
        delete_staging(app, *id).await;
    }
    Ok(registered)
}

async fn store(app: &App, mut target: Target, body: Body) -> Result<ReceivedBody, Failure> {
    let (arrived, length) = (target.upload.arrived, target.upload.length);
    let mut incoming = Incoming::new(body, arrived, length);
    if app.blobs.files().is_none() {
        incoming = incoming.with_large_pieces();
    }
    let (bytes, end) = incoming.piece().await?;
    if end == BodyEnd::Whole && arrived == 0 && bytes.len() as u64 == length {
        if target.checksum.as_ref().is_some_and(|sum| !sum.fits(&bytes)) {
            return Err(Failure::of(ProblemCode::UploadChecksum));
        }
        return finish_at_once(app, target, bytes, incoming.hash()).await;
    }
    if !target.is_registered {
        let registered = register(app, target.upload).await?;
        target.upload = registered.upload;
        if target.upload.finished.is_some() {
            return Ok(ReceivedBody {
                upload: target.upload,
                held: registered.held,
            });
        }
    }
    let spooled = spool(app, &target, incoming, (bytes, end)).await?;
    let (owner, id) = (target.upload.content.owner(), target.upload.id);
    match spooled {
        None => {
            let now = app.clock.now();
            let upload = app.read(move |tx| Upload::load(tx, owner, id, now)).await?;
            Ok(ReceivedBody { upload, held: None })
        }
        Some(mut spooled) => match spooled.examined.take() {
            // The file keeps its lock until the commit, and is not cut afterwards: the photo may have its bytes.
            Some(Ok(examined)) => finish_spooled(app, target.upload, examined).await,
            Some(Err(failure)) => {
                count(app, &target.upload, spooled, false).await?;
                Err(failure)
            }
            None => count(app, &target.upload, spooled, true).await,
        },
    }
}

/// Counts the stored bytes in the row of the upload.
async fn count(
    app: &App,
    upload: &Upload,
    spooled: SpooledBytes,
    may_undo: bool,
) -> Result<ReceivedBody, Failure> {
    let (owner, id, hours) = (upload.content.owner(), upload.id, app.settings.upload_hours);
    let stored = spooled.stored.clone();
    let appended = app
        .write(move |tx, ctx| Upload::append(tx, ctx, owner, id, &stored, hours))
        .await;
    match appended {
        Ok(upload) => Ok(ReceivedBody { upload, held: None }),
        Err(failure) => {
            if may_undo && is_rolled_back(&failure) {
                spooled.undo(app).await?;
            }
            Err(failure)
        }
    }
}

/// Returns whether the write certainly changed nothing. If the outcome of the commit is unknown, rows may name the
/// objects.
fn is_rolled_back(failure: &Failure) -> bool {
    !matches!(failure, Failure::Store(StoreError::CommitUnknown { .. }))
}

/// Deletes only these objects: a concurrent PATCH may be writing others to the same folder.
pub(super) async fn discard(app: &App, objects: &[ObjectName]) {
    for object in objects {
        app.blobs.discard(object).await;
    }
}

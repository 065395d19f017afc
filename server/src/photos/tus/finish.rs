//! The end of an upload: the bytes are checked against the named hash and as a picture, get their final name, and the
//! owner gets a receipt. Any replica can do this, and repeat it until it succeeds.

use super::{
    held::{HeldPicture, receipt},
    upload::{Upload, UploadContent},
};
use crate::{
    app::{changes::Change, ctx::Ctx, object_name::ObjectName, state::App},
    kernel::failure::Failure,
    params,
    photos::{
        attachments::{self, Attached},
        checks::{limits, not_a_photo},
        shown,
    },
    store::{error::StoreError, tx::Tx},
};
use bytes::{Bytes, BytesMut};
use protocol::{
    ids::{EntryId, StreamId, UploadId},
    photo::Sha256,
    problem::ProblemCode,
    sabotage::{self, Defect},
    time::Millis,
};

/// Finishes an upload whose last byte has arrived.
///
/// Errors: `photo.hash_mismatch` if the bytes differ from the named hash; the parts are deleted and the upload starts
/// again at offset 0. `photo.not_an_image`, `photo.cut_off` and similar if the bytes are not a picture; the upload is
/// removed, and the row of a photo records the reason.
pub(super) async fn finish(app: &App, upload: &Upload) -> Result<HeldPicture, Failure> {
    let id = upload.id;
    let (asked, tables) = (upload.clone(), upload.content.owner().tables());
    let (before, parts) = app
        .read(move |tx| Ok((asked.held(tx)?, tables.parts(tx, id)?)))
        .await?;
    if let (Some(held), Some(_)) = (&before, upload.finished) {
        return Ok(held.clone());
    }
    let mut kept = None;
    if before.is_none() {
        // The parts are concatenated in memory.
        let _room = app.blobs.assembling().await?;
        let bytes = match assemble(app, upload, &parts).await {
            Ok(bytes) => bytes,
            // Another replica may have finished the upload and deleted the parts.
            Err(failure) if failure.code() == Some(ProblemCode::NotFound) => {
                let asked = upload.clone();
                return match app.read(move |tx| Ok(asked.held(tx)?)).await? {
                    Some(held) => Ok(held),
                    None => Err(start_again(app, upload).await?),
                };
            }
            Err(failure) => return Err(failure),
        };
        kept = Some(keep(app, upload, bytes).await?);
    }
    let confirmed = upload.clone();
    let held = app
        .write(move |tx, ctx| confirm(tx, ctx, &confirmed, kept.as_ref()))
        .await?;
    delete_staging(app, id).await;
    Ok(held)
}

/// [`finish`] for bytes that arrived in one piece: they get their final name without having been parts. If the upload is
/// not registered, it is inserted in the same commit. Returns the finished upload.
pub(super) async fn finish_at_once(
    app: &App,
    upload: Upload,
    is_registered: bool,
    bytes: Bytes,
) -> Result<Upload, Failure> {
    let now = app.clock.now();
    let asked = upload.clone();
    let before = app
        .read(move |tx| {
            if is_registered {
                check_untouched(tx, &asked, now)?;
            }
            Ok(asked.held(tx)?)
        })
        .await?;
    let kept = match before {
        None => {
            let _room = match upload.content {
                UploadContent::Attachment { .. } => Some(app.blobs.assembling().await?),
                UploadContent::Photo { .. } => None,
            };
            Some(keep(app, &upload, bytes).await?)
        }
        Some(_) => None,
    };
    let confirmed = upload.clone();
    let removed = app
        .write(move |tx, ctx| {
            let removed = if is_registered {
                // Of two requests for offset 0 one succeeds, as with parts.
                check_untouched(tx, &confirmed, ctx.now)?;
                Vec::new()
            } else {
                confirmed.clone().register(tx, ctx.now)?.removed
            };
            confirm(tx, ctx, &confirmed, kept.as_ref())?;
            Ok(removed)
        })
        .await?;
    for id in removed {
        delete_staging(app, id).await;
    }
    Ok(Upload {
        arrived: upload.length,
        finished: Some(now),
        ..upload
    })
}

fn check_untouched(tx: &mut Tx<'_>, upload: &Upload, now: Millis) -> Result<(), Failure> {
    match Upload::load(tx, upload.content.owner(), upload.id, now)?.arrived {
        0 => Ok(()),
        _ => Err(Failure::of(ProblemCode::UploadOffset)),
    }
}

async fn assemble(app: &App, upload: &Upload, parts: &[ObjectName]) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(upload.length).unwrap_or(0));
    for object in parts {
        bytes.extend_from_slice(&app.blobs.get(object).await?);
    }
    Ok(bytes.freeze())
}

/// Stores the bytes under their final name if they match the named hash and are a picture.
async fn keep(app: &App, upload: &Upload, bytes: Bytes) -> Result<Attached, Failure> {
    match examine(app, upload, bytes).await? {
        ExaminedPicture::Picture(picture, _) if sabotage::is(Defect::PhotoNotKept) => Ok(picture),
        ExaminedPicture::Picture(mut picture, bytes) => {
            if let UploadContent::Attachment { .. } = upload.content {
                picture.shown = match shown::make(app, bytes.clone()).await {
                    Ok(shown) => Some(shown),
                    Err(failure) if failure.code() == Some(ProblemCode::Internal) => return Err(failure),
                    Err(failure) => return Err(refuse(app, upload, failure).await?),
                };
            }
            let name = upload.content.object(picture.sha256);
            app.blobs.put_durable(&name, bytes).await?;
            Ok(picture)
        }
        ExaminedPicture::OtherBytes => Err(start_again(app, upload).await?),
        ExaminedPicture::NoPicture(failure) => Err(refuse(app, upload, failure).await?),
    }
}

/// Removes an upload whose bytes are no picture. Returns the failure to answer with.
async fn refuse(app: &App, upload: &Upload, failure: Failure) -> Result<Failure, Failure> {
    let code = failure.code().unwrap_or(ProblemCode::PhotoNotImage);
    reject(app, upload, code, |tx, upload| {
        upload.content.owner().tables().remove(tx, upload.id)
    })
    .await?;
    Ok(failure)
}

enum ExaminedPicture {
    Picture(Attached, Bytes),
    /// The bytes differ from the hash that the client or the entry named.
    OtherBytes,
    NoPicture(Failure),
}

/// Hashes and decodes the bytes, which takes some milliseconds; runs outside the async threads.
async fn examine(app: &App, upload: &Upload, bytes: Bytes) -> Result<ExaminedPicture, Failure> {
    let (limits, named, length) = (limits(app), upload.content.named(), upload.length);
    tokio::task::spawn_blocking(move || {
        let is_length_right = bytes.len() as u64 == length;
        let picture = |sha256, width, height| {
            let attached = Attached {
                sha256,
                size: length,
                width,
                height,
                shown: None,
            };
            ExaminedPicture::Picture(attached, bytes.clone())
        };
        let sha256 = Sha256::of(&bytes);
        match named {
            Some(named) if is_length_right && sabotage::is(Defect::UploadByLength) => picture(named, 0, 0),
            _ if !is_length_right => ExaminedPicture::OtherBytes,
            Some(named) if named != sha256 => ExaminedPicture::OtherBytes,
            _ => match media::inspect(&bytes, &limits) {
                Ok(info) => {
                    let (width, height) = info.upright_size();
                    picture(sha256, width, height)
                }
                Err(error) => ExaminedPicture::NoPicture(not_a_photo(&error)),
            },
        }
    })
    .await
    .map_err(Failure::internal)
}

/// Finishes the upload and records the stored object. `kept` is absent if the picture was held before.
fn confirm(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    upload: &Upload,
    kept: Option<&Attached>,
) -> Result<HeldPicture, Failure> {
    let tables = upload.content.owner().tables();
    match (upload.content, kept) {
        (UploadContent::Photo { stream, sha256 }, _) => {
            let is_new = mark_received(tx, ctx, stream, sha256)?;
            tables.finish(tx, upload.id, sha256, ctx.now)?;
            if is_new {
                photo_held(tx, ctx, stream, sha256)?;
            }
            let receipt = receipt(tx, stream, sha256)?;
            receipt
                .map(HeldPicture::Photo)
                .ok_or_else(|| Failure::internal("a photo was uploaded that no entry names"))
        }
        (UploadContent::Attachment { person, .. }, Some(attached)) => {
            attachments::insert(tx, person, attached, ctx.now)?;
            tables.finish(tx, upload.id, attached.sha256, ctx.now)?;
            Ok(HeldPicture::Attachment(attached.clone()))
        }
        (UploadContent::Attachment { .. }, None) => upload
            .held(tx)?
            .ok_or_else(|| Failure::internal("an upload is finished and its attachment is missing")),
    }
}

/// Marks a photo as received. Returns true if it was not received before.
fn mark_received(tx: &mut Tx<'_>, ctx: &Ctx, stream: StreamId, sha256: Sha256) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE photo SET received = ?3, fault = NULL WHERE stream = ?1 AND sha256 = ?2 AND received IS NULL",
        params![stream.to_string(), sha256.to_string(), ctx.now.0],
    )?;
    Ok(changed > 0)
}

/// Reports the photo for every entry that names it.
fn photo_held(tx: &mut Tx<'_>, ctx: &mut Ctx, stream: StreamId, sha256: Sha256) -> Result<(), StoreError> {
    let entries: Vec<EntryId> = tx.all(
        "SELECT DISTINCT entry FROM entry_photo WHERE stream = ?1 AND sha256 = ?2 ORDER BY entry",
        params![stream.to_string(), sha256.to_string()],
        |row| row.parse("entry"),
    )?;
    for entry in entries {
        ctx.changed(Change::PhotoHeld { entry });
    }
    Ok(())
}

/// The bytes differ from the named hash: the client has to send all of them again. Returns the failure to answer
/// with.
async fn start_again(app: &App, upload: &Upload) -> Result<Failure, Failure> {
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
            tx.execute(
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

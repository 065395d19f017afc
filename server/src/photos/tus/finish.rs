//! The end of an upload: the bytes are checked against the named hash and as a picture, get their final name, and the
//! owner gets a receipt. Any replica can do this, and repeat it until it succeeds.

use super::{
    examine::{ExaminedPicture, Expected},
    held::{HeldPicture, receipt},
    parts::Part,
    reject::{delete_staging, refuse, start_again},
    spool::{blocking, publish},
    target::{ReceivedBody, Target},
    upload::{Upload, UploadContent},
};
use crate::{
    app::{changes::Change, ctx::Ctx, object_files::OpenedStaging, state::App},
    kernel::failure::Failure,
    params,
    photos::{
        attachments::{self, Attached},
        receipts, shown,
    },
    store::{error::StoreError, tx::Tx},
};
use bytes::{Bytes, BytesMut};
use protocol::{
    ids::{EntryId, StreamId},
    photo::Sha256,
    problem::ProblemCode,
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
        kept = match publish_staged(app, upload, &parts).await? {
            Some(published) => Some(published),
            None => match assemble_and_keep(app, upload, &parts).await {
                // Another replica may have finished the upload and deleted the parts.
                Err(failure) if failure.code() == Some(ProblemCode::NotFound) => {
                    let asked = upload.clone();
                    return match app.read(move |tx| Ok(asked.held(tx)?)).await? {
                        Some(held) => Ok(held),
                        None => Err(start_again(app, upload).await?),
                    };
                }
                kept => Some(kept?),
            },
        };
    }
    let confirmed = upload.clone();
    let held = app
        .write(move |tx, ctx| confirm(tx, ctx, &confirmed, true, kept.as_ref()))
        .await?;
    delete_staging(app, id).await;
    Ok(held)
}

/// Gives a photo that is complete in one staging file its final name. `None` if it has to be assembled: it is in several
/// files, or another request uses the file, or it is an attachment, of which more is made.
async fn publish_staged(app: &App, upload: &Upload, parts: &[Part]) -> Result<Option<Attached>, Failure> {
    let (Some(files), [part], UploadContent::Photo { .. }) = (app.blobs.files(), parts, upload.content)
    else {
        return Ok(None);
    };
    if (part.offset, part.size) != (0, upload.length) {
        return Ok(None);
    }
    let (files, part, expected) = (files.clone(), *part, Expected::of(app, upload));
    let mut room = app.blobs.examining(upload.length).await?;
    let examined = blocking(move || match files.open(&part.object, part.size)? {
        OpenedStaging::Ready(mut file) => publish(&files, &mut file, &expected, None, &mut room).map(Some),
        OpenedStaging::Longer(_) | OpenedStaging::Taken | OpenedStaging::Lost => Ok(None),
    })
    .await?;
    match examined {
        None => Ok(None),
        Some(examined) => accepted(app, upload, examined).await.map(Some),
    }
}

/// The picture, if the bytes are one; else records why not, and returns the failure to answer with.
async fn accepted(app: &App, upload: &Upload, examined: ExaminedPicture) -> Result<Attached, Failure> {
    match examined {
        ExaminedPicture::Picture(picture) => Ok(picture),
        ExaminedPicture::OtherBytes => Err(start_again(app, upload).await?),
        ExaminedPicture::NoPicture(failure) => Err(refuse(app, upload, failure).await?),
    }
}

/// [`finish`] for bytes that arrived in one piece: they get their final name without having been parts. If the upload is
/// not registered, it is inserted in the same commit. `hash` is the hash of the bytes, if it is known.
pub(super) async fn finish_at_once(
    app: &App,
    target: Target,
    bytes: Bytes,
    hash: Option<Sha256>,
) -> Result<ReceivedBody, Failure> {
    let upload = target.upload;
    let kept = if target.is_held {
        None
    } else {
        let _room = match upload.content {
            UploadContent::Attachment { .. } => Some(app.blobs.assembling().await?),
            UploadContent::Photo { .. } => None,
        };
        Some(keep(app, &upload, bytes, hash).await?)
    };
    let is_registered = target.is_registered;
    app.write(move |tx, ctx| {
        if is_registered {
            // Of two requests for offset 0 one succeeds, as with parts.
            Upload::load_at(tx, upload.content.owner(), upload.id, ctx.now, 0)?;
        }
        finished(tx, ctx, &upload, is_registered, kept.as_ref())
    })
    .await
}

/// [`finish`] for a photo whose last bytes, which no row counts yet, have just been appended to its staging file and which
/// was examined there: counting and finishing are one commit.
pub(super) async fn finish_spooled(
    app: &App,
    upload: Upload,
    examined: ExaminedPicture,
) -> Result<ReceivedBody, Failure> {
    let kept = accepted(app, &upload, examined).await?;
    let id = upload.id;
    let received = app
        .write(move |tx, ctx| {
            Upload::load_at(tx, upload.content.owner(), id, ctx.now, upload.arrived)?;
            finished(tx, ctx, &upload, true, Some(&kept))
        })
        .await?;
    delete_staging(app, id).await;
    Ok(received)
}

fn finished(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    upload: &Upload,
    is_registered: bool,
    kept: Option<&Attached>,
) -> Result<ReceivedBody, Failure> {
    let held = confirm(tx, ctx, upload, is_registered, kept)?;
    let upload = Upload {
        arrived: upload.length,
        finished: Some(ctx.now),
        ..upload.clone()
    };
    Ok(ReceivedBody {
        upload,
        held: Some(held),
    })
}

/// Reads the parts into memory and stores them as one object. `request.not_found` if one is missing or too short.
async fn assemble_and_keep(app: &App, upload: &Upload, parts: &[Part]) -> Result<Attached, Failure> {
    let _room = app.blobs.assembling().await?;
    let mut bytes = BytesMut::with_capacity(usize::try_from(upload.length).unwrap_or(0));
    for part in parts {
        let object = app.blobs.get(&part.object).await?;
        // What follows the synced bytes does not count.
        let counted = usize::try_from(part.size)
            .ok()
            .and_then(|size| object.get(..size));
        bytes.extend_from_slice(counted.ok_or_else(|| Failure::of(ProblemCode::NotFound))?);
    }
    keep(app, upload, bytes.freeze(), None).await
}

/// Stores the bytes under their final name if they match the named hash and are a picture.
async fn keep(app: &App, upload: &Upload, bytes: Bytes, hash: Option<Sha256>) -> Result<Attached, Failure> {
    let expected = Expected::of(app, upload);
    if let (UploadContent::Photo { .. }, Some(files)) = (upload.content, app.blobs.files()) {
        // Both in one call: each is a change of threads.
        let files = files.clone();
        let examined = blocking(move || {
            let examined = expected.examine(&bytes, hash);
            if let ExaminedPicture::Picture(picture) = &examined
                && let Some(name) = expected.object(picture)
            {
                files.put(&name, &bytes)?;
            }
            Ok(examined)
        })
        .await?;
        return accepted(app, upload, examined).await;
    }
    let (looking, looked) = (expected.clone(), bytes.clone());
    let examined = blocking(move || Ok(looking.examine(&looked, hash))).await?;
    let mut picture = accepted(app, upload, examined).await?;
    let Some(name) = expected.object(&picture) else {
        return Ok(picture);
    };
    if let UploadContent::Attachment { .. } = upload.content {
        picture.shown = match shown::make(app, bytes.clone()).await {
            Ok(shown) => Some(shown),
            Err(failure) if failure.code() == Some(ProblemCode::Internal) => return Err(failure),
            Err(failure) => return Err(refuse(app, upload, failure).await?),
        };
    }
    app.blobs.put_durable(&name, bytes).await?;
    Ok(picture)
}

/// Finishes the upload, or inserts it as a finished one, and records the stored object. `kept` is absent if the picture was
/// held before.
fn confirm(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    upload: &Upload,
    is_registered: bool,
    kept: Option<&Attached>,
) -> Result<HeldPicture, Failure> {
    let finish = |tx: &mut Tx<'_>, sha256| match is_registered {
        true => {
            let tables = upload.content.owner().tables();
            tables.finish(tx, upload.id, sha256, ctx.now)
        }
        false => upload.insert_finished(tx, sha256, ctx.now),
    };
    match (upload.content, kept) {
        (UploadContent::Photo { stream, sha256 }, _) => {
            finish(tx, sha256)?;
            if mark_received(tx, ctx, stream, sha256)? {
                photo_held(tx, ctx, stream, sha256)?;
            }
            let receipt = receipt(tx, stream, sha256)?;
            // Between the first look and this commit the entry was erased.
            receipt
                .map(HeldPicture::Photo)
                .ok_or_else(|| Failure::of(ProblemCode::PhotoUnnamed))
        }
        (UploadContent::Attachment { person, .. }, Some(attached)) => {
            attachments::insert(tx, person, attached, ctx.now)?;
            finish(tx, attached.sha256)?;
            Ok(HeldPicture::Attachment(attached.clone()))
        }
        (UploadContent::Attachment { .. }, None) => upload
            .held(tx)?
            .ok_or_else(|| Failure::internal("an upload is finished and its attachment is missing")),
    }
}

/// Marks a photo as received. Returns true if it was not received before.
fn mark_received(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    stream: StreamId,
    sha256: Sha256,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE photo SET received = ?3, fault = NULL WHERE stream = ?1 AND sha256 = ?2 AND received IS NULL",
        params![stream.to_string(), sha256.to_string(), ctx.now.0],
    )?;
    if changed > 0 {
        receipts::count_held(tx, ctx, stream, sha256, 1)?;
    }
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

//! Parts become a photo: the final hash decides, then what the bytes are, then they get their name and the
//! handset its receipt. Any replica can do it, again and again, until it is done.

use super::upload::{Upload, receipt};
use crate::{
    app::{changes::Change, ctx::Ctx, objects::Blobs, state::App},
    kernel::failure::Failure,
    params,
    photos::checks::{limits, not_a_photo},
    store::tx::Tx,
};
use bytes::{Bytes, BytesMut};
use protocol::{
    field::PhotoReceipt,
    ids::{EntryId, StreamId, UploadId},
    photo::Sha256,
    problem::ProblemCode,
    sabotage::{self, Defect},
};

/// Finishes an upload whose last byte has arrived.
///
/// `photo.hash_mismatch`: the parts are dropped, the upload starts again at 0. `photo.not_an_image` and its
/// like: the named bytes are no photo; the upload is gone, the photo's row says why.
pub(super) async fn finish(app: &App, upload: &Upload) -> Result<PhotoReceipt, Failure> {
    let (id, stream, sha256) = (upload.id, upload.stream, upload.sha256);
    let (held, parts) = app
        .read(move |tx| Ok((receipt(tx, stream, sha256)?, Upload::parts(tx, id)?)))
        .await?;
    if let (Some(receipt), Some(_)) = (held.clone(), upload.finished) {
        return Ok(receipt);
    }
    if held.is_none() {
        // The parts are put together in memory.
        let _room = app.blobs.assembling().await?;
        let bytes = match assemble(app, upload, &parts).await {
            Ok(bytes) => bytes,
            // Another replica may have finished it meanwhile and dropped the parts.
            Err(failure) if failure.code() == Some(ProblemCode::NotFound) => {
                let again = app.read(move |tx| Ok(receipt(tx, stream, sha256)?)).await?;
                return match again {
                    Some(receipt) => Ok(receipt),
                    None => start_again(app, upload).await,
                };
            }
            Err(failure) => return Err(failure),
        };
        file(app, upload, bytes).await?;
    }
    let receipt = app
        .write(move |tx, ctx| confirm(tx, ctx, id, stream, sha256))
        .await?;
    clear(app, id).await;
    Ok(receipt)
}

/// [`finish`] for a photo whose bytes are all here in one piece: they go under their name at once, without having
/// been parts before. An upload that is only announced is entered with the same commit. Answers it as it stands then.
pub(super) async fn finish_at_once(
    app: &App,
    upload: Upload,
    is_entered: bool,
    bytes: Bytes,
) -> Result<Upload, Failure> {
    let (id, stream, sha256) = (upload.id, upload.stream, upload.sha256);
    let now = app.clock.now();
    let held = app
        .read(move |tx| {
            if is_entered && Upload::load(tx, stream, id, now)?.arrived != 0 {
                return Err(Failure::of(ProblemCode::UploadOffset));
            }
            Ok(receipt(tx, stream, sha256)?)
        })
        .await?;
    if held.is_none() {
        file(app, &upload, bytes).await?;
    }
    let announced = upload.clone();
    let given_up = app
        .write(move |tx, ctx| {
            let given_up = if is_entered {
                // Of two at once one wins, as with parts.
                if Upload::load(tx, stream, id, ctx.now)?.arrived != 0 {
                    return Err(Failure::of(ProblemCode::UploadOffset));
                }
                Vec::new()
            } else {
                announced.clone().enter(tx, ctx.now)?.given_up
            };
            confirm(tx, ctx, id, stream, sha256)?;
            Ok(given_up)
        })
        .await?;
    for id in given_up {
        clear(app, id).await;
    }
    Ok(Upload {
        arrived: upload.length,
        finished: Some(now),
        ..upload
    })
}

/// Puts a photo's bytes under their name, if they are those that were named, and a photo.
async fn file(app: &App, upload: &Upload, bytes: Bytes) -> Result<(), Failure> {
    match examine(app, upload, bytes).await? {
        Verdict::Photo(_) if sabotage::is(Defect::PhotoNotKept) => Ok(()),
        Verdict::Photo(bytes) => {
            let name = Blobs::photo(upload.stream, upload.sha256);
            app.blobs.put_durable(&name, bytes).await
        }
        Verdict::OtherBytes => start_again(app, upload).await.map(|_| ()),
        Verdict::NoPhoto(failure) => {
            refuse(app, upload, &failure).await?;
            Err(failure)
        }
    }
}

/// A photo whose row says that it is held while the store has lost the object (a folder restored from an older
/// backup than the database): the row is mended and its finished uploads are forgotten, so that the handset's copy is
/// taken again. Asked before anybody is told of a receipt that he does not have from this moment; whether it was so.
pub(super) async fn mend_if_lost(app: &App, stream: StreamId, sha256: Sha256) -> Result<bool, Failure> {
    let Some(held) = app.read(move |tx| Ok(receipt(tx, stream, sha256)?)).await? else {
        return Ok(false);
    };
    if app.blobs.holds(&Blobs::photo(stream, sha256)).await? {
        return Ok(false);
    }
    tracing::error!(%stream, %sha256, "the object of a held photo is gone, it is asked for again");
    app.write(move |tx, _| {
        let (stream, hash) = (stream.to_string(), sha256.to_string());
        // Not what has come again since it was looked for.
        let mended = tx.execute(
            "UPDATE photo SET received = NULL WHERE stream = ?1 AND sha256 = ?2 AND received = ?3",
            params![&stream, &hash, held.received.0],
        )?;
        if mended > 0 {
            tx.execute(
                "DELETE FROM upload WHERE stream = ?1 AND sha256 = ?2 AND finished IS NOT NULL",
                params![&stream, &hash],
            )?;
        }
        Ok(mended > 0)
    })
    .await
}

async fn assemble(app: &App, upload: &Upload, parts: &[String]) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(upload.length).unwrap_or(0));
    for object in parts {
        bytes.extend_from_slice(&app.blobs.get(object).await?);
    }
    Ok(bytes.freeze())
}

enum Verdict {
    Photo(Bytes),
    /// Not the bytes that the entry names.
    OtherBytes,
    NoPhoto(Failure),
}

/// Hashing and walking a photo takes a moment; it is done beside the async threads.
async fn examine(app: &App, upload: &Upload, bytes: Bytes) -> Result<Verdict, Failure> {
    let (limits, sha256, length) = (limits(app), upload.sha256, upload.length);
    tokio::task::spawn_blocking(move || {
        if sabotage::is(Defect::UploadByLength) && bytes.len() as u64 == length {
            return Verdict::Photo(bytes);
        }
        if bytes.len() as u64 != length || Sha256::of(&bytes) != sha256 {
            return Verdict::OtherBytes;
        }
        match media::inspect(&bytes, &limits) {
            Ok(_) => Verdict::Photo(bytes),
            Err(error) => Verdict::NoPhoto(not_a_photo(&error)),
        }
    })
    .await
    .map_err(Failure::internal)
}

/// The photo is held: notes it, ends the upload, and says so for whatever shows how many photos have come.
fn confirm(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    id: UploadId,
    stream: StreamId,
    sha256: Sha256,
) -> Result<PhotoReceipt, Failure> {
    let (owner, hash) = (stream.to_string(), sha256.to_string());
    let news = tx.execute(
        "UPDATE photo SET received = ?3, fault = NULL WHERE stream = ?1 AND sha256 = ?2 AND received IS NULL",
        params![&owner, &hash, ctx.now.0],
    )?;
    Upload::forget_parts(tx, id)?;
    tx.execute(
        "UPDATE upload SET finished = ?2, arrived = length WHERE id = ?1 AND finished IS NULL",
        params![id.to_string(), ctx.now.0],
    )?;
    if news > 0 {
        let entries: Vec<EntryId> = tx.all(
            "SELECT DISTINCT entry FROM entry_photo WHERE stream = ?1 AND sha256 = ?2 ORDER BY entry",
            params![&owner, &hash],
            |row| row.parse("entry"),
        )?;
        for entry in entries {
            ctx.changed(Change::PhotoHeld { entry });
        }
    }
    receipt(tx, stream, sha256)?.ok_or_else(|| Failure::internal("a photo was uploaded that no entry names"))
}

/// The bytes are not those that were named: everything is sent again.
async fn start_again(app: &App, upload: &Upload) -> Result<PhotoReceipt, Failure> {
    fault(app, upload, ProblemCode::PhotoHash, |tx, id| {
        Upload::forget_parts(tx, id)?;
        tx.execute(
            "UPDATE upload SET arrived = 0 WHERE id = ?1",
            params![id.to_string()],
        )?;
        Ok(())
    })
    .await?;
    Err(Failure::of(ProblemCode::PhotoHash))
}

/// The bytes are those that were named, and no photo.
async fn refuse(app: &App, upload: &Upload, failure: &Failure) -> Result<(), Failure> {
    let code = failure.code().unwrap_or(ProblemCode::PhotoNotImage);
    fault(app, upload, code, |tx, id| Ok(Upload::remove(tx, id)?)).await
}

async fn fault(
    app: &App,
    upload: &Upload,
    code: ProblemCode,
    change: fn(&mut Tx<'_>, UploadId) -> Result<(), Failure>,
) -> Result<(), Failure> {
    metrics::counter!("xunge_photo_faults_total", "code" => code.as_str()).increment(1);
    let (id, stream, hash) = (upload.id, upload.stream.to_string(), upload.sha256.to_string());
    app.write(move |tx, _| {
        tx.execute(
            "UPDATE photo SET fault = ?3 WHERE stream = ?1 AND sha256 = ?2 AND received IS NULL",
            params![&stream, &hash, code.as_str()],
        )?;
        change(tx, id)
    })
    .await?;
    clear(app, id).await;
    Ok(())
}

/// Staging objects that no row names any more.
pub(super) async fn clear(app: &App, id: UploadId) {
    if let Err(error) = app.blobs.remove_all(&Upload::folder(id)).await {
        tracing::warn!(%error, "staging objects stay");
    }
}

//! Uploads that nobody went on with: their parts go when they expire, their rows some days later, so that the
//! handset hears "gone" and not "never heard of".

use super::{
    attachment,
    expiry::{AT_ONCE, REMEMBERED_MS, discard_all},
    finish::finish,
    upload::Upload,
};
use crate::{app::state::App, kernel::failure::Failure, params};
use protocol::{
    ids::{StreamId, UploadId},
    time::Millis,
};

/// Finishes what was left between its last byte and its receipt, drops the parts of expired uploads and
/// forgets old ones. Answers how many it dealt with.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    let now = app.clock.now();
    let complete = list(
        app,
        "SELECT id, stream FROM upload WHERE finished IS NULL AND arrived = length AND expires > ?1
         ORDER BY expires, id LIMIT ?2",
        now,
    )
    .await?;
    for (id, stream) in &complete {
        let (id, stream) = (*id, *stream);
        let upload = app.read(move |tx| Upload::load(tx, stream, id, now)).await;
        if let Ok(upload) = upload
            && let Err(failure) = finish(app, &upload).await
        {
            tracing::warn!(%failure, "an upload could not be finished");
        }
    }
    let expired = list(
        app,
        "SELECT DISTINCT u.id, u.stream FROM upload u JOIN upload_part p ON p.upload = u.id
         WHERE u.finished IS NULL AND u.expires <= ?1 ORDER BY u.id LIMIT ?2",
        now,
    )
    .await?;
    for (id, _) in &expired {
        let id = *id;
        let dropped = app
            .write(move |tx, _| Ok(Upload::drop_expired(tx, id, now)?))
            .await?;
        discard_all(app, &dropped).await;
    }
    let old = now.plus(-REMEMBERED_MS);
    let forgotten = list(
        app,
        "SELECT id, stream FROM upload WHERE expires <= ?1 ORDER BY expires, id LIMIT ?2",
        old,
    )
    .await?;
    for (id, _) in &forgotten {
        let id = *id;
        app.write(move |tx, _| Ok(Upload::remove(tx, id)?)).await?;
        app.blobs.remove_all(&Upload::folder(id)).await?;
    }
    let attachments = attachment::sweep(app).await?;
    Ok(complete.len() + expired.len() + forgotten.len() + attachments)
}

async fn list(app: &App, sql: &'static str, at: Millis) -> Result<Vec<(UploadId, StreamId)>, Failure> {
    app.read(move |tx| {
        Ok(tx.all(sql, params![at.0, AT_ONCE], |row| {
            Ok((row.parse("id")?, row.parse("stream")?))
        })?)
    })
    .await
}

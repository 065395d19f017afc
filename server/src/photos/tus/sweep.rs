//! Removes uploads that nobody continued. Their parts are deleted when they expire, their rows seven days later;
//! until then the client gets `upload.gone` and not `request.not_found`.

use super::{finish::finish, owner::Tables, receive::discard, upload::Upload};
use crate::{app::state::App, kernel::failure::Failure};
use protocol::time::Millis;

/// How long the row of an upload is kept after its expiry, in milliseconds.
const REMEMBERED_MS: i64 = 7 * 86_400_000;

/// Finishes uploads that are complete but have no receipt, deletes the parts of expired uploads and removes old uploads.
/// Returns how many uploads were handled.
pub async fn sweep(app: &App) -> Result<usize, Failure> {
    let now = app.clock.now();
    let mut handled = 0;
    for tables in Tables::ALL {
        handled += finish_complete(app, tables, now).await?;
        handled += drop_expired(app, tables, now).await?;
        handled += remove_old(app, tables, now).await?;
    }
    Ok(handled)
}

async fn finish_complete(app: &App, tables: Tables, now: Millis) -> Result<usize, Failure> {
    let complete = app.read(move |tx| Ok(tables.complete(tx, now)?)).await?;
    for (id, owner) in complete.iter().copied() {
        let upload = app.read(move |tx| Upload::load(tx, owner, id, now)).await;
        if let Ok(upload) = upload
            && let Err(failure) = finish(app, &upload).await
        {
            tracing::warn!(%failure, "an upload could not be finished");
        }
    }
    Ok(complete.len())
}

async fn drop_expired(app: &App, tables: Tables, now: Millis) -> Result<usize, Failure> {
    let expired = app.read(move |tx| Ok(tables.expired(tx, now)?)).await?;
    for (id, _) in expired.iter().copied() {
        let objects = app
            .write(move |tx, _| Ok(tables.drop_expired(tx, id, now)?))
            .await?;
        // Other objects in the folder are deleted with the row.
        discard(app, &objects).await;
    }
    Ok(expired.len())
}

async fn remove_old(app: &App, tables: Tables, now: Millis) -> Result<usize, Failure> {
    let until = now.plus(-REMEMBERED_MS);
    let old = app.read(move |tx| Ok(tables.old(tx, until)?)).await?;
    for (id, _) in old.iter().copied() {
        app.write(move |tx, _| Ok(tables.remove(tx, id)?)).await?;
        app.blobs.remove_all(&Upload::folder(id)).await?;
    }
    Ok(old.len())
}

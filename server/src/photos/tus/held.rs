//! What the owner of an upload is told once the server holds the bytes.

use super::upload::{Content, Upload};
use crate::{
    app::{object_name::ObjectName, state::App},
    kernel::failure::Failure,
    params,
    photos::attachments::Attached,
    store::{error::StoreError, tx::Tx},
};
use axum::http::HeaderName;
use protocol::{
    field::{PHOTO_RECEIPT_HEADER, PhotoReceipt},
    ids::StreamId,
    photo::Sha256,
    time::Millis,
};

/// Holds an [`Attached`] as JSON.
const ATTACHMENT_HEADER: HeaderName = HeaderName::from_static("xunge-attachment");

/// A picture that the server holds.
#[derive(Debug, Clone)]
pub(super) enum Held {
    Photo(PhotoReceipt),
    Attachment(Attached),
}

impl Held {
    /// The header that tells the client.
    pub fn header(&self) -> (HeaderName, String) {
        let (name, json) = match self {
            Self::Photo(receipt) => (
                HeaderName::from_static(PHOTO_RECEIPT_HEADER),
                serde_json::to_string(receipt),
            ),
            Self::Attachment(attached) => (ATTACHMENT_HEADER, serde_json::to_string(attached)),
        };
        (name, json.unwrap_or_default())
    }
}

/// The receipt for a photo of the stream, if the photo was received.
pub(super) fn receipt(
    tx: &mut Tx<'_>,
    stream: StreamId,
    sha256: Sha256,
) -> Result<Option<PhotoReceipt>, StoreError> {
    tx.opt(
        "SELECT size, received FROM photo WHERE stream = ?1 AND sha256 = ?2 AND received IS NOT NULL",
        params![stream.to_string(), sha256.to_string()],
        |row| {
            Ok(PhotoReceipt {
                sha256,
                size: row.get("size")?,
                received: Millis(row.get("received")?),
            })
        },
    )
}

/// What is held for an upload. A photo counts as held also when it arrived by another upload or in a parcel; an
/// attachment only when this upload is finished.
pub(super) fn held(tx: &mut Tx<'_>, upload: &Upload) -> Result<Option<Held>, StoreError> {
    Ok(match upload.content {
        Content::Photo { stream, sha256 } => receipt(tx, stream, sha256)?.map(Held::Photo),
        Content::Attachment { person, .. } => tx
            .opt(
                "SELECT a.sha256, a.size, a.width, a.height FROM attachment_upload u
                 JOIN attachment a ON a.sha256 = u.sha256 AND a.person = u.person
                 WHERE u.id = ?1 AND u.person = ?2 AND u.finished IS NOT NULL",
                params![upload.id.to_string(), person.to_string()],
                |row| {
                    Ok(Attached {
                        sha256: row.parse("sha256")?,
                        size: row.get("size")?,
                        width: row.get("width")?,
                        height: row.get("height")?,
                    })
                },
            )?
            .map(Held::Attachment),
    })
}

/// Call before repeating an old receipt. Returns true if the object was missing and the row was reset.
///
/// The object of a received photo is missing after the object store was restored from an older backup than the database.
/// The photo then counts as not received and its finished uploads are removed, so that the terminal sends it again.
pub(super) async fn reset_if_lost(app: &App, content: Content) -> Result<bool, Failure> {
    let (stream, sha256) = match content {
        Content::Photo { stream, sha256 } => (stream, sha256),
        Content::Attachment { .. } => return Ok(false),
    };
    let Some(held) = app.read(move |tx| Ok(receipt(tx, stream, sha256)?)).await? else {
        return Ok(false);
    };
    if app.blobs.holds(&ObjectName::Photo { stream, sha256 }).await? {
        return Ok(false);
    }
    tracing::error!(%stream, %sha256, "the object of a received photo is missing; it has to be sent again");
    app.write(move |tx, _| {
        let (stream, hash) = (stream.to_string(), sha256.to_string());
        // Not a photo that was received again after the check.
        let reset = tx.execute(
            "UPDATE photo SET received = NULL WHERE stream = ?1 AND sha256 = ?2 AND received = ?3",
            params![&stream, &hash, held.received.0],
        )?;
        if reset > 0 {
            tx.execute(
                "DELETE FROM upload WHERE stream = ?1 AND sha256 = ?2 AND finished IS NOT NULL",
                params![&stream, &hash],
            )?;
        }
        Ok(reset > 0)
    })
    .await
}

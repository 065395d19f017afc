//! What is shown of a picture that staff attached: upright, without metadata, at most as large as a document needs. The bytes
//! that were sent are kept as evidence under their own hash, and nobody is served them
//! (docs/adr/0023-doubts-about-photos.md).

use super::checks::{limits, not_a_photo};
use crate::{
    app::{object_name::ObjectName, state::App},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx, value::Row},
};
use bytes::Bytes;
use media::{Fingerprint, PrepareOptions, PreparedPhoto, Stamp};
use protocol::photo::Sha256;
use serde::{Deserialize, Serialize};

/// The picture that is shown of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ShownPicture {
    /// Hash of its bytes, a JPEG.
    pub sha256: Sha256,
    pub size: u64,
    pub width: u32,
    pub height: u32,
    /// The perceptual hash of a picture that was made just now and has one.
    #[serde(skip)]
    pub(super) print: Option<Fingerprint>,
}

impl ShownPicture {
    /// Reads the columns `shown_sha256`, `shown_size`, `shown_width` and `shown_height`; `None` for an attachment from
    /// before them.
    pub(super) fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(sha256) = row.parse_opt("shown_sha256")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            sha256,
            size: row.get("shown_size")?,
            width: row.get("shown_width")?,
            height: row.get("shown_height")?,
            print: None,
        }))
    }
}

/// Large enough to read a photographed document.
const OPTIONS: PrepareOptions = PrepareOptions {
    spare_font: None,
    longest_side: 2400,
    shorter_side: 1080,
    max_pixels: 8_000_000,
    quality: 85,
    thumbnail_side: 320,
};

/// Makes the picture and its thumbnail and stores both. The caller holds a permit to assemble, which bounds the memory.
///
/// # Errors
/// `photo.*` if the bytes cannot be decoded.
pub(super) async fn make(app: &App, bytes: Bytes) -> Result<ShownPicture, Failure> {
    let (prepared, print) = prepared(app, bytes).await?;
    let shown = ShownPicture {
        sha256: Sha256(prepared.sha256),
        size: prepared.jpeg.len() as u64,
        width: prepared.width,
        height: prepared.height,
        print,
    };
    let sha256 = shown.sha256;
    let thumbnail = ObjectName::AttachmentThumbnail { sha256 };
    app.blobs
        .put_durable(&thumbnail, prepared.thumbnail.into())
        .await?;
    let view = ObjectName::AttachmentView { sha256 };
    app.blobs.put_durable(&view, prepared.jpeg.into()).await?;
    Ok(shown)
}

/// Makes a thumbnail of a photo.
pub(super) async fn thumbnail(app: &App, bytes: Bytes) -> Result<Bytes, Failure> {
    let _room = app.blobs.assembling().await?;
    Ok(prepared(app, bytes).await?.0.thumbnail.into())
}

async fn prepared(app: &App, bytes: Bytes) -> Result<(PreparedPhoto, Option<Fingerprint>), Failure> {
    let limits = limits(app);
    tokio::task::spawn_blocking(move || {
        let prepared = media::prepare(&bytes, &limits, &Stamp::default(), &OPTIONS)?;
        let print = media::fingerprint(&prepared.jpeg, &limits)?;
        Ok((prepared, print))
    })
    .await
    .map_err(Failure::internal)?
    .map_err(|error| not_a_photo(&error))
}

/// Returns the picture that is shown of an attachment; makes it for one from before it was made at arrival.
pub(super) async fn of_attachment(app: &App, sha256: Sha256) -> Result<ShownPicture, Failure> {
    if let Some(shown) = app.read(move |tx| Ok(find(tx, sha256)?)).await? {
        return Ok(shown);
    }
    let _room = app.blobs.assembling().await?;
    let bytes = app.blobs.get(&ObjectName::Attachment { sha256 }).await?;
    let shown = make(app, bytes).await?;
    let made = shown.clone();
    app.write(move |tx, _| Ok(record(tx, sha256, &made)?)).await?;
    Ok(shown)
}

fn record(tx: &mut Tx<'_>, sha256: Sha256, shown: &ShownPicture) -> Result<(), StoreError> {
    tx.run(
        "UPDATE attachment SET shown_sha256 = ?2, shown_size = ?3, shown_width = ?4, shown_height = ?5
         WHERE sha256 = ?1 AND shown_sha256 IS NULL",
        params![
            sha256.to_string(),
            shown.sha256.to_string(),
            i64::try_from(shown.size).unwrap_or(i64::MAX),
            shown.width,
            shown.height
        ],
    )?;
    Ok(())
}

/// Returns the picture that is shown of an attachment, if it was made.
pub(crate) fn find(tx: &mut Tx<'_>, sha256: Sha256) -> Result<Option<ShownPicture>, StoreError> {
    let found = tx.opt(
        "SELECT shown_sha256, shown_size, shown_width, shown_height FROM attachment
         WHERE sha256 = ?1 AND shown_sha256 IS NOT NULL ORDER BY person LIMIT 1",
        params![sha256.to_string()],
        ShownPicture::read,
    )?;
    Ok(found.flatten())
}

/// Returns the hash under which handsets get an attachment: of the shown picture, or of the attachment if none was made.
pub fn hash_for_handsets(tx: &mut Tx<'_>, sha256: Sha256) -> Result<Sha256, StoreError> {
    Ok(find(tx, sha256)?.map_or(sha256, |shown| shown.sha256))
}

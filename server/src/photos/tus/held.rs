//! The receipt that the owner of an upload gets once the server holds the bytes.

use crate::{
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
pub(super) enum HeldPicture {
    Photo(PhotoReceipt),
    Attachment(Attached),
}

impl HeldPicture {
    /// Returns the header that carries the receipt.
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

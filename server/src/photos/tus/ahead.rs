//! What the handlers read first, read in the transaction that looks the token up.

use super::{
    held::HeldPicture,
    owner::Owner,
    parts::Part,
    upload::{Upload, UploadContent},
    wire,
};
use crate::{app::state::App, http::operation::Look, kernel::failure::Failure, store::tx::Tx};
use axum::{
    extract::Request,
    http::{Extensions, Method},
};
use protocol::{ids::UploadId, time::Millis};

/// An upload as it is when a request comes.
#[derive(Debug, Clone)]
pub(super) struct LoadedUpload {
    pub upload: Upload,
    /// Its last part; the bytes of the request may be appended to it.
    pub last: Option<Part>,
    /// Set if the server holds the picture.
    pub held: Option<HeldPicture>,
}

impl LoadedUpload {
    /// The errors are those of [`Upload::load`].
    pub fn read(tx: &mut Tx<'_>, owner: Owner, id: UploadId, now: Millis) -> Result<Self, Failure> {
        let upload = Upload::load(tx, owner, id, now)?;
        let (last, held) = (owner.tables().last_part(tx, id)?, upload.held(tx)?);
        Ok(Self { upload, last, held })
    }
}

/// What was read ahead for a request, in its extensions.
#[derive(Debug, Clone)]
pub(in crate::photos) struct ReadAhead(pub(super) AheadOf);

/// See [`ReadAhead`].
#[derive(Debug, Clone)]
pub(super) enum AheadOf {
    /// [`UploadContent::check`] for a creation.
    Creation {
        content: UploadContent,
        length: u64,
        checked: Result<Option<HeldPicture>, Failure>,
    },
    /// [`LoadedUpload::read`] for a PATCH or HEAD.
    Upload {
        id: UploadId,
        loaded: Result<LoadedUpload, Failure>,
    },
}

/// Reads for a request of a terminal. A request whose head is wrong reads nothing: its handler says what is wrong.
pub(in crate::photos) fn look(app: &App, request: &Request) -> Option<Look> {
    let headers = request.headers();
    wire::check_version(headers).ok()?;
    match *request.method() {
        Method::POST if wire::is_chunk(headers) => {
            let length = wire::number(headers, &wire::UPLOAD_LENGTH).ok()??;
            let sha256 = wire::named_hash(wire::text(headers, &wire::UPLOAD_METADATA)?).ok()?;
            Some(Box::new(move |tx, stream| {
                let content = UploadContent::Photo { stream, sha256 };
                let checked = content.check(tx, length);
                let ahead = AheadOf::Creation {
                    content,
                    length,
                    checked,
                };
                in_extensions(ahead)
            }))
        }
        Method::PATCH | Method::HEAD => {
            let id: UploadId = request.uri().path().rsplit('/').next()?.parse().ok()?;
            let now = app.clock.now();
            Some(Box::new(move |tx, stream| {
                let loaded = LoadedUpload::read(tx, Owner::Stream(stream), id, now);
                in_extensions(AheadOf::Upload { id, loaded })
            }))
        }
        _ => None,
    }
}

fn in_extensions(ahead: AheadOf) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(ReadAhead(ahead));
    extensions
}

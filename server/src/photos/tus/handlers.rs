//! The operations of tus, for either owner.

use super::{
    ahead::{AheadOf, LoadedUpload},
    finish::finish,
    held::HeldPicture,
    lost::reset_if_lost,
    owner::Owner,
    receive::{receive, register},
    reject::delete_staging,
    target::{ReceivedBody, Target},
    upload::{Upload, UploadContent, expiry},
    wire::{self, Checksum, empty, text},
};
use crate::{app::state::App, kernel::failure::Failure};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use protocol::{ids::UploadId, planted, problem::ProblemCode};

/// POST on the collection: begins an upload; stores the body, if there is one, as its first bytes. A client that sent the
/// first bytes with an earlier creation and never saw its answer says so (metadata `resume`) and sends no body: it gets the
/// upload that holds most of the bytes, with its offset, so that no byte travels twice.
pub(super) async fn create(
    app: &App,
    owner: Owner,
    headers: &HeaderMap,
    ahead: Option<AheadOf>,
    body: Body,
) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    if headers.contains_key(wire::UPLOAD_DEFER_LENGTH) {
        return Err(wire::malformed(owner.no_deferred_length()));
    }
    let length = wire::number(headers, &wire::UPLOAD_LENGTH)?
        .ok_or_else(|| wire::malformed("upload-length is missing"))?;
    if length > app.settings.photo_bytes {
        let detail = format!("{length} bytes, at most {}", app.settings.photo_bytes);
        return Err(Failure::because(ProblemCode::PhotoSize, detail));
    }
    let metadata = text(headers, &wire::UPLOAD_METADATA)
        .unwrap_or_default()
        .to_owned();
    let content = match owner {
        Owner::Stream(stream) => UploadContent::Photo {
            stream,
            sha256: wire::named_hash(&metadata)?,
        },
        Owner::Person(person) => UploadContent::Attachment {
            person,
            sha256: match metadata.as_str() {
                "" => None,
                metadata => wire::hash_in(metadata)?,
            },
        },
    };
    if length == 0 {
        return Err(Failure::of(ProblemCode::PhotoEmpty));
    }
    let checksum = Checksum::of(headers)?;
    let mut ctx = app.ctx();
    let upload = Upload {
        id: ctx.upload_id(),
        content,
        length,
        arrived: 0,
        metadata,
        expires: expiry(ctx.now, app.settings.upload_hours),
        finished: None,
    };
    let mut held = match ahead {
        Some(AheadOf::Creation {
            content: of,
            length: bytes,
            checked,
        }) if (of, bytes) == (content, length) => checked?,
        _ => app.read(move |tx| content.check(tx, length)).await?,
    };
    if reset_if_lost(app, content, held.as_ref()).await? {
        held = None;
    }
    if held.is_some() || !wire::is_chunk(headers) {
        if held.is_none() && wire::resumes(&upload.metadata) {
            let again = upload.clone();
            if let Some(begun) = app.read(move |tx| again.begun_before(tx, ctx.now)).await? {
                return Ok(created(&begun, None));
            }
        }
        let registered = register(app, upload).await?;
        return Ok(created(&registered.upload, registered.held.as_ref()));
    }
    let id = upload.id;
    let target = Target {
        upload,
        is_registered: false,
        is_held: false,
        last: None,
        checksum,
    };
    match take(app, target, body).await {
        Ok(received) => Ok(created(&received.upload, received.held.as_ref())),
        Err(failure) => {
            // The client never learns the id of an upload whose first bytes were refused.
            app.write(move |tx, _| Ok(owner.tables().remove(tx, id)?)).await?;
            delete_staging(app, id).await;
            Err(failure)
        }
    }
}

/// HEAD: returns the current offset of an upload, and the receipt once the upload is complete.
pub(super) async fn current_offset(
    app: &App,
    owner: Owner,
    id: UploadId,
    headers: &HeaderMap,
    ahead: Option<AheadOf>,
) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    let loaded = loaded(app, owner, id, ahead).await?;
    let (mut upload, mut held) = (loaded.upload, None);
    if reset_if_lost(app, upload.content, loaded.held.as_ref()).await? {
        upload = load(app, owner, id).await?.upload;
    }
    if upload.arrived == upload.length {
        // Also needed if the server stopped between the last byte and its answer.
        match finish(app, &upload).await {
            Ok(finished) => held = Some(finished),
            Err(failure) if failure.code() == Some(ProblemCode::PhotoHash) => {
                upload = load(app, owner, id).await?.upload;
            }
            Err(failure) => return Err(failure),
        }
    }
    planted!(OffsetLies => upload.arrived += u64::from((2..upload.length).contains(&(upload.arrived + 1))));
    let about = [
        (wire::UPLOAD_LENGTH, upload.length.to_string()),
        (wire::UPLOAD_METADATA, upload.metadata.clone()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let about = about.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(empty(
        StatusCode::OK,
        progress(&upload, held.as_ref()).chain(about),
    ))
}

/// PATCH: appends the body at the current offset.
pub(super) async fn patch(
    app: &App,
    owner: Owner,
    id: UploadId,
    headers: &HeaderMap,
    ahead: Option<AheadOf>,
    body: Body,
) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    if !wire::is_chunk(headers) {
        return Err(Failure::of(ProblemCode::UnsupportedMedia));
    }
    let offset = wire::number(headers, &wire::UPLOAD_OFFSET)?
        .ok_or_else(|| wire::malformed("upload-offset is missing"))?;
    let checksum = Checksum::of(headers)?;
    let LoadedUpload { upload, last, held } = loaded(app, owner, id, ahead).await?;
    if offset != upload.arrived {
        let detail = format!("the upload stands at {}", upload.arrived);
        return Err(Failure::because(ProblemCode::UploadOffset, detail));
    }
    let is_lost = reset_if_lost(app, upload.content, held.as_ref()).await?;
    let announced = wire::number(headers, &header::CONTENT_LENGTH)?;
    if announced.is_some_and(|bytes| bytes > upload.length - upload.arrived) {
        return Err(Failure::because(
            ProblemCode::PhotoSize,
            "more bytes than Upload-Length says",
        ));
    }
    let target = Target {
        upload,
        is_registered: true,
        is_held: held.is_some() && !is_lost,
        last,
        checksum,
    };
    let received = take(app, target, body).await?;
    let progress = progress(&received.upload, received.held.as_ref());
    Ok(empty(StatusCode::NO_CONTENT, progress))
}

/// DELETE: removes the upload. A photo or attachment that is held stays.
pub(super) async fn terminate(
    app: &App,
    owner: Owner,
    id: UploadId,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    app.write(move |tx, ctx| {
        Upload::load(tx, owner, id, ctx.now)?;
        Ok(owner.tables().remove(tx, id)?)
    })
    .await?;
    app.blobs.remove_all(&Upload::folder(id)).await?;
    Ok(empty(StatusCode::NO_CONTENT, []))
}

/// POST on an upload: runs the method that `X-HTTP-Method-Override` names.
pub(super) async fn overridden(
    app: &App,
    owner: Owner,
    id: UploadId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    match text(headers, &wire::METHOD_OVERRIDE) {
        Some("PATCH") => patch(app, owner, id, headers, None, body).await,
        Some("DELETE") => terminate(app, owner, id, headers).await,
        Some("HEAD") => current_offset(app, owner, id, headers, None).await,
        _ => Err(Failure::of(ProblemCode::MethodNotAllowed)),
    }
}

async fn load(app: &App, owner: Owner, id: UploadId) -> Result<LoadedUpload, Failure> {
    let now = app.clock.now();
    app.read(move |tx| LoadedUpload::read(tx, owner, id, now)).await
}

/// [`load`], unless it was done ahead.
async fn loaded(
    app: &App,
    owner: Owner,
    id: UploadId,
    ahead: Option<AheadOf>,
) -> Result<LoadedUpload, Failure> {
    match ahead {
        Some(AheadOf::Upload { id: of, loaded }) if of == id => loaded,
        _ => load(app, owner, id).await,
    }
}

/// Receives a body that begins at the current offset, and finishes the upload with its last byte.
async fn take(app: &App, target: Target, body: Body) -> Result<ReceivedBody, Failure> {
    let mut received = receive(app, target, body).await?;
    if received.held.is_none() && received.upload.arrived == received.upload.length {
        received.held = Some(finish(app, &received.upload).await?);
    }
    Ok(received)
}

/// Returns the headers with the progress of an upload: the offset, and either the receipt or the expiry.
fn progress(
    upload: &Upload,
    held: Option<&HeldPicture>,
) -> impl Iterator<Item = (HeaderName, String)> + use<> {
    let end = held.map_or_else(
        || (wire::UPLOAD_EXPIRES, wire::http_date(upload.expires)),
        HeldPicture::header,
    );
    [(wire::UPLOAD_OFFSET, upload.arrived.to_string()), end].into_iter()
}

fn created(upload: &Upload, held: Option<&HeldPicture>) -> Response {
    let route = upload.content.owner().route();
    let location = (header::LOCATION, format!("{route}/{}", upload.id));
    empty(StatusCode::CREATED, progress(upload, held).chain([location]))
}

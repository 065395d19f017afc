//! The routes of tus.

use super::{
    finish::{finish, mend_if_lost},
    receive::{Target, enter, receive},
    upload::{Upload, expiry},
    wire::{self, Checksum, answer, empty, text},
};
use crate::{app::state::App, auth::actor::Field, http::body::Path, kernel::failure::Failure};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use protocol::{
    field::{PHOTO_RECEIPT_HEADER, PhotoReceipt},
    ids::UploadId,
    problem::{Problem, ProblemCode},
    sabotage::{self, Defect},
};

/// What this server speaks.
#[utoipa::path(
    options, path = "/v1/field/photos", tag = "field",
    responses((status = 204, description = "`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`"))
)]
pub(in crate::photos) async fn options(State(app): State<App>) -> Response {
    wire::spoken(app.settings.photo_bytes)
}

/// Begins the upload of a photo that an entry in custody names.
///
/// `Upload-Metadata` holds `sha256`, `Upload-Length` is the named size. A body is taken as the first bytes. For
/// a photo that is held already the upload is complete at once and the receipt comes with it.
#[utoipa::path(
    post, path = "/v1/field/photos", tag = "field",
    params(
        ("tus-resumable" = String, Header), ("upload-length" = u64, Header), ("upload-metadata" = String, Header),
    ),
    responses(
        (status = 201, description = "`Location`, `Upload-Offset`, `Upload-Expires` or `xunge-photo-receipt`"),
        (status = 400, body = Problem), (status = 412, body = Problem),
        (status = 413, body = Problem, description = "`photo.size`"),
        (status = 422, body = Problem, description = "`photo.unnamed`, `photo.empty`"),
    )
)]
pub(in crate::photos) async fn create(
    State(app): State<App>,
    field: Field,
    headers: HeaderMap,
    body: Body,
) -> Response {
    answer(begin(&app, &field, &headers, body).await)
}

/// Where an upload stands.
#[utoipa::path(
    head, path = "/v1/field/photos/{upload}", tag = "field",
    params(("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header)),
    responses(
        (status = 200, description = "`Upload-Offset`, `Upload-Length`; `xunge-photo-receipt` when finished"),
        (status = 404), (status = 410), (status = 412),
    )
)]
pub(in crate::photos) async fn head(
    State(app): State<App>,
    field: Field,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    answer(look(&app, &field, upload, &headers).await)
}

/// Goes on with an upload. What arrived of a body that was cut off is kept.
#[utoipa::path(
    patch, path = "/v1/field/photos/{upload}", tag = "field",
    params(
        ("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header), ("upload-offset" = u64, Header),
        ("upload-checksum" = Option<String>, Header),
    ),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "`Upload-Offset`, `Upload-Expires`; `xunge-photo-receipt` with the last byte"),
        (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`upload.offset`"),
        (status = 410, body = Problem, description = "`upload.gone`"),
        (status = 412, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem, description = "`photo.hash_mismatch`, `photo.not_an_image` …"),
        (status = 460, body = Problem, description = "`upload.checksum`"),
    )
)]
pub(in crate::photos) async fn patch(
    State(app): State<App>,
    field: Field,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    answer(go_on(&app, &field, upload, &headers, body).await)
}

/// Gives an upload up. A photo that is held stays.
#[utoipa::path(
    delete, path = "/v1/field/photos/{upload}", tag = "field",
    params(("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header)),
    responses((status = 204), (status = 404, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem))
)]
pub(in crate::photos) async fn terminate(
    State(app): State<App>,
    field: Field,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    answer(give_up(&app, &field, upload, &headers).await)
}

/// PATCH, DELETE or HEAD for clients behind something that lets only POST through (`X-HTTP-Method-Override`).
#[utoipa::path(
    post, path = "/v1/field/photos/{upload}", tag = "field",
    params(
        ("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header), ("x-http-method-override" = String, Header),
    ),
    responses(
        (status = 200), (status = 204), (status = 400), (status = 405), (status = 410), (status = 412), (status = 413),
        (status = 415), (status = 460),
    )
)]
pub(in crate::photos) async fn overridden(
    State(app): State<App>,
    field: Field,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    answer(match text(&headers, &wire::METHOD_OVERRIDE) {
        Some("PATCH") => go_on(&app, &field, upload, &headers, body).await,
        Some("DELETE") => give_up(&app, &field, upload, &headers).await,
        Some("HEAD") => look(&app, &field, upload, &headers).await,
        _ => Err(Failure::of(ProblemCode::MethodNotAllowed)),
    })
}

async fn begin(app: &App, field: &Field, headers: &HeaderMap, body: Body) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    if headers.contains_key(wire::UPLOAD_DEFER_LENGTH) {
        return Err(wire::malformed(
            "upload-defer-length: the entry says how long the photo is",
        ));
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
    let sha256 = wire::named_hash(&metadata)?;
    if length == 0 {
        return Err(Failure::of(ProblemCode::PhotoEmpty));
    }
    let checksum = Checksum::of(headers)?;
    let mut ctx = app.ctx();
    let upload = Upload {
        id: ctx.upload_id(),
        stream: field.stream,
        sha256,
        length,
        arrived: 0,
        metadata,
        expires: expiry(ctx.now, app.settings.upload_hours),
        finished: None,
    };
    mend_if_lost(app, upload.stream, sha256).await?;
    let announced = upload.clone();
    let held = app.read(move |tx| announced.check(tx)).await?;
    if held.is_some() || !wire::is_chunk(headers) {
        let entered = enter(app, upload).await?;
        return Ok(created(&entered.upload, entered.held.as_ref()));
    }
    let id = upload.id;
    let target = Target {
        upload,
        is_entered: false,
        checksum,
    };
    match take(app, target, body).await {
        Ok((upload, receipt)) => Ok(created(&upload, receipt.as_ref())),
        Err(failure) => {
            // Nobody learns of an upload whose first bytes were refused.
            app.write(move |tx, _| Ok(Upload::remove(tx, id)?)).await?;
            app.blobs.remove_all(&Upload::folder(id)).await?;
            Err(failure)
        }
    }
}

/// Takes a body that begins where the upload stands.
async fn take(app: &App, target: Target, body: Body) -> Result<(Upload, Option<PhotoReceipt>), Failure> {
    let upload = receive(app, target, body).await?;
    let receipt = if upload.arrived == upload.length {
        Some(finish(app, &upload).await?)
    } else {
        None
    };
    Ok((upload, receipt))
}

async fn load(app: &App, field: &Field, id: UploadId) -> Result<Upload, Failure> {
    let (stream, now) = (field.stream, app.clock.now());
    app.read(move |tx| Upload::load(tx, stream, id, now)).await
}

async fn look(app: &App, field: &Field, id: UploadId, headers: &HeaderMap) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    let mut upload = load(app, field, id).await?;
    let mut held = None;
    if mend_if_lost(app, upload.stream, upload.sha256).await? {
        upload = load(app, field, id).await?;
    }
    if upload.arrived == upload.length {
        // Also when the server died between the last byte and the receipt.
        match finish(app, &upload).await {
            Ok(receipt) => held = Some(receipt),
            Err(failure) if failure.code() == Some(ProblemCode::PhotoHash) => {
                upload = load(app, field, id).await?;
            }
            Err(failure) => return Err(failure),
        }
    }
    if sabotage::is(Defect::OffsetLies) && (1..upload.length - 1).contains(&upload.arrived) {
        upload.arrived += 1;
    }
    let mut response = empty(
        StatusCode::OK,
        standing(&upload, held.as_ref()).chain([
            (wire::UPLOAD_LENGTH, upload.length.to_string()),
            (wire::UPLOAD_METADATA, upload.metadata.clone()),
        ]),
    );
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    Ok(response)
}

async fn go_on(
    app: &App,
    field: &Field,
    id: UploadId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    if !wire::is_chunk(headers) {
        return Err(Failure::of(ProblemCode::UnsupportedMedia));
    }
    let offset = wire::number(headers, &wire::UPLOAD_OFFSET)?
        .ok_or_else(|| wire::malformed("upload-offset is missing"))?;
    let checksum = Checksum::of(headers)?;
    let upload = load(app, field, id).await?;
    if offset != upload.arrived {
        let detail = format!("the upload stands at {}", upload.arrived);
        return Err(Failure::because(ProblemCode::UploadOffset, detail));
    }
    mend_if_lost(app, upload.stream, upload.sha256).await?;
    let announced = wire::number(headers, &header::CONTENT_LENGTH)?;
    if announced.is_some_and(|bytes| bytes > upload.length - upload.arrived) {
        return Err(Failure::because(
            ProblemCode::PhotoSize,
            "more bytes than Upload-Length says",
        ));
    }
    let target = Target {
        upload,
        is_entered: true,
        checksum,
    };
    let (upload, receipt) = take(app, target, body).await?;
    Ok(empty(StatusCode::NO_CONTENT, standing(&upload, receipt.as_ref())))
}

async fn give_up(app: &App, field: &Field, id: UploadId, headers: &HeaderMap) -> Result<Response, Failure> {
    wire::check_version(headers)?;
    let stream = field.stream;
    app.write(move |tx, ctx| {
        Upload::load(tx, stream, id, ctx.now)?;
        Ok(Upload::remove(tx, id)?)
    })
    .await?;
    app.blobs.remove_all(&Upload::folder(id)).await?;
    Ok(empty(StatusCode::NO_CONTENT, []))
}

/// Offset, and either until when the upload waits or the receipt.
fn standing(
    upload: &Upload,
    receipt: Option<&PhotoReceipt>,
) -> impl Iterator<Item = (HeaderName, String)> + use<> {
    let ends = match receipt.map(serde_json::to_string) {
        Some(receipt) => (
            HeaderName::from_static(PHOTO_RECEIPT_HEADER),
            receipt.unwrap_or_default(),
        ),
        None => (wire::UPLOAD_EXPIRES, wire::http_date(upload.expires)),
    };
    [(wire::UPLOAD_OFFSET, upload.arrived.to_string()), ends].into_iter()
}

fn created(upload: &Upload, receipt: Option<&PhotoReceipt>) -> Response {
    let location = (header::LOCATION, format!("/v1/field/photos/{}", upload.id));
    empty(StatusCode::CREATED, standing(upload, receipt).chain([location]))
}

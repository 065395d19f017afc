//! The routes of tus for terminals. Their doc comments are the texts of the API description.

use super::{ahead::ReadAhead, handlers, owner::Owner, wire};
use crate::{app::state::App, auth::actor::FieldStream, http::body::Path};
use axum::{Extension, body::Body, extract::State, http::HeaderMap, response::Response};
use protocol::{ids::UploadId, problem::Problem};

/// Supported versions and extensions of the tus protocol.
#[utoipa::path(
    options, path = "/v1/field/photos", tag = "field",
    responses((status = 204, description = "`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`"))
)]
pub(in crate::photos) async fn options(State(app): State<App>) -> Response {
    wire::options(app.settings.photo_bytes)
}

/// Creates a tus upload of a photo that an entry in custody refers to.
///
/// `Upload-Metadata` contains `sha256`; `Upload-Length` is the size that the entry states. A request body is stored
/// as the first bytes. If the server already holds the photo, the upload is complete at once and the answer contains
/// the receipt.
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
    field: FieldStream,
    ahead: Option<Extension<ReadAhead>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    wire::answer(
        handlers::create(
            &app,
            Owner::Stream(field.stream),
            &headers,
            ahead.map(|ahead| ahead.0.0),
            body,
        )
        .await,
    )
}

/// Returns the offset of an upload.
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
    field: FieldStream,
    Path(upload): Path<UploadId>,
    ahead: Option<Extension<ReadAhead>>,
    headers: HeaderMap,
) -> Response {
    wire::answer(
        handlers::current_offset(
            &app,
            Owner::Stream(field.stream),
            upload,
            &headers,
            ahead.map(|ahead| ahead.0.0),
        )
        .await,
    )
}

/// Appends bytes to an upload. If the request body is cut off, the bytes that arrived are kept.
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
    field: FieldStream,
    Path(upload): Path<UploadId>,
    ahead: Option<Extension<ReadAhead>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    wire::answer(
        handlers::patch(
            &app,
            Owner::Stream(field.stream),
            upload,
            &headers,
            ahead.map(|ahead| ahead.0.0),
            body,
        )
        .await,
    )
}

/// Terminates an upload. A photo that is already stored is kept.
#[utoipa::path(
    delete, path = "/v1/field/photos/{upload}", tag = "field",
    params(("upload" = inline(UploadId), Path), ("tus-resumable" = String, Header)),
    responses((status = 204), (status = 404, body = Problem), (status = 410, body = Problem), (status = 412, body = Problem))
)]
pub(in crate::photos) async fn terminate(
    State(app): State<App>,
    field: FieldStream,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
) -> Response {
    wire::answer(handlers::terminate(&app, Owner::Stream(field.stream), upload, &headers).await)
}

/// PATCH, DELETE or HEAD for clients behind a proxy that allows only POST (`X-HTTP-Method-Override`).
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
    field: FieldStream,
    Path(upload): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    wire::answer(handlers::overridden(&app, Owner::Stream(field.stream), upload, &headers, body).await)
}
